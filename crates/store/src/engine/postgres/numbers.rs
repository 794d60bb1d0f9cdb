//! Order numbers, reserved in blocks.
//!
//! If every transaction read the highest number and added the next one, they would all conflict. So a node
//! reserves a block of numbers outside of the orders' transactions, and gives each number to one order.
//! Numbers that a node does not use stay unused.

use std::{collections::HashMap, ops::Range, sync::Arc};

use parking_lot::Mutex;

use super::{failed::Why, pool::Pool};
use crate::{Error, Sql, tx::Arg};

/// The size of a block.
const SET_ASIDE: i64 = 32;
/// How often a node retries after a conflict.
const RETRIES_MAX: u32 = 20;

/// This node's reserved numbers, by account.
#[derive(Default)]
pub(super) struct Numbers(Mutex<HashMap<i64, Arc<Mutex<Range<i64>>>>>);

// If few numbers are left, none are reserved. Nothing waits for the sync: an order commits after its number's
// reservation. If a crash loses a reservation, no order has used it. And if another node reserves the same
// numbers, the second order fails because its number is taken.
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
    /// The account's next number; `None` if too few are left to reserve a block.
    pub(super) fn next(&self, pool: &Pool, account: i64) -> Result<Option<i64>, Error> {
        let set_aside = self.0.lock().entry(account).or_default().clone();
        // Others who need a number of this account wait; other accounts do not.
        let mut numbers = set_aside.lock();
        if let Some(number) = numbers.next() {
            return Ok(Some(number));
        }
        let Some(first) = take(pool, account)? else { return Ok(None) };
        *numbers = first..first.saturating_add(SET_ASIDE);
        Ok(numbers.next())
    }

    /// Drops all reserved numbers, because something else, such as an import, has used one.
    pub(super) fn forget(&self) {
        self.0.lock().clear();
    }
}

/// Reserves numbers above all that were reserved or used, and returns the first.
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
            // For databases whose default isolation level is serializable.
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
