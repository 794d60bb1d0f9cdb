//! `billhook webhook`, `delivery` and `outbox` without a server: what is kept, shown and refused. The contract
//! tests send.

use serde_json::{Value, json};

use super::{Done, Place, says};

const URL: &str = "https://shop.example/hook?a=1";

fn shop() -> Place {
    let place = Place::new();
    place.account("shop");
    place
}

fn run(place: &Place, arguments: &[&str]) -> Done {
    place.run(&[arguments, &["--account", "shop"]].concat())
}

fn json_of(place: &Place, arguments: &[&str]) -> Value {
    serde_json::from_str(&run(place, &[arguments, &["--json"]].concat()).succeeded()).unwrap()
}

fn secret(shown: &Value) -> String {
    shown["secret"].as_str().unwrap().to_owned()
}

#[test]
fn a_webhook_from_first_to_last() {
    let place = shop();
    let added = run(&place, &["webhook", "add", URL, "--events", "paid,created,paid"]).succeeded();
    let (line, secret_line) = added.split_once('\n').unwrap();
    assert_eq!(line, format!("webhook 1 added: {URL}, created, paid"));
    let first = secret_line.trim().strip_prefix("secret: ").unwrap().to_owned();
    assert!(first.starts_with("whsec_") && first.len() == 38, "{first}");

    let shown = json_of(&place, &["webhook", "show", "1"]);
    assert!(shown["created"].as_i64().unwrap() > 0);
    assert_eq!(
        shown,
        json!({
            "id": 1, "url": URL, "events": ["created", "paid"], "created": shown["created"], "disabled": 0,
            "reason": "", "old_secret_until": 0,
        })
    );
    assert_eq!(secret(&json_of(&place, &["webhook", "show", "1", "--secret"])), first);
    says(
        &run(&place, &["webhook", "show", "1", "--secret"]).succeeded(),
        &["events: created,paid\n", &first],
    );
    let list = run(&place, &["webhook", "list"]).succeeded();
    assert_eq!(list, format!("     1  {URL}  created, paid\n"));

    let second = json_of(&place, &["webhook", "rotate-secret", "1", "--keep-old", "24h"]);
    assert_ne!(secret(&second), first);
    let day = second["old_secret_until"].as_i64().unwrap() - shown["created"].as_i64().unwrap();
    assert!((86_400..87_000).contains(&day), "{day}");
    says(&run(&place, &["webhook", "show", "1"]).succeeded(), &["old secret: signs until "]);
    let third = run(&place, &["webhook", "rotate-secret", "1"]).succeeded();
    says(&third, &["webhook 1 has a new secret, the old one no longer signs\nsecret: whsec_"]);
    assert_eq!(json_of(&place, &["webhook", "show", "1"])["old_secret_until"], 0);

    let disabled = run(&place, &["webhook", "disable", "1"]).succeeded();
    assert_eq!(disabled, format!("webhook 1 disabled: {URL}, created, paid, disabled: by a command\n"));
    says(
        &run(&place, &["webhook", "test", "1"]).failed(1),
        &["is disabled (by a command)", "webhook enable 1"],
    );
    run(&place, &["webhook", "enable", "1"]).succeeded();
    run(&place, &["webhook", "test", "1"]).succeeded();
    assert_eq!(
        run(&place, &["webhook", "remove", "1"]).succeeded(),
        format!("webhook 1 removed: {URL}, created, paid\n")
    );
    // A number is not used again.
    let listening = json_of(&place, &["webhook", "add", "--listen-only"]);
    assert_eq!((&listening["id"], &listening["url"]), (&2.into(), &"".into()));
    let of_orders = ["created", "cancelled", "paid", "prepaid", "moneyback"];
    let of_contacts = ["subscribed", "unsubscribed", "contact.changed"];
    assert_eq!(listening["events"], json!([&of_orders[..], &of_contacts].concat()));
    for _ in 1..20 {
        run(&place, &["webhook", "add", URL]).succeeded();
    }
    says(&run(&place, &["webhook", "add", URL]).failed(1), &["20 webhooks"]);
    place.run(&["check"]).succeeded();
}

#[test]
fn what_is_no_webhook_is_refused() {
    let place = shop();
    let long = format!("http://a.example/{}", "b".repeat(2_048));
    for (arguments, status, part) in [
        (&["add"][..], 2, "URL"),
        (&["add", ""], 2, "not a URL; one is like https://"),
        (&["add", "shop"], 2, "not a URL; one is like https://"),
        (&["add", "ftp://a.example/"], 2, "neither http:// nor https://"),
        (&["add", "https://anna:pw@a.example/"], 2, "user name or password"),
        (&["add", &long], 2, "longer than 2,048 bytes"),
        (&["add", URL, "--listen-only"], 2, "--listen-only"),
        (&["add", URL, "--events", "paid,sold"], 2, "sold"),
        (&["show", "1"], 1, "no webhook 1: `billhook webhook list"),
        (&["test", "1"], 1, "no webhook 1"),
        (&["remove", "0"], 2, "0"),
        (&["rotate-secret", "1", "--keep-old", "soon"], 2, "24h"),
    ] {
        let told = run(&place, &[&["webhook"], arguments].concat()).failed(status);
        says(&told, &[part]);
        assert!(!told.contains("pw"), "{told}");
    }
    assert_eq!(run(&place, &["webhook", "list"]).succeeded(), "");
}

