//! A receiver in real PHP, written to the documentation: it takes every event, and refuses a changed one.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
};

use billhook_store::deliveries::State;
use billhook_test_kit::until;
use serde_json::Value;

use crate::{
    outbox,
    program::ask,
    shop::{KEY, LOGIN},
};

/// `php -S`, killed on drop.
struct Php(Child);

impl Drop for Php {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(place: &tempfile::TempDir) -> (Php, SocketAddr) {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/receiver.php");
    let php = Command::new("php")
        .args(["-S", &address.to_string(), script])
        .envs([("KEY", KEY), ("EVENTS", place.path().join("events").to_str().unwrap())])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("php runs: apt-get install php-cli");
    until(|| TcpStream::connect(address).is_ok());
    (Php(php), address)
}

#[test]
fn php_takes_every_event_and_refuses_changed_ones() {
    let place = tempfile::tempdir().unwrap();
    let (_php, address) = start(&place);
    let shop = outbox::shop();
    let url = format!("http://{address}/events?shop=1&x=%D1%8F");
    shop.add_good(
        "course",
        "0",
        "Курс & «Ко»",
        "1000.00",
        &[("good_api_url_new_order", &url), ("good_api_url_notif", &url)],
    );
    shop.allow_prepayment("course", 100);
    let others = ["cancel_order", "prepaid", "moneyback"].map(|event| format!("good_api_url_{event}={url}"));
    let set = ["product", "set", "course", "--account", LOGIN];
    shop.server().run(&[&set[..], &others.each_ref().map(String::as_str)].concat());
    let order = shop.order(
        "anna+1@example.com",
        "course",
        &[("bill_first_name", "Анна"), ("bill_comment", "a~b\r\n'\"")],
    );
    let id = order.to_string();
    let by_hand = |action: &[&str]| shop.server().run(&[&["order"], action, &["--account", LOGIN]].concat());
    by_hand(&["pay", &id, "400"]);
    by_hand(&["pay", &id, "600"]);
    by_hand(&["set-status", &id, "return"]);
    let other = shop.order("boris@example.com", "course", &[]);
    by_hand(&["set-status", &other.to_string(), "cancel"]);
    let all = || [shop.deliveries_of(order), shop.deliveries_of(other)].concat();
    until(|| all().iter().all(|delivery| delivery.state == State::Delivered));
    let words: Vec<_> = all().into_iter().map(|delivery| delivery.event).collect();
    assert_eq!(words, ["created", "prepaid", "paid", "moneyback", "created", "cancelled"]);

    let events = fs::read_to_string(place.path().join("events")).unwrap();
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), words.len());
    for event in &events {
        let (id, signature, body) = (
            event["id"].as_str().unwrap(),
            event["signature"].as_str().unwrap(),
            event["body"].as_str().unwrap(),
        );
        // What PHP reads and writes again is the same.
        assert_eq!(event["again"], body);
        assert_eq!(event["form"]["items"][0]["title"], "Курс & «Ко»");
        let send = |body: &str, signature: &str| {
            let head = format!(
                "POST /events HTTP/1.1\r\nHost: {address}\r\nwebhook-id: {id}\r\n\
                 Billhook-Signature: {signature}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let answer = ask(address, &[head.as_bytes(), body.as_bytes()].concat());
            (answer.status, answer.body)
        };
        assert_eq!(send(body, signature), (200, "OK".to_owned()));
        let changed = body.replacen("example.com", "example.org", 1);
        assert_ne!(changed, body);
        assert_eq!(send(&changed, signature), (400, "hash signature ".to_owned()));
        let changed = body.replacen("1000.00", "1000.01", 1);
        assert_ne!(changed, body);
        assert_eq!(send(&changed, signature), (400, "signature ".to_owned()), "the hash does not cover it");
        let (time, hex) = signature.split_once(",v1=").unwrap();
        let digit = if hex.starts_with('0') { "1" } else { "0" };
        let forged = format!("{time},v1={digit}{}", &hex[1..]);
        assert_eq!(send(body, &forged), (400, "signature ".to_owned()));
    }
}
