//! Fuzz checks of request bodies (`cargo xtask fuzz`), and tests that run them briefly.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "what is checked for a test fails by panicking"
)]

mod naive;

use memchr::memmem;

use crate::{
    Code, Form, Key, Login, Method, Request,
    form::{self, Array, MAX_VARIABLES, Value},
    method::{CreateOrder, GetBills},
    query,
};

/// A urlencoded body.
///
/// Its variables must equal those of a simple model of PHP's code. Written again and read again, they must be
/// the same. The signed text must be the body without its `hash`, and must match the key and no other.
pub fn form(body: &[u8]) {
    let form = Form::urlencoded(body);
    let (fields, over_limit) = naive::urlencoded(body);
    assert_eq!(form.over_limit(), over_limit);
    naive::assert_same(form.fields(), &fields);
    stable(form.fields());

    let (login, key) = credentials();
    let request = Request::read(None, body);
    let raw = request.raw_query().expect("it is urlencoded");
    if !over_limit {
        let mut rest = form.fields().clone();
        rest.remove(&form::Key::from("hash"));
        assert_eq!(*Form::urlencoded(&raw).fields(), rest, "the body without its hash");
    }
    refused_with_a_code::<GetBills>(&request);
    refused_with_a_code::<CreateOrder>(&request);

    // The hash of the variables is right, however the body spells them, if the body has room for it.
    let hash = crate::signature::request(&request.encoded_query(), &login, &key);
    let signed = [body, b"&hash=", &hash].concat();
    if !Form::urlencoded(&signed).over_limit() {
        assert_eq!(Request::read(None, &signed).verify(&login, &[&other_key(), &key]), Some(&key));
    }
}

/// A line with a content type, and a multipart body.
///
/// Every value must occur in the body. A body that cURL makes from the variables must have the same
/// variables.
pub fn multipart(data: &[u8]) {
    let end = memchr::memchr(b'\n', data).unwrap_or(data.len());
    let (content_type, body) = data.split_at(end);
    let body = body.get(1..).unwrap_or_default();
    let form = Form::multipart(content_type, body);
    each_text(form.fields(), &mut |text| assert!(memmem::find(body, text).is_some(), "a value of its own"));
    let with_lists = Form::multipart_with_lists(content_type, body);
    assert!(with_lists.len() <= MAX_VARIABLES);
    let request = Request::read(Some(content_type), body);
    refused_with_a_code::<GetBills>(&request);

    as_curl_sends(data);
}

/// The lines of `data` are names and values. As multipart they must make the same variables as urlencoded.
fn as_curl_sends(data: &[u8]) {
    const BOUNDARY: &str = "------------------------0123456789abcdef";
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut pairs = Vec::new();
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        // cURL escapes the end of a name, and PHP does not decode it. An empty name ends PHP's reading.
        let is_plain = !name.iter().any(|byte| matches!(byte, b'"' | b'\\' | b'\r' | b'\0'));
        let is_apart = memmem::find(value, BOUNDARY.as_bytes()).is_none();
        if is_plain && is_apart && !name.is_empty() && name.len() < 4_000 {
            pairs.push((name, value));
        }
    }
    let mut parts = Vec::new();
    for (name, value) in &pairs {
        let head = b"\r\nContent-Disposition: form-data; name=\"".as_slice();
        parts.extend([b"--", BOUNDARY.as_bytes(), head, name, b"\"\r\n\r\n", value, b"\r\n"].concat());
    }
    parts.extend([b"--", BOUNDARY.as_bytes(), b"--\r\n"].concat());
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let sent = Form::multipart(content_type.as_bytes(), &parts);

    let mut body = Vec::new();
    query::build_pairs(pairs, &mut body);
    let urlencoded = Form::urlencoded(&body);
    // Multipart accepts one variable less.
    if !urlencoded.over_limit() && !sent.over_limit() {
        assert_eq!(sent.fields(), urlencoded.fields());
    }
}

/// Variables written by `http_build_query` and read again must stay the same from the second time on. The
/// first time PHP renames what no form can send.
fn stable(fields: &Array<'_>) {
    let written = |fields: &Array<'_>| {
        let mut text = Vec::new();
        query::build(fields, &mut text);
        text
    };
    let once = written(fields);
    let again = Form::urlencoded(&once);
    let twice = written(again.fields());
    assert_eq!(Form::urlencoded(&twice).fields(), again.fields());
    assert_eq!(once.escape_ascii().to_string(), twice.escape_ascii().to_string());
}

fn refused_with_a_code<M: Method>(request: &Request<'_>) {
    if let Err((code, _)) = request.parameters::<M>() {
        assert!(Code::ALL.contains(&code) && code.number() != 0, "{code:?}");
    }
}

fn each_text(fields: &Array<'_>, take: &mut impl FnMut(&[u8])) {
    for (_, value) in fields.iter() {
        match value {
            Value::Text(text) => take(text),
            Value::Array(array) => each_text(array, take),
        }
    }
}

fn credentials() -> (Login, Key) {
    let login = Login::parse("demo").expect("a login");
    (login, Key::parse("0123456789abcdef0123456789abcdef").expect("a key"))
}

fn other_key() -> Key {
    Key::parse("fedcba9876543210fedcba9876543210").expect("a key")
}

#[cfg(test)]
mod tests {
    use billhook_test_kit::replay;

    #[test]
    fn forms() {
        replay("form", super::form);
    }

    #[test]
    fn multipart_bodies() {
        replay("multipart", super::multipart);
    }
}
