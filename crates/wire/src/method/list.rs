//! Lists that may be long: their JSON is written item by item into one limited buffer.

use std::{fmt, marker::PhantomData, ops::Range};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{json, loose};

/// The longest list, in bytes of JSON (decision 64).
pub const LIST_BYTES_MAX: usize = 64 << 20;

/// A list that keeps only its last items drops the others when it has grown by this many bytes.
const DROPPED_BYTES_MIN: usize = 1 << 20;

/// A list of `T`, as its JSON.
pub struct List<T> {
    json: Box<RawValue>,
    items: PhantomData<fn() -> T>,
}

/// A list in progress.
pub struct ListWriter<T> {
    json: Vec<u8>,
    pieces: Vec<(i64, Range<usize>)>,
    /// The maximum number of items, those with the highest keys; `None`: no limit.
    most: Option<usize>,
    /// The maximum length of the list in bytes.
    bytes_max: usize,
    items: PhantomData<fn(T)>,
}

/// Why an item was not added.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The list would be longer than [`LIST_BYTES_MAX`].
    #[error("the list is longer than 64 MiB")]
    TooLong,
    /// The item can't be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl<T> Default for ListWriter<T> {
    fn default() -> Self {
        Self::new(None)
    }
}

impl<T> ListWriter<T> {
    /// An empty list. If it gets more than `most` items, it keeps those with the highest keys. Dropped items
    /// do not count towards the maximum length.
    pub fn new(most: Option<usize>) -> Self {
        Self { json: Vec::new(), pieces: Vec::new(), most, bytes_max: LIST_BYTES_MAX, items: PhantomData }
    }

    fn bytes(&self) -> usize {
        self.json.len() + self.pieces.len()
    }

    /// Sorts the items, and drops those beyond the maximum number.
    fn drop_surplus(&mut self) {
        self.pieces.sort_by_key(|(key, _)| *key);
        let surplus = self.most.map_or(0, |most| self.pieces.len().saturating_sub(most));
        if surplus == 0 {
            return;
        }
        self.pieces.drain(..surplus);
        let mut kept = Vec::with_capacity(self.json.len() / 2);
        for (_, range) in &mut self.pieces {
            let start = kept.len();
            kept.extend_from_slice(self.json.get(range.clone()).unwrap_or_default());
            *range = start..kept.len();
        }
        self.json = kept;
    }
}

impl<T: Serialize> ListWriter<T> {
    /// Adds an item. Items are sorted by ascending `key`.
    pub fn push(&mut self, key: i64, item: &T) -> Result<(), ListError> {
        let start = self.json.len();
        json::write(item, &mut self.json)?;
        self.pieces.push((key, start..self.json.len()));
        let bytes = self.bytes();
        // Rarely, so that each item is moved only a few times.
        let is_time = self.most.is_some_and(|most| {
            bytes > 2 * self.bytes_max || (bytes > DROPPED_BYTES_MIN && self.pieces.len() / 2 > most)
        });
        if is_time {
            self.drop_surplus();
        }
        if self.bytes() > self.bytes_max && (is_time || self.most.is_none()) {
            return Err(ListError::TooLong);
        }
        Ok(())
    }

    /// The number of items.
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The list.
    pub fn finish(mut self) -> Result<List<T>, ListError> {
        self.drop_surplus();
        if self.bytes() > self.bytes_max {
            return Err(ListError::TooLong);
        }
        let mut list = Vec::with_capacity(self.bytes() + 2);
        list.push(b'[');
        for (_, range) in self.pieces {
            if list.len() > 1 {
                list.push(b',');
            }
            list.extend_from_slice(self.json.get(range).unwrap_or_default());
        }
        list.push(b']');
        Ok(List { json: serde_json::from_slice(&list)?, items: PhantomData })
    }
}

impl<T: DeserializeOwned> List<T> {
    /// The items.
    pub fn items(&self) -> Result<Vec<T>, serde_json::Error> {
        loose::from_str(self.json.get())
    }
}

impl<T> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "List({} bytes)", self.json.get().len())
    }
}

impl<T> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { json: Box::deserialize(deserializer)?, items: PhantomData })
    }
}

#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for List<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}List", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let items = generator.subschema_for::<T>();
        schemars::json_schema!({ "type": "array", "items": items })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_stand_in_the_order_of_their_keys() {
        let mut writer = ListWriter::default();
        for (key, item) in [(3, "c/d"), (1, "a"), (2, "b")] {
            writer.push(key, &item.to_owned()).unwrap();
        }
        let list = writer.finish().unwrap();
        assert_eq!(String::from_utf8(json::to_vec(&list).unwrap()).unwrap(), r#"["a","b","c\/d"]"#);
        assert_eq!(list.items().unwrap(), ["a", "b", "c/d"]);
        assert_eq!(serde_json::to_string(&ListWriter::<String>::default().finish().unwrap()).unwrap(), "[]");
    }

    #[test]
    fn a_list_may_be_cut_to_its_last_items() {
        let mut writer = ListWriter::new(Some(2));
        for key in [2, 1, 3] {
            writer.push(key, &key).unwrap();
        }
        assert_eq!(writer.finish().unwrap().items().unwrap(), [2, 3]);
        assert_eq!(ListWriter::<i64>::new(Some(2)).finish().unwrap().items().unwrap(), [] as [i64; 0]);
    }

    #[test]
    fn a_list_has_a_bound() {
        let long = "x".repeat(50);
        let mut writer = ListWriter { bytes_max: 100, ..ListWriter::default() };
        writer.push(1, &long).unwrap();
        assert!(matches!(writer.push(2, &long), Err(ListError::TooLong)));
    }

    /// However many items are dropped.
    #[test]
    fn what_is_not_kept_does_not_make_a_list_too_long() {
        let few = |most| ListWriter { bytes_max: 1000, ..ListWriter::new(Some(most)) };
        let long = "x".repeat(90);
        let mut writer = few(3);
        for key in 0..64 {
            // In no order.
            writer.push(key * 37 % 64, &format!("{} {long}", key * 37 % 64)).unwrap();
            assert!(writer.json.len() < 2200);
        }
        let kept = writer.finish().unwrap().items().unwrap();
        let starts: Vec<_> = kept.iter().map(|item| &item[..3]).collect();
        assert_eq!(starts, ["61 ", "62 ", "63 "]);

        let mut writer = few(32);
        let outcome = (0..64).try_for_each(|key| writer.push(key, &long));
        assert!(matches!(outcome, Err(ListError::TooLong)));
        let mut writer = few(32);
        (0..12).try_for_each(|key| writer.push(key, &long)).unwrap();
        assert!(matches!(writer.finish(), Err(ListError::TooLong)));
    }
}
