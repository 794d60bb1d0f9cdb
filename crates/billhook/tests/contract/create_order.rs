//! CreateOrder: what it makes, what it refuses, and when it finds a repeated order (section 4.1).

use billhook_wire::{Key, Login, signature};
use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::shop::{KEY, LOGIN, Shop, done, now, number};

/// An answer's status and body.
#[track_caller]
fn check(shop: &Shop, form: &[(&str, &str)], expected: &Expect) {
    let answer = shop.call("CreateOrder", form);
    expected.assert_eq(&format!("{} {}", answer.status, answer.body));
}

#[test]
fn an_order_is_made_and_told_by_its_number() {
    let shop = Shop::with_goods();
    check(
        &shop,
        &[("goods[0][good_name]", "course"), ("bill_email", "anna@example.com")],
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":{"bill_id":1},"hash":"66de3f4cda419977edb0fbde63ee9337"}"#
        ]],
    );
    check(
        &shop,
        &[
            ("goods[7][good_name]", " guide "),
            ("goods[7][good_sum]", ""),
            ("bill_email", " Anna@Example.com "),
        ],
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":{"bill_id":2},"hash":"66de3f4cda419977edb0fbde63ee9337"}"#
        ]],
    );
    let made = shop.details(2);
    assert_eq!(
        (made["email"].as_str(), made["price"].as_str(), made["pay_status"].as_str(), made["paid"].as_str()),
        (Some("Anna@Example.com"), Some("333.33"), Some("waiting"), Some("0"))
    );
    let bills = shop.result("GetBills", &[("email", "anna@example.com"), ("pay_status", "waiting")]);
    assert_eq!(
        bills,
        json!({
            "1": {"1": {"good_name": "course", "good_title": "Course"}},
            "2": {"2": {"good_name": "guide", "good_title": "Guide"}},
        })
    );
    shop.is_sound();
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of what is sent and what is answered")]
fn refusals_have_their_codes_and_leave_nothing_behind() {
    let shop = Shop::with_goods();
    let coupon = shop.add_coupon("half", 50);
    let good = ("goods[0][good_name]", "course");
    let mail = ("bill_email", "anna@example.com");
    let half = ("bill_kupon", "half");
    let before = shop.exported();

    // 600: no e-mail, or an invalid one (decision 46).
    check(
        &shop,
        &[good],
        &expect![[
            r#"200 {"error_code":600,"error_text":"Wrong email","result":[],"hash":"f8c2cff2902c0f9c6a311e5a10a801f1"}"#
        ]],
    );
    for wrong in ["", "anna", "@example.com", "anna@", "a@b@c", "an na@example.com", "a\0b@example.com"] {
        assert_eq!(shop.code("CreateOrder", &[good, ("bill_email", wrong), half]), 600, "{wrong}");
    }
    assert_eq!(shop.code("CreateOrder", &[good, ("bill_email[]", "anna@example.com")]), 600);
    // 602: too many lines. A form may have only 1,000 variables, so they are all in `product_names`.
    let names = vec!["course"; 1001].join(",");
    assert_eq!(shop.keyed("createorder", &[("product_names", &names)]).code(), 602);
    // 603: no products.
    check(
        &shop,
        &[mail, half],
        &expect![[
            r#"200 {"error_code":603,"error_text":"Missing products","result":[],"hash":"0b03a948f492c5f1b9b27e43a35704ac"}"#
        ]],
    );
    assert_eq!(shop.code("CreateOrder", &[mail, ("goods", "")]), 603);
    assert_eq!(shop.code("CreateOrder", &[mail, ("goods[0][good_name]", "")]), 603);
    assert_eq!(shop.code("CreateOrder", &[mail, ("goods[0][good_sum]", "10")]), 603);
    // 604: no such product; the result names it.
    check(
        &shop,
        &[good, ("goods[1][good_name]", "nothing"), mail, half],
        &expect![[
            r#"200 {"error_code":604,"error_text":"Product not exist","result":{"good_name":"nothing"},"hash":"aa98c7081f18c6847ecdb560465ead78"}"#
        ]],
    );
    // 605: a physical product without a postal address.
    check(
        &shop,
        &[good, ("goods[1][good_name]", "book"), mail, half],
        &expect![[
            r#"200 {"error_code":605,"error_text":"Not having any data for delivery products","result":[],"hash":"06c9b7af5bec1a3a7947babc36e4b203"}"#
        ]],
    );
    let delivery = [
        ("bill_first_name", "Anna"),
        ("bill_surname", "-"),
        ("bill_country", "-"),
        ("bill_city", "-"),
        ("bill_address", "-"),
    ];
    for missing in 0..delivery.len() {
        for instead in ["", " "] {
            let mut form = vec![("goods[0][good_name]", "book"), mail, half];
            form.extend(
                delivery
                    .iter()
                    .enumerate()
                    .map(|(at, &(name, value))| (name, if at == missing { instead } else { value })),
            );
            assert_eq!(shop.code("CreateOrder", &form), 605, "{}", delivery[missing].0);
        }
    }
    assert_eq!(shop.exported(), before);
    assert_eq!(shop.uses_of(coupon), 0);

    let all = [&[("goods[0][good_name]", "book"), mail][..], &delivery].concat();
    let made = number(&shop.result("CreateOrder", &all));
    assert_eq!(made, 1, "a refused order has taken a number");
    // 601: a repeated order, with its number.
    check(
        &shop,
        &all,
        &expect![[
            r#"200 {"error_code":601,"error_text":"Order already exist. His number send in result array.","result":{"bill_id":1},"hash":"541f68ccac141dcabf42dafb3a989214"}"#
        ]],
    );
    shop.is_sound();
}

