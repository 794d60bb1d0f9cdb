//! What is told of contacts (sections 11.6 and 11.7).

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use billhook_store::{
    accounts::audit,
    outbox::{
        deliveries::{self, Filter, State},
        events,
    },
};
use billhook_test_kit::{
    receiver::{Receiver, Reply},
    until,
};
use billhook_wire::OrderId;
use serde_json::{Value, json};

use crate::{outbox::shop, program::write, shop::LOGIN};

const ANNA: (&str, &str) = ("lead_email", "anna@example.com");

/// A method, its parameters, and what is told of it.
type Call = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

/// A group's URL is told of new subscriptions by the documented form, and webhooks of whatever they ask for.
#[test]
fn groups_urls_and_webhooks_are_told() {
    let receiver = Receiver::start(|_| Reply::Status(200, String::new()));
    let shop = shop();
    shop.command(&["group", "add", "news", "--title", "News"]);
    shop.command(&["group", "set", "news", "--url-subscribed", &receiver.url("/group")]);
    shop.add_endpoint(&receiver.url("/hook"), "subscribed,unsubscribed,contact.changed");
    shop.add_endpoint(&receiver.url("/paid"), "paid");
    let calls: [Call; 6] = [
        (
            "AddLeadToGroup",
            &[("rid", "news"), ANNA, ("lead_name", "Anna"), ("utm[utm_source]", "ya")],
            &["subscribed"],
        ),
        ("UpdateSubscriberData", &[ANNA, ("lead_city", "Tula")], &["contact.changed"]),
        ("UpdateSubscriberData", &[ANNA, ("lead_city", "Tula")], &[]),
        ("DeleteSubscribe", &[("rass_name", "news"), ANNA], &["unsubscribed"]),
        ("DeleteSubscribe", &[("rass_name", "news"), ANNA], &[]),
        ("AddLeadToGroup", &[("rid", "news"), ANNA, ("tag", "vip")], &["subscribed"]),
    ];
    let mut expected: Vec<&str> = Vec::new();
    for (method, form, events) in calls {
        assert_eq!(shop.code(method, form), 0, "{method}");
        expected.extend(events);
        // Messages about contacts come in no fixed order, so each is waited for.
        let subscribed = expected.iter().filter(|event| **event == "subscribed").count();
        until(|| receiver.at("/hook").len() == expected.len() && receiver.at("/group").len() == subscribed);
    }
    let told: Vec<Value> =
        receiver.at("/hook").iter().map(|got| serde_json::from_str(&got.body).unwrap()).collect();
    assert_eq!(told.iter().map(|event| event["type"].as_str().unwrap()).collect::<Vec<_>>(), expected);
    let (first, last) = (&told[0]["data"], &told[3]["data"]);
    assert_eq!(
        first,
        &json!({
            "id": first["id"], "name": "Anna", "email": "anna@example.com", "phone": "", "city": "", "ip": "127.0.0.1",
            "tags": [], "group": {"rass_id": 1, "rass_name": "news", "rass_title": "News"},
            "utm": {"medium": "", "source": "ya", "campaign": "", "content": "", "term": ""},
        })
    );
    assert_eq!((&last["city"], &last["tags"]), (&json!("Tula"), &json!(["vip"])));
    let forms = receiver.at("/group");
    assert_eq!(
        forms[0].body,
        "name=Anna&email=anna%40example.com&phone=&city=&id_group=1&ip=127.0.0.1&status=2&utm%5Bmedium%5D=\
         &utm%5Bsource%5D=ya&utm%5Bcampaign%5D=&utm%5Bcontent%5D=&utm%5Bterm%5D="
    );
    assert!(forms[0].header("billhook-signature").starts_with("t="));
    assert!(receiver.at("/paid").is_empty());
    shop.is_sound();
}

/// An erasure takes nothing from others, and finds what a removed contact has left behind.
#[test]
fn an_erasure_is_of_one_person() {
    let shop = shop();
    shop.command(&["webhook", "add", "--listen-only"]);
    for email in ["a@example.com", "aa@example.com", "Аня@example.com", "b@example.com;x,"] {
        shop.command(&["contact", "add", email, "phone=5551234"]);
        shop.command(&["contact", "set", email, "city=Tula"]);
        shop.command(&["tag", "add", "vip", email]);
    }
    shop.command(&["contact", "remove", "Аня@example.com"]);
    for email in ["a@example.com", "аня@example.com", "b@example.com;x,"] {
        shop.command(&["contact", "erase", email, "--yes"]);
    }
    let (noted, events) = shop.write(|tx, account| {
        Ok((audit::of_order(tx, account, 0)?, events::after(tx, account, 0, false, 100)?))
    });
    let details: Vec<_> =
        noted.iter().map(|entry| &*entry.detail).filter(|text| text.contains('@')).collect();
    assert_eq!(details, ["aa@example.com", "aa@example.com; city: — → Tula", "aa@example.com; +tags: vip"]);
    // Of the three changes one is still told.
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0].json.contains("aa@example.com"));
}

