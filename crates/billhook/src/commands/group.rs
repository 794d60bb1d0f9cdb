//! `billhook group`: groups of contacts, which forms and bots add people to.

use std::io::Write as _;

use billhook_store::{
    Tx,
    accounts::{
        Account,
        audit::{self, Action as Done},
    },
    contacts::{
        groups::{self, ALL_LEADS, Group, Kind},
        subscriptions,
    },
};
use billhook_wire::Name;
use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::resource::{Report, Resource, begins, unknown};
use crate::{
    failure::Failure,
    options::{
        everywhere::Everywhere,
        time::{now, shown},
    },
    terminal::output::{for_terminal, json_pretty, stdout},
};

/// Add, find, show, change and remove groups of contacts
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  billhook group add news --title News --account shop
  billhook group list --account shop")]
pub(crate) enum Action {
    /// Add a group
    #[command(after_help = "\
Examples:
  billhook group add news --title News --account shop
  billhook group add --title 'My buyers' --auto --account shop")]
    Add {
        /// Its name in the API [default: one such as 1594725950.5982672784]
        #[arg(value_name = "NAME", value_parser = name)]
        name: Option<Name>,
        /// Its title [default: the name]
        #[arg(long, value_name = "TITLE", value_parser = Name::new)]
        title: Option<Name>,
        /// Only buyers join it, by the groups of a product; the API adds nobody (code 104)
        #[arg(long)]
        auto: bool,
        #[command(flatten)]
        report: Report,
    },
    /// List the groups, each with how many contacts are subscribed
    #[command(after_help = "\
Examples:
  billhook group list --account shop
  billhook group list new --account shop")]
    List {
        /// The beginning of a name or of a title, in any letter case [default: all groups]
        #[arg(value_name = "SEARCH", default_value = "", hide_default_value = true)]
        search: String,
        #[command(flatten)]
        report: Report,
    },
    /// Show a group with its URLs, and how many contacts have each status
    #[command(after_help = "\
Example:
  billhook group show news --account shop")]
    Show {
        /// Its name
        #[arg(value_name = "NAME", value_parser = Name::new)]
        name: Name,
        #[command(flatten)]
        report: Report,
    },
    /// Change a group's title, its kind or its URLs
    #[command(after_help = "\
Examples:
  billhook group set news --title 'Our news' --account shop
  billhook group set news --url-subscribed https://shop.example/hook --account shop")]
    Set {
        /// Its name
        #[arg(value_name = "NAME", value_parser = Name::new)]
        name: Name,
        /// Its title
        #[arg(long, value_name = "TITLE", value_parser = Name::new)]
        title: Option<Name>,
        /// The URL that is told of new subscriptions; empty: none is
        #[arg(long, value_name = "URL", value_parser = url)]
        url_subscribed: Option<String>,
        /// The URL that is told when a person leaves the group; empty: none is
        #[arg(long, value_name = "URL", value_parser = url)]
        url_unsubscribed: Option<String>,
        /// Whether only buyers join it
        #[arg(long, value_name = "YES|NO", value_parser = yes_or_no)]
        auto: Option<bool>,
        #[command(flatten)]
        report: Report,
    },
    /// Remove a group with its subscriptions; the contacts stay
    #[command(after_help = "\
Example:
  billhook group remove news --account shop")]
    Remove {
        /// Its name
        #[arg(value_name = "NAME", value_parser = Name::new)]
        name: Name,
        #[command(flatten)]
        report: Report,
    },
}

impl Action {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        match self {
            Self::Add { name, title, auto, report } => {
                let text = |name: &Option<Name>| name.as_ref().map_or("", Name::as_str).to_owned();
                let kind = if auto { Kind::Auto } else { Kind::Open };
                report.change(everywhere, ("added", Done::GroupAdded), move |tx, account| {
                    let (name, title) = (text(&name), text(&title));
                    let group = Group { name, title, kind, created: now(), ..Group::default() };
                    let taken = format!("a group named {} is there already", group.name);
                    let group = groups::add(tx, account.id, group)?.ok_or_else(|| Failure::failed(taken))?;
                    Ok(Counted { group, subscribed: 0 })
                })
            }
            Self::List { search, report } => report.list_those(everywhere, |Counted { group, .. }| {
                begins(&group.name, &search) || begins(&group.title, &search)
            }),
            Self::Show { name, report } => show(everywhere, &name, &report),
            Self::Set { name, title, url_subscribed, url_unsubscribed, auto, report } => {
                report.change(everywhere, ("changed", Done::GroupChanged), move |tx, account| {
                    let mut found = found(tx, account, &name)?;
                    if let Some(title) = &title {
                        title.as_str().clone_into(&mut found.group.title);
                    }
                    if let Some(url) = &url_subscribed {
                        url.clone_into(&mut found.group.url_subscribed);
                    }
                    if let Some(url) = &url_unsubscribed {
                        url.clone_into(&mut found.group.url_unsubscribed);
                    }
                    if let Some(auto) = auto {
                        found.group.kind = if auto { Kind::Auto } else { Kind::Open };
                    }
                    groups::put(tx, account.id, &found.group)?;
                    Ok(found)
                })
            }
            Self::Remove { name, report } => remove(everywhere, &name, &report),
        }
    }
}

