//! JSON as PHP's `json_encode` writes it with default flags: pure ASCII, `/` escaped, no spaces.

pub(crate) mod float;

use std::io;

use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

/// Writes `value` as PHP would.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut json = Vec::with_capacity(256);
    write(value, &mut json)?;
    Ok(json)
}

/// Writes `value` as PHP would, into a writer. NaN and infinity, at which PHP fails, become `null`.
pub fn write<T: Serialize + ?Sized>(value: &T, json: impl io::Write) -> Result<(), serde_json::Error> {
    value.serialize(&mut Serializer::with_formatter(json, Php))
}

/// PHP's format: `serde_json` calls it for non-ASCII text, slashes and floats.
struct Php;

impl Formatter for Php {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        json: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((plain, odd, after)) = split_at_odd(rest) {
            json.write_all(plain.as_bytes())?;
            write_odd(json, odd)?;
            rest = after;
        }
        json.write_all(rest.as_bytes())
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, json: &mut W, value: f64) -> io::Result<()> {
        json.write_all(float::to_json(value).as_bytes())
    }
}

/// Splits at the first character that must be escaped.
fn split_at_odd(text: &str) -> Option<(&str, char, &str)> {
    let at = text.bytes().position(|byte| byte >= 0x80 || byte == b'/')?;
    let (plain, rest) = text.split_at_checked(at)?;
    let mut chars = rest.chars();
    Some((plain, chars.next()?, chars.as_str()))
}

fn write_odd<W: ?Sized + io::Write>(json: &mut W, odd: char) -> io::Result<()> {
    if odd == '/' {
        return json.write_all(b"\\/");
    }
    for unit in odd.encode_utf16(&mut [0; 2]) {
        let [high, low] = unit.to_be_bytes();
        let [a, b, c, d] = [high >> 4, high & 15, low >> 4, low & 15]
            .map(|digit| if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
        json.write_all(&[b'\\', b'u', a, b, c, d])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn php(value: &(impl Serialize + ?Sized)) -> String {
        String::from_utf8(to_vec(value).unwrap()).unwrap()
    }

    #[test]
    fn text_is_ascii() {
        assert_eq!(
            php("a/b\"\\\u{8}\u{c}\n\r\t\u{1}\u{7f}'<&>"),
            r#""a\/b\"\\\b\f\n\r\t\u0001"#.to_owned() + "\u{7f}'<&>\""
        );
        assert_eq!(php("Ж\u{2028}😀\u{ffff}"), r#""\u0416\u2028\ud83d\ude00\uffff""#);
        assert_eq!(
            php(&[("к/", 1.0)].into_iter().collect::<std::collections::BTreeMap<_, _>>()),
            r#"{"\u043a\/":1}"#
        );
    }
}
