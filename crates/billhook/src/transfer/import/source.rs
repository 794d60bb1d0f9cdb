//! The file of an import. It is read twice from its beginning, and must not change in between.

use std::{
    cell::Cell,
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek as _},
    os::unix::fs::FileExt as _,
    path::Path,
    rc::Rc,
    time::SystemTime,
};

use encoding_rs::{Encoding, UTF_8};

use super::decode::Decoded;

const BUFFER_BYTES: usize = 256 << 10;
/// The first bytes of Excel's files: current ones, and those from before 2007.
const WORKBOOKS: [[u8; 4]; 2] = [*b"PK\x03\x04", *b"\xd0\xcf\x11\xe0"];

/// A file that can be read several times.
pub(super) struct Source {
    file: File,
    bytes: u64,
    modified: Option<SystemTime>,
}

pub(super) struct Text {
    /// The text in UTF-8. Bytes that can't be decoded become a byte that is not UTF-8.
    pub(super) reader: Box<dyn BufRead>,
    /// The source's encoding.
    pub(super) encoding: &'static Encoding,
}

impl Source {
    /// Opens a file, or standard input. A pipe is copied to a temporary file without a name.
    pub(super) fn open(path: Option<&Path>) -> io::Result<Self> {
        let file = match path {
            None => spool(&mut io::stdin().lock())?,
            Some(path) => {
                let mut file = File::open(path)?;
                let kind = file.metadata()?.file_type();
                if kind.is_dir() {
                    return Err(io::ErrorKind::IsADirectory.into());
                }
                if kind.is_file() { file } else { spool(&mut file)? }
            }
        };
        let mut start = [0; 4];
        // A shorter file is no workbook.
        if file.read_exact_at(&mut start, 0).is_ok() && WORKBOOKS.contains(&start) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "an Excel workbook: save it as CSV"));
        }
        let metadata = file.metadata()?;
        Ok(Self { bytes: metadata.len(), modified: metadata.modified().ok(), file })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether size and time are the same as when it was opened.
    pub(super) fn is_unchanged(&self) -> io::Result<bool> {
        let metadata = self.file.metadata()?;
        Ok(metadata.len() == self.bytes && metadata.modified().ok() == self.modified)
    }

    /// Starts to read from the beginning. `done` counts the file's bytes. A byte order mark is removed and
    /// overrides `encoding`; without either the text is UTF-8.
    pub(super) fn text(&self, encoding: Option<&'static Encoding>, done: &Rc<Cell<u64>>) -> io::Result<Text> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        done.set(0);
        let mut raw = BufReader::with_capacity(BUFFER_BYTES, Counted { file, done: Rc::clone(done) });
        let (encoding, mark_bytes) =
            Encoding::for_bom(raw.fill_buf()?).unwrap_or((encoding.unwrap_or(UTF_8), 0));
        raw.consume(mark_bytes);
        let reader: Box<dyn BufRead> = if encoding == UTF_8 {
            Box::new(raw)
        } else {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, Decoded::new(raw, encoding)))
        };
        Ok(Text { reader, encoding })
    }
}

/// Copies a source that can be read only once.
fn spool(from: &mut impl Read) -> io::Result<File> {
    let mut file = tempfile::tempfile().map_err(|error| in_temporary_file(&error))?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let bytes = match from.read(&mut buffer) {
            Ok(0) => return Ok(file),
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        io::Write::write_all(&mut file, buffer.get(..bytes).unwrap_or_default())
            .map_err(|error| in_temporary_file(&error))?;
    }
}

fn in_temporary_file(error: &io::Error) -> io::Error {
    let folder = std::env::temp_dir();
    let text = format!("the temporary file in {} (TMPDIR names another folder): {error}", folder.display());
    io::Error::new(error.kind(), text)
}

struct Counted {
    file: File,
    done: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let bytes = self.file.read(out)?;
        self.done.set(self.done.get() + bytes as u64);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, os::fd::AsRawFd as _};

    use super::*;

    #[test]
    fn a_pipe_can_be_read_twice() {
        let (reader, mut writer) = io::pipe().unwrap();
        let path = format!("/proc/self/fd/{}", reader.as_raw_fd());
        let text = vec![b'x'; 3 * BUFFER_BYTES];
        let written = text.clone();
        let source = std::thread::scope(|scope| {
            scope.spawn(move || writer.write_all(&written).unwrap());
            Source::open(Some(Path::new(&path))).unwrap()
        });
        let done = Rc::new(Cell::new(0));
        for _ in 0..2 {
            let mut read = Vec::new();
            source.text(None, &done).unwrap().reader.read_to_end(&mut read).unwrap();
            assert_eq!(
                (read.len(), done.get(), source.bytes()),
                (text.len(), text.len() as u64, text.len() as u64)
            );
        }
        assert!(source.is_unchanged().unwrap());
    }

    #[test]
    fn a_workbook_is_no_source() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orders.csv");
        for (start, refused) in [
            (&b"PK\x03\x04\x14"[..], true),
            (b"\xd0\xcf\x11\xe0", true),
            (b"PK\x03", false),
            (b"PK,id", false),
        ] {
            std::fs::write(&path, start).unwrap();
            let said = Source::open(Some(&path)).map(|_| ()).map_err(|error| error.to_string());
            let expected = if refused { Err("an Excel workbook: save it as CSV".to_owned()) } else { Ok(()) };
            assert_eq!(said, expected, "{start:?}");
        }
    }

    #[test]
    fn a_folder_is_no_source() {
        let folder = tempfile::tempdir().unwrap();
        let error = Source::open(Some(folder.path())).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
    }
}