fn name(text: &str) -> Result<Name, String> {
    let name = Name::new(text).map_err(|error| error.to_string())?;
    if groups::may_be_named(name.as_str()) {
        Ok(name)
    } else {
        Err(format!("a group's name has no comma, and {ALL_LEADS} is reserved: every contact is in it"))
    }
}

fn url(text: &str) -> Result<String, String> {
    if !text.is_empty() {
        billhook_server::check_webhook_url(text)?;
    }
    Ok(text.to_owned())
}

fn yes_or_no(text: &str) -> Result<bool, &'static str> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("neither yes nor no"),
    }
}

/// The group of a name, which has to be there.
pub(super) fn named(tx: &mut Tx<'_>, account: &Account, name: &Name) -> Result<Group, Failure> {
    if let Some(group) = groups::named(tx, account.id, name.as_str())? {
        return Ok(group);
    }
    let groups = groups::list(tx, account.id)?;
    let names = groups.iter().map(|group| &*group.name);
    Err(unknown(Counted::NAME, name, account, names))
}

fn found(tx: &mut Tx<'_>, account: &Account, name: &Name) -> Result<Counted, Failure> {
    let group = named(tx, account, name)?;
    let subscribed = subscriptions::count(tx, account.id, group.id)?;
    Ok(Counted { group, subscribed })
}

/// Removes a group in steps, so that a running server goes on meanwhile. If that is interrupted, the same command does
/// the rest.
fn remove(everywhere: &Everywhere, name: &Name, report: &Report) -> Result<(), Failure> {
    let account = report.open(everywhere)?;
    let removed = account.read(|tx, account| found(tx, account, name))?;
    let (id, noted) = (removed.group.id, removed.noted());
    loop {
        let noted = noted.clone();
        let is_done = account.write(move |tx, account| {
            let is_done = subscriptions::remove_some(tx, account.id, id)?;
            if is_done {
                audit::add_command(tx, account.id, Done::GroupRemoved, &noted, now())?;
            }
            Ok(is_done)
        })?;
        if is_done {
            return report.tell(&removed, "removed");
        }
    }
}

/// Shows a group.
fn show(everywhere: &Everywhere, name: &Name, report: &Report) -> Result<(), Failure> {
    let (found, statuses, created) = report.open(everywhere)?.read(|tx, account| {
        let found = found(tx, account, name)?;
        let statuses = subscriptions::statuses(tx, account.id, found.group.id)?;
        let created = shown(found.group.created, &account.settings.time_zone);
        Ok((found, statuses, created))
    })?;
    let mut out = stdout();
    if report.json {
        let mut json = found.json();
        let counts: Map<_, _> =
            statuses.iter().map(|(status, count)| (status.to_string(), json!(count))).collect();
        if let Value::Object(json) = &mut json {
            json.insert("statuses".to_owned(), counts.into());
        }
        return json_pretty(&mut out, &json);
    }
    let Counted { group, subscribed } = found;
    for (name, fact) in [
        ("group", &*group.name),
        ("number", &group.id.to_string()),
        ("title", &group.title),
        ("kind", group.kind.as_str()),
        ("added", &created),
        ("told of new subscriptions", &group.url_subscribed),
        ("told when a person leaves", &group.url_unsubscribed),
    ] {
        if !fact.is_empty() {
            writeln!(out, "{}", for_terminal(&format!("{name}: {fact}")))?;
        }
    }
    writeln!(out, "{subscribed} subscribed")?;
    for (status, count) in statuses {
        writeln!(out, "  {status}  {count}")?;
    }
    Ok(out.flush()?)
}

/// A group with how many contacts are subscribed.
struct Counted {
    group: Group,
    subscribed: u64,
}

impl Resource for Counted {
    const NAME: &'static str = "group";

    fn list(tx: &mut Tx<'_>, account: &Account) -> Result<Vec<Self>, Failure> {
        let groups = groups::list(tx, account.id)?;
        let counted = groups.into_iter().map(|group| {
            let subscribed = subscriptions::count(tx, account.id, group.id)?;
            Ok(Self { group, subscribed })
        });
        counted.collect()
    }

    fn number(&self) -> i64 {
        self.group.id
    }

    fn name(&self) -> &str {
        &self.group.name
    }

    fn facts(&self) -> Vec<String> {
        let kind = (self.group.kind == Kind::Auto).then(|| "auto".to_owned());
        let count = format!("{} subscribed", self.subscribed);
        [self.group.title.clone(), count].into_iter().chain(kind).collect()
    }

    fn json(&self) -> Value {
        let Self { group, subscribed } = self;
        json!({
            "rass_id": group.id, "rass_name": group.name, "rass_title": group.title, "kind": group.kind.as_str(),
            "created": group.created, "subscribed": subscribed, "url_subscribed": group.url_subscribed,
            "url_unsubscribed": group.url_unsubscribed,
        })
    }
}
