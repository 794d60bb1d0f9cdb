//! Events: what happened to orders and contacts. Each is written in the transaction that causes it, and only if somebody
//! asked to be told.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{SystemTime, UNIX_EPOCH},
};

use billhook_wire::{Event, Key, Money, OrderId, event};

use crate::{
    AccountId, Error, Kind, Sql, Tx,
    orders::{
        Order,
        order_info::{self, Shown},
    },
    outbox::{
        deliveries,
        endpoints::{self, Endpoint},
    },
    table::{self, Columns, Stores as _, Table, row, statement_text::sql},
};

/// The word of the event that tests an endpoint. It is no order's.
pub const TEST: &str = "test";
/// How many events are read at once, and after how many bytes a list ends.
const AT_ONCE: usize = 20;
const PAGE_BYTES: usize = 4 << 20;
/// How many numbers are tried for an event, if another has the number already.
const NUMBERS_TRIED: i64 = 1_000;

/// An event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Happened {
    /// Its number in the account: when it was written, in unix microseconds. A later one has a higher number,
    /// whatever the clock does; where several machines write, this holds for one order's events.
    pub number: i64,
    /// What happened: the word of an [`Event`], or [`TEST`].
    pub event: String,
    /// The order; 0: none.
    pub order: OrderId,
    /// The contact; 0: none.
    pub contact: i64,
    /// When, unix seconds.
    pub at: i64,
    /// The body for products' URLs; empty: nobody asked for it.
    pub form: String,
    /// The body for endpoints; empty: nobody asked for it.
    pub json: String,
}

row! {
    Happened: "event" {
        event_no: i64 = number since 7,
        event: String = event since 7,
        order_id: OrderId = order since 7,
        at: i64 = at since 7,
        form: String = form since 7,
        json: String = json since 7,
        contact_id: i64 = contact since 8,
    }
}

pub(crate) const TABLE: Table = Table {
    name: "events",
    columns: &[Columns::one::<i64>("account_id").since(7), Columns::Of(Happened::COLUMNS)],
    key: &["account_id", "event_no"],
};

/// The id that an event's deliveries carry as `webhook-id`.
pub fn id(number: i64) -> String {
    format!("evt_{number}")
}

// Whoever may be told of an order's events: its products' URLs, one for each event, and the endpoints. Number
// -1 is the mark of an account that has too many deliveries waiting.
const ASKING: Sql = Sql::new(
    "events.asking",
    "SELECT 0, p.good_api_url_new_order, p.good_api_url_cancel_order, p.good_api_url_notif, p.good_api_url_prepaid,
            p.good_api_url_moneyback
       FROM order_lines l
       JOIN product_versions v ON v.account_id = l.account_id AND v.version_id = l.version_id
       JOIN products p ON p.account_id = v.account_id AND p.good_id = v.good_id
      WHERE l.account_id = $1 AND l.email_key = $2 AND l.order_id = $3
     UNION ALL
     SELECT endpoint_id, url, events, '', '', '' FROM endpoints WHERE account_id = $1 AND disabled = 0
     UNION ALL
     SELECT -1, value, '', '', '', '' FROM marks WHERE name = $4",
);

/// Who is told of one event.
#[derive(Default)]
struct Asking {
    urls: BTreeSet<String>,
    endpoints: Vec<(i64, String)>,
    is_full: bool,
}

fn asking(tx: &mut Tx<'_>, account: AccountId, event: Event, order: &Order) -> Result<Asking, Error> {
    let column = match event {
        Event::Created => 1,
        Event::Cancelled => 2,
        Event::Paid => 3,
        Event::Prepaid => 4,
        Event::Moneyback => 5,
    };
    let mut asking = Asking::default();
    let (key, full) = (order.email_key(), deliveries::full(account));
    tx.rows(&ASKING, &[account.0.into(), (&*key).into(), order.id.0.into(), (&full).into()], |row| {
        match row.int(0)? {
            -1 => asking.is_full = true,
            0 => match row.text(column)?.trim() {
                "" => {}
                url => _ = asking.urls.insert(url.to_owned()),
            },
            endpoint if endpoints::asks_for(row.text(2)?, event.as_str()) => {
                asking.endpoints.push((endpoint, row.text(1)?.to_owned()));
            }
            _ => {}
        }
        Ok::<(), Error>(())
    })?;
    Ok(asking)
}

