//! Orders that cancel themselves when they are not paid in time (decision 75).

use crate::shop::{Shop, now, number};

#[test]
fn an_order_that_is_not_paid_in_time_is_cancelled() {
    let shop = Shop::with_goods();
    let timer =
        |unit, duration| [("good_timer", "1"), ("good_timer_unit", unit), ("good_timer_duration", duration)];
    shop.add_good("hurry", "0", "Hurry", "1.00", &timer("min", "1"));
    shop.add_good("leisure", "0", "Leisure", "1.00", &timer("day", "3"));
    let (hour_ago, minute_ago) = ((now() - 3600).to_string(), (now() - 61).to_string());
    let soon = (now() + 1).to_string();
    let order =
        |good: &str, more: &[(&str, &str)]| shop.order(&format!("{good}{}@b", more.len()), good, more);
    let killed = [
        order("course", &[("bill_timer_kill", &hour_ago), ("bill_tag", "past")]),
        order("course", &[("bill_timer_kill", &soon), ("bill_tag", "soon"), ("bill_ip", "x")]),
    ];
    let stay = [
        order("hurry", &[("bill_created", &minute_ago)]),
        // The time runs from when the server received the order, not from its date.
        order("hurry", &[("bill_created", &minute_ago), ("bill_timer_kill", "true")]),
        order("hurry", &[("bill_created", &minute_ago), ("bill_timer_kill", "0"), ("bill_ip", "x")]),
        order("hurry", &[("bill_timer_kill", "1"), ("bill_tag", ""), ("bill_ip", "x"), ("bill_phone", "x")]),
        order("leisure", &[("bill_created", &minute_ago), ("bill_timer_kill", "1")]),
        order(
            "course",
            &[("bill_created", &minute_ago), ("bill_timer_kill", "on"), ("bill_ip", "x"), ("bill_tag", "x")],
        ),
    ];
    let paid = order(
        "course",
        &[
            ("bill_timer_kill", &soon),
            ("bill_tag", "p"),
            ("bill_ip", "p"),
            ("bill_city", "p"),
            ("bill_phone", "p"),
        ],
    );
    shop.result("UpdateOrderStatus", &[("bill_id", &paid.to_string()), ("status", "paid"), ("date", &soon)]);
    let status = |id: i64| shop.details(id)["pay_status"].as_str().unwrap().to_owned();
    billhook_test_kit::until(|| killed.iter().all(|&id| status(id) == "cancel"));
    // At most two seconds late.
    assert!(now() <= soon.parse::<i64>().unwrap() + 3, "it took until {}", now());
    assert!(stay.iter().all(|&id| status(id) == "waiting"));
    assert_eq!(status(paid), "paid");
    shop.is_sound();
}

/// Seconds from now until orders of these products cancel themselves, as asked or by default (decision 75).
#[test]
fn a_products_deadline_runs_from_when_the_order_was_received() {
    for default in ["never", "goods"] {
        let shop = Shop::with_settings(&["same_order_hours=0", &format!("timer_kill_default={default}")]);
        for (name, unit) in [("hour", "hour"), ("day", "day")] {
            let timer = [("good_timer", "1"), ("good_timer_unit", unit), ("good_timer_duration", "1")];
            shop.add_good(name, "0", name, "1.00", &timer);
        }
        let by_default = |seconds: i64| if default == "goods" { Some(seconds) } else { None };
        let created = (now() - 100_000).to_string();
        let soon = (now() + 500).to_string();
        for (goods, kill, expected) in [
            (&["hour"][..], None, by_default(3600)),
            (&["course"], None, None),
            (&["course", "day"], None, by_default(86_400)),
            (&["day"], Some("1"), Some(86_400)),
            // The shortest time counts.
            (&["day", "hour", "course"], Some("true"), Some(3600)),
            (&["course"], Some("1"), None),
            (&["hour"], Some("0"), None),
            (&["hour"], Some("false"), None),
            (&["hour"], Some(soon.as_str()), Some(500)),
        ] {
            let names: Vec<_> = goods
                .iter()
                .enumerate()
                .map(|(at, good)| (format!("goods[{at}][good_name]"), *good))
                .collect();
            let mut form: Vec<_> = names.iter().map(|(name, good)| (name.as_str(), *good)).collect();
            form.extend([("bill_email", "a@b"), ("bill_created", &*created)]);
            form.extend(kill.map(|kill| ("bill_timer_kill", kill)));
            let id = number(&shop.result("CreateOrder", &form));
            let seen = kill_at(&shop, id);
            let Some(expected) = expected else {
                assert_eq!(seen, 0, "{default} {goods:?} {kill:?}");
                continue;
            };
            assert!(
                (expected - 60..=expected).contains(&(seen - now())),
                "{default} {goods:?} {kill:?}: {seen}"
            );
        }
        // The other edition has no such parameter, since it is for old orders.
        assert_eq!(kill_at(&shop, shop.keyed_order(&[("product_names", "hour")])), 0);
    }
}

fn kill_at(shop: &Shop, id: i64) -> i64 {
    let find = move |tx: &mut billhook_store::Tx<'_>, account| {
        billhook_store::orders::find(tx, account, billhook_wire::OrderId(id))
    };
    shop.write(find).unwrap().handling.kill_at
}
