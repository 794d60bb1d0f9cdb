//! Contacts: the requests and the acknowledgements, what follows from them, and whether a store shows it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use billhook_drivers::{
    Result,
    billhook::{KEY, signed},
};
use billhook_test_kit::http::{form, keyed, post};
use serde::{Deserialize, de::IgnoredAny};

use crate::{seller::LOGIN, tally::Tally};

pub(crate) const GROUPS: [&str; 3] = ["news", "sale", "club"];
/// The tag of everybody who joins.
const JOINED: &str = "joined";
const SUBSCRIBED: &str = "STATUS_SUBSCRIBE";
const UNSUBSCRIBED: &str = "STATUS_UNSUBSCRIBE";

/// A write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    /// The groups at two places in [`GROUPS`], by `AddLeadToGroup`, which makes a new contact.
    Join([usize; 2]),
    /// By `DeleteSubscribe`.
    Leave(usize),
    /// By `UpdateSubscriberData`.
    Rename(u32),
    /// By `addtagtolead`.
    Tag(u32),
}

/// The state of a contact after writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    name: String,
    tags: BTreeSet<String>,
    /// The groups, with the status in each.
    groups: BTreeMap<String, String>,
    /// The length of its history, to which a write adds once.
    lines: usize,
}

/// One contact, as known from answers.
#[derive(Debug, Clone)]
pub(crate) struct Contact {
    /// Unique in the store.
    pub(crate) email: String,
    /// Its last certain state; `None`: unknown.
    pub(crate) state: Option<State>,
    /// A request without an answer.
    pub(crate) pending: Option<Write>,
}

impl Contact {
    pub(crate) fn new(tag: &str) -> Self {
        Self { email: format!("{tag}@example.org"), state: None, pending: None }
    }

    /// Its state after this write; `None`: the write is refused.
    pub(crate) fn after(&self, write: Write) -> Option<State> {
        let Write::Join(places) = write else { return self.state.clone()?.changed(write) };
        // A new contact's history says that it was added.
        let mut state = self.state.clone().unwrap_or_else(|| State { lines: 1, ..State::default() });
        let before = state.lines;
        for group in places.iter().filter_map(|place| GROUPS.get(*place)) {
            let status = state.groups.insert((*group).to_owned(), SUBSCRIBED.to_owned());
            state.lines += usize::from(status.as_deref() != Some(SUBSCRIBED));
        }
        let joins = state.lines > before;
        state.lines += usize::from(state.tags.insert(JOINED.to_owned()));
        joins.then_some(state)
    }

    pub(crate) fn acknowledge(&mut self, write: Write) {
        self.state = self.after(write);
        self.pending = None;
    }

    /// The request that makes this write.
    pub(crate) fn request(&self, write: Write) -> Vec<u8> {
        let email = ("lead_email", &*self.email);
        let group = |place: usize| GROUPS.get(place).copied().unwrap_or_default();
        let ask = |method, pairs: &[(&str, &str)]| signed(method, LOGIN, &form(pairs.iter().copied()));
        match write {
            Write::Join([one, other]) => ask(
                "AddLeadToGroup",
                &[("rid[0]", group(one)), ("rid[1]", group(other)), email, ("tag", JOINED)],
            ),
            Write::Leave(place) => ask("DeleteSubscribe", &[email, ("rass_name", group(place))]),
            Write::Rename(number) => ask("UpdateSubscriberData", &[email, ("lead_name", &name(number))]),
            Write::Tag(number) => {
                let form = keyed(KEY, &[email, ("add_tags", &tag(number))]);
                post("addtagtolead", &format!("{LOGIN}.localhost"), &form)
            }
        }
    }
}

impl State {
    fn changed(mut self, write: Write) -> Option<Self> {
        let is_new = match write {
            Write::Join(_) => return None,
            Write::Leave(place) => {
                let status = self.groups.get_mut(*GROUPS.get(place)?)?;
                std::mem::replace(status, UNSUBSCRIBED.to_owned()) != UNSUBSCRIBED
            }
            Write::Rename(number) => std::mem::replace(&mut self.name, name(number)) != self.name,
            Write::Tag(number) => self.tags.insert(tag(number)),
        };
        self.lines += usize::from(is_new);
        Some(self)
    }
}

fn name(number: u32) -> String {
    format!("Name {number}")
}

fn tag(number: u32) -> String {
    format!("tag-{number}")
}

/// A contact of an export.
#[derive(Debug, Deserialize)]
struct Line {
    contact: Fields,
}

