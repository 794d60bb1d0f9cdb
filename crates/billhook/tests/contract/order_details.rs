//! Whole answers of the methods that show orders: fields, their order and types (sections 4.4 to 4.7 and 5).

use expect_test::{Expect, expect};
use serde_json::json;

use crate::shop::Shop;

/// Status and body, with the random part of `link` removed.
#[track_caller]
fn check(shop: &Shop, method: &str, form: &[(&str, &str)], expected: &Expect) {
    let answer = shop.call(method, form);
    let mut body = answer.body;
    if let Some((before, rest)) = body.clone().split_once(r"\/bill\/1\/") {
        body = format!(r"{before}\/bill\/1\/TOKEN{}", &rest[32..]);
    }
    expected.assert_eq(&format!("{} {body}", answer.status));
}

/// A shop with one order of two products, paid, with a pin code and two partners.
fn shop() -> Shop {
    let shop = Shop::empty();
    let fees = [("good_partner_fee_perc", "10"), ("good_partner_pfee", "5.5")];
    let course = shop.add_good("course", "0", "Курс \"1/2\"", "1000.00", &fees);
    shop.add_good("guide", "0", "Guide", "333.33", &[]);
    shop.add_pincodes(course, &["PIN/1"]);
    shop.add_coupon("third", 33);
    shop.add_partner("carol", 0);
    shop.add_partner("bob", 1);
    shop.order(
        "Anna@Example.com",
        "course",
        &[
            ("goods[1][good_name]", "guide"),
            ("goods[1][good_sum]", "300"),
            ("bill_first_name", "Анна"),
            ("bill_created", "1362250000"),
            ("bill_kupon", "third"),
            ("bill_tag", "t"),
            ("utm[utm_medium]", "affiliate"),
            ("utm[utm_source]", "bob"),
        ],
    );
    shop.result("UpdateOrderStatus", &[("bill_id", "1"), ("status", "paid"), ("date", "1362254400")]);
    shop
}

