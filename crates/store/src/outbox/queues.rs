//! Queues of deliveries: one for each URL of an account, so that a busy receiver holds up no other.

use crate::{AccountId, Error, Row, Sql, Tx};

/// Deliveries of an account that go the same way: the beginnings of their URLs are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// The account.
    pub account: AccountId,
    /// The first 200 characters of the URL: an index takes no long texts.
    pub(crate) beginning: String,
}

impl Queue {
    /// The queue of an account's deliveries to a URL.
    pub fn of(account: AccountId, url: &str) -> Self {
        Self { account, beginning: url.chars().take(200).collect() }
    }
}

/// A queue with the delivery in it that is due first.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The queue.
    pub queue: Queue,
    /// The delivery's URL.
    pub url: String,
    /// When it is due, unix seconds.
    pub due_at: i64,
}

const NEXT_IN_ACCOUNT: Sql = Sql::new(
    "queues.next_in_account",
    "SELECT account_id, substr(url, 1, 200), url, due_at FROM deliveries
      WHERE state = 'pending' AND account_id = $1 AND substr(url, 1, 200) > $2
      ORDER BY substr(url, 1, 200), due_at LIMIT 1",
);
const NEXT_ACCOUNT: Sql = Sql::new(
    "queues.next_account",
    "SELECT account_id, substr(url, 1, 200), url, due_at FROM deliveries
      WHERE state = 'pending' AND account_id > $1 ORDER BY account_id, substr(url, 1, 200), due_at LIMIT 1",
);

fn waiting(row: &dyn Row) -> Result<Waiting, Error> {
    let queue = Queue { account: AccountId(row.int(0)?), beginning: row.text(1)?.to_owned() };
    Ok(Waiting { queue, url: row.text(2)?.to_owned(), due_at: row.int(3)? })
}

/// The next queue after this one, which may be of another account.
pub fn next(tx: &mut Tx<'_>, after: &Queue) -> Result<Option<Waiting>, Error> {
    let args = [after.account.0.into(), (&after.beginning).into()];
    match tx.row(&NEXT_IN_ACCOUNT, &args, waiting)? {
        None => next_account(tx, after.account),
        found => Ok(found),
    }
}

/// The first queue of the next account after this one that has deliveries waiting.
pub fn next_account(tx: &mut Tx<'_>, after: AccountId) -> Result<Option<Waiting>, Error> {
    tx.row(&NEXT_ACCOUNT, &[after.0.into()], waiting)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&NEXT_IN_ACCOUNT, &NEXT_ACCOUNT];
