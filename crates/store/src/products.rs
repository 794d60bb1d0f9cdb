//! The catalogue.

use billhook_wire::{GoodId, Money};

use crate::{AccountId, Error, Row, Sql, Tx};

/// A product of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Its numeric code.
    pub id: GoodId,
    /// Its symbolic name, unique in the account.
    pub good_name: String,
    /// Its title.
    pub good_title: String,
    /// Its price.
    pub good_sum: Money,
}

const EACH: Sql = Sql::new(
    "products.each",
    "SELECT good_id, good_name, good_title, good_sum FROM products WHERE account_id = $1 ORDER BY good_id",
);

/// Shows every product, by number.
pub fn each<E: From<Error>>(
    tx: &mut Tx<'_>,
    account: AccountId,
    mut show: impl FnMut(Product) -> Result<(), E>,
) -> Result<(), E> {
    tx.rows(&EACH, &[account.0.into()], |row| show(product(row)?))
}

const PUT: Sql = Sql::new(
    "products.put",
    "INSERT INTO products (account_id, good_id, good_name, good_title, good_sum) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account_id, good_id) DO UPDATE
            SET good_name = excluded.good_name, good_title = excluded.good_title, good_sum = excluded.good_sum",
);

/// Adds a product, or replaces the one of that number. A name that another product has is a [`Kind::Conflict`](crate::Kind).
pub fn put(tx: &mut Tx<'_>, account: AccountId, product: &Product) -> Result<(), Error> {
    tx.execute(&PUT, &args(account, product)).map(drop)
}

const ADD_MISSING: Sql = Sql::new(
    "products.add_missing",
    "INSERT INTO products (account_id, good_id, good_name, good_title, good_sum) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account_id, good_id) DO NOTHING",
);

/// Adds a product unless its number is taken; says whether it was added. A name that another product has is a
/// [`Kind::Conflict`](crate::Kind).
pub fn add_missing(tx: &mut Tx<'_>, account: AccountId, product: &Product) -> Result<bool, Error> {
    Ok(tx.execute(&ADD_MISSING, &args(account, product))? > 0)
}

fn args(account: AccountId, product: &Product) -> [crate::Arg<'_>; 5] {
    [
        account.0.into(),
        product.id.0.into(),
        (&product.good_name).into(),
        (&product.good_title).into(),
        product.good_sum.kopecks().into(),
    ]
}

fn product(row: &dyn Row) -> Result<Product, Error> {
    Ok(Product {
        id: GoodId(row.int(0)?),
        good_name: row.text(1)?.to_owned(),
        good_title: row.text(2)?.to_owned(),
        good_sum: Money::from_kopecks(row.int(3)?),
    })
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&EACH, &PUT, &ADD_MISSING];
