//! Random bodies, arrays and values, with many of the characters that matter to PHP's rules.

use std::{borrow::Cow, sync::LazyLock};

use billhook_wire::form::{Array, Key, MAX_VARIABLES, Value};
use rand::{Rng, RngExt as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Map, Number, Value as Json};

static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let pieces = "a|a|b|hash|rpsKey|email|[|[|]|]|[]|[a]|[0]|[1]|[-3]|[ ]|[+]|[%09]|[b]|%5B|%5D|.|+|%20|%00|\
    5|-5|05|-0|9223372036854775807|9223372036854775808|%|%zz|%4|%41|%FF|\t|__Host-|__Secure-|\
    _|%3D|%26|'|é|;";
    pieces.split('|').collect()
});
const VALUES: &[&str] = &[
    "1", "x", "", "=", "+", "%2B", "%", "%4", "%00", "%ff", "ж", "%D0%96", "[", "]", "~", "*", ";", ".", " ",
    "\r\n", "%0a",
];
static LETTERS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let pieces = "a|b|Z|0|9| |.|/|\"|\\|\n|\t|\u{8}|\u{c}|\r|\0|\u{1f}|\u{7f}|'|<|&|=|[|]|%|~|+|@|ж|é|€|漢|\
    \u{2028}|\u{feff}|\u{ffff}|\u{80}|\u{7ff}|\u{800}|\u{d7ff}|\u{e000}|😀|\u{10000}|\u{10ffff}";
    pieces.split('|').collect()
});

fn joined(pieces: &[&str], most: usize, dice: &mut StdRng) -> Vec<u8> {
    let count = dice.random_range(0..=most);
    let pieces = (0..count).filter_map(|_| pieces.choose(dice)).flat_map(|piece| piece.bytes());
    pieces.collect()
}

fn bytes(most: usize, dice: &mut StdRng) -> Vec<u8> {
    let mut bytes = vec![0; dice.random_range(0..=most)];
    dice.fill_bytes(&mut bytes);
    bytes
}

fn text(most: usize, dice: &mut StdRng) -> String {
    String::from_utf8(joined(&LETTERS, most, dice)).unwrap_or_default()
}

pub(crate) fn body(dice: &mut StdRng) -> Vec<u8> {
    let mut body = Vec::new();
    for at in 0..dice.random_range(0..=8) {
        if at > 0 {
            body.push(b'&');
        }
        body.extend(name(dice));
        if dice.random_ratio(9, 10) {
            body.push(b'=');
            body.extend(if dice.random_ratio(1, 20) { bytes(12, dice) } else { joined(VALUES, 4, dice) });
        }
    }
    body
}

fn name(dice: &mut StdRng) -> Vec<u8> {
    match dice.random_range(0..60) {
        // About PHP's maximum depth.
        0 => {
            let index = ["[]", "[x]", "[0]"].choose(dice).copied().unwrap_or_default();
            [b"a", index.repeat(dice.random_range(60..=68)).as_bytes()].concat()
        }
        1..3 => bytes(8, dice),
        _ => joined(&NAMES, 6, dice),
    }
}

/// A body with about PHP's maximum number of variables.
pub(crate) fn long_body(dice: &mut StdRng) -> Vec<u8> {
    let piece = |at: usize, dice: &mut StdRng| match dice.random_range(0..8) {
        0 => String::new(),
        1 => "=x".to_owned(),
        2 => "a[]=1".to_owned(),
        3 => "b=2".to_owned(),
        _ => format!("v{at}=1"),
    };
    let count = dice.random_range(MAX_VARIABLES - 4..=MAX_VARIABLES + 4);
    let pieces: Vec<_> = (0..count).map(|at| piece(at, dice)).collect();
    pieces.join("&").into_bytes()
}

/// A content type, and a multipart body.
pub(crate) fn multipart(dice: &mut StdRng) -> (String, Vec<u8>) {
    const TYPES: &[&str] = &[
        "multipart/form-data; boundary=B",
        "multipart/form-data; boundary=B",
        "multipart/form-data; boundary=B",
        "multipart/form-data; boundary=\"B\"",
        "Multipart/Form-Data; charset=x; BOUNDARY=B",
        "multipart/form-data; boundary=B, x",
        "multipart/form-data; boundary=",
        "multipart/form-data",
    ];
    const HEADERS: &[&str] = &[
        "Content-Disposition: form-data; name=\"",
        "Content-Disposition: form-data; name=\"",
        "Content-Disposition: form-data; name=",
        "content-disposition:form-data; NAME='",
        "Content-Type: text/plain\r\nContent-Disposition: form-data; x=\"y;\"; name=\"",
        "Content-Disposition: form-data; filename=\"f\"; name=\"",
        "X: y\r\n z\r\nContent-Disposition: form-data;\r\n name=\"",
        "X: y\r\n\r\nname=\"",
    ];
    const ENDS: &[&str] = &["\"", "\"", "\"", "'", "", "\"; filename=\"\"", "\"; x=y", "\" "];
    const PIECES: &[&str] = &[
        "a", "b", "hash", "[x]", "[]", "[", "]", ".", " ", "\\", "\\\"", "\"", "'", ";", "=", "%41", "+",
        "é", "\0", "\t", "5",
    ];
    const TEXTS: &[&str] = &[
        "1", "x", "", "\r", "\n", "\r\n", "--B", "-", "\r\n--B", "\r\n--Bx", "\r\n --B", "\0", "%41+", "é",
        "\u{ff}",
    ];
    const BREAKS: &[&str] = &["\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", ""];
    let pick =
        |from: &[&str], dice: &mut StdRng| from.choose(dice).copied().unwrap_or_default().as_bytes().to_vec();
    let mut body = Vec::new();
    for _ in 0..dice.random_range(0..=5) {
        body.extend_from_slice(b"--B");
        body.extend(pick(BREAKS, dice));
        body.extend(pick(HEADERS, dice));
        body.extend(joined(PIECES, 4, dice));
        body.extend(pick(ENDS, dice));
        body.extend(pick(BREAKS, dice));
        body.extend(pick(BREAKS, dice));
        body.extend(if dice.random_ratio(1, 10) { bytes(20, dice) } else { joined(TEXTS, 4, dice) });
        body.extend(pick(BREAKS, dice));
    }
    if dice.random_ratio(4, 5) {
        body.extend_from_slice(b"--B--\r\n");
    }
    let content_type = TYPES.choose(dice).copied().unwrap_or_default().to_owned();
    (content_type, body)
}

