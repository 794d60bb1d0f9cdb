//! The store's public interface: transactions, accounts, orders, backup, and a simple model.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets a fault shall stop"
)]

/// Runs each test on both engines.
macro_rules! on_each_engine {
    ($($test:ident)+) => {
        mod sqlite {
            $(#[test] fn $test() { super::$test(crate::Engine::Sqlite); })+
        }
        mod postgres {
            $(#[test] fn $test() { super::$test(crate::Engine::Postgres); })+
        }
    };
}

mod backup;
mod by_hand;
mod check;
mod copies;
mod customers;
mod model;
mod order_search;
mod same_order;

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use billhook_store::{
    AccountId, Error, Extent, Kind, Location, Store, Tx,
    accounts::{
        self,
        settings::{GetBillsEmpty, Setting},
    },
    copy, marks,
    orders::{self, Handling, Line, Order, TextField, Texts, payments},
    outbox::deliveries,
    products::{self, Listing},
    restore,
};
use billhook_test_kit::Cluster;
use billhook_wire::{Email, GoodId, Key, Login, Money, OrderId, PayStatus};

/// The engine of a test.
#[derive(Debug, Clone, Copy)]
enum Engine {
    Sqlite,
    Postgres,
}

on_each_engine! {
    what_is_written_is_read_and_survives
    a_read_of_one_statement_takes_no_second
    a_brief_read_gives_up_on_many_rows
    two_readers_see_one_state
    a_replaced_order_moves_with_its_customer
    accounts_are_apart
    a_refused_transaction_keeps_nothing
    a_transaction_that_begins_with_nothing_is_one
    a_panic_in_one_transaction_spares_the_others
    many_writers_share_a_commit_and_each_acts_once
    counters_are_given_once
    account_life
    what_another_process_writes_is_seen
    a_store_that_went_back_shows_nothing_of_before
    two_products_of_one_name_are_a_conflict
    long_texts_are_kept
}

struct Place {
    store: Store,
    location: Location,
    temporary: tempfile::TempDir,
}

impl Place {
    /// Runs SQL directly in the database.
    fn spoil(&self, text: &str) {
        if let Some(folder) = self.location.as_folder() {
            rusqlite::Connection::open(folder.join("billhook.db")).unwrap().execute_batch(text).unwrap();
        } else {
            Cluster::shared().sql(&self.location.to_string(), text).unwrap();
        }
    }
}

fn place(engine: Engine) -> Place {
    let temporary = tempfile::tempdir().unwrap();
    let location = location(engine, &temporary, "data");
    Place { store: Store::open(&location).unwrap(), location, temporary }
}

/// A location without a store.
fn location(engine: Engine, temporary: &tempfile::TempDir, name: &str) -> Location {
    match engine {
        Engine::Sqlite => Location::folder(&temporary.path().join(name)),
        Engine::Postgres => {
            Location::parse(&Cluster::shared().create_database().unwrap()).unwrap().with_connections(4)
        }
    }
}

fn folder(place: &Place) -> &Path {
    place.location.as_folder().unwrap()
}

fn login(text: &str) -> Login {
    Login::parse(text).unwrap()
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn account(store: &Store, name: &str) -> AccountId {
    let name = login(name);
    store.write(move |tx| accounts::add(tx, &name, &key("0123456789abcdef"), 1_700_000_000)).unwrap().unwrap()
}

fn order(id: i64, email: &str, pay_status: PayStatus, goods: &[i64]) -> Order {
    let mut texts = Texts::default();
    texts.set(TextField::FirstName, "Анна");
    texts.set(TextField::AdId, format!("ad {id}"));
    let lines = goods.iter().map(|good| Line {
        good_id: GoodId(*good),
        good_name: format!("good{good}"),
        good_title: format!("Товар {good}"),
        sum: Money::from_kopecks(100 * good),
        price: Money::from_kopecks(200 * good),
        pincode: String::new(),
        partner_fee: Money::ZERO,
        partner_pfee: Money::ZERO,
    });
    Order {
        id: OrderId(id),
        email: Some(Email::parse(email).unwrap()),
        pay_status,
        created: 1_362_250_000,
        paid: 0,
        is_recurrent: false,
        handling: Handling::default(),
        texts,
        lines: lines.collect(),
    }
}

fn put(store: &Store, account: AccountId, order: Order) {
    store
        .write(move |tx| {
            for line in &order.lines {
                let product = Listing {
                    id: line.good_id,
                    good_name: line.good_name.clone(),
                    good_title: line.good_title.clone(),
                    good_sum: line.price,
                };
                products::add_missing(tx, account, &product)?;
            }
            match orders::find(tx, account, order.id)? {
                Some(_) => orders::replace(tx, account, &order),
                None => orders::add(tx, account, &order),
            }
        })
        .unwrap();
}

fn bills(
    store: &Store,
    account: AccountId,
    email: &str,
    state: Option<PayStatus>,
) -> Vec<(i64, i64, String)> {
    let email = Email::parse(email).unwrap();
    let bills = store.read_one(|tx| orders::bills_of(tx, account, &email, state)).unwrap();
    bills.iter().map(|bill| (bill.order.0, bill.good.0, bill.names.good_title().to_owned())).collect()
}

fn what_is_written_is_read_and_survives(engine: Engine) {
    let place = place(engine);
    let id = account(&place.store, "anna");
    let mut first = order(2, "Anna@Example.com", PayStatus::Paid, &[5, 6]);
    first.is_recurrent = true;
    first.paid = 1_362_254_400;
    for (n, field) in TextField::ALL.into_iter().enumerate() {
        first.texts.set(field, format!("text {n}"));
    }
    put(&place.store, id, first.clone());
    put(&place.store, id, order(1, "anna@example.com", PayStatus::Waiting, &[5]));
    put(&place.store, id, order(3, "other@example.com", PayStatus::Paid, &[5]));

    let Place { store, location, temporary: _temporary } = place;
    drop(store);
    let store = Store::open(&location).unwrap();
    assert_eq!(store.read(|tx| orders::find(tx, id, OrderId(2))).unwrap(), Some(first.clone()));
    assert_eq!(store.read(|tx| orders::find(tx, id, OrderId(9))).unwrap(), None);
    let expected = [(1, 5, "Товар 5".into()), (2, 5, "Товар 5".into()), (2, 6, "Товар 6".into())];
    assert_eq!(bills(&store, id, " ANNA@example.com", None), expected);
    assert_eq!(bills(&store, id, "anna@example.com", Some(PayStatus::Paid)), expected[1..]);
    assert_eq!(bills(&store, id, "anna@example.com", Some(PayStatus::Cancel)), []);
    let mut seen = Vec::new();
    store
        .read(|tx| {
            payments::each_order(tx, id, (OrderId(0), OrderId(3)), |order, _| {
                seen.push((order.id.0, order.lines.len()));
                Ok::<(), Error>(())
            })
        })
        .unwrap();
    assert_eq!(seen, [(1, 1), (2, 2), (3, 1)]);
    assert_eq!(store.read(|tx| orders::count(tx, id)).unwrap(), 3);
    assert_eq!(store.read(|tx| orders::highest(tx, id)).unwrap(), Some(OrderId(3)));
    assert_eq!(store.check(&mut |_| {}).unwrap(), []);
}

/// With many writes at the same time.
fn two_readers_see_one_state(engine: Engine) {
    let place = place(engine);
    let account = account(&place.store, "anna");
    let (stop, written) = (AtomicBool::new(false), AtomicI64::new(0));
    let mut seen: Vec<Result<(u64, Option<u64>), Error>> = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let number = written.fetch_add(1, Ordering::Relaxed) + 1;
                put(&place.store, account, order(number, "anna@example.com", PayStatus::Paid, &[5]));
            }
        });
        while seen.len() < 300 || written.load(Ordering::Relaxed) < 100 {
            let count = |tx: &mut Tx<'_>| orders::count(tx, account);
            seen.push(place.store.read_two(|tx, second| Ok((count(tx)?, second.map(count).transpose()?))));
        }
        stop.store(true, Ordering::Relaxed);
    });
    let seen: Vec<_> = seen.into_iter().map(Result::unwrap).collect();
    let twice = seen.iter().filter(|(_, second)| second.is_some()).count();
    assert!(seen.iter().all(|(first, second)| second.is_none_or(|second| second == *first)));
    assert!(matches!(engine, Engine::Postgres) || twice > seen.len() / 2, "{twice} of {}", seen.len());
}

