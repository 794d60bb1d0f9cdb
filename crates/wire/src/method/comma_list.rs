//! Lists that are sent as text with commas, or as PHP lists.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::{Name, Price, Text, money::Money};

/// Names, separated by commas.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Names(#[serde(deserialize_with = "names")] pub Vec<Name>);

/// Only orders with one of these products: ids and symbolic names, as a list or with commas (decision 25).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline, transparent))]
#[serde(transparent)]
pub struct Goods(#[serde(deserialize_with = "names")] pub Vec<Name>);

/// Prices by position, separated by commas; an empty one means the catalogue's price.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Prices(#[serde(deserialize_with = "prices")] pub Vec<Option<Price>>);

impl Serialize for Names {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names: Vec<_> = self.0.iter().map(Name::as_str).collect();
        serializer.serialize_str(&names.join(","))
    }
}

impl Serialize for Prices {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let price = |price: &Option<Price>| price.map_or_else(String::new, |price| price.sum().to_string());
        serializer.serialize_str(&self.0.iter().map(price).collect::<Vec<_>>().join(","))
    }
}

schema!(Names, { "type": "string", "description": "names with commas between", "examples": ["oplata,sales"] });
schema!(Prices, { "type": "string", "description": "prices with commas between, such as 100.50,,20" });

/// Writes names as a PHP list.
pub(super) fn as_list<S: Serializer>(names: &Names, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(&names.0)
}

/// Names, at least one of them.
pub(super) fn not_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Names, D::Error> {
    let names = names(deserializer)?;
    if names.is_empty() { Err(de::Error::custom("no name is in it")) } else { Ok(Names(names)) }
}

fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Name>, D::Error> {
    deserializer.deserialize_any(NamesVisitor)
}

fn prices<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Option<Price>>, D::Error> {
    deserializer.deserialize_any(PricesVisitor)
}

/// Skips empty names.
struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
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

    /// A list with gaps in its keys, as PHP leaves it after removing elements.
    fn visit_map<A: MapAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut names = Vec::new();
        while let Some((_, text)) = list.next_entry::<IgnoredAny, Text>()? {
            names.extend(Self.visit_str::<A::Error>(text.as_str())?);
        }
        Ok(names)
    }
}

/// The highest position that a price may have.
const POSITION_MAX: usize = 10_000;

/// Prices by position, or none if empty. The comma separates, so kopecks follow a point.
struct PricesVisitor;

impl<'de> Visitor<'de> for PricesVisitor {
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

    /// A list with gaps in its keys, because `http_build_query` leaves out nulls. The key is the position.
    fn visit_map<A: MapAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut prices = Vec::new();
        while let Some((position, text)) = list.next_entry::<usize, Text>()? {
            if position > POSITION_MAX {
                return Err(de::Error::custom("a price at a position that no product can have"));
            }
            if position >= prices.len() {
                prices.resize(position + 1, None);
            }
            if let Some(place) = prices.get_mut(position) {
                *place = price(text.as_str())?;
            }
        }
        Ok(prices)
    }
}

fn price<E: de::Error>(text: &str) -> Result<Option<Price>, E> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let sum = Money::parse_rounded(text).map_err(E::custom)?;
    Price::new(sum).map(Some).map_err(E::custom)
}

#[cfg(test)]
mod tests {
    use crate::{Code, Request, method::CreateOrder2};

    fn read(form: &str) -> Result<CreateOrder2, (Code, String)> {
        Request::read(None, form.as_bytes()).parameters()
    }

    /// PHP's `http_build_query` writes an empty text, but leaves out null.
    #[test]
    fn prices_in_a_list_keep_their_positions() {
        for form in [
            "product_prices[]=10.50&product_prices[]=&product_prices[]=3",
            "product_prices[0]=10.50&product_prices[2]=3",
            "product_prices[2]=3&product_prices[0]=10.50",
            "product_prices=10.50,,3",
        ] {
            let order = read(&format!("product_names[]=a&product_names[3]=b&{form}")).unwrap();
            assert_eq!(order.product_names.0.len(), 2, "{form}");
            let kopecks = order
                .product_prices
                .iter()
                .flat_map(|prices| &prices.0)
                .map(|price| price.map(|price| price.sum().kopecks()));
            assert_eq!(kopecks.collect::<Vec<_>>(), [Some(1050), None, Some(300)], "{form}");
        }
        for wrong in ["product_prices[-1]=1", "product_prices[a]=1", "product_prices[1000000000000]=1"] {
            let refused = read(&format!("product_names=a&{wrong}")).unwrap_err();
            assert_eq!(refused, (Code::WRONG_DATA, "product_prices".to_owned()), "{wrong}");
        }
    }
}
