//! `billhook explain`: right hashes, and known mistakes.

use super::{Place, says};

const KEY: &str = "0123456789abcdef0123456789abcdef";
/// The hash of docs/protocol.md, section 2.5.
const RIGHT: &str = "email=Anna%2B1%40example.com&pay_status=paid&hash=9abaa24bc9afbfc0c9b0c5d04f897e2d";

fn explain<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    [&["explain", "--login", "demo", "--key", KEY], rest].concat()
}

#[test]
fn a_right_hash_is_shown_and_status_0() {
    let place = Place::new();
    let text = place.run(&explain(&["--body", RIGHT])).succeeded();
    says(
        &text,
        &[
            "email=Anna%2B1%40example.com&pay_status=paid::demo::KEY",
            "expected: 9abaa24bc9afbfc0c9b0c5d04f897e2d",
            "It got:    9abaa24bc9afbfc0c9b0c5d04f897e2d",
            "The hash is right.",
            "32 characters",
        ],
    );
    assert!(!text.contains(KEY), "{text}");
    let text = place.run(&explain(&["--body", RIGHT, "--reveal-key"])).succeeded();
    says(&text, &[&format!("paid::demo::{KEY}\n")]);
    assert!(!place.path("billhook-data").exists(), "no data folder is needed");
}

#[test]
fn both_texts_are_shown_where_they_differ() {
    let body = "lead_name=Anna%20K&hash=0123456789abcdef0123456789abcdef";
    let done = Place::new().run(&explain(&["--body", body]));
    assert_eq!(done.status, Some(1));
    assert_eq!(done.stderr, "billhook: the hash is wrong\n");
    says(
        &done.stdout,
        &[
            "as it was sent:\n  lead_name=Anna%20K::demo::KEY",
            "as PHP encodes them:\n  lead_name=Anna+K::demo::KEY",
        ],
    );
}

#[test]
fn known_mistakes_are_named() {
    let place = Place::new();
    let upper = RIGHT.replace("9abaa24bc9afbfc0c9b0c5d04f897e2d", "9ABAA24BC9AFBFC0C9B0C5D04F897E2D");
    let done = place.run(&explain(&["--body", &upper]));
    assert_eq!(done.status, Some(1));
    assert_eq!(done.stderr, "billhook: the hash is wrong\n");
    says(&done.stdout, &["The hash is wrong.", "upper-case hex", "lower case"]);

    let done = place.run(&explain(&["--body", &upper, "--json"]));
    assert_eq!(done.status, Some(1));
    let report: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(report["fits"], false);
    assert_eq!(report["mistakes"][0]["name"], "UpperCaseHash");
    assert_eq!(report["encoded"]["hash"], "9abaa24bc9afbfc0c9b0c5d04f897e2d");

    let done = place.run(&explain(&["--body", &RIGHT.replace("paid", "waiting")]));
    says(&done.stdout, &["no known mistake"]);
    let done = place.run(&explain(&["--body", "email=anna%40example.com"]));
    says(&done.stdout, &["It got:    no hash", "neither", "parameters::login::key", "the key itself"]);
    assert_eq!(done.stderr, "billhook: there is no hash and no rpsKey\n");
    let done = place.run(&explain(&["--body", "email=anna%40example.com&hash=…"]));
    says(&done.stdout, &["not 32 hexadecimal digits"]);
    assert_eq!(done.stderr, "billhook: the hash is wrong\n");
    for content_type in ["application/json", "text/plain"] {
        let body = r#"{"email": "anna@example.com"}"#;
        let done = place.run(&explain(&["--body", body, "--content-type", content_type]));
        says(&done.stdout, &["looks like JSON", "http_build_query"]);
        assert_eq!(done.stderr, "billhook: the body is not a form\n");
    }
    assert_eq!(place.run(&explain(&["--body", "rpsKey=x"])).stderr, "billhook: the rpsKey is wrong\n");
}

#[test]
fn a_body_comes_from_a_file_or_from_standard_input() {
    let place = Place::new();
    let file = place.write("body.txt", &format!("{RIGHT}\r\n"));
    let done = place.run(&explain(&["--body-file", super::text(&file)]));
    assert_eq!(done.status, Some(0), "{done:?}");
    says(&done.stderr, &["line end"]);
    let done = place.run_with_input(&explain(&["--body-file", "-"]), RIGHT);
    says(&done.succeeded(), &["The hash is right."]);

    let multipart = "--x\r\nContent-Disposition: form-data; name=\"hash\"\r\n\r\ned31b39025adc0f052625c4e1f76e8c5\r\n--x--\r\n";
    let content_type = "multipart/form-data; boundary=x";
    let done =
        place.run_with_input(&explain(&["--body-file", "-", "--content-type", content_type]), multipart);
    says(&done.succeeded(), &["multipart", "The hash is right"]);
}

#[test]
fn what_is_missing_is_named() {
    let place = Place::new();
    says(
        &place.run(&["explain", "--login", "demo", "--body", RIGHT]).failed(2),
        &["--key-file", "BILLHOOK_KEY"],
    );
    says(&place.run(&explain(&[])).failed(2), &["--body"]);
    says(&place.run(&explain(&["--body", RIGHT, "--body-file", "x"])).failed(2), &["--body-file"]);
    says(&place.run(&explain(&["--body-file", "absent.txt"])).failed(1), &["absent.txt"]);
}
