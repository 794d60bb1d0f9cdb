//! Contacts as `billhook contact` lists and shows them.

use std::io::Write as _;

use billhook_store::{
    Tx,
    accounts::Account,
    contacts::{
        self, Contact, ContactText, Entry,
        contact_lists::{self, Filter},
        contact_search, contact_tags,
        groups::Group,
        subscriptions::{self, Subscription},
    },
    managers,
    orders::{
        customers::{self, Customer},
        order_search::Word,
    },
};
use billhook_wire::{Email, Name, method::SubscriptionStatus as Status};
use clap::Args;
use serde_json::{Map, Value, json};

use crate::{
    commands::{group, resource::Report},
    failure::{Failure, say},
    options::{everywhere::Everywhere, time::shown},
    terminal::output::{counted, for_terminal, json_line, json_pretty, say_if_none, stdout},
};

/// So many contacts are read at once.
const AT_ONCE: u32 = 100;

/// List contacts, the newest first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook contact list --account shop --limit 20
  billhook contact list ivanov --account shop
  billhook contact list --group news --tag vip --account shop --json")]
pub(crate) struct List {
    /// The beginning of an e-mail or of a surname, first name and surname, the last digits of a phone, or a contact's number
    #[arg(value_name = "SEARCH")]
    search: Option<String>,
    /// Only those who are subscribed to this group
    #[arg(long, value_name = "NAME", value_parser = Name::new)]
    group: Option<Name>,
    /// Only those with this tag; letter case matters
    #[arg(long, value_name = "TAG", value_parser = Name::new)]
    tag: Option<Name>,
    /// Only so many contacts
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: Option<u32>,
    #[command(flatten)]
    report: Report,
}

impl List {
    pub(super) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { search, group, tag, limit, report } = self;
        let search = search.filter(|search| !search.trim().is_empty());
        let mut left = limit.unwrap_or(u32::MAX);
        let (mut out, mut is_empty) = (stdout(), true);
        report.open(everywhere)?.read(|tx, account| {
            let group = group.map(|name| group::named(tx, account, &name)).transpose()?;
            let tag = tag.map(|tag| tag.as_str().to_owned());
            let filter = Filter { group: group.map(|group| group.id), tag };
            let mut print = |tx: &mut Tx<'_>, contacts: Vec<Contact>| {
                for contact in contacts {
                    is_empty = false;
                    let known = Known::of(tx, account, contact)?;
                    if report.json {
                        json_line(&mut out, &known.json())?;
                    } else {
                        writeln!(out, "{}", for_terminal(&known.line()))?;
                    }
                }
                Ok::<(), Failure>(())
            };
            if let Some(search) = search {
                let most = usize::try_from(left).unwrap_or(usize::MAX);
                let words = Word::read(&search);
                let (found, is_cut) = contact_search::named(tx, account.id, &words, &filter, None, most)?;
                if is_cut {
                    say("too many contacts match, so not all are listed: give more letters or digits");
                }
                return print(tx, found);
            }
            let mut before = None;
            while left > 0 {
                let page = contact_lists::list(tx, account.id, &filter, before, left.min(AT_ONCE))?;
                let Some(last) = page.last() else { break };
                before = Some(last.id);
                left -= u32::try_from(page.len()).unwrap_or(left);
                print(tx, page)?;
            }
            Ok(())
        })?;
        say_if_none(is_empty, report.json, "contact");
        Ok(out.flush()?)
    }
}

/// A contact with what belongs to it.
pub(crate) struct Known {
    pub(super) contact: Contact,
    pub(super) tags: Vec<String>,
    pub(super) subscriptions: Vec<(Subscription, Group)>,
}

impl Known {
    pub(crate) fn of(tx: &mut Tx<'_>, account: &Account, contact: Contact) -> Result<Self, Failure> {
        let tags = contact_tags::tags(tx, account.id, contact.id)?;
        let subscriptions = subscriptions::of_contact(tx, account.id, contact.id)?;
        Ok(Self { contact, tags, subscriptions })
    }

    /// Its e-mail, or what else says who it is.
    pub(crate) fn name(&self) -> String {
        let known = self.contact.known_as();
        if known.is_empty() { "without an e-mail".to_owned() } else { known }
    }

    /// The names of the groups that it is subscribed to.
    fn groups(&self) -> impl Iterator<Item = &str> {
        let active = self.subscriptions.iter().filter(|(one, _)| one.status == Status::Subscribe);
        active.map(|(_, group)| &*group.name)
    }

    pub(crate) fn line(&self) -> String {
        let Self { contact, tags, .. } = self;
        let groups = self.groups().collect::<Vec<_>>().join(", ");
        let facts = [
            contact.email.as_ref().map_or("", Email::as_str).to_owned(),
            contact.full_name(),
            contact.texts.get(ContactText::Phone).to_owned(),
            if tags.is_empty() { String::new() } else { format!("tags {}", tags.join(", ")) },
            if groups.is_empty() { String::new() } else { format!("in {groups}") },
        ];
        let facts: Vec<_> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
        format!("{:>6}  {}", contact.id, facts.join("  "))
    }