fn a_read_of_one_statement_takes_no_second(engine: Engine) {
    let place = place(engine);
    let id = account(&place.store, "anna");
    assert_eq!(place.store.read_one(|tx| orders::count(tx, id)).unwrap(), 0);
    let second = place.store.read_one(|tx| {
        orders::count(tx, id)?;
        orders::count(tx, id)
    });
    assert!(second.unwrap_err().to_string().contains("one statement only"));
}

/// The caller's thread has other work, so a long read moves to another thread.
fn a_brief_read_gives_up_on_many_rows(engine: Engine) {
    let place = place(engine);
    let account = account(&place.store, "anna");
    let goods: Vec<i64> = (1..=501).collect();
    put(&place.store, account, order(1, "few@example.com", PayStatus::Paid, &goods[..500]));
    put(&place.store, account, order(2, "many@example.com", PayStatus::Paid, &goods));
    let read = |email, is_awaited: bool| {
        let email = Email::parse(email).unwrap();
        let (send, read) = mpsc::channel();
        let body = move |tx: &mut Tx<'_>| Ok(orders::bills_of(tx, account, &email, None)?.iter().count());
        let later = || (move |read: Result<_, Error>| send.send(read).unwrap(), move || is_awaited);
        let at_once = place.store.begin_read(account, Extent::Statement, body, later);
        (at_once.is_some(), at_once.unwrap_or_else(|| read.recv().unwrap()).map_err(|error| error.kind()))
    };
    let is_here = matches!(engine, Engine::Sqlite);
    assert_eq!(read("nobody@example.com", true), (is_here, Ok(0)));
    assert_eq!(read("few@example.com", true), (is_here, Ok(500)));
    assert_eq!(read("many@example.com", true), (false, Ok(501)));
    assert_eq!(read("many@example.com", false), (false, Err(Kind::Closed)));
}

