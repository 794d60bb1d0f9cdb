//! `billhook tag`: the tags of contacts.

use std::io::Write as _;

use billhook_store::{
    Tx,
    accounts::{
        Account,
        audit::{self, Action as Done},
    },
    contacts::{
        By,
        contact_lists::{self, Filter},
        contact_tags,
    },
};
use billhook_wire::Name;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    contact::{self, Key, Known},
    resource::{Report, begins, unknown},
};
use crate::{
    failure::Failure,
    options::{everywhere::Everywhere, time::now},
    terminal::output::{counted, for_terminal, json_pretty, print, say_if_none, stdout},
};

/// What the history of contacts says of these commands.
const METHOD: &str = "billhook tag";
/// So many contacts of a tag are shown.
const SHOWN: u32 = 20;

/// Find, show, rename and remove tags of contacts, and put them on
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  billhook tag list --account shop
  billhook tag add vip anna@example.com boris@example.com --account shop
  billhook contact list --tag vip --account shop

A tag is there as long as a contact has it. Letter case matters.")]
pub(crate) enum Action {
    /// List the tags, each with how many contacts have it
    #[command(after_help = "\
Examples:
  billhook tag list --account shop
  billhook tag list vi --account shop")]
    List {
        /// The beginning of a tag, in any letter case [default: all tags]
        #[arg(value_name = "SEARCH", default_value = "", hide_default_value = true)]
        search: String,
        #[command(flatten)]
        report: Report,
    },
    /// Show how many contacts have a tag, and the newest of them
    #[command(after_help = "\
Example:
  billhook tag show vip --account shop")]
    Show(Target),
    /// Put a tag on contacts; it may be a new one
    ///
    /// If one of the contacts does not exist, none gets the tag.
    #[command(after_help = "\
Example:
  billhook tag add vip anna@example.com boris@example.com --account shop")]
    Add {
        /// The tag
        #[arg(value_name = "NAME", value_parser = name)]
        name: Name,
        /// The contacts' e-mails, in any letter case, or their numbers
        #[arg(value_name = "EMAIL|NUMBER", required = true, value_parser = contact::key)]
        contacts: Vec<Key>,
        #[command(flatten)]
        report: Report,
    },
    /// Give a tag another name on all contacts that have it
    #[command(after_help = "\
Example:
  billhook tag set vip --name gold --account shop")]
    Set {
        #[command(flatten)]
        target: Target,
        /// The other name
        #[arg(long = "name", value_name = "NEW", value_parser = name)]
        other: Name,
        /// Agree that both become one tag, if contacts have the other already
        #[arg(long)]
        yes: bool,
    },
    /// Take a tag off contacts, or off all that have it
    ///
    /// If one of the contacts does not exist, none loses the tag.
    #[command(after_help = "\
Examples:
  billhook tag remove vip anna@example.com --account shop
  billhook tag remove vip --yes --account shop")]
    Remove {
        #[command(flatten)]
        target: Target,
        /// The contacts' e-mails, in any letter case, or their numbers [default: all contacts]
        #[arg(value_name = "EMAIL|NUMBER", value_parser = contact::key)]
        contacts: Vec<Key>,
        /// Agree that no contact has it any more
        #[arg(long, conflicts_with = "contacts")]
        yes: bool,
    },
}

/// Which tag, and how it is reported.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The tag
    #[arg(value_name = "NAME", value_parser = Name::new)]
    name: Name,
    #[command(flatten)]
    report: Report,
}

fn name(text: &str) -> Result<Name, String> {
    let name = Name::new(text).map_err(|error| error.to_string())?;
    if name.as_str().contains(',') {
        return Err("lists of tags have commas between, so a tag has none".to_owned());
    }
    Ok(name)
}

impl Action {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        match self {
            Self::List { search, report } => {
                let mut tags = report
                    .open(everywhere)?
                    .read(|tx, account| Ok(contact_tags::all_tags(tx, account.id)?))?;
                tags.retain(|(tag, _)| begins(tag, &search));
                say_if_none(tags.is_empty(), report.json, "tag");
                tags.iter().try_for_each(|(tag, count)| {
                    let line = format!("{tag}  {}", counted(*count, "contact"));
                    print(report.json, &json(tag, *count), &line)
                })
            }
            Self::Show(Target { name, report }) => show(everywhere, name.as_str(), &report),
            Self::Add { name, contacts, report } => put(everywhere, &report, &name, contacts, false),
            Self::Set { target: Target { name, report }, other, yes } => {
                retag(everywhere, &report, &name, Some(&other), yes)
            }
            Self::Remove { target: Target { name, report }, contacts, yes } if contacts.is_empty() => {
                retag(everywhere, &report, &name, None, yes)
            }
            Self::Remove { target: Target { name, report }, contacts, .. } => {
                put(everywhere, &report, &name, contacts, true)
            }
        }
    }
}

fn json(tag: &str, count: u64) -> Value {
    json!({"tag": tag, "contacts": count})
}

/// How many contacts have a tag, which has to be there.
fn count(tx: &mut Tx<'_>, account: &Account, tag: &str) -> Result<u64, Failure> {
    let count = contact_tags::count_tagged(tx, account.id, tag)?;
    if count == 0 {
        let tags = contact_tags::all_tags(tx, account.id)?;
        return Err(unknown("tag", tag, account, tags.iter().map(|(tag, _)| &**tag)));
    }
    Ok(count)
}

