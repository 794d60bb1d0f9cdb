//! The reference that a server gives: who may have it, and whether it says what the server does.

use std::{collections::BTreeSet, process::Command};

use billhook_reference::Entry;
use billhook_wire::{
    Api,
    method::{METHODS, MethodInfo},
    query,
};
use serde_json::{Value, json};

use crate::program::{Answer, Billhook, DEMO_KEY, DEMO_LOGIN};

const DESCRIPTION: &str = include_str!("../../../../docs/openapi.json");

/// Where the page's examples call: it is one for all hosts (decision 85).
const EXAMPLES: &str = "http://LOGIN.DOMAIN";

fn get(shop: &Billhook, method: &str, path: &str, host: &str) -> Answer {
    shop.send(&format!("{method} {path} HTTP/1.1"), &format!("Host: {host}\r\n"), b"")
}

#[test]
fn everybody_may_read_it() {
    let shop = Billhook::demo();
    for host in ["username.localhost", "127.0.0.1", "nobody.example"] {
        let page = get(&shop, "GET", "/docs", host);
        assert_eq!(page.status, 200, "{host}");
        assert!(page.head.contains("content-type: text/html; charset=utf-8"), "{}", page.head);
        assert!(page.head.contains("content-security-policy: default-src 'none'; style-src 'unsafe-inline'"));
        assert!(!page.head.contains("billhook-signature"), "{}", page.head);
        assert!(
            page.head.contains("vary: accept-encoding") && !page.head.contains("content-encoding"),
            "{}",
            page.head
        );
        assert_eq!(page.body, billhook_reference::page(EXAMPLES));
        let description = get(&shop, "GET", "/api/openapi.json", host);
        assert_eq!((description.status, description.body.as_str()), (200, DESCRIPTION), "{host}");
        assert!(description.head.contains("content-type: application/json"), "{}", description.head);
    }
    let url = format!("http://{}/docs/", shop.http());
    let head = Command::new("curl").args(["-sI", &url]).output().unwrap();
    let head = String::from_utf8(head.stdout).unwrap().to_ascii_lowercase();
    let length = billhook_reference::page(EXAMPLES).len();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains(&format!("content-length: {length}\r\n")), "{head}");
    let compressed = Command::new("curl").args(["-s", "--compressed", &url]).output().unwrap();
    assert_eq!(String::from_utf8(compressed.stdout).unwrap(), billhook_reference::page(EXAMPLES));
    let head = Command::new("curl").args(["-sI", "--compressed", &url]).output().unwrap();
    let head = String::from_utf8(head.stdout).unwrap().to_ascii_lowercase();
    let sent = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert!(head.contains("content-encoding: gzip") && sent.parse::<usize>().unwrap() < length / 3, "{head}");
}

#[test]
fn it_is_read_and_nothing_else() {
    let shop = Billhook::demo();
    for path in ["/docs", "/api/openapi.json"] {
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let refused = get(&shop, method, path, "username.localhost");
            assert_eq!(refused.status, 405, "{method} {path}");
            assert!(refused.head.contains("allow: GET, HEAD"), "{}", refused.head);
        }
        assert_eq!(shop.send(&format!("GET {path} HTTP/1.1"), "", b"").status, 400);
        let twice = "Host: username.localhost\r\nHost: other.localhost\r\n";
        assert_eq!(shop.send(&format!("GET {path} HTTP/1.1"), twice, b"").status, 400);
    }
    let elsewhere = get(&shop, "GET", "/docs/GetBills", "username.localhost");
    assert!(elsewhere.status == 405 && elsewhere.head.contains("allow: POST"), "{elsewhere:?}");
}

