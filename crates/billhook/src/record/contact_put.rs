//! Groups and contacts of a file put into the store, in place of those that are there.

use std::collections::{HashMap, HashSet};

use billhook_store::{
    AccountId, Error, Kind, Tx,
    contacts::{
        self, Contact, ContactText, HISTORY_MAX,
        contact_files::{self, Whole},
        erasure,
        groups::{self, Group},
        subscriptions::Subscription,
    },
};
use billhook_wire::method::SubscriptionStatus as Status;

use super::{
    change::Change,
    contact::{ContactEntry, GroupEntry},
};

/// The method of what an import does by itself.
const IMPORT: &str = "import";

/// What is known of an account while one batch is written.
pub(crate) struct Contacts {
    /// Unix seconds.
    now: i64,
    dry: bool,
    /// The groups' numbers, once they were read.
    groups: Option<HashMap<String, i64>>,
    /// The stored contacts of the batch by their e-mails' keys, and those without e-mail by their numbers.
    of_emails: HashMap<String, Contact>,
    of_numbers: HashMap<i64, Contact>,
    /// The keys of erased persons' e-mails.
    erased_emails: HashSet<String>,
    /// The next number that may be free.
    next: i64,
    /// Numbers of the batch that are not free.
    taken: HashSet<i64>,
    /// Contacts to add.
    new: Vec<Whole>,
    /// How many subscriptions stay unsubscribed, whatever the file says.
    pub(crate) kept_out: u64,
    /// How many contacts are left out because the person was erased.
    pub(crate) erased: u64,
}

impl Contacts {
    pub(crate) fn new(now: i64, dry: bool) -> Self {
        Self {
            now,
            dry,
            groups: None,
            of_emails: HashMap::new(),
            of_numbers: HashMap::new(),
            erased_emails: HashSet::new(),
            next: 0,
            taken: HashSet::new(),
            new: Vec::new(),
            kept_out: 0,
            erased: 0,
        }
    }

    /// Looks up what is stored of a batch, at once: over a network, a question for each contact would take longer
    /// than all else.
    pub(crate) fn look_up(
        &mut self,
        tx: &mut Tx<'_>,
        account: AccountId,
        batch: &[&ContactEntry],
    ) -> Result<(), Error> {
        if batch.is_empty() {
            return Ok(());
        }
        self.next = contacts::new_number(tx, account)?;
        let emails = || batch.iter().filter_map(|entry| entry.contact.email.as_ref());
        let key = |contact: &Contact| {
            contact.email.as_ref().map_or_else(String::new, |email| email.key().to_owned())
        };
        let found = contacts::of_emails(tx, account, emails())?;
        self.of_emails = found.into_iter().map(|contact| (key(&contact), contact)).collect();
        self.erased_emails = erasure::erased_of(tx, account, emails())?;
        // Higher ones are free.
        let highest = contacts::highest(tx, account)?;
        let numbers = batch.iter().map(|entry| entry.contact.id).filter(|id| (1..=highest).contains(id));
        for contact in contacts::of_numbers(tx, account, numbers)? {
            self.taken.insert(contact.id);
            if contact.email.is_none() {
                self.of_numbers.insert(contact.id, contact);
            }
        }
        Ok(())
    }

    /// Adds the new contacts to the store.
    pub(crate) fn finish(&self, tx: &mut Tx<'_>, account: AccountId) -> Result<(), Error> {
        contact_files::add_all(tx, account, &self.new)
    }

    /// Stores a group in place of the one with its name, whose number stays.
    pub(super) fn put_group(
        &mut self,
        tx: &mut Tx<'_>,
        account: AccountId,
        entry: &GroupEntry,
    ) -> Result<Change, Error> {
        let stored = groups::named(tx, account, &entry.name)?;
        let known = stored.clone().unwrap_or_default();
        let given =
            |text: &String, else_text: &String| if text.is_empty() { else_text } else { text }.clone();
        let created = if entry.created == 0 { self.now } else { entry.created };
        let group = Group {
            id: known.id,
            name: entry.name.clone(),
            title: given(&entry.title, &given(&known.title, &entry.name)),
            kind: entry.kind.unwrap_or(known.kind),
            created: if stored.is_some() { known.created } else { created },
            url_subscribed: given(&entry.url_subscribed, &known.url_subscribed),
            url_unsubscribed: given(&entry.url_unsubscribed, &known.url_unsubscribed),
        };
        let change = Change::from(stored.as_ref(), &group);
        match change {
            Change::Same => {}
            _ if self.dry => {}
            Change::Changed => groups::put(tx, account, &group)?,
            Change::Added => {
                let number = Self::add_group(tx, account, Group { id: entry.id, ..group })?;
                self.groups(tx, account)?.insert(entry.name.clone(), number);
            }
        }
        Ok(change)
    }

