//! Concurrent calls: each order, coupon, pin code and payment counts once. The same races run between nodes.

use std::{
    collections::BTreeSet,
    sync::Barrier,
    time::{Duration, Instant},
};

use billhook_store::products::coupons::{Coupon, Discount};
use billhook_wire::Percent;
use serde_json::Value;

use crate::{
    program::{Answer, keyed},
    shop::{KEY, Shop, done, now, number},
};

/// Makes `count` calls at once, spread over the nodes, and returns the results.
fn at_once(nodes: &[&Shop], count: usize, call: impl Fn(&Shop, usize) -> Answer + Sync) -> Vec<Answer> {
    let barrier = Barrier::new(count);
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..count)
            .map(|at| {
                let (barrier, call, node) = (&barrier, &call, nodes[at % nodes.len()]);
                scope.spawn(move || {
                    barrier.wait();
                    call(node, at)
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    })
}

fn count_orders(shop: &Shop) -> usize {
    shop.result("GetOrders", &[]).as_array().unwrap().len()
}

pub(crate) fn equal_orders_make_one(nodes: &[&Shop]) {
    let shop = nodes[0];
    for round in 0..3 {
        let email = format!("same{round}@example.com");
        let form =
            [("goods[0][good_name]", "course"), ("goods[1][good_name]", "guide"), ("bill_email", &*email)];
        let answers = at_once(nodes, 32, |node, _| node.call("CreateOrder", &form));
        let made: Vec<_> = answers.iter().filter(|answer| answer.code() == 0).collect();
        let repeats = answers.iter().filter(|answer| answer.code() == 601).count();
        assert_eq!((made.len(), repeats), (1, 31), "{answers:?}");
        let made = number(&made[0].json()["result"]);
        assert!(answers.iter().all(|answer| number(&answer.json()["result"]) == made), "{answers:?}");
        assert_eq!(count_orders(shop), round + 1);
    }
    shop.is_sound();
}

/// Without the key, `createorder` would make an order at each call.
pub(crate) fn equal_calls_under_one_key_make_one(nodes: &[&Shop]) {
    let shop = nodes[0];
    let body = keyed(KEY, &[("product_names", "course")]);
    let answers =
        at_once(nodes, 32, |node, _| node.sent_with("Idempotency-Key: k\r\n", "createorder", &body));
    // On PostgreSQL a transaction that conflicts may lose a number (decision 84).
    let made = number(&done(&answers[0]));
    assert!(answers.iter().all(|answer| number(&done(answer)) == made), "{answers:?}");
    assert_eq!(count_orders(shop), 1);
    shop.is_sound();
}

pub(crate) fn the_last_use_of_a_coupon_is_one_order_s(nodes: &[&Shop]) {
    let shop = nodes[0];
    let coupon = shop.add_any_coupon(&Coupon {
        id: 0,
        coupon: "once".to_owned(),
        discount: Discount::Percent(Percent::from_hundredths(5000).unwrap()),
        starts: 0,
        ends: 0,
        uses_max: 1,
        uses: 0,
        goods: Vec::new(),
    });
    let answers = at_once(nodes, 32, |node, at| {
        let email = format!("customer{at}@example.com");
        let form = [("goods[0][good_name]", "course"), ("bill_email", &*email), ("bill_kupon", "once")];
        node.call("CreateOrder", &form)
    });
    let prices: Vec<_> = answers
        .iter()
        .map(|answer| {
            let order = shop.details(number(&done(answer)));
            assert_eq!(order["kupon"], "once");
            order["price"].as_str().unwrap().to_owned()
        })
        .collect();
    let count = |price: &str| prices.iter().filter(|found| *found == price).count();
    assert_eq!((count("500.00"), count("1000.00")), (1, 31), "{prices:?}");
    assert_eq!(shop.uses_of(coupon), 1);
    shop.is_sound();
}

pub(crate) fn each_pin_code_is_handed_out_once(nodes: &[&Shop]) {
    let shop = nodes[0];
    let pincodes: Vec<_> = (0..20).map(|at| format!("PIN-{at:02}")).collect();
    shop.add_pincodes(1, &pincodes.iter().map(String::as_str).collect::<Vec<_>>());
    let orders: Vec<_> = (0..16)
        .map(|at| shop.order(&format!("c{at}@example.com"), "course", &[("goods[1][good_name]", "course")]))
        .collect();
    // Two callers record the payment of each order.
    let answers = at_once(nodes, 32, |node, at| {
        let id = orders[at / 2].to_string();
        node.call("UpdateOrderStatus", &[("bill_id", &*id), ("status", "paid"), ("date", "1362254400")])
    });
    assert!(answers.iter().all(|answer| answer.code() == 0), "{answers:?}");
    let mut handed_out = Vec::new();
    for &order in &orders {
        let details = shop.details(order);
        let codes = details["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["pincode"].as_str().unwrap().to_owned());
        handed_out.extend(codes.filter(|code| !code.is_empty()));
        assert_eq!(shop.payments_of(order), [(200_000, 1_362_254_400)], "order {order}");
    }
    handed_out.sort_unstable();
    assert_eq!(handed_out, pincodes);
    assert_eq!(shop.pincodes_left(1), 0);
    shop.is_sound();
}

pub(crate) fn every_order_has_a_number_of_its_own(nodes: &[&Shop]) {
    let shop = nodes[0];
    let made: Vec<i64> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..16)
            .map(|caller| {
                let node = nodes[caller % nodes.len()];
                scope.spawn(move || {
                    let mut numbers = Vec::new();
                    for at in 0..13 {
                        // 8 callers make 13 orders each, the others 12: 200 in all.
                        if at < 12 || caller < 8 {
                            let email = format!("customer{caller}.{at}@example.com");
                            numbers.push(node.order(&email, "course", &[]));
                        }
                    }
                    assert!(numbers.is_sorted(), "one caller's numbers rise: {numbers:?}");
                    numbers
                })
            })
            .collect();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    let different: BTreeSet<_> = made.iter().collect();
    assert_eq!((made.len(), different.len()), (200, 200));
    assert_eq!(count_orders(shop), 200);
    shop.is_sound();
}

/// A payment before or after the timer counts, and is never undone.
pub(crate) fn a_payment_holds_against_the_timer(nodes: &[&Shop]) {
    let shop = nodes[0];
    let due = now() + 4;
    let kill = due.to_string();
    let orders: Vec<_> = (0..24)
        .map(|at| shop.order(&format!("c{at}@example.com"), "course", &[("bill_timer_kill", &*kill)]))
        .collect();
    assert!(now() < due, "the machine is too slow for this test");
    let started = Instant::now();
    let wait = u64::try_from(due - now()).unwrap() * 1000;
    let answers = at_once(nodes, orders.len(), |node, at| {
        // From one second before the timer to a second and a half after it.
        let until = Duration::from_millis(wait - 1000 + 100 * u64::try_from(at).unwrap());
        std::thread::sleep(until.saturating_sub(started.elapsed()));
        let id = orders[at].to_string();
        node.call("UpdateOrderStatus", &[("bill_id", &*id), ("status", "paid"), ("date", "1362254400")])
    });
    assert!(answers.iter().all(|answer| answer.code() == 0), "{answers:?}");
    std::thread::sleep(Duration::from_millis(2500));
    for &order in &orders {
        let details = shop.details(order);
        assert_eq!(
            (&details["pay_status"], &details["paid"]),
            (&Value::from("paid"), &Value::from("1362254400"))
        );
        assert_eq!(shop.payments_of(order), [(100_000, 1_362_254_400)], "order {order}");
    }
    shop.is_sound();
}

pub(crate) fn an_order_is_deleted_once(nodes: &[&Shop]) {
    let shop = nodes[0];
    let id = shop.order("a@b", "course", &[]).to_string();
    let answers = at_once(nodes, 16, |node, _| node.call("DeleteOrder", &[("bill_id", &*id)]));
    let count = |code: i64| answers.iter().filter(|answer| answer.code() == code).count();
    assert_eq!((count(0), count(302)), (1, 15), "{answers:?}");
    shop.is_sound();
}

macro_rules! on_one_server {
    ($($race:ident)+) => {
        mod on_one_server {
            $(#[test] fn $race() { super::$race(&[&crate::shop::Shop::with_goods()]); })+
        }
    };
}

on_one_server! {
    equal_orders_make_one
    equal_calls_under_one_key_make_one
    the_last_use_of_a_coupon_is_one_order_s
    each_pin_code_is_handed_out_once
    every_order_has_a_number_of_its_own
    a_payment_holds_against_the_timer
    an_order_is_deleted_once
}