#[test]
fn a_parameter_that_is_not_of_its_kind_is_3() {
    let shop = Shop::with_goods();
    let before = shop.exported();
    let long = "x".repeat(65_537);
    let name = "x".repeat(256);
    for wrong in [
        ("goods[0][good_sum]", "1,500"),
        ("goods[0][good_sum]", "1.500,00"),
        ("goods[0][good_sum]", "1.500.000"),
        ("goods[0][good_sum]", "-1"),
        ("goods[0][good_sum]", "10000000000"),
        ("goods[0][good_sum]", "free"),
        ("goods[0][good_sum][]", "1"),
        ("goods[1]", "guide"),
        ("goods[1][good_name]", &name),
        ("goods[1][good_name][]", "guide"),
        ("bill_created", "yesterday"),
        ("bill_created", "-1"),
        ("bill_created", "253402300800"),
        ("bill_created", "1362250000.5"),
        ("bill_created[]", "1"),
        ("bill_timer_kill", "soon"),
        ("bill_timer_kill", "-1"),
        ("bill_timer_kill[]", "1"),
        ("bill_comment", "a\0b"),
        ("bill_comment", &long),
        ("bill_first_name[]", "Anna"),
        ("utm", "cpc"),
        ("utm[utm_medium][]", "cpc"),
        ("bill_aff[]", "1"),
        ("bill_coupon[]", "half"),
    ] {
        let form = [("goods[0][good_name]", "course"), ("bill_email", "anna@example.com"), wrong];
        assert_eq!(shop.code("CreateOrder", &form), 3, "{}", wrong.0);
    }
    let mut body = b"goods%5B0%5D%5Bgood_name%5D=course&bill_email=a%40b&bill_comment=%FF".to_vec();
    let hash = signature::request(&body, &Login::parse(LOGIN).unwrap(), &Key::parse(KEY).unwrap());
    body.extend([b"&hash=", hash.as_slice()].concat());
    let not_utf8 = shop.server().post("shop.localhost", "CreateOrder", std::str::from_utf8(&body).unwrap());
    assert_eq!(not_utf8.code(), 3);
    assert_eq!(shop.code("CreateOrder", &[("goods", "course"), ("bill_email", "anna@example.com")]), 3);
    assert_eq!(shop.exported(), before);
}

