//! The cabinet's pages of orders: found, shown as text, changed by owners alone, and never over somebody else's change.

use crate::{
    browser::Browser,
    shop::{LOGIN, Shop},
};

/// Texts that would be more than text on a careless page.
const NASTY: &str = r#"<script>alert(1)</script>"'&{{7*7}}"#;

const ORDERS: &str = r#"{"id":101,"email":"anna@example.com","pay_status":"waiting","created":CREATED,"last_name":"Ёлкина","phone":"+7 (912) 345-67-89","utm_source":"vk","items":[{"id":501,"good_name":"pages","good_title":"Курс","sum":"3900.00"}]}
{"id":102,"email":"anna@example.com","pay_status":"waiting","created":CREATED,"last_name":NASTY,"comment":LONG,"first_name":"\u202eabc","tag":"spring","items":[{"id":502,"good_name":"nasty","good_title":NASTY,"sum":"10.50"}]}
{"id":103,"email":"old@example.com","pay_status":"waiting","created":1577880000,"items":[{"id":501,"sum":"1.00"}]}
"#;

fn filled() -> Shop {
    let shop = Shop::with_goods();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let orders = ORDERS
        .replace("CREATED", &now.to_string())
        .replace("NASTY", &serde_json::to_string(NASTY).unwrap())
        .replace("LONG", &format!("\"{}\"", "<b>".repeat(20_000)));
    let file = shop.server().place().join("pages.jsonl");
    std::fs::write(&file, orders).unwrap();
    shop.server().run(&["import", "--account", LOGIN, file.to_str().unwrap()]);
    shop
}

