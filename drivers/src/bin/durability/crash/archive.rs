//! A file of orders, with the known result and duration of its import.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use billhook_drivers::{Result, billhook::Billhook};
use billhook_test_kit::Store;

use crate::{
    export,
    seller::{self, LOGIN},
};

/// Orders, and the result of their import without interruption.
pub(crate) struct Archive {
    pub(crate) file: String,
    /// The export after the import.
    pub(crate) content: String,
    /// How long the import takes.
    pub(crate) took: Duration,
    /// The store with the imported orders.
    pub(crate) store: PathBuf,
}

impl Archive {
    /// Makes the file with this many orders in a new folder.
    pub(crate) fn make(billhook: &Billhook, folder: &Path, orders: u32) -> Result<Self> {
        fs::create_dir(folder)?;
        let file = folder.join("orders.jsonl").display().to_string();
        let made = Store::Folder(folder.join("generated"));
        seller::add_account(billhook, &made)?;
        let count = orders.to_string();
        billhook.run(&made, &["generate", "--account", LOGIN, "--orders", &count, "--products", "100"])?;
        billhook.run(&made, &["export", "--account", LOGIN, &file])?;
        fs::remove_dir_all(folder.join("generated"))?;

        let store = folder.join("store");
        let place = Store::Folder(store.clone());
        seller::add_account(billhook, &place)?;
        let took = billhook.timed(&place, &["import", "--account", LOGIN, &file])?;
        let content = export::sound_text(billhook, &place, LOGIN)?;
        if content.lines().count() < usize::try_from(orders)? {
            return Err("an import that nobody disturbed lacks orders".into());
        }
        Ok(Self { file, content, took, store })
    }
}