/// Nobody but the asked is left of an erased person, and the sums of the orders stay.
#[test]
fn an_erased_person_is_gone() {
    let shop = shop();
    let receiver = Receiver::start(|got| Reply::Status(200, got.body.clone()));
    shop.add_endpoint(&receiver.url("/"), "created,subscribed");
    shop.add_good("course", "0", "Course", "1000.00", &[("good_client_rassilki", "buyers")]);
    let order = shop.order(
        "Masha@Example.com",
        "course",
        &[("bill_first_name", "Мария"), ("bill_phone", "+79990001122"), ("bill_kupon", "x")],
    );
    shop.command(&["order", "edit", &order.to_string(), "--note", "звонить Марии"]);
    until(|| receiver.count() == 2);
    until(|| shop.server().run(&["delivery", "list", "--account", LOGIN]).matches("delivered").count() == 2);
    // A call that was refused is remembered with its body.
    assert_eq!(shop.code("AddLeadToGroup", &[("rid", "nobody"), ("lead_email", "masha@example.com")]), 103);
    let remembered = || shop.keyed("billhook.calls", &[("code", "103")]).body.contains("AddLeadToGroup");
    assert!(remembered());
    let told = shop.command(&["contact", "erase", "masha@example.com", "--yes"]);
    assert!(told.contains("1 order"), "{told}");
    for left in ["asha@", "ASHA@", "ария", "Марии", "9990001122"] {
        for command in [&["export"][..], &["delivery", "list"], &["contact", "list"]] {
            let shown = shop.server().run(&[command, &["--account", LOGIN]].concat());
            assert!(!shown.contains(left), "{command:?}: {shown}");
        }
    }
    // What is remembered of calls is forgotten, and so are bodies, answers and what was noted.
    until(|| !remembered());
    let (events, answers, noted) = shop.write(move |tx, account| {
        let mut events = events::of_order(tx, account, OrderId(order))?;
        events.extend(events::after(tx, account, 0, false, 100)?);
        let mut answers = Vec::new();
        for delivery in deliveries::list(tx, account, &Filter::default(), None, 100)? {
            answers.extend(deliveries::tries(tx, account, delivery.id)?);
        }
        Ok((events, answers, audit::of_order(tx, account, order)?))
    });
    assert!(events.iter().all(|event| event.form.is_empty() && event.json.is_empty()), "{events:?}");
    assert!(answers.len() == 2 && answers.iter().all(|tried| tried.answer.is_empty()), "{answers:?}");
    assert!(!noted.is_empty() && noted.iter().all(|entry| entry.detail.is_empty()), "{noted:?}");
    assert_eq!(shop.details(order)["price"], "1000.00");
    assert_eq!(shop.code("GetBills", &[("email", "masha@example.com")]), 400);
    assert_eq!(shop.result("GetCountSubscribe", &[("group_name", "all")]), 0);
    // What was sent is not sent once more without its body.
    let failed: Vec<_> = shop.write(move |tx, account| deliveries::of_order(tx, account, OrderId(order)));
    let ids: Vec<_> = failed.iter().map(|delivery| delivery.id).collect();
    shop.write(move |tx, account| deliveries::resend(tx, account, &ids, 0));
    until(|| shop.deliveries_of(order).iter().all(|delivery| delivery.state == State::Dropped));
    assert_eq!(receiver.count(), 2);
    let line = r#"{"contact":{"email":"MASHA@example.com","first_name":"Maria"}}"#;
    let file = write(shop.server().place(), "contacts.jsonl", line);
    shop.command(&["import", file.to_str().unwrap()]);
    assert_eq!(shop.result("GetCountSubscribe", &[("group_name", "all")]), 0, "no import brings her back");
    shop.is_sound();
}

/// What the sender holds in memory, while it sends other events, is not told after an erasure.
#[test]
fn what_waits_to_be_sent_is_erased_too() {
    let shop = shop();
    let may_answer = Arc::new(AtomicBool::new(false));
    let answers = may_answer.clone();
    let receiver = Receiver::start(move |_| {
        while !answers.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(5));
        }
        Reply::Status(200, String::new())
    });
    shop.add_endpoint(&receiver.url("/"), "created");
    shop.add_good("course", "0", "Course", "1000.00", &[]);
    shop.server().run(&["outbox", "pause"]);
    let orders: Vec<_> =
        (10..34).map(|at| shop.order(&format!("a{at}@example.com"), "course", &[])).collect();
    shop.server().run(&["outbox", "resume"]);
    let last = *orders.last().unwrap();
    // All are leased at once, and four of them are sent at a time.
    until(|| receiver.count() >= 4);
    shop.command(&["contact", "erase", "a33@example.com", "--yes"]);
    // The sender looks for erasures once a second.
    thread::sleep(Duration::from_millis(2_500));
    may_answer.store(true, Ordering::SeqCst);
    until(|| orders.iter().all(|order| shop.deliveries_of(*order)[0].state != State::Pending));
    assert_eq!(shop.deliveries_of(last)[0].state, State::Dropped);
    assert_eq!(receiver.count(), 23);
    assert!(
        receiver.received().iter().all(|got| got.body.contains("@example.com") && !got.body.contains("a33@"))
    );
}
