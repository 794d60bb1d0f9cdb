//! UpdateOrderStatus and DeleteOrder (sections 4.2 and 4.3).

use expect_test::{Expect, expect};
use serde_json::Value;

use crate::shop::Shop;

#[track_caller]
fn check(shop: &Shop, method: &str, form: &[(&str, &str)], expected: &Expect) {
    let answer = shop.call(method, form);
    expected.assert_eq(&format!("{} {}", answer.status, answer.body));
}

/// Sets a status, which must succeed. Returns the order after that.
#[track_caller]
fn set(shop: &Shop, id: i64, status: &str, more: &[(&str, &str)]) -> Value {
    let id_text = id.to_string();
    shop.result("UpdateOrderStatus", &[&[("bill_id", id_text.as_str()), ("status", status)], more].concat());
    shop.details(id)
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of what is sent and what is answered")]
fn refusals_have_their_codes_and_change_nothing() {
    let shop = Shop::with_goods();
    shop.order("anna@example.com", "course", &[]);
    let before = shop.exported();
    let id = ("bill_id", "1");
    let date = ("date", "1362254400");
    // 203: no number.
    check(
        &shop,
        "UpdateOrderStatus",
        &[("status", "paid"), date],
        &expect![[
            r#"200 {"error_code":203,"error_text":"Order number is empty","result":[],"hash":"d8857bb0350dc29b42f1af212a486aed"}"#
        ]],
    );
    assert_eq!(shop.code("UpdateOrderStatus", &[("bill_id", ""), ("status", "paid"), date]), 203);
    // 302: no such order.
    check(
        &shop,
        "UpdateOrderStatus",
        &[("bill_id", "2"), ("status", "paid"), date],
        &expect![[
            r#"200 {"error_code":302,"error_text":"Nonexistent order","result":[],"hash":"2b64852cb9dbf8840dc23013dd8d4e39"}"#
        ]],
    );
    for none in ["0", "-1", "9223372036854775807"] {
        assert_eq!(shop.code("UpdateOrderStatus", &[("bill_id", none), ("status", "cancel")]), 302, "{none}");
    }
    // 303: no such status.
    check(
        &shop,
        "UpdateOrderStatus",
        &[id, ("status", "waiting"), date],
        &expect![[
            r#"200 {"error_code":303,"error_text":"Wrong status","result":[],"hash":"560041136665815f366780f4653cd557"}"#
        ]],
    );
    for status in ["", "Expected", "moneyback"] {
        assert_eq!(shop.code("UpdateOrderStatus", &[id, ("status", status), date]), 303, "{status}");
    }
    assert_eq!(shop.code("UpdateOrderStatus", &[id, date]), 303);
    assert_eq!(shop.code("UpdateOrderStatus", &[id, ("status[]", "paid"), date]), 303);
    // 202: paid, without a time.
    check(
        &shop,
        "UpdateOrderStatus",
        &[id, ("status", "paid")],
        &expect![[
            r#"200 {"error_code":202,"error_text":"Order not paid","result":[],"hash":"2f3ee6b7eef4f6be200fab1a2cd5df74"}"#
        ]],
    );
    // PHP's false arrives as 0.
    for wrong in ["", "today", "0", "-1", "1362254400.5", "253402300800"] {
        assert_eq!(
            shop.code("UpdateOrderStatus", &[id, ("status", "paid"), ("date", wrong)]),
            202,
            "{wrong}"
        );
    }
    // 3: sent without a time or a tracking number, or with an invalid one.
    check(
        &shop,
        "UpdateOrderStatus",
        &[id, ("status", "sent"), date],
        &expect![[
            r#"200 {"error_code":3,"error_text":"Wrong posted data","result":[],"hash":"bb206ca4809ea00ff2341163b784a08e"}"#
        ]],
    );
    for wrong in [
        &[id, ("status", "sent"), ("rpo", "RA1")][..],
        &[id, ("status", "sent"), ("rpo", "RA1"), ("date", "today")],
        &[id, ("status", "sent"), ("rpo", "RA1"), ("date", "0")],
        &[id, ("status", "sent"), ("rpo", ""), date],
        &[id, ("status", "sent"), ("rpo[]", "RA1"), date],
        &[id, ("status", "paid"), ("date[]", "1362254400")],
        &[("bill_id", "one"), ("status", "paid"), date],
        &[("bill_id[]", "1"), ("status", "paid"), date],
        &[("bill_id", "9223372036854775808"), ("status", "paid"), date],
    ] {
        assert_eq!(shop.code("UpdateOrderStatus", wrong), 3, "{wrong:?}");
    }
    assert_eq!(shop.exported(), before);
}

#[test]
fn any_state_follows_any_and_repeating_changes_nothing() {
    let shop = Shop::with_goods();
    let id = shop.order("anna@example.com", "course", &[("goods[1][good_name]", "guide")]);
    check(
        &shop,
        "UpdateOrderStatus",
        &[("bill_id", "1"), ("status", "paid"), ("date", "1362254400")],
        &expect![[
            r#"200 {"error_code":0,"error_text":"Order status changed","result":[],"hash":"62699de42f7c9dd57c5d868d738dca7a"}"#
        ]],
    );
    let paid = shop.details(id);
    let seen = |order: &Value| {
        ["pay_status", "paid", "price", "bill_sum_topay"]
            .map(|field| order[field].as_str().unwrap().to_owned())
    };
    assert_eq!(seen(&paid), ["paid", "1362254400", "1333.33", "0.00"]);
    assert_eq!(shop.payments_of(id), [(133_333, 1_362_254_400)]);
    assert_eq!(set(&shop, id, "paid", &[("date", "1400000000")]), paid);
    assert_eq!(shop.payments_of(id), [(133_333, 1_362_254_400)]);

    // Statuses of the parcel do not change the payment.
    let posted = set(&shop, id, "sent", &[("date", "1362340800"), ("rpo", "RA123456789RU")]);
    assert_eq!(posted, paid);
    assert_eq!(set(&shop, id, "return", &[]), paid);
    let exported: Value = shop.first_exported();
    assert_eq!(exported["rpo"], "RA123456789RU", "{exported}");

    // Its payments stay recorded (decision 80).
    let cancelled = set(&shop, id, "cancel", &[("date", "nonsense")]);
    assert_eq!(seen(&cancelled), ["cancel", "0", "1333.33", "0.00"]);
    assert_eq!(set(&shop, id, "cancel", &[]), cancelled);
    let again = set(&shop, id, "paid", &[("date", "1500000000")]);
    assert_eq!(seen(&again), ["paid", "1500000000", "1333.33", "0.00"]);
    assert_eq!(shop.payments_of(id).len(), 1);

    let other = shop.order("boris@example.com", "course", &[]);
    assert_eq!(seen(&set(&shop, other, "cancel", &[])), ["cancel", "0", "1000.00", "1000.00"]);
    assert_eq!(seen(&set(&shop, other, "paid", &[("date", "1")])), ["paid", "1", "1000.00", "0.00"]);
    // An order that costs nothing is paid without a payment.
    let gift = shop.keyed_order(&[("product_names", "course"), ("product_prices", "0")]);
    assert_eq!(seen(&shop.details(gift)), ["waiting", "0", "0.00", "0.00"]);
    assert_eq!(
        seen(&set(&shop, gift, "paid", &[("date", "1362254400")])),
        ["paid", "1362254400", "0.00", "0.00"]
    );
    assert_eq!(shop.payments_of(gift), []);
    // GetBills reads another table, which must have changed too.
    let bills = |status: &str| {
        let answer = shop.call("GetBills", &[("email", "boris@example.com"), ("pay_status", status)]);
        answer.code()
    };
    assert_eq!((bills("paid"), bills("waiting"), bills("cancel")), (0, 400, 400));
    shop.is_sound();
}

/// Decision 93.
#[test]
fn an_order_that_costs_nothing_is_paid_when_it_is_made() {
    let shop = Shop::with_goods();
    shop.add_pincodes(1, &["one"]);
    shop.add_coupon("all", 100);
    let free =
        [("goods[0][good_sum]", "0.00"), ("bill_created", "1362250000"), ("bill_timer_kill", "1362250001")];
    let coupon = [("goods[1][good_name]", "guide"), ("bill_kupon", "all"), ("bill_created", "1362250000")];
    let made =
        [shop.order("anna@example.com", "course", &free), shop.order("anna@example.com", "course", &coupon)];
    for (id, pincode) in made.into_iter().zip(["one", ""]) {
        let order = shop.details(id);
        assert_eq!((&order["pay_status"], &order["paid"]), (&"paid".into(), &"1362250000".into()), "{order}");
        assert_eq!(order["items"][0]["pincode"], pincode);
        assert_eq!(shop.payments_of(id), []);
    }
    assert_eq!(shop.code("GetBills", &[("email", "anna@example.com"), ("pay_status", "paid")]), 0);
    let waits = shop.order("anna@example.com", "course", &[("goods[0][good_sum]", "0.01")]);
    assert_eq!(shop.details(waits)["pay_status"], "waiting");
    shop.is_sound();
}

/// Decision 80.
#[test]
fn pin_codes_are_handed_out_with_the_payment_and_once() {
    let shop = Shop::with_goods();
    shop.add_pincodes(1, &["one", "two", "three"]);
    shop.add_pincodes(2, &["G-1"]);
    let goods = [
        ("goods[1][good_name]", "guide"),
        ("goods[2][good_name]", "course"),
        ("goods[3][good_name]", "guide"),
    ];
    let id = shop.order("anna@example.com", "course", &goods);
    let pincodes = |order: &Value| {
        let items = order["items"].as_array().unwrap();
        items.iter().map(|item| item["pincode"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(pincodes(&shop.details(id)), ["", "", "", ""]);
    let date = [("date", "1362254400")];
    let handed_out = ["one", "G-1", "two", ""];
    assert_eq!(pincodes(&set(&shop, id, "paid", &date)), handed_out);
    assert_eq!(pincodes(&set(&shop, id, "paid", &date)), handed_out);
    assert_eq!(pincodes(&set(&shop, id, "cancel", &[])), handed_out);
    // The next payment gives codes only to lines that still have none.
    shop.add_pincodes(2, &["G-2", "G-3"]);
    assert_eq!(pincodes(&set(&shop, id, "paid", &date)), ["one", "G-1", "two", "G-2"]);
    assert_eq!((shop.pincodes_left(1), shop.pincodes_left(2)), (1, 1));
    let bought = shop.keyed_order(&[("product_names", "guide,course,book"), ("order_status", "Paid")]);
    assert_eq!(pincodes(&shop.details(bought)), ["G-3", "three", ""]);
    // Only getOrderDetails shows pin codes.
    let listed = shop.result("getOrdersWithGoods", &[]);
    assert!(listed[0]["items"][0].get("pincode").is_none(), "{listed}");
    shop.is_sound();
}

#[test]
fn a_deleted_order_is_kept_and_shown_nowhere() {
    let shop = Shop::with_goods();
    let id = shop.order("anna@example.com", "course", &[]);
    shop.result("UpdateOrderStatus", &[("bill_id", "1"), ("status", "paid"), ("date", "1362254400")]);
    shop.keyed_order(&[("product_names", "course")]);
    check(
        &shop,
        "DeleteOrder",
        &[("status", "x")],
        &expect![[
            r#"200 {"error_code":203,"error_text":"Order number is empty","result":[],"hash":"d8857bb0350dc29b42f1af212a486aed"}"#
        ]],
    );
    for (bill_id, code) in [("", 203), ("3", 302), ("0", 302), ("one", 3)] {
        assert_eq!(shop.code("DeleteOrder", &[("bill_id", bill_id)]), code, "{bill_id}");
    }
    assert_eq!(shop.code("DeleteOrder", &[("bill_id[]", "1")]), 3);
    check(
        &shop,
        "DeleteOrder",
        &[("bill_id", "1")],
        &expect![[
            r#"200 {"error_code":0,"error_text":"Order deleted","result":[],"hash":"11ecf1cc7d9c480f6d5c8cb9928d19ed"}"#
        ]],
    );
    shop.result("DeleteOrder", &[("bill_id", "2")]);
    check(
        &shop,
        "DeleteOrder",
        &[("bill_id", "1")],
        &expect![[
            r#"200 {"error_code":302,"error_text":"Nonexistent order","result":[],"hash":"2b64852cb9dbf8840dc23013dd8d4e39"}"#
        ]],
    );

    let form = [("bill_id", "1")];
    assert_eq!(shop.code("getOrderDetails", &form), 400);
    assert_eq!(shop.code("GetOrderInfo", &form), 400);
    assert_eq!(shop.code("GetBills", &[("email", "anna@example.com")]), 400);
    for method in ["GetOrders", "getOrdersWithGoods"] {
        for more in [&[][..], &[("paid", "1")], &[("goods", "course")]] {
            assert_eq!(shop.result(method, more), serde_json::json!([]), "{method}");
        }
    }
    assert_eq!(shop.result("GetOrders", &[("date_s", "0"), ("paid", "1")]), serde_json::json!([]));
    let status = [("bill_id", "1"), ("status", "cancel")];
    assert_eq!(shop.code("UpdateOrderStatus", &status), 302);
    // Its number is not used again.
    assert!(shop.order("anna@example.com", "course", &[]) > id + 1);
    // The export still has it.
    assert_eq!(
        shop.exported().lines().filter(|line| line.contains(r#""email""#)).count(),
        3,
        "{}",
        shop.exported()
    );
    shop.is_sound();
}

/// The timer does not cancel a deleted order.
#[test]
fn a_deleted_order_is_left_alone_by_its_timer() {
    let shop = Shop::with_goods();
    let soon = (crate::shop::now() + 2).to_string();
    let id = shop.order("anna@example.com", "course", &[("bill_timer_kill", &soon)]);
    shop.result("DeleteOrder", &[("bill_id", &id.to_string())]);
    let other = shop.order("boris@example.com", "course", &[("bill_timer_kill", &soon)]);
    billhook_test_kit::until(|| shop.details(other)["pay_status"] == "cancel");
    assert_eq!(shop.first_exported()["pay_status"], "waiting", "{}", shop.exported());
    shop.is_sound();
}
