//! Contacts with their groups in JSON Lines.

use billhook_store::{
    AccountId, Error, Tx,
    contacts::{
        self, Contact, ContactText, HISTORY_MAX,
        contact_files::{self, Whole},
        groups::{self, ALL_LEADS, Group, Kind},
        subscriptions::Subscription,
    },
};
use billhook_wire::{Email, Name, method::SubscriptionStatus as Status, text::NAME_BYTES_MAX};
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value as Json;

use super::{Fault, TEXT_BYTES_MAX, Value, quoted, unknown};

/// A group. What is left out is 0 or empty, or `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GroupEntry {
    pub(super) id: i64,
    pub(crate) name: String,
    pub(super) title: String,
    pub(super) kind: Option<Kind>,
    pub(super) created: i64,
    pub(super) url_subscribed: String,
    pub(super) url_unsubscribed: String,
}

/// A contact with its tags, subscriptions and history. What is left out is 0 or empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ContactEntry {
    pub(crate) contact: Contact,
    pub(super) tags: Vec<String>,
    /// Each with its group's name. The numbers in them mean nothing.
    pub(super) subscriptions: Vec<(String, Subscription)>,
    /// The oldest line first.
    pub(super) history: Vec<contacts::Entry>,
    /// Whether groups that are not there are made.
    pub(super) makes_groups: bool,
}

/// The fields of a contact besides its texts and lists.
pub(crate) const PLAIN: [&str; 5] = ["id", "email", "created", "changed", "manager"];
const LISTS: [&str; 3] = ["tags", "subscriptions", "history"];

impl GroupEntry {
    pub(super) fn read(value: Json, zone: &TimeZone) -> Result<Self, Fault> {
        const FIELDS: [&str; 7] =
            ["rass_id", "rass_name", "rass_title", "kind", "created", "url_subscribed", "url_unsubscribed"];
        let mut group = Self::default();
        object(value, |field, value| {
            let value = plain(value)?;
            match field {
                "rass_id" => group.id = id(&value)?,
                "rass_name" => group.name = group_name(value)?,
                "rass_title" => group.title = value.text(NAME_BYTES_MAX)?,
                "kind" => {
                    let wrong = || Fault(format!("open or auto is expected, not {value}"));
                    group.kind = Some(Kind::parse(&value.plain()).ok_or_else(wrong)?);
                }
                "created" => group.created = value.time(zone)?,
                "url_subscribed" => group.url_subscribed = value.text(TEXT_BYTES_MAX)?,
                "url_unsubscribed" => group.url_unsubscribed = value.text(TEXT_BYTES_MAX)?,
                _ => return Err(unknown("field", &[field], FIELDS.into_iter(), [].into_iter())),
            }
            Ok(())
        })?;
        if group.name.is_empty() { Err(Fault::new("`rass_name` is missing")) } else { Ok(group) }
    }
}

impl From<Group> for GroupEntry {
    fn from(group: Group) -> Self {
        let Group { id, name, title, kind, created, url_subscribed, url_unsubscribed } = group;
        Self { id, name, title, kind: Some(kind), created, url_subscribed, url_unsubscribed }
    }
}

/// The highest number of a contact or a group: JSON's numbers are exact up to it.
const ID_MAX: i64 = 1 << 53;

fn id(value: &Value<'_>) -> Result<i64, Fault> {
    let id = value.number()?;
    if id > ID_MAX { Err(Fault(format!("a number up to {ID_MAX} is expected"))) } else { Ok(id) }
}

impl ContactEntry {
    pub(super) fn read(value: Json, zone: &TimeZone) -> Result<Self, Fault> {
        let mut entry = Self::default();
        object(value, |field, value| {
            match field {
                "tags" => entry.tags = list(value, "tag", |tag| name(plain(tag)?))?,
                "subscriptions" => {
                    entry.subscriptions = list(value, "subscription", |place| subscription(place, zone))?;
                }
                "history" => entry.history = list(value, "line", |line| history_line(line, zone))?,
                _ => return entry.set(field, plain(value)?, zone),
            }
            Ok(())
        })?;
        let most = usize::try_from(HISTORY_MAX).unwrap_or(usize::MAX);
        entry.history.drain(..entry.history.len().saturating_sub(most));
        let mut groups: Vec<_> = entry.groups().collect();
        groups.sort_unstable();
        if let Some([twice, _]) = groups.array_windows().find(|[one, next]| one == next) {
            return Err(Fault(format!("`subscriptions`: group {} is named twice", quoted(twice))));
        }
        entry.check()?;
        Ok(entry)
    }