    /// Adds a group, under its number if that is free, and returns the number.
    fn add_group(tx: &mut Tx<'_>, account: AccountId, group: Group) -> Result<i64, Error> {
        let is_free = group.id != 0 && groups::list(tx, account)?.iter().all(|known| known.id != group.id);
        if is_free {
            groups::put(tx, account, &group)?;
            return Ok(group.id);
        }
        let added = groups::add(tx, account, group)?;
        added.map(|group| group.id).ok_or_else(|| Error::new(Kind::Conflict, "a group was added meanwhile"))
    }

    fn groups(&mut self, tx: &mut Tx<'_>, account: AccountId) -> Result<&mut HashMap<String, i64>, Error> {
        let groups = match self.groups.take() {
            Some(groups) => groups,
            None => groups::list(tx, account)?.into_iter().map(|group| (group.name, group.id)).collect(),
        };
        Ok(self.groups.insert(groups))
    }

    /// The number of a group that the file has named before, or that a contact's line makes.
    fn group(&mut self, tx: &mut Tx<'_>, account: AccountId, name: &str, makes: bool) -> Result<i64, Error> {
        let known = self.groups(tx, account)?;
        let count = known.len();
        if let Some(number) = known.get(name) {
            return Ok(*number);
        }
        let number = if self.dry {
            // No group has it: the numbers begin with 1.
            -i64::try_from(count).unwrap_or(i64::MAX) - 1
        } else if makes {
            let (name, title) = (name.to_owned(), name.to_owned());
            Self::add_group(tx, account, Group { name, title, created: self.now, ..Group::default() })?
        } else {
            return Err(Error::new(Kind::Conflict, format!("group {name:?} was removed meanwhile")));
        };
        self.groups(tx, account)?.insert(name.to_owned(), number);
        Ok(number)
    }

    /// Stores a contact, or adds to the one that is there what the file says of it.
    pub(super) fn put(
        &mut self,
        tx: &mut Tx<'_>,
        account: AccountId,
        entry: &ContactEntry,
    ) -> Result<Change, Error> {
        let mut places = Vec::with_capacity(entry.subscriptions.len());
        for (name, place) in &entry.subscriptions {
            let group = self.group(tx, account, name, entry.makes_groups)?;
            places.push((name.as_str(), Subscription { group, ..place.clone() }));
        }
        let id = entry.contact.id;
        // A file has each e-mail and each number only once, so none of these comes again.
        let stored = match &entry.contact.email {
            Some(email) => self.of_emails.remove(email.key()),
            None => self.of_numbers.remove(&id).filter(|stored| is_same(stored, &entry.contact)),
        };
        if let Some(stored) = stored {
            let before = contact_files::whole(tx, account, stored)?;
            let after = self.merged(&before, entry, places);
            if after == before {
                return Ok(Change::Same);
            }
            if !self.dry {
                contact_files::put(tx, account, &after)?;
            }
            return Ok(Change::Changed);
        }
        if let Some(email) = &entry.contact.email
            && self.erased_emails.contains(email.key())
        {
            self.erased += 1;
            return Ok(Change::Same);
        }
        let is_free = id != 0 && !self.taken.contains(&id);
        let number = if is_free { id } else { self.next };
        self.taken.insert(number);
        while self.taken.contains(&self.next) {
            self.next += 1;
        }
        if !self.dry {
            let new = self.added(entry, number, places);
            self.new.push(new);
        }
        Ok(Change::Added)
    }

    /// A contact that is not there yet.
    fn added(&self, entry: &ContactEntry, number: i64, places: Vec<(&str, Subscription)>) -> Whole {
        let mut contact = Contact { id: number, ..entry.contact.clone() };
        if contact.created == 0 {
            contact.created = self.now;
        }
        if contact.changed == 0 {
            contact.changed = contact.created;
        }
        let subscriptions: Vec<_> = places.into_iter().map(|(_, place)| self.dated(place, number)).collect();
        contact.is_active = is_active(&subscriptions);
        let history = match &entry.history[..] {
            [] => vec![self.line("added", "")],
            history => history.to_vec(),
        };
        let mut tags = entry.tags.clone();
        tags.sort_unstable();
        tags.dedup();
        Whole { contact, tags, subscriptions, history }
    }

