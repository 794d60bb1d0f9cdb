//! Copies and removes folders.

use std::{fs, path::Path};

use crate::Result;

/// Copies a store that nobody has open, and replaces the target.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    remove(to)?;
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Removes a folder if it exists.
pub fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}
