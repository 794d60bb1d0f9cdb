//! Records as JSON Lines: one object per line, read strictly, always written in the same order.

use std::{fmt, io, iter, marker::PhantomData};

use billhook_store::{
    orders::{Order, order_changes::Payment, order_record::OrderRecord},
    products::Product,
};
use jiff::tz::TimeZone;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor},
    ser::SerializeMap,
};

use super::{
    Draft, Entry, Fault, Field, FieldSet, GoodField, ItemDraft, ItemField, LINES_MAX, PAYMENTS_MAX,
    ProductDraft, Record, Value, payments, unknown,
};

/// Reads one line. Times without an offset are in `zone`.
pub(crate) fn read(line: &str, zone: &TimeZone) -> Result<Record, Fault> {
    let mut deserializer = serde_json::Deserializer::from_str(line);
    let record = RecordOf { zone }.deserialize(&mut deserializer).map_err(|error| fault(&error))?;
    deserializer.end().map_err(|error| fault(&error))?;
    record
}

/// serde's message. Its line is always 1, and its column is useful only if the JSON is broken.
fn fault(error: &serde_json::Error) -> Fault {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    // The message may repeat a text of the line, of any length.
    let mut short: String = text.strip_suffix(&place).unwrap_or(&text).chars().take(200).collect();
    if short.len() + place.len() < text.len() {
        short.push('…');
    }
    if error.is_data() { Fault(short) } else { Fault(format!("{short}, column {}", error.column())) }
}

/// A whole line. The inner error is a fault that concerns the record as a whole.
struct RecordOf<'z> {
    zone: &'z TimeZone,
}

/// A key of a line's object.
enum Key {
    Field(Field),
    Items,
    Product,
    /// The key's name.
    Entry(&'static str),
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Named(|name: &str| match name {
            "items" => Ok(Self::Items),
            "product" => Ok(Self::Product),
            _ if let Some(kind) = Entry::KINDS.into_iter().find(|kind| *kind == name) => {
                Ok(Self::Entry(kind))
            }
            _ => Field::named(name).map(Self::Field).ok_or_else(|| {
                let listed = Field::FIRST.into_iter().map(Field::name).chain(["items", "product"]);
                unknown("field", &[name], listed, Field::others().map(Field::name))
            }),
        }))
    }
}

impl<'de> Deserialize<'de> for ItemField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Named(|name: &str| {
            Self::named(name).ok_or_else(|| {
                unknown("field of an item", &[name], Self::ALL.into_iter().map(Self::name), iter::empty())
            })
        }))
    }
}

/// A key of a product's object.
#[derive(Clone, Copy, PartialEq)]
enum ProductKey {
    Item(ItemField),
    Setting(GoodField),
}

impl ProductKey {
    fn name(self) -> &'static str {
        match self {
            Self::Item(field) => field.name(),
            Self::Setting(field) => field.name(),
        }
    }
}

impl<'de> Deserialize<'de> for ProductKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Named(|name: &str| {
            let item = ItemField::named(name).map(Self::Item);
            item.or_else(|| GoodField::named(name).map(Self::Setting)).ok_or_else(|| {
                let listed = ItemField::OF_PRODUCT.into_iter().map(ItemField::name);
                unknown("field of a product", &[name], listed, GoodField::all().map(GoodField::name))
            })
        }))
    }
}

/// Reads a name and maps it through a function.
struct Named<F>(F);

impl<T, F: FnOnce(&str) -> Result<T, Fault>> Visitor<'_> for Named<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<T, E> {
        (self.0)(name).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for RecordOf<'_> {
    type Value = Result<Record, Fault>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RecordOf<'_> {
    type Value = Result<Record, Fault>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an order as one JSON object on a line")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut draft = Draft::default();
        let mut seen = FieldSet::default();
        let mut items: Option<Option<Listed<ItemDraft>>> = None;
        let mut product: Option<ProductDraft> = None;
        let mut entry = None;
        while let Some(key) = map.next_key()? {
            match key {
                Key::Field(field) => {
                    if !seen.insert(field) {
                        return Err(twice(field.name()));
                    }
                    if field == Field::Payments {
                        let list = map.next_value::<Option<Listed<payments::Object<'_>>>>();
                        let list = list.map_err(|error| named("payments", &error))?;
                        let paid = list.map(|list| payments::of_objects(list.0, self.zone)).transpose();
                        match paid.map_err(|fault| de::Error::custom(fault.at("`payments`")))? {
                            None => {}
                            Some(payments) => draft.pay(payments),
                        }
                        continue;
                    }
                    value(field.name(), &mut map, |value| draft.set(field, value, self.zone))?;
                }
                Key::Items if items.is_some() => return Err(twice("items")),
                Key::Items => items = Some(map.next_value()?),
                Key::Product if product.is_some() => return Err(twice("product")),
                Key::Product => {
                    product = Some(map.next_value().map_err(|error| named("product", &error))?);
                }
                Key::Entry(kind) if entry.is_some() => return Err(twice(kind)),
                Key::Entry(kind) => entry = Some(Entry::read(kind, map.next_value()?, self.zone)),
            }
        }
        let is_order = seen != FieldSet::default() || items.is_some();
        Ok(match (product, entry) {
            (None, None) => {
                draft.items = items.flatten().map(|items| items.0).unwrap_or_default();
                Ok(Record::Order(Box::new(draft)))
            }
            (Some(product), None) if !is_order => Ok(Record::Product(product)),
            (None, Some(entry)) if !is_order => entry.map(Record::Entry),
            (Some(_), _) => Err(Fault::new("a line with `product` holds nothing else")),
            (None, Some(_)) => Err(Fault::new("a line with an entry such as `coupon` holds nothing else")),
        })
    }
}

