//! The outbox: an event's deliveries to URLs and endpoints, from the transaction that causes them until they are
//! delivered or given up.
//!
//! A node leases the deliveries that it sends, so that no other node sends them meanwhile. A lease that is not
//! settled ends by itself.

use billhook_wire::OrderId;

use crate::{
    AccountId, Arg, Error, Sql, Tx, marks,
    outbox::queues::Queue,
    table::{self, Columns, Stores as _, Table, row, statement_text::sql, stored},
};

/// How long a lease lasts, in seconds.
pub const LEASE_SECONDS: i64 = 60;
/// A lease that lasts so much longer was made before the clock was set back, in seconds. Less is what the clocks of
/// nodes may differ by.
const CLOCKS_DIFFER: i64 = 60 * 60;
/// The most deliveries of an account that may wait.
pub const PENDING_MAX: u64 = 1_000_000;
/// How long a settled delivery is kept, with its event, in seconds.
const KEPT_SECONDS: i64 = 30 * 24 * 60 * 60;
/// How many rows one transaction drops or forgets.
const BATCH: i64 = 1_000;

/// How far a delivery has got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum State {
    /// It waits, for its first or another try.
    #[default]
    Pending,
    /// Its receiver took it.
    Delivered,
    /// It is not tried any more.
    Failed,
    /// The operator dropped it.
    Dropped,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Delivered, Self::Failed, Self::Dropped];

    /// Its word in the store, in commands and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }

    /// The state that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

stored! {
    State: false, |state| state.as_str(), Arg::Text(word) => Self::parse(word);
}

/// The name of a delivery in its account: its event's number, and its own number among that event's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId {
    /// The event's number.
    pub event: i64,
    /// The number among the event's deliveries, from 1.
    pub target: i64,
}

/// A delivery.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Its name.
    pub id: DeliveryId,
    /// The event's word.
    pub event: String,
    /// The order; 0: none.
    pub order: OrderId,
    /// The endpoint; 0: the URL is a product's.
    pub endpoint: i64,
    /// The URL.
    pub url: String,
    /// How far it has got.
    pub state: State,
    /// How often it was tried since it began to wait.
    pub tries: u32,
    /// When it is tried next, unix seconds; 0: at once.
    pub due_at: i64,
    /// When it was settled, unix seconds; 0: it waits.
    pub ended: i64,
    /// The HTTP status of the last try; 0: there was no answer, or no try.
    pub status: u32,
    /// Why the last try failed; empty: it did not.
    pub reason: String,
    /// The node that sends it.
    lease: String,
    leased_until: i64,
}

row! {
    Delivery: "delivery" {
        event_no: i64 = id.event since 7,
        target_no: i64 = id.target since 7,
        event: String = event since 7,
        order_id: OrderId = order since 7,
        endpoint_id: i64 = endpoint since 7,
        url: String = url since 7,
        state: State = state since 7,
        tries: u32 = tries since 7,
        due_at: i64 = due_at since 7,
        ended: i64 = ended since 7,
        status: u32 = status since 7,
        reason: String = reason since 7,
        lease: String = lease since 7,
        leased_until: i64 = leased_until since 7,
    }
}

pub(crate) const TABLE: Table = Table {
    name: "deliveries",
    columns: &[Columns::one::<i64>("account_id").since(7), Columns::Of(Delivery::COLUMNS)],
    key: &["account_id", "event_no", "target_no"],
};

/// One try.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Try {
    /// When it began, unix seconds.
    pub at: i64,
    /// The HTTP status; 0: there was no answer.
    pub status: u32,
    /// How long it took, in milliseconds.
    pub milliseconds: u32,
    /// Why it failed; empty: it did not.
    pub reason: String,
    /// The beginning of the answer.
    pub answer: String,
}

row! {
    Try: "try" {
        at: i64 = at since 7,
        status: u32 = status since 7,
        milliseconds: u32 = milliseconds since 7,
        reason: String = reason since 7,
        answer: String = answer since 7,
    }
}

pub(crate) const TRIES: Table = Table {
    name: "delivery_tries",
    columns: &[
        Columns::one::<i64>("account_id").since(7),
        Columns::one::<i64>("event_no").since(7),
        Columns::one::<i64>("target_no").since(7),
        Columns::one::<i64>("try_no").since(7),
        Columns::Of(Try::COLUMNS),
    ],
    key: &["account_id", "event_no", "target_no", "try_no"],
};

