//! A product's fields by their names, as people type and read them.

use billhook_store::products::{
    Product,
    product_settings::{self, FIELDS, Setting},
};
use billhook_wire::method::GoodType;
use serde_json::{Value, json};

use crate::nearest::nearest;

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
    match product_settings::value(good, field) {
        Setting::Type(kind) => json!(word(kind)),
        setting => json!(setting),
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
    use billhook_store::products::{Listing, ProductText, product_settings::Said};
    use billhook_wire::{GoodId, Money};

    use super::*;

    #[test]
    fn what_is_said_is_kept_and_told() {
        let product =
            Listing { id: GoodId(1), good_name: "a".into(), good_title: "A".into(), good_sum: Money::ZERO };
        let mut good = Product::new(product);
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
        let read =
            |said: &[(&str, String)]| Said::read("a", said.iter().map(|(name, text)| (*name, text.as_str())));
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
        assert_eq!(read(&[("good_sum", String::new())]).unwrap_err().to_string(), "good_sum can't be empty");
        let wrong = read(&[("good_sum", "-1".to_owned())]).unwrap_err().to_string();
        assert!(wrong.starts_with("good_sum: a price is"), "{wrong}");
    }
}