/// There are four threads for long reads, and one account gets two of them.
#[test]
fn long_reads_of_one_account_leave_room_for_others() {
    let place = place(Engine::Sqlite);
    let (one, two) = (account(&place.store, "one"), account(&place.store, "two"));
    let (send, ended) = mpsc::channel();
    let begin = |account: AccountId, name: &'static str, hold: Option<mpsc::Receiver<()>>| {
        let (send, hold) = (send.clone(), Mutex::new(hold));
        let body = move |tx: &mut Tx<'_>| {
            let count = orders::count(tx, account)?;
            let _ = hold.lock().unwrap().take().map(|hold| hold.recv());
            Ok::<_, Error>(count)
        };
        let done = move |read: Result<u64, Error>| send.send((name, read.unwrap())).unwrap();
        assert!(place.store.begin_read(account, Extent::Transaction, body, || (done, || true)).is_none());
    };
    let next = || ended.recv_timeout(Duration::from_secs(20)).unwrap();
    // An idle thread takes one read; the next read starts another thread.
    begin(one, "first", None);
    assert_eq!(next(), ("first", 0));
    std::thread::sleep(Duration::from_millis(50));
    let (release, hold) = mpsc::channel::<()>();
    begin(one, "held", Some(hold));
    begin(two, "beside it", None);
    assert_eq!(next(), ("beside it", 0));
    drop(release);
    assert_eq!(next(), ("held", 0));

    let holds: Vec<_> = (0..2).map(|_| mpsc::channel::<()>()).collect();
    let (releases, holds): (Vec<_>, Vec<_>) = holds.into_iter().unzip();
    for hold in holds {
        begin(one, "held", Some(hold));
    }
    begin(one, "behind them", None);
    begin(two, "of another", None);
    begin(two, "of another", None);
    assert_eq!([next(), next()], [("of another", 0); 2]);
    assert!(ended.recv_timeout(Duration::from_millis(50)).is_err());
    drop(releases);
    let mut left = [next(), next(), next()];
    left.sort_unstable();
    assert_eq!(left, [("behind them", 0), ("held", 0), ("held", 0)]);
}

