//! A store of the first version is killed while it is brought up to date.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use billhook_postgres_cluster::Cluster;
use rand::rngs::StdRng;

use crate::{
    Result, backups,
    billhook::{Billhook, Place},
    export,
    life::moment,
    shop::LOGIN,
    tally::Tally,
};

const SQLITE: &str = include_str!("old_store/sqlite.sql");
const POSTGRES: &str = include_str!("old_store/postgres.sql");
const ROWS: &str = include_str!("old_store/rows.sql");
const MIGRATE: &[&str] = &["migrate", "--yes"];

/// An old store, and what it holds once it is brought up to date.
pub(crate) struct OldStore {
    /// Where it stays as it is, and where the folder of a copy comes; in a cluster each is made anew.
    old: PathBuf,
    copy: PathBuf,
    content: String,
    /// How long it takes to bring it up to date.
    took: Duration,
}

impl OldStore {
    /// Makes it in a folder that is not there yet, or in the cluster.
    pub(crate) fn make(billhook: &Billhook, folder: &Path, cluster: Option<&Cluster>) -> Result<Self> {
        fs::create_dir(folder)?;
        let [old, copy] = ["old", "copy"].map(|name| folder.join(name));
        let mut store = Self { old, copy, content: String::new(), took: Duration::ZERO };
        if cluster.is_none() {
            fs::create_dir(&store.old)?;
            let connection = rusqlite::Connection::open(store.old.join("billhook.db"))?;
            connection
                .execute_batch(&format!("PRAGMA journal_mode = WAL; BEGIN;\n{SQLITE}\n{ROWS}\nCOMMIT;"))?;
            connection.close().map_err(|(_, error)| error)?;
        }
        let place = store.fresh(cluster)?;
        store.took = billhook.timed(&place, MIGRATE)?;
        store.content = export::sound_text(billhook, &place, LOGIN)?;
        if store.content.is_empty() {
            return Err("a store that was brought up to date is empty".into());
        }
        remove(&place, cluster)?;
        Ok(store)
    }

    /// Another one, as old.
    fn fresh(&self, cluster: Option<&Cluster>) -> Result<Place> {
        let Some(cluster) = cluster else {
            backups::copy(&self.old, &self.copy)?;
            return Ok(Place::Folder(self.copy.clone()));
        };
        let url = cluster.create_database()?;
        cluster.sql(database(&url), &format!("BEGIN;\n{POSTGRES}\n{ROWS}\nCOMMIT;"))?;
        Ok(Place::Database(url))
    }

    /// Kills it on its way, and does it again. Afterwards it must be sound, and hold what it should.
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
        remove(&place, cluster)
    }
}

/// The name of a database.
fn database(url: &str) -> &str {
    url.rsplit_once('/').map_or("", |(_, name)| name)
}

/// Removes a store, whoever is still connected to it.
pub(crate) fn remove(place: &Place, cluster: Option<&Cluster>) -> Result<()> {
    match (place, cluster) {
        (Place::Database(url), Some(cluster)) => {
            cluster.sql("postgres", &format!("DROP DATABASE {} WITH (FORCE)", database(url)))?;
            Ok(())
        }
        (Place::Database(_), None) => Ok(()),
        (Place::Folder(folder), _) => Ok(fs::remove_dir_all(folder)?),
    }
}
