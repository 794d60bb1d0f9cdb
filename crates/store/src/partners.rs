//! The partners of the affiliate program: who brings customers, and who brought whom.

use crate::{AccountId, Error, Row, Sql, Tx};

/// A partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    /// The number.
    pub id: i64,
    /// The login, in lower case.
    pub login: String,
    /// The number of the partner who brought this one: the second level of this one's orders. 0: none.
    pub parent_id: i64,
}

const LIST: Sql = Sql::new(
    "partners.list",
    "SELECT partner_id, login, parent_id FROM partners WHERE account_id = $1 ORDER BY partner_id",
);

/// Every partner, by number.
pub fn list(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<Partner>, Error> {
    let mut partners = Vec::new();
    tx.rows(&LIST, &[account.0.into()], |row| {
        partners.push(partner(row)?);
        Ok::<(), Error>(())
    })?;
    Ok(partners)
}

const FIND: Sql = Sql::new(
    "partners.find",
    "SELECT partner_id, login, parent_id FROM partners WHERE account_id = $1 AND partner_id = $2",
);

/// The partner of a number.
pub fn find(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<Option<Partner>, Error> {
    tx.row(&FIND, &[account.0.into(), id.into()], partner)
}

const NAMED: Sql = Sql::new(
    "partners.named",
    "SELECT partner_id, login, parent_id FROM partners WHERE account_id = $1 AND login = $2",
);

/// The partner of a login, in any letter case.
pub fn named(tx: &mut Tx<'_>, account: AccountId, login: &str) -> Result<Option<Partner>, Error> {
    let login = login.trim().to_lowercase();
    tx.row(&NAMED, &[account.0.into(), (&login).into()], partner)
}

const ADD: Sql = Sql::new(
    "partners.add",
    "INSERT INTO partners (account_id, partner_id, login, parent_id)
     VALUES ($1, (SELECT COALESCE(MAX(partner_id), 0) + 1 FROM partners WHERE account_id = $1), $2, $3)
         ON CONFLICT (account_id, login) DO NOTHING
     RETURNING partner_id",
);

/// Adds a partner; the number is the answer, or none if the login is taken.
pub fn add(tx: &mut Tx<'_>, account: AccountId, login: &str, parent_id: i64) -> Result<Option<i64>, Error> {
    let login = login.trim().to_lowercase();
    tx.row(&ADD, &[account.0.into(), (&login).into(), parent_id.into()], |row| row.int(0))
}

fn partner(row: &dyn Row) -> Result<Partner, Error> {
    Ok(Partner { id: row.int(0)?, login: row.text(1)?.to_owned(), parent_id: row.int(2)? })
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&LIST, &FIND, &NAMED, &ADD];