const ADD: Sql = sql!("deliveries.add", Piece::Insert(&TABLE));

/// Adds an event's deliveries, each to an endpoint (0: a product's) and its URL.
pub(crate) fn add(
    tx: &mut Tx<'_>,
    account: AccountId,
    (number, event, order): (i64, &str, OrderId),
    targets: &[(i64, String)],
) -> Result<(), Error> {
    let deliveries: Vec<_> = (1..)
        .zip(targets)
        .map(|(target, (endpoint, url))| Delivery {
            id: DeliveryId { event: number, target },
            event: event.to_owned(),
            order,
            endpoint: *endpoint,
            url: url.clone(),
            ..Delivery::default()
        })
        .collect();
    tx.execute_each(&ADD, &mut deliveries.iter().map(|delivery| table::args(account, delivery)))?;
    tx.on_commit(|| RAISED.notify_one());
    Ok(())
}

static RAISED: tokio::sync::Notify = tokio::sync::Notify::const_new();

/// Returns when this process has committed a new delivery since the last return.
pub async fn raised() {
    RAISED.notified().await;
}

// A lease of the far future ($6) was made before the clock was set back. CROSS JOIN fixes the order of
// reading: the events of one order, and not all earlier ones of the account.
const CLAIM: Sql = sql!(
    "deliveries.claim",
    "UPDATE deliveries SET lease = $1, leased_until = $2
      WHERE (account_id, event_no, target_no) IN (
            SELECT d.account_id, d.event_no, d.target_no FROM deliveries d
             WHERE d.account_id = $3 AND d.state = 'pending' AND substr(d.url, 1, 200) = $4 AND d.due_at <= $5
               AND (d.leased_until <= $5 OR d.leased_until > $6 OR (CAST($7 AS BIGINT) = 1 AND d.lease <> $1))
               AND (d.order_id = 0
                    OR NOT EXISTS (SELECT 1 FROM events e CROSS JOIN deliveries b
                                    WHERE e.account_id = d.account_id AND e.order_id = d.order_id
                                      AND e.event_no < d.event_no AND b.account_id = e.account_id
                                      AND b.event_no = e.event_no AND b.url = d.url
                                      AND b.state = 'pending' AND b.tries = 0))
             ORDER BY d.due_at, d.event_no, d.target_no LIMIT $8)
     RETURNING ",
    Piece::List(Delivery::COLUMNS, ""),
);

/// A node that sends.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its name, different for each start.
    pub name: String,
    /// Whether it is the only one, so that leases of others are left from before.
    pub is_alone: bool,
}

/// Leases a queue's due deliveries to a node, the oldest first.
///
/// A delivery waits while the same URL has not been tried with an earlier event of the same order.
pub fn claim(
    tx: &mut Tx<'_>,
    queue: &Queue,
    node: &Node,
    now: i64,
    most: u32,
) -> Result<Vec<Delivery>, Error> {
    let args = [
        (&node.name).into(),
        (now + LEASE_SECONDS).into(),
        queue.account.0.into(),
        (&queue.beginning).into(),
        now.into(),
        (now + LEASE_SECONDS + CLOCKS_DIFFER).into(),
        node.is_alone.into(),
        i64::from(most).into(),
    ];
    let mut claimed = tx.all(&CLAIM, &args, table::read::<Delivery>)?;
    claimed.sort_by_key(|delivery| (delivery.due_at, delivery.id));
    Ok(claimed)
}

/// What has become of a leased delivery.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It was tried, and is settled with this state, or waits until a time (unix seconds) for the next try.
    Tried(Try, Result<State, i64>),
    /// It was not tried, and waits until this time.
    Postponed(i64),
}

