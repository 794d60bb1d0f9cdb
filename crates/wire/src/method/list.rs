//! Lists that may be long: written as JSON item by item while they are read, in one buffer with a bound.

use std::{fmt, marker::PhantomData, ops::Range};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::json;

/// The longest list, in bytes of its JSON (decision 64).
pub const LIST_BYTES_MAX: usize = 64 << 20;

/// A list of `T`, as its JSON.
pub struct List<T> {
    json: Box<RawValue>,
    items: PhantomData<fn() -> T>,
}

/// A list that is being written.
pub struct ListWriter<T> {
    json: Vec<u8>,
    pieces: Vec<(i64, Range<usize>)>,
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
        Self { json: Vec::new(), pieces: Vec::new(), items: PhantomData }
    }
}

impl<T: Serialize> ListWriter<T> {
    /// Adds an item; in the list it stands where `key` says, in ascending order.
    pub fn push(&mut self, key: i64, item: &T) -> Result<(), ListError> {
        let start = self.json.len();
        json::write(item, &mut self.json)?;
        if self.json.len() + self.pieces.len() > LIST_BYTES_MAX {
            return Err(ListError::TooLong);
        }
        self.pieces.push((key, start..self.json.len()));
        Ok(())
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The list, all of it or its last `most` items.
    pub fn finish(mut self, most: Option<usize>) -> Result<List<T>, ListError> {
        self.pieces.sort_by_key(|(key, _)| *key);
        let skipped = most.map_or(0, |most| self.pieces.len().saturating_sub(most));
        let mut list = Vec::with_capacity(self.json.len() + self.pieces.len() + 2);
        list.push(b'[');
        for (_, range) in self.pieces.into_iter().skip(skipped) {
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
        serde_json::from_str(self.json.get())
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
        let list = writer.finish(None).unwrap();
        assert_eq!(String::from_utf8(json::to_vec(&list).unwrap()).unwrap(), r#"["a","b","c\/d"]"#);
        assert_eq!(list.items().unwrap(), ["a", "b", "c/d"]);
        assert_eq!(
            serde_json::to_string(&ListWriter::<String>::default().finish(None).unwrap()).unwrap(),
            "[]"
        );
    }

    #[test]
    fn a_list_may_be_cut_to_its_last_items() {
        let mut writer = ListWriter::default();
        for key in [2, 1, 3] {
            writer.push(key, &key).unwrap();
        }
        assert_eq!(writer.finish(Some(2)).unwrap().items().unwrap(), [2, 3]);
    }

    #[test]
    fn a_list_has_a_bound() {
        let mut writer = ListWriter::default();
        let long = "x".repeat(LIST_BYTES_MAX / 2);
        writer.push(1, &long).unwrap();
        assert!(matches!(writer.push(2, &long), Err(ListError::TooLong)));
    }
}