const SIGNING: Sql = Sql::new(
    "events.signing",
    "SELECT api_key, COALESCE((SELECT value FROM settings WHERE account_id = $1 AND name = 'notify_hash_time'), '')
       FROM accounts WHERE account_id = $1",
);

/// Writes that something happened to an order, with a delivery to each who asked for it. `payment` is the
/// payment that caused it. Bodies, URLs and endpoints stay as they are now.
pub fn raise(
    tx: &mut Tx<'_>,
    account: AccountId,
    event: Event,
    order: &Order,
    payment: Money,
) -> Result<(), Error> {
    if tx.events_are_muted() {
        return Ok(());
    }
    let Asking { urls, endpoints, is_full } = asking(tx, account, event, order)?;
    if urls.is_empty() && endpoints.is_empty() {
        return Ok(());
    }
    let (id, word) = (order.id, event.as_str());
    if is_full {
        tx.on_commit(move || {
            tracing::error!(
                account = account.0,
                order = id.0,
                event = word,
                "nobody is told of this event: too many deliveries wait; see `billhook outbox show`"
            );
        });
        return Ok(());
    }
    let at = unix_micros() / 1_000_000;
    let mut happened = Happened { event: word.to_owned(), order: id, at, ..Happened::default() };
    // Who only lists events may forward them to what a product's URL would tell.
    if !urls.is_empty() || endpoints.iter().any(|(_, url)| url.is_empty()) {
        let (key, hashes_paid) = tx
            .row(&SIGNING, &[account.0.into()], |row| {
                Ok((row.text(0)?.to_owned(), row.text(1)? == "paid-sample"))
            })?
            .unwrap_or_default();
        let key =
            Key::parse(&key).map_err(|_| Error::damaged(&format!("account {}: wrong api_key", account.0)))?;
        let mut info = order_info::shown(order.clone(), Shown::Details);
        info.is_recurrent = Some(order.is_recurrent);
        happened.form = String::from_utf8_lossy(&event.form(&info, payment, &key, hashes_paid)).into_owned();
    }
    if !endpoints.is_empty() {
        let details = order_info::details(tx, account, order.clone(), true)?;
        happened.json = event::json(word, at, &details).map_err(|error| unwritten(&error))?;
    }
    let number = add(tx, account, happened)?;
    let targets = urls.into_iter().map(|url| (0, url)).chain(endpoints);
    // An endpoint without a URL only lists its events.
    let targets: Vec<_> = targets.filter(|(_, url)| !url.is_empty()).collect();
    deliveries::add(tx, account, (number, word, id), &targets)
}

/// Sends an endpoint an event that tests it. One without a URL finds it in the list. Returns the event's number.
pub fn test(tx: &mut Tx<'_>, account: AccountId, endpoint: &Endpoint) -> Result<i64, Error> {
    let at = unix_micros() / 1_000_000;
    let json =
        event::json(TEST, at, &BTreeMap::<String, String>::new()).map_err(|error| unwritten(&error))?;
    let happened = Happened { event: TEST.to_owned(), at, json, ..Happened::default() };
    let number = add(tx, account, happened)?;
    let target = Some((endpoint.id, endpoint.url.clone())).filter(|(_, url)| !url.is_empty());
    deliveries::add(tx, account, (number, TEST, OrderId(0)), target.as_slice())?;
    Ok(number)
}

pub(crate) fn unwritten(error: &dyn std::fmt::Display) -> Error {
    Error::new(Kind::Statement, format!("store: an event could not be written as JSON: {error}"))
}

/// The time in microseconds, for numbers that later ones are to exceed.
pub(crate) fn unix_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

const LAST_OF_ORDER: Sql = Sql::new(
    "events.last_of_order",
    "SELECT event_no FROM events WHERE account_id = $1 AND order_id = $2 ORDER BY event_no DESC LIMIT 1",
);
const ADD: Sql = sql!("events.add", Piece::Insert(&TABLE), " ON CONFLICT (account_id, event_no) DO NOTHING");

