//! The customers of an account, on both engines: who they are, in which order, and what they have bought.

use billhook_store::orders::{
    customers::{find, list, orders as orders_of},
    order_changes::{self, Payment},
    order_search::{Position, START, Word},
};
use billhook_wire::PayStatus::{Paid, Waiting};

use super::*;

on_each_engine! {
    each_customer_stands_once_the_newest_first
    a_customers_orders_and_sums
}

/// Order, e-mail, time, surname, status, goods (number 7 costs 7.00).
type Sample = (i64, &'static str, i64, &'static str, PayStatus, &'static [i64]);

const ORDERS: [Sample; 8] = [
    (1, "anna@example.com", 10, "Котова", Waiting, &[1]),
    (2, "boris@example.com", 20, "Кот", Paid, &[2]),
    (3, "ANNA@example.com", 30, "Ёлкина", Paid, &[3, 4]),
    (4, "hidden@example.com", 40, "Котова", Waiting, &[1]),
    (5, "vera@example.com", 25, "", Waiting, &[1]),
    (6, "boris@example.com", 50, "", Waiting, &[6]),
    (7, "annabel@example.com", 5, "", Paid, &[7]),
    (8, "boris@example.com", 15, "", Paid, &[8]),
];

fn filled(store: &Store) -> AccountId {
    let (id, other) = (account(store, "anna"), account(store, "other"));
    for (number, email, created, surname, status, goods) in ORDERS {
        let mut order = order(number, email, status, goods);
        (order.created, order.paid) = (created, if status == Paid { created + 1 } else { 0 });
        order.texts.set(TextField::LastName, surname);
        put(store, id, order);
    }
    put(store, other, order(1, "foreign@example.com", Paid, &[1]));
    put(store, id, Order { email: None, ..order(9, "x@x", Paid, &[1]) });
    store
        .write(move |tx| {
            let mut hidden = orders::find(tx, id, OrderId(4))?.unwrap();
            order_changes::hide(tx, id, &mut hidden, 60)?;
            // Part of an order is paid, and part of another given back.
            for (number, sums) in [(6, &[150][..]), (2, &[200, -80])] {
                let mut order = orders::find(tx, id, OrderId(number))?.unwrap();
                for sum in sums {
                    let payment = Payment { sum: Money::from_kopecks(*sum), received: 60 };
                    order_changes::pay_part(tx, id, &mut order, payment)?;
                }
            }
            Ok::<(), Error>(())
        })
        .unwrap();
    id
}

/// The numbers of the customers' newest orders, from page to page.
fn all(store: &Store, id: AccountId, typed: &str, most: usize) -> Vec<i64> {
    let (words, mut after, mut all) = (Word::read(typed), Some(START), Vec::<Position>::new());
    while let Some(position) = after {
        let (mut page, next) = store
            .read(|tx| list(tx, id, &words, position, most))
            .map(|page| (page.customers.into_iter().map(|customer| customer.newest).collect(), page.next))
            .unwrap();
        all.append(&mut page);
        after = next;
    }
    all.into_iter().map(|(_, number)| number).collect()
}

fn each_customer_stands_once_the_newest_first(engine: Engine) {
    let place = place(engine);
    let id = filled(&place.store);
    for (typed, numbers) in [
        ("", &[6, 3, 5, 7][..]),
        ("anna", &[3, 7]),
        ("anna@", &[3]),
        ("ёлк", &[3]),
        // By an older order too; he stands where that one does.
        ("кот", &[6, 3]),
        ("hidden", &[]),
        ("foreign", &[]),
        ("x@x", &[]),
        ("4", &[]),
    ] {
        for most in [1, 2, 50] {
            assert_eq!(all(&place.store, id, typed, most), numbers, "{typed} {most}");
        }
    }
}

fn a_customers_orders_and_sums(engine: Engine) {
    let place = place(engine);
    let id = filled(&place.store);
    let email = |text| Email::parse(text).unwrap();
    for (of, count, paid, received) in
        [("Anna@Example.com", 2, 1, 700), ("boris@example.com", 3, 2, 150 + 120 + 800)]
    {
        let found = place.store.read(|tx| find(tx, id, &email(of))).unwrap().unwrap();
        let expected = (count, paid, Money::from_kopecks(received), false);
        assert_eq!((found.orders, found.paid, found.received, found.is_cut), expected, "{of}");
    }
    for nobody in ["hidden@example.com", "foreign@example.com", "nobody@example.com"] {
        assert_eq!(place.store.read(|tx| find(tx, id, &email(nobody))).unwrap(), None, "{nobody}");
    }
    let below = |number| {
        let read = |tx: &mut Tx<'_>| orders_of(tx, id, &email("boris@example.com"), OrderId(number), 2);
        place.store.read(read).unwrap().into_iter().map(|id| id.0).collect::<Vec<_>>()
    };
    assert_eq!([below(i64::MAX), below(6)], [vec![8, 6], vec![2]]);
}