/// The numbers of the orders on a page of the list.
pub(crate) fn numbers(page: &str) -> Vec<u32> {
    let links = page.split("href=\"/cabinet/orders/").skip(1);
    // The page of a new order has no number.
    let mut numbers: Vec<_> = links.filter_map(|link| link.split('"').next().unwrap().parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

/// The digest that the forms of a page carry; empty: they carry none.
pub(crate) fn digest(page: &str) -> String {
    let digest = page.split("name=\"digest\" value=\"").nth(1);
    digest.map_or("", |rest| rest.split('"').next().unwrap()).to_owned()
}

#[test]
fn orders_are_found() {
    let shop = filled();
    let reader = Browser::of_reader(shop.server());
    for (query, expected) in [
        ("", &[101, 102][..]),
        ("?q=103", &[103]),
        ("?q=67-89", &[101]),
        ("?q=%D1%91%D0%BB%D0%BA", &[101]),
        ("?q=ANNA%40", &[101, 102]),
        ("?q=nobody", &[]),
        ("?product=pages&from=2020-01-01&to=2020-01-02", &[103]),
        ("?product=nasty", &[102]),
        ("?product=unknown", &[]),
        ("?product=%D0%BA%D0%A3%D0%A0%D0%A1&from=2020-01-01", &[101, 103]),
        ("?utm=VK", &[101]),
        ("?tag=spring&status=waiting", &[102]),
        ("?status=paid", &[]),
        ("?least=10,50&most=11", &[102]),
        ("?by=paid", &[]),
        ("?from=&to=", &[101, 102, 103]),
    ] {
        let page = reader.page(&format!("/cabinet/orders{query}"));
        assert_eq!(numbers(&page), expected, "{query}");
    }
    assert!(reader.page("/cabinet/orders?product=unknown").contains("role=\"alert\""));
}

#[test]
fn strangers_texts_are_text() {
    let shop = filled();
    let owner = Browser::of_owner(shop.server());
    for path in ["/cabinet/orders", "/cabinet/orders/102", "/cabinet/orders?q=%3Cscript%3Ealert(1)"] {
        let page = owner.page(path);
        assert!(page.contains("&lt;script&gt;alert(1)"), "{path}");
        assert!(!page.contains("<script>alert") && !page.contains("<b><b>"), "{path}");
    }
    for number in ["104", "0", "-1", "x", "99999999999999999999"] {
        assert_eq!(owner.get(&format!("/cabinet/orders/{number}")).status, 404, "{number}");
    }
    shop.server().run(&["account", "add", "stranger"]);
    let link = crate::browser::login_link(shop.server(), "stranger", &[]);
    let stranger = Browser::by_link(shop.server(), "stranger.localhost", &link);
    assert_eq!(stranger.get("/cabinet/orders/101").status, 404);
    assert_eq!(stranger.post("/cabinet/orders/101/pay", &[]).status, 404);
    assert!(numbers(&stranger.page("/cabinet/orders?q=101")).is_empty());
}

#[test]
fn owners_change_the_order_that_they_saw() {
    let shop = filled();
    let server = shop.server();
    let (owner, path) = (Browser::of_owner(server), "/cabinet/orders/101");
    let status = || {
        let shown = server.run(&["order", "show", "101", "--account", LOGIN, "--json"]);
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        (shown["pay_status"].as_str().unwrap().to_owned(), shown["received"].to_string())
    };
    let mut page = owner.page(path);
    for (act, fields, expected) in [
        ("part", &[("sum", "900,50")][..], "waiting 900.50"),
        ("pay", &[], "paid 3900.00"),
        ("unpay", &[], "waiting 900.50"),
        ("send", &[("rpo", "RA1")], "waiting 900.50"),
        ("cancel", &[], "cancel 900.50"),
        ("delete", &[], "cancel 900.50"),
        ("restore", &[], "cancel 900.50"),
        (
            "edit",
            &[("email", "vera@example.com"), ("last_name", "Кот"), ("phone", "5"), ("note", "<i>")],
            "cancel 900.50",
        ),
    ] {
        let digest = digest(&page);
        let fields: Vec<_> = fields.iter().copied().chain([("digest", &*digest)]).collect();
        page = owner.done(&format!("{path}/{act}"), &fields);
        let (status, received) = status();
        assert_eq!(format!("{status} {}", received.trim_matches('"')), expected, "{act}");
        // The same form again shows what the order is now, and what was wanted.
        let again = owner.post(&format!("{path}/{act}"), &fields);
        assert_eq!(again.status, 409, "{act}");
        assert!(again.body.contains("role=\"alert\""), "{act}");
    }
    assert!(page.contains("vera@example.com") && page.contains("&lt;i&gt;"));
    assert_eq!(numbers(&owner.page("/cabinet/orders?q=%D0%BA%D0%BE%D1%82")), [101]);
    for (act, fields) in [
        ("part", &[("sum", "-1")][..]),
        ("part", &[("sum", "x")]),
        ("send", &[("rpo", "")]),
        ("edit", &[("email", "no e-mail")]),
        ("restore", &[]),
        ("cancel", &[]),
    ] {
        let digest = digest(&page);
        let fields: Vec<_> = fields.iter().copied().chain([("digest", &*digest)]).collect();
        assert_eq!(owner.post(&format!("{path}/{act}"), &fields).status, 422, "{act} {fields:?}");
    }
    // What was done stands on the order's page and in the audit list.
    assert!(owner.page("/cabinet/audit").contains("href=\"/cabinet/orders/101\""));
    let history = owner.page(path).split("<tbody>").last().unwrap().to_owned();
    assert_eq!(history.matches("<tr>").count(), 8, "{history}");
    let reader = Browser::of_reader(server);
    assert!(!reader.page(path).contains("name=\"digest\""));
    assert_eq!(reader.post(&format!("{path}/pay"), &[("digest", &digest(&page))]).status, 403);
    assert!(server.run(&["check"]).contains("sound"));
}

#[test]
fn money_is_given_back_and_a_cancel_says_what_becomes_of_it() {
    let shop = filled();
    let server = shop.server();
    let (owner, path) = (Browser::of_owner(server), "/cabinet/orders/101");
    let act = |act: &str| {
        let digest = digest(&owner.page(path));
        owner.post(&format!("{path}/{act}"), &[("digest", &digest)])
    };
    let page = owner.page(path);
    assert!(!page.contains("/refund\"") && !page.contains("Отмена денег не возвращает"), "{page}");
    assert_eq!(act("refund").status, 422, "nothing was received");
    assert_eq!(act("pay").status, 303);
    let page = owner.page(path);
    assert!(page.contains("Отмена денег не возвращает: в отчёте останется: 3\u{a0}900\u{a0}₽."), "{page}");
    assert!(page.contains("Сегодняшним числом запишется: 3\u{a0}900\u{a0}₽."), "{page}");
    assert_eq!(act("refund").status, 303);
    let page = owner.page(path);
    assert!(
        page.contains("деньги за заказ возвращены: 3900.00") && page.contains("-3\u{a0}900\u{a0}₽"),
        "{page}"
    );
    assert!(!page.contains("/refund\""), "{page}");
    assert_eq!(act("refund").status, 422, "it was given back");

    // One that was imported as paid has no payments.
    let file = server.place().join("paid.jsonl");
    let paid = r#"{"id":104,"email":"a@example.com","pay_status":"paid","paid":1700000000,"created":1700000000,"items":[{"id":501,"sum":"7.00"}]}"#;
    std::fs::write(&file, paid).unwrap();
    server.run(&["import", "--account", LOGIN, file.to_str().unwrap()]);
    let page = owner.page("/cabinet/orders/104");
    assert!(
        page.contains("После отмены из отчёта исчезнет: 7\u{a0}₽.") && !page.contains("/refund\""),
        "{page}"
    );
}

#[test]
fn what_is_found_comes_as_a_file() {
    let shop = filled();
    let server = shop.server();
    let reader = Browser::of_reader(server);
    let csv = reader.get("/cabinet/orders.csv?q=101");
    assert_eq!(csv.status, 200);
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"orders.csv\""));
    let rows: Vec<_> = csv.body.strip_prefix('\u{feff}').unwrap().split("\r\n").collect();
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert!(rows[0].starts_with("Номер;Состояние;Создан;Оплачен;Сумма;"), "{}", rows[0]);
    let cells: Vec<_> = rows[1].split(';').collect();
    assert_eq!(
        [cells[0], cells[1], cells[3], cells[4], cells[5]],
        ["101", "ждёт оплаты", "", "3900,00", "0,00"]
    );
    assert!(jiff::civil::DateTime::strptime("%d.%m.%Y %H:%M:%S", cells[2]).is_ok(), "{}", cells[2]);
    assert_eq!([cells[7], cells[10], cells[12]], ["Ёлкина", "'+7 (912) 345-67-89", "Курс"]);
    // A text that would be a formula, or leave its cell, does not.
    let nasty = reader.get("/cabinet/orders.csv?product=nasty").body;
    assert!(nasty.contains(&format!("\"{}\"", NASTY.replace('"', "\"\""))), "{nasty:.900}");

    // The lines are those of an export, newest first, and an order that is not found is not there.
    let exported = server.run(&["export", "--account", LOGIN]);
    let lines = reader.get("/cabinet/orders.jsonl?from=").body;
    let mut sorted: Vec<_> = lines.lines().collect();
    sorted.sort_unstable();
    let mut expected: Vec<_> = exported.lines().filter(|line| line.starts_with("{\"id\":")).collect();
    expected.sort_unstable();
    assert_eq!(sorted, expected);
    assert_eq!(reader.get("/cabinet/orders.jsonl?tag=spring").body.lines().count(), 1);
    assert_eq!(reader.get("/cabinet/orders.jsonl?q=nobody").body, "");
    // What can't be read is no filter, so there is no file.
    assert_eq!(reader.get("/cabinet/orders.csv?product=unknown").status, 422);
    assert_eq!(reader.send("HEAD", "/cabinet/orders.csv", "", "").body, "");

    // More than one part.
    server.run(&["generate", "--account", LOGIN, "--orders", "1500"]);
    let all = reader.get("/cabinet/orders.jsonl?from=").body;
    assert_eq!(all.lines().count(), 1503);
    assert_eq!(reader.get("/cabinet/orders.csv?from=").body.matches("\r\n").count(), 1504);
}