    /// The stored contact with what the file adds to it.
    fn merged(&mut self, before: &Whole, entry: &ContactEntry, places: Vec<(&str, Subscription)>) -> Whole {
        let mut after = before.clone();
        let mut lines = Vec::new();
        for field in ContactText::ALL {
            let text = entry.contact.texts.get(field);
            if !text.is_empty() && after.contact.texts.get(field) != text {
                after.contact.texts.set(field, text);
            }
        }
        if entry.contact.manager != 0 {
            after.contact.manager = entry.contact.manager;
        }
        if after.contact != before.contact {
            after.contact.changed = self.now;
            lines.push(self.line("changed", ""));
        }
        for tag in &entry.tags {
            if !after.tags.contains(tag) {
                after.tags.push(tag.clone());
                lines.push(self.line("tag added", tag));
            }
        }
        for (name, place) in places {
            let was = after.subscriptions.iter_mut().find(|was| was.group == place.group);
            let status = was.as_ref().map(|was| was.status);
            if status.is_some_and(has_left) && matches!(place.status, Status::Subscribe | Status::Wait) {
                self.kept_out += 1;
                continue;
            }
            // Without a time the file does not say since when, so the stored one holds.
            if place.at == 0 && status == Some(place.status) {
                continue;
            }
            if status != Some(place.status) {
                let subscribed = place.status == Status::Subscribe;
                lines.push(self.line(if subscribed { "subscribed" } else { "unsubscribed" }, name));
            }
            let place = self.dated(place, before.contact.id);
            match was {
                Some(was) => *was = place,
                None => after.subscriptions.push(place),
            }
        }
        after.contact.is_active = is_active(&after.subscriptions);
        after.history = history(&before.history, &entry.history, lines);
        after
    }

    /// A subscription of a contact; without a time it is by this import.
    fn dated(&self, mut place: Subscription, contact: i64) -> Subscription {
        place.contact = contact;
        if place.at == 0 {
            place.at = self.now;
            if place.method.is_empty() {
                IMPORT.clone_into(&mut place.method);
            }
        }
        place
    }

    fn line(&self, what: &str, detail: &str) -> contacts::Entry {
        let (what, detail) = (what.to_owned(), detail.to_owned());
        contacts::Entry {
            at: self.now,
            method: IMPORT.to_owned(),
            what,
            detail,
            ..contacts::Entry::default()
        }
    }
}

/// Whether a stored contact without e-mail is the one of the file that has its number.
fn is_same(stored: &Contact, given: &Contact) -> bool {
    let same_texts =
        || ContactText::ALL.into_iter().all(|text| stored.texts.get(text) == given.texts.get(text));
    let is_it = if given.created == 0 { same_texts() } else { stored.created == given.created };
    stored.email.is_none() && is_it
}

fn is_active(places: &[Subscription]) -> bool {
    places.iter().any(|place| place.status == Status::Subscribe)
}

/// Whether somebody left the group, was taken out of it, or has an e-mail that does not exist.
fn has_left(status: Status) -> bool {
    matches!(status, Status::Unsubscribe | Status::UnsubscribeByService | Status::InvalidEmail)
}

/// The stored history with what it lacks of the file's, by time, and then the import's own lines.
fn history(
    stored: &[contacts::Entry],
    given: &[contacts::Entry],
    own: Vec<contacts::Entry>,
) -> Vec<contacts::Entry> {
    let same = |one: &contacts::Entry, other: &contacts::Entry| {
        contacts::Entry { number: 0, ..one.clone() } == contacts::Entry { number: 0, ..other.clone() }
    };
    let mut unmatched: Vec<_> = stored.iter().collect();
    let mut all = stored.to_vec();
    for line in given {
        match unmatched.iter().position(|known| same(known, line)) {
            Some(place) => drop(unmatched.remove(place)),
            None => all.push(line.clone()),
        }
    }
    if all.len() > stored.len() {
        all.sort_by_key(|line| line.at);
    }
    all.extend(own);
    let most = usize::try_from(HISTORY_MAX).unwrap_or(usize::MAX);
    all.drain(..all.len().saturating_sub(most));
    all
}