#[derive(Debug, Deserialize)]
struct Fields {
    email: String,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    subscriptions: Vec<Place>,
    history: Vec<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct Place {
    group: String,
    status: String,
}

/// The contacts of an export, each with its e-mail.
pub(crate) fn shown(export: &str) -> Result<Vec<(String, State)>> {
    let mut contacts = Vec::new();
    for text in export.lines().filter(|line| line.starts_with("{\"contact\":")) {
        let Line { contact } = serde_json::from_str(text).map_err(|why| format!("export: {why}: {text}"))?;
        let groups = contact.subscriptions.into_iter().map(|place| (place.group, place.status)).collect();
        let tags = contact.tags.into_iter().collect();
        let state = State { name: contact.first_name, tags, groups, lines: contact.history.len() };
        contacts.push((contact.email, state));
    }
    Ok(contacts)
}

/// Finds what is lost, doubled, in part, or was never requested. Afterwards every contact's state is certain.
pub(crate) fn compare(contacts: &mut Vec<Contact>, shown: &[(String, State)], tally: &mut Tally) {
    let mut by_email: HashMap<&str, &State> = HashMap::new();
    for (email, state) in shown {
        if by_email.insert(email, state).is_some() {
            tally.double(format!("two contacts have the e-mail {email}"));
        }
    }
    contacts.retain_mut(|contact| {
        let found = by_email.remove(contact.email.as_str());
        let changed = contact.pending.and_then(|write| contact.after(write));
        let is_changed = contact.pending.is_some() && found == changed.as_ref();
        if found != contact.state.as_ref() && !is_changed {
            tally.lost(format!(
                "contact {}: {found:?}, and it should be {:?}, or after {:?} {changed:?}",
                contact.email, contact.state, contact.pending
            ));
        } else if contact.pending.is_some() {
            *if is_changed { &mut tally.unknown_there } else { &mut tally.unknown_not_there } += 1;
        }
        contact.pending = None;
        contact.state = found.cloned();
        // Nobody asks again for one that is not there, so it must not appear later.
        contact.state.is_some()
    });
    for email in by_email.keys() {
        tally.wrong(format!("contact {email} is there, and nobody asked for it, or it was not there before"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: &str = r#"{"contact":{"id":1,"email":"a@example.org","tags":["joined"],"subscriptions":[{"group":"news","status":"STATUS_SUBSCRIBE"},{"group":"sale","status":"STATUS_SUBSCRIBE"}],"history":[1,2,3,4]}}"#;

    fn anna(writes: &[Write], pending: Option<Write>) -> Contact {
        let mut contact = Contact::new("a");
        for write in writes {
            contact.acknowledge(*write);
        }
        Contact { pending, ..contact }
    }

    fn compared(contact: Contact, export: &str) -> Tally {
        let mut tally = Tally::default();
        compare(&mut vec![contact], &shown(export).unwrap(), &mut tally);
        tally
    }

    #[test]
    fn what_was_acknowledged_must_be_there_and_what_was_not_may_be() {
        let (join, leave) = (Write::Join([0, 1]), Write::Leave(0));
        let left = ANNA.replacen("SUBSCRIBE", "UNSUBSCRIBE", 1).replace("4]", "4,5]");
        for (contact, export) in [
            (anna(&[join], None), ANNA),
            (anna(&[], Some(join)), ANNA),
            (anna(&[], Some(join)), ""),
            (anna(&[join], Some(leave)), ANNA),
            (anna(&[join], Some(leave)), &left),
            (anna(&[join, leave], None), &left),
        ] {
            let tally = compared(contact, export);
            assert!(!tally.is_wrong(), "{:?}", tally.findings().collect::<Vec<_>>());
        }
        let in_part = ANNA.replace(r#","tags":["joined"]"#, "");
        let noted_twice = ANNA.replace("4]", "4,5]");
        for (contact, export, lost, doubles) in [
            (anna(&[join], None), "", 1, 0),
            (anna(&[join, leave], None), ANNA, 1, 0),
            (anna(&[join], None), &*left, 1, 0),
            (anna(&[], Some(join)), &in_part, 1, 0),
            (anna(&[], Some(join)), &noted_twice, 1, 0),
            (anna(&[join], None), &format!("{ANNA}\n{ANNA}"), 0, 1),
            (anna(&[join], None), &format!("{ANNA}\n{}", ANNA.replace("a@", "b@")), 0, 0),
        ] {
            let tally = compared(contact, export);
            assert!(tally.is_wrong(), "{export}");
            assert_eq!((tally.lost, tally.doubles), (lost, doubles), "{export}");
        }
    }
}
