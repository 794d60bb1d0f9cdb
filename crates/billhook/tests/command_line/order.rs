//! `billhook order`: changes of an order step by step, and what is refused.

use serde_json::{Value, json};

use super::{Done, Place, says};

const ORDERS: &str = r#"{"id":1,"email":"Anna@example.com","created":1706684400,"first_name":"Анна","comment":"two\nlines","items":[{"id":7,"good_name":"book","good_title":"Книга","sum":"90.00","price":"100.00"},{"id":8,"good_name":"disc","good_title":"Disc","sum":"10.00"}]}
{"id":2,"email":"boris@example.com","created":1706770800,"pay_status":"paid","paid":1706774400,"items":[{"id":7,"sum":"90.00"}]}
{"id":3,"email":"anna@example.com","created":1706857200,"pay_status":"cancel","items":[{"id":8,"sum":"10.00"}]}
"#;

/// A shop with three orders.
fn shop() -> Place {
    let place = Place::new();
    place.account("shop");
    place.write("orders.jsonl", ORDERS);
    place.run(&["import", "--account", "shop", "orders.jsonl"]).succeeded();
    place
}

fn order(place: &Place, arguments: &[&str]) -> Done {
    place.run(&[&["order"], arguments, &["--account", "shop"]].concat())
}

fn json_of(place: &Place, arguments: &[&str]) -> Vec<Value> {
    let text = order(place, &[arguments, &["--json"]].concat()).succeeded();
    serde_json::Deserializer::from_str(&text).into_iter().collect::<Result<_, _>>().unwrap()
}

fn shown(place: &Place, id: &str) -> Value {
    json_of(place, &["show", id]).pop().unwrap()
}

fn listed(place: &Place, arguments: &[&str]) -> Vec<i64> {
    let orders = json_of(place, &[&["list"], arguments].concat());
    orders.iter().map(|order| order["id"].as_i64().unwrap()).collect()
}

#[test]
fn an_order_is_shown_with_everything() {
    let place = shop();
    let text = order(&place, &["show", "1"]).succeeded();
    says(
        &text,
        &[
            "order: 1\npay_status: waiting\nemail: Anna@example.com\ncreated: 2024-01-31 10:00:00 MSK\n",
            "price: 100.00\nreceived: 0.00\nleft to pay: 100.00\n",
            "first_name: Анна\ncomment: two\\nlines\n",
            "item: 7 book (Книга) 90.00, in the catalogue 100.00\nitem: 8 disc (Disc) 10.00\n",
        ],
    );
    let shown = shown(&place, "1");
    assert_eq!(shown["comment"], "two\nlines");
    assert_eq!(shown["manager"], Value::Null);
    assert_eq!(
        shown["items"][0],
        json!({"id": 7, "good_name": "book", "good_title": "Книга", "sum": "90.00", "price": "100.00",
               "pincode": "", "partner_fee": "0.00", "partner_pfee": "0.00"})
    );
    says(&order(&place, &["show", "4"]).failed(1), &["no order 4", "billhook order list --account shop"]);
    says(&order(&place, &["show", "x"]).failed(2), &["order's number"]);
    says(&place.run(&["order", "show", "1", "--account", "shpo"]).failed(1), &["did you mean shop?"]);
}

#[test]
fn orders_are_listed_by_time_customer_and_state() {
    let place = shop();
    let text = order(&place, &["list"]).succeeded();
    assert_eq!(
        text.lines().next().unwrap(),
        "     1  2024-01-31 10:00:00 MSK  waiting      100.00  Anna@example.com  book,disc"
    );
    for (arguments, ids) in [
        (&[][..], &[1, 2, 3][..]),
        (&["--limit", "2"], &[2, 3]),
        (&["--limit", "1", "--status", "waiting"], &[1]),
        (&["--status", "cancel"], &[3]),
        (&["--email", " ANNA@example.com"], &[1, 3]),
        (&["--email", "anna@example.com", "--limit", "1"], &[3]),
        (&["--email", "anna@example.com", "--status", "waiting"], &[1]),
        (&["--email", "nobody@example.com"], &[]),
        (&["--from", "01.02.2024"], &[2, 3]),
        (&["--to", "2024-01-31"], &[1]),
        (&["--from", "31.01.2024 10:00:01", "--to", "1706770800"], &[2]),
        (&["--paid"], &[2]),
        (&["--paid", "--from", "01.02.2024 11:00", "--limit", "5"], &[2]),
        (&["--paid", "--from", "01.02.2024 11:00:01"], &[]),
        (&["--paid", "--email", "anna@example.com"], &[]),
    ] {
        assert_eq!(listed(&place, arguments), ids, "{arguments:?}");
    }
    let first = json_of(&place, &["list", "--limit", "1", "--to", "2024-01-31"]).pop().unwrap();
    assert_eq!(
        first,
        json!({"id": 1, "email": "Anna@example.com", "pay_status": "waiting", "created": 1_706_684_400, "paid": 0,
               "price": "100.00", "received": "0.00", "bill_sum_topay": "100.00", "delivery": "", "deleted": 0,
               "goods": ["book", "disc"]})
    );
    says(
        &order(&place, &["list", "--from", "2024-02-02", "--to", "2024-02-01"]).failed(2),
        &["--from is later than"],
    );
    says(&order(&place, &["list", "--from", "soon"]).failed(2), &["soon", "31.12.2024"]);
    says(&order(&place, &["list", "--status", "done"]).failed(2), &["done", "waiting"]);
    says(&order(&place, &["list", "--email", "anna"]).failed(2), &["anna"]);
    order(&place, &["list", "--limit", "0"]).failed(2);
}