/// Reads the value of the key `name`; null counts as left out.
fn value<'de, A: MapAccess<'de>>(
    name: &str,
    map: &mut A,
    set: impl FnOnce(Value<'de>) -> Result<(), Fault>,
) -> Result<(), A::Error> {
    match map.next_value::<Option<Value<'de>>>().map_err(|error| named(name, &error))? {
        None => Ok(()),
        Some(value) => set(value).map_err(|fault| de::Error::custom(fault.at(format_args!("`{name}`")))),
    }
}

fn named<E: de::Error>(name: &str, error: &E) -> E {
    E::custom(format_args!("`{name}`: {error}"))
}

fn twice<E: de::Error>(name: &str) -> E {
    E::custom(format_args!("`{name}` occurs twice"))
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any<'a>(PhantomData<Value<'a>>);

        impl<'de: 'a, 'a> Visitor<'de> for Any<'a> {
            type Value = Value<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number, true, false or null")
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
                Ok(Value::Flag(flag))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Value::Whole(number.into()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Value::Whole(number.into()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Value::Float(number))
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Value::Text(text.into()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Value::Text(text.to_owned().into()))
            }
        }

        deserializer.deserialize_any(Any(PhantomData))
    }
}

/// An element of one of an order's lists.
trait Member<'de>: Deserialize<'de> {
    /// Its name in messages.
    const NAME: &'static str;
    /// The maximum number, and the message if there are more.
    const TOO_MANY: (usize, &'static str);
}

impl Member<'_> for ItemDraft {
    const NAME: &'static str = "item";
    const TOO_MANY: (usize, &'static str) = (LINES_MAX, "an order has at most 1,000 items");
}

impl<'de: 'a, 'a> Member<'de> for payments::Object<'a> {
    const NAME: &'static str = "payment";
    const TOO_MANY: (usize, &'static str) = (PAYMENTS_MAX, payments::TOO_MANY);
}

/// A list with a limit.
struct Listed<T>(Vec<T>);

impl<'de, T: Member<'de>> Deserialize<'de> for Listed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T>(PhantomData<T>);

        impl<'de, T: Member<'de>> Visitor<'de> for List<T> {
            type Value = Listed<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of {}s", T::NAME)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Listed<T>, A::Error> {
                let (most, too_many) = T::TOO_MANY;
                let mut members = Vec::new();
                loop {
                    let place = members.len() + 1;
                    let member = list
                        .next_element()
                        .map_err(|error| de::Error::custom(format_args!("{} {place}: {error}", T::NAME)))?;
                    match member {
                        None => return Ok(Listed(members)),
                        Some(_) if place > most => return Err(de::Error::custom(too_many)),
                        Some(member) => members.push(member),
                    }
                }
            }
        }

        deserializer.deserialize_seq(List(PhantomData))
    }
}

impl<'de> Deserialize<'de> for ItemDraft {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = ItemDraft;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with the fields of an item")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ItemDraft, A::Error> {
                let mut draft = ItemDraft::default();
                let mut seen = [false; ItemField::ALL.len()];
                while let Some(field) = map.next_key::<ItemField>()? {
                    match seen.get_mut(field as usize) {
                        Some(seen) if !*seen => *seen = true,
                        _ => return Err(twice(field.name())),
                    }
                    value(field.name(), &mut map, |value| draft.set(field, value))?;
                }
                Ok(draft)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

impl<'de> Deserialize<'de> for ProductDraft {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = ProductDraft;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with the fields of a product")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ProductDraft, A::Error> {
                let mut draft = ProductDraft::default();
                let mut seen = Vec::new();
                while let Some(key) = map.next_key::<ProductKey>()? {
                    if seen.contains(&key) {
                        return Err(twice(key.name()));
                    }
                    seen.push(key);
                    value(key.name(), &mut map, |value| match key {
                        ProductKey::Item(field) => draft.set(field, value),
                        ProductKey::Setting(field) => draft.settings.set(field, value),
                    })?;
                }
                Ok(draft)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// Writes an order's line with its line break, without fields that have their default.
pub(crate) fn write_order(order: &Order, payments: &[Payment], out: &mut impl io::Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &OrderRecord { order, payments })?;
    out.write_all(b"\n")
}

/// Writes an entry's line with its line break.
pub(crate) fn write_entry(entry: &Entry, out: &mut impl io::Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, entry)?;
    out.write_all(b"\n")
}

/// Writes a catalogue entry's line with its line break, without settings that have their default.
pub(crate) fn write_product(good: &Product, out: &mut impl io::Write) -> io::Result<()> {
    #[derive(Serialize)]
    struct ProductLine<'a> {
        product: ProductObject<'a>,
    }
    serde_json::to_writer(&mut *out, &ProductLine { product: ProductObject(good) })?;
    out.write_all(b"\n")
}

struct ProductObject<'a>(&'a Product);

impl Serialize for ProductObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let product = &self.0.listing;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &product.id)?;
        map.serialize_entry("good_name", &product.good_name)?;
        map.serialize_entry("good_title", &product.good_title)?;
        map.serialize_entry("sum", &product.good_sum)?;
        for field in GoodField::all() {
            if let Some(setting) = field.written(self.0) {
                map.serialize_entry(field.name(), &setting)?;
            }
        }
        map.end()
    }
}
