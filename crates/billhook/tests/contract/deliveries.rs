//! What an operator sees of events on their way, and mends: `billhook webhook`, `delivery` and `outbox` beside a
//! server that sends.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use billhook_store::{
    accounts::audit,
    outbox::{
        deliveries::{self, Node},
        events,
        queues::Queue,
    },
};
use billhook_test_kit::{
    receiver::{Received, Receiver, Reply},
    until,
};
use billhook_wire::OrderId;
use serde_json::Value;

use crate::{
    outbox::shop,
    shop::{LOGIN, Shop, now},
};

impl Shop {
    pub(crate) fn command(&self, arguments: &[&str]) -> String {
        self.server().run(&[arguments, &["--account", LOGIN]].concat())
    }

    pub(crate) fn json_of(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.command(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// Waits until nothing is pending any more.
    pub(crate) fn settle(&self) {
        until(|| self.command(&["delivery", "list", "--state", "pending"]).is_empty());
    }
}

pub(crate) fn verify(got: &Received, secret: &Value) -> bool {
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers = names.map(|name| (name.parse().unwrap(), got.header(name).parse().unwrap()));
    let headers: http::HeaderMap = headers.into_iter().collect();
    let library = standardwebhooks::Webhook::new(secret.as_str().unwrap()).unwrap();
    library.verify(got.body.as_bytes(), &headers).is_ok()
}

/// What failed is seen in every place, and sent again with the same id and body.
#[test]
fn what_failed_is_looked_at_and_sent_again() {
    let is_well = Arc::new(AtomicBool::new(false));
    let receiver = Receiver::start({
        let is_well = is_well.clone();
        move |_| Reply::Status(if is_well.load(Ordering::Relaxed) { 200 } else { 410 }, "Bye".to_owned())
    });
    let shop = shop();
    let url = receiver.url("/new");
    shop.add_good("course", "0", "Course", "1000.00", &[("good_api_url_new_order", &url)]);
    let order = shop.order("anna@example.com", "course", &[]);
    shop.settle();

    let listed = shop.json_of(&["delivery", "list", "--state", "failed"]);
    let id = listed["id"].as_str().unwrap();
    let shown = shop.json_of(&["delivery", "show", id, "--body"]);
    let delivery = &shown["deliveries"][0];
    assert_eq!(delivery["body"], receiver.received()[0].body);
    assert_eq!((&delivery["status"], &delivery["reason"]), (&410.into(), &"answered 410".into()));
    assert_eq!(delivery["all_tries"][0]["answer"], "Bye");
    let text = shop.command(&["delivery", "show", id]);
    assert!(text.contains(&format!("order: {order}\n")), "{text}");
    assert!(text.contains("state: failed, tried once: answered 410\nsettled: "), "{text}");
    assert!(text.contains(" ms, answered 410\n  answer: Bye\n"), "{text}");
    let text = shop.command(&["order", "show", &order.to_string()]);
    assert!(text.contains(&format!("\nevent: {id}  ")) && text.contains(&url), "{text}");
    let shown = shop.json_of(&["order", "show", &order.to_string()]);
    assert_eq!(shown["deliveries"][0]["id"], id);
    let text = shop.server().run(&["account", "show", LOGIN]);
    assert!(text.contains("events: 0 wait to be sent, 1 failed in 30 days"), "{text}");

    is_well.store(true, Ordering::Relaxed);
    let failed = ["delivery", "resend", "--failed", "--since", "2024-01-01"];
    let dry = shop.command(&[&failed[..], &["--dry-run"]].concat());
    assert!(dry.contains(id) && dry.contains("1 delivery would be sent again"), "{dry}");
    let none = shop.json_of(&[&failed[..], &["--event", "paid"]].concat());
    assert_eq!(none["resent"], 0);
    assert_eq!(shop.json_of(&failed)["resent"], 1);
    until(|| receiver.received().len() == 2);
    shop.settle();
    shop.command(&["delivery", "resend", id.split('/').next().unwrap()]);
    until(|| receiver.received().len() == 3);
    shop.settle();
    let requests = receiver.received();
    for again in &requests[1..] {
        assert_eq!(
            (again.header("webhook-id"), &again.body),
            (requests[0].header("webhook-id"), &requests[0].body)
        );
    }
    let shown = shop.json_of(&["delivery", "show", id]);
    assert_eq!(shown["deliveries"][0]["state"], "delivered");
    assert_eq!(shown["deliveries"][0]["all_tries"].as_array().unwrap().len(), 3);
    let audit = shop.write(|tx, account| audit::before(tx, account, (i64::MAX, i64::MAX), 2));
    let noted: Vec<_> = audit.iter().map(|entry| (entry.action.as_str(), &*entry.detail)).collect();
    assert_eq!(noted, [("events-resent", id.split('/').next().unwrap()), ("events-resent", "1 failed")]);
    shop.is_sound();
}

/// A receiver may change its secret at any time of the overlap.
#[test]
fn a_webhook_is_tested_with_both_secrets() {
    let receiver = Receiver::start(|_| Reply::Status(204, String::new()));
    let shop = shop();
    let added = shop.json_of(&["webhook", "add", &receiver.url("/hook"), "--events", "paid"]);
    let tested = |count: usize| {
        shop.command(&["webhook", "test", "1"]);
        until(|| receiver.received().len() == count);
        receiver.received().remove(count - 1)
    };
    let first = &added["secret"];
    let got = tested(1);
    assert!(got.body.starts_with(r#"{"type":"test","#) && verify(&got, first), "{}", got.body);
    let rotated = shop.json_of(&["webhook", "rotate-secret", "1", "--keep-old", "24h"]);
    let second = &rotated["secret"];
    let got = tested(2);
    assert!(verify(&got, first) && verify(&got, second));
    let rotated = shop.json_of(&["webhook", "rotate-secret", "1"]);
    let got = tested(3);
    assert!(verify(&got, &rotated["secret"]) && !verify(&got, second) && !verify(&got, first));

    // It asked for paid orders alone, and for none while it is disabled.
    shop.add_good("course", "0", "Course", "1000.00", &[]);
    let order = shop.order("anna@example.com", "course", &[]).to_string();
    shop.command(&["webhook", "disable", "1"]);
    shop.command(&["order", "set-status", &order, "paid"]);
    shop.command(&["order", "set-status", &order, "waiting"]);
    shop.command(&["webhook", "enable", "1"]);
    shop.command(&["order", "set-status", &order, "paid", "--quiet"]);
    shop.command(&["order", "set-status", &order, "waiting"]);
    shop.command(&["order", "set-status", &order, "paid"]);
    until(|| receiver.received().len() == 4);
    assert!(receiver.received()[3].body.starts_with(r#"{"type":"paid","#));
    shop.settle();
    assert_eq!(receiver.received().len(), 4);

    let audit = shop.write(|tx, account| audit::before(tx, account, (i64::MAX, i64::MAX), 100));
    let of_webhooks = audit.iter().rev().map(|entry| (entry.action.as_str(), &*entry.detail));
    let of_webhooks: Vec<_> = of_webhooks.filter(|(action, _)| action.starts_with("webhook-")).collect();
    assert_eq!(of_webhooks[0], ("webhook-added", &*format!("1 {}", receiver.url("/hook"))));
    let actions: Vec<_> =
        of_webhooks.iter().filter_map(|(action, _)| action.strip_prefix("webhook-")).collect();
    let expected = ["added", "tested", "secret", "tested", "secret", "tested", "disabled", "enabled"];
    assert_eq!(actions, expected);
}

#[test]
fn a_paused_outbox_is_resumed_by_a_command() {
    let receiver = Receiver::start(|_| Reply::Status(200, String::new()));
    let shop = shop();
    shop.server().run(&["outbox", "pause", "--reason", "moving"]);
    until(|| shop.server().log().contains("the outbox is paused"));
    shop.command(&["webhook", "add", &receiver.url("/")]);
    shop.command(&["webhook", "test", "1"]);
    let shown = shop.server().run(&["outbox", "show"]);
    assert!(shown.contains("paused: moving") && shown.contains("shop: 1 delivery waits, since "), "{shown}");
    shop.command(&["outbox", "drop", "--yes"]);
    shop.command(&["webhook", "test", "1"]);
    shop.server().run(&["outbox", "resume"]);
    until(|| receiver.received().len() == 1);
    shop.settle();
    let states: Vec<_> = shop
        .command(&["delivery", "list", "--json"])
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["state"].take())
        .collect();
    assert_eq!(states, ["delivered", "dropped"]);
}

/// Money that did not move is not told of.
#[test]
fn only_what_happened_is_told() {
    let shop = shop();
    shop.command(&["webhook", "add", "--listen-only"]);
    shop.add_good("course", "0", "Course", "1000.00", &[]);
    shop.allow_prepayment("course", 1);
    for (commands, expected) in [
        (&["set-status N return"][..], &["created"][..]),
        (&["set-status N cancel", "pay N 1 --anyway"], &["created", "cancelled"]),
        (&["pay N 1", "set-status N return", "pay N 1 --anyway"], &["created", "prepaid", "moneyback"]),
        (&["set-status N paid", "set-status N paid", "pay N 1 --anyway"], &["created", "paid"]),
        (&["set-status N paid", "set-status N return"], &["created", "paid", "moneyback"]),
    ] {
        let order = shop.order(&format!("a{}@example.com", commands.join("-").len()), "course", &[]);
        for command in commands {
            let command = command.replace('N', &order.to_string());
            shop.command(&[&["order"], &*command.split(' ').collect::<Vec<_>>()].concat());
        }
        let told = shop.write(move |tx, account| events::of_order(tx, account, OrderId(order)));
        let told: Vec<_> = told.iter().map(|event| &*event.event).collect();
        assert_eq!(told, expected, "{commands:?}");
    }
}

/// A node takes what another has leased once that lease is over, or if the clock must have been set back since.
#[test]
fn a_lease_holds_though_clocks_differ() {
    let shop = shop();
    shop.server().run(&["outbox", "pause"]);
    shop.command(&["webhook", "add", "http://127.0.0.1:1/"]);
    shop.command(&["webhook", "test", "1"]);
    let claimed = |name: &'static str, at: i64| {
        let claimed = shop.write(move |tx, account| {
            let node = Node { name: name.to_owned(), is_alone: false };
            deliveries::claim(tx, &Queue::of(account, "http://127.0.0.1:1/"), &node, at, 10)
        });
        claimed.len()
    };
    let now = now();
    assert_eq!(claimed("one", now), 1);
    for (seconds, count) in [(0, 0), (-30, 0), (-600, 0), (59, 0), (60, 1)] {
        assert_eq!(claimed("other", now + seconds), count, "{seconds} s later");
    }
    assert_eq!(claimed("one", now - 7_200), 1);
}
