//! A product's settings in a catalogue line (decision 88).

use billhook_store::products::{
    Listing, Product,
    product_settings::{GoodField, Setting},
};
use billhook_wire::{
    Percent,
    method::{GoodType, TimerUnit},
};

use super::{Fault, TEXT_BYTES_MAX, Value};

/// Reads a value as the type that a field has.
fn read(field: GoodField, value: Value<'_>) -> Result<Setting<'static>, Fault> {
    let known = |what: &str| Fault(format!("{what} is expected, not {value}"));
    Ok(match field.get(&Product::default()) {
        Setting::Flag(_) => Setting::Flag(value.flag()?),
        Setting::Number(_) => Setting::Number(value.number_or_none()?),
        Setting::Count(_) => {
            let count = u32::try_from(value.number_or_none()?);
            Setting::Count(count.map_err(|_| known(&format!("at most {}", u32::MAX)))?)
        }
        Setting::Sum(_) => Setting::Sum(value.price()?),
        Setting::Share(_) => {
            let share = Percent::parse(&value.plain());
            Setting::Share(share.map_err(|error| Fault(format!("{error}, not {value}")))?)
        }
        Setting::Type(_) => {
            let kind = GoodType::parse(&value.plain());
            Setting::Type(kind.ok_or_else(|| known("0, digital, 1, physical or floating"))?)
        }
        Setting::Unit(_) => {
            let unit = TimerUnit::parse(value.plain().trim());
            Setting::Unit(unit.ok_or_else(|| known("min, hour or day"))?)
        }
        Setting::Text(_) => Setting::Text(value.text(TEXT_BYTES_MAX)?.into()),
    })
}

/// Whether a product has more than its names and its price.
pub(crate) fn has_settings(good: &Product) -> bool {
    GoodField::all().any(|field| field.written(good).is_some())
}

/// A product's settings in a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settings(Vec<(GoodField, Setting<'static>)>);

impl Settings {
    /// Sets one field.
    pub(crate) fn set(&mut self, field: GoodField, value: Value<'_>) -> Result<(), Fault> {
        self.0.push((field, read(field, value)?));
        Ok(())
    }

    /// The product with these settings applied.
    pub(crate) fn over(&self, mut good: Product, product: Listing) -> Product {
        good.listing = product;
        for (field, setting) in &self.0 {
            field.put(&mut good, setting);
        }
        good
    }
}
