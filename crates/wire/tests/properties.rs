//! Properties of all bodies and parameters.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, also in the functions that its cases share"
)]

use std::{borrow::Cow, cell::Cell};

use billhook_wire::{
    Email, Form, Key, Login, PayStatus, Request,
    form::{self, Array},
    method::GetBills,
    mistake::{self, Verdict},
    query, signature,
};
use proptest::{
    collection::vec,
    prelude::{any, prop_oneof, proptest},
    prop_assert, prop_assert_eq,
    sample::select,
    strategy::Strategy,
};

fn encoded(array: &Array<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    query::build(array, &mut text);
    text
}

/// Bodies with the characters that matter to the name rules.
fn odd_body() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "a", "hash", "rpsKey", "[", "]", "[]", "[0]", "[-1]", ".", "+", "&", "&", "=", "%", "%5B", "%00",
        "%ff", "email", "é",
    ];
    vec(select(PIECES), 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..300), odd_body()]
}

fn multipart_body() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "--B",
        "--B--",
        "\r\n",
        "\r\n",
        "\n",
        "\r",
        "Content-Disposition: form-data; ",
        "name=",
        "filename=",
        "\"",
        "'",
        ";",
        "a",
        "[x]",
        "\\",
        ":",
        " ",
        "\0",
    ];
    let odd = vec(select(PIECES), 0..60).prop_map(|pieces| pieces.concat().into_bytes());
    prop_oneof![vec(any::<u8>(), 0..300), odd]
}

fn key() -> impl Strategy<Value = Key> {
    "[!-~]{1,128}".prop_map(|text| Key::parse(&text).unwrap())
}

fn login() -> impl Strategy<Value = Login> {
    "[a-z0-9-]{1,63}".prop_map(|text| Login::parse(&text).unwrap())
}

/// A client's parameters: literal names, any values.
fn parameters() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    let name = prop_oneof!["[a-z_]{1,8}", "[a-z]{1,4}\\[[0-9a-z]{1,3}\\]"]
        .prop_filter("the hash is added", |name| !name.starts_with("hash"));
    vec((name.prop_map(String::into_bytes), vec(any::<u8>(), 0..20)), 0..8)
}

fn signed(body: &[u8], hash: [u8; 32]) -> Vec<u8> {
    let joint: &[u8] = if body.is_empty() { b"" } else { b"&" };
    [body, joint, b"hash=", &hash].concat()
}