const SETTLE: Sql = Sql::new(
    "deliveries.settle",
    "UPDATE deliveries SET state = $1, tries = tries + 1, due_at = $2, ended = $3, status = $4, reason = $5, lease = '',
                           leased_until = 0
      WHERE account_id = $6 AND event_no = $7 AND target_no = $8 AND lease = $9",
);
const POSTPONE: Sql = Sql::new(
    "deliveries.postpone",
    "UPDATE deliveries SET due_at = $1, lease = '', leased_until = 0
      WHERE account_id = $2 AND event_no = $3 AND target_no = $4 AND lease = $5",
);
const ADD_TRY: Sql = Sql::new(
    "deliveries.add_try",
    "INSERT INTO delivery_tries (account_id, event_no, target_no, try_no, at, status, milliseconds, reason, answer)
     VALUES ($1, $2, $3, (SELECT COALESCE(MAX(try_no), 0) + 1 FROM delivery_tries
                           WHERE account_id = $1 AND event_no = $2 AND target_no = $3), $4, $5, $6, $7, $8)",
);

/// Writes what has become of a node's leased deliveries. One that the node holds no longer is left alone.
pub fn settle(
    tx: &mut Tx<'_>,
    account: AccountId,
    node: &Node,
    outcomes: &[(DeliveryId, Outcome)],
    now: i64,
) -> Result<(), Error> {
    for (id, outcome) in outcomes {
        let key: [Arg<'_>; 3] = [account.0.into(), id.event.into(), id.target.into()];
        match outcome {
            Outcome::Postponed(until) => {
                let args = [&[(*until).into()][..], &key, &[(&node.name).into()]].concat();
                tx.execute(&POSTPONE, &args)?;
            }
            Outcome::Tried(tried, next) => {
                let (state, due_at, ended) = match *next {
                    Ok(state) => (state, 0, now),
                    Err(due_at) => (State::Pending, due_at, 0),
                };
                let set = [
                    state.as_str().into(),
                    due_at.into(),
                    ended.into(),
                    i64::from(tried.status).into(),
                    (&tried.reason).into(),
                ];
                if tx.execute(&SETTLE, &[&set[..], &key, &[(&node.name).into()]].concat())? > 0 {
                    let mut args = key.to_vec();
                    tried.args(&mut args);
                    tx.execute(&ADD_TRY, &args)?;
                }
            }
        }
    }
    Ok(())
}

const ALL_BEFORE: Sql = sql!(
    "deliveries.all_before",
    "SELECT ",
    Piece::List(Delivery::COLUMNS, ""),
    " FROM deliveries
      WHERE account_id = $1 AND (event_no, target_no) < ($2, $3) AND event_no >= $4
        AND ($5 = '' OR event = $5) AND (endpoint_id = $6 OR $6 = -1) AND ($7 = '' OR state = $7)
      ORDER BY event_no DESC, target_no DESC LIMIT $8",
);
// Most deliveries are delivered; the index has only the others.
const BEFORE_IN_STATE: Sql = sql!(
    "deliveries.before_in_state",
    "SELECT ",
    Piece::List(Delivery::COLUMNS, "d."),
    " FROM deliveries s
       JOIN deliveries d ON d.account_id = s.account_id AND d.event_no = s.event_no AND d.target_no = s.target_no
      WHERE s.account_id = $1 AND (s.event_no, s.target_no) < ($2, $3) AND s.event_no >= $4
        AND ($5 = '' OR d.event = $5) AND (d.endpoint_id = $6 OR $6 = -1)
        AND s.state = $7 AND s.state <> 'delivered'
      ORDER BY s.event_no DESC, s.target_no DESC LIMIT $8",
);

/// Which deliveries to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those in this state.
    pub state: Option<State>,
    /// Only those of this event's word; empty: all.
    pub event: String,
    /// Only those to this endpoint; 0: to products' URLs.
    pub endpoint: Option<i64>,
    /// Only those of events since this time, unix seconds.
    pub since: i64,
}

/// The newest deliveries before one, or of all.
pub fn list(
    tx: &mut Tx<'_>,
    account: AccountId,
    filter: &Filter,
    before: Option<DeliveryId>,
    most: u32,
) -> Result<Vec<Delivery>, Error> {
    let before = before.unwrap_or(DeliveryId { event: i64::MAX, target: i64::MAX });
    let mut args: Vec<Arg<'_>> = vec![
        account.0.into(),
        before.event.into(),
        before.target.into(),
        filter.since.saturating_mul(1_000_000).into(),
        (&filter.event).into(),
        filter.endpoint.unwrap_or(-1).into(),
    ];
    args.push(filter.state.map_or("", State::as_str).into());
    args.push(i64::from(most).into());
    let reads_all = matches!(filter.state, None | Some(State::Delivered));
    tx.all(if reads_all { &ALL_BEFORE } else { &BEFORE_IN_STATE }, &args, table::read)
}

