//! Calls with an idempotency key and their answers, kept for a day for repeated calls (decision 91).

use crate::{
    AccountId, Error, Sql, Tx,
    table::{self, Columns, Stores as _, Table, row, statement_text::sql},
};

/// How long a call is stored, in seconds.
const KEPT_SECONDS: i64 = 24 * 60 * 60;

/// A call that was done, with its answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DoneCall {
    /// The method's name.
    pub method: String,
    /// The digest of the parameters.
    pub parameters: String,
    /// The answer's text, which some methods vary on success.
    pub error_text: String,
    /// The result, as JSON.
    pub result: String,
}

row! {
    DoneCall: "call" {
        method: String = method since 4,
        parameters: String = parameters since 4,
        error_text: String = error_text since 4,
        result: String = result since 4,
    }
}

pub(crate) const TABLE: Table = Table {
    name: "idempotency_keys",
    columns: &[
        Columns::one::<i64>("account_id").since(4),
        Columns::one::<String>("idempotency_key").since(4),
        Columns::Of(DoneCall::COLUMNS),
        Columns::one::<i64>("created").since(4),
    ],
    key: &["account_id", "idempotency_key"],
};

const FIND: Sql = sql!(
    "idempotency.find",
    "SELECT ",
    Piece::List(DoneCall::COLUMNS, ""),
    " FROM idempotency_keys WHERE account_id = $1 AND idempotency_key = $2 AND created > $3",
);

/// The account's call with this key, unless it is more than a day old. `now` is in unix seconds.
pub fn find(tx: &mut Tx<'_>, account: AccountId, key: &str, now: i64) -> Result<Option<DoneCall>, Error> {
    tx.row(&FIND, &[account.0.into(), key.into(), (now - KEPT_SECONDS).into()], table::read)
}

const KEEP: Sql = sql!("idempotency.keep", Piece::Upsert(&TABLE));

/// Stores a call that [`find`] did not find. Call it in the transaction that does the call.
pub fn keep(tx: &mut Tx<'_>, account: AccountId, key: &str, call: &DoneCall, now: i64) -> Result<(), Error> {
    let mut args = vec![account.0.into(), key.into()];
    call.args(&mut args);
    args.push(now.into());
    tx.execute(&KEEP, &args).map(drop)
}

const EXPIRED: Sql = Sql::new(
    "idempotency.expired",
    "SELECT account_id, idempotency_key FROM idempotency_keys WHERE created <= $1 ORDER BY created LIMIT $2",
);

/// Keys of all accounts whose calls are more than a day old.
pub fn expired(tx: &mut Tx<'_>, now: i64, most: u32) -> Result<Vec<(AccountId, String)>, Error> {
    tx.all(&EXPIRED, &[(now - KEPT_SECONDS).into(), i64::from(most).into()], |row| {
        Ok((AccountId(row.int(0)?), row.text(1)?.to_owned()))
    })
}

const FORGET: Sql = Sql::new(
    "idempotency.forget",
    "DELETE FROM idempotency_keys WHERE account_id = $1 AND idempotency_key = $2 AND created <= $3",
);

/// Deletes what [`expired`] has found, except keys that were used again since.
pub fn forget(tx: &mut Tx<'_>, keys: &[(AccountId, String)], now: i64) -> Result<(), Error> {
    let until = now - KEPT_SECONDS;
    tx.execute_each(
        &FORGET,
        &mut keys.iter().map(|(account, key)| vec![account.0.into(), key.into(), until.into()]),
    )
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&FIND, &KEEP, &EXPIRED, &FORGET];
