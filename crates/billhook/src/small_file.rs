//! Small files that people name: configurations, keys. A device or a huge file in their place is refused, not read.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

const BYTES_MAX: u64 = 1 << 20;

/// Reads a text of 1 MiB at most.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > BYTES_MAX {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endless_files_are_refused() {
        assert_eq!(read(Path::new("/dev/zero")).unwrap_err().to_string(), "it is larger than 1 MiB");
        assert_eq!(read(Path::new("/dev/null")).unwrap(), "");
    }
}
