//! The methods about products, and those that list other parts of an account (sections 6 and 9.6 to 9.8).

use std::collections::BTreeSet;

use billhook_reference::Entry;
use billhook_wire::method::{GoodFields, MethodInfo};
use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::shop::{LOGIN, Shop, done};

#[track_caller]
fn check(shop: &Shop, method: &str, form: &[(&str, &str)], expected: &Expect) {
    let answer = shop.call(method, form);
    expected.assert_eq(&format!("{} {}", answer.status, answer.body));
}

#[track_caller]
fn check_keyed(shop: &Shop, method: &str, expected: &Expect) {
    let answer = shop.keyed(method, &[]);
    expected.assert_eq(&format!("{} {}", answer.status, answer.body));
}

/// The four required parameters of AddGood.
const GOOD: [(&str, &str); 4] =
    [("good_name", "course"), ("good_type", "0"), ("good_title", "Курс"), ("good_sum", "1000")];

#[test]
#[expect(clippy::too_many_lines, reason = "a table of what is sent and what is answered")]
fn a_product_is_added_changed_and_taken_out() {
    let shop = Shop::empty();
    check(
        &shop,
        "GetAllGoods",
        &[],
        &expect![[
            r#"200 {"error_code":700,"error_text":"No products","result":[],"hash":"b6c216695d38c665cbf36e1b358e6af7"}"#
        ]],
    );
    check_keyed(
        &shop,
        "getgoods",
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":[],"hash":"66de3f4cda419977edb0fbde63ee9337"}"#
        ]],
    );
    check(
        &shop,
        "AddGood",
        &GOOD,
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":{"good_id":1},"hash":"66de3f4cda419977edb0fbde63ee9337"}"#
        ]],
    );
    let real =
        [("good_name", "222"), ("good_type", "real"), ("good_title", "Book/222"), ("good_sum", "1 500,5")];
    check(
        &shop,
        "AddGood",
        &real,
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":{"good_id":2},"hash":"66de3f4cda419977edb0fbde63ee9337"}"#
        ]],
    );
    let free = [("good_name", "gift"), ("good_type", "floating"), ("good_title", "Gift"), ("good_sum", "0")];
    shop.result("AddGood", &free);
    check(
        &shop,
        "GetAllGoods",
        &[],
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":[{"good_id":"1","good_name":"course","good_title":"\u041a\u0443\u0440\u0441","good_sum":"1000.00","good_type":"0"},{"good_id":"2","good_name":"222","good_title":"Book\/222","good_sum":"1500.50","good_type":"1"},{"good_id":"3","good_name":"gift","good_title":"Gift","good_sum":"0.00","good_type":""}],"hash":"66de3f4cda419977edb0fbde63ee9337"}"#
        ]],
    );
    check_keyed(
        &shop,
        "GetGoods",
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":[{"id":1,"good_name":"course","good_title":"\u041a\u0443\u0440\u0441"},{"id":2,"good_name":"222","good_title":"Book\/222"},{"id":3,"good_name":"gift","good_title":"Gift"}],"hash":"66de3f4cda419977edb0fbde63ee9337"}"#
        ]],
    );

    check(
        &shop,
        "UpdateGood",
        &[("good_name", "course"), ("good_title", "Other")],
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":[],"hash":"66de3f4cda419977edb0fbde63ee9337"}"#
        ]],
    );
    check(
        &shop,
        "UpdateGood",
        &[("good_name", " 222 "), ("good_sum", "7"), ("good_type", "digital")],
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":[],"hash":"66de3f4cda419977edb0fbde63ee9337"}"#
        ]],
    );
    check(
        &shop,
        "DeleteGood",
        &[("good_name", "gift")],
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":[],"hash":"66de3f4cda419977edb0fbde63ee9337"}"#
        ]],
    );
    check(
        &shop,
        "GetAllGoods",
        &[],
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":[{"good_id":"1","good_name":"course","good_title":"Other","good_sum":"1000.00","good_type":"0"},{"good_id":"2","good_name":"222","good_title":"Book\/222","good_sum":"7.00","good_type":"0"}],"hash":"66de3f4cda419977edb0fbde63ee9337"}"#
        ]],
    );
    assert_eq!(done(&shop.keyed("getgoods", &[])).as_array().unwrap().len(), 2);
}

