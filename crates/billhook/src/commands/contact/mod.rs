//! `billhook contact`: the people whom a seller writes to.

mod erase;
mod fields;
mod report;

use billhook_store::{
    Tx,
    accounts::{
        Account,
        audit::{self, Action as Done},
    },
    contacts::{self, By, Contact, contact_changes, contact_tags, erasure, subscriptions},
    managers,
};
use billhook_wire::{Email, Name, method::SubscriptionStatus as Status};
use clap::{Args, Subcommand};

use super::{
    group,
    resource::{Report, unknown},
};
use crate::{
    failure::Failure,
    options::{everywhere::Everywhere, time::now},
    terminal::output::print,
};
use erase::Erase;
use fields::{Said, apply, email_or_field, field, once_each};
pub(super) use report::Known;
use report::{List, show};

/// What the history says of these commands.
const METHOD: &str = "billhook contact";

/// Add, find, show, change and remove contacts, the people in groups
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  billhook contact add anna@example.com first_name=Anna --tags vip --groups news --account shop
  billhook contact list --group news --account shop
  billhook contact show anna@example.com --account shop

These commands work beside a running `billhook serve`.")]
pub(crate) enum Action {
    List(List),
    /// Show a contact with tags, groups and history, and how many orders there are of the same e-mail
    #[command(after_help = "\
Examples:
  billhook contact show anna@example.com --account shop
  billhook contact show 7 --account shop --json")]
    Show(Target),
    Add(Add),
    Set(Set),
    /// Remove a contact with its tags, subscriptions and history; orders of the same e-mail stay
    #[command(after_help = "\
Example:
  billhook contact remove anna@example.com --account shop")]
    Remove(Target),
    Erase(Erase),
}

/// Which contact, and how it is reported.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The e-mail, in any letter case, or the number
    #[arg(value_name = "EMAIL|NUMBER", value_parser = key)]
    contact: Key,
    #[command(flatten)]
    report: Report,
}

/// Add a contact
///
/// It needs an e-mail or a field. An e-mail that a contact has already is refused.
#[derive(Debug, Args)]
#[command(after_help = fields::help("\
Examples:
  billhook contact add anna@example.com first_name=Anna --tags vip,new --groups news --account shop
  billhook contact add phone=+79161234567 manager=2 --account shop"))]
pub(crate) struct Add {
    /// The e-mail, and fields
    #[arg(value_name = "EMAIL|FIELD=VALUE", required = true, value_parser = email_or_field)]
    said: Vec<Said>,
    #[command(flatten)]
    joined: Joined,
    #[command(flatten)]
    report: Report,
}

/// Change a contact
#[derive(Debug, Args)]
#[command(after_help = fields::help("\
Examples:
  billhook contact set anna@example.com city=Omsk phone= --account shop
  billhook contact set 7 --tags vip --untag new --groups news --leave sales --account shop"))]
pub(crate) struct Set {
    #[command(flatten)]
    target: Target,
    /// Fields; if one is wrong, nothing is changed; an empty value clears a field
    #[arg(value_name = "FIELD=VALUE", value_parser = field)]
    said: Vec<Said>,
    #[command(flatten)]
    joined: Joined,
    /// Tags to take off, with commas between
    #[arg(long, value_name = "TAGS", value_delimiter = ',', value_parser = Name::new)]
    untag: Vec<Name>,
    /// Groups to unsubscribe from, with commas between
    #[arg(long, value_name = "GROUPS", value_delimiter = ',', value_parser = Name::new)]
    leave: Vec<Name>,
}

/// What a contact gets.
#[derive(Debug, Args)]
pub(crate) struct Joined {
    /// Tags to put on, with commas between; letter case matters
    #[arg(long, value_name = "TAGS", value_delimiter = ',', value_parser = Name::new)]
    tags: Vec<Name>,
    /// Groups to subscribe to, with commas between
    #[arg(long, value_name = "GROUPS", value_delimiter = ',', value_parser = Name::new)]
    groups: Vec<Name>,
}

/// What names a contact.
#[derive(Debug, Clone)]
pub(crate) enum Key {
    Email(Email),
    Number(i64),
}

pub(super) fn key(text: &str) -> Result<Key, String> {
    if text.contains('@') {
        return Email::parse(text).map(Key::Email).map_err(|error| error.to_string());
    }
    let number = text.parse().ok().filter(|number| *number > 0);
    number.map(Key::Number).ok_or_else(|| "neither an e-mail nor a contact's number".to_owned())
}

impl Action {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(everywhere),
            Self::Show(Target { contact, report }) => report.open(everywhere)?.read(|tx, account| {
                let contact = found(tx, account, &contact)?;
                show(tx, account, contact, report.json)
            }),
            Self::Add(add) => add.run(everywhere),
            Self::Set(set) => set.run(everywhere),
            Self::Erase(erase) => erase.run(everywhere),
            Self::Remove(Target { contact, report }) => {
                change(&report, everywhere, ("removed", Done::ContactRemoved), move |tx, account, _| {
                    let contact = found(tx, account, &contact)?;
                    let known = Known::of(tx, account, contact)?;
                    erasure::remove_contact(tx, account.id, &known.contact, now())?;
                    Ok((known, String::new()))
                })
            }
        }
    }
}

