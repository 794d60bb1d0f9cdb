//! PHP's array: an ordered map whose keys are integers or byte strings.

use std::{borrow::Cow, fmt};

use foldhash::fast::RandomState;
use indexmap::IndexMap;

/// The fields of a usual form.
const USUAL_FIELDS: usize = 8;

/// PHP's array: ordered, with integer or text keys, and a next index.
///
/// [`Debug`] shows every value, so it must not be logged.
#[derive(Clone, Default)]
pub struct Array<'a> {
    /// In the order in which keys were first put in.
    ///
    /// Strangers choose the keys, and foldhash hardly defends against keys that collide. So the bound is that a form has at
    /// most [`MAX_VARIABLES`](super::MAX_VARIABLES): the worst ones cost some milliseconds.
    entries: IndexMap<Key<'a>, Value<'a>, RandomState>,
    /// The highest integer key that there ever was.
    highest: Option<i64>,
}

/// A key. A text that is the canonical decimal of a signed 64-bit integer becomes that integer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key<'a> {
    /// An integer.
    Int(i64),
    /// Any other text.
    Text(Cow<'a, [u8]>),
}

/// The value of a key.
#[derive(Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// A text, exactly as it was sent.
    Text(Cow<'a, [u8]>),
    /// An array.
    Array(Box<Array<'a>>),
}

impl<'a> Array<'a> {
    /// The empty array.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Key<'a>, &Value<'a>)> {
        self.entries.iter()
    }

    /// The value of `name`; a canonical integer finds the integer key.
    pub fn get(&self, name: &[u8]) -> Option<&Value<'a>> {
        self.get_key(&Key::from(name))
    }

    /// The value of `key`.
    pub fn get_key(&self, key: &Key<'_>) -> Option<&Value<'a>> {
        let place = self.entries.get_index_of(key)?;
        self.entries.get_index(place).map(|(_, value)| value)
    }

    /// Sets the value of `key`. An existing key keeps its position.
    pub fn insert(&mut self, key: Key<'a>, value: Value<'a>) {
        *self.entry(key) = value;
    }

    /// Appends a value under the next index: one above the highest integer key that the array ever had, or 0.
    /// After negative keys it is 0 as well, as in PHP's forms. False if there is no higher integer.
    pub fn push(&mut self, value: Value<'a>) -> bool {
        let Some(key) = self.next_index() else { return false };
        self.insert(Key::Int(key), value);
        true
    }

    /// Removes the entry with this key.
    pub fn remove(&mut self, key: &Key<'_>) -> Option<Value<'a>> {
        let place = self.entries.get_index_of(key)?;
        self.entries.shift_remove_index(place).map(|(_, value)| value)
    }

    /// Whether the keys are 0, 1, … in this order, so that PHP writes a JSON list. The empty array is a list.
    pub fn is_list(&self) -> bool {
        (0..).zip(self.iter()).all(|(at, (key, _))| *key == Key::Int(at))
    }

    /// An empty array with capacity for a usual form.
    pub(super) fn with_room() -> Self {
        Self {
            entries: IndexMap::with_capacity_and_hasher(USUAL_FIELDS, RandomState::default()),
            highest: None,
        }
    }

    /// The array under `key`; a missing one, or a text, is replaced by an empty array.
    pub(super) fn enter(&mut self, key: Key<'a>) -> Option<&mut Array<'a>> {
        let value = self.entry(key);
        if matches!(value, Value::Text(_)) {
            *value = Value::Array(Box::default());
        }
        value.as_array_mut()
    }

    /// A new array at the next index; `None` if there is no higher integer.
    pub(super) fn enter_next(&mut self) -> Option<&mut Array<'a>> {
        let key = self.next_index()?;
        self.enter(Key::Int(key))
    }

    fn next_index(&self) -> Option<i64> {
        match self.highest {
            None => Some(0),
            Some(highest) => highest.checked_add(1),
        }
    }

    /// What stands under `key`, made at the end if there is nothing.
    fn entry(&mut self, key: Key<'a>) -> &mut Value<'a> {
        if let Key::Int(number) = key {
            self.highest = self.highest.max(Some(number));
        }
        if self.entries.is_empty() {
            // Most nested arrays hold one entry. Spare capacity would let a small body use much memory.
            self.entries.reserve_exact(1);
        }
        self.entries.entry(key).or_insert(Value::Text(Cow::Borrowed(b"")))
    }
}

impl<'a> Value<'a> {
    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(text),
            Self::Array(_) => None,
        }
    }

    /// The array, if it is one.
    pub fn as_array(&self) -> Option<&Array<'a>> {
        match self {
            Self::Text(_) => None,
            Self::Array(array) => Some(array),
        }
    }

    fn as_array_mut(&mut self) -> Option<&mut Array<'a>> {
        match self {
            Self::Text(_) => None,
            Self::Array(array) => Some(array),
        }
    }
}

