//! The last calls: under Requests in the cabinet, by `billhook.calls` and by `billhook log`.

use std::time::{Duration, Instant};

use billhook_test_kit::until;
use rustix::process::Signal;
use serde_json::Value;

use crate::{
    browser::Browser,
    program::{Billhook, keyed, signed},
    shop::{KEY, LOGIN, Shop},
};

const HOST: &str = "shop.localhost";
const OTHER_KEY: &str = "key-of-the-other-0123456789";

/// What `billhook.calls` answers.
fn calls(server: &Billhook, form: &[(&str, &str)]) -> Vec<Value> {
    let answer = server.post(HOST, "billhook.calls", &keyed(KEY, form));
    answer.checked(Some(KEY));
    assert_eq!(answer.code(), 0, "{answer:?}");
    answer.json()["result"].as_array().unwrap().clone()
}

/// What `billhook log` prints.
fn log(server: &Billhook, arguments: &[&str]) -> String {
    let url = format!("http://{HOST}:{}", server.http().port());
    server.run(&[&["log", "--url", &url, "--key", KEY], arguments].concat())
}

/// Makes calls that are refused in different ways: method, body, code, and what is said of it in English and in Russian.
fn refused() -> [(&'static str, String, i64, &'static str, &'static str); 7] {
    let email = [("email", "anna@example.com")];
    let spaced = signed(LOGIN, &format!(" {KEY}"), &email);
    [
        ("GetBills", spaced, 4, "The key was signed with white space", "Ключ подписан с пробелом"),
        ("GetBills", "email=a&hash=00".into(), 4, "not 32 hexadecimal digits", "не 32 шестнадцатеричные"),
        (
            "GetBills",
            keyed("another-key-0123456789", &email),
            4,
            "not this account's key",
            "не ключ этого магазина",
        ),
        ("GetBills", "{\"email\":1}".into(), 1, "This looks like JSON", "Похоже на JSON"),
        (
            "GetBills",
            signed(LOGIN, KEY, &[("x", "1")]),
            3,
            "parameter email is missing",
            "Нет параметра email",
        ),
        ("GetNothing", signed(LOGIN, KEY, &email), 3, "There is no such method", "Такого метода нет"),
        ("GetBills", format!("{}&hash=00", "x".repeat(5000)), 4, "longer than the 4 KiB", "длиннее 4 КиБ"),
    ]
}

#[test]
fn a_refused_call_is_explained_wherever_it_is_looked_at() {
    let shop = Shop::empty();
    let server = shop.server();
    let owner = Browser::of_owner(server);
    for (method, body, code, english, russian) in refused() {
        let answer = server.post(HOST, method, &body);
        assert_eq!(answer.code(), code, "{body}");
        let seen = calls(server, &[("limit", "1")]).pop().unwrap();
        let request = answer.header("x-request-id").unwrap();
        assert_eq!(
            (&seen["method"], &seen["code"], &seen["request"]),
            (&method.into(), &code.into(), &request.into())
        );
        assert!(seen["why"]["text"].as_str().unwrap().contains(english), "{seen}");
        let list = owner.page("/cabinet/requests");
        let link = format!("/cabinet/requests/{}", seen["number"]);
        assert!(list.contains(&link) && list.contains(method), "{list}");
        let page = owner.page(&link);
        assert!(page.contains(russian) && page.contains(request), "{russian}: {page}");
        let log = log(server, &[]);
        assert!(log.contains(english) && log.contains(request), "{english}: {log}");
        for text in [seen.to_string(), list, page, log] {
            assert!(!text.contains(KEY) && !text.contains(&KEY[..14]) && !text.contains("anna@"), "{text}");
        }
    }
}

/// A refusal that no look at the body explains has words all the same.
#[test]
fn every_refusal_says_why() {
    let shop = Shop::with_goods();
    let server = shop.server();
    let owner = Browser::of_owner(server);
    let order = |good| [("goods[0][good_name]", good), ("bill_email", "anna@example.com")];
    let newest = || {
        let page = owner.page("/cabinet/requests");
        let path = page.split("href=\"/cabinet/requests/").nth(1).unwrap().split('"').next().unwrap();
        owner.page(&format!("/cabinet/requests/{path}"))
    };
    assert_eq!(owner.get("/api/GetBills").code(), 3);
    assert!(newest().contains("Методы вызывают запросом POST"));
    assert_eq!(shop.code("CreateOrder", &order("course")), 0);
    assert!(!newest().contains("Почему отказано"));
    assert_eq!(shop.code("CreateOrder", &order("course")), 601);
    assert!(newest().contains("Такой же заказ этого покупателя уже есть"));
    assert_eq!(shop.code("CreateOrder", &order("none")), 604);
    assert!(newest().contains("Такого товара нет в каталоге"));
    server.run(&["account", "set", LOGIN, "allow_ips=203.0.113.7"]);
    until(|| shop.code("CreateOrder", &order("course")) == 6);
    assert!(newest().contains("С этого адреса API вызывать нельзя"));
}

#[test]
fn filters_and_numbers_choose_among_the_calls() {
    let shop = Shop::empty();
    let server = shop.server();
    server.call(LOGIN, KEY, "GetAllGoods", &[("x", "1")]);
    server.post(HOST, "GetBills", "email=a&hash=00");
    server.post(HOST, "%3Cb%3E", "email=a&hash=00");
    let all = calls(server, &[]);
    let methods: Vec<_> = all.iter().map(|call| call["method"].as_str().unwrap()).collect();
    assert_eq!(methods, ["GetAllGoods", "GetBills", "%3Cb%3E"]);
    assert_eq!(all[0]["authentic"], true);
    assert_eq!(all[0]["why"], Value::Null);
    assert_eq!(calls(server, &[("code", "4")]), all[1..]);
    assert_eq!(calls(server, &[("method", "getbills")]), all[1..2]);
    assert_eq!(calls(server, &[("after", &all[0]["number"].to_string()), ("limit", "1")]), all[1..2]);
    assert_eq!(calls(server, &[("limit", "1")]), all[2..]);

    let reader = Browser::of_reader(server);
    let page = reader.page("/cabinet/requests?code=4&method=GetBills");
    assert!(page.contains(&all[1]["number"].to_string()), "{page}");
    assert!(!page.contains(&all[0]["number"].to_string()) && !page.contains(&all[2]["number"].to_string()));
    assert_eq!(reader.get("/cabinet/requests/1").status, 404);

    let lines = log(server, &["--json", "--code", "4"]);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, all[1..]);
}

