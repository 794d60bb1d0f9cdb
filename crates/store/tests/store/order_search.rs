//! Orders found for people, on both engines: by what is typed, by a product, along a time, page by page.

use billhook_store::orders::{
    order_changes,
    order_search::{By, Filter, Position, START, UNCOUNTED_START, Word, find},
};
use billhook_wire::PayStatus::{Cancel, Paid, Waiting};

use super::*;

on_each_engine! {
    whatever_is_typed_finds_its_orders
    a_time_is_listed_page_by_page
    what_changes_is_found_anew
    a_word_that_names_too_many_goes_on_to_the_last
}

/// Order, e-mail, phone, surname, status, goods.
type Sample = (i64, &'static str, &'static str, &'static str, PayStatus, &'static [i64]);

const ORDERS: [Sample; 6] = [
    (1, "anna@example.com", "+7 (912) 345-67-89", "Ёлкина", Waiting, &[1]),
    (2, "anna@example.com", "8 912 345 67 89 доб. 12", "Елкина", Paid, &[1, 2, 1]),
    (3, "ANNABEL@example.com", "", "", Cancel, &[2]),
    (45_678, "boris@example.com", "123456789", "O'Neill", Waiting, &[3]),
    (6, "boris@example.com", "5 67-89", "  Ёлкин-Палкин", Paid, &[3, 1]),
    (7, "hidden@example.com", "+79123456789", "Ёлкина", Waiting, &[1]),
];

fn filled(store: &Store) -> AccountId {
    let id = account(store, "anna");
    // Another account's are never found.
    for (account, orders) in [(id, &ORDERS[..]), (account(store, "other"), &ORDERS[..5])] {
        for (number, email, phone, surname, status, goods) in orders {
            let mut order = order(*number, email, *status, goods);
            order.created = number * 10;
            order.paid = if *status == Paid { 1_000 - number } else { 0 };
            order.texts.set(TextField::Phone, phone);
            order.texts.set(TextField::LastName, surname);
            order.texts.set(TextField::Tag, "Spring");
            order.texts.set(TextField::UtmSource, if *number < 3 { "vk" } else { "" });
            put(store, account, order);
        }
    }
    store
        .write(move |tx| {
            let mut hidden = orders::find(tx, id, OrderId(7))?.unwrap();
            order_changes::hide(tx, id, &mut hidden, 5)
        })
        .unwrap();
    id
}

fn page(store: &Store, id: AccountId, filter: &Filter, after: Position) -> (Vec<i64>, Option<Position>) {
    let found = store.read(|tx| find(tx, id, filter, after, 2)).unwrap();
    (found.orders.iter().map(|id| id.0).collect(), found.next)
}

/// Every page, two orders on each.
fn all(store: &Store, id: AccountId, filter: &Filter) -> Vec<i64> {
    let (mut numbers, mut next) = page(store, id, filter, START);
    while let Some(position) = next {
        let (mut more, then) = page(store, id, filter, position);
        assert!(!more.is_empty(), "an empty page");
        numbers.append(&mut more);
        next = then;
    }
    let total = store.read(|tx| find(tx, id, filter, START, 2)).unwrap().total;
    assert_eq!(total, Some((numbers.len() as u64, false)), "{filter:?}");
    numbers
}

fn whatever_is_typed_finds_its_orders(engine: Engine) {
    let place = place(engine);
    let id = filled(&place.store);
    for (typed, numbers) in [
        ("2", &[2][..]),
        ("№ 7", &[7]),
        ("45678", &[45_678]),
        ("6789", &[45_678, 6, 1]),
        ("+7 912 345-67-89", &[1]),
        ("56789", &[45_678, 6, 1]),
        ("8912", &[2]),
        ("anna@example.com", &[2, 1]),
        ("ANNA", &[3, 2, 1]),
        ("ёлкин", &[6, 2, 1]),
        ("елкина", &[2, 1]),
        ("o'n", &[45_678]),
        ("%", &[]),
        ("' OR 1", &[]),
        ("hidden@", &[]),
        ("99999999999999999999", &[]),
    ] {
        let filter = Filter { words: Word::read(typed), ..Filter::default() };
        assert_eq!(all(&place.store, id, &filter), numbers, "{typed}");
    }
    for (filter, numbers) in [
        (Filter { product: Some(GoodId(1)), ..Filter::default() }, &[6, 2, 1][..]),
        (Filter { product: Some(GoodId(1)), words: Word::read("anna"), ..Filter::default() }, &[2, 1]),
        (Filter { product: Some(GoodId(9)), ..Filter::default() }, &[]),
        (Filter { words: Word::read("anna"), status: Some(Paid), ..Filter::default() }, &[2]),
    ] {
        assert_eq!(all(&place.store, id, &filter), numbers, "{filter:?}");
    }
}

