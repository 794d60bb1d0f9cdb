//! Calls that were done under a key of the caller's, each kept with its answer for a day: whoever repeats one is told the same
//! (decision 91).

use crate::{AccountId, Error, Sql, Tx};

/// How long a call is kept, in seconds.
const KEPT_SECONDS: i64 = 24 * 60 * 60;

/// A call that was done, and what its caller was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoneCall {
    /// The method's name.
    pub method: String,
    /// The digest of the parameters.
    pub parameters: String,
    /// The text beside the code, which is the method's own for success.
    pub error_text: String,
    /// The result, as JSON.
    pub result: String,
}

const FIND: Sql = Sql::new(
    "idempotency.find",
    "SELECT method, parameters, error_text, result FROM idempotency_keys
      WHERE account_id = $1 AND idempotency_key = $2 AND created > $3",
);

/// The account's call under a key, unless it is more than a day old. `now` is in unix seconds.
pub fn find(tx: &mut Tx<'_>, account: AccountId, key: &str, now: i64) -> Result<Option<DoneCall>, Error> {
    tx.row(&FIND, &[account.0.into(), key.into(), (now - KEPT_SECONDS).into()], |row| {
        Ok(DoneCall {
            method: row.text(0)?.to_owned(),
            parameters: row.text(1)?.to_owned(),
            error_text: row.text(2)?.to_owned(),
            result: row.text(3)?.to_owned(),
        })
    })
}

const KEEP: Sql = Sql::new(
    "idempotency.keep",
    "INSERT INTO idempotency_keys (account_id, idempotency_key, method, parameters, error_text, result, created)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (account_id, idempotency_key) DO UPDATE
        SET method = excluded.method, parameters = excluded.parameters, error_text = excluded.error_text,
            result = excluded.result, created = excluded.created",
);

/// Keeps a call that [`find`] does not find, in the transaction that carries it out.
pub fn keep(tx: &mut Tx<'_>, account: AccountId, key: &str, call: &DoneCall, now: i64) -> Result<(), Error> {
    let args = [
        account.0.into(),
        key.into(),
        (&call.method).into(),
        (&call.parameters).into(),
        (&call.error_text).into(),
        (&call.result).into(),
        now.into(),
    ];
    tx.execute(&KEEP, &args).map(drop)
}

const EXPIRED: Sql = Sql::new(
    "idempotency.expired",
    "SELECT account_id, idempotency_key FROM idempotency_keys WHERE created <= $1 ORDER BY created LIMIT $2",
);

/// Keys of all accounts whose calls are more than a day old.
pub fn expired(tx: &mut Tx<'_>, now: i64, most: u32) -> Result<Vec<(AccountId, String)>, Error> {
    let mut keys = Vec::new();
    tx.rows(&EXPIRED, &[(now - KEPT_SECONDS).into(), i64::from(most).into()], |row| {
        keys.push((AccountId(row.int(0)?), row.text(1)?.to_owned()));
        Ok::<(), Error>(())
    })?;
    Ok(keys)
}

const FORGET: Sql = Sql::new(
    "idempotency.forget",
    "DELETE FROM idempotency_keys WHERE account_id = $1 AND idempotency_key = $2 AND created <= $3",
);

/// Forgets what [`expired`] has found, but for keys that have come into use again since.
pub fn forget(tx: &mut Tx<'_>, keys: &[(AccountId, String)], now: i64) -> Result<(), Error> {
    let until = now - KEPT_SECONDS;
    tx.execute_each(
        &FORGET,
        &mut keys.iter().map(|(account, key)| vec![account.0.into(), key.into(), until.into()]),
    )
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&FIND, &KEEP, &EXPIRED, &FORGET];
