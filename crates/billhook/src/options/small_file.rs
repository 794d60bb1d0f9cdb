//! Small files that people name: configurations, keys. A device or a huge file in their place is refused, not read.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
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

/// Whether others than its owner may read it, or write it.
pub(crate) fn is_readable_by_others(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

/// What to say of a file that others can read, and that holds a secret.
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
