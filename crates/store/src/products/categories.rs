//! The categories of the catalogue. The API refers to them, but has no method for them.

use crate::{
    AccountId, Error, Sql, Tx, marks,
    table::{self, Columns, Stores as _, Table, row, statement_text::sql},
};

/// The kind of categories in `marks`.
const KIND: &str = "category";

/// A category.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Category {
    /// Its number.
    pub id: i64,
    /// Its title.
    pub title: String,
}

row! {
    Category: "category" {
        category_id: i64 = id,
        title: String = title,
    }
}

pub(crate) const TABLE: Table = Table {
    name: "categories",
    columns: &[Columns::one::<i64>("account_id"), Columns::Of(Category::COLUMNS)],
    key: &["account_id", "category_id"],
};

const LIST: Sql = sql!(
    "categories.list",
    "SELECT ",
    Piece::List(Category::COLUMNS, ""),
    " FROM categories WHERE account_id = $1 ORDER BY category_id",
);

/// Every category, by number.
pub fn list(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<Category>, Error> {
    tx.all(&LIST, &[account.0.into()], table::read)
}

const FIND: Sql = sql!(
    "categories.find",
    "SELECT ",
    Piece::List(Category::COLUMNS, ""),
    " FROM categories WHERE account_id = $1 AND category_id = $2",
);

/// The category with this number.
pub fn find(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<Option<Category>, Error> {
    tx.row(&FIND, &[account.0.into(), id.into()], table::read)
}

const HIGHEST: Sql = Sql::new(
    "categories.highest",
    "SELECT category_id FROM categories WHERE account_id = $1 ORDER BY category_id DESC LIMIT 1",
);
const ADD: Sql = sql!("categories.add", Piece::Insert(&TABLE));

/// Adds a category, and returns its number. Numbers of removed ones are not used again: integrations may know them.
pub fn add(tx: &mut Tx<'_>, account: AccountId, title: &str) -> Result<i64, Error> {
    let highest = tx.row(&HIGHEST, &[account.0.into()], |row| row.int(0))?.unwrap_or(0);
    let id = highest.max(marks::highest_removed(tx, account, KIND)?) + 1;
    tx.execute(&ADD, &[account.0.into(), id.into(), title.into()])?;
    Ok(id)
}

const PUT: Sql = sql!("categories.put", Piece::Upsert(&TABLE));

/// Adds a category with its number from elsewhere, or replaces the one with that number.
pub fn put(tx: &mut Tx<'_>, account: AccountId, category: &Category) -> Result<(), Error> {
    tx.execute(&PUT, &table::args(account, category)).map(drop)
}

const EMPTY: Sql = Sql::new(
    "categories.empty",
    "UPDATE products SET parent_id = 0 WHERE account_id = $1 AND parent_id = $2",
);
const REMOVE: Sql =
    Sql::new("categories.remove", "DELETE FROM categories WHERE account_id = $1 AND category_id = $2");

/// Removes a category; false if there is none with this number. Its products then have none.
pub fn remove(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<bool, Error> {
    let was_there = tx.execute(&REMOVE, &[account.0.into(), id.into()])? > 0;
    if was_there {
        tx.execute(&EMPTY, &[account.0.into(), id.into()])?;
        marks::note_removed(tx, account, KIND, id)?;
    }
    Ok(was_there)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&LIST, &FIND, &HIGHEST, &ADD, &PUT, &EMPTY, &REMOVE];