/// Adding it again restores its number, but none of its fields.
#[test]
fn what_was_taken_out_is_not_there() {
    let shop = Shop::with_goods();
    let gift = [("good_name", "gift"), ("good_type", "floating"), ("good_title", "Gift"), ("good_sum", "0")];
    assert_eq!(shop.result("AddGood", &gift), json!({"good_id": 4}));
    shop.result("DeleteGood", &[("good_name", "gift")]);
    for method in ["DeleteGood", "UpdateGood"] {
        check(
            &shop,
            method,
            &[("good_name", "gift")],
            &expect![[
                r#"200 {"error_code":604,"error_text":"Product not exist","result":{"good_name":"gift"},"hash":"aa98c7081f18c6847ecdb560465ead78"}"#
            ]],
        );
    }
    let back = [("good_name", "gift"), ("good_type", "1"), ("good_title", "Back"), ("good_sum", "9")];
    assert_eq!(shop.result("AddGood", &back), json!({"good_id": 4}));
    assert_eq!(
        shop.result("GetAllGoods", &[])[3],
        json!({"good_id": "4", "good_name": "gift", "good_title": "Back", "good_sum": "9.00", "good_type": "1"})
    );
    shop.is_sound();
}

#[test]
fn refusals_change_nothing() {
    let shop = Shop::empty();
    shop.add_category("Books");
    shop.result("AddGood", &GOOD);
    let before = shop.result("GetAllGoods", &[]);
    check(
        &shop,
        "AddGood",
        &GOOD,
        &expect![[
            r#"200 {"error_code":3,"error_text":"Wrong posted data","result":[],"hash":"bb206ca4809ea00ff2341163b784a08e"}"#
        ]],
    );
    let add = |more: &[(&str, &str)]| {
        let mut form = GOOD.to_vec();
        form[0].1 = "other";
        for (name, value) in more {
            form.retain(|(known, _)| known != name);
            form.push((name, value));
        }
        shop.code("AddGood", &form)
    };
    for (name, _) in GOOD {
        assert_eq!(add(&[(name, "")]), 3, "{name}");
    }
    for wrong in [
        ("good_name", &*"x".repeat(256)),
        ("good_name", "a,b"),
        ("good_type", "2"),
        ("good_sum", "-1"),
        ("good_sum", "1,500"),
        ("good_sum", "10000000000"),
        ("good_title", "a\0b"),
        ("parent_id", "2"),
        ("parent_id", "x"),
        ("parent_id", "-1"),
        ("good_nalozh_only", "2"),
        ("good_timer", "soon"),
        ("good_timer_unit", "week"),
        ("good_timer_duration", "-1"),
        ("good_timer_duration", "4294967296"),
        ("good_partner_fee", "x"),
        ("good_partner_fee_perc", "100.01"),
        ("good_rashod_perc", "-1"),
        ("good_pay_text[]", "x"),
        ("good_download", &*"x".repeat(65_537)),
    ] {
        assert_eq!(add(&[wrong]), 3, "{}", wrong.0);
        let update = [("good_name", "course"), wrong];
        if wrong.0 != "good_name" {
            assert_eq!(shop.code("UpdateGood", &update), 3, "{}", wrong.0);
        }
    }
    for method in ["UpdateGood", "DeleteGood"] {
        assert_eq!(shop.code(method, &[("good_title", "x")]), 3, "{method}");
        assert_eq!(
            shop.code(method, &[("good_name", "Course")]),
            604,
            "{method}: names are told apart by letter case"
        );
    }
    assert_eq!(shop.result("GetAllGoods", &[]), before);
    assert_eq!(add(&[("parent_id", "1")]), 0);
    let category = |form: &[(&str, &str)]| {
        shop.result("UpdateGood", &[&[("good_name", "other")], form].concat());
        shop.write(|tx, account| billhook_store::products::named(tx, account, "other")).unwrap().parent_id
    };
    assert_eq!(
        [&[("parent_id", "")][..], &[("parent_id", "0")], &[("parent_id", "1")]].map(category),
        [1, 0, 1]
    );
}

/// Decision 32.
#[test]
fn a_missing_price_stays_unless_the_account_wants_it_zero() {
    let price = |shop: &Shop| shop.result("GetAllGoods", &[])[0]["good_sum"].as_str().unwrap().to_owned();
    let shop = Shop::with_goods();
    shop.result("UpdateGood", &[("good_name", "course"), ("good_title", "T"), ("good_sum", "")]);
    assert_eq!(price(&shop), "1000.00");
    let shop = Shop::with_settings(&["updategood_sum=zero"]);
    shop.result("UpdateGood", &[("good_name", "course"), ("good_sum", "5")]);
    assert_eq!(price(&shop), "5.00");
    shop.result("UpdateGood", &[("good_name", "course"), ("good_title", "T")]);
    assert_eq!(price(&shop), "0.00");
}

