//! The seller's managers (section 9.8).

use crate::{AccountId, Error, Sql, Tx};

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

const ADD: Sql = Sql::new(
    "managers.add",
    "INSERT INTO managers (account_id, manager_id, manager_name)
     VALUES ($1, (SELECT COALESCE(MAX(manager_id), 0) + 1 FROM managers WHERE account_id = $1), $2)
     RETURNING manager_id",
);

/// Adds a manager; the number is the answer.
pub fn add(tx: &mut Tx<'_>, account: AccountId, name: &str) -> Result<i64, Error> {
    tx.added(&ADD, &[account.0.into(), name.into()])
}

const REMOVE: Sql =
    Sql::new("managers.remove", "DELETE FROM managers WHERE account_id = $1 AND manager_id = $2");

/// Removes a manager; false if there is none of that number. Orders keep the number.
pub fn remove(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<bool, Error> {
    Ok(tx.execute(&REMOVE, &[account.0.into(), id.into()])? > 0)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&LIST, &IS_THERE, &ADD, &REMOVE];
