//! Facts about the store itself, by name.

use crate::{
    AccountId, Error, Kind, Sql, Tx,
    table::{Columns, Table},
};

pub(crate) const TABLE: Table = Table {
    name: "marks",
    columns: &[Columns::one::<String>("name"), Columns::one::<String>("value")],
    key: &["name"],
};

/// Set on a store that `serve --demo` filled.
pub const DEMO: &str = "demo";

/// When the last backup was made, in unix seconds.
pub const LAST_BACKUP: &str = "last backup";

/// Set while nothing is sent from the outbox. The value says why.
pub(crate) const OUTBOX_PAUSED: &str = "outbox paused";

/// Set while a copy fills a store. The value names the source.
pub(crate) const COPYING: &str = "copying";

const GET: Sql = Sql::new("marks.get", "SELECT value FROM marks WHERE name = $1");

/// The value of a fact.
pub fn get(tx: &mut Tx<'_>, name: &str) -> Result<Option<String>, Error> {
    tx.row(&GET, &[name.into()], |row| Ok(row.text(0)?.to_owned()))
}

const SET: Sql = Sql::new(
    "marks.set",
    "INSERT INTO marks (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
);

/// Sets a fact.
pub fn set(tx: &mut Tx<'_>, name: &str, value: &str) -> Result<(), Error> {
    tx.execute(&SET, &[name.into(), value.into()]).map(drop)
}

const REMOVE: Sql = Sql::new("marks.remove", "DELETE FROM marks WHERE name = $1");

/// Removes a fact.
pub(crate) fn remove(tx: &mut Tx<'_>, name: &str) -> Result<(), Error> {
    tx.execute(&REMOVE, &[name.into()]).map(drop)
}

/// Fails if a copy into the store was begun and not finished.
pub(crate) fn is_whole(tx: &mut Tx<'_>) -> Result<(), Error> {
    match get(tx, COPYING)? {
        None => Ok(()),
        Some(mark) => Err(unfinished(&mark)),
    }
}

/// The error for a store with this mark of a copy.
pub(crate) fn unfinished(mark: &str) -> Error {
    let from = mark.split_once(' ').map_or(mark, |(_, from)| from);
    Error::new(
        Kind::Unfinished,
        format!(
            "a copy of {from} into this store is not finished: wait for it, or run that `billhook copy` again, which begins anew"
        ),
    )
}

/// The highest removed number of an account's things of a kind; 0: none was removed.
pub(crate) fn highest_removed(tx: &mut Tx<'_>, account: AccountId, kind: &str) -> Result<i64, Error> {
    let number = get(tx, &removed(account, kind))?;
    Ok(number.and_then(|number| number.parse().ok()).unwrap_or(0))
}

/// Records the number of a removed thing, so that it is not used again.
pub(crate) fn note_removed(tx: &mut Tx<'_>, account: AccountId, kind: &str, id: i64) -> Result<(), Error> {
    let highest = highest_removed(tx, account, kind)?.max(id);
    set(tx, &removed(account, kind), &highest.to_string())
}

fn removed(account: AccountId, kind: &str) -> String {
    format!("highest removed {kind} of account {}", account.0)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&GET, &SET, &REMOVE];