    /// It as lists have it: empty texts are left out.
    pub(crate) fn json(&self) -> Value {
        let Self { contact, tags, .. } = self;
        let mut json = Map::new();
        for (name, value) in [
            ("id", json!(contact.id)),
            ("email", json!(contact.email.as_ref().map(Email::as_str))),
            ("created", json!(contact.created)),
            ("changed", json!(contact.changed)),
            ("is_active", json!(contact.is_active)),
            ("manager", json!(contact.manager)),
            ("tags", json!(tags)),
            ("groups", json!(self.groups().collect::<Vec<_>>())),
        ] {
            json.insert(name.to_owned(), value);
        }
        json.extend(texts(contact).map(|(name, text)| (name.to_owned(), json!(text))));
        Value::Object(json)
    }
}

/// The texts that are not empty.
fn texts(contact: &Contact) -> impl Iterator<Item = (&'static str, &str)> {
    let texts = ContactText::ALL.into_iter().map(|field| (field.name(), contact.texts.get(field)));
    texts.filter(|(_, text)| !text.is_empty())
}

/// All that is known of a contact.
struct Whole {
    known: Known,
    history: Vec<Entry>,
    customer: Option<Customer>,
    manager: String,
}

/// Shows a contact.
pub(super) fn show(
    tx: &mut Tx<'_>,
    account: &Account,
    contact: Contact,
    as_json: bool,
) -> Result<(), Failure> {
    let customer = match &contact.email {
        Some(email) => customers::find(tx, account.id, email)?,
        None => None,
    };
    let manager = managers::find(tx, account.id, contact.manager)?;
    let whole = Whole {
        history: contacts::history(tx, account.id, contact.id)?,
        customer,
        manager: manager.map(|manager| manager.name).unwrap_or_default(),
        known: Known::of(tx, account, contact)?,
    };
    let mut out = stdout();
    if as_json {
        return json_pretty(&mut out, &whole.json());
    }
    for line in whole.lines(account) {
        writeln!(out, "{}", for_terminal(&line))?;
    }
    Ok(out.flush()?)
}

impl Whole {
    fn json(&self) -> Value {
        let mut json = self.known.json();
        let subscriptions = self.known.subscriptions.iter().map(|(one, group)| {
            json!({
                "rass_name": group.name, "rass_title": group.title, "status": one.status.as_str(), "at": one.at,
                "method": one.method, "address": one.address, "activation": one.activation, "doneurl": one.doneurl,
            })
        });
        let history = self.history.iter().map(|entry| {
            json!({
                "at": entry.at, "method": entry.method, "address": entry.address, "what": entry.what,
                "detail": entry.detail,
            })
        });
        let orders = self.customer.as_ref().map_or(0, |customer| customer.orders);
        if let Value::Object(json) = &mut json {
            json.insert("orders".to_owned(), json!(orders));
            json.insert("subscriptions".to_owned(), subscriptions.collect());
            json.insert("history".to_owned(), history.collect());
        }
        json
    }

    fn lines(&self, account: &Account) -> Vec<String> {
        let Self { known: Known { contact, tags, subscriptions }, history, customer, manager } = self;
        let at = |time| shown(time, &account.settings.time_zone);
        let by = |method: &str, address: &str| {
            let from = if address.is_empty() { String::new() } else { format!(" from {address}") };
            format!("by {method}{from}")
        };
        let mut lines = vec![
            format!("contact: {}", contact.id),
            format!("email: {}", contact.email.as_ref().map_or("none", Email::as_str)),
            format!("added: {}", at(contact.created)),
            format!("changed: {}", at(contact.changed)),
        ];
        if contact.manager != 0 {
            lines.push(format!("manager: {} {manager}", contact.manager).trim_end().to_owned());
        }
        lines.extend(texts(contact).map(|(name, text)| format!("{name}: {text}")));
        if !tags.is_empty() {
            lines.push(format!("tags: {}", tags.join(", ")));
        }
        if let Some(customer) = customer {
            let more = if customer.is_cut { "more than " } else { "" };
            lines.push(format!(
                "orders: {more}{}, {} paid, received {}",
                customer.orders, customer.paid, customer.received
            ));
        }
        lines.push(format!("in {}", counted(subscriptions.len() as u64, "group")));
        for (one, group) in subscriptions {
            let (since, by) = (at(one.at), by(&one.method, &one.address));
            lines.push(format!("  {}  {} since {since} {by}", group.name, one.status.as_str()));
        }
        lines.push("history:".to_owned());
        for entry in history {
            let what = format!("{} {}", entry.what, entry.detail);
            lines.push(format!("  {}  {} {}", at(entry.at), what.trim(), by(&entry.method, &entry.address)));
        }
        lines
    }
}