#[test]
fn payments_make_an_order_paid_and_hand_out_pin_codes() {
    let place = shop();
    place.write("codes", "AAA\nBBB\n");
    place.run(&["product", "add-pincodes", "book", "codes", "--account", "shop"]).succeeded();
    let pay = order(&place, &["pay", "1", "30", "--date", "01.02.2024 10:00"]).succeeded();
    assert_eq!(pay, "order 1 30.00 noted, 70.00 left to pay\n");
    let paid = json_of(&place, &["pay", "1", "70,00", "--date", "1706857200"]).pop().unwrap();
    assert_eq!((&paid["pay_status"], &paid["paid"]), (&json!("paid"), &json!(1_706_857_200)));
    let whole = shown(&place, "1");
    assert_eq!(whole["items"][0]["pincode"], "AAA");
    assert_eq!(whole["items"][1]["pincode"], "");
    assert_eq!(
        whole["payments"],
        json!([{"number": 1, "sum": "30.00", "received": 1_706_770_800},
               {"number": 2, "sum": "70.00", "received": 1_706_857_200}])
    );
    says(
        &order(&place, &["show", "1"]).succeeded(),
        &[
            "payment: 1, 30.00 on 2024-02-01 10:00:00 MSK\n",
            "pin code AAA",
            "received: 100.00\nleft to pay: 0.00\n",
        ],
    );
    for sum in ["0", "-5", "1,500", "all"] {
        order(&place, &["pay", "1", sum]).failed(2);
    }
    place.run(&["check"]).succeeded();
}