/// Each example on the page is a call that the server takes as it stands.
#[test]
fn the_examples_work() {
    let shop = Billhook::demo();
    let base = format!("http://username.localhost:{}", shop.http().port());
    for entry in Entry::all() {
        if entry.method.name == "AddGood" {
            // The demo has the product of the examples, which can't be added once more.
            shop.call(DEMO_LOGIN, DEMO_KEY, "DeleteGood", &[("good_name", "oplata")]);
        }
        let lines = entry.curl(&base);
        let output = Command::new("sh")
            .args(["-c", &lines])
            .envs([("LOGIN", DEMO_LOGIN), ("KEY", DEMO_KEY)])
            .output()
            .unwrap();
        let answer: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{lines}: {output:?}"));
        let code = answer["error_code"].as_u64().unwrap();
        let of_its_own = entry.method.refusals.iter().any(|refusal| u64::from(refusal.number()) == code);
        assert!(code == 0 || of_its_own, "{lines}: {answer}");
    }
}

/// The first use of every method, and whether its answer is what the description says: nothing missing, nothing more.
#[test]
fn answers_are_as_described() {
    let shop = Billhook::demo();
    let mut unseen: BTreeSet<_> = METHODS.iter().map(|method| method.name).collect();
    let mut call = |name: &'static str, form: &[(&str, &str)]| {
        unseen.remove(name);
        as_described(&shop, MethodInfo::named(name).unwrap(), form)
    };
    call("GetBills", &[("email", "anna@example.com")]);
    call("GetAllGoods", &[]);
    call("getgoods", &[]);
    let added =
        [("good_name", "course"), ("good_type", "digital"), ("good_title", "Course"), ("good_sum", "100")];
    call("AddGood", &added);
    call("UpdateGood", &[("good_name", "course"), ("good_sum", "200,50")]);
    let order = [
        ("goods[0][good_name]", "course"),
        ("bill_email", "boris@example.com"),
        ("utm[utm_medium]", "cpc"),
        ("bill_tag", "spring"),
    ];
    let bill_id = call("CreateOrder", &order)["bill_id"].to_string();
    let one = ("bill_id", bill_id.as_str());
    call("getOrderDetails", &[one]);
    call("getOrderDetails", &[one, ("good_info", "1")]);
    call("GetOrderInfo", &[one]);
    for listing in ["GetOrders", "getOrdersWithGoods"] {
        assert_ne!(call(listing, &[]), json!([]), "{listing}");
    }
    call("UpdateOrderStatus", &[one, ("status", "paid"), ("date", "1362254400")]);
    call("createorder", &[("product_names", "course"), ("customer_email", "boris@example.com")]);
    call("getcoupons", &[]);
    call("getpersonalmanagers", &[]);
    call("DeleteGood", &[("good_name", "course")]);
    call("DeleteOrder", &[one]);
    assert!(unseen.is_empty(), "{unseen:?} were not called");
}

/// Calls a method; the answer's `result`.
fn as_described(shop: &Billhook, method: &MethodInfo, form: &[(&str, &str)]) -> Value {
    let answer = match method.api {
        Api::Signed => shop.call(DEMO_LOGIN, DEMO_KEY, method.name, form),
        Api::Keyed => {
            let mut body = Vec::new();
            let pairs = form.iter().chain([&("rpsKey", DEMO_KEY)]);
            query::build_pairs(pairs.map(|(name, value)| (name.as_bytes(), value.as_bytes())), &mut body);
            shop.post("username.localhost", method.name, std::str::from_utf8(&body).unwrap())
        }
    };
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["error_code"], 0, "{}: {body}", method.name);

    let mut schema: Value = serde_json::from_str(DESCRIPTION).unwrap();
    close(&mut schema);
    let place = "/post/responses/200/content/application~1json/schema";
    schema["$ref"] = format!("#/paths/~1api~1{}{place}", method.name).into();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<_> = schema.iter_errors(&body).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{}: {faults:#?} in {body:#}", method.name);
    body["result"].clone()
}

/// Has every schema of an object refuse fields that it does not name.
fn close(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.get("type").is_some_and(|kind| kind == "object") && fields.contains_key("properties") {
                fields.entry("additionalProperties").or_insert(false.into());
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}
