//! The reference that a server shows: who may read it, and whether the server does what it says.

use std::process::Command;

use billhook_client::{Client, Options};
use billhook_reference::Entry;
use billhook_wire::{
    Key, Login,
    method::{METHODS, MethodInfo},
};
use serde_json::{Value, json};

use crate::program::{Answer, Billhook, DEMO_KEY, DEMO_LOGIN};

const DESCRIPTION: &str = include_str!("../../../../docs/openapi.json");

/// The host in the page's examples where no account is known (decision 85).
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
        let base = if host == "nobody.example" { EXAMPLES.to_owned() } else { format!("http://{host}") };
        assert_eq!(page.body, billhook_reference::page(&base));
        let description = get(&shop, "GET", "/api/openapi.json", host);
        assert_eq!((description.status, description.body.as_str()), (200, DESCRIPTION), "{host}");
        assert!(description.head.contains("content-type: application/json"), "{}", description.head);
    }
    let url = format!("http://{}/docs/", shop.http());
    let head = Command::new("curl").args(["-sI", &url]).output().unwrap();
    let head = String::from_utf8(head.stdout).unwrap().to_ascii_lowercase();
    let expected = billhook_reference::page(&format!("http://{}", shop.http()));
    let length = expected.len();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains(&format!("content-length: {length}\r\n")), "{head}");
    let compressed = Command::new("curl").args(["-s", "--compressed", &url]).output().unwrap();
    assert_eq!(String::from_utf8(compressed.stdout).unwrap(), expected);
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
    assert!(elsewhere.status == 404 && elsewhere.body.starts_with("<!DOCTYPE html>"), "{elsewhere:?}");
}

/// Each example on the page is a valid call.
#[test]
fn the_examples_work() {
    let shop = Billhook::demo();
    let base = format!("http://username.localhost:{}", shop.http().port());
    for entry in Entry::all() {
        let lines = entry.curl(&base);
        let output = Command::new("sh")
            .args(["-c", &lines])
            .envs([("LOGIN", DEMO_LOGIN), ("KEY", DEMO_KEY)])
            .output()
            .unwrap();
        let answer: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{lines}: {output:?}"));
        assert_eq!(answer["error_code"], 0, "{lines}: {answer}");
    }
}

/// The answer of every method matches its schema, with no field missing and none added.
#[test]
fn answers_are_as_described() {
    let shop = Billhook::demo();
    let url = format!("http://username.localhost:{}", shop.http().port());
    let options = Options::new(url, Login::parse(DEMO_LOGIN).unwrap(), Key::parse(DEMO_KEY).unwrap());
    let client = Client::new(Options { require_signature: true, ..options }).unwrap();
    let call = |method: &MethodInfo, form: &[(&str, &str)]| {
        let form: Vec<_> =
            form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let answer = client.send(Some(method.api), method.name, &form).unwrap();
        as_described(method, &serde_json::from_slice(&answer.body).unwrap())
    };
    for method in METHODS {
        call(method, method.example);
    }
    // The demo's own orders are too old for this list.
    for (name, form) in
        [("getOrdersWithGoods", &[][..]), ("getOrderDetails", &[("bill_id", "258367"), ("good_info", "1")])]
    {
        assert_ne!(call(MethodInfo::named(name).unwrap(), form), json!([]), "{name}");
    }
}

/// Checks a method's answer against the schema, and returns its `result`.
fn as_described(method: &MethodInfo, body: &Value) -> Value {
    assert_eq!(body["error_code"], 0, "{}: {body}", method.name);

    let mut schema: Value = serde_json::from_str(DESCRIPTION).unwrap();
    close(&mut schema);
    let place = "/post/responses/200/content/application~1json/schema";
    schema["$ref"] = format!("#/paths/~1api~1{}{place}", method.name).into();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<_> = schema.iter_errors(body).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{}: {faults:#?} in {body:#}", method.name);
    body["result"].clone()
}

/// Makes every object's schema refuse unknown fields.
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
