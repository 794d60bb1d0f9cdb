//! Prices and fees of orders: coupons, prices that the caller sets, partners (decisions 76, 77 and 79).

use billhook_store::products::coupons::{Coupon, Discount};
use billhook_wire::{GoodId, Money, Percent};
use serde_json::{Value, json};

use crate::shop::{Shop, now};

fn coupon(code: &str, discount: Discount) -> Coupon {
    Coupon {
        id: 0,
        coupon: code.to_owned(),
        discount,
        starts: 0,
        ends: 0,
        uses_max: 0,
        uses: 0,
        goods: Vec::new(),
    }
}

fn percent(hundredths: i64) -> Discount {
    Discount::Percent(Percent::from_hundredths(hundredths).unwrap())
}

fn sum(kopecks: i64) -> Discount {
    Discount::Sum(Money::from_kopecks(kopecks))
}

fn sums(order: &Value) -> Vec<&str> {
    order["items"].as_array().unwrap().iter().map(|item| item["sum"].as_str().unwrap()).collect()
}

/// A shop that never takes an order for a repeated one.
fn shop() -> Shop {
    Shop::with_settings(&["same_order_hours=0"])
}

/// Makes an order of `course` (1000.00), `guide` (333.33) and `course` for 7.77.
#[track_caller]
fn three(shop: &Shop, code: &str) -> Value {
    let goods = [
        ("goods[1][good_name]", "guide"),
        ("goods[2][good_name]", "course"),
        ("goods[2][good_sum]", "7.77"),
        ("bill_kupon", code),
    ];
    shop.details(shop.order("anna@example.com", "course", &goods))
}

/// A price from the caller is not discounted, so the coupon is not used up (decision 76).
#[test]
fn a_coupon_that_takes_nothing_off_is_not_used_up() {
    let shop = shop();
    shop.add_any_coupon(&Coupon { uses_max: 1, ..coupon("once", percent(5000)) });
    let named = [("goods[0][good_sum]", "1000.00"), ("bill_kupon", "once")];
    for _ in 0..2 {
        assert_eq!(sums(&shop.details(shop.order("anna@example.com", "course", &named))), ["1000.00"]);
    }
    let order = || shop.details(shop.order("anna@example.com", "course", &[("bill_kupon", "once")]));
    assert_eq!(sums(&order()), ["500.00"]);
    assert_eq!(sums(&order()), ["1000.00"]);
}

#[test]
fn a_coupon_takes_a_share_or_a_sum_off_the_catalogues_prices() {
    let shop = shop();
    for (code, discount, expected) in [
        ("none", percent(0), ["1000.00", "333.33", "7.77"]),
        ("half", percent(5000), ["500.00", "166.66", "7.77"]),
        ("odd", percent(1234), ["876.60", "292.20", "7.77"]),
        ("all", percent(10_000), ["0.00", "0.00", "7.77"]),
        ("little", sum(1), ["999.99", "333.33", "7.77"]),
        ("both", sum(110_000), ["0.00", "233.33", "7.77"]),
        ("more", sum(9_999_999), ["0.00", "0.00", "7.77"]),
    ] {
        let id = shop.add_any_coupon(&coupon(code, discount));
        let order = three(&shop, code);
        assert_eq!(sums(&order), expected, "{code}");
        assert_eq!((&order["kupon"], &order["coupon"]), (&json!(code), &json!(code)));
        assert_eq!(order["items"][1]["price"], "333.33");
        assert_eq!(shop.uses_of(id), 1, "{code}");
        // By its number, in the other edition.
        let keyed = [
            ("product_names", "course,guide,course"),
            ("product_prices", ",,7.77"),
            ("coupon", &*id.to_string()),
        ];
        let order = shop.details(shop.keyed_order(&keyed));
        assert_eq!(sums(&order), expected, "{code}");
        assert_eq!(order["kupon"], code);
        assert_eq!(shop.uses_of(id), 2, "{code}");
    }
    shop.is_sound();
}

