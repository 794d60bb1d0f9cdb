//! `billhook trigger` without a server: the order that it makes, and who would be told.

use serde_json::Value;

use super::{Place, says};

const URL: &str = "https://shop.example/hook";

fn run(place: &Place, arguments: &[&str]) -> super::Done {
    place.run(&[&["trigger"], arguments, &["--account", "shop"]].concat())
}

fn shop() -> Place {
    let place = Place::new();
    place.account("shop");
    place
}

fn set(place: &Place, field: &str) {
    place.run(&["product", "set", "course", field, "--account", "shop"]).succeeded();
}

#[test]
fn each_event_happens_to_an_order_of_its_own() {
    let place = shop();
    place.run(&["product", "add", "course", "--title", "Course", "--sum", "1000", "--account", "shop"]);
    set(&place, "prepayment_enabled=1");
    set(&place, &format!("good_api_url_prepaid={URL}?prepaid"));
    place.run(&["webhook", "add", URL, "--events", "paid,moneyback", "--account", "shop"]).succeeded();
    place.run(&["webhook", "add", "--listen-only", "--events", "cancelled", "--account", "shop"]).succeeded();
    let prepaid = format!("{URL}?prepaid");
    for (event, status, to_pay, told) in [
        ("created", "waiting", "1000.00", &[("created", None)][..]),
        ("paid", "paid", "0.00", &[("created", None), ("paid", Some(URL))]),
        ("cancelled", "cancel", "1000.00", &[("created", None), ("cancelled", Some(""))]),
        ("prepaid", "waiting", "500.00", &[("created", None), ("prepaid", Some(&*prepaid))]),
        ("moneyback", "return", "0.00", &[("created", None), ("paid", Some(URL)), ("moneyback", Some(URL))]),
    ] {
        let done = run(&place, &[event, "--json"]).succeeded();
        let done: Value = serde_json::from_str(&done).unwrap();
        let order = &done["order"];
        assert_eq!((&order["email"], &order["pay_status"]), (&"test@example.com".into(), &status.into()));
        assert_eq!(order["bill_sum_topay"], to_pay, "{event}");
        let events = done["events"].as_array().unwrap();
        assert_eq!(events.len(), told.len(), "{done}");
        for (shown, (event, url)) in events.iter().zip(told) {
            assert_eq!(shown["event"], *event);
            assert_eq!(shown["id"].is_string(), url.is_some(), "{shown}");
            assert_eq!(
                shown["urls"].as_array().unwrap().iter().filter_map(Value::as_str).collect::<String>(),
                { url.unwrap_or_default() }
            );
            if let Some(url) = url.filter(|url| !url.is_empty()) {
                let id = shown["id"].as_str().unwrap();
                says(&place.run(&["delivery", "show", id, "--account", "shop"]).succeeded(), &[url]);
            }
        }
        let shown = place.run(&["order", "show", &order["id"].to_string(), "--account", "shop"]).succeeded();
        says(&shown, &["Test", "made by `billhook trigger`"]);
    }
    place.run(&["outbox", "pause"]).succeeded();
    says(
        &run(&place, &["paid", "--good", "course"]).succeeded(),
        &[
            "of test@example.com is made: course, paid\ncreated: nobody asks for it: `billhook webhook add URL --account shop`, \
             or a product's good_api_url_new_order\npaid: evt_",
            &format!(", goes to {URL}, once `billhook outbox resume` was run\n"),
        ],
    );
    says(
        &run(&place, &["cancelled"]).succeeded(),
        &["cancelled: evt_", ", for who asks `billhook.events`\n"],
    );
    place.run(&["check"]).succeeded();
}

#[test]
fn what_is_missing_is_named() {
    let place = shop();
    says(&run(&place, &["sold"]).failed(2), &["sold", "moneyback"]);
    says(&run(&place, &["paid"]).failed(1), &["no product yet: `billhook product add course"]);
    place.run(&["product", "add", "course", "--title", "Course", "--sum", "0.01", "--account", "shop"]);
    for field in ["prepayment_enabled=0", "prepayment_enabled=1"] {
        set(&place, field);
        says(
            &run(&place, &["prepaid"]).failed(1),
            &["no product may be paid in parts: `billhook product set"],
        );
        says(&run(&place, &["prepaid", "--good", "course"]).failed(1), &["course may not be paid in parts"]);
    }
    says(&run(&place, &["paid", "--good", "cuorse"]).failed(1), &["no product cuorse"]);
    assert_eq!(place.run(&["order", "list", "--account", "shop"]).succeeded(), "");
}
