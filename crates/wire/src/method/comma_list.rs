//! Lists that are written with commas between, or as PHP lists.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};

use crate::{Name, Price, Text, money::Money};

/// Names: empty ones are left out.
pub(super) struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = Vec<Name>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("names with commas between, or a list of them")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        let names = text.split(',').filter(|name| !name.trim().is_empty());
        names.map(|name| Name::new(name).map_err(E::custom)).collect()
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut names = Vec::new();
        while let Some(text) = list.next_element::<Text>()? {
            names.extend(Self.visit_str::<A::Error>(text.as_str())?);
        }
        Ok(names)
    }
}

/// Prices by position; an empty one is none. The comma separates, so kopecks stand behind a point.
pub(super) struct Prices;

impl<'de> Visitor<'de> for Prices {
    type Value = Vec<Option<Price>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("prices with commas between, or a list of them")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        text.split(',').map(price).collect()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut prices = Vec::new();
        while let Some(text) = list.next_element::<Text>()? {
            prices.push(price(text.as_str())?);
        }
        Ok(prices)
    }
}

fn price<E: de::Error>(text: &str) -> Result<Option<Price>, E> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let sum = Money::parse(text).map_err(E::custom)?;
    Price::new(sum).map(Some).map_err(E::custom)
}