/// Decision 76: the order is made without the discount, and shows the code that was sent.
#[test]
fn a_coupon_that_does_not_hold_takes_nothing_off() {
    let shop = shop();
    let half = |code: &str| coupon(code, percent(5000));
    let (past, to_come) = (now() - 100, now() + 1000);
    let other = vec![GoodId(3)];
    for (told, holds) in [
        (Coupon { ends: past, ..half("ended") }, false),
        (Coupon { starts: to_come, ..half("to come") }, false),
        (Coupon { goods: other.clone(), ..half("of the book") }, false),
        (Coupon { starts: past, ends: to_come, uses_max: 1, ..half("now") }, true),
    ] {
        let id = shop.add_any_coupon(&told);
        let order = three(&shop, &told.coupon);
        let expected = if holds { ["500.00", "166.66", "7.77"] } else { ["1000.00", "333.33", "7.77"] };
        assert_eq!(sums(&order), expected, "{}", told.coupon);
        assert_eq!(order["kupon"], *told.coupon);
        assert_eq!(shop.uses_of(id), i64::from(holds), "{}", told.coupon);
        let keyed =
            shop.details(shop.keyed_order(&[("product_names", "course"), ("coupon", &*id.to_string())]));
        // By now the valid one is used up.
        assert_eq!((sums(&keyed), &keyed["kupon"]), (vec!["1000.00"], &json!(told.coupon)));
        assert_eq!(shop.uses_of(id), i64::from(holds), "{}", told.coupon);
    }
    assert_eq!(sums(&three(&shop, "unknown")), ["1000.00", "333.33", "7.77"]);
    // Deleting the order does not give the use back.
    let id = shop.add_any_coupon(&Coupon { uses_max: 1, ..half("once") });
    let order = three(&shop, "once");
    let bill = order["id"].as_str().unwrap();
    shop.result("UpdateOrderStatus", &[("bill_id", bill), ("status", "cancel")]);
    shop.result("DeleteOrder", &[("bill_id", bill)]);
    assert_eq!(shop.uses_of(id), 1);
    assert_eq!(sums(&three(&shop, "once")), ["1000.00", "333.33", "7.77"]);
    // Letter case is ignored in any alphabet. A coupon for some products does not discount others.
    let some = Coupon { goods: vec![GoodId(2), GoodId(3)], ..coupon("Скидка", percent(5000)) };
    shop.add_any_coupon(&some);
    let order = three(&shop, " сКИДКА ");
    assert_eq!(sums(&order), ["1000.00", "166.66", "7.77"]);
    // A known code is shown as the shop spells it, whether valid or not. An unknown one is shown as sent.
    assert_eq!((&order["kupon"], &order["coupon"]), (&json!("Скидка"), &json!("Скидка")));
    assert_eq!(three(&shop, "ONCE ")["kupon"], "once");
    assert_eq!(three(&shop, " Unknown")["kupon"], " Unknown");
}

/// Decision 77.
#[test]
fn a_coupon_counts_on_named_prices_where_the_account_says_so() {
    let shop = Shop::with_settings(&["same_order_hours=0", "kupon_on_named_sum=yes"]);
    for (code, discount, expected) in [
        ("half", percent(5000), ["500.00", "166.66", "3.88"]),
        ("both", sum(133_600), ["0.00", "0.00", "5.10"]),
    ] {
        let id = shop.add_any_coupon(&coupon(code, discount));
        assert_eq!(sums(&three(&shop, code)), expected, "{code}");
        let named = [("product_names", "course"), ("product_prices", "7"), ("coupon", &*id.to_string())];
        let named = shop.details(shop.keyed_order(&named));
        assert_eq!(named["items"][0]["sum"], if code == "half" { "3.50" } else { "0.00" });
        assert_eq!(shop.uses_of(id), 2, "{code}");
    }
    let some = Coupon { goods: vec![GoodId(2)], ..coupon("guide", percent(5000)) };
    shop.add_any_coupon(&some);
    assert_eq!(sums(&three(&shop, "guide")), ["1000.00", "166.66", "7.77"]);
}

/// Repeating an order that took the coupon's last use answers 601, and counts no further use.
#[test]
fn a_repeat_with_a_used_up_coupon_is_a_repeat() {
    let shop = Shop::with_goods();
    let id = shop.add_any_coupon(&Coupon { uses_max: 1, ..coupon("once", percent(5000)) });
    let form = [("goods[0][good_name]", "course"), ("bill_email", "a@b"), ("bill_kupon", "once")];
    shop.result("CreateOrder", &form);
    let repeat = shop.call("CreateOrder", &form);
    assert_eq!((repeat.code(), &repeat.json()["result"]), (601, &json!({"bill_id": 1})));
    assert_eq!(shop.uses_of(id), 1);
    // Without the coupon it is a different order, at a different price.
    assert_eq!(shop.code("CreateOrder", &form[..2]), 0);
}

/// The partners of the first line: level, number, login, fee.
fn partners(order: &Value) -> Vec<(i64, String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let partners = order["items"][0]["partners"].as_array().unwrap();
    partners
        .iter()
        .map(|partner| {
            let level = partner["partner_lvl"].as_i64().unwrap();
            (
                level,
                text(&partner["partner_id"]),
                text(&partner["partner_name"]),
                text(&partner["partner_fee"]),
            )
        })
        .collect()
}