fn show(everywhere: &Everywhere, tag: &str, report: &Report) -> Result<(), Failure> {
    let (count, newest) = report.open(everywhere)?.read(|tx, account| {
        let count = count(tx, account, tag)?;
        let tagged = Filter { tag: Some(tag.to_owned()), ..Filter::default() };
        let newest = contact_lists::list(tx, account.id, &tagged, None, SHOWN)?;
        let newest = newest.into_iter().map(|contact| Known::of(tx, account, contact));
        Ok((count, newest.collect::<Result<Vec<_>, _>>()?))
    })?;
    let mut out = stdout();
    if report.json {
        let mut json = json(tag, count);
        if let Value::Object(json) = &mut json {
            json.insert("newest".to_owned(), newest.iter().map(Known::json).collect());
        }
        return json_pretty(&mut out, &json);
    }
    writeln!(out, "{}", for_terminal(&format!("{tag}  {}", counted(count, "contact"))))?;
    for known in &newest {
        writeln!(out, "{}", for_terminal(&known.line()))?;
    }
    if count > newest.len() as u64 {
        writeln!(out, "{}", for_terminal(&format!("`billhook contact list --tag '{tag}'` shows all")))?;
    }
    Ok(out.flush()?)
}

/// Puts a tag on contacts, or takes it off them.
fn put(
    everywhere: &Everywhere,
    report: &Report,
    tag: &Name,
    keys: Vec<Key>,
    removes: bool,
) -> Result<(), Failure> {
    let name = tag.clone();
    let count = report.open(everywhere)?.write(move |tx, account| {
        let (tag, by) = (name.as_str(), By { at: now(), method: METHOD, address: "" });
        if removes {
            count(tx, account, tag)?;
        }
        let sign = if removes { '-' } else { '+' };
        for key in &keys {
            let contact = contact::found(tx, account, key)?;
            if contact_tags::tag(tx, account.id, contact.id, by, [tag], removes)? {
                let detail = format!("{}; {sign}tags: {tag}", contact.noted_as());
                audit::add_command(tx, account.id, Done::ContactChanged, &detail, by.at)?;
            }
        }
        Ok(contact_tags::count_tagged(tx, account.id, tag)?)
    })?;
    print(report.json, &json(tag.as_str(), count), &format!("{tag}: {} it now", have(count)))
}

/// Takes a tag off all contacts, or gives it another name, in batches, so that a running server goes on meanwhile.
/// If that is interrupted, the same command does the rest.
fn retag(
    everywhere: &Everywhere,
    report: &Report,
    tag: &Name,
    other: Option<&Name>,
    is_agreed: bool,
) -> Result<(), Failure> {
    if other == Some(tag) {
        return Err(Failure::usage(format!("the tag is named {tag} already")));
    }
    let account = report.open(everywhere)?;
    let lost = account.read(|tx, account| lost(tx, account, tag, other))?;
    if let Some(lost) = lost
        && !is_agreed
    {
        return Err(Failure::failed(lost));
    }
    let mut done = 0;
    loop {
        let (is_first, tag, other) = (done == 0, tag.clone(), other.cloned());
        let batch = account.write(move |tx, account| {
            let (by, other) =
                (By { at: now(), method: METHOD, address: "" }, other.as_ref().map(Name::as_str));
            let batch = contact_tags::retag_some(tx, account.id, tag.as_str(), other, by)?;
            if is_first && batch > 0 {
                let (action, detail) = match other {
                    Some(other) => (Done::TagChanged, format!("{tag}: now {other}")),
                    None => (Done::TagRemoved, tag.to_string()),
                };
                audit::add_command(tx, account.id, action, &detail, by.at)?;
            }
            Ok(batch as u64)
        })?;
        if batch == 0 {
            break;
        }
        done += batch;
    }
    let now = other.unwrap_or(tag);
    let count = account.read(|tx, account| Ok(contact_tags::count_tagged(tx, account.id, now.as_str())?))?;
    let line = match other {
        Some(other) => format!("{tag} is named {other} now, and {} it", have(count)),
        None => format!("{tag} was taken off {}", counted(done, "contact")),
    };
    print(report.json, &json(now.as_str(), count), &line)
}

/// What can't be brought back if a tag goes, or gets a name that another has.
fn lost(
    tx: &mut Tx<'_>,
    account: &Account,
    tag: &Name,
    other: Option<&Name>,
) -> Result<Option<String>, Failure> {
    let of_tag = count(tx, account, tag.as_str())?;
    let Some(other) = other else {
        return Ok(Some(format!("{} the tag {tag}: --yes takes it off", have(of_tag))));
    };
    let of_other = contact_tags::count_tagged(tx, account.id, other.as_str())?;
    let line = format!("{} the tag {other} already: --yes makes one tag of both", have(of_other));
    Ok(Some(line).filter(|_| of_other > 0))
}

fn have(count: u64) -> String {
    format!("{} {}", counted(count, "contact"), if count == 1 { "has" } else { "have" })
}
