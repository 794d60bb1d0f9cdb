//! PHP's `http_build_query`, which writes the signed text (section 2.1).

use serde_json::{Map, Value as Json};

use crate::{
    form::{Array, Key, Value},
    json,
};

/// Appends `array` like `http_build_query`: in order, with brackets for nesting, without empty arrays.
pub fn build(array: &Array<'_>, query: &mut Vec<u8>) {
    build_without(array, &[], query);
}

/// Like [`build`], without the variables `omitted`.
pub(crate) fn build_without(array: &Array<'_>, omitted: &[&[u8]], query: &mut Vec<u8>) {
    let mut writer = Writer { start: query.len(), query, prefix: Vec::new() };
    for (key, value) in array.iter() {
        if !matches!(key, Key::Text(name) if omitted.contains(&&**name)) {
            writer.entry(key, value, false);
        }
    }
}

/// Appends pairs with literal names: `rid[0]` is encoded as it is, and nothing is dropped.
pub fn build_pairs<'a>(pairs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>, query: &mut Vec<u8>) {
    let start = query.len();
    for (name, value) in pairs {
        if query.len() > start {
            query.push(b'&');
        }
        encode(name, query);
        query.push(b'=');
        encode(value, query);
    }
}

/// Appends `text` percent-encoded: letters, digits, `-`, `.`, `_` stay, a space becomes `+`, others `%XX`.
pub fn encode(text: &[u8], query: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        let plain = rest.iter().take_while(|byte| is_plain(**byte)).count();
        let Some((stay, after)) = rest.split_at_checked(plain) else { return };
        query.extend_from_slice(stay);
        let Some((byte, after)) = after.split_first() else { return };
        match byte {
            b' ' => query.push(b'+'),
            _ => query.extend_from_slice(&[b'%', upper_digit(byte >> 4), upper_digit(byte & 15)]),
        }
        rest = after;
    }
}

/// The PHP array of a JSON object: null is left out, booleans are 1 and 0, floats have PHP's 14 digits.
///
/// A method serialises to such an object.
pub fn from_json(object: &Map<String, Json>) -> Array<'_> {
    object.iter().filter_map(|(name, value)| Some((Key::from(name.as_str()), php_value(value)?))).collect()
}

fn php_value(value: &Json) -> Option<Value<'_>> {
    Some(match value {
        Json::Null => return None,
        Json::Bool(true) => Value::from("1"),
        Json::Bool(false) => Value::from("0"),
        Json::String(text) => Value::from(text.as_str()),
        Json::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => Value::from(json::float::to_query(float)),
            _ => Value::from(number.to_string()),
        },
        Json::Array(list) => {
            // A null keeps its index, so later elements are not renumbered.
            let entries = (0_i64..).zip(list).filter_map(|(at, value)| Some((at, php_value(value)?)));
            Value::from(entries.collect::<Array<'_>>())
        }
        Json::Object(object) => Value::from(from_json(object)),
    })
}

/// Writes entries one after another; `prefix` is the encoded name of the current array.
struct Writer<'q> {
    query: &'q mut Vec<u8>,
    start: usize,
    prefix: Vec<u8>,
}

impl Writer<'_> {
    fn entry(&mut self, key: &Key<'_>, value: &Value<'_>, is_nested: bool) {
        match value {
            Value::Text(text) => {
                if self.query.len() > self.start {
                    self.query.push(b'&');
                }
                self.query.extend_from_slice(&self.prefix);
                name(key, is_nested, self.query);
                self.query.push(b'=');
                encode(text, self.query);
            }
            Value::Array(array) => {
                let length = self.prefix.len();
                name(key, is_nested, &mut self.prefix);
                for (key, value) in array.iter() {
                    self.entry(key, value, true);
                }
                self.prefix.truncate(length);
            }
        }
    }
}

/// Appends a key, in encoded brackets if it is nested.
fn name(key: &Key<'_>, is_nested: bool, out: &mut Vec<u8>) {
    if is_nested {
        out.extend_from_slice(b"%5B");
    }
    match key {
        Key::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Key::Text(text) => encode(text, out),
    }
    if is_nested {
        out.extend_from_slice(b"%5D");
    }
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_')
}

fn upper_digit(value: u8) -> u8 {
    match value {
        0..=9 => b'0' + value,
        _ => b'A' + (value - 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(json: &str) -> String {
        let json: Map<String, Json> = serde_json::from_str(json).unwrap();
        let mut query = Vec::new();
        build(&from_json(&json), &mut query);
        String::from_utf8(query).unwrap()
    }

    #[test]
    fn json_becomes_what_php_would_send() {
        assert_eq!(
            built(
                r#"{"a":true,"b":false,"c":null,"d":"","e":[1,null,"x y"],"f":{"g.h":1.5,"i":[]},"j":1e15,"k":-0.0}"#
            ),
            "a=1&b=0&d=&e%5B0%5D=1&e%5B2%5D=x+y&f%5Bg.h%5D=1.5&j=1.0E%2B15&k=-0"
        );
    }

    #[test]
    fn literal_names_are_encoded_as_they_stand() {
        let mut query = b"x".to_vec();
        build_pairs([(b"rid[0]".as_slice(), b"a~".as_slice()), (b"", b""), (b"rid[0]", b"b")], &mut query);
        assert_eq!(query, b"xrid%5B0%5D=a%7E&=&rid%5B0%5D=b");
    }
}
