//! The customers of an account: the e-mails of its orders. No table holds them, so what is said of a customer is read from the orders.
//!
//! A customer stands in the list where the newest of his orders does.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
};

use billhook_wire::{Email, Money, OrderId, PayStatus};

use crate::{
    AccountId, Error, Sql, Tx,
    orders::{
        income,
        order_facts::{self, Facts},
        order_search::{self, LOOKED_AT_MAX, NAMED_MAX, Position, START, Stop, Word, limit},
    },
};

/// So many orders are read at once while the newest customers are looked for.
const BATCH: usize = 200;

/// Asking for a customer takes about as long as so many rows.
const ASKING_ROWS: u64 = 10;

/// A customer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Customer {
    /// The newest of his orders, and when it was created, unix seconds.
    pub newest: Position,
    /// How many orders there are; hidden ones don't count.
    pub orders: u64,
    /// How many of them are paid.
    pub paid: u64,
    /// What they have brought in (decision 92).
    pub received: Money,
    /// Whether there are more orders than were looked at.
    pub is_cut: bool,
}

/// A page of customers.
#[derive(Debug, Default)]
pub struct Found {
    /// They, in the list's order.
    pub customers: Vec<Customer>,
    /// Where the next page begins, if there may be one.
    pub next: Option<Position>,
    /// Whether the words name so many orders that customers are missing whose newest order they don't name.
    pub is_cut: bool,
}

const OF_CUSTOMER: Sql = Sql::new(
    "customers.orders",
    "SELECT o.created, o.order_id, o.pay_status, o.price, o.received,
            CAST(COALESCE((SELECT SUM(p.sum) FROM payments p
                            WHERE p.account_id = o.account_id AND p.order_id = o.order_id AND p.sum < 0), 0) AS BIGINT)
       FROM order_lines l CROSS JOIN orders o
      WHERE l.account_id = $1 AND l.email_key = $2 AND l.order_id < $3 AND l.position = 0
        AND o.account_id = l.account_id AND o.order_id = l.order_id
      ORDER BY l.order_id DESC LIMIT $4",
);

/// What is known of a customer; `None` if he has no orders, or one that is newer than a position.
fn customer(
    tx: &mut Tx<'_>,
    account: AccountId,
    email_key: &str,
    newest: Position,
) -> Result<Option<Customer>, Error> {
    let mut customer = Customer { newest: (i64::MIN, i64::MIN), ..Customer::default() };
    let args = [account.0.into(), email_key.into(), i64::MAX.into(), limit(LOOKED_AT_MAX)];
    let read = tx.rows(&OF_CUSTOMER, &args, |row| {
        let position = (row.int(0)?, row.int(1)?);
        if position > newest {
            return Err(Stop::Enough);
        }
        if customer.orders == LOOKED_AT_MAX as u64 {
            customer.is_cut = true;
            return Ok(());
        }
        let is_paid = row.text(2)? == PayStatus::Paid.as_str();
        let [price, received, given_back] = [row.int(3)?, row.int(4)?, row.int(5)?].map(Money::from_kopecks);
        customer.newest = customer.newest.max(position);
        customer.orders += 1;
        customer.paid += u64::from(is_paid);
        customer.received =
            customer.received + received + income::shortfall(is_paid, price, received - given_back);
        Ok(())
    });
    match read {
        Ok(()) => Ok(Some(customer).filter(|customer| customer.orders > 0)),
        Err(Stop::Enough) => Ok(None),
        Err(Stop::Store(error)) => Err(error),
    }
}

/// The customer with this e-mail.
pub fn find(tx: &mut Tx<'_>, account: AccountId, email: &Email) -> Result<Option<Customer>, Error> {
    customer(tx, account, email.key(), START)
}

/// The numbers of a customer's orders below a number, from the highest on, and at most so many.
pub fn orders(
    tx: &mut Tx<'_>,
    account: AccountId,
    email: &Email,
    below: OrderId,
    most: usize,
) -> Result<Vec<OrderId>, Error> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let args = [account.0.into(), email.key().into(), below.0.into(), most.into()];
    tx.all(&OF_CUSTOMER, &args, |row| row.int(1).map(OrderId))
}

/// The customers behind a position of their list ([`START`] for the first page), the newest first: those that any of the words names, or
/// all without a word.
pub fn list(
    tx: &mut Tx<'_>,
    account: AccountId,
    words: &[Word],
    after: Position,
    most: usize,
) -> Result<Found, Error> {
    if words.is_empty() {
        newest(tx, account, words, after, most)
    } else {
        named(tx, account, words, after, most)
    }
}

/// Walks along the orders that the words name, or all of them without a word, the newest first.
fn newest(
    tx: &mut Tx<'_>,
    account: AccountId,
    words: &[Word],
    after: Position,
    most: usize,
) -> Result<Found, Error> {
    let (mut found, mut seen) = (Found::default(), HashSet::new());
    let (mut at, mut looked_at) = (after, 0);
    loop {
        let orders = order_search::newest(tx, account, at, BATCH)?;
        let is_end = orders.len() < BATCH;
        for facts in orders {
            if found.customers.len() == most || looked_at >= LOOKED_AT_MAX as u64 {
                return Ok(Found { next: Some(at), ..found });
            }
            at = (facts.created, facts.id.0);
            looked_at += 1;
            let is_named = words.is_empty() || words.iter().any(|word| facts.are_named_by(word));
            if !is_named || facts.email_key.is_empty() || seen.contains(&facts.email_key) {
                continue;
            }
            looked_at += ASKING_ROWS;
            if let Some(customer) = customer(tx, account, &facts.email_key, at)? {
                looked_at += customer.orders;
                found.customers.push(customer);
            }
            seen.insert(facts.email_key);
        }
        if is_end {
            return Ok(found);
        }
    }
}

/// Those of the orders that the words name. They stand where the newest of these does.
fn named(
    tx: &mut Tx<'_>,
    account: AccountId,
    words: &[Word],
    after: Position,
    most: usize,
) -> Result<Found, Error> {
    let mut places: BTreeMap<String, Position> = BTreeMap::new();
    if order_facts::count_named(tx, account, words)?.iter().sum::<u64>() > NAMED_MAX {
        return Ok(Found { is_cut: true, ..newest(tx, account, words, after, most)? });
    }
    let mut found = Found::default();
    for Facts { id, created, deleted, email_key, .. } in order_facts::named(tx, account, words)? {
        if deleted == 0 && !email_key.is_empty() {
            let place = places.entry(email_key).or_insert((created, id.0));
            *place = (*place).max((created, id.0));
        }
    }
    let mut places: Vec<_> = places.into_iter().filter(|(_, place)| *place < after).collect();
    places.sort_unstable_by_key(|(_, place)| Reverse(*place));
    let (mut looked_at, mut last) = (0, after);
    for (email_key, place) in places {
        if found.customers.len() == most || looked_at >= LOOKED_AT_MAX as u64 {
            return Ok(Found { next: Some(last), ..found });
        }
        last = place;
        if let Some(customer) = customer(tx, account, &email_key, START)? {
            looked_at += customer.orders;
            found.customers.push(customer);
        }
    }
    Ok(found)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&OF_CUSTOMER];
