//! Reads a method's parameters from a form: serde's deserializer for PHP's array.
//!
//! Empty text means "not given" (decision 45), so such a field counts as absent, unless the method lists it.
//! Unknown fields are skipped without reading their values, because callers send anything there.

use std::{cell::RefCell, fmt, str};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor},
    forward_to_deserialize_any,
};

use super::{Array, Key, Value};

/// A field that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    field: String,
    reason: String,
    is_missing: bool,
    is_duplicate: bool,
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is missing or empty (decision 45).
    Missing,
    /// Its value is invalid.
    Wrong,
}

impl Error {
    /// The field's name as it was sent, or, if it is missing, as the method spells it. For a nested field,
    /// the name of the outermost one.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Why it is wrong. May quote the value.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Whether it is missing or wrong.
    pub fn fault(&self) -> Fault {
        if self.is_missing { Fault::Missing } else { Fault::Wrong }
    }

    fn new(reason: String) -> Self {
        Self { field: String::new(), reason, is_missing: false, is_duplicate: false }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "field {}: {}", self.field, self.reason)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::new(reason.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self { field: field.to_owned(), is_missing: true, ..Self::new("missing or empty".to_owned()) }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self { field: field.to_owned(), is_duplicate: true, ..Self::new("sent under two names".to_owned()) }
    }
}

/// Reads `T` from the fields of `form`. Empty fields count as absent, except those in the given list.
///
/// If a field is sent under two of its names, the first one counts. serde refuses that without a way to
/// continue, so the form is read again without the later one.
pub(crate) fn parameters<'de, T: Deserialize<'de>>(
    form: &'de Array<'_>,
    may_be_empty: &'static [&'static str],
) -> Result<T, Error> {
    let reading = Reading { may_be_empty, ..Reading::default() };
    loop {
        match T::deserialize(Fields { array: form, reading: &reading }) {
            Err(error) if error.is_duplicate && reading.drop_current() => {}
            read => return read,
        }
    }
}

/// The skipped fields, and the last one read. A field is identified by its key's position.
#[derive(Default)]
struct Reading {
    current: RefCell<Option<*const ()>>,
    dropped: RefCell<Vec<*const ()>>,
    may_be_empty: &'static [&'static str],
}

impl Reading {
    fn look_at(&self, key: &Key<'_>) {
        self.current.replace(Some(address(key)));
    }

    fn is_dropped(&self, key: &Key<'_>) -> bool {
        let dropped = self.dropped.borrow();
        !dropped.is_empty() && dropped.contains(&address(key))
    }

    fn may_be_empty(&self, key: &Key<'_>) -> bool {
        matches!(key, Key::Text(name) if self.may_be_empty.iter().any(|other| name.as_ref() == other.as_bytes()))
    }

    fn drop_current(&self) -> bool {
        let current = self.current.take();
        self.dropped.borrow_mut().extend(current);
        current.is_some()
    }
}

fn address(key: &Key<'_>) -> *const () {
    std::ptr::from_ref(key).cast()
}

fn is_given(value: &Value<'_>) -> bool {
    !matches!(value, Value::Text(text) if text.is_empty())
}

/// An array, read as a struct, a map or a list.
#[derive(Clone, Copy)]
struct Fields<'f, 'de, 'a> {
    array: &'de Array<'a>,
    reading: &'f Reading,
}

impl<'de> Fields<'_, 'de, '_> {
    fn map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let is_given = |key: &Key<'_>, value: &Value<'_>| is_given(value) || self.reading.may_be_empty(key);
        let entries =
            self.array.iter().filter(|(key, value)| is_given(key, value) && !self.reading.is_dropped(key));
        visitor.visit_map(Entries { left: entries, value: None, reading: self.reading })
    }

    fn list<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let values = self.array.iter().map(|(_, value)| value).filter(|value| is_given(value));
        visitor.visit_seq(Values { values, reading: self.reading })
    }
}

