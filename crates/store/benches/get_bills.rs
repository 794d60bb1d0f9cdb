//! The store's share of the cost of GetBills, with 100,000 orders of 25,000 customers, all in memory.

#![expect(clippy::unwrap_used, reason = "a benchmark that meets a fault shall stop")]

use std::{cell::Cell, sync::OnceLock};

use billhook_store::{
    AccountId, Location, Store, accounts,
    orders::{self, Handling, Line, Order, Texts},
};
use billhook_wire::{Email, GoodId, Key, Login, Money, OrderId, PayStatus};
use divan::Bencher;

const ORDERS: i64 = 100_000;
const CUSTOMERS: i64 = 25_000;
const GOODS: i64 = 1_000;
/// The number of orders of one customer with very many.
const MANY: i64 = 10_000;

fn main() {
    divan::main();
}

struct Filled {
    store: Store,
    account: AccountId,
    _folder: tempfile::TempDir,
}

fn filled() -> &'static Filled {
    static FILLED: OnceLock<Filled> = OnceLock::new();
    FILLED.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_for_bulk(&Location::folder(folder.path())).unwrap();
        let login = Login::parse("bench").unwrap();
        let key = Key::parse("0123456789abcdef0123456789abcdef").unwrap();
        let account = store.write(move |tx| accounts::add(tx, &login, &key, 0)).unwrap().unwrap();
        store
            .write(move |tx| {
                (0..ORDERS).try_for_each(|id| {
                    // So that neighbours by time are not neighbours by customer.
                    let customer = id * 7_919 % CUSTOMERS;
                    orders::add(tx, account, &order(id, &email(customer)))
                })?;
                (0..MANY).try_for_each(|id| orders::add(tx, account, &order(ORDERS + id, "many@example.com")))
            })
            .unwrap();
        let filled = Filled { store, account, _folder: folder };
        // Otherwise the first benchmark would also measure reading pages and names for the first time.
        for customer in 0..CUSTOMERS {
            bills(&filled, &Email::parse(&email(customer)).unwrap(), None);
        }
        filled
    })
}

fn email(customer: i64) -> String {
    format!("customer{customer}@example.com")
}

fn order(id: i64, email: &str) -> Order {
    let line = |good: i64| Line {
        good_id: GoodId(1 + good),
        good_name: format!("good-{good}"),
        good_title: format!("Курс «Фотография с нуля», выпуск {good}"),
        sum: Money::from_kopecks(390_000),
        price: Money::from_kopecks(390_000),
        pincode: String::new(),
        partner_fee: Money::ZERO,
        partner_pfee: Money::ZERO,
    };
    Order {
        id: OrderId(1 + id),
        email: Some(Email::parse(email).unwrap()),
        pay_status: PayStatus::Paid,
        created: 0,
        paid: 1,
        is_recurrent: false,
        handling: Handling::default(),
        texts: Texts::default(),
        lines: vec![line(id % GOODS), line((id + 1) % GOODS)],
    }
}

/// Another customer at each call, so that not all pages are in the processor's caches.
fn next_customer() -> impl Fn() -> Email {
    let next = Cell::new(0);
    move || {
        next.set((next.get() + 6_007) % CUSTOMERS);
        Email::parse(&email(next.get())).unwrap()
    }
}

fn bills(filled: &Filled, email: &Email, state: Option<PayStatus>) -> usize {
    let bills = filled.store.read_one(|tx| orders::bills_of(tx, filled.account, email, state)).unwrap();
    bills.orders()
}

#[divan::bench(sample_count = 1000)]
fn four_orders(bencher: Bencher<'_, '_>) {
    let filled = filled();
    assert_eq!(bills(filled, &Email::parse(&email(1)).unwrap(), None), 4);
    bencher.with_inputs(next_customer()).bench_local_refs(|email| bills(filled, email, None));
}

#[divan::bench(sample_count = 1000)]
fn of_one_state(bencher: Bencher<'_, '_>) {
    let filled = filled();
    bencher
        .with_inputs(next_customer())
        .bench_local_refs(|email| bills(filled, email, Some(PayStatus::Waiting)));
}

#[divan::bench]
fn unknown(bencher: Bencher<'_, '_>) {
    let filled = filled();
    let email = Email::parse("nobody@example.com").unwrap();
    assert_eq!(bills(filled, &email, None), 0);
    bencher.bench_local(|| bills(filled, &email, None));
}

#[divan::bench]
fn ten_thousand_orders(bencher: Bencher<'_, '_>) {
    let filled = filled();
    let email = Email::parse("many@example.com").unwrap();
    bencher.bench_local(|| bills(filled, &email, None));
}

/// A whole read transaction, instead of a single statement.
#[divan::bench(sample_count = 1000)]
fn in_a_transaction(bencher: Bencher<'_, '_>) {
    let filled = filled();
    bencher.with_inputs(next_customer()).bench_local_refs(|email| {
        let bills = filled.store.read(|tx| orders::bills_of(tx, filled.account, email, None)).unwrap();
        bills.orders()
    });
}
