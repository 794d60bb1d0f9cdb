//! The checksum at the end of a backup's file. SQLite and older programs ignore it.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::FileExt as _,
};

use sha2::{Digest as _, Sha256};

use super::throttle::Throttle;

/// The text before the digest, and the digest's length in hexadecimal.
const WORDS: &str = "\nA backup by Billhook. SHA-256 of all before this line: ";
const DIGEST_BYTES: usize = 64;
/// The length of the seal; its last byte is a line end.
const CHECKSUM_BYTES: usize = WORDS.len() + DIGEST_BYTES + 1;

/// The first bytes of every SQLite file, followed by the size of its pages.
const SQLITE: &[u8] = b"SQLite format 3\0";
const HEAD_BYTES: usize = SQLITE.len() + 2;

const PIECE_BYTES: usize = 256 << 10;

/// What follows a file's last page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Checksum {
    None,
    /// A digest, and the number of bytes that it covers.
    Sha256 {
        /// The length of SQLite's pages.
        pages_bytes: u64,
        digest: String,
    },
    /// The seal or the file is damaged, for this reason.
    Broken(String),
}

impl Checksum {
    /// Compares it with the digest of the bytes that were read.
    pub(super) fn compared_with(self, read: Sha256) -> Self {
        match &self {
            Self::Sha256 { digest, .. } if *digest != hexadecimal(read) => {
                Self::Broken("its content does not match its checksum".to_owned())
            }
            _ => self,
        }
    }
}

/// Appends the seal to a complete file.
pub(super) fn put(mut file: &File) -> io::Result<()> {
    let mut throttle = Throttle::new();
    let mut digest = Sha256::new();
    let mut piece = vec![0; PIECE_BYTES];
    file.seek(SeekFrom::Start(0))?;
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            break;
        }
        digest.update(piece.get(..read).unwrap_or_default());
        throttle.step();
    }
    file.write_all(format!("{WORDS}{}\n", hexadecimal(digest)).as_bytes())
}

/// Reads the seal of a file. The digest is not verified yet.
pub(super) fn of(file: &File) -> io::Result<Checksum> {
    let bytes = file.metadata()?.len();
    if let Some(pages_bytes) = bytes.checked_sub(CHECKSUM_BYTES as u64) {
        let mut checksum = [0; CHECKSUM_BYTES];
        file.read_exact_at(&mut checksum, pages_bytes)?;
        let digest = str::from_utf8(&checksum)
            .ok()
            .and_then(|checksum| checksum.strip_prefix(WORDS)?.strip_suffix('\n'));
        if let Some(digest) = digest {
            return Ok(Checksum::Sha256 { pages_bytes, digest: digest.to_owned() });
        }
    }
    let mut head = [0; HEAD_BYTES];
    if bytes < HEAD_BYTES as u64 {
        return Ok(Checksum::None);
    }
    file.read_exact_at(&mut head, 0)?;
    let [.., high, low] = head;
    // If it is no SQLite file, opening it will say so.
    if !head.starts_with(SQLITE) {
        return Ok(Checksum::None);
    }
    // 1 means 65,536.
    let page_bytes = match u16::from_be_bytes([high, low]) {
        1 => 1 << 16,
        bytes => u64::from(bytes),
    };
    let is_whole = page_bytes > 0 && bytes.is_multiple_of(page_bytes);
    Ok(if is_whole {
        Checksum::None
    } else {
        Checksum::Broken("its end is missing, or not as it was written".to_owned())
    })
}

fn hexadecimal(digest: Sha256) -> String {
    let mut text = String::new();
    for byte in digest.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change of any bit is noticed.
    #[test]
    fn every_bit_counts() {
        let mut page = vec![7; 512];
        page[..SQLITE.len()].copy_from_slice(SQLITE);
        page[SQLITE.len()..HEAD_BYTES].copy_from_slice(&512_u16.to_be_bytes());
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&page, 0).unwrap();
        assert_eq!(of(&file).unwrap(), Checksum::None);
        put(&file).unwrap();
        let read = |file: &File| {
            let checksum = of(file).unwrap();
            let Checksum::Sha256 { pages_bytes, .. } = checksum else { return checksum };
            let mut pages = vec![0; usize::try_from(pages_bytes).unwrap()];
            file.read_exact_at(&mut pages, 0).unwrap();
            checksum.compared_with(Sha256::new_with_prefix(pages))
        };
        assert!(matches!(read(&file), Checksum::Sha256 { pages_bytes: 512, .. }));
        let bytes = file.metadata().unwrap().len();
        assert_eq!(bytes, (512 + CHECKSUM_BYTES) as u64);
        for at in 0..bytes {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ 1 << (at % 8)], at).unwrap();
            assert!(matches!(read(&file), Checksum::Broken(_)), "byte {at}");
            file.write_all_at(&byte, at).unwrap();
        }
        // Truncated anywhere but at a page's end.
        file.set_len(bytes - 1).unwrap();
        assert!(matches!(read(&file), Checksum::Broken(_)));
        file.set_len(512).unwrap();
        assert_eq!(read(&file), Checksum::None);
    }
}