#[test]
fn what_waits_is_shown_paused_and_dropped() {
    let place = shop();
    assert_eq!(place.run(&["outbox", "show"]).succeeded(), "not paused\nnothing waits\n");
    assert_eq!(place.run(&["outbox", "resume"]).succeeded(), "the outbox was not paused\n");
    run(&place, &["webhook", "add", URL]).succeeded();
    let event = json_of(&place, &["webhook", "test", "1"])["event_id"].as_str().unwrap().to_owned();
    let id = format!("{event}/1");
    says(&place.run(&["outbox", "show"]).succeeded(), &["not paused\nshop: 1 delivery waits, since "]);

    let paused = place.run(&["outbox", "pause", "--reason", "moving"]).succeeded();
    says(&paused, &["the outbox is paused (moving): nothing is sent"]);
    says(&run(&place, &["webhook", "test", "1"]).succeeded(), &[", once `billhook outbox resume` was run;"]);
    let shown: Value = serde_json::from_str(&place.run(&["outbox", "show", "--json"]).succeeded()).unwrap();
    let oldest = shown["accounts"][0]["oldest"].as_i64().unwrap();
    assert_eq!(
        shown,
        json!({
            "paused": "moving",
            "accounts": [{"account": "shop", "pending": 2, "oldest": oldest, "full": false}],
        })
    );
    says(&place.run(&["outbox", "resume"]).succeeded(), &["the outbox is resumed"]);

    let listed = run(&place, &["delivery", "list", "--json"]).succeeded();
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let first: Value = serde_json::from_str(listed.lines().last().unwrap()).unwrap();
    assert_eq!(
        first,
        json!({
            "id": id, "event": "test", "order": 0, "endpoint": 1, "url": URL, "state": "pending", "tries": 0,
            "due_at": 0, "ended": 0, "status": 0, "reason": "",
        })
    );
    for (filter, count) in [
        (&["--state", "pending"][..], 2),
        (&["--state", "failed"], 0),
        (&["--event", "test", "--endpoint", "1"], 2),
        (&["--event", "paid"], 0),
        (&["--endpoint", "0"], 0),
        (&["--limit", "1"], 1),
        (&["--since", "2024-01-01"], 2),
        (&["--since", "4102444800"], 0),
    ] {
        let listed = run(&place, &[&["delivery", "list"], filter].concat()).succeeded();
        assert_eq!(listed.lines().count(), count, "{filter:?}: {listed}");
    }
    let shown = run(&place, &["delivery", "show", &id, "--body"]).succeeded();
    says(
        &shown,
        &[
            &format!("event: {event}\nwhat: test\nhappened: "),
            &format!(
                "\n\ndelivery: {id}\nsent to: {URL}, webhook 1\nstate: pending\nbody: {{\"type\":\"test\","
            ),
        ],
    );
    says(
        &place.run(&["account", "show", "shop"]).succeeded(),
        &["\nevents: 2 wait to be sent, 0 failed in 30 days\n"],
    );

    says(&run(&place, &["outbox", "drop"]).failed(1), &["2 deliveries wait for account shop", "--yes"]);
    let dropped = run(&place, &["outbox", "drop", "--yes"]).succeeded();
    assert_eq!(dropped, "shop: 2 dropped, nothing waits any more\n");
    says(&run(&place, &["delivery", "show", &event]).succeeded(), &["state: dropped\nsettled: "]);
    let dry = run(&place, &["delivery", "resend", &id, "--dry-run"]).succeeded();
    says(&dry, &[&id, "\n1 delivery would be sent again\n"]);
    assert_eq!(run(&place, &["delivery", "resend", &event]).succeeded(), "1 delivery is sent again\n");
    says(&run(&place, &["delivery", "show", &id]).succeeded(), &["state: pending\n"]);
    place.run(&["check"]).succeeded();
}

#[test]
fn what_can_not_be_listened_to_is_refused() {
    let place = Place::new();
    let closed = ["--url", "http://shop.localhost:1", "--key", "0123456789abcdef"];
    let forwarding = [&closed[..], &["--forward-to", "http://localhost/"]].concat();
    for (before, arguments, status, part) in [
        (&[][..], &["--key", "0123456789abcdef"][..], 2, "names no login"),
        (&closed, &["--forward-to", "localhost:8000"], 2, "neither http:// nor https://"),
        (&closed, &["--form"], 2, "--forward-to"),
        (&closed, &["--after", "yesterday"], 2, "an id is evt_ and a number"),
        (&forwarding, &["--secret", "sesame"], 2, "a secret is whsec_ and Base64"),
        (&forwarding, &["--after", "evt_1"], 1, "cannot connect to shop.localhost:1"),
    ] {
        let told = place.run(&[&["listen"], before, arguments].concat()).failed(status);
        says(&told, &[part]);
        assert!(!told.contains("sesame"), "{told}");
    }
}

#[test]
fn wrong_deliveries_are_refused() {
    let place = shop();
    for (arguments, status, part) in [
        (&["show"][..], 2, "ID"),
        (&["show", "17"], 2, "an id is evt_ and a number"),
        (&["show", "evt_17"], 1, "no evt_17: `billhook delivery list --account shop`"),
        (&["show", "evt_17/2"], 1, "no evt_17/2"),
        (&["list", "--state", "lost"], 2, "pending"),
        (&["list", "--event", "sold"], 2, "paid"),
        (&["resend"], 2, "ID"),
        (&["resend", "--failed"], 2, "--since"),
        (&["resend", "evt_17", "--failed", "--since", "1"], 2, "--failed"),
        (&["resend", "evt_17", "--event", "paid"], 2, "leave them or the id out"),
        (&["resend", "evt_17"], 1, "no evt_17"),
    ] {
        says(&run(&place, &[&["delivery"], arguments].concat()).failed(status), &[part]);
    }
    assert_eq!(
        run(&place, &["delivery", "resend", "--failed", "--since", "1"]).succeeded(),
        "0 deliveries are sent again\n"
    );
}
