//! A real standby: it answers reads, takes no writes, and becomes the primary.

use std::{
    sync::{Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use billhook_store::{AccountId, Error, Extent, Kind, Location, Store, Tx, orders};
use billhook_test_kit::{Cluster, Options};
use billhook_wire::OrderId;

use crate::{add, look, prepare};

/// How long a standby may take to follow its primary, and to take its place.
const FOLLOW_MAX: Duration = Duration::from_secs(10);

/// A primary with a store, and its standby.
struct Pair {
    primary: Cluster,
    standby: Cluster,
    database: String,
    account: AccountId,
}

fn pair() -> Pair {
    pair_with(&Options::default())
}

fn pair_with(standby: &Options) -> Pair {
    let primary = Cluster::start(&Options::default()).unwrap();
    let url = primary.create_database().unwrap();
    let account = prepare(&Store::open(&Location::parse(&url).unwrap()).unwrap());
    let standby = primary.start_standby(standby).unwrap();
    let database = url.rsplit_once('/').unwrap().1.to_owned();
    Pair { primary, standby, database, account }
}

impl Pair {
    fn at_primary(&self) -> Location {
        Location::parse(&self.primary.url(&self.database)).unwrap()
    }

    fn at_standby(&self) -> Location {
        Location::parse(&self.standby.url(&self.database)).unwrap()
    }

    /// A location that names both servers.
    fn at_either(&self) -> Location {
        let hosts = [&self.primary, &self.standby].map(|cluster| format!("127.0.0.1:{}", cluster.port()));
        let hosts = hosts.join(",");
        let database = &self.database;
        Location::parse(&format!("postgres://postgres@{hosts}/{database}?target_session_attrs=read-write"))
            .unwrap()
    }

    fn add(&self, store: &Store, id: i64) -> Result<(), Error> {
        let account = self.account;
        store.write(move |tx| add(tx, account, id, true))
    }

    /// Whether a reading request finds an order.
    fn finds(&self, store: &Store, id: i64) -> Result<bool, Error> {
        let account = self.account;
        let (send, receive) = mpsc::sync_channel(1);
        let body = move |tx: &mut Tx<'_>| Ok(orders::find(tx, account, OrderId(id))?.is_some());
        let done = move |found: Result<bool, Error>| drop(send.send(found));
        store.begin_read(account, Extent::Transaction, body, || (done, || true));
        receive.recv().unwrap()
    }
}

fn until(is_so: impl Fn() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < FOLLOW_MAX, "it is not so after {FOLLOW_MAX:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[track_caller]
fn assert_names_the_primary(error: &Error) {
    assert_eq!(error.kind(), Kind::Unreachable, "{error}");
    assert!(error.to_string().contains("it is read-only, as a standby is: name the primary"), "{error}");
}

#[test]
fn a_standby_answers_reads_and_is_no_primary() {
    let pair = pair();
    let reads = pair.standby.url(&pair.database);
    let store = Store::open(&pair.at_primary().with_reads_from(&reads).unwrap()).unwrap();
    pair.add(&store, 1).unwrap();
    until(|| pair.finds(&store, 1).unwrap());
    // The standby answers: while its replay is paused, it shows the old state.
    pair.standby.sql("postgres", "SELECT pg_wal_replay_pause()").unwrap();
    pair.add(&store, 2).unwrap();
    assert!(!pair.finds(&store, 2).unwrap());
    assert!(store.read(|tx| orders::find(tx, pair.account, OrderId(2))).unwrap().is_some());
    pair.standby.sql("postgres", "SELECT pg_wal_replay_resume()").unwrap();
    until(|| pair.finds(&store, 2).unwrap());
    store.health().unwrap();

    assert_names_the_primary(&Store::open(&pair.at_standby()).err().unwrap());
    // For a copy or an export its state is good enough.
    let bulk = Store::open_for_bulk(&pair.at_standby()).unwrap();
    look(&bulk, pair.account);
    assert_names_the_primary(&pair.add(&bulk, 3).unwrap_err());

    pair.standby.kill().unwrap();
    assert_eq!(pair.finds(&store, 1).unwrap_err().kind(), Kind::Unreachable);
    let error = store.health().unwrap_err().to_string();
    assert!(error.contains("the replica (--store-read) fails"), "{error}");
    pair.add(&store, 3).unwrap();
    pair.standby.start_again().unwrap();
    until(|| pair.finds(&store, 3) == Ok(true));
}

#[test]
fn a_standby_that_is_promoted_is_found_and_the_old_primary_is_not_trusted() {
    let pair = pair();
    let [faithful, moving] = [pair.at_primary(), pair.at_either()].map(|at| Store::open(&at).unwrap());
    pair.add(&faithful, 1).unwrap();
    pair.add(&moving, 2).unwrap();
    let is_there =
        format!("SELECT COUNT(*) FROM orders WHERE account_id = {} AND order_id = 2", pair.account.0);
    until(|| pair.standby.sql(&pair.database, &is_there).unwrap().trim() == "1");

    // The old primary comes back as a standby.
    pair.primary.sql("postgres", "COPY (SELECT 1) TO PROGRAM 'cat >standby.signal'").unwrap();
    pair.primary.stop().unwrap();
    pair.standby.sql("postgres", "SELECT pg_promote()").unwrap();
    until(|| pair.add(&moving, 3).is_ok());
    pair.primary.start_again().unwrap();

    // From now on its data is old.
    until(|| pair.finds(&faithful, 1).unwrap_err().to_string().contains("standby"));
    assert_names_the_primary(&pair.finds(&faithful, 1).unwrap_err());
    assert_names_the_primary(&pair.add(&faithful, 4).unwrap_err());
    assert_names_the_primary(&faithful.health().unwrap_err());
    pair.add(&moving, 5).unwrap();
    let found = look(&Store::open_for_bulk(&pair.at_standby()).unwrap(), pair.account);
    assert_eq!(found.into_keys().collect::<Vec<_>>(), [1, 2, 3, 5]);
}

/// The standby's replay cancels a transaction that blocks it.
#[test]
fn a_read_that_is_in_the_standbys_way_is_run_again() {
    let settings = vec![("max_standby_streaming_delay".to_owned(), "0".to_owned())];
    let pair = pair_with(&Options { settings, ..Options::default() });
    let reads = pair.standby.url(&pair.database);
    let store = Store::open(&pair.at_primary().with_reads_from(&reads).unwrap()).unwrap();
    let account = pair.account;
    let (begun, has_begun) = mpsc::sync_channel(100);
    let (go_on, goes_on) = mpsc::sync_channel::<()>(1);
    let (send, receive) = mpsc::sync_channel(1);
    let goes_on = Mutex::new(goes_on);
    store.begin_read(
        account,
        Extent::Transaction,
        move |tx| {
            let found = orders::find(tx, account, OrderId(0))?.is_some();
            begun.send(()).unwrap();
            // In its first run. In the next one, the sender is gone.
            let _ = goes_on.lock().unwrap().recv();
            Ok(found && orders::find(tx, account, OrderId(0))?.is_some())
        },
        || (move |found: Result<bool, Error>| drop(send.send(found)), || true),
    );
    has_begun.recv().unwrap();
    pair.primary.sql(&pair.database, "BEGIN; LOCK TABLE orders; COMMIT").unwrap();
    let conflicts =
        format!("SELECT confl_lock FROM pg_stat_database_conflicts WHERE datname = '{}'", pair.database);
    until(|| pair.standby.sql("postgres", &conflicts).unwrap().trim() == "1");
    drop(go_on);
    assert_eq!(receive.recv().unwrap(), Ok(true));
    has_begun.recv().unwrap();
}
