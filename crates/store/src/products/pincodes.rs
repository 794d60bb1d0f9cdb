//! Pin codes of products. Each is handed out once, to one line of one paid order.

use std::collections::HashMap;

use billhook_wire::{GoodId, OrderId};

use crate::{
    AccountId, Error, Sql, Tx,
    table::{Columns, Table},
};

pub(crate) const TABLE: Table = Table {
    name: "pincodes",
    columns: &[
        Columns::one::<i64>("account_id"),
        Columns::one::<GoodId>("good_id"),
        Columns::one::<i64>("pincode_no"),
        Columns::one::<String>("pincode"),
        Columns::one::<OrderId>("order_id"),
    ],
    key: &["account_id", "good_id", "pincode_no"],
};

const TAKE: Sql = Sql::new(
    "pincodes.take",
    "UPDATE pincodes SET order_id = $1
      WHERE account_id = $2 AND good_id = $3
        AND pincode_no = (SELECT pincode_no FROM pincodes
                           WHERE account_id = $2 AND good_id = $3 AND order_id = 0
                           ORDER BY pincode_no LIMIT 1)
     RETURNING pincode",
);

/// Hands out the next pin code of a product; `None` if there is none.
pub fn take(
    tx: &mut Tx<'_>,
    account: AccountId,
    good: GoodId,
    order: OrderId,
) -> Result<Option<String>, Error> {
    tx.row(&TAKE, &[order.0.into(), account.0.into(), good.0.into()], |row| Ok(row.text(0)?.to_owned()))
}

const HIGHEST: Sql = Sql::new(
    "pincodes.highest",
    "SELECT pincode_no FROM pincodes WHERE account_id = $1 AND good_id = $2 ORDER BY pincode_no DESC LIMIT 1",
);
const ADD: Sql = Sql::new(
    "pincodes.add",
    "INSERT INTO pincodes (account_id, good_id, pincode_no, pincode, order_id) VALUES ($1, $2, $3, $4, 0)",
);

/// Adds pin codes to a product.
pub fn add(tx: &mut Tx<'_>, account: AccountId, good: GoodId, pincodes: &[String]) -> Result<(), Error> {
    let highest = tx.row(&HIGHEST, &[account.0.into(), good.0.into()], |row| row.int(0))?.unwrap_or(0);
    let numbered = (highest + 1..).zip(pincodes);
    tx.execute_each(
        &ADD,
        &mut numbered
            .map(|(number, pincode)| vec![account.0.into(), good.0.into(), number.into(), pincode.into()]),
    )
}

/// Adds pin codes to a product unless it has or had one of them: then none is added, and it is said which one, and which order got it.
pub fn add_new(
    tx: &mut Tx<'_>,
    account: AccountId,
    good: GoodId,
    pincodes: &[String],
) -> Result<Option<(usize, Option<OrderId>)>, Error> {
    let places: HashMap<&str, usize> = pincodes.iter().map(String::as_str).zip(0..).collect();
    let mut taken = None;
    each(tx, account, good, |code, order| {
        if let Some(place) = places.get(code) {
            taken.get_or_insert((*place, order));
        }
        Ok::<(), Error>(())
    })?;
    if taken.is_none() {
        add(tx, account, good, pincodes)?;
    }
    Ok(taken)
}

const LEFT: Sql = Sql::new(
    "pincodes.left",
    "SELECT COUNT(*) FROM pincodes WHERE account_id = $1 AND good_id = $2 AND order_id = 0",
);

/// How many pin codes of a product are free.
pub fn left(tx: &mut Tx<'_>, account: AccountId, good: GoodId) -> Result<u64, Error> {
    tx.counted(&LEFT, &[account.0.into(), good.0.into()])
}

const EACH: Sql = Sql::new(
    "pincodes.each",
    "SELECT pincode, order_id FROM pincodes WHERE account_id = $1 AND good_id = $2 ORDER BY pincode_no",
);

/// Shows every pin code of a product, oldest first, with the order that has it.
pub fn each<E: From<Error>>(
    tx: &mut Tx<'_>,
    account: AccountId,
    good: GoodId,
    mut show: impl FnMut(&str, Option<OrderId>) -> Result<(), E>,
) -> Result<(), E> {
    tx.rows(&EACH, &[account.0.into(), good.0.into()], |row| {
        let order = Some(row.int(1)?).filter(|order| *order != 0);
        show(row.text(0)?, order.map(OrderId))
    })
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&TAKE, &HIGHEST, &ADD, &LEFT, &EACH];
