//! Numbers that are sent as text, as API 1.0 does for what it stores (decision 9). Numbers are read, too.

use serde::{Deserialize as _, Deserializer, Serializer, de};
use serde_json::Value;

pub(super) fn serialize<T: Copy + Into<i64>, S: Serializer>(
    number: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&(*number).into())
}

pub(super) fn deserialize<'de, T: From<i64>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let number = match Value::deserialize(deserializer)? {
        Value::Null => Some(0),
        Value::Number(number) => number.as_i64(),
        Value::String(text) if text.is_empty() => Some(0),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.map(T::from).ok_or_else(|| de::Error::custom("a number, or a numeric text, is expected"))
}
