//! Lists in pages: the rows after a number, up to a maximum, and the total.
//!
//! A page costs only its own rows. A list by number that is limited to a time is found, like its total, in a
//! covering index of that time.

use std::collections::{BTreeSet, HashSet};

use billhook_wire::{
    Email, GoodId, OrderId, PayStatus,
    method::{Bills, GoodType},
    unix_time::UNIX_TIME_MAX,
};

use crate::{
    AccountId, Arg, Error, Sql, Tx,
    orders::{self, order_lists::By},
    products::{self, Listing},
    table::{Stores as _, statement_text::sql},
};

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Its items, by number.
    pub items: T,
    /// The last number of the page, if more follow.
    pub next: Option<i64>,
    /// The number of items on all pages.
    pub total: u64,
}

/// The requested page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The page begins after this number.
    pub after: i64,
    /// The maximum number of items.
    pub most: u32,
}

impl Wanted {
    /// One more than fit, to see whether more follow.
    fn most_and_one(self) -> usize {
        usize::try_from(self.most).unwrap_or(usize::MAX).saturating_add(1)
    }

    /// The same as an argument of a statement.
    fn limit(self) -> Arg<'static> {
        (i64::from(self.most) + 1).into()
    }

    /// Makes a page from the rows found, which may be one more than fit.
    fn page<T>(self, mut found: Vec<T>, number: impl Fn(&T) -> i64, total: u64) -> Page<Vec<T>> {
        let more = found.len() >= self.most_and_one();
        found.truncate(self.most_and_one() - 1);
        let next = found.last().map(number).filter(|_| more);
        Page { items: found, next, total }
    }
}

const ALL: Sql = Sql::new(
    "list_pages.all",
    "SELECT order_id FROM orders WHERE account_id = $1 AND deleted = 0 AND order_id > $2 ORDER BY order_id LIMIT $3",
);
// The unary plus keeps engines from using the index by number, which would read all orders outside the time.
const CREATED: Sql = Sql::new(
    "list_pages.created",
    "SELECT order_id FROM orders
      WHERE account_id = $1 AND deleted = 0 AND created >= $2 AND created <= $3 AND +order_id > $4
      ORDER BY +order_id LIMIT $5",
);
const PAID: Sql = Sql::new(
    "list_pages.paid",
    "SELECT order_id FROM orders
      WHERE account_id = $1 AND deleted = 0 AND pay_status = 'paid' AND paid >= $2 AND paid <= $3 AND +order_id > $4
      ORDER BY +order_id LIMIT $5",
);
const COUNT_CREATED: Sql = Sql::new(
    "list_pages.count_created",
    "SELECT COUNT(*) FROM orders WHERE account_id = $1 AND deleted = 0 AND created >= $2 AND created <= $3",
);
const COUNT_PAID: Sql = Sql::new(
    "list_pages.count_paid",
    "SELECT COUNT(*) FROM orders
      WHERE account_id = $1 AND deleted = 0 AND pay_status = 'paid' AND paid >= $2 AND paid <= $3",
);

/// The numbers of the orders in a time range (unix seconds, both ends included), without hidden ones.
pub fn orders(
    tx: &mut Tx<'_>,
    account: AccountId,
    by: By,
    (begin, end): (i64, i64),
    wanted: Wanted,
) -> Result<Page<Vec<OrderId>>, Error> {
    let time = [account.0.into(), begin.into(), end.into()];
    let count = match by {
        By::Created => &COUNT_CREATED,
        By::Paid => &COUNT_PAID,
    };
    let total = tx.counted(count, &time)?;
    let [account, begin_at, end_at] = time;
    let (after, most) = (wanted.after.into(), wanted.limit());
    let is_any_time = begin <= 0 && end >= UNIX_TIME_MAX;
    let found = match by {
        By::Created if is_any_time => numbers(tx, &ALL, &[account, after, most])?,
        By::Created => numbers(tx, &CREATED, &[account, begin_at, end_at, after, most])?,
        By::Paid => numbers(tx, &PAID, &[account, begin_at, end_at, after, most])?,
    };
    Ok(wanted.page(found, |id| id.0, total))
}

const VERSIONS: Sql = Sql::new(
    "list_pages.versions",
    "SELECT version_id, good_id, good_name FROM product_versions WHERE account_id = $1",
);
const LINES_CREATED: Sql = Sql::new(
    "list_pages.lines_created",
    "SELECT o.order_id, l.version_id FROM orders o CROSS JOIN order_lines l
      WHERE o.account_id = $1 AND o.deleted = 0 AND o.created >= $2 AND o.created <= $3
        AND l.account_id = o.account_id AND l.email_key = o.email_key AND l.order_id = o.order_id
      ORDER BY o.created, o.order_id",
);
const LINES_PAID: Sql = Sql::new(
    "list_pages.lines_paid",
    "SELECT o.order_id, l.version_id FROM orders o CROSS JOIN order_lines l
      WHERE o.account_id = $1 AND o.deleted = 0 AND o.pay_status = 'paid' AND o.paid >= $2 AND o.paid <= $3
        AND l.account_id = o.account_id AND l.email_key = o.email_key AND l.order_id = o.order_id
      ORDER BY o.paid, o.order_id",
);