fn a_replaced_order_moves_with_its_customer(engine: Engine) {
    let place = place(engine);
    let id = account(&place.store, "anna");
    put(&place.store, id, order(1, "old@example.com", PayStatus::Waiting, &[1, 2, 3]));
    put(&place.store, id, order(1, "new@example.com", PayStatus::Paid, &[2]));
    assert_eq!(bills(&place.store, id, "old@example.com", None), []);
    assert_eq!(bills(&place.store, id, "new@example.com", Some(PayStatus::Paid)), [(1, 2, "Товар 2".into())]);
    assert_eq!(place.store.check(&mut |_| {}).unwrap(), []);
}

fn accounts_are_apart(engine: Engine) {
    let place = place(engine);
    let (one, two) = (account(&place.store, "one"), account(&place.store, "two"));
    put(&place.store, one, order(1, "anna@example.com", PayStatus::Paid, &[1]));
    put(&place.store, two, order(1, "anna@example.com", PayStatus::Paid, &[2]));
    assert_eq!(bills(&place.store, one, "anna@example.com", None), [(1, 1, "Товар 1".into())]);
    assert_eq!(bills(&place.store, two, "anna@example.com", None), [(1, 2, "Товар 2".into())]);
}

fn a_refused_transaction_keeps_nothing(engine: Engine) {
    let place = place(engine);
    let refused = place.store.write(|tx| {
        marks::set(tx, "one", "1")?;
        Err::<(), _>(Error::clone(&orders_error()))
    });
    assert_eq!(refused.unwrap_err(), orders_error());
    assert_eq!(place.store.read(|tx| marks::get(tx, "one")).unwrap(), None);

    // A failed statement fails its transaction, even if the body ignores it.
    let id = account(&place.store, "anna");
    put(&place.store, id, order(1, "anna@example.com", PayStatus::Paid, &[1]));
    let spoiled = place.store.write(move |tx| {
        marks::set(tx, "two", "2")?;
        let taken = orders::add(tx, id, &order(1, "anna@example.com", PayStatus::Paid, &[1]));
        assert_eq!(taken.unwrap_err().kind(), Kind::Conflict);
        Ok::<(), Error>(())
    });
    assert!(spoiled.is_err());
    assert_eq!(place.store.read(|tx| marks::get(tx, "two")).unwrap(), None);
}

fn orders_error() -> Error {
    Location::folder(Path::new("/dev/null/data")).lock_for_serving().unwrap_err()
}

/// Adding no orders sends nothing, but the following statements are still one transaction.
fn a_transaction_that_begins_with_nothing_is_one(engine: Engine) {
    let place = place(engine);
    let id = account(&place.store, "anna");
    let refused = place.store.write(move |tx| {
        orders::add_all(tx, id, &[])?;
        marks::set(tx, "a mark", "")?;
        Err::<(), _>(Error::new(Kind::Conflict, "no"))
    });
    assert_eq!(refused.unwrap_err().kind(), Kind::Conflict);
    assert_eq!(place.store.read(|tx| marks::get(tx, "a mark")).unwrap(), None);
}

fn a_panic_in_one_transaction_spares_the_others(engine: Engine) {
    let place = place(engine);
    let (send, answers) = mpsc::channel();
    for n in 0..20 {
        let send = send.clone();
        place.store.write_then(
            None,
            move |tx| {
                assert!(n != 7, "a fault");
                marks::set(tx, &format!("mark {n}"), "set")
            },
            move |result: Result<(), Error>| send.send((n, result.is_ok())).unwrap(),
        );
    }
    for _ in 0..20 {
        let (n, done) = answers.recv().unwrap();
        assert_eq!(done, n != 7);
    }
    assert_eq!(place.store.read(|tx| marks::get(tx, "mark 7")).unwrap(), None);
    assert_eq!(place.store.read(|tx| marks::get(tx, "mark 8")).unwrap().as_deref(), Some("set"));
}

fn many_writers_share_a_commit_and_each_acts_once(engine: Engine) {
    let place = place(engine);
    let acted = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let (store, acted) = (&place.store, &acted);
            scope.spawn(move || {
                for n in 0..50 {
                    let acted = Arc::clone(acted);
                    let written = store.write(move |tx| {
                        let acted = Arc::clone(&acted);
                        tx.on_commit(move || {
                            acted.fetch_add(1, Ordering::SeqCst);
                        });
                        marks::set(tx, &format!("{writer}.{n}"), "x")?;
                        if n % 10 == 9 { Err(orders_error()) } else { Ok(()) }
                    });
                    assert_eq!(written.is_ok(), n % 10 != 9);
                }
            });
        }
    });
    assert_eq!(acted.load(Ordering::SeqCst), 8 * 45);
    assert_eq!(place.store.read(|tx| marks::get(tx, "3.9")).unwrap(), None);
    assert_eq!(place.store.read(|tx| marks::get(tx, "3.8")).unwrap().as_deref(), Some("x"));
}