#[test]
fn a_form_that_comes_twice_makes_one_order() {
    let shop = filled();
    let owner = Browser::of_owner(shop.server());
    let page = owner.page("/cabinet/orders/new");
    let token = page.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let made = |form: &[(&str, &str)]| {
        let answer = owner.post("/cabinet/orders/new", form);
        assert_eq!(answer.status, 303, "{answer:?}");
        answer.header("location").unwrap().to_owned()
    };
    let form = [("good1", "pages"), ("email", "boris@example.com"), ("token", token)];
    let first = made(&form);
    assert_eq!([made(&form), made(&form)], [first.clone(), first.clone()]);
    // Who goes back and writes something else wants another order, and so does who opens the form again.
    let other = made(&[("good1", "pages"), ("email", "vera@example.com"), ("token", token)]);
    let again = made(&[("good1", "pages"), ("email", "boris@example.com"), ("token", "another")]);
    assert_eq!(std::collections::HashSet::from([first, other, again]).len(), 3);
    assert_eq!(numbers(&owner.page("/cabinet/orders?from=")).len(), 6);
    // What can't be made is not kept: the form may come again when it can.
    let form = [("good1", "later"), ("token", token)];
    assert_eq!(owner.post("/cabinet/orders/new", &form).status, 422);
    shop.add_good("later", "0", "Later", "1.00", &[]);
    made(&form);
}

