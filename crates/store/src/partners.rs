//! The partners of the affiliate program.

use crate::{
    AccountId, Error, Sql, Tx,
    statement_text::sql,
    table::{self, Columns, Stores as _, Table, row},
};

/// A partner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partner {
    /// The number.
    pub id: i64,
    /// The login, in lower case.
    pub login: String,
    /// The number of the partner who recruited this one and gets the level 2 fee; 0: none.
    pub parent_id: i64,
}

row! {
    Partner: "partner" {
        partner_id: i64 = id,
        login: String = login,
        parent_id: i64 = parent_id,
    }
}

pub(crate) const TABLE: Table = Table {
    name: "partners",
    columns: &[Columns::one::<i64>("account_id"), Columns::Of(Partner::COLUMNS)],
    key: &["account_id", "partner_id"],
};

macro_rules! partners {
    ($name:literal, $rest:literal) => {
        sql!($name, "SELECT ", Piece::List(Partner::COLUMNS, ""), " FROM partners WHERE ", $rest)
    };
}

const LIST: Sql = partners!("partners.list", "account_id = $1 ORDER BY partner_id");

/// Every partner, by number.
pub fn list(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<Partner>, Error> {
    tx.all(&LIST, &[account.0.into()], table::read)
}

const FIND: Sql = partners!("partners.find", "account_id = $1 AND partner_id = $2");

/// The partner with this number.
pub fn find(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<Option<Partner>, Error> {
    tx.row(&FIND, &[account.0.into(), id.into()], table::read)
}

const NAMED: Sql = partners!("partners.named", "account_id = $1 AND login = $2");

/// The partner with this login, in any letter case.
pub fn named(tx: &mut Tx<'_>, account: AccountId, login: &str) -> Result<Option<Partner>, Error> {
    let login = login.trim().to_lowercase();
    tx.row(&NAMED, &[account.0.into(), (&login).into()], table::read)
}

const ADD: Sql = Sql::new(
    "partners.add",
    "INSERT INTO partners (account_id, partner_id, login, parent_id)
     VALUES ($1, (SELECT COALESCE(MAX(partner_id), 0) + 1 FROM partners WHERE account_id = $1), $2, $3)
         ON CONFLICT (account_id, login) DO NOTHING
     RETURNING partner_id",
);

/// Adds a partner, and returns the number; `None` if the login is taken.
pub fn add(tx: &mut Tx<'_>, account: AccountId, login: &str, parent_id: i64) -> Result<Option<i64>, Error> {
    let login = login.trim().to_lowercase();
    tx.row(&ADD, &[account.0.into(), (&login).into(), parent_id.into()], |row| row.int(0))
}

const PUT: Sql = sql!("partners.put", Piece::Upsert(&TABLE));

/// Adds a partner with a number from elsewhere, or replaces the one with that number.
pub fn put(tx: &mut Tx<'_>, account: AccountId, partner: &Partner) -> Result<(), Error> {
    tx.execute(&PUT, &table::args(account, partner)).map(drop)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&LIST, &FIND, &NAMED, &ADD, &PUT];
