//! The signed envelope of every answer (section 3): the server writes it, the client reads it.

use std::{fmt, io};

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Value, value::RawValue};
use subtle::ConstantTimeEq;

use crate::{Code, Key, TextCase, json, signature};

#[derive(Serialize)]
struct Written<'a, T: ?Sized> {
    error_code: u16,
    error_text: &'a str,
    result: &'a T,
    hash: String,
}

/// Writes an answer's body: `error_code`, `error_text`, `result`, `hash`, in this order, as PHP's `json_encode` would.
pub fn write<T: Serialize + ?Sized>(
    code: Code,
    detail: Option<&str>,
    case: TextCase,
    result: &T,
    key: Option<&Key>,
) -> Result<Vec<u8>, serde_json::Error> {
    let mut body = Vec::with_capacity(512);
    write_to(&mut body, code, detail, case, result, key)?;
    Ok(body)
}

/// As [`write()`], into a writer, for example one that limits an answer's size.
pub fn write_to<T: Serialize + ?Sized>(
    body: impl io::Write,
    code: Code,
    detail: Option<&str>,
    case: TextCase,
    result: &T,
    key: Option<&Key>,
) -> Result<(), serde_json::Error> {
    put(body, code, &code.error_text(detail, case), result, key)
}

/// Writes an earlier answer again: the same text and result, signed anew.
pub fn repeat(
    code: Code,
    error_text: &str,
    result: &RawValue,
    key: Option<&Key>,
) -> Result<Vec<u8>, serde_json::Error> {
    let mut body = Vec::with_capacity(512);
    put(&mut body, code, error_text, result, key)?;
    Ok(body)
}

fn put<T: Serialize + ?Sized>(
    body: impl io::Write,
    code: Code,
    error_text: &str,
    result: &T,
    key: Option<&Key>,
) -> Result<(), serde_json::Error> {
    let hash = signature::answer(code, error_text, key);
    json::write(&Written { error_code: code.number(), error_text, result, hash }, body)
}

/// An answer as a client reads it, from any server that speaks the protocol.
#[derive(Deserialize)]
pub struct Answer {
    /// 0 means success. Servers send it as a number or as a text.
    #[serde(deserialize_with = "number")]
    pub error_code: i64,
    /// The code's text, which is part of the hash.
    #[serde(default)]
    pub error_text: String,
    /// The method's result as JSON; `None` if it is missing. The hash does not cover it.
    #[serde(default)]
    pub result: Option<Box<RawValue>>,
    /// The hash of code and text; empty if it is missing.
    #[serde(default, deserialize_with = "text_or_nothing")]
    pub hash: String,
}

impl Answer {
    /// Reads an answer's body.
    pub fn read(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }

    /// Whether the hash is right, in constant time. It covers only code and text: a forged `result` passes.
    pub fn verify(&self, key: &Key) -> bool {
        let expected = signature::answer_of(self.error_code, &self.error_text, Some(key));
        expected.as_bytes().ct_eq(self.hash.as_bytes()).into()
    }

    /// Whether the hash was made without a key, as if no account is known at the host (decision 3).
    pub fn is_keyless(&self) -> bool {
        self.hash == signature::answer_of(self.error_code, &self.error_text, None)
    }
}

impl fmt::Debug for Answer {
    /// Leaves out the result, which is customers' data, and the hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("error_code", &self.error_code)
            .field("error_text", &self.error_text)
            .finish_non_exhaustive()
    }
}

/// A number, or a numeric text.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let number = match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| de::Error::custom("a number, or a numeric text, is expected"))
}

/// Anything but text becomes an empty hash, which is wrong; it does not make the answer malformed.
fn text_or_nothing<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        _ => String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::parse("0123456789abcdef0123456789abcdef").unwrap()
    }

    #[test]
    fn as_php_would_write_it() {
        let result = serde_json::json!({"good_title": "Ж/1"});
        let body = write(Code::OK, None, TextCase::Sentence, &result, Some(&key())).unwrap();
        assert_eq!(
            String::from_utf8(body).unwrap(),
            r#"{"error_code":0,"error_text":"OK","result":{"good_title":"\u0416\/1"},"hash":"668ea0c09598e61d3a64059cca33d964"}"#
        );
        let body = write(Code::IP_DENIED, Some("::1"), TextCase::Lower, &[(); 0], None).unwrap();
        let answer = Answer::read(&body).unwrap();
        assert_eq!((answer.error_code, &*answer.error_text), (6, "permission denied for ip ::1"));
        assert_eq!(answer.result.as_ref().unwrap().get(), "[]");
        assert_eq!(
            answer.hash,
            signature::md5_hex(["6::permission denied for ip ::1::"])
                .map(char::from)
                .iter()
                .collect::<String>()
        );
        assert!(!answer.verify(&key()));
    }

    #[test]
    fn an_answer_can_be_given_again() {
        let result = serde_json::json!({"good_title": "Ж/1"});
        let first = write(Code::OK, None, TextCase::Lower, &result, Some(&key())).unwrap();
        let Answer { error_text, result, .. } = Answer::read(&first).unwrap();
        assert_eq!(repeat(Code::OK, &error_text, &result.unwrap(), Some(&key())).unwrap(), first);
    }

    #[test]
    fn answers_of_other_servers() {
        let hash = "668ea0c09598e61d3a64059cca33d964";
        for body in [
            format!(r#"{{"error_code":0,"error_text":"OK","result":[1],"hash":"{hash}"}}"#),
            format!(r#"{{"hash":"{hash}","error_code":"0","error_text":"OK","more":1}}"#),
        ] {
            assert!(Answer::read(body.as_bytes()).unwrap().verify(&key()), "{body}");
        }
        for hash in ["true", "null", "[]", "\"\"", "\"668EA0C09598E61D3A64059CCA33D964\""] {
            let body = format!(r#"{{"error_code":0,"error_text":"OK","hash":{hash}}}"#);
            assert!(!Answer::read(body.as_bytes()).unwrap().verify(&key()), "{body}");
        }
        let unsigned = Answer::read(br#"{"error_code":400,"result":null}"#).unwrap();
        assert!(unsigned.result.is_none() && !unsigned.verify(&key()));
        for body in [
            "",
            "[]",
            "{}",
            r#"{"error_code":"x"}"#,
            r#"{"error_code":1.5}"#,
            r#"{"error_code":18446744073709551615}"#,
        ] {
            assert!(Answer::read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