/// Every parameter of the form.
const EVERYTHING: &[(&str, &str)] = &[
    ("goods[0][good_name]", "course"),
    ("goods[0][good_sum]", "1 500,5"),
    ("goods[1][good_name]", "book"),
    ("bill_email", "Anna@Example.com"),
    ("bill_first_name", "Анна"),
    ("bill_surname", "Каренина"),
    ("bill_otchestvo", "Аркадьевна"),
    ("bill_phone", "+7 900 000-00-00"),
    ("bill_country", "Россия"),
    ("bill_city", "Москва"),
    ("bill_address", "ул. \"Мира\", 1/2"),
    ("bill_region", "Московская"),
    ("bill_postal_code", "101000"),
    ("bill_kupon", " HALF "),
    ("bill_tag", "тег"),
    ("bill_comment", "a~b*c(d)'e!\r\n😀"),
    ("bill_ip", "203.0.113.7"),
    ("bill_timer_kill", "253402300799"),
    ("bill_created", "1362250000"),
    ("bill_domain", "shop.example"),
    ("utm[utm_medium]", "affiliate"),
    ("utm[utm_source]", "nobody"),
    ("utm[utm_campaign]", "spring"),
    ("utm[utm_content]", "ad-1"),
    ("utm[utm_term]", "word"),
    ("utm[aff_medium]", "am"),
    ("utm[aff_source]", "as"),
    ("utm[aff_campaign]", "ac"),
    ("utm[aff_content]", "ao"),
    ("utm[aff_term]", "at"),
    ("bill_aff", ""),
    ("bill_aff_name", "Bob"),
    ("bill_paff", "1"),
    ("bill_paff_name", "whoever"),
    ("bill_ad_id", "77"),
];

/// The fields that the columns O, I, D and G of section 5 have in common.
fn in_all_columns() -> Value {
    json!({
        "id": "1", "first_name": "Анна", "last_name": "Каренина", "middle_name": "Аркадьевна",
        "email": "Anna@Example.com", "phone": "+7 900 000-00-00", "city": "Москва", "country": "Россия",
        "address": "ул. \"Мира\", 1/2", "region": "Московская", "postalcode": "101000", "created": "1362250000",
        "pay_status": "waiting", "paid": "0", "type": "", "payway": "", "comment": "a~b*c(d)'e!\r\n😀",
        "domain": "shop.example", "price": "1750.75",
        "utm": {"medium": "affiliate", "source": "nobody", "campaign": "spring", "content": "ad-1", "term": "word"},
    })
}

/// Removes the random fields, after checking their format.
#[track_caller]
pub(crate) fn without_link(mut order: Value, before: &str) -> Value {
    let link = order.as_object_mut().unwrap().shift_remove("link").unwrap();
    let token = link.as_str().unwrap().strip_prefix(before).unwrap_or_else(|| panic!("{link}"));
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    assert!(token.len() == 32 && token.chars().all(is_hex), "{link}");
    order
}

fn joined(mut one: Value, other: &Value) -> Value {
    one.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    one
}

#[test]
fn every_parameter_comes_back_wherever_the_table_has_it() {
    let shop = Shop::empty();
    let fees = [("good_partner_fee", "100"), ("good_partner_pfee_perc", "1,5")];
    shop.add_good("course", "0", "Курс", "1000.00", &fees);
    shop.add_good("book", "1", "Книга/Book", "500.50", &[("good_partner_fee_perc", "10%")]);
    shop.add_coupon("half", 50);
    assert_eq!((shop.add_partner("carol", 0), shop.add_partner("bob", 0)), (1, 2));
    assert_eq!(number(&shop.result("CreateOrder", EVERYTHING)), 1);

    let partner = |level: i64, id: &str, name: &str, fee: &str| json!({"partner_lvl": level, "partner_id": id, "partner_name": name, "partner_fee": fee});
    let items = |pincode: bool| {
        let mut items = json!([
            {"id": "course", "title": "Курс", "sum": "1500.50", "price": "1000.00",
             "partners": [partner(1, "2", "bob", "100.00"), partner(2, "1", "carol", "22.51")]},
            {"id": "book", "title": "Книга/Book", "sum": "250.25", "price": "500.50",
             "partners": [partner(1, "2", "bob", "25.03"), partner(2, "1", "carol", "0.00")]},
        ]);
        if pincode {
            items.as_array_mut().unwrap().iter_mut().for_each(|item| item["pincode"] = json!(""));
        }
        items
    };
    let link = "http://shop.example/bill/1/";
    let window = [("begin_date", "02.03.2013"), ("end_date", "02.03.2013")];
    let info = json!({"good_count": 2, "bill_sum_topay": "1750.75", "tag": "тег", "kupon": "half", "coupon": "half"});
    let info = joined(in_all_columns(), &info);
    assert_eq!(without_link(shop.result("GetOrders", &[])[0].take(), link), in_all_columns());
    assert_eq!(without_link(shop.result("GetOrderInfo", &[("bill_id", "1")]), link), info);
    assert_eq!(without_link(shop.details(1), link), joined(info.clone(), &json!({"items": items(true)})));
    assert_eq!(
        without_link(shop.result("getOrdersWithGoods", &window)[0].take(), link),
        joined(info, &json!({"is_recurrent": false, "items": items(false)}))
    );
    // Fields that no method shows are in the export.
    let exported: Value = shop.first_exported();
    for (field, value) in [
        ("ip", "203.0.113.7"),
        ("aff_medium", "am"),
        ("aff_source", "as"),
        ("aff_campaign", "ac"),
        ("aff_content", "ao"),
        ("aff_term", "at"),
        ("aff", "2"),
        ("aff_name", "bob"),
        ("paff", "1"),
        ("paff_name", "carol"),
        ("ad_id", "77"),
    ] {
        assert!(
            exported[field] == value || exported["utm"][field] == value,
            "{field} is not {value} in {exported}"
        );
    }
}

