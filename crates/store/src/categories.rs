//! The categories of the catalogue. The API refers to them, but has no method for them.

use crate::{
    AccountId, Error, Sql, Tx,
    statement_text::sql,
    table::{self, Columns, Stores as _, Table, row},
};

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

const ADD: Sql = Sql::new(
    "categories.add",
    "INSERT INTO categories (account_id, category_id, title)
     VALUES ($1, (SELECT COALESCE(MAX(category_id), 0) + 1 FROM categories WHERE account_id = $1), $2)
     RETURNING category_id",
);

/// Adds a category, and returns its number.
pub fn add(tx: &mut Tx<'_>, account: AccountId, title: &str) -> Result<i64, Error> {
    tx.added(&ADD, &[account.0.into(), title.into()])
}

const PUT: Sql = sql!("categories.put", Piece::Upsert(&TABLE));

/// Adds a category with its number from elsewhere, or replaces the one with that number.
pub fn put(tx: &mut Tx<'_>, account: AccountId, category: &Category) -> Result<(), Error> {
    tx.execute(&PUT, &table::args(account, category)).map(drop)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&LIST, &FIND, &ADD, &PUT];
