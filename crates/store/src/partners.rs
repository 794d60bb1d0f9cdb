//! The partners of the affiliate program.

use billhook_wire::Money;

use crate::{
    AccountId, Error, Sql, Tx, marks,
    table::{self, Columns, Stores as _, Table, row, statement_text::sql},
};

/// The kind of partners in `marks`.
const KIND: &str = "partner";

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

const HIGHEST: Sql = Sql::new(
    "partners.highest",
    "SELECT partner_id FROM partners WHERE account_id = $1 ORDER BY partner_id DESC LIMIT 1",
);
const ADD: Sql = sql!("partners.add", Piece::Insert(&TABLE), " ON CONFLICT (account_id, login) DO NOTHING");

/// Adds a partner, and returns the number; `None` if the login is taken. Orders keep removed numbers, so they are not used again.
pub fn add(tx: &mut Tx<'_>, account: AccountId, login: &str, parent_id: i64) -> Result<Option<i64>, Error> {
    let login = login.trim().to_lowercase();
    let highest = tx.row(&HIGHEST, &[account.0.into()], |row| row.int(0))?.unwrap_or(0);
    let id = highest.max(marks::highest_removed(tx, account, KIND)?) + 1;
    let args = [account.0.into(), id.into(), (&login).into(), parent_id.into()];
    Ok((tx.execute(&ADD, &args)? > 0).then_some(id))
}

const PUT: Sql = sql!("partners.put", Piece::Upsert(&TABLE));

/// Adds a partner with a number from elsewhere, or replaces the one with that number.
pub fn put(tx: &mut Tx<'_>, account: AccountId, partner: &Partner) -> Result<(), Error> {
    tx.execute(&PUT, &table::args(account, partner)).map(drop)
}

const LEAVE: Sql =
    Sql::new("partners.leave", "UPDATE partners SET parent_id = 0 WHERE account_id = $1 AND parent_id = $2");
const REMOVE: Sql =
    Sql::new("partners.remove", "DELETE FROM partners WHERE account_id = $1 AND partner_id = $2");

/// Removes a partner; false if there is none with this number. Orders keep number, login and fees; nobody is brought by him any more.
pub fn remove(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<bool, Error> {
    let was_there = tx.execute(&REMOVE, &[account.0.into(), id.into()])? > 0;
    if was_there {
        tx.execute(&LEAVE, &[account.0.into(), id.into()])?;
        marks::note_removed(tx, account, KIND, id)?;
    }
    Ok(was_there)
}

const EARNED: Sql = Sql::new(
    "partners.earned",
    "SELECT CAST(COALESCE(SUM((SELECT SUM(CASE WHEN o.aff = $1 THEN l.partner_fee ELSE l.partner_pfee END)
                                 FROM order_lines l
                                WHERE l.account_id = o.account_id AND l.email_key = o.email_key
                                  AND l.order_id = o.order_id)), 0) AS BIGINT), COUNT(*)
       FROM orders o
      WHERE o.account_id = $2 AND (o.aff = $1 OR o.paff = $1) AND o.deleted = 0 AND o.pay_status = 'paid'
        AND o.paid >= $3 AND o.paid <= $4",
);

/// What a partner's paid orders of a time have earned him, and how many they are.
pub fn earned(
    tx: &mut Tx<'_>,
    account: AccountId,
    partner: i64,
    (first, last): (i64, i64),
) -> Result<(Money, u64), Error> {
    let number = partner.to_string();
    let args = [(&number).into(), account.0.into(), first.into(), last.into()];
    let sums =
        tx.row(&EARNED, &args, |row| Ok((Money::from_kopecks(row.int(0)?), row.int(1)?.unsigned_abs())))?;
    Ok(sums.unwrap_or_default())
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] =
    &[&EARNED, &LIST, &FIND, &NAMED, &HIGHEST, &ADD, &PUT, &LEAVE, &REMOVE];