/// The same for orders with a product that `is_wanted`, by its number or its name when it was ordered. No
/// index has the products, so all lines of that time are read.
pub fn orders_holding(
    tx: &mut Tx<'_>,
    account: AccountId,
    by: By,
    (begin, end): (i64, i64),
    wanted: Wanted,
    is_wanted: impl Fn(GoodId, &str) -> bool,
) -> Result<Page<Vec<OrderId>>, Error> {
    let mut versions = HashSet::new();
    tx.rows(&VERSIONS, &[account.0.into()], |row| {
        if is_wanted(GoodId(row.int(1)?), row.text(2)?) {
            versions.insert(row.int(0)?);
        }
        Ok::<(), Error>(())
    })?;
    let sql = match by {
        By::Created => &LINES_CREATED,
        By::Paid => &LINES_PAID,
    };
    let (mut total, mut last) = (0, None);
    let mut lowest = BTreeSet::new();
    tx.rows(sql, &[account.0.into(), begin.into(), end.into()], |row| {
        let (order, version) = (row.int(0)?, row.int(1)?);
        // An order's lines follow each other.
        if last == Some(order) || !versions.contains(&version) {
            return Ok(());
        }
        last = Some(order);
        total += 1;
        if order > wanted.after {
            lowest.insert(OrderId(order));
            if lowest.len() > wanted.most_and_one() {
                lowest.pop_last();
            }
        }
        Ok::<(), Error>(())
    })?;
    Ok(wanted.page(lowest.into_iter().collect(), |id| id.0, total))
}

const OF_CUSTOMER: Sql = Sql::new(
    "list_pages.of_customer",
    "SELECT order_id FROM order_lines
      WHERE account_id = $1 AND email_key = $2 AND order_id > $3 AND position = 0 AND ($4 = '' OR pay_status = $4)
      ORDER BY order_id LIMIT $5",
);
const COUNT_OF_CUSTOMER: Sql = Sql::new(
    "list_pages.count_of_customer",
    "SELECT COUNT(*) FROM order_lines
      WHERE account_id = $1 AND email_key = $2 AND position = 0 AND ($3 = '' OR pay_status = $3)",
);
const BILLS: Sql = Sql::new(
    "list_pages.bills",
    "SELECT order_id, version_id, pay_status FROM order_lines
      WHERE account_id = $1 AND email_key = $2 AND order_id > $3 AND order_id <= $4
      ORDER BY order_id, position",
);

/// The products of a customer's orders; in any state if `state` is `None`.
pub fn bills(
    tx: &mut Tx<'_>,
    account: AccountId,
    email: &Email,
    state: Option<PayStatus>,
    wanted: Wanted,
) -> Result<Page<Bills>, Error> {
    let (number, key) = (account.0.into(), email.key().into());
    let word = state.map_or("", PayStatus::as_str).into();
    let after = wanted.after.into();
    let total = tx.counted(&COUNT_OF_CUSTOMER, &[number, key, word])?;
    let found = numbers(tx, &OF_CUSTOMER, &[number, key, after, word, wanted.limit()])?;
    let Page { items: orders, next, total } = wanted.page(found, |id| id.0, total);
    let items = match orders.last() {
        Some(last) => orders::bills(tx, &BILLS, &[number, key, after, last.0.into()], account, state)?,
        None => Bills::default(),
    };
    Ok(Page { items, next, total })
}

const GOODS: Sql = sql!(
    "list_pages.goods",
    "SELECT ",
    Piece::List(Listing::COLUMNS, ""),
    ", good_type FROM products
      WHERE account_id = $1 AND deleted = 0 AND good_id > $2 ORDER BY good_id LIMIT $3",
);
const COUNT_GOODS: Sql =
    Sql::new("list_pages.count_goods", "SELECT COUNT(*) FROM products WHERE account_id = $1 AND deleted = 0");

/// The products of the catalogue, with the fields of its lists.
pub fn goods(
    tx: &mut Tx<'_>,
    account: AccountId,
    wanted: Wanted,
) -> Result<Page<Vec<(Listing, GoodType)>>, Error> {
    let total = tx.counted(&COUNT_GOODS, &[account.0.into()])?;
    let mut found = Vec::new();
    products::show_names(
        tx,
        &GOODS,
        &[account.0.into(), wanted.after.into(), wanted.limit()],
        |product, good_type| {
            found.push((product, good_type));
            Ok::<(), Error>(())
        },
    )?;
    Ok(wanted.page(found, |(product, _)| product.id.0, total))
}

fn numbers(tx: &mut Tx<'_>, sql: &'static Sql, args: &[Arg<'_>]) -> Result<Vec<OrderId>, Error> {
    tx.all(sql, args, |row| row.int(0).map(OrderId))
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[
    &ALL,
    &CREATED,
    &PAID,
    &COUNT_CREATED,
    &COUNT_PAID,
    &VERSIONS,
    &LINES_CREATED,
    &LINES_PAID,
    &OF_CUSTOMER,
    &COUNT_OF_CUSTOMER,
    &BILLS,
    &GOODS,
    &COUNT_GOODS,
];
