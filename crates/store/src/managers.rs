//! The seller's managers (section 9.8).

use crate::{
    AccountId, Error, Sql, Tx, marks,
    table::{self, Columns, Stores as _, Table, row, statement_text::sql},
};

/// The kind of managers in `marks`.
const KIND: &str = "manager";

/// A manager.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manager {
    /// The number.
    pub id: i64,
    /// The name.
    pub name: String,
}

row! {
    Manager: "manager" {
        manager_id: i64 = id,
        manager_name: String = name,
    }
}

pub(crate) const TABLE: Table = Table {
    name: "managers",
    columns: &[Columns::one::<i64>("account_id"), Columns::Of(Manager::COLUMNS)],
    key: &["account_id", "manager_id"],
};

const LIST: Sql = sql!(
    "managers.list",
    "SELECT ",
    Piece::List(Manager::COLUMNS, ""),
    " FROM managers WHERE account_id = $1 ORDER BY manager_id",
);

/// Every manager, by number.
pub fn list(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<Manager>, Error> {
    tx.all(&LIST, &[account.0.into()], table::read)
}

const FIND: Sql = sql!(
    "managers.find",
    "SELECT ",
    Piece::List(Manager::COLUMNS, ""),
    " FROM managers WHERE account_id = $1 AND manager_id = $2",
);

/// The manager with this number.
pub fn find(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<Option<Manager>, Error> {
    tx.row(&FIND, &[account.0.into(), id.into()], table::read)
}

const HIGHEST: Sql = Sql::new(
    "managers.highest",
    "SELECT manager_id FROM managers WHERE account_id = $1 ORDER BY manager_id DESC LIMIT 1",
);
const ADD: Sql = sql!("managers.add", Piece::Insert(&TABLE));

/// Adds a manager, and returns the number. Orders keep removed numbers, so they are not used again.
pub fn add(tx: &mut Tx<'_>, account: AccountId, name: &str) -> Result<i64, Error> {
    let highest = tx.row(&HIGHEST, &[account.0.into()], |row| row.int(0))?.unwrap_or(0);
    let id = highest.max(marks::highest_removed(tx, account, KIND)?) + 1;
    tx.execute(&ADD, &[account.0.into(), id.into(), name.into()])?;
    Ok(id)
}

const PUT: Sql = sql!("managers.put", Piece::Upsert(&TABLE));

/// Adds a manager with a number from elsewhere, or replaces the one with that number.
pub fn put(tx: &mut Tx<'_>, account: AccountId, manager: &Manager) -> Result<(), Error> {
    tx.execute(&PUT, &table::args(account, manager)).map(drop)
}

const REMOVE: Sql =
    Sql::new("managers.remove", "DELETE FROM managers WHERE account_id = $1 AND manager_id = $2");

/// Removes a manager; false if there is none with this number. Orders keep the number.
pub fn remove(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<bool, Error> {
    let was_there = tx.execute(&REMOVE, &[account.0.into(), id.into()])? > 0;
    if was_there {
        marks::note_removed(tx, account, KIND, id)?;
    }
    Ok(was_there)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&LIST, &FIND, &HIGHEST, &ADD, &PUT, &REMOVE];