/// The same with about PHP's maximum number of variables and files.
pub(crate) fn long_multipart(dice: &mut StdRng) -> (String, Vec<u8>) {
    let count = dice.random_range(MAX_VARIABLES - 4..=MAX_VARIABLES + 4);
    let part = |at: usize, dice: &mut StdRng| {
        let file = if dice.random_ratio(1, 300) { "; filename=\"f\"" } else { "" };
        format!("--B\r\nContent-Disposition: form-data; name=\"v{}\"{file}\r\n\r\n1\r\n", at % 990)
    };
    let parts: String = (0..count).map(|at| part(at, dice)).collect();
    ("multipart/form-data; boundary=B".to_owned(), (parts + "--B--\r\n").into_bytes())
}

/// An array of any bytes, nested a few levels.
pub(crate) fn array(dice: &mut StdRng) -> Array<'static> {
    array_of(4, dice)
}

fn array_of(levels: u32, dice: &mut StdRng) -> Array<'static> {
    let is_list = dice.random_ratio(1, 4);
    let count = dice.random_range(0..=4);
    let mut array = Array::new();
    for _ in 0..count {
        let value = if levels > 1 && dice.random_ratio(1, 3) {
            Value::from(array_of(levels - 1, dice))
        } else {
            // Mostly UTF-8, as forms are.
            let text = if dice.random_ratio(1, 12) { bytes(6, dice) } else { joined(&LETTERS, 5, dice) };
            Value::Text(Cow::Owned(text))
        };
        if is_list {
            array.push(value);
        } else {
            array.insert(key(dice), value);
        }
    }
    array
}

fn key(dice: &mut StdRng) -> Key<'static> {
    match dice.random_range(0..8) {
        0 => Key::Int(dice.random_range(-2..4)),
        1 => Key::Int(*[i64::MAX, i64::MIN, 1, 0].choose(dice).unwrap_or(&0)),
        2 => Key::Int(dice.random()),
        3 if dice.random_ratio(1, 6) => Key::from(Cow::Owned(bytes(5, dice))),
        _ => Key::from(Cow::Owned(joined(&LETTERS, 3, dice))),
    }
}

/// A JSON value of any kind.
pub(crate) fn value(dice: &mut StdRng) -> Json {
    value_of(4, dice)
}

/// A JSON object, like a method's parameters.
pub(crate) fn object(dice: &mut StdRng) -> Map<String, Json> {
    object_of(4, dice)
}

fn value_of(levels: u32, dice: &mut StdRng) -> Json {
    let nested = if levels > 1 { 8 } else { 6 };
    match dice.random_range(0..nested) {
        0 => Json::Null,
        1 => Json::Bool(dice.random()),
        2 => Json::from(if dice.random() { dice.random::<i64>() } else { dice.random_range(-3..1_000) }),
        3 => Number::from_f64(float(dice)).map_or(Json::Null, Json::Number),
        4 | 5 => Json::String(text(6, dice)),
        6 => {
            let count = dice.random_range(0..=4);
            Json::Array((0..count).map(|_| value_of(levels - 1, dice)).collect())
        }
        _ => Json::Object(object_of(levels - 1, dice)),
    }
}

fn object_of(levels: u32, dice: &mut StdRng) -> Map<String, Json> {
    let count = dice.random_range(0..=4);
    let name = |dice: &mut StdRng| match dice.random_range(0..4) {
        0 => dice.random_range(-1..3_i64).to_string(),
        // PHP does not show a property whose name begins with NUL.
        _ => text(3, dice).trim_start_matches('\0').to_owned(),
    };
    (0..count).map(|_| (name(dice), value_of(levels, dice))).collect()
}

/// A float: random bits, a sum of money, or near a change of format.
fn float(dice: &mut StdRng) -> f64 {
    match dice.random_range(0..5) {
        0 => f64::from(dice.random_range(-10_000_000..10_000_000)) / 100.0,
        1 => {
            let digits: f64 =
                dice.random_range(1..10_000_000_000_000_000_u64).to_string().parse().unwrap_or_default();
            digits * 10_f64.powi(dice.random_range(-22..8))
        }
        // Half-way between two numbers of 14 digits.
        3 => {
            let half = 10_i64.pow(dice.random_range(0..3));
            let whole = dice.random_range(10_000_000_000_000..100_000_000_000_000_i64) / half * half;
            format!("{whole}5e{}", dice.random_range(-3..3)).parse().unwrap_or_default()
        }
        2 => 10_f64.powi(dice.random_range(-30..30)) * f64::from(dice.random_range(-3..4)),
        _ => f64::from_bits(dice.random()),
    }
}
