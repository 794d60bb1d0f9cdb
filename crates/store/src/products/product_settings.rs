//! A product's settings by their names on the wire (section 6.2, decision 88): what commands, catalogues and the cabinet read and show.

use std::borrow::Cow;

use billhook_wire::{
    Form, Money, Percent, Price, Text,
    form::FieldError,
    method::{GoodFields, GoodType, TimerUnit},
    query,
};
use serde::{Deserialize, Serialize, Serializer};

use crate::products::{Product, ProductText};

/// One setting's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting<'a> {
    /// On or off.
    Flag(bool),
    /// The number of something else; 0: none.
    Number(i64),
    /// How many.
    Count(u32),
    /// A sum.
    Sum(Money),
    /// A percentage.
    Share(Percent),
    /// A kind of product.
    Type(GoodType),
    /// A unit of time.
    Unit(TimerUnit),
    /// A text.
    Text(Cow<'a, str>),
}

macro_rules! good_fields {
    ($($field:ident = $name:literal, $kind:ident $($place:ident).+;)+) => {
        /// A setting of a product.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum GoodField {
            $(#[doc = concat!("`", $name, "`")] $field,)+
            /// One of the texts.
            Text(ProductText),
        }

        impl GoodField {
            const PLAIN: &[Self] = &[$(Self::$field),+];

            /// The field's name in JSON and in a CSV header.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$field => $name,)+
                    Self::Text(text) => text.name(),
                }
            }

            /// Its value in a product.
            pub fn get(self, good: &Product) -> Setting<'_> {
                match self {
                    $(Self::$field => Setting::$kind(good.$($place).+),)+
                    Self::Text(text) => Setting::Text(good.texts.get(text).into()),
                }
            }

            /// Sets it if the value has its type.
            pub fn put(self, good: &mut Product, setting: &Setting<'_>) {
                match (self, setting) {
                    $((Self::$field, Setting::$kind(value)) => good.$($place).+ = *value,)+
                    (Self::Text(text), Setting::Text(value)) => good.texts.set(text, &**value),
                    _ => {}
                }
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
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        Self::PLAIN.iter().copied().chain(ProductText::ALL.into_iter().map(Self::Text))
    }

    /// The field with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|field| field.name() == name)
    }

    /// Its value in a product, unless that is the default.
    pub fn written(self, good: &Product) -> Option<Setting<'_>> {
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

/// The fields that the API has no parameter for (decision 38).
const BEYOND_API: [&str; 2 + TEXTS_BEYOND_API.len()] = [
    "prepayment_enabled",
    "prepayment_minsum",
    TEXTS_BEYOND_API[0].name(),
    TEXTS_BEYOND_API[1].name(),
    TEXTS_BEYOND_API[2].name(),
];
pub(crate) const TEXTS_BEYOND_API: [ProductText; 3] =
    [ProductText::ApiUrlCancelOrder, ProductText::ApiUrlPrepaid, ProductText::ApiUrlMoneyback];
/// The fields that may be set, in the order of reports.
pub const FIELDS: [&str; GoodFields::NAMES.len() + BEYOND_API.len()] = {
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

/// Why what is said can't be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// This field can't be empty.
    #[error("{0} can't be empty")]
    Empty(String),
    /// This field can't be that, for this reason.
    #[error("{0}: {1}")]
    Value(String, String),
}

impl Wrong {
    /// The field's name.
    pub fn field(&self) -> &str {
        match self {
            Self::Empty(field) | Self::Value(field, _) => field,
        }
    }
}

/// The fields that a command, a line or a form sets.
#[derive(Debug, Clone)]
pub struct Said {
    fields: GoodFields,
    prepayment: Prepayment,
    /// Texts that the API has no parameter for, and those that are cleared.
    texts: Vec<(ProductText, String)>,
    clears_title: bool,
}

impl Said {
    /// Reads values by the names of [`FIELDS`]. An empty value clears a text.
    pub fn read<'a>(
        good_name: &'a str,
        said: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Wrong> {
        let mut pairs = vec![("good_name", good_name)];
        let mut texts = Vec::new();
        let mut clears_title = false;
        for (name, value) in said {
            match ProductText::named(name) {
                Some(text) if value.is_empty() || TEXTS_BEYOND_API.contains(&text) => {
                    let value =
                        Text::new(value).map_err(|error| Wrong::Value(name.to_owned(), error.to_string()))?;
                    texts.push((text, value.as_str().to_owned()));
                }
                _ if !value.is_empty() => pairs.push((name, value)),
                _ if name == "good_title" => clears_title = true,
                _ => return Err(Wrong::Empty(name.to_owned())),
            }
        }
        let mut body = Vec::new();
        query::build_pairs(pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())), &mut body);
        let form = Form::urlencoded(&body);
        // AddGood and UpdateGood read the same type.
        let wrong = |error: FieldError| Wrong::Value(error.field().to_owned(), error.reason().to_owned());
        let (fields, prepayment) = (form.read().map_err(wrong)?, form.read().map_err(wrong)?);
        Ok(Self { fields, prepayment, texts, clears_title })
    }

    /// The number of the product's new category; 0: none.
    pub fn parent_id(&self) -> Option<i64> {
        self.fields.parent_id
    }

    /// Replaces the fields that are set.
    pub fn apply(&self, good: &mut Product) {
        good.change(&self.fields);
        if self.clears_title {
            good.listing.good_title.clear();
        }
        for (field, text) in &self.texts {
            good.texts.set(*field, text);
        }
        if let Some(enabled) = self.prepayment.prepayment_enabled {
            good.prepayment_enabled = enabled;
        }
        if let Some(minsum) = self.prepayment.prepayment_minsum {
            good.prepayment_minsum = minsum.sum();
        }
    }
}

/// The value of one of [`FIELDS`] in a product.
pub fn value<'a>(good: &'a Product, field: &str) -> Setting<'a> {
    match field {
        "good_title" => Setting::Text(good.listing.good_title.as_str().into()),
        "good_sum" => Setting::Sum(good.listing.good_sum),
        other => GoodField::named(other).map_or(Setting::Text("".into()), |field| field.get(good)),
    }
}
