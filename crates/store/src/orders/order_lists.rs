//! Lists of orders, by time or by customer.

use billhook_wire::{Email, OrderId, PayStatus};

use crate::{
    AccountId, Arg, Error, Sql, Tx,
    orders::{self, Order, order_lines},
};

/// Which time of an order counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// When it was created.
    Created,
    /// When it was paid; only paid orders.
    Paid,
}

const BY_CREATED: Sql = order_lines!(
    "order_lists.by_created",
    "o.account_id = $1 AND o.deleted = 0 AND o.created >= $2 AND o.created <= $3",
    "o.created, o.order_id"
);
const BY_PAID: Sql = order_lines!(
    "order_lists.by_paid",
    "o.account_id = $1 AND o.deleted = 0 AND o.pay_status = 'paid' AND o.paid >= $2 AND o.paid <= $3",
    "o.paid, o.order_id"
);

/// Shows orders in a time range (unix seconds, both ends included), by that time. Hidden ones are left out.
pub fn between<E: From<Error>>(
    tx: &mut Tx<'_>,
    account: AccountId,
    by: By,
    (begin, end): (i64, i64),
    show: impl FnMut(Order) -> Result<(), E>,
) -> Result<(), E> {
    let sql = match by {
        By::Created => &BY_CREATED,
        By::Paid => &BY_PAID,
    };
    orders::show_each(tx, sql, &[account.0.into(), begin.into(), end.into()], show)
}

/// How many orders one statement asks for by number.
const ASKED_AT_ONCE: usize = 100;

/// Shows the orders with these numbers.
pub fn each_of<E: From<Error>>(
    tx: &mut Tx<'_>,
    account: AccountId,
    ids: &[OrderId],
    mut take: impl FnMut(Order) -> Result<(), E>,
) -> Result<(), E> {
    for some in ids.chunks(ASKED_AT_ONCE) {
        let args: Vec<Vec<Arg<'_>>> = some.iter().map(|id| vec![account.0.into(), id.0.into()]).collect();
        let mut found: Vec<Order> = Vec::with_capacity(some.len());
        tx.rows_each(&orders::FIND, &args, |_, row| {
            match found.last_mut() {
                Some(last) if last.id.0 == row.int(0)? => last.lines.push(orders::line(row)?),
                _ => found.push(orders::order(row)?),
            }
            Ok(())
        })?;
        found.into_iter().try_for_each(&mut take)?;
    }
    Ok(())
}

const NEWEST_CREATED: Sql = Sql::new(
    "order_lists.newest_created",
    "SELECT order_id FROM orders
      WHERE account_id = $1 AND deleted = 0 AND created >= $2 AND created <= $3 AND ($4 = '' OR pay_status = $4)
      ORDER BY created DESC, order_id DESC LIMIT $5",
);
const NEWEST_PAID: Sql = Sql::new(
    "order_lists.newest_paid",
    "SELECT order_id FROM orders
      WHERE account_id = $1 AND deleted = 0 AND pay_status = 'paid' AND paid >= $2 AND paid <= $3 AND ($4 = '' OR pay_status = $4)
      ORDER BY paid DESC, order_id DESC LIMIT $5",
);

/// The numbers of the last `most` orders in a time range, both ends included, by that time, without hidden
/// ones.
pub fn newest(
    tx: &mut Tx<'_>,
    account: AccountId,
    by: By,
    (begin, end): (i64, i64),
    state: Option<PayStatus>,
    most: u32,
) -> Result<Vec<OrderId>, Error> {
    let sql = match by {
        By::Created => &NEWEST_CREATED,
        By::Paid => &NEWEST_PAID,
    };
    let state = state.map_or("", PayStatus::as_str);
    let args = [account.0.into(), begin.into(), end.into(), state.into(), i64::from(most).into()];
    let mut numbers = tx.all(sql, &args, |row| row.int(0).map(OrderId))?;
    numbers.reverse();
    Ok(numbers)
}

const OF_CUSTOMER: Sql = Sql::new(
    "order_lists.of_customer",
    "SELECT order_id FROM order_lines WHERE account_id = $1 AND email_key = $2 AND position = 0 ORDER BY order_id",
);

/// The numbers of a customer's orders, ascending. Hidden ones are left out.
pub fn of_customer(tx: &mut Tx<'_>, account: AccountId, email: &Email) -> Result<Vec<OrderId>, Error> {
    tx.all(&OF_CUSTOMER, &[account.0.into(), email.key().into()], |row| row.int(0).map(OrderId))
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&BY_CREATED, &BY_PAID, &NEWEST_CREATED, &NEWEST_PAID, &OF_CUSTOMER];
