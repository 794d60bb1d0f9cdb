//! Finds the order that a new one repeats (decision 17), at a bounded cost.

use billhook_wire::{Email, GoodId, Money, OrderId, PayStatus};

use crate::{AccountId, Error, Sql, Tx, orders::LINES_MAX};

/// An order's products and prices, in any order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content(Vec<(GoodId, Money)>);

impl Content {
    /// The content of an order with these lines.
    pub fn new(lines: impl Iterator<Item = (GoodId, Money)>) -> Self {
        let mut lines: Vec<_> = lines.collect();
        lines.sort_unstable();
        Self(lines)
    }

    fn sums(&self) -> Vec<Money> {
        sorted(self.0.iter().map(|(_, sum)| *sum).collect())
    }
}

fn sorted(mut sums: Vec<Money>) -> Vec<Money> {
    sums.sort_unstable();
    sums
}

/// How many of a customer's newest lines are compared: enough for one whole order. The limit keeps one
/// account from blocking the writer that all share.
const LINES_LOOKED_AT: usize = LINES_MAX;

const NEWEST: Sql = Sql::new(
    "same_order.newest",
    "SELECT order_id, pay_status, sum FROM order_lines
      WHERE account_id = $1 AND email_key = $2
      ORDER BY order_id DESC, position DESC LIMIT $3",
);
const LINES: Sql = Sql::new(
    "same_order.lines",
    "SELECT v.good_id, l.sum
       FROM orders o CROSS JOIN order_lines l CROSS JOIN product_versions v
      WHERE o.account_id = $1 AND o.order_id = $2 AND o.created >= $3 AND o.created <= $4
        AND l.account_id = o.account_id AND l.email_key = o.email_key AND l.order_id = o.order_id
        AND v.account_id = l.account_id AND v.version_id = l.version_id",
);

/// A customer's newest waiting order from this time range (both ends included) with one of these contents.
pub fn find(
    tx: &mut Tx<'_>,
    account: AccountId,
    email: Option<&Email>,
    contents: &[Content],
    (begin, end): (i64, i64),
) -> Result<Option<OrderId>, Error> {
    let key = email.map_or("", Email::key);
    let most = i64::try_from(LINES_LOOKED_AT).unwrap_or(i64::MAX);
    let mut waiting: Vec<(OrderId, Vec<Money>)> = Vec::new();
    tx.rows(&NEWEST, &[account.0.into(), key.into(), most.into()], |row| {
        let (id, sum) = (OrderId(row.int(0)?), Money::from_kopecks(row.int(2)?));
        match waiting.last_mut() {
            _ if row.text(1)? != PayStatus::Waiting.as_str() => {}
            Some((last, sums)) if *last == id => sums.push(sum),
            _ => waiting.push((id, vec![sum])),
        }
        Ok::<(), Error>(())
    })?;
    // Most differ in their sums. For the others, products and time are read from other tables.
    let wanted: Vec<_> = contents.iter().map(Content::sums).collect();
    let alike = waiting.into_iter().filter(|(_, sums)| wanted.contains(&sorted(sums.clone())));
    for (id, _) in alike {
        let lines = tx.all(&LINES, &[account.0.into(), id.0.into(), begin.into(), end.into()], |row| {
            Ok((GoodId(row.int(0)?), Money::from_kopecks(row.int(1)?)))
        })?;
        if contents.contains(&Content::new(lines.into_iter())) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&NEWEST, &LINES];
