//! Webhook endpoints: URLs of the seller's own that are told of an account's events.

use crate::{
    AccountId, Error, Sql, Tx,
    accounts::people::Secret,
    marks,
    table::{self, Columns, Stores as _, Table, row, statement_text::sql},
};

/// The most endpoints of an account.
pub const ENDPOINTS_MAX: usize = 20;

/// Why an endpoint is disabled whose receiver wants no more events.
pub const GONE: &str = "it answered 410 (Gone)";

/// An endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Its number in the account.
    pub id: i64,
    /// Its URL; empty: nothing is sent, and the events are only listed by `billhook.events`.
    pub url: String,
    /// The words of the events that it is told of, with commas between; empty: all.
    pub events: String,
    /// The secret that signs what it gets: `whsec_` and Base64.
    pub secret: Secret,
    /// The secret before, while that signs as well.
    pub old_secret: Secret,
    /// Until when it does, unix seconds.
    pub old_secret_until: i64,
    /// When it was added, unix seconds.
    pub created: i64,
    /// When it was disabled, unix seconds; 0: it is not.
    pub disabled: i64,
    /// Why it was disabled.
    pub reason: String,
}

row! {
    Endpoint: "endpoint" {
        endpoint_id: i64 = id since 7,
        url: String = url since 7,
        events: String = events since 7,
        secret: Secret = secret since 7,
        old_secret: Secret = old_secret since 7,
        old_secret_until: i64 = old_secret_until since 7,
        created: i64 = created since 7,
        disabled: i64 = disabled since 7,
        reason: String = reason since 7,
    }
}

pub(crate) const TABLE: Table = Table {
    name: "endpoints",
    columns: &[Columns::one::<i64>("account_id").since(7), Columns::Of(Endpoint::COLUMNS)],
    key: &["account_id", "endpoint_id"],
};

impl Endpoint {
    /// Whether it is told of the event with this word.
    pub fn asks_for(&self, word: &str) -> bool {
        asks_for(&self.events, word)
    }

    /// The secrets that sign at this time.
    pub fn secrets(&self, now: i64) -> impl Iterator<Item = &Secret> {
        let old = (self.old_secret_until > now).then_some(&self.old_secret);
        std::iter::once(&self.secret).chain(old)
    }

    /// Has a new secret sign, and the old one too until a time, if one is given.
    pub fn rotate_secret(&mut self, secret: Secret, keep_old_until: Option<i64>) {
        let old = std::mem::replace(&mut self.secret, secret);
        self.old_secret = if keep_old_until.is_some() { old } else { Secret::default() };
        self.old_secret_until = keep_old_until.unwrap_or(0);
    }

    /// Its URL for people.
    pub fn shown_url(&self) -> &str {
        if self.url.is_empty() { "(listen only)" } else { &self.url }
    }
}

/// Whether a list of events has this one.
pub(crate) fn asks_for(events: &str, word: &str) -> bool {
    events.is_empty() || events.split(',').any(|asked| asked == word)
}

const LIST: Sql = sql!(
    "endpoints.list",
    "SELECT ",
    Piece::List(Endpoint::COLUMNS, ""),
    " FROM endpoints WHERE account_id = $1 ORDER BY endpoint_id",
);

/// An account's endpoints, by number.
pub fn list(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<Endpoint>, Error> {
    tx.all(&LIST, &[account.0.into()], table::read)
}

const FIND: Sql = sql!(
    "endpoints.find",
    "SELECT ",
    Piece::List(Endpoint::COLUMNS, ""),
    " FROM endpoints WHERE account_id = $1 AND endpoint_id = $2",
);

/// The endpoint with this number.
pub fn find(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<Option<Endpoint>, Error> {
    tx.row(&FIND, &[account.0.into(), id.into()], table::read)
}

const PUT: Sql = sql!("endpoints.put", Piece::Upsert(&TABLE));

/// Stores a changed endpoint.
pub fn put(tx: &mut Tx<'_>, account: AccountId, endpoint: &Endpoint) -> Result<(), Error> {
    tx.execute(&PUT, &table::args(account, endpoint)).map(drop)
}

/// Adds an endpoint under the next number, which is never used again. `None`: there are too many.
pub fn add(tx: &mut Tx<'_>, account: AccountId, endpoint: &Endpoint) -> Result<Option<i64>, Error> {
    let known = list(tx, account)?;
    if known.len() >= ENDPOINTS_MAX {
        return Ok(None);
    }
    let highest =
        known.last().map_or(0, |last| last.id).max(marks::highest_removed(tx, account, "endpoint")?);
    let id = highest + 1;
    put(tx, account, &Endpoint { id, ..endpoint.clone() })?;
    Ok(Some(id))
}

const REMOVE: Sql =
    Sql::new("endpoints.remove", "DELETE FROM endpoints WHERE account_id = $1 AND endpoint_id = $2");

/// Removes an endpoint. What waits for it is not sent any more. False: there was none.
pub fn remove(tx: &mut Tx<'_>, account: AccountId, id: i64) -> Result<bool, Error> {
    marks::note_removed(tx, account, "endpoint", id)?;
    Ok(tx.execute(&REMOVE, &[account.0.into(), id.into()])? > 0)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&LIST, &FIND, &PUT, &REMOVE];
