//! What the store keeps when processes are killed, PostgreSQL is killed, and connections are cut at the worst
//! moments.
//!
//! `rounds` kills PostgreSQL and nodes at random moments; `BILLHOOK_FAULT_ROUNDS` is the number of rounds.
//! `cuts` cuts connections at chosen moments, with a proxy before PostgreSQL. `standby` has a second server
//! that follows the first and takes its place.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that meets a fault shall stop, and tell of what it did"
)]

mod cuts;
mod ledger;
mod node;
mod proxy;
mod rounds;
mod standby;

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
};

use billhook_store::{
    AccountId, Error, Store, Tx, accounts, marks,
    orders::{self, Handling, Line, Order, TextField, Texts, payments},
    products::{self, Listing},
};
use billhook_wire::{Email, GoodId, Key, Login, Money, OrderId, PayStatus};

/// The mark that some transactions increment.
const COUNTER: &str = "counter";

/// A random number below this.
fn random(below: u64) -> u64 {
    RandomState::new().hash_one(0) % below
}

fn login() -> Login {
    Login::parse("anna").unwrap()
}

/// Makes the account and the products' versions, so that later transactions conflict only where they should.
fn prepare(store: &Store) -> AccountId {
    let key = Key::parse("0123456789abcdef").unwrap();
    store
        .write(move |tx| {
            let account = accounts::add(tx, &login(), &key, 1_700_000_000)?.unwrap();
            orders::add(tx, account, &sample(0, None))?;
            for line in sample(0, None).lines {
                let product = Listing {
                    id: line.good_id,
                    good_name: line.good_name,
                    good_title: line.good_title,
                    good_sum: line.price,
                };
                products::add_missing(tx, account, &product)?;
            }
            Ok::<_, Error>(account)
        })
        .unwrap()
}

/// An order with this number, and with the counter's value if its transaction incremented it.
fn sample(id: i64, count: Option<u64>) -> Order {
    let mut texts = Texts::default();
    texts.set(TextField::Tag, format!("tag {id}"));
    texts.set(TextField::Comment, count.map(|count| count.to_string()).unwrap_or_default());
    let lines = [1, 2].map(|good| Line {
        good_id: GoodId(good),
        good_name: format!("good{good}"),
        good_title: format!("Товар {good}"),
        sum: Money::from_kopecks(id),
        price: Money::from_kopecks(200 * good),
        pincode: format!("pin {id}/{good}"),
        partner_fee: Money::ZERO,
        partner_pfee: Money::ZERO,
    });
    Order {
        id: OrderId(id),
        email: Some(Email::parse(&format!("customer{}@example.com", id % 100)).unwrap()),
        pay_status: PayStatus::Paid,
        created: 1_362_250_000,
        paid: 1_362_250_001,
        is_recurrent: false,
        handling: Handling::default(),
        texts,
        lines: lines.into(),
    }
}

/// Adds an order. With `is_counted` it also increments the counter, which must happen once.
fn add(tx: &mut Tx<'_>, account: AccountId, id: i64, is_counted: bool) -> Result<(), Error> {
    let count = if is_counted {
        let count = counter(tx)? + 1;
        marks::set(tx, COUNTER, &count.to_string())?;
        Some(count)
    } else {
        None
    };
    orders::add(tx, account, &sample(id, count))
}

fn counter(tx: &mut Tx<'_>) -> Result<u64, Error> {
    Ok(marks::get(tx, COUNTER)?.map_or(0, |text| text.parse().unwrap()))
}

/// Every order of the store except the one of [`prepare`], with its count. Checks that each is complete, that
/// counts are unique without gaps, and that the store's own check finds nothing.
fn look(store: &Store, account: AccountId) -> BTreeMap<i64, Option<u64>> {
    assert_eq!(store.check(&mut |_| {}).unwrap(), []);
    let mut found = BTreeMap::new();
    let counter = store.read(|tx| {
        payments::each_order(tx, account, (OrderId(-1), OrderId(i64::MAX)), |order, _| {
            let comment = order.texts.get(TextField::Comment);
            let count = if comment.is_empty() { None } else { Some(comment.parse().unwrap()) };
            assert_eq!(order, sample(order.id.0, count));
            assert_eq!(found.insert(order.id.0, count), None, "order {} is there twice", order.id);
            Ok::<(), Error>(())
        })?;
        counter(tx)
    });
    assert_eq!(found.remove(&0), Some(None));
    let mut counts: Vec<u64> = found.values().flatten().copied().collect();
    counts.sort_unstable();
    let expected: Vec<u64> = (1..=counter.unwrap()).collect();
    assert!(counts == expected, "{} counts for a counter of {}", counts.len(), expected.len());
    found
}
