//! Small files that operators name: configurations, keys. A device or a huge file is refused, not read.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

const BYTES_MAX: u64 = 1 << 20;

/// Reads a text of at most 1 MiB.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > BYTES_MAX {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    Ok(text)
}

/// Whether other users may read or write the file.
pub(crate) fn is_readable_by_others(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

/// The warning about a file with a secret that others can read.
pub(crate) fn warning(path: &Path) -> String {
    format!("warning: {0} holds a key or a password, and others can read it: chmod 600 {0}", path.display())
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