/// PHP's false arrives as 0, which is no time.
#[test]
fn an_order_of_no_time_is_made_now() {
    let shop = Shop::with_goods();
    let before = now();
    let made = shop.details(shop.order("a@b", "course", &[("bill_created", "0")]));
    let created: i64 = made["created"].as_str().unwrap().parse().unwrap();
    assert!((before..=now()).contains(&created), "{made}");
}

/// Decision 47: any domain is accepted, and the link is a URL with a host or a path.
#[test]
fn a_link_leads_to_the_domain_where_that_is_a_host() {
    let shop = Shop::with_settings(&["same_order_hours=0"]);
    let long = format!("{}.example", "a".repeat(250));
    for (sent, domain, before) in [
        ("shop.example:8443", "shop.example:8443", "http://shop.example:8443"),
        ("https://shop.example/", "shop.example", "http://shop.example"),
        ("HTTP://shop.example", "shop.example", "http://shop.example"),
        ("магазин.рф/", "магазин.рф", "http://магазин.рф"),
        ("http://shop.example/path", "shop.example/path", ""),
        ("shop.example\" onclick=\"x", "shop.example\" onclick=\"x", ""),
        ("user@shop.example", "user@shop.example", ""),
        (&long, &long, ""),
    ] {
        let id = shop.order("a@b", "course", &[("bill_domain", sent)]);
        let order = without_link(shop.details(id), &format!("{before}/bill/{id}/"));
        assert_eq!(order["domain"], *domain);
    }
}

/// Decision 47: the start of a link comes from the account's setting, else from the server or the proxy.
#[test]
fn a_link_is_https_where_the_shop_is() {
    let link = |shop: &Shop, head: &str| {
        let form =
            [("goods[0][good_name]", "course"), ("bill_email", "a@b"), ("bill_domain", "shop.example")];
        let body = crate::program::signed(LOGIN, KEY, &form);
        let head =
            format!("Host: {LOGIN}.localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n{head}");
        let made = shop.server().send("POST /api/CreateOrder HTTP/1.1", &head, body.as_bytes());
        let id = number(&done(&made));
        shop.details(id)["link"].as_str().unwrap().split_once("://").unwrap().0.to_owned()
    };
    let https = "X-Forwarded-Proto: https\r\n";
    let cert = ["--tls-listen", "127.0.0.1:0", "--tls-cert"];
    for (setting, arguments, has_certificate, head, scheme) in [
        ("auto", &[][..], false, https, "http"),
        ("auto", &["--trusted-proxy", "127.0.0.0/8"], false, https, "https"),
        ("auto", &["--trusted-proxy", "127.0.0.0/8"], false, "", "http"),
        ("https", &[], false, "", "https"),
        ("auto", &[], true, "", "https"),
        ("http", &[], true, "", "http"),
    ] {
        let place = tempfile::tempdir().unwrap();
        let (certificate, key) = crate::tls::certificate(place.path());
        let with_certificate = [&cert[..], &[&certificate, "--tls-key", &key]].concat();
        let arguments = if has_certificate { &with_certificate } else { arguments };
        let shop = Shop::over(place, &["same_order_hours=0", &format!("link_scheme={setting}")], arguments);
        shop.add_good("course", "0", "Course", "1000.00", &[]);
        assert_eq!(link(&shop, head), scheme, "{setting} {arguments:?} {head}");
    }
}