#[test]
fn an_order_is_made_by_hand() {
    let shop = filled();
    let server = shop.server();
    let owner = Browser::of_owner(server);
    server.run(&["coupon", "add", "TENTH", "--percent", "10", "--account", LOGIN]);
    server.run(&["manager", "add", "Olga", "--account", LOGIN]);
    assert!(owner.page("/cabinet/orders/new").contains("<option value=\"pages\">Курс</option>"));
    let page = owner.done(
        "/cabinet/orders/new",
        &[
            ("good1", "501"),
            ("good2", "pages"),
            ("price2", "1 000,50"),
            ("last_name", NASTY),
            ("phone", "+7 900 000-00-00"),
            ("coupon", "tenth"),
            ("manager", "1"),
            ("city", "Тверь"),
            ("note", "<i>"),
        ],
    );
    for text in ["4\u{a0}510,50", "Olga", "Тверь", "&lt;i&gt;", "&lt;script&gt;alert(1)", "новый заказ"]
    {
        assert!(page.contains(text), "{text}: {page}");
    }
    let long = "x".repeat(70_000);
    for fields in [
        &[][..],
        &[("good1", "none")],
        &[("good1", "pages"), ("price1", "-1")],
        &[("good1", "pages"), ("price1", "<b>")],
        &[("good1", "pages"), ("email", "no e-mail")],
        &[("good1", "pages"), ("coupon", "none")],
        &[("good1", "pages"), ("note", &long)],
    ] {
        let answer = owner.post("/cabinet/orders/new", fields);
        assert_eq!(answer.status, 422, "{fields:?}");
        assert!(answer.body.contains("role=\"alert\"") && !answer.body.contains("<b>"), "{fields:?}");
    }
    assert_eq!(numbers(&owner.page("/cabinet/orders?from=")).len(), 4);
    let reader = Browser::of_reader(server);
    assert_eq!(reader.post("/cabinet/orders/new", &[("good1", "pages")]).status, 403);
    // What a command did stands in the history too.
    server.run(&["order", "set-status", "101", "return", "--account", LOGIN]);
    let page = owner.page("/cabinet/orders/101");
    assert!(page.contains("команда на сервере") && page.contains("деньги за заказ возвращены"), "{page}");
    assert!(server.run(&["check"]).contains("sound"));
}
