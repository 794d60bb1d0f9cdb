//! createorder of API 2.0, and that the credential selects it (section 9.9, decisions 34 and 82).

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::{
    create_order::without_link,
    shop::{Shop, done, now, number},
};

#[track_caller]
fn check(shop: &Shop, form: &[(&str, &str)], expected: &Expect) {
    let answer = shop.keyed("createorder", form);
    expected.assert_eq(&format!("{} {}", answer.status, answer.body));
}

#[test]
fn the_credential_picks_the_edition() {
    let shop = Shop::with_goods();
    // The parameters of both methods, so that either would succeed.
    let form = [
        ("goods[0][good_name]", "course"),
        ("bill_email", "signed@example.com"),
        ("product_names", "guide"),
        ("customer_email", "keyed@example.com"),
    ];
    for (at, method) in ["CreateOrder", "createorder", "CREATEORDER"].into_iter().enumerate() {
        let body = crate::program::keyed(crate::shop::KEY, &form);
        let keyed = shop.server().post("shop.localhost", method, &body);
        assert_eq!(shop.details(number(&done(&keyed)))["email"], "keyed@example.com");
        let answer = shop.call(method, &form);
        assert_eq!(answer.code(), if at == 0 { 0 } else { 601 }, "{answer:?}");
        assert_eq!(shop.details(number(&answer.json()["result"]))["email"], "signed@example.com");
    }
    // A method that only one edition has accepts the other one's credential too.
    assert_eq!(shop.result("getgoods", &[]).as_array().unwrap().len(), 3);
    let id = [("bill_id", "1"), ("status", "cancel")];
    let cancelled = shop.keyed("UpdateOrderStatus", &id);
    assert_eq!(cancelled.json()["error_text"], "Order status changed");
    assert_eq!(done(&shop.keyed("getorderdetails", &id))["pay_status"], "cancel");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of what is sent and what is answered")]
fn refusals_have_their_codes_and_leave_nothing_behind() {
    let shop = Shop::with_goods();
    let coupon = shop.add_coupon("half", 50).to_string();
    shop.add_manager("Ivan");
    let before = shop.exported();
    let good = ("product_names", "course");
    check(
        &shop,
        &[("note", "x")],
        &expect![[
            r#"200 {"error_code":603,"error_text":"Missing products","result":[],"hash":"0b03a948f492c5f1b9b27e43a35704ac"}"#
        ]],
    );
    check(
        &shop,
        &[("product_names", " , ,")],
        &expect![[
            r#"200 {"error_code":603,"error_text":"Missing products","result":[],"hash":"0b03a948f492c5f1b9b27e43a35704ac"}"#
        ]],
    );
    check(
        &shop,
        &[("product_names", "course, nothing"), ("coupon", &coupon)],
        &expect![[
            r#"200 {"error_code":604,"error_text":"Product not exist","result":{"good_name":"nothing"},"hash":"aa98c7081f18c6847ecdb560465ead78"}"#
        ]],
    );
    check(
        &shop,
        &[good, ("customer_email", "nobody")],
        &expect![[
            r#"200 {"error_code":600,"error_text":"Wrong email","result":[],"hash":"f8c2cff2902c0f9c6a311e5a10a801f1"}"#
        ]],
    );
    check(
        &shop,
        &[good, ("coupon", "77")],
        &expect![[
            r#"200 {"error_code":3,"error_text":"Wrong posted data","result":[],"hash":"bb206ca4809ea00ff2341163b784a08e"}"#
        ]],
    );
    let long = "x".repeat(65_537);
    for wrong in [
        ("coupon", "half"),
        ("coupon[]", "1"),
        ("order_sales_manager", "2"),
        ("order_sales_manager", "Ivan"),
        ("product_prices", "10,20"),
        ("product_prices", "x"),
        ("product_prices", "-1"),
        ("product_prices[0][x]", "1"),
        ("order_created_at", "yesterday"),
        ("order_created_at", "30/01/2020 04:22:16"),
        ("order_created_at", "30.02.2020 04:22:16"),
        ("order_created_at", "30.01.2020 24:22:16"),
        ("order_created_at", "30.01.1969 04:22:16"),
        ("order_created_at", "1.1.1970"),
        ("order_paid_at", "2020-13-01 00:00:00"),
        ("order_status", "Sold"),
        ("order_confirmed", "perhaps"),
        ("affiliates[x][y]", "bob"),
        ("affiliates", "a,b,c,d,e,f,g,h,i,j,k"),
        ("note", &long),
        ("note", "a\0b"),
        ("utm_medium[]", "x"),
    ] {
        assert_eq!(shop.keyed("createorder", &[good, wrong, ("order_tag", "t")]).code(), 3, "{wrong:?}");
    }
    assert_eq!(shop.exported(), before);
    assert_eq!(shop.uses_of(coupon.parse().unwrap()), 0);
    check(
        &shop,
        &[good],
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":{"bill_id":1},"hash":"66de3f4cda419977edb0fbde63ee9337"}"#
        ]],
    );
}