proptest! {
    #[test]
    fn any_body_is_read(body in body(), login in login(), key in key()) {
        let request = Request::read(None, &body);
        prop_assert_eq!(request.is_empty(), request.form().fields().is_empty());
        let _ = (request.credential(), request.raw_query(), request.encoded_query(), request.parameters::<GetBills>());
        let fits = request.verify(&login, &[&key]).is_some();
        let verdict = mistake::diagnose(&login, &key, None, &body).verdict;
        prop_assert_eq!(fits, matches!(verdict, Verdict::Fits { .. } | Verdict::KeyFits));
    }

    #[test]
    fn any_multipart_body_is_read(body in multipart_body(), content_type in "multipart/form-data; boundary=\"?B?\"?") {
        let request = Request::read(Some(content_type.as_bytes()), &body);
        let _ = (request.credential(), request.encoded_query(), request.parameters::<GetBills>());
    }

    #[test]
    fn re_encoding_is_stable(body in body()) {
        let once = encoded(Form::urlencoded(&body).fields());
        let twice = encoded(Form::urlencoded(&once).fields());
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn what_is_signed_verifies(parameters in parameters(), login in login(), key in key(), other in key()) {
        let mut body = Vec::new();
        query::build_pairs(parameters.iter().map(|(name, value)| (&**name, &**value)), &mut body);
        let hash = signature::request(&body, &login, &key);
        let sent = signed(&body, hash);
        prop_assert_eq!(Request::read(None, &sent).verify(&login, &[&key]), Some(&key));
        if other != key {
            prop_assert_eq!(Request::read(None, &sent).verify(&login, &[&other]), None);
            prop_assert_eq!(Request::read(None, &sent).verify(&login, &[&other, &key]), Some(&key));
        }
        let changed = [b"Changed=1&".as_slice(), &sent].concat();
        prop_assert_eq!(Request::read(None, &changed).verify(&login, &[&key]), None);
    }

    /// A hash over the variables is right however the body spells them.
    #[test]
    fn what_php_would_sign_verifies(body in body(), login in login(), key in key()) {
        let unsigned = Request::read(None, &body).encoded_query();
        let sent = signed(&body, signature::request(&unsigned, &login, &key));
        prop_assert_eq!(Request::read(None, &sent).verify(&login, &[&key]), Some(&key));
    }

    #[test]
    fn a_method_survives_its_form(local in "[a-zA-Z0-9+._~ж-]{1,20}", status in select(&[None, Some(PayStatus::Paid), Some(PayStatus::Return)][..])) {
        let sent = GetBills { pay_status: status, ..GetBills::of(Email::parse(&format!("{local}@example.com")).unwrap()) };
        let serde_json::Value::Object(object) = serde_json::to_value(&sent).unwrap() else { panic!("a method is an object") };
        let body = encoded(&query::from_json(&object));
        prop_assert_eq!(Request::read(None, &body).parameters::<GetBills>(), Ok(sent));
    }

    #[test]
    fn bodies_verify(body in vec(any::<u8>(), 0..100), key in key(), time in any::<i64>(), at in any::<usize>()) {
        let header = signature::body(&key, time, &body);
        prop_assert_eq!(signature::verify_body(&header, &key, &body, time, 0), Ok(()));
        let mut forged = body.clone();
        if let Some(byte) = (!body.is_empty()).then(|| at % body.len()).and_then(|at| forged.get_mut(at)) {
            *byte ^= 1;
            prop_assert!(signature::verify_body(&header, &key, &forged, time, 0).is_err());
        }
    }

    #[test]
    fn any_header_is_looked_at(header in prop_oneof![any::<String>(), "t=-?[0-9]{0,20},v1=[0-9a-f]{0,64}"], now in any::<i64>()) {
        let key = Key::parse("k").unwrap();
        prop_assert!(signature::verify_body(&header, &key, b"", now, u64::MAX).is_err());
    }

    /// Compares the array with the simplest model.
    #[test]
    fn the_array_is_an_ordered_map(steps in vec((0..30_i64, 0..4_u8), 0..60)) {
        let mut array = Array::new();
        let mut model: Vec<(i64, String)> = Vec::new();
        let mut highest = None;
        for (at, (number, step)) in steps.into_iter().enumerate() {
            let value = at.to_string();
            let number = if step == 0 { highest.map_or(0, |highest| highest + 1) } else { number };
            let place = model.iter().position(|(known, _)| *known == number);
            if step == 1 {
                let gone = place.map(|place| model.remove(place).1);
                prop_assert_eq!(array.remove(&form::Key::Int(number)), gone.map(form::Value::from));
                continue;
            }
            highest = highest.max(Some(number));
            match place.and_then(|place| model.get_mut(place)) {
                Some(entry) => entry.1 = value.clone(),
                None => model.push((number, value.clone())),
            }
            if step == 0 {
                prop_assert!(array.push(form::Value::Text(Cow::Owned(value.into_bytes()))));
            } else {
                array.insert(form::Key::Int(number), form::Value::from(value));
            }
        }
        prop_assert_eq!(array.len(), model.len());
        let expected: Array<'_> = model.iter().map(|(number, value)| (*number, value.as_str())).collect();
        prop_assert_eq!(&array, &expected);
        prop_assert_eq!(array.is_list(), model.iter().map(|entry| entry.0).eq(0..i64::try_from(model.len()).unwrap()));
    }
}

#[test]
fn the_strategies_reach_what_they_are_for() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let nested = Cell::new(0);
    runner
        .run(&body(), |body| {
            let form = Form::urlencoded(&body);
            let makes_array = form.fields().iter().any(|(_, value)| value.as_array().is_some());
            nested.set(nested.get() + u32::from(makes_array));
            Ok(())
        })
        .unwrap();
    assert!(nested.get() > 10, "only {} bodies make arrays", nested.get());
}