impl<'de> Deserializer<'de> for Fields<'_, 'de, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        // A list or a map may be read by position, so empty elements are passed too.
        if self.array.is_list() {
            let values = self.array.iter().map(|(_, value)| value);
            visitor.visit_seq(Values { values, reading: self.reading })
        } else {
            self.map(visitor)
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.map(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.list(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct tuple tuple_struct enum identifier
    }
}

struct Entries<'f, 'de, 'a, I> {
    left: I,
    value: Option<(&'de Key<'a>, &'de Value<'a>)>,
    reading: &'f Reading,
}

impl<'de, 'a: 'de, I: Iterator<Item = (&'de Key<'a>, &'de Value<'a>)>> MapAccess<'de>
    for Entries<'_, 'de, 'a, I>
{
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((key, value)) = self.left.next() else { return Ok(None) };
        self.value = Some((key, value));
        self.reading.look_at(key);
        match key {
            Key::Int(number) => seed.deserialize(Text { text: number.to_string().as_bytes() }),
            Key::Text(text) => seed.deserialize(Name { text }),
        }
        .map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let Some((key, value)) = self.value.take() else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        let read = match value {
            Value::Text(text) => seed.deserialize(Text { text }),
            Value::Array(array) => seed.deserialize(Fields { array, reading: self.reading }),
        };
        // The outermost name is set last and stays. Duplicates inside are identified by key, not by name.
        read.map_err(|error| Error { field: key.to_string(), ..error })
    }
}

struct Values<'f, I> {
    values: I,
    reading: &'f Reading,
}

impl<'de, 'a: 'de, I: Iterator<Item = &'de Value<'a>>> SeqAccess<'de> for Values<'_, I> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some(value) = self.values.next() else { return Ok(None) };
        match value {
            Value::Text(text) => seed.deserialize(Text { text }),
            Value::Array(array) => seed.deserialize(Fields { array, reading: self.reading }),
        }
        .map(Some)
    }
}

/// A field's name. One that is not UTF-8 matches nothing, and is no error.
#[derive(Clone, Copy)]
struct Name<'t> {
    text: &'t [u8],
}

impl<'de> Deserializer<'de> for Name<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match str::from_utf8(self.text) {
            Ok(text) => visitor.visit_str(text),
            Err(_) => visitor.visit_bytes(self.text),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        Text { text: self.text }.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// The text of a key, or an integer key.
#[derive(Clone, Copy)]
struct Text<'t> {
    text: &'t [u8],
}

impl<'t> Text<'t> {
    fn utf8(self) -> Result<&'t str, Error> {
        str::from_utf8(self.text).map_err(|_| de::Error::custom("not UTF-8"))
    }

    fn number<T: str::FromStr>(self) -> Result<T, Error> {
        let text = self.utf8()?.trim_ascii();
        text.parse().map_err(|_| de::Error::custom("not a number that fits"))
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(self.number()?)
        }
    )+};
}

impl<'de> Deserializer<'de> for Text<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        Name { text: self.text }.deserialize_any(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.utf8()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.utf8()?)
    }

    numbers! {
        deserialize_i8 visit_i8
        deserialize_i16 visit_i16
        deserialize_i32 visit_i32
        deserialize_i64 visit_i64
        deserialize_i128 visit_i128
        deserialize_u8 visit_u8
        deserialize_u16 visit_u16
        deserialize_u32 visit_u32
        deserialize_u64 visit_u64
        deserialize_u128 visit_u128
        deserialize_f32 visit_f32
        deserialize_f64 visit_f64
    }

    /// `1`, `true`, `on`, `yes`; `0`, `false`: letter case does not matter (decision 24).
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let is = |words: &[&str]| words.iter().any(|word| self.text.eq_ignore_ascii_case(word.as_bytes()));
        if is(&["1", "true", "on", "yes"]) {
            visitor.visit_bool(true)
        } else if is(&["0", "false"]) {
            visitor.visit_bool(false)
        } else {
            Err(de::Error::custom("neither 1, true, on, yes nor 0, false"))
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bytes(self.text)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bytes(self.text)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self.utf8()?.into_deserializer())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        char unit unit_struct seq tuple tuple_struct map struct identifier
    }
}

#[cfg(test)]
mod tests;
