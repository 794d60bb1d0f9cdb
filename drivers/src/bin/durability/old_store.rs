//! A store of the first version, with enough orders that its migration takes a while.

use std::{fs, path::Path};

use billhook_drivers::Result;
use billhook_test_kit::{Cluster, Store, frozen};

/// More orders for either engine, besides those of the frozen store.
const ORDERS: &str = include_str!("old_orders.sql");

/// Makes it in a new folder.
pub(crate) fn in_folder(data: &Path) -> Result<Store> {
    let store = frozen::folder(1, data);
    let connection = rusqlite::Connection::open(data.join("billhook.db"))?;
    connection.execute_batch(&format!("BEGIN;\n{ORDERS}\nCOMMIT;"))?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(store)
}

/// Makes it in a database.
pub(crate) fn in_cluster(cluster: &Cluster) -> Result<Store> {
    let store = frozen::database(1, cluster);
    cluster.sql(&store.shown(), &format!("BEGIN;\n{ORDERS}\nCOMMIT;"))?;
    Ok(store)
}

/// Removes a store, even if clients are connected to it.
pub(crate) fn remove(store: &Store, cluster: Option<&Cluster>) -> Result<()> {
    match (store, cluster) {
        (Store::Database(url), Some(cluster)) => Ok(cluster.drop_database(url)?),
        (Store::Database(_), None) => Ok(()),
        (Store::Folder(folder), _) => Ok(fs::remove_dir_all(folder)?),
    }
}