#[test]
fn whole_answers() {
    let shop = shop();
    check(
        &shop,
        "getOrderDetails",
        &[("bill_id", "1")],
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":{"id":"1","first_name":"\u0410\u043d\u043d\u0430","last_name":"","middle_name":"","email":"Anna@Example.com","phone":"","city":"","country":"","address":"","region":"","postalcode":"","created":"1362250000","pay_status":"paid","paid":"1362254400","type":"","payway":"","comment":"","domain":"","link":"\/bill\/1\/TOKEN","good_count":2,"price":"970.00","bill_sum_topay":"0.00","tag":"t","kupon":"third","coupon":"third","utm":{"medium":"affiliate","source":"bob","campaign":"","content":"","term":""},"items":[{"id":"course","title":"\u041a\u0443\u0440\u0441 \"1\/2\"","sum":"670.00","price":"1000.00","pincode":"PIN\/1","partners":[{"partner_lvl":1,"partner_id":"2","partner_name":"bob","partner_fee":"67.00"},{"partner_lvl":2,"partner_id":"1","partner_name":"carol","partner_fee":"5.50"}]},{"id":"guide","title":"Guide","sum":"300.00","price":"333.33","pincode":"","partners":[{"partner_lvl":1,"partner_id":"2","partner_name":"bob","partner_fee":"0.00"},{"partner_lvl":2,"partner_id":"1","partner_name":"carol","partner_fee":"0.00"}]}]},"hash":"66de3f4cda419977edb0fbde63ee9337"}"#
        ]],
    );
    check(
        &shop,
        "GetOrderDetails",
        &[("bill_id", "1"), ("good_info", "true")],
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":{"id":"1","first_name":"\u0410\u043d\u043d\u0430","last_name":"","middle_name":"","email":"Anna@Example.com","phone":"","city":"","country":"","address":"","region":"","postalcode":"","created":"1362250000","pay_status":"paid","paid":"1362254400","type":"","payway":"","comment":"","domain":"","link":"\/bill\/1\/TOKEN","good_count":2,"price":"970.00","bill_sum_topay":"0.00","tag":"t","kupon":"third","coupon":"third","utm":{"medium":"affiliate","source":"bob","campaign":"","content":"","term":""},"items":[{"id":"course","title":"\u041a\u0443\u0440\u0441 \"1\/2\"","sum":"670.00","price":"1000.00","pincode":"PIN\/1","partners":[{"partner_lvl":1,"partner_id":"2","partner_name":"bob","partner_fee":"67.00"},{"partner_lvl":2,"partner_id":"1","partner_name":"carol","partner_fee":"5.50"}]},{"id":"guide","title":"Guide","sum":"300.00","price":"333.33","pincode":"","partners":[{"partner_lvl":1,"partner_id":"2","partner_name":"bob","partner_fee":"0.00"},{"partner_lvl":2,"partner_id":"1","partner_name":"carol","partner_fee":"0.00"}]}],"good_ids":["1","2"],"prepayment_enabled":0,"prepayment_minsum":"0.00"},"hash":"66de3f4cda419977edb0fbde63ee9337"}"#
        ]],
    );
    check(
        &shop,
        "getOrderInfo",
        &[("bill_id", "1")],
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":{"id":"1","first_name":"\u0410\u043d\u043d\u0430","last_name":"","middle_name":"","email":"Anna@Example.com","phone":"","city":"","country":"","address":"","region":"","postalcode":"","created":"1362250000","pay_status":"paid","paid":"1362254400","type":"","payway":"","comment":"","domain":"","link":"\/bill\/1\/TOKEN","good_count":2,"price":"970.00","bill_sum_topay":"0.00","tag":"t","kupon":"third","coupon":"third","utm":{"medium":"affiliate","source":"bob","campaign":"","content":"","term":""}},"hash":"66de3f4cda419977edb0fbde63ee9337"}"#
        ]],
    );
    check(
        &shop,
        "GetOrders",
        &[],
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":[{"id":"1","first_name":"\u0410\u043d\u043d\u0430","last_name":"","middle_name":"","email":"Anna@Example.com","phone":"","city":"","country":"","address":"","region":"","postalcode":"","created":"1362250000","pay_status":"paid","paid":"1362254400","type":"","payway":"","comment":"","domain":"","link":"\/bill\/1\/TOKEN","price":"970.00","utm":{"medium":"affiliate","source":"bob","campaign":"","content":"","term":""}}],"hash":"66de3f4cda419977edb0fbde63ee9337"}"#
        ]],
    );
    check(
        &shop,
        "GetOrdersWithGoods",
        &[("begin_date", "02.03.2013"), ("paid", "true"), ("end_date", "03.03.2013")],
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":[{"id":"1","first_name":"\u0410\u043d\u043d\u0430","last_name":"","middle_name":"","email":"Anna@Example.com","phone":"","city":"","country":"","address":"","region":"","postalcode":"","created":"1362250000","pay_status":"paid","paid":"1362254400","type":"","payway":"","comment":"","domain":"","link":"\/bill\/1\/TOKEN","good_count":2,"price":"970.00","is_recurrent":false,"bill_sum_topay":"0.00","tag":"t","kupon":"third","coupon":"third","utm":{"medium":"affiliate","source":"bob","campaign":"","content":"","term":""},"items":[{"id":"course","title":"\u041a\u0443\u0440\u0441 \"1\/2\"","sum":"670.00","price":"1000.00","partners":[{"partner_lvl":1,"partner_id":"2","partner_name":"bob","partner_fee":"67.00"},{"partner_lvl":2,"partner_id":"1","partner_name":"carol","partner_fee":"5.50"}]},{"id":"guide","title":"Guide","sum":"300.00","price":"333.33","partners":[{"partner_lvl":1,"partner_id":"2","partner_name":"bob","partner_fee":"0.00"},{"partner_lvl":2,"partner_id":"1","partner_name":"carol","partner_fee":"0.00"}]}]}],"hash":"66de3f4cda419977edb0fbde63ee9337"}"#
        ]],
    );
    check(
        &shop,
        "getOrdersWithGoods",
        &[],
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":[],"hash":"66de3f4cda419977edb0fbde63ee9337"}"#
        ]],
    );
}

