//! Kills the migration of a store of the first version.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use billhook_drivers::{Result, billhook::Billhook, folders};
use billhook_test_kit::{Cluster, Store};
use rand::rngs::StdRng;

use super::life::moment;
use crate::{export, old_store, seller::LOGIN, tally::Tally};

const MIGRATE: &[&str] = &["migrate", "--yes"];

/// An old store, and its content after the migration.
pub(crate) struct OldStore {
    /// The unchanged old store, and the folder for its copies; in a cluster each is made anew.
    old: PathBuf,
    copy: PathBuf,
    content: String,
    /// How long its migration takes.
    took: Duration,
}

impl OldStore {
    /// Makes it in a new folder, or in the cluster.
    pub(crate) fn make(billhook: &Billhook, folder: &Path, cluster: Option<&Cluster>) -> Result<Self> {
        fs::create_dir(folder)?;
        let [old, copy] = ["old", "copy"].map(|name| folder.join(name));
        let mut store = Self { old, copy, content: String::new(), took: Duration::ZERO };
        if cluster.is_none() {
            old_store::in_folder(&store.old)?;
        }
        let place = store.fresh(cluster)?;
        store.took = billhook.timed(&place, MIGRATE)?;
        store.content = export::sound_text(billhook, &place, LOGIN)?;
        if store.content.is_empty() {
            return Err("a store that was brought up to date is empty".into());
        }
        old_store::remove(&place, cluster)?;
        Ok(store)
    }

    /// A new copy of the old store.
    fn fresh(&self, cluster: Option<&Cluster>) -> Result<Store> {
        match cluster {
            Some(cluster) => old_store::in_cluster(cluster),
            None => folders::copy(&self.old, &self.copy).map(|()| Store::Folder(self.copy.clone())),
        }
    }

    /// Kills its migration and repeats it. Afterwards it must be sound and have the right content.
    pub(crate) fn round(
        &self,
        billhook: &Billhook,
        cluster: Option<&Cluster>,
        dice: &mut StdRng,
        tally: &mut Tally,
    ) -> Result<()> {
        let place = self.fresh(cluster)?;
        let cut = billhook.kill_after(&place, MIGRATE, moment(dice, self.took))?;
        tally.note_cut(&cut);
        billhook.timed(&place, MIGRATE)?;
        if export::sound_text(billhook, &place, LOGIN)? != self.content {
            tally.wrong("a store whose migration was killed holds something else".to_owned());
        }
        old_store::remove(&place, cluster)
    }
}