/// Decision 74: PHP sends a third of 1990 as `663.33333333333`.
#[test]
fn a_sum_is_rounded_to_the_kopeck_wherever_a_request_names_one() {
    let shop = Shop::with_settings(&["same_order_hours=0"]);
    let price = |id: i64| shop.details(id)["price"].as_str().unwrap().to_owned();
    for (sum, rounded) in [
        ("663.33333333333", "663.33"),
        ("663.335", "663.34"),
        ("663.33499999999", "663.33"),
        ("1.500", "1.50"),
        ("1 990.999", "1991.00"),
    ] {
        let sum_of = |field| [(field, sum)];
        assert_eq!(price(shop.order("a@b", "course", &sum_of("goods[0][good_sum]"))), rounded);
        let prices = [("product_names", "course,guide"), ("product_prices", &format!("{sum},0"))];
        assert_eq!(price(shop.keyed_order(&prices)), rounded);
        shop.result("UpdateGood", &[&[("good_name", "course")], &sum_of("good_sum")[..]].concat());
        let name = format!("good {sum}");
        shop.add_good(&name, "0", "Good", sum, &[]);
        for good in ["course", &name] {
            assert_eq!(price(shop.order("a@b", good, &[])), rounded, "{good}");
        }
    }
}

/// Both editions' spellings mean the same. If both are sent, the first counts.
#[test]
fn both_editions_spellings_are_read() {
    let shop = Shop::with_goods();
    shop.add_coupon("half", 50);
    let id = shop.order("a@b", "course", &[("bill_middle_name", "M"), ("bill_coupon", "half")]);
    let order = shop.details(id);
    assert_eq!(
        (&order["middle_name"], &order["kupon"], &order["coupon"]),
        (&json!("M"), &json!("half"), &json!("half"))
    );
    assert_eq!(order["price"], "500.00");
    let both = [
        ("bill_otchestvo", "O"),
        ("bill_middle_name", "M"),
        ("bill_coupon", "other"),
        ("bill_kupon", "half"),
    ];
    let order = shop.details(shop.order("c@d", "course", &both));
    assert_eq!(
        (&order["middle_name"], &order["kupon"], &order["price"]),
        (&json!("O"), &json!("other"), &json!("1000.00"))
    );
}

