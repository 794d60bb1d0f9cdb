//! Numbers for new orders, set aside some at a time.
//!
//! Transactions that all read the highest number, and then add the next one, would all meet each other. So a node takes a few numbers
//! at once, outside of any transaction of an order, and gives each of them to one order. Those that it does not use are used by nobody.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, Mutex},
};

use super::{
    failed::Why,
    pool::{Pool, lock},
};
use crate::{Error, Sql, tx::Arg};

/// Numbers taken at once.
const SET_ASIDE: i64 = 32;
/// How often a node tries that meets another one.
const RETRIES_MAX: u32 = 20;

/// The numbers that this node has set aside, by account.
#[derive(Default)]
pub(super) struct Numbers(Mutex<HashMap<i64, Arc<Mutex<Range<i64>>>>>);

// Where few numbers are left, nothing is set aside. Nobody waits until they are on the disk: the order that uses one is there only after
// them. If the database forgets them in a crash, none was used, and who gives one that another node has taken again finds it taken.
const TAKE: Sql = Sql::new(
    "numbers.take",
    "INSERT INTO order_numbers (account_id, next_id)
     SELECT CAST($1 AS BIGINT), highest + 1 + $2
       FROM (SELECT COALESCE(MAX(order_id), 0) AS highest FROM orders WHERE account_id = $1) AS used
      WHERE highest < 9223372036854700000
         ON CONFLICT (account_id) DO UPDATE
            SET next_id = $2 + GREATEST(order_numbers.next_id, excluded.next_id - $2)
          WHERE order_numbers.next_id < 9223372036854700000
     RETURNING next_id - $2, set_config('synchronous_commit', 'off', true)",
);

impl Numbers {
    /// The next number of an account; none if too few are left to be set aside.
    pub(super) fn next(&self, pool: &Pool, account: i64) -> Result<Option<i64>, Error> {
        let set_aside = lock(&self.0).entry(account).or_default().clone();
        // Who needs one of this account meanwhile waits for those that are taken; others don't.
        let mut numbers = lock(&set_aside);
        if let Some(number) = numbers.next() {
            return Ok(Some(number));
        }
        let Some(first) = take(pool, account)? else { return Ok(None) };
        *numbers = first..first.saturating_add(SET_ASIDE);
        Ok(numbers.next())
    }

    /// Gives up what was set aside: an order of one of these numbers came from somewhere else, an import, say.
    pub(super) fn forget(&self) {
        lock(&self.0).clear();
    }
}

/// Takes numbers beyond all that were taken or used; the first of them is the answer.
fn take(pool: &Pool, account: i64) -> Result<Option<i64>, Error> {
    let mut connection = pool.borrow()?;
    let mut retries = 0;
    loop {
        let mut first = None;
        let args = [Arg::Int(account), Arg::Int(SET_ASIDE)];
        let done = connection.rows(None, &TAKE, &args, &mut |row| {
            first = row.try_get::<_, i64>(0).ok();
            true
        });
        match done {
            // Where the database's own default is to serialize.
            Err(failed) if failed.why == Why::Conflict && retries < RETRIES_MAX => retries += 1,
            Err(failed) if failed.why == Why::Lost && retries < 1 => {
                retries += 1;
                connection = pool.connect()?;
            }
            Err(failed) => return Err(failed.error),
            Ok(()) => {
                pool.give_back(connection);
                return Ok(first);
            }
        }
    }
}