/// Decision 79.
#[test]
fn partners_are_found_by_number_login_or_source() {
    let shop = shop();
    let fees =
        [("good_partner_fee", "100"), ("good_partner_fee_perc", "50"), ("good_partner_pfee_perc", "1.5")];
    shop.add_good("book2", "0", "Book", "1000.00", &fees);
    let (carol, bob) = (shop.add_partner("carol", 0), 2);
    assert_eq!(shop.add_partner("bob", carol), bob);
    shop.add_partner("dave", 0);
    let order = |form: &[(&str, &str)]| partners(&shop.details(shop.order("a@b", "book2", form)));
    let one =
        |level: i64, id: &str, name: &str, fee: &str| (level, id.to_owned(), name.to_owned(), fee.to_owned());
    // Carol recruited bob, so she gets level 2. A sum has precedence over a percentage.
    let both = [one(1, "2", "bob", "100.00"), one(2, "1", "carol", "15.00")];
    for form in [
        &[("bill_aff", "2")][..],
        &[("bill_aff_name", "bob")],
        &[("bill_aff_name", " BOB ")],
        &[("utm[utm_medium]", "affiliate"), ("utm[utm_source]", "Bob")],
        &[("bill_aff", "2"), ("utm[utm_medium]", "affiliate"), ("utm[utm_source]", "dave")],
    ] {
        assert_eq!(order(form), both, "{form:?}");
    }
    assert_eq!(
        order(&[("bill_aff", "2"), ("bill_paff", "3")]),
        [both[0].clone(), one(2, "3", "dave", "15.00")]
    );
    assert_eq!(order(&[("bill_aff", "2"), ("bill_paff_name", "dave")])[1], one(2, "3", "dave", "15.00"));
    assert_eq!(order(&[("bill_aff_name", "dave")]), [one(1, "3", "dave", "100.00")]);
    // Nobody gets both levels.
    for twice in [("bill_paff", "2"), ("bill_paff_name", "Bob")] {
        assert_eq!(order(&[("bill_aff", "2"), twice]), both[..1], "{twice:?}");
    }
    for nobody in [
        &[][..],
        &[("utm[utm_medium]", "cpc"), ("utm[utm_source]", "bob")],
        &[("utm[utm_medium]", "affiliate"), ("utm[utm_source]", "nobody")],
        &[("bill_aff_name", "nobody")],
        &[("bill_ad_id", "2")],
    ] {
        assert_eq!(order(nobody), [], "{nobody:?}");
    }
    // A percentage is of the line's price after discounts.
    let cheap =
        shop.details(shop.order("a@b", "book2", &[("goods[0][good_sum]", "10.33"), ("bill_aff", "2")]));
    assert_eq!(partners(&cheap)[1].3, "0.15");
    let keyed = |affiliates: &str| {
        partners(&shop.details(shop.keyed_order(&[("product_names", "book2"), ("affiliates", affiliates)])))
    };
    assert_eq!(keyed("bob"), both);
    assert_eq!(keyed("bob, dave"), [both[0].clone(), one(2, "3", "dave", "15.00")]);
    assert_eq!(keyed("nobody"), []);
    assert_eq!(keyed("bob,BOB"), both[..1]);
    let source = [("product_names", "book2"), ("utm_medium", "affiliate"), ("utm_source", "bob")];
    assert_eq!(partners(&shop.details(shop.keyed_order(&source))), both);
    shop.is_sound();
}

/// Logins that are not in the program get nothing and are not shown, but the order stores what was sent.
#[test]
fn a_number_that_is_no_partners_is_no_partner() {
    let shop = Shop::empty();
    shop.add_good(
        "course",
        "0",
        "Course",
        "1000.00",
        &[("good_partner_fee", "100"), ("good_partner_pfee", "7")],
    );
    shop.add_partner("bob", 0);
    let id = shop.order("a@b", "course", &[("bill_aff", "77"), ("bill_aff_name", "bob"), ("bill_paff", "1")]);
    let bob = |level, fee: &str| (level, "1".to_owned(), "bob".to_owned(), fee.to_owned());
    assert_eq!(partners(&shop.details(id)), [bob(2, "7.00")]);
    let exported = shop.first_exported();
    assert_eq!((&exported["aff"], exported["aff_name"].as_str().unwrap_or_default()), (&json!("77"), ""));
    let id = shop.order("c@d", "course", &[("bill_aff", "1"), ("bill_paff", "77")]);
    assert_eq!(partners(&shop.details(id)), [bob(1, "100.00")]);
}
