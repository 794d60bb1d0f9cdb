//! The record that `import` reads and `export` writes: an order, a product, or another entry of the account.
//!
//! Here are the fields' names and their values; [`json`] and [`csv`] are the two formats on disk. Both read a
//! field through [`Value`], so that a sum or a time means the same in either.

pub(crate) mod change;
pub(crate) mod contact;
pub(crate) mod contact_csv;
pub(crate) mod contact_put;
pub(crate) mod csv;
pub(crate) mod entry;
pub(crate) mod json;
mod payments;
mod setting;
mod value;

use std::{collections::HashMap, path::Path, sync::LazyLock};

use billhook_store::orders::{Handling, TextField, Texts, order_changes::Payment};
use billhook_wire::{Email, GoodId, Money, OrderId, PayStatus};
use clap::ValueEnum;
use jiff::tz::TimeZone;

pub(crate) use billhook_store::orders::LINES_MAX;
pub(crate) use billhook_store::products::product_settings::GoodField;
use billhook_wire::text::NAME_BYTES_MAX;
pub(crate) use billhook_wire::text::TEXT_BYTES_MAX;
pub(crate) use contact::ContactEntry;
pub(crate) use entry::Entry;
pub(crate) use setting::{Settings, has_settings};
pub(crate) use value::{Value, quoted};

use crate::nearest::nearest;

/// The maximum number of payments of an order in a file (decision 86).
pub(crate) const PAYMENTS_MAX: usize = 100_000;

/// What is wrong with a record, in one line without the record's line number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Fault(pub(crate) String);

impl Fault {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Puts the place of the fault in front.
    pub(crate) fn at(self, place: impl std::fmt::Display) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Jsonl,
    Csv,
}

impl Format {
    /// The format that a file's extension names.
    pub(crate) fn of(file: &Path) -> Option<Self> {
        match file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// A field of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Id,
    Email,
    PayStatus,
    Created,
    Paid,
    IsRecurrent,
    Deleted,
    KillAt,
    Delivery,
    Sent,
    Confirmed,
    Manager,
    Text(TextField),
    Payments,
}

impl Field {
    /// The fields that come first in an export.
    pub(crate) const FIRST: [Self; 6] =
        [Self::Id, Self::Email, Self::PayStatus, Self::Created, Self::Paid, Self::IsRecurrent];
    /// The fields about an order's handling, which come next.
    const HANDLING: [Self; 6] =
        [Self::Deleted, Self::KillAt, Self::Delivery, Self::Sent, Self::Confirmed, Self::Manager];

    /// All but the first fields.
    pub(crate) fn others() -> impl Iterator<Item = Self> + Clone {
        let texts = TextField::ALL.into_iter().map(Self::Text);
        Self::HANDLING.into_iter().chain(texts).chain([Self::Payments])
    }

    /// All fields, in the order of an export.
    pub(crate) fn all() -> impl Iterator<Item = Self> + Clone {
        Self::FIRST.into_iter().chain(Self::others())
    }

    /// The field's name in JSON and in a CSV header.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Email => "email",
            Self::PayStatus => "pay_status",
            Self::Created => "created",
            Self::Paid => "paid",
            Self::IsRecurrent => "is_recurrent",
            Self::Deleted => "deleted",
            Self::KillAt => "kill_at",
            Self::Delivery => "delivery",
            Self::Sent => "sent",
            Self::Confirmed => "confirmed",
            Self::Manager => "manager",
            Self::Text(text) => text.name(),
            Self::Payments => "payments",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        static NAMED: LazyLock<HashMap<&str, Field>> =
            LazyLock::new(|| Field::all().map(|field| (field.name(), field)).collect());
        NAMED.get(name).copied()
    }

    fn bit(self) -> u64 {
        match self {
            Self::Id => 1,
            Self::Email => 1 << 1,
            Self::PayStatus => 1 << 2,
            Self::Created => 1 << 3,
            Self::Paid => 1 << 4,
            Self::IsRecurrent => 1 << 5,
            Self::Deleted => 1 << 6,
            Self::KillAt => 1 << 7,
            Self::Delivery => 1 << 8,
            Self::Sent => 1 << 9,
            Self::Confirmed => 1 << 10,
            Self::Manager => 1 << 11,
            Self::Payments => 1 << 12,
            Self::Text(text) => 1 << (FIRST_TEXT_BIT + text as u32),
        }
    }
}

const FIRST_TEXT_BIT: u32 = 13;
const _: () = assert!(FIRST_TEXT_BIT as usize + TextField::COUNT <= 64, "a set of fields has 64 bits");

