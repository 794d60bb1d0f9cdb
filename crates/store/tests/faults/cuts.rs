//! Connections that are cut, or blocked, at chosen moments.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use billhook_store::{AccountId, Error, Kind, Location, Store, marks};
use billhook_test_kit::Cluster;

use crate::{
    add, look, prepare,
    proxy::{COMMIT, Plan, Proxy, When},
};

/// The first statement of a write.
const BEGIN: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE";
/// Sent once on each connection.
const INSERT: &str = "INSERT INTO orders";
/// The engine's time-out for one statement, and a margin for a busy machine.
const ANSWER_MAX: Duration = Duration::from_secs(12);
/// How soon after its return a database must be used again.
const BACK_MAX: Duration = Duration::from_secs(2);

/// A store behind a proxy, and the direct URL of its database.
struct Place {
    url: String,
    proxy: Proxy,
    store: Store,
    straight: Store,
    account: AccountId,
}

fn place() -> Place {
    let url = Cluster::shared().create_database().unwrap();
    let straight = Store::open(&Location::parse(&url).unwrap()).unwrap();
    let account = prepare(&straight);
    let proxy = Proxy::start(Cluster::shared().port());
    let (_, database) = url.rsplit_once('/').unwrap();
    let url = proxy.url(database);
    let location = Location::parse(&url).unwrap().with_connections(1);
    Place { url, store: Store::open(&location).unwrap(), proxy, straight, account }
}

impl Place {
    /// Adds an order. Also returns how often the transaction ran.
    fn add(&self, id: i64) -> (Result<(), Error>, u32) {
        let runs = Arc::new(AtomicU32::new(0));
        let (account, counter) = (self.account, runs.clone());
        let added = self.store.write(move |tx| {
            counter.fetch_add(1, Ordering::SeqCst);
            add(tx, account, id, true)
        });
        (added, runs.load(Ordering::SeqCst))
    }

    /// The numbers of the orders, after a check of the store.
    fn orders(&self) -> Vec<i64> {
        look(&self.straight, self.account).into_keys().collect()
    }

    /// Waits until other clients of the database can write, whatever the store has left open there.
    fn wait_for_others(&self, id: i64) {
        let (since, account) = (Instant::now(), self.account);
        self.straight.write(move |tx| add(tx, account, id, true)).unwrap();
        assert!(since.elapsed() < BACK_MAX, "{:.1?}", since.elapsed());
    }

    fn wait_for_service(&self, id: i64) {
        let since = Instant::now();
        while let Err(error) = self.add(id).0 {
            assert_eq!(error.kind(), Kind::Unreachable, "{error}");
            assert!(since.elapsed() < BACK_MAX, "{error}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_commit_whose_answer_is_lost_is_unknown_and_not_repeated() {
    for (when, kept) in [(When::Done, vec![1, 2, 3]), (When::Unheard, vec![1, 3])] {
        let place = place();
        place.add(1).0.unwrap();
        assert_eq!(place.proxy.commits(), 1);
        place.proxy.set(Plan::Cut { at: COMMIT, when, left: 1 });
        let (added, runs) = place.add(2);
        let error = added.unwrap_err();
        assert_eq!((error.kind(), runs), (Kind::Unknown, 1), "{when:?}: {error}");
        assert_eq!((place.proxy.plan(), place.proxy.commits()), (Plan::Pass, 2), "{when:?}");
        place.add(3).0.unwrap();
        assert_eq!(place.orders(), kept, "{when:?}");
    }
}

/// Nothing of it can have been kept, so its caller need not know.
#[test]
fn a_write_that_is_cut_off_before_its_commit_is_run_again() {
    for (at, runs_expected) in [(BEGIN, 1), (INSERT, 2)] {
        for when in [When::Unheard, When::Done] {
            let place = place();
            place.proxy.set(Plan::Cut { at, when, left: 1 });
            let (added, runs) = place.add(1);
            assert_eq!((added, runs), (Ok(()), runs_expected), "{at}, {when:?}");
            assert_eq!((place.proxy.plan(), place.proxy.commits()), (Plan::Pass, 1), "{at}, {when:?}");
            assert_eq!(place.orders(), [1], "{at}, {when:?}");
        }
    }
}

#[test]
fn a_write_that_is_cut_off_again_and_again_fails() {
    let place = place();
    place.proxy.set(Plan::Cut { at: INSERT, when: When::Done, left: 100 });
    let (added, runs) = place.add(1);
    assert_eq!(added.unwrap_err().kind(), Kind::Unreachable);
    assert!((2..10).contains(&runs), "{runs}");
    place.proxy.set(Plan::Pass);
    place.wait_for_service(2);
    assert_eq!(place.orders(), [2]);
}

/// Also for a program that starts, and reads the store's version.
#[test]
fn a_store_that_falls_silent_at_the_start_is_not_waited_for_long() {
    type Look = fn(&Location) -> Result<(), Error>;
    let looks: [Look; 3] = [
        |location| Store::open(location).map(drop),
        |location| Store::version(location).map(drop),
        |location| location.holds_store().map(drop),
    ];
    thread::scope(|scope| {
        for look in looks {
            scope.spawn(move || {
                let Place { url, proxy, store, .. } = place();
                drop(store);
                proxy.set(Plan::BlockAt("to_regclass"));
                let since = Instant::now();
                let error = look(&Location::parse(&url).unwrap()).unwrap_err();
                assert_eq!(error.kind(), Kind::Unreachable, "{error}");
                assert!(since.elapsed() < ANSWER_MAX, "it took {:.1?}", since.elapsed());
            });
        }
    });
}

/// Data vanishes, and nobody reports that the connection is lost.
#[test]
fn a_database_that_falls_silent_is_not_waited_for_long() {
    // Whether the store has a connection, when it falls silent, and what its caller gets.
    let cases: BTreeMap<&str, (bool, Plan, Kind)> = BTreeMap::from([
        ("a new connection", (false, Plan::Block, Kind::Unreachable)),
        ("an old connection", (true, Plan::Block, Kind::Unreachable)),
        ("a statement", (true, Plan::BlockAt("INSERT INTO order_lines"), Kind::Unreachable)),
        ("a commit", (false, Plan::BlockAt(COMMIT), Kind::Unknown)),
    ]);
    thread::scope(|scope| {
        for (name, (is_connected, plan, kind)) in cases {
            scope.spawn(move || {
                let place = place();
                if is_connected {
                    // The connection is known, but not the statements of the test.
                    place.store.write(move |tx| marks::set(tx, "a mark", "")).unwrap();
                }
                place.proxy.set(plan);
                let since = Instant::now();
                let (added, runs) = place.add(1);
                let error = added.unwrap_err();
                let took = since.elapsed();
                assert_eq!(error.kind(), kind, "{name}: {error}");
                assert!(took < ANSWER_MAX, "{name}: it took {took:.1?}");
                assert!(runs <= 1, "{name}: {runs}");
                place.proxy.wait_for(Plan::Block);
                place.wait_for_others(3);
                place.proxy.set(Plan::Pass);
                place.wait_for_service(2);
                let orders = place.orders();
                // The commit arrives now, or never.
                let is_known = kind != Kind::Unknown;
                assert!(orders == [2, 3] || (orders == [1, 2, 3] && !is_known), "{name}: {orders:?}");
            });
        }
    });
}