const OF_ORDER: Sql = sql!(
    "deliveries.of_order",
    "SELECT ",
    Piece::List(Delivery::COLUMNS, "d."),
    " FROM events e JOIN deliveries d ON d.account_id = e.account_id AND d.event_no = e.event_no
      WHERE e.account_id = $1 AND e.order_id = $2 ORDER BY e.event_no",
);

/// An order's deliveries, the oldest first.
pub fn of_order(tx: &mut Tx<'_>, account: AccountId, order: OrderId) -> Result<Vec<Delivery>, Error> {
    let mut found = tx.all(&OF_ORDER, &[account.0.into(), order.0.into()], table::read::<Delivery>)?;
    found.sort_by_key(|delivery| delivery.id);
    Ok(found)
}

const OF_EVENT: Sql = sql!(
    "deliveries.of_event",
    "SELECT ",
    Piece::List(Delivery::COLUMNS, ""),
    " FROM deliveries WHERE account_id = $1 AND event_no = $2 ORDER BY target_no",
);

/// An event's deliveries, by number.
pub fn of_event(tx: &mut Tx<'_>, account: AccountId, event: i64) -> Result<Vec<Delivery>, Error> {
    tx.all(&OF_EVENT, &[account.0.into(), event.into()], table::read)
}

const FIND: Sql = sql!(
    "deliveries.find",
    "SELECT ",
    Piece::List(Delivery::COLUMNS, ""),
    " FROM deliveries WHERE account_id = $1 AND event_no = $2 AND target_no = $3",
);

/// The delivery with this name.
pub fn find(tx: &mut Tx<'_>, account: AccountId, id: DeliveryId) -> Result<Option<Delivery>, Error> {
    tx.row(&FIND, &[account.0.into(), id.event.into(), id.target.into()], table::read)
}

const TRIES_OF: Sql = sql!(
    "deliveries.tries_of",
    "SELECT ",
    Piece::List(Try::COLUMNS, ""),
    " FROM delivery_tries WHERE account_id = $1 AND event_no = $2 AND target_no = $3 ORDER BY try_no",
);

/// A delivery's tries, the oldest first.
pub fn tries(tx: &mut Tx<'_>, account: AccountId, id: DeliveryId) -> Result<Vec<Try>, Error> {
    tx.all(&TRIES_OF, &[account.0.into(), id.event.into(), id.target.into()], table::read)
}

const RESEND: Sql = Sql::new(
    "deliveries.resend",
    "UPDATE deliveries SET state = 'pending', tries = 0, due_at = $1, ended = 0, status = 0, reason = ''
      WHERE account_id = $2 AND event_no = $3 AND target_no = $4",
);

/// Sends deliveries once more, each under its old id, as if they had not been tried. New ones come before them.
pub fn resend(tx: &mut Tx<'_>, account: AccountId, ids: &[DeliveryId], now: i64) -> Result<(), Error> {
    let args = |id: &DeliveryId| vec![now.into(), account.0.into(), id.event.into(), id.target.into()];
    tx.execute_each(&RESEND, &mut ids.iter().map(args))?;
    tx.on_commit(|| RAISED.notify_one());
    Ok(())
}

const DROP: Sql = Sql::new(
    "deliveries.drop",
    "UPDATE deliveries SET state = 'dropped', ended = $1, lease = '', leased_until = 0
      WHERE (account_id, event_no, target_no) IN (
            SELECT account_id, event_no, target_no FROM deliveries
             WHERE account_id = $2 AND state = 'pending' ORDER BY event_no, target_no LIMIT $3)",
);

/// Drops some of what waits; 0: nothing does any more. Call it until then.
pub fn drop_some(tx: &mut Tx<'_>, account: AccountId, now: i64) -> Result<u64, Error> {
    tx.execute(&DROP, &[now.into(), account.0.into(), BATCH.into()])
}

const COUNT: Sql = Sql::new(
    "deliveries.count",
    "SELECT COUNT(*), COALESCE(MIN(event_no), 0) FROM deliveries
      WHERE account_id = $1 AND state = $2 AND state <> 'delivered'",
);