    /// Sets a field that is no list.
    pub(super) fn set(&mut self, field: &str, value: Value<'_>, zone: &TimeZone) -> Result<(), Fault> {
        let contact = &mut self.contact;
        match field {
            "id" => contact.id = id(&value)?,
            "email" => contact.email = value.email()?,
            "created" => contact.created = value.time(zone)?,
            "changed" => contact.changed = value.time(zone)?,
            "manager" => contact.manager = value.number_or_none()?,
            _ => {
                let others = ContactText::ALL.into_iter();
                let text = others.clone().find(|text| text.name() == field).ok_or_else(|| {
                    unknown("field", &[field], PLAIN.into_iter().chain(LISTS), others.map(ContactText::name))
                })?;
                contact.texts.set(text, value.text(TEXT_BYTES_MAX)?);
            }
        }
        Ok(())
    }

    /// Refuses a contact of whom nothing is known.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let Contact { id, email, texts, .. } = &self.contact;
        let says_nothing = ContactText::ALL.into_iter().all(|text| texts.get(text).is_empty());
        if *id == 0 && email.is_none() && says_nothing {
            return Err(Fault::new("`email` is missing, and so is everything else about the contact"));
        }
        Ok(())
    }

    /// Subscribes to a group, which is made if it is not there.
    pub(super) fn join(&mut self, group: String) {
        self.makes_groups = true;
        if !self.groups().any(|known| known == group) {
            self.subscriptions
                .push((group, Subscription { status: Status::Subscribe, ..Subscription::default() }));
        }
    }

    pub(super) fn tag(&mut self, tag: String) {
        self.tags.push(tag);
    }

    /// The names of its groups.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &str> {
        self.subscriptions.iter().map(|(group, _)| &**group)
    }

    /// Whether groups that are not there are made.
    pub(crate) fn makes_groups(&self) -> bool {
        self.makes_groups
    }
}

/// How many contacts are read at once.
const BATCH: u32 = 500;

/// Visits the contacts by their numbers.
pub(crate) fn each<E: From<Error>>(
    tx: &mut Tx<'_>,
    account: AccountId,
    mut show: impl FnMut(ContactEntry) -> Result<(), E>,
) -> Result<(), E> {
    let groups: std::collections::HashMap<i64, String> =
        groups::list(tx, account)?.into_iter().map(|group| (group.id, group.name)).collect();
    let mut after = 0;
    loop {
        let batch = contact_files::after(tx, account, after, BATCH)?;
        let Some(last) = batch.last() else { return Ok(()) };
        after = last.contact.id;
        for Whole { contact, mut tags, subscriptions, history } in batch {
            tags.retain(|tag| !tag.is_empty());
            let named = |place: Subscription| Some((groups.get(&place.group)?.clone(), place));
            let subscriptions = subscriptions.into_iter().filter_map(named).collect();
            show(ContactEntry { contact, tags, subscriptions, history, makes_groups: false })?;
        }
    }
}

/// Reads the fields of an object; null counts as left out.
fn object(value: Json, mut take: impl FnMut(&str, Json) -> Result<(), Fault>) -> Result<(), Fault> {
    let Json::Object(fields) = value else { return Err(Fault::new("an object is expected")) };
    let given = fields.into_iter().filter(|(_, value)| !value.is_null());
    for (field, value) in given {
        take(&field, value).map_err(|fault| fault.at(format_args!("`{field}`")))?;
    }
    Ok(())
}

/// Reads a list; a fault says which member it is of.
fn list<T>(value: Json, what: &str, read: impl Fn(Json) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    let Json::Array(list) = value else { return Err(Fault::new("a list is expected")) };
    let numbered = (1..).zip(list);
    let read =
        |(place, member): (i32, Json)| read(member).map_err(|fault| fault.at(format_args!("{what} {place}")));
    numbered.map(read).collect()
}

fn plain(value: Json) -> Result<Value<'static>, Fault> {
    match value {
        Json::Bool(flag) => Ok(Value::Flag(flag)),
        Json::String(text) => Ok(Value::Text(text.into())),
        Json::Number(number) => Ok(match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Value::Whole(whole.into()),
            (_, Some(whole)) => Value::Whole(whole.into()),
            _ => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        }),
        Json::Null | Json::Array(_) | Json::Object(_) => {
            Err(Fault::new("a text, a number, true or false is expected"))
        }
    }
}

/// A tag.
pub(super) fn name(value: Value<'_>) -> Result<String, Fault> {
    let name = Name::new(&value.text(TEXT_BYTES_MAX)?).map_err(|error| Fault(error.to_string()))?;
    Ok(name.as_str().to_owned())
}

/// The name of a group, as `billhook group add` takes it.
pub(super) fn group_name(value: Value<'_>) -> Result<String, Fault> {
    let name = name(value)?;
    if name == ALL_LEADS {
        return Err(Fault(format!("{ALL_LEADS} is reserved: every contact is in it")));
    }
    if name.contains(',') {
        return Err(Fault::new("a group's name has no comma, since lists of groups have commas between"));
    }
    Ok(name)
}