/// A field of an order's line, or of a catalogue entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ItemField {
    Id,
    GoodName,
    GoodTitle,
    Sum,
    Price,
    Pincode,
    PartnerFee,
    PartnerPfee,
}

impl ItemField {
    /// All fields, in the order of an export.
    pub(crate) const ALL: [Self; 8] = [
        Self::Id,
        Self::GoodName,
        Self::GoodTitle,
        Self::Sum,
        Self::Price,
        Self::Pincode,
        Self::PartnerFee,
        Self::PartnerPfee,
    ];
    /// Those that a catalogue entry has too.
    pub(crate) const OF_PRODUCT: [Self; 4] = [Self::Id, Self::GoodName, Self::GoodTitle, Self::Sum];

    /// Its name in JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::GoodName => "good_name",
            Self::GoodTitle => "good_title",
            Self::Sum => "sum",
            Self::Price => "price",
            Self::Pincode => "pincode",
            Self::PartnerFee => "partner_fee",
            Self::PartnerPfee => "partner_pfee",
        }
    }

    /// Its name in a CSV header.
    pub(crate) const fn column(self) -> &'static str {
        match self {
            Self::Id => "item_id",
            Self::GoodName => "item_good_name",
            Self::GoodTitle => "item_good_title",
            Self::Sum => "item_sum",
            Self::Price => "item_price",
            Self::Pincode => "item_pincode",
            Self::PartnerFee => "item_partner_fee",
            Self::PartnerPfee => "item_partner_pfee",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FieldSet(u64);

impl FieldSet {
    /// Adds a field; false if the set had it already.
    pub(crate) fn insert(&mut self, field: Field) -> bool {
        let new = self.0 & field.bit() == 0;
        self.0 |= field.bit();
        new
    }

    pub(crate) fn has(self, field: Field) -> bool {
        self.0 & field.bit() != 0
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Record {
    Order(Box<Draft>),
    /// An entry of the catalogue (decision 65).
    Product(ProductDraft),
    /// Anything else that an account has.
    Entry(Entry),
}

/// The fields of an order. A field that is not in `given` was left out, and its value here means nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    pub(crate) given: FieldSet,
    pub(crate) id: OrderId,
    /// `None` if the record says that no e-mail is known.
    pub(crate) email: Option<Email>,
    pub(crate) pay_status: PayStatus,
    /// Unix seconds.
    pub(crate) created: i64,
    /// Unix seconds; 0 if the record says that the order is not paid.
    pub(crate) paid: i64,
    pub(crate) is_recurrent: bool,
    /// The received sum follows from the payments.
    pub(crate) handling: Handling,
    pub(crate) payments: Vec<Payment>,
    pub(crate) texts: Texts,
    pub(crate) items: Vec<ItemDraft>,
}

impl Draft {
    /// Sets one field. Times without an offset are in `zone`.
    pub(crate) fn set(&mut self, field: Field, value: Value<'_>, zone: &TimeZone) -> Result<(), Fault> {
        match field {
            Field::Id => self.id = OrderId(value.number()?),
            Field::Email => self.email = value.email()?,
            Field::PayStatus => self.pay_status = value.pay_status()?,
            Field::Created => self.created = value.time(zone)?,
            Field::Paid => self.paid = value.time(zone)?,
            Field::IsRecurrent => self.is_recurrent = value.flag()?,
            Field::Deleted => self.handling.deleted = value.time(zone)?,
            Field::KillAt => self.handling.kill_at = value.time(zone)?,
            Field::Delivery => self.handling.delivery = value.delivery()?,
            Field::Sent => self.handling.sent = value.time(zone)?,
            Field::Confirmed => self.handling.confirmed = value.flag()?,
            Field::Manager => self.handling.manager = value.number_or_none()?,
            Field::Text(text) => self.texts.set(text, value.text(TEXT_BYTES_MAX)?),
            Field::Payments => self.pay(payments::of_cell(&value.plain(), zone)?),
        }
        self.given.insert(field);
        Ok(())
    }

    /// Sets the payments.
    fn pay(&mut self, payments: Vec<Payment>) {
        self.handling.received = payments.iter().map(|payment| payment.sum).sum();
        self.payments = payments;
        self.given.insert(Field::Payments);
    }
}

/// The fields of an order's line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ItemDraft {
    pub(crate) id: Option<GoodId>,
    pub(crate) good_name: Option<String>,
    pub(crate) good_title: Option<String>,
    pub(crate) sum: Option<Money>,
    pub(crate) price: Option<Money>,
    pub(crate) pincode: Option<String>,
    pub(crate) partner_fee: Option<Money>,
    pub(crate) partner_pfee: Option<Money>,
}

impl ItemDraft {
    /// Sets one field. An empty name or title counts as left out, since every product has one.
    pub(crate) fn set(&mut self, field: ItemField, value: Value<'_>) -> Result<(), Fault> {
        let non_empty = |text: String| Some(text).filter(|text| !text.is_empty());
        match field {
            ItemField::Id => self.id = Some(GoodId(value.number()?)),
            ItemField::GoodName => self.good_name = non_empty(value.text(NAME_BYTES_MAX)?),
            ItemField::GoodTitle => self.good_title = non_empty(value.text(TEXT_BYTES_MAX)?),
            ItemField::Sum => self.sum = Some(value.money()?),
            ItemField::Price => self.price = Some(value.money()?),
            ItemField::Pincode => self.pincode = Some(value.text(TEXT_BYTES_MAX)?),
            ItemField::PartnerFee => self.partner_fee = Some(value.money()?),
            ItemField::PartnerPfee => self.partner_pfee = Some(value.money()?),
        }
        Ok(())
    }
}

/// The fields of a catalogue entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ProductDraft {
    /// Its names and its price. Fields that only an order's line has are empty.
    pub(crate) item: ItemDraft,
    pub(crate) settings: Settings,
}