impl Add {
    fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { said, joined, report } = self;
        once_each(&said)?;
        change(&report, everywhere, ("added", Done::ContactAdded), move |tx, account, by| {
            let mut contact = Contact::default();
            apply(&mut contact, &said);
            let known = match &contact.email {
                Some(email) => contacts::of_email(tx, account.id, email)?,
                None => None,
            };
            if let Some(Contact { id, email: Some(email), .. }) = &known {
                return Err(Failure::failed(format!(
                    "contact {id} has the e-mail {} already: `billhook contact set {id} …` changes it",
                    email.as_str()
                )));
            }
            is_managed(tx, account, &contact)?;
            let id = contacts::add(tx, account.id, contact, by)?;
            joined.put(tx, account, id, by)?;
            Ok((again(tx, account, id)?, String::new()))
        })
    }
}

impl Set {
    fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { target: Target { contact: key, report }, said, joined, untag, leave } = self;
        once_each(&said)?;
        if said.is_empty() && joined.is_empty() && untag.is_empty() && leave.is_empty() {
            return Err(Failure::usage(
                "nothing to change: give FIELD=VALUE, --tags, --untag, --groups or --leave",
            ));
        }
        change(&report, everywhere, ("changed", Done::ContactChanged), move |tx, account, by| {
            let before = found(tx, account, &key)?;
            let (id, mut contact) = (before.id, before.clone());
            apply(&mut contact, &said);
            if contact.manager != before.manager {
                is_managed(tx, account, &contact)?;
            }
            if contact != before {
                contact_changes::change(tx, account.id, &contact, by)?;
            }
            joined.put(tx, account, id, by)?;
            contact_tags::tag(tx, account.id, id, by, untag.iter().map(Name::as_str), true)?;
            for name in &leave {
                let group = group::named(tx, account, name)?;
                if subscriptions::leave(tx, account.id, &group, id, by)?.is_none() {
                    return Err(Failure::failed(format!(
                        "contact {id} was never in the group {}",
                        group.name
                    )));
                }
            }
            let mut changes = vec![audit::changes_of_contact((&before, ""), (&contact, ""))];
            for (what, names) in
                [("+tags", &joined.tags), ("-tags", &untag), ("+groups", &joined.groups), ("-groups", &leave)]
            {
                if !names.is_empty() {
                    changes.push(format!(
                        "{what}: {}",
                        names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
                    ));
                }
            }
            changes.retain(|change| !change.is_empty());
            let changes = format!("; {}", changes.join("; "));
            Ok((again(tx, account, id)?, changes))
        })
    }
}

impl Joined {
    fn is_empty(&self) -> bool {
        self.tags.is_empty() && self.groups.is_empty()
    }

    fn put(&self, tx: &mut Tx<'_>, account: &Account, id: i64, by: By<'_>) -> Result<(), Failure> {
        contact_tags::tag(tx, account.id, id, by, self.tags.iter().map(Name::as_str), false)?;
        for name in &self.groups {
            let group = group::named(tx, account, name)?;
            subscriptions::put(tx, account.id, &group, id, Status::Subscribe, by, ("", ""))?;
        }
        Ok(())
    }
}

/// Changes a contact, notes that in the audit list, and reports what was done to it. The change says what else the
/// list tells of it.
fn change(
    report: &Report,
    everywhere: &Everywhere,
    (done, action): (&str, Done),
    change: impl Fn(&mut Tx<'_>, &Account, By<'_>) -> Result<(Known, String), Failure> + Send + 'static,
) -> Result<(), Failure> {
    let known = report.open(everywhere)?.write(move |tx, account| {
        let by = By { at: now(), method: METHOD, address: "" };
        let (known, more) = change(tx, account, by)?;
        audit::add_command(tx, account.id, action, &format!("{}{more}", known.contact.noted_as()), by.at)?;
        Ok(known)
    })?;
    print(report.json, &known.json(), &format!("contact {} {done}: {}", known.contact.id, known.name()))
}

pub(super) fn found(tx: &mut Tx<'_>, account: &Account, key: &Key) -> Result<Contact, Failure> {
    match key {
        Key::Email(email) => contacts::of_email(tx, account.id, email)?
            .ok_or_else(|| unknown("contact", email.as_str(), account, [])),
        Key::Number(id) => {
            contacts::find(tx, account.id, *id)?.ok_or_else(|| unknown("contact", id, account, []))
        }
    }
}

/// A contact as it is after a change.
fn again(tx: &mut Tx<'_>, account: &Account, id: i64) -> Result<Known, Failure> {
    let contact = found(tx, account, &Key::Number(id))?;
    Known::of(tx, account, contact)
}

/// Fails if the contact's manager does not exist.
fn is_managed(tx: &mut Tx<'_>, account: &Account, contact: &Contact) -> Result<(), Failure> {
    if contact.manager != 0 && managers::find(tx, account.id, contact.manager)?.is_none() {
        return Err(unknown("manager", contact.manager, account, []));
    }
    Ok(())
}
