//! Bodies of type `application/x-www-form-urlencoded`.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::{Array, Form, MAX_VARIABLES, name};

pub(super) fn read(body: &[u8]) -> Form<'_> {
    let mut form = Form { fields: Array::with_room(), ..Form::default() };
    let mut start = 0;
    let mut pairs = 0;
    while let Some(rest) = body.get(start..).filter(|rest| !rest.is_empty()) {
        let length = memchr(b'&', rest).unwrap_or(rest.len());
        let pair = rest.get(..length).unwrap_or_default();
        let (name, value) = match memchr(b'=', pair) {
            Some(at) => (pair.get(..at).unwrap_or_default(), pair.get(at + 1..).unwrap_or_default()),
            None => (pair, b"".as_slice()),
        };
        if !name.is_empty() {
            let effect = name::register(&mut form.fields, decode(name), decode(value));
            form.over_limit |= effect.too_deep;
            if effect.is_hash {
                form.hash_pairs.push(start..start + length);
            }
        }
        // Skipped pieces count too. PHP checks the limit after storing a pair, so it keeps one more.
        pairs += 1;
        if pairs > MAX_VARIABLES {
            form.over_limit = true;
            break;
        }
        start += length + 1;
    }
    form
}

/// Decodes percent encoding. `+` is a space; a `%` without two hex digits after it stays.
pub(crate) fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr2(b'%', b'+', text) else { return Cow::Borrowed(text) };
    let mut decoded = Vec::with_capacity(text.len());
    decoded.extend_from_slice(text.get(..first).unwrap_or_default());
    let mut rest = text.get(first..).unwrap_or_default();
    loop {
        match rest {
            [] => return Cow::Owned(decoded),
            [b'%', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                decoded.push(hex_digit(*high) << 4 | hex_digit(*low));
                rest = after;
            }
            [byte, after @ ..] => {
                decoded.push(if *byte == b'+' { b' ' } else { *byte });
                rest = after;
            }
        }
    }
}

/// The value of a hex digit.
fn hex_digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).wrapping_sub(b'a').wrapping_add(10),
    }
}
