//! A file, or standard input, that a command reads whole.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use encoding_rs::{Encoding, UTF_8};

use crate::failure::Failure;

/// The size limit: the file is held in memory.
const BYTES_MAX: u64 = 128 << 20;

/// Reads a text in UTF-8, or in the encoding of its byte order mark. `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let fault = |error: io::Error| Failure::file("read", path, &error);
    let bytes = if path.as_os_str() == "-" {
        bytes_of(io::stdin().lock())
    } else {
        File::open(path).and_then(bytes_of)
    };
    let bytes = bytes.map_err(fault)?;
    let (encoding, mark) = Encoding::for_bom(&bytes).unwrap_or((UTF_8, 0));
    let text = bytes.get(mark..).unwrap_or_default();
    match encoding.decode_without_bom_handling_and_without_replacement(text) {
        Some(text) => Ok(text.into_owned()),
        None => Err(Failure::failed(format!(
            "{} is not {}: save it as UTF-8, or as CSV UTF-8 in a spreadsheet",
            path.display(),
            encoding.name()
        ))),
    }
}

fn bytes_of(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(io::Error::other("it is larger than 128 MiB"));
    }
    Ok(bytes)
}