/// Decision 17.
#[test]
fn the_same_order_is_found_again_while_it_waits() {
    let shop = Shop::with_goods();
    let created = now() - 1000;
    let form = |email: &str, goods: &[(&str, &str)], created: i64| {
        let mut form = vec![
            ("bill_email".to_owned(), email.to_owned()),
            ("bill_created".to_owned(), created.to_string()),
        ];
        for (at, (good, sum)) in goods.iter().enumerate() {
            form.push((format!("goods[{at}][good_name]"), (*good).to_owned()));
            form.push((format!("goods[{at}][good_sum]"), (*sum).to_owned()));
        }
        form
    };
    let ask = |email: &str, goods: &[(&str, &str)], created: i64| {
        let form = form(email, goods, created);
        let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = shop.call("CreateOrder", &form);
        (answer.code(), number(&answer.json()["result"]))
    };
    let two = [("course", ""), ("guide", "5")];
    assert_eq!(ask("anna@example.com", &two, created), (0, 1));
    assert_eq!(ask("ANNA@example.com", &two, created), (601, 1));
    // In any order, and with or without the sum.
    assert_eq!(ask("anna@example.com", &[("guide", "5.00"), ("course", "1000")], created), (601, 1));
    // Other sums, other products, another quantity, another customer.
    assert_eq!(ask("anna@example.com", &[("course", ""), ("guide", "6")], created), (0, 2));
    assert_eq!(ask("anna@example.com", &[("course", "")], created), (0, 3));
    assert_eq!(ask("anna@example.com", &[("course", ""), ("course", "")], created), (0, 4));
    assert_eq!(ask("boris@example.com", &two, created), (0, 5));
    // Within 24 hours, before or after.
    assert_eq!(ask("anna@example.com", &two, created + 86_400), (601, 1));
    assert_eq!(ask("anna@example.com", &two, created - 86_400), (601, 1));
    assert_eq!(ask("anna@example.com", &two, created - 86_401), (0, 6));
    // Not if it is paid, cancelled or deleted. An order that was sent back still waits for payment.
    let pay = |id: &str, status: &str| {
        let form = [("bill_id", id), ("status", status), ("date", "1362254400")];
        shop.result("UpdateOrderStatus", &form);
    };
    pay("3", "paid");
    assert_eq!(ask("anna@example.com", &[("course", "")], created), (0, 7));
    pay("7", "cancel");
    assert_eq!(ask("anna@example.com", &[("course", "")], created), (0, 8));
    shop.result("DeleteOrder", &[("bill_id", "8")]);
    assert_eq!(ask("anna@example.com", &[("course", "")], created), (0, 9));
    pay("9", "return");
    assert_eq!(ask("anna@example.com", &[("course", "")], created), (601, 9));
}

#[test]
fn the_window_for_the_same_order_can_be_set() {
    let shop = Shop::with_settings(&["same_order_hours=0"]);
    assert_eq!([1, 2].map(|_| shop.order("a@b", "course", &[])), [1, 2]);
    let shop = Shop::with_settings(&["same_order_hours=1"]);
    let (early, late) = ((now() - 3700).to_string(), (now() - 1800).to_string());
    shop.order("a@b", "course", &[("bill_created", &early)]);
    shop.order("a@b", "course", &[]);
    shop.order("c@d", "course", &[("bill_created", &late)]);
    assert_eq!(shop.code("CreateOrder", &[("goods[0][good_name]", "course"), ("bill_email", "c@d")]), 601);
}

/// The highest order numbers are used, and then CreateOrder is refused (decision 78).
#[test]
fn no_order_number_is_left() {
    let shop = Shop::with_goods();
    let line =
        r#"{"id":9223372036854775805,"email":"a@b","items":[{"id":1,"good_name":"course","sum":"1.00"}]}"#;
    let file = crate::program::write(shop.server().place(), "last.jsonl", line);
    shop.server().run(&["import", "--account", LOGIN, file.to_str().unwrap()]);
    assert_eq!(shop.order("a@b", "guide", &[]), i64::MAX - 1);
    assert_eq!(shop.keyed_order(&[("product_names", "guide")]), i64::MAX);
    check(
        &shop,
        &[("goods[0][good_name]", "guide"), ("bill_email", "c@d")],
        &expect![[
            r#"200 {"error_code":602,"error_text":"Error creating order","result":[],"hash":"a050cebca25819672adf7d36329f20ec"}"#
        ]],
    );
    assert_eq!(shop.keyed("createorder", &[("product_names", "guide")]).code(), 602);
    shop.is_sound();
}

/// A number that an import has used meanwhile is skipped.
#[test]
fn numbers_go_on_behind_what_an_import_brought() {
    let shop = Shop::with_goods();
    let first = shop.order("a@b", "course", &[]);
    for id in [first + 1, first + 5000] {
        let line = format!(r#"{{"id":{id},"email":"i@b","items":[{{"id":1,"good_name":"course"}}]}}"#);
        let file = crate::program::write(shop.server().place(), "more.jsonl", &line);
        shop.server().run(&["import", "--account", LOGIN, file.to_str().unwrap()]);
    }
    let second = done(&shop.call("CreateOrder", &[("goods[0][good_name]", "guide"), ("bill_email", "c@d")]));
    assert!(number(&second) > first + 1, "{second}");
    assert_eq!(shop.details(first + 1)["email"], "i@b");
    shop.is_sound();
}