impl ProductDraft {
    /// Sets one field.
    pub(crate) fn set(&mut self, field: ItemField, value: Value<'_>) -> Result<(), Fault> {
        match field {
            ItemField::Id | ItemField::GoodName | ItemField::GoodTitle | ItemField::Sum => {
                self.item.set(field, value)
            }
            ItemField::Price | ItemField::Pincode | ItemField::PartnerFee | ItemField::PartnerPfee => {
                Err(Fault::new("belongs to an order's line, and not to a product"))
            }
        }
    }
}

/// How many unknown names a message lists.
const UNKNOWN_SHOWN: usize = 10;

/// The fault for unknown names, each with the known name that it resembles. If one resembles none, the fault
/// also gives `listed` and the number of `others`.
pub(crate) fn unknown(
    what: &str,
    names: &[&str],
    listed: impl Iterator<Item = &'static str> + Clone,
    others: impl Iterator<Item = &'static str> + Clone,
) -> Fault {
    let mut all_close = true;
    let shown = names.iter().take(UNKNOWN_SHOWN).map(|name| {
        let quoted = quoted(name.trim());
        if let Some(known) = nearest(name, listed.clone().chain(others.clone())) {
            return format!("{quoted} (did you mean `{known}`?)");
        }
        all_close = false;
        quoted
    });
    let mut text = shown.collect::<Vec<_>>().join(", ");
    let untold = names.len().saturating_sub(UNKNOWN_SHOWN);
    if untold > 0 {
        text = format!("{text} and {untold} more");
    }
    if !all_close {
        let more = match others.count() {
            0 => String::new(),
            more => format!(" and {more} more that `billhook import --help` names"),
        };
        text = format!("{text}; known are {}{more}", listed.collect::<Vec<_>>().join(", "));
    }
    Fault(format!("unknown {what} {text}"))
}

pub(crate) fn not_text(encoding: &str) -> Fault {
    let hint = if encoding == "UTF-8" { ": --encoding cp1251 names another encoding" } else { "" };
    Fault(format!("not valid {encoding}{hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_close_name_is_suggested() {
        let items = || ItemField::ALL.into_iter().map(ItemField::name);
        for (name, meant) in [
            ("name", Some("good_name")),
            ("title", Some("good_title")),
            ("Good_Name", Some("good_name")),
            ("goodname", Some("good_name")),
            ("prise", Some("price")),
            ("good", None),
            ("x", None),
            ("", None),
            ("quantity", None),
        ] {
            assert_eq!(nearest(name, items()), meant, "{name}");
        }
        let fields: Vec<_> = Field::all().map(Field::name).collect();
        for (name, meant) in [
            ("e-mail", Some("email")),
            ("customer_email", Some("email")),
            ("created_at", Some("created")),
            ("postal_code", Some("postalcode")),
            ("adress", Some("address")),
            // Several known names contain it.
            ("name", None),
            ("postal", None),
            ("delivered", Some("delivery")),
            ("Телефон", None),
        ] {
            assert_eq!(nearest(name, fields.iter().copied()), meant, "{name}");
        }
    }

    #[test]
    fn many_unknown_names_are_one_short_line() {
        let names: Vec<_> = std::iter::repeat_n("foo", 12).collect();
        let fault = unknown("columns", &names, ["id", "email"].into_iter(), ["tag"].into_iter());
        let ten = ["\"foo\""; 10].join(", ");
        assert_eq!(
            fault.0,
            format!(
                "unknown columns {ten} and 2 more; known are id, email and 1 more that `billhook import --help` names"
            )
        );
    }
}
