//! The search for a repeated order among the customer's newest lines.

use billhook_store::orders::same_order::{self, Content};
use billhook_wire::{Email, GoodId, Money, PayStatus};

use crate::{Engine, account, order, place, put};

on_each_engine! {
    an_equal_order_is_found_among_many
}

/// The newest 1,000 lines are compared.
fn an_equal_order_is_found_among_many(engine: Engine) {
    let place = place(engine);
    let id = account(&place.store, "anna");
    for number in 1..=60 {
        let goods = if number == 5 { vec![5, 6] } else { vec![6] };
        let mut order = order(number, "Anna@example.com", PayStatus::Waiting, &goods);
        order.created += number;
        put(&place.store, id, order);
    }
    let created = order(1, "a@b", PayStatus::Waiting, &[1]).created;
    let find = |lines: &[(i64, i64)], time| {
        let content =
            Content::new(lines.iter().map(|(good, sum)| (GoodId(*good), Money::from_kopecks(*sum))));
        let email = Email::parse("anna@example.com").unwrap();
        let found = place.store.read(|tx| same_order::find(tx, id, Some(&email), &[content], time)).unwrap();
        found.map(|found| found.0)
    };
    let ever = (0, i64::MAX);
    let both = [(6, 600), (5, 500)];
    assert_eq!(find(&both, ever), Some(5));
    assert_eq!(find(&both, (created + 5, created + 5)), Some(5));
    assert_eq!(find(&both, (created + 6, i64::MAX)), None);
    for other in [&[(5, 500)][..], &[(5, 500), (6, 601)], &[(5, 500), (6, 600), (6, 600)]] {
        assert_eq!(find(other, ever), None);
    }
    assert_eq!(find(&[(6, 600)], ever), Some(60));
    place.spoil("UPDATE order_lines SET pay_status = 'paid' WHERE order_id = 5");
    assert_eq!(find(&both, ever), None);
    place.spoil("UPDATE order_lines SET pay_status = 'waiting' WHERE order_id = 5");
    // 55 orders of one line are newer than the one with two.
    put(&place.store, id, order(61, "anna@example.com", PayStatus::Paid, &[7; 943]));
    assert_eq!(find(&both, ever), Some(5));
    put(&place.store, id, order(62, "anna@example.com", PayStatus::Paid, &[7]));
    assert_eq!(find(&both, ever), None);
    assert_eq!(find(&[(6, 600)], ever), Some(60));
}
