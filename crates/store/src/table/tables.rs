//! Every table of a store, with the statements that treat all tables alike: for the copy and the check.

use crate::{
    Sql,
    accounts::{self, audit, idempotency, people},
    contacts::{self, erasure, groups, subscriptions},
    managers, marks,
    orders::{self, payments},
    outbox::{deliveries, endpoints, events},
    partners,
    products::{self, categories, coupons, pincodes, product_versions},
    table::{
        Column, Columns, Table,
        statement_text::{sql, text},
    },
};

/// How one table is counted, read in the order of its key, emptied, and filled.
pub(crate) struct Copied {
    pub(crate) table: &'static Table,
    pub(crate) count: Sql,
    pub(crate) read: Sql,
    pub(crate) clear: Sql,
    pub(crate) write: Sql,
}

macro_rules! copied {
    ($table:path) => {{
        const NAME: &str = $table.name;
        Copied {
            table: &$table,
            count: sql!(text!("copy.count ", Piece::Text(NAME)), "SELECT COUNT(*) FROM ", Piece::Text(NAME)),
            read: sql!(
                text!("copy.read ", Piece::Text(NAME)),
                "SELECT ",
                Piece::List($table.columns, ""),
                " FROM ",
                Piece::Text(NAME),
                " ORDER BY ",
                Piece::Names($table.key)
            ),
            clear: sql!(text!("copy.clear ", Piece::Text(NAME)), "DELETE FROM ", Piece::Text(NAME)),
            write: sql!(text!("copy.write ", Piece::Text(NAME)), Piece::Insert(&$table)),
        }
    }};
}

/// Every table of a store. A test compares this list with each engine's tables.
pub(crate) static TABLES: [Copied; 30] = [
    copied!(accounts::TABLE),
    copied!(accounts::DOMAINS),
    copied!(accounts::SETTINGS),
    copied!(products::TABLE),
    copied!(product_versions::TABLE),
    copied!(orders::TABLE),
    copied!(orders::LINES),
    copied!(payments::TABLE),
    copied!(pincodes::TABLE),
    copied!(categories::TABLE),
    copied!(managers::TABLE),
    copied!(partners::TABLE),
    copied!(coupons::TABLE),
    copied!(coupons::GOODS_TABLE),
    copied!(idempotency::TABLE),
    copied!(people::TABLE),
    copied!(people::SESSIONS),
    copied!(people::LINKS),
    copied!(audit::TABLE),
    copied!(endpoints::TABLE),
    copied!(events::TABLE),
    copied!(deliveries::TABLE),
    copied!(deliveries::TRIES),
    copied!(contacts::TABLE),
    copied!(contacts::TAGS),
    copied!(contacts::HISTORY),
    copied!(groups::TABLE),
    copied!(subscriptions::TABLE),
    copied!(erasure::TABLE),
    // Last, so that the mark of an unfinished copy stays until the end.
    copied!(marks::TABLE),
];

impl Copied {
    /// Whether its rows belong to accounts and begin with an account's number.
    pub(crate) fn is_of_accounts(&self) -> bool {
        matches!(self.table.columns, [Columns::One(Column { name: "account_id", .. }), ..])
    }
}

/// The names of the tables, for the tests that compare them with what engines have.
#[cfg(test)]
pub(crate) fn table_names() -> Vec<&'static str> {
    TABLES.iter().map(|table| table.table.name).collect()
}

/// How many columns of a table are copied.
#[cfg(test)]
pub(crate) fn columns(table: &str) -> usize {
    let found = TABLES.iter().find(|known| known.table.name == table);
    found.map_or(0, |table| table.write.text.matches('$').count())
}

#[cfg(test)]
pub(crate) fn statements() -> Vec<&'static Sql> {
    TABLES.iter().flat_map(|table| [&table.count, &table.read, &table.clear, &table.write]).collect()
}
