//! What the store keeps while processes are killed, PostgreSQL is killed, and connections are cut at the worst moments.
//!
//! `rounds` kills PostgreSQL and nodes at random moments, as often as `BILLHOOK_FAULT_ROUNDS` says; `cuts` puts a proxy between the
//! store and PostgreSQL that cuts a connection at a moment that is known; `standby` has a second server that follows the first, and takes
//! its place.

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
    orders::{self, Handling, Line, Order, TextField, Texts},
    products::{self, Product},
};
use billhook_wire::{Email, GoodId, Key, Login, Money, OrderId, PayStatus};

/// The mark that some transactions raise by one.
const COUNTER: &str = "counter";

/// A number below this, another one each time.
fn random(below: u64) -> u64 {
    RandomState::new().hash_one(0) % below
}

fn login() -> Login {
    Login::parse("anna").unwrap()
}

/// Makes the account, and the versions of the products: later transactions meet each other only where they are meant to.
fn prepare(store: &Store) -> AccountId {
    let key = Key::parse("0123456789abcdef").unwrap();
    store
        .write(move |tx| {
            let account = accounts::add(tx, &login(), &key, 1_700_000_000)?.unwrap();
            orders::add(tx, account, &sample(0, None))?;
            for line in sample(0, None).lines {
                let product = Product {
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

/// The order of a number. The transaction that raised the counter says so in it.
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

/// Adds an order; `is_counted`: and raises the counter, which must happen once.
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

/// Every order of the store but that of [`prepare`], with the count in it. Each is whole, no count was lost or given twice, and the
/// store's own check finds nothing.
fn look(store: &Store, account: AccountId) -> BTreeMap<i64, Option<u64>> {
    assert_eq!(store.check(&mut |_| {}).unwrap(), []);
    let mut found = BTreeMap::new();
    let counter = store.read(|tx| {
        orders::each(tx, account, |order| {
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