#[test]
fn refusals() {
    let shop = shop();
    for method in ["getOrderDetails", "GetOrderInfo"] {
        check(
            &shop,
            method,
            &[("bill_id", "2")],
            &expect![[
                r#"200 {"error_code":400,"error_text":"Order not found","result":[],"hash":"a781c75db348c22e4b992e1f15dcfab9"}"#
            ]],
        );
        for (bill_id, code) in [
            ("", 3),
            ("one", 3),
            ("1.0", 3),
            ("0", 400),
            ("-1", 400),
            ("9223372036854775808", 3),
            (" 1 ", 0),
            ("01", 0),
        ] {
            assert_eq!(shop.code(method, &[("bill_id", bill_id)]), code, "{method} {bill_id}");
        }
        assert_eq!(shop.code(method, &[("good_info", "1")]), 3);
        assert_eq!(shop.code(method, &[("bill_id[]", "1")]), 3);
    }
    let details =
        |good_info: &str| shop.call("getOrderDetails", &[("bill_id", "1"), ("good_info", good_info)]);
    for (good_info, is_shown) in [
        ("1", true),
        ("TRUE", true),
        ("on", true),
        ("yes", true),
        ("0", false),
        ("false", false),
        ("", false),
    ] {
        let answer = details(good_info);
        assert_eq!(answer.json()["result"].get("good_ids").is_some(), is_shown, "{good_info}: {answer:?}");
    }
    assert_eq!(details("2").code(), 3);
    assert_eq!(details("maybe").code(), 3);
}

/// If one product must be paid in full, so must the order.
#[test]
fn prepayment_is_what_all_products_allow_together() {
    let shop = Shop::with_goods();
    shop.allow_prepayment("course", 25_000);
    shop.allow_prepayment("guide", 5_050);
    let info = |id: i64| {
        let order = shop.result("getOrderDetails", &[("bill_id", &id.to_string()), ("good_info", "1")]);
        ["good_ids", "good_count", "prepayment_enabled", "prepayment_minsum"]
            .map(|field| order[field].clone())
    };
    let both =
        shop.order("a@b", "course", &[("goods[1][good_name]", "guide"), ("goods[2][good_name]", "guide")]);
    assert_eq!(info(both), [json!(["1", "2", "2"]), json!(3), json!(1), json!("351.00")]);
    let mixed = shop.keyed_order(&[("product_names", "course,book")]);
    assert_eq!(info(mixed), [json!(["1", "3"]), json!(2), json!(0), json!("0.00")]);
    // Also after the product is deleted.
    shop.result("DeleteGood", &[("good_name", "guide")]);
    assert_eq!(info(both)[3], json!("351.00"));
}

/// The order keeps the product's names and price.
#[test]
fn an_order_keeps_what_its_products_were() {
    let shop = Shop::with_goods();
    let id = shop.order("a@b", "course", &[]);
    let before = shop.details(id);
    shop.result("UpdateGood", &[("good_name", "course"), ("good_title", "Other"), ("good_sum", "2")]);
    assert_eq!(shop.details(id), before);
    shop.result("DeleteGood", &[("good_name", "course")]);
    assert_eq!(shop.details(id), before);
    let other = [("good_title", "Third"), ("good_sum", "3"), ("good_type", "0"), ("good_name", "course")];
    assert_eq!(shop.result("AddGood", &other)["good_id"], 1, "a product that comes back keeps its number");
    assert_eq!(shop.details(id), before);
    let fresh = shop.details(shop.order("a@b", "course", &[]));
    assert_eq!((&fresh["items"][0]["title"], &fresh["items"][0]["price"]), (&json!("Third"), &json!("3.00")));
    shop.is_sound();
}

#[test]
fn link_is_a_path_or_a_url_of_the_domain() {
    let shop = Shop::with_goods();
    let path = shop.details(shop.order("a@b", "course", &[]))["link"].as_str().unwrap().to_owned();
    assert!(path.starts_with("/bill/1/") && path.len() == 8 + 32, "{path}");
    let own = shop.details(shop.order("a@b", "guide", &[("bill_domain", "shop.justclick.ru")]));
    assert!(own["link"].as_str().unwrap().starts_with("http://shop.justclick.ru/bill/2/"), "{own}");
    let again = shop.details(shop.order("c@d", "course", &[]))["link"].as_str().unwrap().to_owned();
    assert_ne!(path[8..], again[8..]);
}
