//! Two accounts with the same order numbers and customers: neither sees the other's, by whatever way it asks.

use crate::program::{Answer, Billhook, signed, succeed, write};

const KEYS: [(&str, &str); 2] = [("one", "key-of-one-0123456789"), ("two", "key-of-two-0123456789")];

fn shops(arguments: &[&str]) -> Billhook {
    let place = tempfile::tempdir().unwrap();
    for (login, key) in KEYS {
        succeed(place.path(), &["account", "add", login, "--key", key]);
        let line = format!(
            r#"{{"id":1,"email":"anna@example.com","items":[{{"id":5,"good_name":"of-{login}","good_title":"Of {login}","sum":"1.00"}}]}}"#
        );
        let file = write(place.path(), "orders.jsonl", &line);
        succeed(place.path(), &["import", "--account", login, file.to_str().unwrap()]);
    }
    succeed(place.path(), &["account", "bind", "two", "shop.example"]);
    Billhook::start_over(place, arguments)
}

fn body(at: usize) -> String {
    let (login, key) = KEYS[at];
    signed(login, key, &[("email", "anna@example.com")])
}

/// Either the account's own order, or nothing of anybody's.
#[track_caller]
fn only(answer: &Answer, login: &str) {
    assert_eq!(answer.code(), 0, "{answer:?}");
    assert_eq!(answer.json()["result"]["1"]["5"]["good_name"], format!("of-{login}"));
    let other = if login == "one" { "of-two" } else { "of-one" };
    assert!(!answer.body.contains(other));
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: i64) {
    assert_eq!((answer.status, answer.code()), (status, code), "{answer:?}");
    assert!(!answer.body.contains("of-"), "{answer:?}");
}

#[test]
fn by_host() {
    let shop = shops(&["--domain", "localhost", "--domain", "justclick.ru"]);
    for (at, (login, _)) in KEYS.iter().enumerate() {
        for host in [
            format!("{login}.localhost"),
            format!("{}.LocalHost", login.to_uppercase()),
            format!("{login}.localhost."),
            format!("{login}.justclick.ru:80"),
            format!("{login}.localhost.:8080"),
        ] {
            only(&shop.post(&host, "GetBills", &body(at)), login);
            // The other one's signature is worth nothing here.
            refused(&shop.post(&host, "GetBills", &body(1 - at)), 200, 4);
        }
    }
}

#[test]
fn by_bound_domain_and_its_look_alikes() {
    let shop = shops(&[]);
    only(&shop.post("shop.example", "GetBills", &body(1)), "two");
    only(&shop.post("SHOP.example.:443", "GetBills", &body(1)), "two");
    refused(&shop.post("shop.example", "GetBills", &body(0)), 200, 4);
    for host in [
        "one.shop.example",
        "example",
        "three.localhost",
        "one.one.localhost",
        "onelocalhost",
        "one.localhost.example",
        ".localhost",
        "one .localhost",
        "one.localhost..",
        "xn--one.localhost",
    ] {
        let answer = shop.post(host, "GetBills", &body(0));
        assert!(answer.code() == 5 || answer.status == 400, "{host}: {answer:?}");
        assert!(!answer.body.contains("of-"));
    }
}

#[test]
fn by_default_account() {
    // Two accounts and none named: an address leads nowhere.
    let shop = shops(&[]);
    for host in ["127.0.0.1", "127.0.0.1:8080", "[::1]", "localhost", "LOCALHOST."] {
        refused(&shop.post(host, "GetBills", &body(0)), 200, 5);
    }
    let shop = shops(&["--default-account", "two"]);
    for host in ["127.0.0.1", "127.0.0.1:8080", "[::1]:80", "localhost", "LOCALHOST."] {
        only(&shop.post(host, "GetBills", &body(1)), "two");
        refused(&shop.post(host, "GetBills", &body(0)), 200, 4);
    }
    only(&shop.send("POST /api/GetBills HTTP/1.0", "", body(1).as_bytes()), "two");
    // A name that is nobody's is not the default account's either.
    refused(&shop.post("other.example", "GetBills", &body(1)), 200, 5);
    refused(&shop.post("three.localhost", "GetBills", &body(1)), 200, 5);
}

#[test]
fn by_absolute_target_against_host() {
    let shop = shops(&["--domain", "localhost", "--domain", "justclick.ru"]);
    let post = |target: &str, host: &str| {
        shop.send(&format!("POST {target} HTTP/1.1"), &format!("Host: {host}\r\n"), body(0).as_bytes())
    };
    only(&post("http://one.justclick.ru/api/GetBills", "one.justclick.ru"), "one");
    only(&post("http://ONE.justclick.ru:80/api/GetBills", "one.justclick.ru"), "one");
    refused(&post("http://two.justclick.ru/api/GetBills", "two.justclick.ru"), 200, 4);
    for (target, host) in [("two", "one"), ("one", "two")] {
        let answer =
            post(&format!("http://{target}.justclick.ru/api/GetBills"), &format!("{host}.justclick.ru"));
        refused(&answer, 400, 3);
    }
    let twice = shop.send(
        "POST /api/GetBills HTTP/1.1",
        "Host: one.localhost\r\nHost: two.localhost\r\n",
        body(0).as_bytes(),
    );
    assert_eq!(twice.status, 400);
    assert!(!twice.body.contains("of-"));
}

#[test]
fn by_key() {
    let shop = shops(&[]);
    for (at, (login, _)) in KEYS.iter().enumerate() {
        let post = |key: &str| {
            shop.post(
                &format!("{login}.localhost"),
                "GetBills",
                &format!("email=anna%40example.com&rpsKey={key}"),
            )
        };
        only(&post(KEYS[at].1), login);
        refused(&post(KEYS[1 - at].1), 200, 4);
        refused(&post(&KEYS[at].1.to_uppercase()), 200, 4);
    }
}