/// Writes an event under a number of its own.
pub(crate) fn add(tx: &mut Tx<'_>, account: AccountId, mut happened: Happened) -> Result<i64, Error> {
    let last = if tx.runs_alone() {
        tx.row(&NEWEST, &[account.0.into(), i64::MAX.into()], |row| row.int(0))?
    } else if happened.order.0 == 0 {
        // Events of no order come in no order: looking for the last one, writers would conflict.
        None
    } else {
        tx.row(&LAST_OF_ORDER, &[account.0.into(), happened.order.0.into()], |row| row.int(0))?
    };
    let first = unix_micros().max(last.map_or(0, |last| last + 1));
    for number in first..first + NUMBERS_TRIED {
        happened.number = number;
        if tx.execute(&ADD, &table::args(account, &happened))? > 0 {
            return Ok(number);
        }
    }
    Err(Error::new(Kind::Statement, "store: events.add: no free number was found"))
}

const AFTER: Sql = sql!(
    "events.after",
    "SELECT ",
    Piece::List(Happened::COLUMNS, ""),
    " FROM events WHERE account_id = $1 AND event_no > $2 AND event_no <= $3 AND json <> '' ORDER BY event_no LIMIT $4",
);

/// The events for endpoints after this number, the oldest first: as many as are asked for, or fewer if they are
/// long.
pub fn after(
    tx: &mut Tx<'_>,
    account: AccountId,
    number: i64,
    is_shared: bool,
    most: u32,
) -> Result<Vec<Happened>, Error> {
    let (until, most) = (listed_until(is_shared), usize::try_from(most).unwrap_or(usize::MAX));
    let (mut found, mut bytes) = (Vec::<Happened>::new(), 0);
    while found.len() < most && bytes < PAGE_BYTES {
        let last = found.last().map_or(number, |event| event.number);
        let batch = i64::try_from((most - found.len()).min(AT_ONCE)).unwrap_or(1);
        let args = [account.0.into(), last.into(), until.into(), batch.into()];
        let more = tx.all(&AFTER, &args, table::read::<Happened>)?;
        if more.is_empty() {
            break;
        }
        bytes += more.iter().map(|event| event.form.len() + event.json.len()).sum::<usize>();
        found.extend(more);
    }
    Ok(found)
}

const NEWEST: Sql = Sql::new(
    "events.newest",
    "SELECT event_no FROM events WHERE account_id = $1 AND event_no <= $2 ORDER BY event_no DESC LIMIT 1",
);

/// The number of the newest event that [`after`] lists; 0: there is none.
pub fn newest(tx: &mut Tx<'_>, account: AccountId, is_shared: bool) -> Result<i64, Error> {
    let args = [account.0.into(), listed_until(is_shared).into()];
    Ok(tx.row(&NEWEST, &args, |row| row.int(0))?.unwrap_or(0))
}

/// Up to which number events are listed. On a store that others write too, one before an event of the last five
/// seconds may not be committed yet.
fn listed_until(is_shared: bool) -> i64 {
    if is_shared { unix_micros() - 5_000_000 } else { i64::MAX }
}

const FIND: Sql = sql!(
    "events.find",
    "SELECT ",
    Piece::List(Happened::COLUMNS, ""),
    " FROM events WHERE account_id = $1 AND event_no = $2",
);

/// The event with this number.
pub fn find(tx: &mut Tx<'_>, account: AccountId, number: i64) -> Result<Option<Happened>, Error> {
    tx.row(&FIND, &[account.0.into(), number.into()], table::read)
}

const OF_ORDER: Sql = sql!(
    "events.of_order",
    "SELECT ",
    Piece::List(Happened::COLUMNS, ""),
    " FROM events WHERE account_id = $1 AND order_id = $2 ORDER BY event_no",
);

/// An order's events, the oldest first.
pub fn of_order(tx: &mut Tx<'_>, account: AccountId, order: OrderId) -> Result<Vec<Happened>, Error> {
    tx.all(&OF_ORDER, &[account.0.into(), order.0.into()], table::read)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] =
    &[&ASKING, &SIGNING, &LAST_OF_ORDER, &ADD, &AFTER, &NEWEST, &FIND, &OF_ORDER];
