//! Reads and shows a product's fields by their names on the wire.

use billhook_store::products::{Product, ProductText};
use billhook_wire::{
    Form, Name, Price,
    method::{GoodFields, GoodType},
    query,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{nearest::nearest, record::GoodField};

/// The fields that the API has no parameter for.
const BEYOND_API: [&str; 2] = ["prepayment_enabled", "prepayment_minsum"];
/// The fields that `product set` takes, in the order of reports and exports.
pub(super) const FIELDS: [&str; GoodFields::NAMES.len() + BEYOND_API.len()] = {
    let mut fields = [""; _];
    let (of_api, beyond) = fields.split_at_mut(GoodFields::NAMES.len());
    of_api.copy_from_slice(GoodFields::NAMES);
    beyond.copy_from_slice(&BEYOND_API);
    fields
};

/// What is said of those.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Prepayment {
    #[serde(default)]
    prepayment_enabled: Option<bool>,
    #[serde(default)]
    prepayment_minsum: Option<Price>,
}

/// The fields that a command or a line sets.
#[derive(Debug, Clone)]
pub(super) struct Said {
    fields: GoodFields,
    prepayment: Prepayment,
    cleared: Vec<ProductText>,
    clears_title: bool,
}

impl Said {
    /// Reads values by names from [`field`]. An empty value clears a text, and is ignored for other fields.
    pub(super) fn read<'a>(
        good_name: &Name,
        said: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, String> {
        let mut pairs = vec![("good_name", good_name.as_str())];
        let mut cleared = Vec::new();
        let mut clears_title = false;
        for (name, value) in said {
            match ProductText::named(name) {
                _ if !value.is_empty() => pairs.push((name, value)),
                Some(text) => cleared.push(text),
                None if name == "good_title" => clears_title = true,
                None => return Err(format!("{name} can't be empty")),
            }
        }
        let mut body = Vec::new();
        query::build_pairs(pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())), &mut body);
        let form = Form::urlencoded(&body);
        // AddGood and UpdateGood read the same type.
        let fields = form.read().map_err(|error| format!("{}: {}", error.field(), error.reason()))?;
        let prepayment = form.read().map_err(|error| format!("{}: {}", error.field(), error.reason()))?;
        Ok(Self { fields, prepayment, cleared, clears_title })
    }

    /// The number of the product's new category; 0: none.
    pub(super) fn parent_id(&self) -> Option<i64> {
        self.fields.parent_id
    }

    /// Replaces the fields that are set.
    pub(super) fn apply(&self, good: &mut Product) {
        good.change(&self.fields);
        if self.clears_title {
            good.listing.good_title.clear();
        }
        for text in &self.cleared {
            good.texts.set(*text, "");
        }
        if let Some(enabled) = self.prepayment.prepayment_enabled {
            good.prepayment_enabled = enabled;
        }
        if let Some(minsum) = self.prepayment.prepayment_minsum {
            good.prepayment_minsum = minsum.sum();
        }
    }
}

/// The name of a field as the wire spells it; letter case does not matter.
pub(super) fn field(name: &str) -> Result<&'static str, String> {
    let name = name.trim();
    if name.eq_ignore_ascii_case("good_client_mailings") {
        return Ok("good_client_rassilki");
    }
    if let Some(field) = FIELDS.into_iter().find(|field| field.eq_ignore_ascii_case(name)) {
        return Ok(field);
    }
    Err(match nearest(name, FIELDS.into_iter()) {
        Some(near) => format!("a product has no field {name}: did you mean {near}?"),
        None => format!("a product has no field {name}: known are {}", FIELDS.join(", ")),
    })
}

pub(super) fn word(good_type: GoodType) -> &'static str {
    match good_type {
        GoodType::Digital => "digital",
        GoodType::Physical => "physical",
        GoodType::Floating => "floating",
    }
}

pub(super) fn value(good: &Product, field: &str) -> Value {
    match field {
        "good_title" => json!(good.listing.good_title),
        "good_sum" => json!(good.listing.good_sum),
        "good_type" => json!(word(good.good_type)),
        other => GoodField::named(other).map_or(Value::Null, |field| json!(field.get(good))),
    }
}

/// A value as text; a flag is 1 or 0.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => u8::from(*flag).to_string(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use billhook_store::products::Listing;
    use billhook_wire::{GoodId, Money};

    use super::*;

    #[test]
    fn what_is_said_is_kept_and_told() {
        let product =
            Listing { id: GoodId(1), good_name: "a".into(), good_title: "A".into(), good_sum: Money::ZERO };
        let mut good = Product::new(product);
        let name = Name::new("a").unwrap();
        let said: Vec<(&str, String)> = FIELDS
            .into_iter()
            .map(|field| {
                let text = match value(&good, field) {
                    Value::Bool(_) => "yes".to_owned(),
                    Value::Number(_) => "3".to_owned(),
                    _ if field == "good_type" => "physical".to_owned(),
                    _ if field == "good_timer_unit" => "day".to_owned(),
                    Value::String(sum) if sum == "0.00" => "12,5".to_owned(),
                    _ => format!("a & b = {field}%"),
                };
                (field, text)
            })
            .collect();
        let read = |said: &[(&str, String)]| {
            Said::read(&name, said.iter().map(|(name, text)| (*name, text.as_str())))
        };
        read(&said).unwrap().apply(&mut good);
        for (field, said) in &said {
            let told = text(&value(&good, field));
            let expected = match said.as_str() {
                "yes" => "1",
                "12,5" => "12.50",
                said => said,
            };
            assert_eq!(told, expected, "{field}");
        }
        // The fields as shown can be read again.
        let told: Vec<_> = FIELDS.into_iter().map(|field| (field, text(&value(&good, field)))).collect();
        let mut again = Product::new(good.listing.clone());
        read(&told).unwrap().apply(&mut again);
        assert_eq!(again, good);
        read(&[("good_download", String::new())]).unwrap().apply(&mut again);
        assert_eq!(again.texts.get(ProductText::Download), "");
        assert_eq!(read(&[("good_sum", String::new())]).unwrap_err(), "good_sum can't be empty");
        assert!(read(&[("good_sum", "-1".to_owned())]).unwrap_err().starts_with("good_sum: a price is"));
    }
}