/// Every parameter is stored, in either edition's spelling. Parameters that are not sent keep their value.
#[test]
fn every_parameter_of_a_product_is_kept() {
    use billhook_store::products::{self, ProductText};
    let shop = Shop::empty();
    shop.add_category("Books");
    let others = [
        ("parent_id", "1"),
        ("good_nalozh_only", "1"),
        ("good_partner_fee", "1.5"),
        ("good_partner_fee_perc", "10"),
        ("good_partner_pfee", "2"),
        ("good_partner_pfee_perc", "5,5"),
        ("good_partner_show", "true"),
        ("good_timer", "on"),
        ("good_timer_unit", "day"),
        ("good_timer_duration", "3"),
        ("good_use_short", "yes"),
        ("good_rashod", "4"),
        ("good_rashod_perc", "100"),
        ("good_publish", "1"),
    ];
    // One has another name in the other edition.
    let spelled = |name| if name == "good_client_rassilki" { "good_client_mailings" } else { name };
    let texts = GoodFields::TEXTS.iter().map(|name| spelled(*name));
    let more: Vec<_> = texts.map(|name| (name, name)).chain(others).collect();
    shop.result("AddGood", &[&GOOD, &more[..]].concat());
    let kept = || shop.write(|tx, account| products::named(tx, account, "course")).unwrap();
    let good = kept();
    for field in ProductText::ALL {
        // Some have no parameter: only people can set them.
        let sent = if GoodFields::TEXTS.contains(&field.name()) { spelled(field.name()) } else { "" };
        assert_eq!(good.texts.get(field), sent);
    }
    assert_eq!(
        format!(
            "{} {:?} {:?} {:?} {:?}",
            good.parent_id, good.timer, good.partner_fee, good.partner_pfee, good.rashod
        ),
        "1 Timer { is_on: true, unit: Day, duration: 3 } Fee { sum: Money(150), share: Percent(1000) } \
         Fee { sum: Money(200), share: Percent(550) } Fee { sum: Money(400), share: Percent(10000) }"
    );
    assert!(good.nalozh_only && good.partner_show && good.use_short && good.publish);
    shop.result(
        "UpdateGood",
        &[("good_name", "course"), ("good_client_rassilki", "a, b"), ("good_publish", "0")],
    );
    let mut expected = good;
    expected.texts.set(ProductText::ClientRassilki, "a, b");
    expected.publish = false;
    assert_eq!(kept(), expected);

    // An empty text parameter clears the field; other empty parameters are ignored.
    let empty: Vec<_> =
        GOOD.iter().skip(1).map(|(name, _)| *name).chain(more.iter().map(|(name, _)| *name)).collect();
    let empty: Vec<_> =
        std::iter::once(("good_name", "course")).chain(empty.iter().map(|name| (*name, ""))).collect();
    shop.result("UpdateGood", &empty);
    for field in ProductText::ALL {
        if !matches!(field, ProductText::MailFormat | ProductText::PostService) {
            expected.texts.set(field, "");
        }
    }
    assert_eq!(kept(), expected);
}

/// Concurrent calls: each product gets its own number, and of two with the same name only one is made.
#[test]
fn products_that_are_added_at_once_have_numbers_of_their_own() {
    let shop = Shop::empty();
    let add = |name: &str| {
        let answer = shop.call(
            "AddGood",
            &[("good_name", name), ("good_type", "0"), ("good_title", name), ("good_sum", "1")],
        );
        (answer.code(), answer.json()["result"]["good_id"].as_i64())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|at| scope.spawn(move || add(&format!("good{at}")))).collect();
        let mut numbers: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=16).map(|id| (0, Some(id))).collect::<Vec<_>>());
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| add("same"))).collect();
        let mut codes: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap().0).collect();
        codes.sort_unstable();
        assert_eq!(codes, [0, 3, 3, 3, 3, 3, 3, 3]);
    });
    assert_eq!(shop.result("GetAllGoods", &[]).as_array().unwrap().len(), 17);
}

