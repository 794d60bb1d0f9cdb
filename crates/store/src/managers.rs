//! The seller's managers (section 9.8).

use crate::{AccountId, Error, Sql, Tx, marks};

/// What marks call managers.
const KIND: &str = "manager";

/// A manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manager {
    /// The number.
    pub id: i64,
    /// The name.
    pub name: String,
}

const LIST: Sql = Sql::new(
    "managers.list",
    "SELECT manager_id, manager_name FROM managers WHERE account_id = $1 ORDER BY manager_id",
);

/// Every manager, by number.
pub fn list(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<Manager>, Error> {
    let mut managers = Vec::new();
    tx.rows(&LIST, &[account.0.into()], |row| {
        managers.push(Manager { id: row.int(0)?, name: row.text(1)?.to_owned() });
        Ok::<(), Error>(())
    })?;
    Ok(managers)
}

const IS_THERE: Sql = Sql::new(
    "managers.is_there",
    "SELECT manager_id FROM managers WHERE account_id = $1 AND manager_id = $2",
);

/// Whether there is a manager of that number.
pub fn is_there(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<bool, Error> {
    Ok(tx.row(&IS_THERE, &[account.0.into(), id.into()], |row| row.int(0))?.is_some())
}

const HIGHEST: Sql = Sql::new(
    "managers.highest",
    "SELECT manager_id FROM managers WHERE account_id = $1 ORDER BY manager_id DESC LIMIT 1",
);
const ADD: Sql = Sql::new(
    "managers.add",
    "INSERT INTO managers (account_id, manager_id, manager_name) VALUES ($1, $2, $3)",
);

/// Adds a manager; the number is the answer. Orders keep the number of a manager who was removed, so nobody else gets it.
pub fn add(tx: &mut Tx<'_>, account: AccountId, name: &str) -> Result<i64, Error> {
    let highest = tx.row(&HIGHEST, &[account.0.into()], |row| row.int(0))?.unwrap_or(0);
    let id = highest.max(marks::highest_removed(tx, account, KIND)?) + 1;
    tx.execute(&ADD, &[account.0.into(), id.into(), name.into()])?;
    Ok(id)
}

const REMOVE: Sql =
    Sql::new("managers.remove", "DELETE FROM managers WHERE account_id = $1 AND manager_id = $2");

/// Removes a manager; false if there is none of that number. Orders keep the number.
pub fn remove(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<bool, Error> {
    let was_there = tx.execute(&REMOVE, &[account.0.into(), id.into()])? > 0;
    if was_there {
        marks::note_removed(tx, account, KIND, id)?;
    }
    Ok(was_there)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&LIST, &IS_THERE, &HIGHEST, &ADD, &REMOVE];
