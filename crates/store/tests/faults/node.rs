//! A node: a process that adds orders from many threads, and reports each result on its standard output.
//!
//! It ends when its standard input does: when it is told to, or when its parent is gone.

use std::{
    env,
    io::{self, Read, Write},
    process,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use billhook_store::{AccountId, Error, Extent, Kind, Location, Store, Tx, accounts, orders};
use billhook_wire::OrderId;

use crate::{add, login, random};

/// The variables that make a process a node: the store's URL, and a unique number.
pub(crate) const URL_VARIABLE: &str = "BILLHOOK_TEST_NODE_URL";
pub(crate) const NUMBER_VARIABLE: &str = "BILLHOOK_TEST_NODE_NUMBER";

/// Threads that add orders.
const THREADS: i64 = 12;
/// Those that increment the counter: they conflict with each other, and with other nodes.
const COUNTING: i64 = 2;
/// The range of order numbers of one thread.
pub(crate) const SPAN: i64 = 1_000_000;
/// Every so many orders, an acknowledged one is looked up.
const LOOK_EVERY: i64 = 4;
/// The pause of a thread after an error.
const REST: Duration = Duration::from_millis(10);
/// How long the last transactions may take.
const END_MAX: Duration = Duration::from_secs(15);

/// The node of a number's thread.
pub(crate) fn of_thread(thread: i64) -> i64 {
    thread / THREADS
}

/// The URL and number of the node, if this process should be one.
pub(crate) fn is_asked_for() -> Option<(String, i64)> {
    Some((env::var(URL_VARIABLE).ok()?, env::var(NUMBER_VARIABLE).ok()?.parse().ok()?))
}

static IS_ENDING: AtomicBool = AtomicBool::new(false);

fn is_ending() -> bool {
    IS_ENDING.load(Ordering::Relaxed)
}

pub(crate) fn run(url: &str, number: i64) {
    // The test harness has begun a line.
    say("");
    thread::spawn(|| {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        IS_ENDING.store(true, Ordering::Relaxed);
        thread::sleep(END_MAX);
        process::exit(1);
    });
    let Some((store, account)) = open(url) else { return };
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let store = &store;
            let first = (number * THREADS + thread) * SPAN;
            scope.spawn(move || add_on(store, account, first, thread < COUNTING));
        }
    });
    say("ended");
}

/// Opens the store, which may be unreachable for a while.
fn open(url: &str) -> Option<(Store, AccountId)> {
    while !is_ending() {
        let opened = Location::parse(url).and_then(|location| Store::open(&location));
        let found = opened.and_then(|store| Ok((store.read(|tx| accounts::find(tx, &login()))?, store)));
        match found {
            Ok((account, store)) => return Some((store, account.unwrap().id)),
            Err(error) if error.kind() == Kind::Unreachable => thread::sleep(REST),
            Err(error) => {
                say(&format!("wrong: opened: {:?}: {error}", error.kind()));
                return None;
            }
        }
    }
    None
}

fn add_on(store: &Store, account: AccountId, first: i64, is_counting: bool) {
    for id in first + 1.. {
        if is_ending() {
            return;
        }
        match store.write(move |tx| add(tx, account, id, is_counting)) {
            Ok(()) => {
                say(&format!("kept {id}"));
                if id % LOOK_EVERY == 0 {
                    look_for(store, account, id);
                }
                thread::sleep(Duration::from_micros(random(4000)));
            }
            Err(error) => {
                match error.kind() {
                    Kind::Unknown => say(&format!("unknown {id}")),
                    Kind::Unreachable | Kind::Busy => say(&format!("failed {id}")),
                    kind => say(&format!("wrong: order {id}: {kind:?}: {error}")),
                }
                thread::sleep(REST);
            }
        }
    }
}

/// Reads an acknowledged order like a request does.
fn look_for(store: &Store, account: AccountId, id: i64) {
    let (send, receive) = mpsc::sync_channel(1);
    let done = move |found: Result<bool, Error>| drop(send.send(found));
    let body = move |tx: &mut Tx<'_>| Ok(orders::find(tx, account, OrderId(id))?.is_some());
    store.begin_read(account, Extent::Transaction, body, || (done, || true));
    match receive.recv().unwrap() {
        Ok(true) => {}
        Ok(false) => say(&format!("wrong: order {id} was acknowledged and is not found")),
        Err(error) if error.kind() == Kind::Unreachable => {}
        Err(error) => say(&format!("wrong: order {id}: read: {:?}: {error}", error.kind())),
    }
}

/// Prints a line with a single write, so that a kill leaves no partial one.
fn say(line: &str) {
    if io::stdout().write_all(format!("{line}\n").as_bytes()).is_err() {
        process::exit(1);
    }
}