fn a_time_is_listed_page_by_page(engine: Engine) {
    let place = place(engine);
    let id = filled(&place.store);
    let kopecks = Money::from_kopecks;
    for (filter, numbers) in [
        (Filter::default(), &[45_678, 6, 3, 2, 1][..]),
        (Filter { time: (20, 60), ..Filter::default() }, &[6, 3, 2]),
        (Filter { by: By::Paid, ..Filter::default() }, &[2, 6]),
        (Filter { by: By::Paid, time: (0, 995), ..Filter::default() }, &[6]),
        (Filter { status: Some(Waiting), ..Filter::default() }, &[45_678, 1]),
        (Filter { price: (kopecks(300), kopecks(400)), ..Filter::default() }, &[45_678, 6, 2]),
        (Filter { tag: "sPRING".to_owned(), ..Filter::default() }, &[45_678, 6, 3, 2, 1]),
        (Filter { utm: "VK".to_owned(), ..Filter::default() }, &[2, 1]),
        (Filter { manager: 4, ..Filter::default() }, &[]),
        (Filter { coupon: "x".to_owned(), partner: "y".to_owned(), ..Filter::default() }, &[]),
    ] {
        assert_eq!(all(&place.store, id, &filter), numbers, "{filter:?}");
    }
}

fn what_changes_is_found_anew(engine: Engine) {
    let place = place(engine);
    let id = filled(&place.store);
    let mut changed = place.store.read(|tx| orders::find(tx, id, OrderId(2))).unwrap().unwrap();
    let before = changed.digest();
    changed.email = Some(Email::parse("vera@example.com").unwrap());
    changed.texts.set(TextField::Phone, "+375 29 111-22-33");
    changed.texts.set(TextField::LastName, "Котова");
    assert_ne!(changed.digest(), before);
    place.store.write(move |tx| orders::replace(tx, id, &changed)).unwrap();
    for (typed, numbers) in [("елкина", &[1][..]), ("111 22 33", &[2]), ("кот", &[2]), ("vera@", &[2])]
    {
        let filter = Filter { words: Word::read(typed), ..Filter::default() };
        assert_eq!(all(&place.store, id, &filter), numbers, "{typed}");
    }
    assert_eq!(place.store.check(&mut |_| {}).unwrap(), []);
}

fn a_word_that_names_too_many_goes_on_to_the_last(engine: Engine) {
    let place = place(engine);
    let id = filled(&place.store);
    let mut many: Vec<Order> = (100..5_102)
        .map(|number| {
            let mut order = order(number, "carla@example.com", Waiting, &[1]);
            order.created = number;
            order.texts.set(TextField::LastName, "Ёлкин");
            order
        })
        .collect();
    let mut other = order(6_000, "zoe@example.com", Waiting, &[3]);
    other.texts.set(TextField::LastName, "Carlaeva");
    many.push(other);
    place.store.write(move |tx| orders::add_all(tx, id, &many.iter().collect::<Vec<_>>())).unwrap();
    for (filter, count) in [
        (Filter { words: Word::read("елкин"), ..Filter::default() }, 5_005),
        (Filter { words: Word::read("carla@"), ..Filter::default() }, 5_002),
        (Filter { words: Word::read("carla"), ..Filter::default() }, 5_003),
        (Filter { product: Some(GoodId(1)), ..Filter::default() }, 5_005),
    ] {
        for start in [START, UNCOUNTED_START] {
            let (mut numbers, mut next) = (Vec::new(), Some(start));
            while let Some(after) = next {
                let found = place.store.read(|tx| find(tx, id, &filter, after, 1_000)).unwrap();
                assert_eq!(found.total, (after == START).then_some((count, false)), "{filter:?}");
                numbers.extend(found.orders);
                next = found.next;
            }
            assert_eq!(numbers.len() as u64, count, "{filter:?}");
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len() as u64, count, "{filter:?}");
        }
    }
}