fn account_life(engine: Engine) {
    let place = place(engine);
    let store = &place.store;
    let (anna, boris) = (account(store, "anna"), account(store, "boris"));
    assert_eq!(store.write(|tx| accounts::add(tx, &login("ANNA"), &key("other"), 1)).unwrap(), None);
    let (all, version) = store.read(|tx| accounts::changed_since(tx, 0)).unwrap();
    assert_eq!(all.iter().map(|account| account.login.as_str()).collect::<Vec<_>>(), ["anna", "boris"]);
    assert_eq!(store.read(|tx| accounts::changed_since(tx, version)).unwrap().0.len(), 0);

    store.write(move |tx| accounts::rotate_key(tx, anna, &key("fresh"), Some(77))).unwrap();
    store.write(move |tx| accounts::set_disabled(tx, anna, true)).unwrap();
    assert_eq!(store.write(move |tx| accounts::bind(tx, anna, "shop.example")).unwrap(), None);
    assert_eq!(store.write(move |tx| accounts::bind(tx, anna, "shop.example")).unwrap(), None);
    let taken = store.write(move |tx| accounts::bind(tx, boris, "shop.example")).unwrap();
    assert_eq!(taken, Some(login("anna")));
    let setting = Setting::parse("getbills_empty", "ok").unwrap();
    store.write(move |tx| accounts::set(tx, anna, &setting)).unwrap();

    let (changed, newer) = store.read(|tx| accounts::changed_since(tx, version)).unwrap();
    let [account] = changed.as_slice() else { panic!("{changed:?}") };
    assert!(newer > version && account.disabled);
    assert_eq!(account.key, key("fresh"));
    let old = account.old_key.as_ref().unwrap();
    assert_eq!((old.key.reveal(), old.until), ("0123456789abcdef", 77));
    assert_eq!(account.domains, ["shop.example"]);
    assert_eq!(account.settings.getbills_empty, GetBillsEmpty::Ok);

    assert!(store.write(move |tx| accounts::unbind(tx, anna, "shop.example")).unwrap());
    assert!(!store.write(move |tx| accounts::unbind(tx, anna, "shop.example")).unwrap());
    store.write(move |tx| accounts::rotate_key(tx, anna, &key("last"), None)).unwrap();
    let account = store.read(|tx| accounts::find(tx, &login("anna"))).unwrap().unwrap();
    assert!(account.old_key.is_none() && account.domains.is_empty());

    // An old key is deleted when it has expired, and not before.
    store.write(move |tx| accounts::rotate_key(tx, anna, &key("newer"), Some(100))).unwrap();
    let version = account.version;
    for (now, is_ended) in [(99, false), (100, true), (101, false)] {
        assert_eq!(store.write(move |tx| accounts::end_old_key(tx, anna, now)).unwrap(), is_ended, "{now}");
    }
    let account = store.read(|tx| accounts::find(tx, &login("anna"))).unwrap().unwrap();
    assert!(account.old_key.is_none() && account.version > version);
    assert_eq!(account.key, key("newer"));

    let defaults = |version| {
        let (changed, newer) = store.read(|tx| accounts::changed_since(tx, version)).unwrap();
        (changed.iter().map(|account| (account.id, account.is_default)).collect::<Vec<_>>(), newer)
    };
    let (all, version) = defaults(0);
    assert_eq!(all, [(boris, false), (anna, true)], "the first is the default, and stays it");
    store.write(move |tx| accounts::set_default(tx, Some(boris))).unwrap();
    let (mut changed, version) = defaults(version);
    changed.sort_unstable();
    assert_eq!(changed, [(anna, false), (boris, true)]);
    store.write(move |tx| accounts::set_default(tx, Some(boris))).unwrap();
    assert_eq!(defaults(version).0, []);
    store.write(|tx| accounts::set_default(tx, None)).unwrap();
    assert_eq!(defaults(version).0, [(boris, false)]);
}

