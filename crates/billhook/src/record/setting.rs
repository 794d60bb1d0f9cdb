//! A product's settings in a catalogue line, by their names on the wire (section 6.2, decision 88).

use std::borrow::Cow;

use billhook_store::products::{Listing, Product, ProductText};
use billhook_wire::{
    Money, Percent,
    method::{GoodType, TimerUnit},
};
use serde::{Serialize, Serializer};

use super::{Fault, TEXT_BYTES_MAX, Value};

/// One setting's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Setting<'a> {
    Flag(bool),
    Number(i64),
    Count(u32),
    Sum(Money),
    Share(Percent),
    Type(GoodType),
    Unit(TimerUnit),
    Text(Cow<'a, str>),
}

macro_rules! good_fields {
    ($($field:ident = $name:literal, $kind:ident $($place:ident).+;)+) => {
        /// A setting of a product.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum GoodField {
            $($field,)+
            Text(ProductText),
        }

        impl GoodField {
            const PLAIN: &[Self] = &[$(Self::$field),+];

            /// The field's name in JSON and in a CSV header.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$field => $name,)+
                    Self::Text(text) => text.name(),
                }
            }

            pub(crate) fn get(self, good: &Product) -> Setting<'_> {
                match self {
                    $(Self::$field => Setting::$kind(good.$($place).+),)+
                    Self::Text(text) => Setting::Text(good.texts.get(text).into()),
                }
            }

            /// Sets it if the value has its type, as every value from [`GoodField::read`] does.
            fn put(self, good: &mut Product, setting: &Setting<'_>) {
                match (self, setting) {
                    $((Self::$field, Setting::$kind(value)) => good.$($place).+ = *value,)+
                    (Self::Text(text), Setting::Text(value)) => good.texts.set(text, &**value),
                    _ => {}
                }
            }

            pub(crate) fn read(self, value: Value<'_>) -> Result<Setting<'static>, Fault> {
                Ok(match self {
                    $(Self::$field => Setting::$kind(Read::read(&value)?),)+
                    Self::Text(_) => Setting::Text(value.text(TEXT_BYTES_MAX)?.into()),
                })
            }
        }
    };
}

good_fields! {
    Deleted = "good_deleted", Flag is_deleted;
    Type = "good_type", Type good_type;
    Parent = "parent_id", Number parent_id;
    NalozhOnly = "good_nalozh_only", Flag nalozh_only;
    PartnerShow = "good_partner_show", Flag partner_show;
    UseShort = "good_use_short", Flag use_short;
    Publish = "good_publish", Flag publish;
    Timer = "good_timer", Flag timer.is_on;
    TimerUnit = "good_timer_unit", Unit timer.unit;
    TimerDuration = "good_timer_duration", Count timer.duration;
    PartnerFee = "good_partner_fee", Sum partner_fee.sum;
    PartnerFeePerc = "good_partner_fee_perc", Share partner_fee.share;
    PartnerPfee = "good_partner_pfee", Sum partner_pfee.sum;
    PartnerPfeePerc = "good_partner_pfee_perc", Share partner_pfee.share;
    Rashod = "good_rashod", Sum rashod.sum;
    RashodPerc = "good_rashod_perc", Share rashod.share;
    PrepaymentEnabled = "prepayment_enabled", Flag prepayment_enabled;
    PrepaymentMinsum = "prepayment_minsum", Sum prepayment_minsum;
}

impl GoodField {
    /// All fields, in the order of an export.
    pub(crate) fn all() -> impl Iterator<Item = Self> + Clone {
        Self::PLAIN.iter().copied().chain(ProductText::ALL.into_iter().map(Self::Text))
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::all().find(|field| field.name() == name)
    }

    /// Its value in a product, unless that is the default.
    pub(crate) fn written(self, good: &Product) -> Option<Setting<'_>> {
        let setting = self.get(good);
        let is_default = match &setting {
            Setting::Flag(flag) => !flag,
            Setting::Number(number) => *number == 0,
            Setting::Count(count) => *count == 0,
            Setting::Sum(sum) => *sum == Money::ZERO,
            Setting::Share(share) => *share == Percent::ZERO,
            Setting::Type(kind) => *kind == GoodType::default(),
            Setting::Unit(unit) => *unit == TimerUnit::default(),
            Setting::Text(text) => text.is_empty(),
        };
        if is_default { None } else { Some(setting) }
    }
}

impl std::fmt::Display for Setting<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Count(count) => count.fmt(f),
            Self::Sum(sum) => sum.fmt(f),
            Self::Share(share) => share.fmt(f),
            // Its word on the wire is empty, and an empty CSV cell would be a field left out.
            Self::Type(GoodType::Floating) => f.write_str("floating"),
            Self::Type(kind) => f.write_str(kind.as_str()),
            Self::Unit(unit) => f.write_str(unit.as_str()),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Serialize for Setting<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Count(count) => serializer.serialize_u32(*count),
            Self::Text(text) => serializer.serialize_str(text),
            word => serializer.collect_str(word),
        }
    }
}

trait Read: Sized {
    fn read(value: &Value<'_>) -> Result<Self, Fault>;
}

impl Read for bool {
    fn read(value: &Value<'_>) -> Result<Self, Fault> {
        value.flag()
    }
}

impl Read for i64 {
    fn read(value: &Value<'_>) -> Result<Self, Fault> {
        value.number_or_none()
    }
}

impl Read for u32 {
    fn read(value: &Value<'_>) -> Result<Self, Fault> {
        let number = value.number_or_none()?;
        Self::try_from(number).map_err(|_| Fault(format!("at most {} is expected, not {value}", Self::MAX)))
    }
}

impl Read for Money {
    fn read(value: &Value<'_>) -> Result<Self, Fault> {
        value.price()
    }
}

impl Read for Percent {
    fn read(value: &Value<'_>) -> Result<Self, Fault> {
        Self::parse(&value.plain()).map_err(|error| Fault(format!("{error}, not {value}")))
    }
}

impl Read for GoodType {
    fn read(value: &Value<'_>) -> Result<Self, Fault> {
        Self::parse(&value.plain())
            .ok_or_else(|| Fault(format!("0, digital, 1, physical or floating is expected, not {value}")))
    }
}

impl Read for TimerUnit {
    fn read(value: &Value<'_>) -> Result<Self, Fault> {
        Self::parse(value.plain().trim())
            .ok_or_else(|| Fault(format!("min, hour or day is expected, not {value}")))
    }
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
        self.0.push((field, field.read(value)?));
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