/// Decision 92: order 2 was imported as paid, without a payment.
#[test]
fn an_order_that_was_imported_as_paid_shows_what_it_brought_in() {
    let place = shop();
    let received = |arguments: &[&str]| {
        json_of(&place, arguments).iter().map(|order| order["received"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(received(&["list"]), ["0.00", "90.00", "0.00"]);
    assert_eq!(received(&["list", "--limit", "2"]), ["90.00", "0.00"]);
    assert_eq!(received(&["list", "--email", "boris@example.com"]), ["90.00"]);
    assert_eq!(received(&["show", "2"]), ["90.00"]);
    assert_eq!(received(&["take-back", "2"]), ["90.00"]);
    says(&order(&place, &["show", "2"]).succeeded(), &["price: 90.00\nreceived: 90.00\nleft to pay: 0.00\n"]);
    // A refund counts as it was recorded.
    place.write(
        "more.jsonl",
        r#"{"id":2,"email":"boris@example.com","payments":[{"sum":"100","received":5},{"sum":"-30","received":6}],"items":[{"id":7,"sum":"90.00"}]}"#,
    );
    place.run(&["import", "--account", "shop", "more.jsonl"]).succeeded();
    assert_eq!(received(&["list"]), ["0.00", "70.00", "0.00"]);
    assert_eq!(received(&["show", "2"]), ["70.00"]);
}

#[test]
fn a_payment_that_looks_like_a_mistake_is_refused() {
    let place = shop();
    let before = place.run(&["export", "--account", "shop"]).succeeded();
    order(&place, &["set-status", "1", "cancel"]).succeeded();
    for (arguments, why) in [
        (["pay", "1", "99999999"], "order 1 is cancelled"),
        (["pay", "2", "0.01"], "order 2 has 0.00 left to pay, less than 0.01"),
        (["pay", "3", "10"], "order 3 is cancelled"),
    ] {
        says(&order(&place, &arguments).failed(1), &[why, "was not recorded", "--anyway"]);
    }
    order(&place, &["set-status", "1", "return"]).succeeded();
    says(&order(&place, &["pay", "1", "5"]).failed(1), &["was refunded", "--anyway"]);
    order(&place, &["set-status", "1", "waiting"]).succeeded();
    says(&order(&place, &["pay", "1", "100.01"]).failed(1), &["100.00 left to pay, less than 100.01"]);
    assert_eq!(place.run(&["export", "--account", "shop"]).succeeded(), before);
    let said = |arguments: &[&str]| order(&place, arguments).succeeded();
    assert_eq!(said(&["pay", "3", "4", "--anyway"]), "order 3 4.00 noted, is cancel\n");
    assert_eq!(said(&["pay", "3", "7", "--anyway"]), "order 3 7.00 noted, is paid\n");
}

/// Decision 80.
#[test]
fn a_payment_that_was_noted_by_mistake_is_removed() {
    let place = shop();
    place.write("codes", "AAA\n");
    place.run(&["product", "add-pincodes", "book", "codes", "--account", "shop"]).succeeded();
    let said = |arguments: &[&str]| order(&place, arguments).succeeded();
    said(&["pay", "1", "30"]);
    said(&["pay", "1", "70"]);
    said(&["pay", "1", "5", "--anyway"]);
    assert_eq!(said(&["unpay", "1"]), "order 1 5.00 removed, is paid\n");
    assert_eq!(said(&["unpay", "1", "--payment", "1"]), "order 1 30.00 removed, 30.00 left to pay\n");
    let whole = shown(&place, "1");
    assert_eq!(
        (&whole["pay_status"], &whole["paid"], &whole["received"], &whole["items"][0]["pincode"]),
        (&json!("waiting"), &json!(0), &json!("70.00"), &json!("AAA"))
    );
    // A payment keeps its number, so repeating the call removes no other one.
    assert_eq!(whole["payments"][0]["number"], 2);
    says(
        &order(&place, &["unpay", "1", "--payment", "1"]).failed(1),
        &["no payment of number 1", "order show 1"],
    );
    says(&order(&place, &["unpay", "3"]).failed(1), &["order 3 has no payment:", "order show 3"]);
    order(&place, &["unpay", "1", "--payment", "0"]).failed(2);
    assert_eq!(said(&["pay", "1", "30"]), "order 1 30.00 noted, is paid\n");
    // Order 2 was imported as paid without payments, so no payment ever covered it.
    said(&["pay", "2", "1", "--anyway"]);
    assert_eq!(said(&["unpay", "2"]), "order 2 1.00 removed, is paid\n");
    assert_eq!(shown(&place, "2")["payments"], json!([]));
    place.run(&["check"]).succeeded();
}

#[test]
fn a_state_follows_any_other() {
    let place = shop();
    let set = |arguments: &[&str]| order(&place, &[&["set-status"], arguments].concat());
    assert_eq!(set(&["1", "paid", "--date", "31.01.2024 12:00"]).succeeded(), "order 1 is paid\n");
    let whole = shown(&place, "1");
    assert_eq!((&whole["paid"], &whole["received"]), (&json!(1_706_691_600), &json!("100.00")));
    assert_eq!(set(&["1", "paid"]).succeeded(), "order 1 is paid already\n");
    assert_eq!(shown(&place, "1")["payments"].as_array().unwrap().len(), 1);
    for status in ["return", "cancel", "waiting", "paid"] {
        assert_eq!(set(&["1", status]).succeeded(), format!("order 1 is {status}\n"));
        assert_eq!(listed(&place, &["--status", status, "--email", "anna@example.com"])[0], 1);
    }
    // The money was given back, and paid again.
    let shown = shown(&place, "1");
    let payments = shown["payments"].as_array().unwrap();
    let sums: Vec<_> = payments.iter().map(|payment| payment["sum"].as_str().unwrap()).collect();
    assert_eq!((sums, &shown["received"]), (vec!["100.00", "-100.00", "100.00"], &json!("100.00")));
    says(&set(&["1", "sent"]).failed(2), &["sent", "waiting"]);
    says(&set(&["1", "cancel", "--date", "2024-01-31"]).failed(2), &["--date", "paid"]);
    says(&set(&["9", "paid"]).failed(1), &["no order 9"]);
}

#[test]
fn a_parcel_goes_and_comes_back() {
    let place = shop();
    let sent =
        order(&place, &["send", "1", "--rpo", "RA644000001RU", "--date", "31.01.2024 12:00"]).succeeded();
    assert_eq!(sent, "order 1 was posted, RA644000001RU\n");
    let whole = shown(&place, "1");
    assert_eq!(
        (&whole["delivery"], &whole["sent"], &whole["rpo"]),
        (&json!("sent"), &json!(1_706_691_600), &json!("RA644000001RU"))
    );
    says(&order(&place, &["show", "1"]).succeeded(), &["delivery: sent\nsent: 2024-01-31 12:00:00 MSK\n"]);
    let back = json_of(&place, &["take-back", "1"]).pop().unwrap();
    assert_eq!((&back["delivery"], &back["pay_status"]), (&json!("return"), &json!("waiting")));
    says(&order(&place, &["send", "1"]).failed(2), &["--rpo"]);
    says(&order(&place, &["send", "1", "--rpo", " "]).failed(2), &["a parcel has a number"]);
}

#[test]
fn a_deleted_order_is_hidden_until_it_is_restored() {
    let place = shop();
    says(
        &order(&place, &["delete", "1"]).succeeded(),
        &["order 1 is deleted", "order restore 1 --account shop"],
    );
    assert_eq!(listed(&place, &[]), [2, 3]);
    assert_eq!(listed(&place, &["--email", "anna@example.com"]), [3]);
    assert_eq!(listed(&place, &["--limit", "9"]), [2, 3]);
    assert!(shown(&place, "1")["deleted"].as_i64().unwrap() > 1_700_000_000);
    for change in [
        &["delete", "1"][..],
        &["set-status", "1", "paid"],
        &["pay", "1", "5"],
        &["unpay", "1"],
        &["send", "1", "--rpo", "5"],
        &["take-back", "1"],
    ] {
        says(&order(&place, change).failed(1), &["order 1 is deleted", "order restore 1"]);
    }
    assert_eq!(order(&place, &["restore", "1"]).succeeded(), "order 1 is restored\n");
    assert_eq!(listed(&place, &["--email", "anna@example.com"]), [1, 3]);
    says(&order(&place, &["restore", "1"]).failed(1), &["is not deleted"]);

    // A restored order must not cancel itself at once, and the command says so.
    let timed =
        r#"{"id":4,"email":"anna@example.com","kill_at":1706857200,"deleted":1706857100,"items":[{"id":8}]}"#;
    place.write("timed.jsonl", timed);
    place.run(&["import", "--account", "shop", "timed.jsonl"]).succeeded();
    let restored = order(&place, &["restore", "4"]).succeeded();
    assert_eq!(restored, "order 4 is restored without its timer, which has run out\n");
    assert_eq!(shown(&place, "4")["kill_at"], 0);
    says(&place.run(&["order", "restore", "--help"]).succeeded(), &["A timer that has run out"]);
}

#[test]
fn an_order_is_made_and_edited() {
    let place = shop();
    let made = json_of(
        &place,
        &[
            "add",
            "--good",
            "book=80,50",
            "--good",
            "8",
            "--last-name",
            "Ёлкина",
            "--phone",
            "+7",
            "--note",
            "<b>",
        ],
    );
    let made = made.last().unwrap();
    assert_eq!(
        (&made["id"], &made["price"], &made["goods"]),
        (&json!(4), &json!("90.50"), &json!(["book", "disc"]))
    );
    let whole = shown(&place, "4");
    assert_eq!(
        (&whole["last_name"], &whole["note"], &whole["email"]),
        (&json!("Ёлкина"), &json!("<b>"), &json!(""))
    );
    assert_eq!(order(&place, &["add", "--good", "book"]).succeeded(), "order 5 is made, 100.00 to pay\n");
    for (arguments, status, part) in [
        (&["add", "--good", "none"][..], 1, "no product none"),
        (&["add", "--good", "book", "--coupon", "none"], 1, "no coupon none"),
        (&["add", "--good", "book", "--manager", "9"], 1, "no manager 9"),
        (&["add", "--good", "book=-1"], 2, "-1"),
        (&["add", "--good", "book", "--email", "nobody"], 2, "nobody"),
        (&["add"], 2, "--good"),
        (&["edit", "4"], 2, "nothing to change"),
        (&["edit", "99", "--note", "x"], 1, "no order 99"),
    ] {
        says(&order(&place, arguments).failed(status), &[part]);
    }

    let edited = order(&place, &["edit", "4", "--email", "Vera@example.com", "--phone", ""]).succeeded();
    assert_eq!(edited, "order 4 is changed\n");
    let whole = shown(&place, "4");
    assert_eq!((&whole["email"], &whole["note"]), (&json!("Vera@example.com"), &json!("<b>")));
    assert_eq!(whole.get("phone"), None);
    assert_eq!(listed(&place, &["--email", "vera@example.com"]), [4]);
    order(&place, &["edit", "4", "--email", ""]).succeeded();
    assert_eq!(shown(&place, "4")["email"], "");
    order(&place, &["delete", "4"]).succeeded();
    says(&order(&place, &["edit", "4", "--note", "x"]).failed(1), &["order 4 is deleted"]);
    says(&place.run(&["check"]).succeeded(), &["sound"]);
}