fn what_another_process_writes_is_seen(engine: Engine) {
    let place = place(engine);
    let beside = Store::open(&place.location).unwrap();
    let id = account(&beside, "anna");
    put(&beside, id, order(1, "anna@example.com", PayStatus::Paid, &[1]));
    assert_eq!(bills(&place.store, id, "anna@example.com", None).len(), 1);
    put(&place.store, id, order(2, "anna@example.com", PayStatus::Paid, &[1]));
    assert_eq!(bills(&beside, id, "anna@example.com", None).len(), 2);
}

/// As after a restore under an open store, or a failover that lost commits: numbers are used again.
fn a_store_that_went_back_shows_nothing_of_before(engine: Engine) {
    let place = place(engine);
    let id = account(&place.store, "anna");
    for good in 1..=20 {
        put(&place.store, id, order(1, "anna@example.com", PayStatus::Paid, &[good]));
        assert_eq!(bills(&place.store, id, "anna@example.com", None), [(1, good, format!("Товар {good}"))]);
        place.spoil(
            "DELETE FROM orders; DELETE FROM order_lines; DELETE FROM products; DELETE FROM product_versions",
        );
    }
}

fn two_products_of_one_name_are_a_conflict(engine: Engine) {
    let place = place(engine);
    let id = account(&place.store, "anna");
    let product = |number, name: &str| Listing {
        id: GoodId(number),
        good_name: name.into(),
        good_title: "T".into(),
        good_sum: Money::ZERO,
    };
    let (one, twin) = (product(1, "a"), product(2, "a"));
    assert!(place.store.write(move |tx| products::add_missing(tx, id, &one)).unwrap());
    let again = product(1, "other");
    assert!(!place.store.write(move |tx| products::add_missing(tx, id, &again)).unwrap());
    let error = place.store.write(move |tx| products::add_missing(tx, id, &twin)).unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    let renamed = products::Product::new(product(1, "b"));
    place.store.write(move |tx| products::save(tx, id, &renamed)).unwrap();
    let mut names = Vec::new();
    place
        .store
        .read(|tx| {
            products::each(tx, id, |product| {
                names.push(product.good_name);
                Ok::<(), Error>(())
            })
        })
        .unwrap();
    assert_eq!(names, ["b"]);
}

/// Transactions that read what they write: the second one sees the first one's result.
fn counters_are_given_once(engine: Engine) {
    let place = place(engine);
    place.store.write(|tx| marks::set(tx, "counter", "0")).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..25 {
                    place
                        .store
                        .write(|tx| {
                            let count: u32 = marks::get(tx, "counter")?.unwrap().parse().unwrap();
                            marks::set(tx, "counter", &(count + 1).to_string())
                        })
                        .unwrap();
                }
            });
        }
    });
    assert_eq!(place.store.read(|tx| marks::get(tx, "counter")).unwrap().as_deref(), Some("200"));
    // So are the numbers of accounts and versions, which are the highest plus one.
    std::thread::scope(|scope| {
        for n in 0..8 {
            let store = &place.store;
            scope.spawn(move || account(store, &format!("seller{n}")));
        }
    });
    let (accounts, version) = place.store.read(|tx| accounts::changed_since(tx, 0)).unwrap();
    assert_eq!((accounts.len(), version), (8, 8));
}

/// Titles may be longer than an index key.
fn long_texts_are_kept(engine: Engine) {
    let place = place(engine);
    let id = account(&place.store, "anna");
    let mut long = order(1, "anna@example.com", PayStatus::Paid, &[1, 2]);
    // Random, so that compression does not shorten it.
    let noise = |seed: u32| {
        let letter = move |n: u32| n.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 20;
        (0..60_000).map(move |n| char::from_u32(33 + letter(n) % 90).unwrap())
    };
    for (seed, line) in (0..).zip(&mut long.lines) {
        line.good_title = noise(seed).collect();
    }
    put(&place.store, id, long.clone());
    put(&place.store, id, Order { id: OrderId(2), ..long.clone() });
    assert_eq!(place.store.read(|tx| orders::find(tx, id, OrderId(2))).unwrap().unwrap().lines, long.lines);
}
