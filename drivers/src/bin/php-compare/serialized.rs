//! Our values in PHP's `serialize` format, which shows order and types of keys too.

use std::io::Write as _;

use billhook_wire::form::{Array, Key, Value};
use serde_json::{Map, Value as Json};

pub(crate) fn array(array: &Array<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    write_array(array, &mut out);
    out
}

/// A JSON value; an object is a PHP object.
pub(crate) fn value(value: &Json) -> Vec<u8> {
    let mut out = Vec::new();
    write_json(value, Objects::Kept, &mut out);
    out
}

/// A JSON object as a PHP array, with all objects in it as arrays too.
pub(crate) fn object_as_array(object: &Map<String, Json>) -> Vec<u8> {
    let mut out = Vec::new();
    write_object(object, Objects::AsArrays, &mut out);
    out
}

#[derive(Clone, Copy, PartialEq)]
enum Objects {
    Kept,
    AsArrays,
}

fn write_array(array: &Array<'_>, out: &mut Vec<u8>) {
    put(out, format_args!("a:{}:{{", array.len()));
    for (key, value) in array.iter() {
        write_key(key, out);
        match value {
            Value::Text(text) => write_text(text, out),
            Value::Array(inner) => write_array(inner, out),
        }
    }
    out.push(b'}');
}

fn write_key(key: &Key<'_>, out: &mut Vec<u8>) {
    match key {
        Key::Int(number) => put(out, format_args!("i:{number};")),
        Key::Text(text) => write_text(text, out),
    }
}

fn write_text(text: &[u8], out: &mut Vec<u8>) {
    put(out, format_args!("s:{}:\"", text.len()));
    out.extend_from_slice(text);
    out.extend_from_slice(b"\";");
}

fn write_json(value: &Json, objects: Objects, out: &mut Vec<u8>) {
    match value {
        Json::Null => put(out, format_args!("N;")),
        Json::Bool(flag) => put(out, format_args!("b:{};", u8::from(*flag))),
        Json::Number(number) if number.is_f64() => {
            put(out, format_args!("d:{:e};", number.as_f64().unwrap_or_default()));
        }
        Json::Number(number) => put(out, format_args!("i:{number};")),
        Json::String(text) => write_text(text.as_bytes(), out),
        Json::Array(list) => {
            put(out, format_args!("a:{}:{{", list.len()));
            for (at, value) in list.iter().enumerate() {
                put(out, format_args!("i:{at};"));
                write_json(value, objects, out);
            }
            out.push(b'}');
        }
        Json::Object(object) => write_object(object, objects, out),
    }
}

fn write_object(object: &Map<String, Json>, objects: Objects, out: &mut Vec<u8>) {
    let is_kept = objects == Objects::Kept;
    let start = if is_kept { "O:8:\"stdClass\"" } else { "a" };
    put(out, format_args!("{start}:{}:{{", object.len()));
    for (name, value) in object {
        if is_kept {
            write_text(name.as_bytes(), out);
        } else {
            write_key(&Key::from(name.as_str()), out);
        }
        write_json(value, objects, out);
    }
    out.push(b'}');
}

/// Writing to memory can't fail.
fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_as_php_writes_it() {
        let body = b"a[5]=x&b[]=%ff&5=";
        let form = billhook_wire::Form::urlencoded(body);
        let expected = b"a:3:{s:1:\"a\";a:1:{i:5;s:1:\"x\";}s:1:\"b\";a:1:{i:0;s:1:\"\xff\";}i:5;s:0:\"\";}";
        assert_eq!(array(form.fields()).escape_ascii().to_string(), expected.escape_ascii().to_string());
        let json = serde_json::json!({"1": [true, null, 1.5, -2], "k": {}});
        let kept = br#"O:8:"stdClass":2:{s:1:"1";a:4:{i:0;b:1;i:1;N;i:2;d:1.5e0;i:3;i:-2;}s:1:"k";O:8:"stdClass":0:{}}"#;
        assert_eq!(value(&json), kept);
        let object = json.as_object().unwrap();
        let as_arrays = br#"a:2:{i:1;a:4:{i:0;b:1;i:1;N;i:2;d:1.5e0;i:3;i:-2;}s:1:"k";a:0:{}}"#;
        assert_eq!(object_as_array(object), as_arrays);
    }
}