#[test]
fn a_wait_ends_with_the_next_call_or_with_its_time() {
    let shop = Shop::empty();
    let server = shop.server();
    let begun = Instant::now();
    assert!(calls(server, &[("after", "0"), ("wait", "1")]).is_empty(), "a look is no call");
    assert!(begun.elapsed() >= Duration::from_secs(1));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| calls(server, &[("after", "0"), ("wait", "20"), ("code", "4")]));
        std::thread::sleep(Duration::from_millis(200));
        server.call(LOGIN, KEY, "GetAllGoods", &[("x", "1")]);
        std::thread::sleep(Duration::from_millis(200));
        assert!(!waiting.is_finished());
        server.post(HOST, "GetBills", "email=a&hash=00");
        assert_eq!(waiting.join().unwrap().len(), 1);
    });
    assert!(begun.elapsed() < Duration::from_secs(15));
}

#[test]
fn a_server_that_stops_ends_the_waits() {
    let shop = Shop::empty();
    let server = shop.server();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| calls(server, &[("after", "0"), ("wait", "25")]));
        std::thread::sleep(Duration::from_millis(300));
        let begun = Instant::now();
        server.signal(Signal::TERM);
        assert!(waiting.join().unwrap().is_empty());
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    });
}

#[test]
fn another_accounts_calls_are_never_shown() {
    let shop = Shop::empty();
    let server = shop.server();
    server.run(&["account", "add", "other", "--key", OTHER_KEY]);
    until(|| server.call("other", OTHER_KEY, "GetAllGoods", &[("x", "1")]).code() == 700);
    let others = server.post("other.localhost", "billhook.calls", &keyed(OTHER_KEY, &[])).json();
    let number = others["result"][0]["number"].to_string();
    assert!(number.len() > 10, "{others}");
    assert!(calls(server, &[]).is_empty());
    let owner = Browser::of_owner(server);
    assert!(!owner.page("/cabinet/requests").contains(&number));
    assert_eq!(owner.get(&format!("/cabinet/requests/{number}")).status, 404);
    assert_eq!(server.post("other.localhost", "billhook.calls", &keyed(KEY, &[])).code(), 4);
}