/// The integer whose canonical decimal is `text`: no `+`, no leading zero, no `-0`, within 64 bits.
fn canonical_integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    match digits {
        [b'0'] if digits.len() == text.len() => return Some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 && digits.iter().all(u8::is_ascii_digit) => {}
        _ => return None,
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

impl<'a> From<Cow<'a, [u8]>> for Key<'a> {
    fn from(text: Cow<'a, [u8]>) -> Self {
        canonical_integer(&text).map_or(Self::Text(text), Self::Int)
    }
}

impl<'a> From<&'a [u8]> for Key<'a> {
    fn from(text: &'a [u8]) -> Self {
        Cow::Borrowed(text).into()
    }
}

impl<'a> From<&'a str> for Key<'a> {
    fn from(text: &'a str) -> Self {
        text.as_bytes().into()
    }
}

impl From<i64> for Key<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(text: &'a [u8]) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        text.as_bytes().into()
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text.into_bytes()))
    }
}

impl<'a> From<Array<'a>> for Value<'a> {
    fn from(array: Array<'a>) -> Self {
        Self::Array(Box::new(array))
    }
}

impl<'a, K: Into<Key<'a>>, V: Into<Value<'a>>> FromIterator<(K, V)> for Array<'a> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut array = Self::new();
        for (key, value) in entries {
            array.insert(key.into(), value.into());
        }
        array
    }
}

impl PartialEq for Array<'_> {
    /// Equal entries in the same order, like PHP's `===`.
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Array<'_> {}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => number.fmt(f),
            Self::Text(text) => String::from_utf8_lossy(text).fmt(f),
        }
    }
}

impl fmt::Debug for Array<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "\"{}\"", text.escape_ascii()),
            Self::Array(array) => array.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_integers_are_integer_keys() {
        for (text, number) in [
            ("0", 0),
            ("5", 5),
            ("-1", -1),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(Key::from(text), Key::Int(number), "{text}");
        }
        for text in [
            "",
            "-",
            "00",
            "05",
            "-0",
            "-05",
            "+1",
            "1.5",
            "1e3",
            "0x1",
            "1 ",
            " 1",
            "9223372036854775808",
            "--1",
        ] {
            assert!(matches!(Key::from(text), Key::Text(_)), "{text}");
        }
    }

    #[test]
    fn many_entries_are_found_replaced_and_removed() {
        let mut array = Array::new();
        for number in 0..100_i64 {
            array.insert(Key::Int(number * 3), Value::from(number.to_string()));
        }
        array.insert(Key::Int(30), Value::from("new"));
        assert_eq!(array.remove(&Key::Int(3)), Some(Value::from("1")));
        assert_eq!(array.remove(&Key::Int(3)), None);
        assert_eq!(array.len(), 99);
        assert_eq!(array.get(b"30"), Some(&Value::from("new")));
        assert_eq!(array.get(b"297"), Some(&Value::from("99")));
        array.insert(Key::Int(3), Value::from("again"));
        assert_eq!(array.iter().next_back(), Some((&Key::Int(3), &Value::from("again"))));
        assert!(array.push(Value::from("pushed")));
        assert_eq!(array.get(b"298"), Some(&Value::from("pushed")));
        for number in 0..100_i64 {
            assert!(array.get_key(&Key::Int(number * 3)).is_some(), "{number}");
        }
    }

    #[test]
    fn nothing_follows_the_highest_integer() {
        let mut array: Array<'_> = [(i64::MAX, "x")].into_iter().collect();
        assert!(!array.push(Value::from("y")));
        assert_eq!(array.len(), 1);
    }
}
