//! Compares our code with real PHP, case by case. `vectors/generate.php` made the cases.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in the functions that its cases share"
)]

use std::borrow::Cow;

use billhook_wire::{
    Code, Form, Key, Login, Request,
    form::{self, Array},
    json, query, signature,
};
use serde_json::Value as Json;

/// Runs `check` on every line of a file, and shows all failures together.
fn each(name: &str, at_least: usize, check: impl Fn(&Json) -> Result<(), String>) {
    let path = format!("{}/vectors/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut cases = 0;
    let mut failures = Vec::new();
    for (at, line) in text.lines().enumerate() {
        cases += 1;
        let case: Json = serde_json::from_str(line).unwrap();
        if let Err(why) = check(&case) {
            failures.push(format!(
                "{name}.jsonl:{}: {}\n  {why}",
                at + 1,
                line.chars().take(400).collect::<String>()
            ));
        }
    }
    assert!(cases >= at_least, "{path} has only {cases} cases");
    let shown = failures.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(failures.is_empty(), "{} of {cases} cases differ:\n{shown}", failures.len());
}

fn same<T: PartialEq + std::fmt::Debug + ?Sized>(what: &str, ours: &T, php: &T) -> Result<(), String> {
    if ours == php { Ok(()) } else { Err(format!("{what}: ours {ours:?}\n  PHP's {php:?}")) }
}

/// Bytes in the file's text, each as the code point with its number.
fn bytes(text: &Json) -> Vec<u8> {
    text.as_str().unwrap().chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect()
}

fn text(text: &Json) -> &str {
    text.as_str().unwrap()
}

/// An array in the file: a list of key, value, key, value and so on.
fn array(pairs: &Json) -> Array<'static> {
    let mut array = Array::new();
    for pair in pairs.as_array().unwrap().chunks(2) {
        let key = match &pair[0] {
            Json::Number(number) => form::Key::Int(number.as_i64().unwrap()),
            key => form::Key::Text(Cow::Owned(bytes(key))),
        };
        let value = match &pair[1] {
            value @ Json::String(_) => form::Value::Text(Cow::Owned(bytes(value))),
            value => array_value(value),
        };
        array.insert(key, value);
    }
    array
}

fn array_value(pairs: &Json) -> form::Value<'static> {
    form::Value::Array(Box::new(array(pairs)))
}

/// The array as JSON has it: a list if its keys are 0, 1 and so on; none if something in it is not UTF-8.
fn value(array: &Array<'_>) -> Option<Json> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let entries = array.iter().map(|(key, entry)| {
        let key = match key {
            form::Key::Int(number) => number.to_string(),
            form::Key::Text(key) => text(key)?,
        };
        let entry = match entry {
            form::Value::Text(entry) => text(entry).map(Json::String),
            form::Value::Array(entry) => value(entry),
        };
        Some((key, entry?))
    });
    if array.is_list() {
        entries.map(|entry| Some(entry?.1)).collect::<Option<Vec<_>>>().map(Json::Array)
    } else {
        entries.collect::<Option<serde_json::Map<_, _>>>().map(Json::Object)
    }
}

fn built(array: &Array<'_>) -> String {
    let mut text = Vec::new();
    query::build(array, &mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn forms() {
    each("forms", 3800, |case| {
        let body = bytes(&case["body"]);
        let request = Request::read(Some(b"application/x-www-form-urlencoded"), &body);
        same("$_POST", request.form().fields(), &array(&case["post"]))?;
        same("re-encoding", &*built(request.form().fields()), text(&case["query"]))?;
        same("unsigned", &*String::from_utf8(request.encoded_query()).unwrap(), text(&case["unsigned"]))?;
        same("default type", Form::urlencoded(&body).fields(), request.form().fields())
    });
}

#[test]
fn multipart() {
    each("multipart", 1700, |case| {
        let body = bytes(&case["body"]);
        let request = Request::read(Some(&bytes(&case["type"])), &body);
        same("$_POST", request.form().fields(), &array(&case["post"]))?;
        same("re-encoding", &*built(request.form().fields()), text(&case["query"]))
    });
}

#[test]
fn queries() {
    each("queries", 1800, |case| {
        let ours = match case.get("json") {
            Some(object) => built(&query::from_json(object.as_object().unwrap())),
            None => built(&array(&case["array"])),
        };
        same("query", &*ours, text(&case["query"]))
    });
}

#[test]
fn signatures() {
    each("signatures", 600, |case| {
        let Some(login) = case.get("login") else {
            let key = Key::parse(text(&case["key"])).ok();
            let code = Code::ALL
                .iter()
                .find(|code| u64::from(code.number()) == case["code"].as_u64().unwrap())
                .unwrap();
            let ours = signature::answer(*code, text(&case["text"]), key.as_ref());
            return same("answer", &*ours, text(&case["hash"]));
        };
        let (login, key) = (Login::parse(text(login)).unwrap(), Key::parse(text(&case["key"])).unwrap());
        let query = text(&case["query"]);
        same(
            "request",
            &signature::request(query.as_bytes(), &login, &key)[..],
            text(&case["hash"]).as_bytes(),
        )?;
        let other = Key::parse("other").unwrap();
        let keys = [&other, &key];
        // A client's body, and any other body whose hash PHP would have computed over the variables.
        for (body, hash) in [(query.as_bytes(), &case["hash"]), (&bytes(&case["body"]), &case["body_hash"])] {
            let sent = [body, b"&hash=", text(hash).as_bytes()].concat();
            same("verify", &Request::read(None, &sent).verify(&login, &keys), &Some(&key))?;
            let upper = text(hash).to_uppercase();
            let sent = [body, b"&hash=", upper.as_bytes()].concat();
            same("upper case", &Request::read(None, &sent).verify(&login, &keys), &None)?;
        }
        Ok(())
    });
}

#[test]
fn json() {
    each("json", 5700, |case| {
        let ours = if let Some(bits) = case.get("bits") {
            json::to_vec(&f64::from_bits(u64::from_str_radix(text(bits), 16).unwrap())).ok()
        } else if let Some(pairs) = case.get("array") {
            value(&array(pairs)).and_then(|value| json::to_vec(&value).ok())
        } else {
            json::to_vec(&case["value"]).ok()
        };
        // PHP's false means "not UTF-8".
        let ours = ours.map(|json| String::from_utf8(json).unwrap());
        same("json", &ours.as_deref(), &case["json"].as_str())
    });
}