/// How many deliveries an account has in a state, and the time of the oldest of their events (unix seconds).
/// Those that are delivered are not counted.
pub fn count(tx: &mut Tx<'_>, account: AccountId, state: State) -> Result<(u64, i64), Error> {
    let counted = tx.row(&COUNT, &[account.0.into(), state.as_str().into()], |row| {
        Ok((row.int(0)?.unsigned_abs(), row.int(1)? / 1_000_000))
    })?;
    Ok(counted.unwrap_or_default())
}

const EXPIRED: Sql = Sql::new(
    "deliveries.expired",
    "SELECT e.event_no FROM events e
      WHERE e.account_id = $1 AND e.event_no < $2
        AND (SELECT COUNT(*) FROM deliveries d
              WHERE d.account_id = e.account_id AND d.event_no = e.event_no AND d.state = 'pending') = 0
      ORDER BY e.event_no LIMIT $3",
);
const FORGET_TRIES: Sql =
    Sql::new("deliveries.forget_tries", "DELETE FROM delivery_tries WHERE account_id = $1 AND event_no = $2");
const FORGET_DELIVERIES: Sql = Sql::new(
    "deliveries.forget_deliveries",
    "DELETE FROM deliveries WHERE account_id = $1 AND event_no = $2",
);
const FORGET_EVENTS: Sql =
    Sql::new("deliveries.forget_events", "DELETE FROM events WHERE account_id = $1 AND event_no = $2");

/// Forgets some events of more than 30 days ago with their deliveries, except those that still wait. Returns
/// how many; call it until that is 0.
pub fn forget_some(tx: &mut Tx<'_>, account: AccountId, now: i64) -> Result<usize, Error> {
    let until = (now - KEPT_SECONDS).saturating_mul(1_000_000);
    let expired = tx.all(&EXPIRED, &[account.0.into(), until.into(), BATCH.into()], |row| row.int(0))?;
    for statement in [&FORGET_TRIES, &FORGET_DELIVERIES, &FORGET_EVENTS] {
        tx.execute_each(
            statement,
            &mut expired.iter().map(|number| vec![account.0.into(), (*number).into()]),
        )?;
    }
    Ok(expired.len())
}

/// The mark of an account that has too many deliveries waiting.
pub(crate) fn full(account: AccountId) -> String {
    format!("outbox full of account {}", account.0)
}

/// Whether so many of an account's deliveries wait that it gets no new ones.
pub fn is_full(tx: &mut Tx<'_>, account: AccountId) -> Result<bool, Error> {
    Ok(marks::get(tx, &full(account))?.is_some())
}

/// Notes whether so many of an account's deliveries wait that it gets no new ones.
pub fn set_full(tx: &mut Tx<'_>, account: AccountId, is_full: bool) -> Result<(), Error> {
    if is_full { marks::set(tx, &full(account), "1") } else { marks::remove(tx, &full(account)) }
}

/// Why nothing is sent from this store, if it is paused.
pub fn paused(tx: &mut Tx<'_>) -> Result<Option<String>, Error> {
    marks::get(tx, marks::OUTBOX_PAUSED)
}

/// Stops sending from this store. Events are written and wait.
pub fn pause(tx: &mut Tx<'_>, why: &str) -> Result<(), Error> {
    marks::set(tx, marks::OUTBOX_PAUSED, why)
}

/// Sends again what waits. False: it was not paused.
pub fn resume(tx: &mut Tx<'_>) -> Result<bool, Error> {
    let was_paused = paused(tx)?.is_some();
    marks::remove(tx, marks::OUTBOX_PAUSED)?;
    tx.on_commit(|| RAISED.notify_one());
    Ok(was_paused)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[
    &ADD,
    &CLAIM,
    &SETTLE,
    &POSTPONE,
    &ADD_TRY,
    &ALL_BEFORE,
    &BEFORE_IN_STATE,
    &OF_ORDER,
    &OF_EVENT,
    &FIND,
    &TRIES_OF,
    &RESEND,
    &DROP,
    &COUNT,
    &EXPIRED,
    &FORGET_TRIES,
    &FORGET_DELIVERIES,
    &FORGET_EVENTS,
];
