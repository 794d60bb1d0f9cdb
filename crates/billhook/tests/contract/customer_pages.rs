//! The cabinet's pages of customers: found, shown as text with all orders and sums, and only this account's.

use crate::{
    browser::{Browser, login_link},
    shop::{LOGIN, Shop},
};

/// Texts that would be more than text on a careless page.
const NASTY: &str = r#"<script>alert(1)</script>"'&{{7*7}}"#;

const ORDERS: &str = r#"{"id":101,"email":"anna@example.com","pay_status":"paid","created":1700000000,"paid":1700000100,"last_name":"Котова","phone":"+7 (912) 345-67-89","items":[{"id":501,"good_name":"pages","good_title":"Курс","sum":"3900.00"}]}
{"id":102,"email":"Anna@example.com","pay_status":"waiting","created":1700000200,"last_name":"Ёлкина","first_name":"Анна","items":[{"id":501,"sum":"10.50"}]}
{"id":103,"email":"o'neill+\"<b>&/?#%\u202e@пример.рф","pay_status":"waiting","created":1700000300,"last_name":NASTY,"phone":LONG,"items":[{"id":502,"good_name":"nasty","good_title":NASTY,"sum":"1.00"}]}
"#;

fn filled() -> Shop {
    let shop = Shop::with_goods();
    let orders = ORDERS
        .replace("NASTY", &serde_json::to_string(NASTY).unwrap())
        .replace("LONG", &format!("\"{}\"", "<b>".repeat(20_000)));
    let file = shop.server().place().join("customers.jsonl");
    std::fs::write(&file, orders).unwrap();
    shop.server().run(&["import", "--account", LOGIN, file.to_str().unwrap()]);
    shop
}

/// The links to the customers on a page of the list.
fn links(page: &str) -> Vec<String> {
    let links = page.split("href=\"/cabinet/customers/").skip(1);
    links.map(|link| link.split('"').next().unwrap().to_owned()).collect()
}

const ANNA: &str = "Anna%40example%2Ecom";
const ODD: &str =
    "o%27neill%2B%22%3Cb%3E%26%2F%3F%23%25%E2%80%AE%40%D0%BF%D1%80%D0%B8%D0%BC%D0%B5%D1%80%2E%D1%80%D1%84";

#[test]
fn customers_are_found() {
    let shop = filled();
    let reader = Browser::of_reader(shop.server());
    for (query, expected) in [
        ("", &[ODD, ANNA][..]),
        ("?q=anna%40", &[ANNA]),
        ("?q=%D1%91%D0%BB%D0%BA", &[ANNA]),
        ("?q=%D0%BA%D0%BE%D1%82", &[ANNA]),
        ("?q=67-89", &[ANNA]),
        ("?q=%D0%B5%D0%BB%D0%BA%D0%B8%D0%BD%D0%B0+%D0%B0%D0%BD%D0%BD%D0%B0", &[ANNA]),
        ("?q=%D0%90%D0%BD%D0%BD%D0%B0++%D0%95%D0%BB%D0%BA", &[ANNA]),
        (
            "?q=%D0%90%D0%BD%D0%BD%D0%B0+%D0%9F%D0%B5%D1%82%D1%80%D0%BE%D0%B2%D0%BD%D0%B0+%D0%95%D0%BB%D0%BA",
            &[ANNA],
        ),
        ("?q=%D0%92%D0%B5%D1%80%D0%B0+%D0%95%D0%BB%D0%BA", &[]),
        ("?q=103", &[ODD]),
        ("?q=%3Cscript", &[ODD]),
        ("?q=nobody", &[]),
        ("?time=1700000300&number=103", &[ANNA]),
        ("?time=1700000200&number=102", &[]),
        ("?time=x&number=y", &[ODD, ANNA]),
    ] {
        let page = reader.page(&format!("/cabinet/customers{query}"));
        assert_eq!(links(&page), expected, "{query}");
    }
}

#[test]
fn a_customers_orders_and_sums_are_text() {
    let shop = filled();
    let server = shop.server();
    let reader = Browser::of_reader(server);
    let anna = reader.page("/cabinet/customers/ANNA@example.com");
    for part in [
        "<h1>Anna@example.com</h1>",
        "Ёлкина Анна",
        "<dd>2</dd>",
        "<dd>1</dd>",
        "<dd>3\u{a0}900\u{a0}₽</dd>",
        "10,50",
    ] {
        assert!(anna.contains(part), "{part}: {anna}");
    }
    let at = |number| anna.find(&format!("href=\"/cabinet/orders/{number}\"")).unwrap();
    assert!(at(102) < at(101), "the newest first");
    assert!(reader.page("/cabinet/orders/101").contains("href=\"/cabinet/customers/anna%40example%2Ecom\""));

    for path in [
        "/cabinet/customers",
        &format!("/cabinet/customers/{ODD}"),
        "/cabinet/customers?q=%3Cscript%3Ealert(1)",
    ] {
        let page = reader.page(path);
        assert!(page.contains("&lt;script&gt;alert(1)"), "{path}");
        assert!(!page.contains("<script>alert") && !page.contains("<b>"), "{path}");
    }
    server.run(&["account", "add", "stranger"]);
    let stranger = Browser::by_link(server, "stranger.localhost", &login_link(server, "stranger", &[]));
    for (browser, part) in [
        (&stranger, "anna@example.com"),
        (&reader, "nobody@example.com"),
        (&reader, "anna"),
        (&reader, "%FF@example.com"),
        (&reader, "a%00@example.com"),
        (&reader, "%20anna@example.com%00"),
        (&reader, "' OR 1=1 --@x".replace(' ', "%20").as_str()),
        (&reader, &"a".repeat(5_000)),
    ] {
        assert_eq!(browser.get(&format!("/cabinet/customers/{part}")).status, 404, "{part}");
    }
    assert!(links(&stranger.page("/cabinet/customers?q=anna")).is_empty());
    server.run(&["order", "delete", "103", "--account", LOGIN]);
    assert_eq!(reader.get(&format!("/cabinet/customers/{ODD}")).status, 404);
}

#[test]
fn the_commands_know_what_the_pages_know() {
    let shop = filled();
    let run = |arguments: &[&str]| shop.server().run(&[arguments, &["--account", LOGIN]].concat());
    let json = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    let listed = run(&["customer", "list", "--json"]);
    let emails: Vec<_> =
        listed.lines().map(|line| json(line)["email"].as_str().unwrap().to_owned()).collect();
    assert_eq!(emails, ["o'neill+\"<b>&/?#%\u{202e}@пример.рф", "Anna@example.com"]);
    assert_eq!(run(&["customer", "list", "--limit", "1"]).lines().count(), 1);
    assert_eq!(run(&["customer", "list", "nobody"]), "");
    let shown = json(&run(&["customer", "show", "anna@EXAMPLE.com", "--json"]));
    let expected = serde_json::json!({
        "email": "Anna@example.com", "name": "Ёлкина Анна", "phone": "", "orders": 2, "paid": 1, "received": "3900.00",
        "last_order": 102, "last_order_created": 1_700_000_200, "order_ids": [102, 101],
    });
    assert_eq!(shown, expected);
    assert_eq!(run(&["customer", "show", "anna@example.com"]).lines().count(), 3);
}
