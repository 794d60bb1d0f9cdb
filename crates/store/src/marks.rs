//! Small facts about the store itself, by name.

use crate::{Error, Sql, Tx};

/// Set on a store that `serve --demo` filled.
pub const DEMO: &str = "demo";

/// Set on a store that a copy has begun to fill, until it is whole: where the copy comes from.
pub(crate) const COPYING: &str = "copying";

const GET: Sql = Sql::new("marks.get", "SELECT value FROM marks WHERE name = $1");

/// A fact's value.
pub fn get(tx: &mut Tx<'_>, name: &str) -> Result<Option<String>, Error> {
    tx.row(&GET, &[name.into()], |row| Ok(row.text(0)?.to_owned()))
}

const SET: Sql = Sql::new(
    "marks.set",
    "INSERT INTO marks (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
);

/// Notes a fact.
pub fn set(tx: &mut Tx<'_>, name: &str, value: &str) -> Result<(), Error> {
    tx.execute(&SET, &[name.into(), value.into()]).map(drop)
}

const REMOVE: Sql = Sql::new("marks.remove", "DELETE FROM marks WHERE name = $1");

/// Takes a fact away.
pub(crate) fn remove(tx: &mut Tx<'_>, name: &str) -> Result<(), Error> {
    tx.execute(&REMOVE, &[name.into()]).map(drop)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&GET, &SET, &REMOVE];