fn subscription(value: Json, zone: &TimeZone) -> Result<(String, Subscription), Fault> {
    const FIELDS: [&str; 7] = ["group", "status", "at", "method", "address", "activation", "doneurl"];
    let (mut group, mut place) = (String::new(), Subscription::default());
    object(value, |field, value| {
        let value = plain(value)?;
        match field {
            "group" => group = group_name(value)?,
            "status" => {
                let words = Status::ALL.map(Status::as_str).join(", ");
                let wrong = || Fault(format!("one of {words} is expected, not {value}"));
                place.status = Status::parse(&value.plain()).ok_or_else(wrong)?;
            }
            "at" => place.at = value.time(zone)?,
            "method" => place.method = value.text(TEXT_BYTES_MAX)?,
            "address" => place.address = value.text(TEXT_BYTES_MAX)?,
            "activation" => place.activation = value.text(TEXT_BYTES_MAX)?,
            "doneurl" => place.doneurl = value.text(TEXT_BYTES_MAX)?,
            _ => return Err(unknown("field", &[field], FIELDS.into_iter(), [].into_iter())),
        }
        Ok(())
    })?;
    if group.is_empty() { Err(Fault::new("`group` is missing")) } else { Ok((group, place)) }
}

fn history_line(value: Json, zone: &TimeZone) -> Result<contacts::Entry, Fault> {
    const FIELDS: [&str; 5] = ["at", "method", "address", "what", "detail"];
    let (mut line, mut is_dated) = (contacts::Entry::default(), false);
    object(value, |field, value| {
        let value = plain(value)?;
        match field {
            "at" => (line.at, is_dated) = (value.time(zone)?, true),
            "method" => line.method = value.text(TEXT_BYTES_MAX)?,
            "address" => line.address = value.text(TEXT_BYTES_MAX)?,
            "what" => line.what = value.text(TEXT_BYTES_MAX)?,
            "detail" => line.detail = value.text(TEXT_BYTES_MAX)?,
            _ => return Err(unknown("field", &[field], FIELDS.into_iter(), [].into_iter())),
        }
        Ok(())
    })?;
    if is_dated { Ok(line) } else { Err(Fault::new("`at` is missing")) }
}

/// Writes the fields that are not empty.
fn write_texts<'a, M: SerializeMap>(
    map: &mut M,
    texts: impl IntoIterator<Item = (&'static str, &'a str)>,
) -> Result<(), M::Error> {
    let mut given = texts.into_iter().filter(|(_, text)| !text.is_empty());
    given.try_for_each(|(field, text)| map.serialize_entry(field, text))
}

impl Serialize for GroupEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if self.id != 0 {
            map.serialize_entry("rass_id", &self.id)?;
        }
        let kind = self.kind.map_or("", Kind::as_str);
        write_texts(&mut map, [("rass_name", &*self.name), ("rass_title", &self.title), ("kind", kind)])?;
        if self.created != 0 {
            map.serialize_entry("created", &self.created)?;
        }
        let urls = [("url_subscribed", &*self.url_subscribed), ("url_unsubscribed", &*self.url_unsubscribed)];
        write_texts(&mut map, urls)?;
        map.end()
    }
}

impl Serialize for ContactEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Contact { id, email, created, changed, manager, texts, .. } = &self.contact;
        let mut map = serializer.serialize_map(None)?;
        if *id != 0 {
            map.serialize_entry("id", id)?;
        }
        write_texts(&mut map, [("email", email.as_ref().map_or("", Email::as_str))])?;
        for (field, number) in [("created", created), ("changed", changed), ("manager", manager)] {
            if *number != 0 {
                map.serialize_entry(field, number)?;
            }
        }
        write_texts(&mut map, ContactText::ALL.map(|text| (text.name(), texts.get(text))))?;
        if !self.tags.is_empty() {
            map.serialize_entry("tags", &self.tags)?;
        }
        if !self.subscriptions.is_empty() {
            let places = self.subscriptions.iter().map(|(group, place)| Place(group, place));
            map.serialize_entry("subscriptions", &places.collect::<Vec<_>>())?;
        }
        if !self.history.is_empty() {
            map.serialize_entry("history", &self.history.iter().map(Line).collect::<Vec<_>>())?;
        }
        map.end()
    }
}

struct Place<'a>(&'a str, &'a Subscription);

impl Serialize for Place<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Subscription { status, at, method, address, activation, doneurl, .. } = self.1;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("group", self.0)?;
        map.serialize_entry("status", status.as_str())?;
        if *at != 0 {
            map.serialize_entry("at", at)?;
        }
        let texts =
            [("method", &**method), ("address", address), ("activation", activation), ("doneurl", doneurl)];
        write_texts(&mut map, texts)?;
        map.end()
    }
}

struct Line<'a>(&'a contacts::Entry);

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let contacts::Entry { at, method, address, what, detail, .. } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("at", at)?;
        let texts = [("method", &**method), ("address", address), ("what", what), ("detail", detail)];
        write_texts(&mut map, texts)?;
        map.end()
    }
}