#[test]
fn coupons_and_managers_are_listed() {
    let shop = Shop::empty();
    for method in ["getcoupons", "getpersonalmanagers"] {
        assert_eq!(done(&shop.keyed(method, &[])), json!([]), "{method}");
    }
    shop.add_coupon("Half", 50);
    shop.add_coupon("скидка/10", 10);
    shop.add_manager("Иван");
    check_keyed(
        &shop,
        "getcoupons",
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":[{"id":1,"coupon":"Half"},{"id":2,"coupon":"\u0441\u043a\u0438\u0434\u043a\u0430\/10"}],"hash":"66de3f4cda419977edb0fbde63ee9337"}"#
        ]],
    );
    check_keyed(
        &shop,
        "GetPersonalManagers",
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":[{"id":1,"manager_id":1,"manager_name":"\u0418\u0432\u0430\u043d"}],"hash":"66de3f4cda419977edb0fbde63ee9337"}"#
        ]],
    );
}

/// Two products that differ in one field, and an order of each. If the orders are equal, it has no effect.
#[test]
fn what_is_acted_upon_by_nothing_is_listed() {
    let shop = Shop::with_settings(&["same_order_hours=0"]);
    let category = shop.add_category("Books").to_string();
    let boris = shop.add_partner("boris", 0);
    shop.add_partner("vera", boris);
    let base = [
        ("good_timer", "1"),
        ("good_timer_duration", "2"),
        ("good_partner_fee_perc", "10"),
        ("good_partner_pfee_perc", "5"),
    ];
    let seen = |changed: &[(&str, &str)]| {
        shop.result("DeleteGood", &[("good_name", "course")]);
        shop.result("AddGood", &[&GOOD[..], &base].concat());
        shop.result("UpdateGood", &[&[("good_name", "course")], changed].concat());
        let listed = shop.result("GetAllGoods", &[]).to_string();
        let order = [
            ("goods[0][good_name]", "course"),
            ("bill_email", "anna@example.com"),
            ("bill_aff_name", "vera"),
            ("bill_timer_kill", "1"),
        ];
        let made = shop.call("CreateOrder", &order);
        if made.code() != 0 {
            return format!("{listed} {}", made.body);
        }
        let id = made.json()["result"]["bill_id"].to_string();
        let shown = shop.server().run(&["order", "show", &id, "--json", "--account", LOGIN]);
        let mut shown: Value = serde_json::from_str(&shown).unwrap();
        let kill_after = shown["kill_at"].as_i64().unwrap() - shown["created"].as_i64().unwrap();
        let link = shown["link"].as_str().unwrap().to_owned();
        let joined = shop.call("GetLeadGroups", &[("email", "anna@example.com")]).json()["result"].take();
        for (own, same) in [("id", 0), ("link", 0), ("created", 0), ("kill_at", kill_after.max(0))] {
            shown[own] = same.into();
        }
        let head = format!("Host: {LOGIN}.localhost\r\n");
        let page = shop.server().send(&format!("GET {link} HTTP/1.1"), &head, b"");
        shop.keyed("removeleadfromlist", &[("lead_email", "anna@example.com"), ("remove_from_lists", "3")]);
        shop.call(
            "UpdateOrderStatus",
            &[("bill_id", &id), ("status", "paid"), ("date", &crate::shop::now().to_string())],
        );
        let told = shop.deliveries_of(id.parse().unwrap());
        let told: Vec<_> = told.into_iter().map(|delivery| (delivery.event, delivery.url)).collect();
        format!("{listed} {shown} {told:?} {joined} {}", page.body.replace(&format!(" {id}<"), "<"))
    };
    let as_ever = seen(&[]);
    assert_eq!(seen(&[]), as_ever);
    let only_kept: BTreeSet<String> = Entry::of(MethodInfo::named("AddGood").unwrap())
        .parameters
        .into_iter()
        .filter(|field| {
            let value = match (field.name.as_str(), field.kind.as_str()) {
                ("good_name", _) => return false,
                ("good_type", _) => "real",
                ("good_timer", _) => "0",
                ("good_timer_unit", _) => "day",
                ("parent_id", _) => &category,
                (_, "bool") => "1",
                _ => "3",
            };
            seen(&[(&field.name, value)]) == as_ever
        })
        .map(|field| field.name)
        .collect();
    assert_eq!(only_kept, GoodFields::ONLY_KEPT.iter().map(|name| (*name).to_owned()).collect());
}