#[test]
fn statuses_and_times() {
    let shop = Shop::with_goods();
    let order = |form: &[(&str, &str)]| {
        let id = shop.keyed_order(&[&[("product_names", "course")], form].concat());
        let order = shop.details(id);
        (
            ["pay_status", "created", "paid", "bill_sum_topay"]
                .map(|field| order[field].as_str().unwrap().to_owned()),
            shop.payments_of(id),
        )
    };
    let created = ("order_created_at", "30.01.2020 04:22:16");
    // 30 January 2020, 04:22:16 in Moscow.
    let at = "1580347336";
    let seen = |status: &str, paid: &str, left: &str| [status, at, paid, left].map(str::to_owned);
    let payment = |at: i64| vec![(100_000, at)];
    assert_eq!(order(&[created]), (seen("waiting", "0", "1000.00"), vec![]));
    assert_eq!(order(&[created, ("order_status", "expected")]), (seen("waiting", "0", "1000.00"), vec![]));
    assert_eq!(order(&[created, ("order_status", "CANCEL")]), (seen("cancel", "0", "1000.00"), vec![]));
    assert_eq!(
        order(&[created, ("order_status", "Paid")]),
        (seen("paid", at, "0.00"), payment(1_580_347_336))
    );
    let paid = ("order_paid_at", "2020-01-31 00:00:00");
    assert_eq!(
        order(&[created, paid, ("order_status", " paid ")]),
        (seen("paid", "1580418000", "0.00"), payment(1_580_418_000))
    );
    // A time of payment is stored in any state, but shown only if the order is or was paid (decision 13).
    let cancelled = (seen("cancel", "0", "1000.00"), vec![]);
    assert_eq!(order(&[created, paid, ("order_status", "Cancel")]), cancelled);
    assert!(shop.exported().contains(r#""pay_status":"cancel","created":1580347336,"paid":1580418000"#));
    assert_eq!(order(&[created, paid]), (seen("waiting", "0", "1000.00"), vec![]));
    assert_eq!(order(&[created, paid, ("order_status", "MoneyBack")]).0[2], "1580418000");
    assert_eq!(order(&[created, ("order_status", "MoneyBack")]).0[0], "return");
    for same in [
        "30.01.2020 04:22:16",
        "2020-01-30 04:22:16",
        "01/30/2020 04:22:16",
        " 30.1.2020  4:22:16",
        "2020-01-30T04:22:16",
    ] {
        assert_eq!(order(&[("order_created_at", same)]).0[1], at, "{same}");
    }
    let before = now();
    let fresh: i64 = order(&[]).0[1].parse().unwrap();
    assert!((before..=now()).contains(&fresh), "{fresh}");

    let confirmed = |word: &str| {
        let id = shop.keyed_order(&[("product_names", "course"), ("order_confirmed", word)]);
        shop.write(move |tx, account| billhook_store::orders::find(tx, account, billhook_wire::OrderId(id)))
            .unwrap()
            .handling
            .confirmed
    };
    for word in ["Yes", "true", "TRUE", "Confirmed", "\u{421}onfirmed", "\u{441}onfirmed", "1"] {
        assert!(confirmed(word), "{word}");
    }
    for word in ["No", "False", "0", ""] {
        assert!(!confirmed(word), "{word}");
    }
    shop.is_sound();
}

#[test]
fn prices_go_by_position() {
    let shop = Shop::with_goods();
    let sums = |form: &[(&str, &str)]| {
        let id = shop.keyed_order(&[&[("product_names", "course,guide, course")], form].concat());
        let order = shop.details(id);
        let items = order["items"].as_array().unwrap();
        items.iter().map(|item| item["sum"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(sums(&[]), ["1000.00", "333.33", "1000.00"]);
    assert_eq!(sums(&[("product_prices", "10.5")]), ["10.50", "333.33", "1000.00"]);
    assert_eq!(sums(&[("product_prices", " , 0 ,1 500.00")]), ["1000.00", "0.00", "1500.00"]);
    for list in [
        &[("product_prices[]", "7"), ("product_prices[]", ""), ("product_prices[]", "8,5")][..],
        &[("product_prices[0]", "7"), ("product_prices[2]", "8,5")],
    ] {
        assert_eq!(sums(list), ["7.00", "333.33", "8.50"], "{list:?}");
    }
    // As a PHP list.
    let names = [("product_names[0]", "guide"), ("product_names[1]", "course")];
    let order = shop.details(shop.keyed_order(&names));
    assert_eq!((&order["items"][0]["id"], &order["price"]), (&json!("guide"), &json!("1333.33")));
}

/// It is for importing old orders: it never answers 601 or 605, and needs no e-mail (decision 82).
#[test]
fn neither_repeats_nor_addresses_nor_an_email_matter() {
    let shop = Shop::with_goods();
    let form = [("product_names", "book"), ("customer_email", "anna@example.com")];
    assert_ne!(shop.keyed_order(&form), shop.keyed_order(&form));
    let nameless = [1, 2].map(|_| shop.keyed_order(&[("product_names", "course")]));
    assert_ne!(nameless[0], nameless[1]);
    let order = shop.details(nameless[0]);
    assert_eq!((&order["email"], &order["first_name"]), (&json!(""), &json!("")));
    let orders = shop.result("GetOrders", &[]);
    assert_eq!(orders.as_array().unwrap().len(), 4);
    assert_eq!(shop.code("GetBills", &[("email", "")]), 3);
    let paid = [("bill_id", &*nameless[1].to_string()), ("status", "paid"), ("date", "1362254400")];
    shop.result("UpdateOrderStatus", &paid);
    shop.result("DeleteOrder", &[("bill_id", &nameless[0].to_string())]);
    assert_eq!(shop.details(nameless[1])["pay_status"], "paid");
    assert_eq!(shop.code("getOrderDetails", &[("bill_id", &nameless[0].to_string())]), 400);
    shop.is_sound();
}

#[test]
fn an_account_may_ask_for_the_bare_list() {
    let shop = Shop::with_settings(&["createorder_result=empty"]);
    check(
        &shop,
        &[("product_names", "course")],
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":[],"hash":"66de3f4cda419977edb0fbde63ee9337"}"#
        ]],
    );
    assert_eq!(shop.details(1)["price"], "1000.00");
    // The other edition's method still makes a new order.
    assert_eq!(shop.order("a@b", "course", &[]), 2);
}

const EVERYTHING: &[(&str, &str)] = &[
    ("product_names", "course,guide"),
    ("product_prices", ",300"),
    ("customer_email", "Anna@Example.com"),
    ("customer_first_name", "Анна"),
    ("customer_last_name", "Каренина"),
    ("customer_middle_name", "А."),
    ("customer_phone", "+7900"),
    ("order_ip", "203.0.113.7"),
    ("customer_shipping", "Mira 1"),
    ("customer_shipping_phone", "+7901"),
    ("customer_shipping_address_2", "flat 2"),
    ("customer_shipping_city", "Москва"),
    ("customer_shipping_state", "MOW"),
    ("customer_shipping_zip", "101000"),
    ("customer_shipping_country_code", "rus"),
    ("customer_billing_address_1", "Lenina 3"),
    ("customer_billing_address_2", "flat 4"),
    ("customer_billing_city", "Тверь"),
    ("customer_billing_state", "TVE"),
    ("customer_billing_zip", "170000"),
    ("customer_billing_country_code", "DE"),
    ("order_tag", "tag"),
    ("note", "a note\r\nof two lines"),
    ("order_created_at", "30.01.2020 04:22:16"),
    ("order_paid_at", "31.01.2020 00:00:00"),
    ("order_status", "Paid"),
    ("order_confirmed", "Yes"),
    ("order_sales_manager", "1"),
    ("payment_method", "card"),
    ("coupon", "1"),
    ("affiliates", "Bob , carol"),
    ("utm_medium", "cpc"),
    ("utm_source", "source"),
    ("utm_campaign", "campaign"),
    ("utm_content", "content"),
    ("utm_term", "term"),
];

#[test]
#[expect(clippy::too_many_lines, reason = "a table of what is sent and what is answered")]
fn every_parameter_comes_back_wherever_the_table_has_it() {
    let shop = Shop::empty();
    shop.add_good(
        "course",
        "0",
        "Курс",
        "1000.00",
        &[("good_partner_fee_perc", "10"), ("good_partner_pfee", "5")],
    );
    shop.add_good("guide", "1", "Guide", "333.33", &[]);
    shop.add_coupon("Half", 50);
    shop.add_manager("Ivan");
    // Nobody recruited bob, so `affiliates` decides who gets level 2.
    assert_eq!((shop.add_partner("carol", 0), shop.add_partner("bob", 0)), (1, 2));
    assert_eq!(shop.keyed_order(EVERYTHING), 1);

    let common = json!({
        "id": "1", "first_name": "Анна", "last_name": "Каренина", "middle_name": "А.", "email": "Anna@Example.com",
        "phone": "+7900", "city": "Москва", "country": "Russian Federation", "address": "Mira 1", "region": "MOW",
        "postalcode": "101000", "created": "1580347336", "pay_status": "paid", "paid": "1580418000", "type": "",
        "payway": "card", "comment": "", "domain": "", "price": "800.00",
        "utm": {"medium": "cpc", "source": "source", "campaign": "campaign", "content": "content", "term": "term"},
    });
    let joined = |one: &Value, other: Value| {
        let mut one = one.clone();
        one.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        one
    };
    let partner = |level: i64, id: &str, name: &str, fee: &str| json!({"partner_lvl": level, "partner_id": id, "partner_name": name, "partner_fee": fee});
    let item = |id: &str, title: &str, sum: &str, price: &str, fees: [&str; 2]| {
        json!({"id": id, "title": title, "sum": sum, "price": price,
            "partners": [partner(1, "2", "bob", fees[0]), partner(2, "1", "carol", fees[1])]})
    };
    let items = [
        item("course", "Курс", "500.00", "1000.00", ["50.00", "5.00"]),
        item("guide", "Guide", "300.00", "333.33", ["0.00", "0.00"]),
    ];
    let with_pincode = items.clone().map(|item| joined(&item, json!({"pincode": ""})));
    let info = joined(
        &common,
        json!({"good_count": 2, "bill_sum_topay": "0.00", "tag": "tag", "kupon": "Half", "coupon": "Half"}),
    );
    let window = [("begin_date", "30.01.2020"), ("end_date", "30.01.2020")];
    let link = "/bill/1/";
    assert_eq!(without_link(shop.result("GetOrders", &[])[0].take(), link), common);
    assert_eq!(without_link(shop.result("GetOrderInfo", &[("bill_id", "1")]), link), info);
    assert_eq!(without_link(shop.details(1), link), joined(&info, json!({"items": with_pincode})));
    assert_eq!(
        without_link(shop.result("getOrdersWithGoods", &window)[0].take(), link),
        joined(&info, json!({"is_recurrent": false, "items": items}))
    );
    // Fields that no method shows are stored all the same.
    let order = shop
        .write(|tx, account| billhook_store::orders::find(tx, account, billhook_wire::OrderId(1)))
        .unwrap();
    assert!(order.handling.confirmed);
    assert_eq!(order.handling.manager, 1);
    for (field, value) in [
        ("ip", "203.0.113.7"),
        ("shipping_phone", "+7901"),
        ("address_2", "flat 2"),
        ("billing_country", "Germany"),
        ("billing_region", "TVE"),
        ("billing_city", "Тверь"),
        ("billing_address", "Lenina 3"),
        ("billing_address_2", "flat 4"),
        ("billing_postalcode", "170000"),
        ("note", "a note\r\nof two lines"),
        ("affiliates", "Bob,carol"),
    ] {
        let field =
            billhook_store::orders::TextField::ALL.into_iter().find(|known| known.name() == field).unwrap();
        assert_eq!(order.texts.get(field), value, "{}", field.name());
    }
    assert_eq!(shop.uses_of(1), 1);
}

/// Some clients send the address with the prefix of the billing address, or without its number. If two are
/// sent, the first counts (decision 11).
#[test]
fn a_shipping_address_has_three_spellings() {
    let shop = Shop::with_goods();
    for name in ["customer_shipping", "customer_shipping_address_1", "customer_shipping_address"] {
        let form = [("product_names", "course"), (name, "Mira 1"), ("customer_shipping_address_2", "flat 2")];
        assert_eq!(shop.details(shop.keyed_order(&form))["address"], "Mira 1", "{name}");
    }
    let both = [
        ("product_names", "course"),
        ("customer_shipping_address_1", "first"),
        ("customer_shipping", "second"),
    ];
    assert_eq!(shop.details(shop.keyed_order(&both))["address"], "first");
}

#[test]
fn countries_are_kept_by_name() {
    let shop = Shop::with_goods();
    for (code, name) in [
        ("RU", "Russian Federation"),
        ("ukr", "Ukraine"),
        (" KZ ", "Kazakhstan"),
        ("ZZ", "ZZ"),
        ("Россия", "Россия"),
        ("", ""),
    ] {
        let form = [("product_names", "course"), ("customer_shipping_country_code", code)];
        assert_eq!(shop.details(shop.keyed_order(&form))["country"], name, "{code}");
    }
}
