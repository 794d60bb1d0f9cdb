//! `billhook delivery`: what was sent to products' URLs and webhooks, or waits to be.

use std::io::Write as _;

use billhook_store::{
    Tx,
    accounts::{
        Account,
        audit::{self, Action as Done},
    },
    outbox::{
        deliveries::{self, Delivery, DeliveryId, Filter, State, Try},
        events::{self, Happened},
    },
};
use billhook_wire::lead_event::event_words;
use clap::{Args, Subcommand, builder::PossibleValuesParser};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::{outbox::once_resumed, resource::Report};
use crate::{
    failure::Failure,
    options::{
        account::OpenAccount,
        everywhere::Everywhere,
        time::{TimeOption, now, shown},
    },
    terminal::output::{for_terminal, json_line, json_pretty, print, say_if_none, stdout},
};

/// So many deliveries are read, or sent again, in one transaction.
const AT_ONCE: u32 = 1_000;

/// List, show and resend what products' URLs and webhooks are told
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  billhook delivery list --state failed --since 2026-11-01 --account shop
  billhook delivery show evt_1764500000000000/1 --account shop
  billhook delivery resend --failed --since 2026-11-01 --dry-run --account shop

What is settled is kept for 30 days. Dates are in the account's time_zone.")]
pub(crate) enum Action {
    List(List),
    Show(Show),
    Resend(Resend),
}

/// List deliveries, the newest first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook delivery list --limit 20 --account shop
  billhook delivery list --state failed --event paid --since 2026-11-01 --account shop")]
pub(crate) struct List {
    /// Only those in this state
    #[arg(long, value_name = "STATE", value_parser = PossibleValuesParser::new(State::ALL.map(State::as_str)))]
    state: Option<String>,
    #[command(flatten)]
    which: Which,
    /// Only the last N
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: Option<u32>,
    #[command(flatten)]
    report: Report,
}

/// Show an event and its deliveries, with every try
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook delivery show evt_1764500000000000 --account shop
  billhook delivery show evt_1764500000000000/1 --body --account shop")]
pub(crate) struct Show {
    /// The event's id, to which /1, /2 and so on adds one of its deliveries
    #[arg(value_name = "ID", value_parser = Name::parse)]
    id: Name,
    /// Show what is sent, too
    #[arg(long)]
    body: bool,
    #[command(flatten)]
    report: Report,
}

/// Send deliveries once more
///
/// Each goes out with the id and the body that it had, and is tried as a new one is.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook delivery resend evt_1764500000000000 --account shop
  billhook delivery resend --failed --since 2026-11-01 --dry-run --account shop
  billhook delivery resend --failed --since 2026-11-01 --event paid --account shop")]
pub(crate) struct Resend {
    /// The event's id, to which /1, /2 and so on adds one of its deliveries
    #[arg(value_name = "ID", value_parser = Name::parse, required_unless_present = "failed")]
    id: Option<Name>,
    /// All that failed since a time
    #[arg(long, requires = "since", conflicts_with = "id")]
    failed: bool,
    #[command(flatten)]
    which: Which,
    /// Only show what would be sent
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    report: Report,
}

/// Which deliveries.
#[derive(Debug, Args)]
struct Which {
    /// Only of events since this time
    #[arg(long, value_name = "DATE", value_parser = TimeOption::parse)]
    since: Option<TimeOption>,
    /// Only of this event
    #[arg(long, value_name = "EVENT", value_parser = PossibleValuesParser::new(words()))]
    event: Option<String>,
    /// Only to the webhook with this number; 0: to products' URLs
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(0..))]
    endpoint: Option<i64>,
}

fn words() -> Vec<&'static str> {
    event_words().chain([events::TEST]).collect()
}

impl Which {
    fn filter(&self, account: &Account, state: Option<State>) -> Result<Filter, Failure> {
        let since = self.since.map_or(Ok(0), |since| since.begin(&account.settings.time_zone))?;
        let event = self.event.clone().unwrap_or_default();
        Ok(Filter { state, event, endpoint: self.endpoint, since })
    }
}

/// An event, or one of its deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name {
    event: i64,
    target: Option<i64>,
}

impl Name {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number > 0);
        let parse = || {
            let text = text.strip_prefix("evt_")?;
            let (event, target) = match text.split_once('/') {
                Some((event, target)) => (event, Some(number(target)?)),
                None => (text, None),
            };
            Some(Self { event: number(event)?, target })
        };
        parse().ok_or("an id is evt_ and a number, as `billhook delivery list` shows it")
    }

    /// Its deliveries. An event has to be there, and a delivery that is named.
    fn found(self, tx: &mut Tx<'_>, account: &Account) -> Result<(Happened, Vec<Delivery>), Failure> {
        let event = events::find(tx, account.id, self.event)?;
        let mut all = deliveries::of_event(tx, account.id, self.event)?;
        all.retain(|delivery| self.target.is_none_or(|target| delivery.id.target == target));
        match event {
            Some(event) if self.target.is_none() || !all.is_empty() => Ok((event, all)),
            _ => Err(Failure::failed(format!(
                "there is no {self}: `billhook delivery list --account {}` shows those of the last 30 days",
                account.login
            ))),
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&events::id(self.event))?;
        self.target.map_or(Ok(()), |target| write!(f, "/{target}"))
    }
}

impl Action {
    /// Does it.
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(everywhere),
            Self::Show(show) => show.run(everywhere),
            Self::Resend(resend) => resend.run(everywhere),
        }
    }
}

impl List {
    fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { state, which, limit, report } = self;
        let state = state.as_deref().and_then(State::parse);
        let (mut out, mut is_empty) = (stdout(), true);
        report.open(everywhere)?.read(|tx, account| {
            let (zone, filter) = (&account.settings.time_zone, which.filter(account, state)?);
            each(tx, account, &filter, limit, |delivery| {
                is_empty = false;
                if report.json {
                    json_line(&mut out, &json(delivery))
                } else {
                    Ok(writeln!(out, "{}", for_terminal(&line(delivery, zone)))?)
                }
            })
        })?;
        say_if_none(is_empty, report.json, "delivery");
        Ok(out.flush()?)
    }
}

/// Calls a function with deliveries, the newest first.
fn each(
    tx: &mut Tx<'_>,
    account: &Account,
    filter: &Filter,
    limit: Option<u32>,
    mut show: impl FnMut(&Delivery) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (mut left, mut before) = (limit.unwrap_or(u32::MAX), None);
    loop {
        let page = deliveries::list(tx, account.id, filter, before, left.min(AT_ONCE))?;
        page.iter().try_for_each(&mut show)?;
        left -= u32::try_from(page.len()).unwrap_or(left).min(left);
        before = page.last().map(|delivery| delivery.id);
        if before.is_none() || left == 0 {
            return Ok(());
        }
    }
}

impl Show {
    fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { id, body, report } = self;
        report.open(everywhere)?.read(|tx, account| {
            let (event, all) = id.found(tx, account)?;
            let mut whole = Vec::new();
            for delivery in all {
                let tries = deliveries::tries(tx, account.id, delivery.id)?;
                whole.push((delivery, tries));
            }
            let mut out = stdout();
            if report.json {
                let deliveries: Vec<_> =
                    whole.iter().map(|(delivery, tries)| whole_json(delivery, tries, body.then_some(&event))).collect();
                let shown = json!({
                    "id": events::id(event.number), "event": event.event, "order": event.order, "at": event.at,
                    "deliveries": deliveries,
                });
                return json_pretty(&mut out, &shown);
            }
            let zone = &account.settings.time_zone;
            let mut lines = vec![format!("event: {}", events::id(event.number)), format!("what: {}", event.event)];
            if event.order.0 != 0 {
                lines.push(format!("order: {}", event.order));
            }
            lines.push(format!("happened: {}", shown(event.at, zone)));
            if whole.is_empty() {
                lines.push("sent to: nobody, `billhook.events` lists it".to_owned());
            }
            for (delivery, tries) in &whole {
                lines.extend(facts(delivery, tries, zone));
                if body {
                    lines.push(format!("body: {}", sent(delivery, &event)));
                }
            }
            for line in lines {
                writeln!(out, "{}", for_terminal(&line))?;
            }
            Ok(out.flush()?)
        })
    }
}

/// What is sent as this delivery.
fn sent<'a>(delivery: &Delivery, event: &'a Happened) -> &'a str {
    if delivery.endpoint == 0 { &event.form } else { &event.json }
}

/// A delivery in full, one fact a line.
fn facts(delivery: &Delivery, tries: &[Try], zone: &TimeZone) -> Vec<String> {
    let to = match delivery.endpoint {
        0 => "a product's URL".to_owned(),
        endpoint => format!("webhook {endpoint}"),
    };
    let mut lines = vec![
        String::new(),
        format!("delivery: {}", name(delivery.id)),
        format!("sent to: {}, {to}", delivery.url),
        format!("state: {}", standing(delivery, zone)),
    ];
    if delivery.ended != 0 {
        lines.push(format!("settled: {}", shown(delivery.ended, zone)));
    }
    for Try { at, status, milliseconds, reason, answer } in tries {
        let result = match (status, &**reason) {
            (status, "") => format!("answered {status}"),
            (_, reason) => reason.to_owned(),
        };
        lines.push(format!("try: {}, {milliseconds} ms, {result}", shown(*at, zone)));
        if !answer.is_empty() {
            lines.push(format!("  answer: {answer}"));
        }
    }
    lines
}

fn whole_json(delivery: &Delivery, tries: &[Try], body_of: Option<&Happened>) -> Map<String, Value> {
    let mut shown = json(delivery);
    let tries: Vec<_> = tries
        .iter()
        .map(|Try { at, status, milliseconds, reason, answer }| {
            json!({"at": at, "status": status, "milliseconds": milliseconds, "reason": reason, "answer": answer})
        })
        .collect();
    shown.insert("all_tries".to_owned(), tries.into());
    if let Some(event) = body_of {
        shown.insert("body".to_owned(), sent(delivery, event).into());
    }
    shown
}

impl Resend {
    fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { id, failed: _, which, dry_run, report } = self;
        let account = report.open(everywhere)?;
        let (count, then) = match id {
            Some(_) if which.since.is_some() || which.event.is_some() || which.endpoint.is_some() => {
                return Err(Failure::usage(
                    "--since, --event and --endpoint are for --failed: leave them or the id out",
                ));
            }
            Some(id) if dry_run => account.read(|tx, account| {
                let (_, all) = id.found(tx, account)?;
                all.iter().try_for_each(|delivery| show(&report, delivery, account))?;
                Ok((all.len(), ""))
            })?,
            Some(id) => account.write(move |tx, account| {
                let (_, all) = id.found(tx, account)?;
                let ids: Vec<_> = all.iter().map(|delivery| delivery.id).collect();
                deliveries::resend(tx, account.id, &ids, now())?;
                audit::add_command(tx, account.id, Done::EventsResent, &id.to_string(), now())?;
                Ok((ids.len(), once_resumed(tx)?))
            })?,
            None if dry_run => account.read(|tx, account| {
                let (filter, mut count) = (which.filter(account, Some(State::Failed))?, 0);
                each(tx, account, &filter, None, |delivery| {
                    count += 1;
                    show(&report, delivery, account)
                })?;
                Ok((count, ""))
            })?,
            None => {
                let filter = account.read(|_, account| which.filter(account, Some(State::Failed)))?;
                resend_all(&account, &filter)?
            }
        };
        let json = json!({"resent": count, "dry_run": dry_run});
        let deliveries = if count == 1 { "delivery" } else { "deliveries" };
        let verb = match (dry_run, count) {
            (true, _) => "would be",
            (false, 1) => "is",
            (false, _) => "are",
        };
        print(report.json, &json, &format!("{count} {deliveries} {verb} sent again{then}"))
    }
}

/// Shows what would be sent again.
fn show(report: &Report, delivery: &Delivery, account: &Account) -> Result<(), Failure> {
    if report.json { Ok(()) } else { print(false, &(), &line(delivery, &account.settings.time_zone)) }
}

/// Sends again what a filter selects, in batches, each once. Returns how many, and words that say when.
fn resend_all(account: &OpenAccount, filter: &Filter) -> Result<(usize, &'static str), Failure> {
    let (mut count, mut before) = (0, None);
    loop {
        // A rare event may be far between: other writers don't wait for that.
        let page =
            account.read(|tx, account| Ok(deliveries::list(tx, account.id, filter, before, AT_ONCE)?))?;
        let ids: Vec<_> = page.iter().map(|delivery| delivery.id).collect();
        before = ids.last().copied();
        count += ids.len();
        let then = account.write(move |tx, account| {
            if !ids.is_empty() {
                deliveries::resend(tx, account.id, &ids, now())?;
                let detail = format!("{} failed", ids.len());
                audit::add_command(tx, account.id, Done::EventsResent, &detail, now())?;
            }
            once_resumed(tx)
        })?;
        if before.is_none() {
            return Ok((count, then));
        }
    }
}

fn name(id: DeliveryId) -> Name {
    Name { event: id.event, target: Some(id.target) }
}

/// How far a delivery has got.
fn standing(delivery: &Delivery, zone: &TimeZone) -> String {
    let Delivery { state, tries, due_at, reason, .. } = delivery;
    let mut text = state.as_str().to_owned();
    match tries {
        0 => {}
        1 => text.push_str(", tried once"),
        tries => text = format!("{text}, tried {tries} times"),
    }
    if *state == State::Pending && *due_at > now() {
        text = format!("{text}, next at {}", shown(*due_at, zone));
    }
    if reason.is_empty() { text } else { format!("{text}: {reason}") }
}

/// A delivery as a line of a list.
pub(super) fn line(delivery: &Delivery, zone: &TimeZone) -> String {
    let order = if delivery.order.0 == 0 { String::new() } else { format!("  order {}", delivery.order) };
    format!(
        "{}  {}  {}{order}  {}  {}",
        name(delivery.id),
        shown(delivery.id.event / 1_000_000, zone),
        delivery.event,
        delivery.url,
        standing(delivery, zone),
    )
}

/// A delivery in a list, as JSON.
pub(super) fn json(delivery: &Delivery) -> Map<String, Value> {
    let fields = [
        ("id", json!(name(delivery.id).to_string())),
        ("event", json!(delivery.event)),
        ("order", json!(delivery.order)),
        ("endpoint", json!(delivery.endpoint)),
        ("url", json!(delivery.url)),
        ("state", json!(delivery.state.as_str())),
        ("tries", json!(delivery.tries)),
        ("due_at", json!(delivery.due_at)),
        ("ended", json!(delivery.ended)),
        ("status", json!(delivery.status)),
        ("reason", json!(delivery.reason)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, event, target) in [("evt_17", 17, None), ("evt_17/2", 17, Some(2))] {
            let name = Name::parse(text).unwrap();
            assert_eq!((name, &*name.to_string()), (Name { event, target }, text));
        }
        for text in ["", "17", "evt_", "evt_0", "evt_-1", "evt_1/", "evt_1/0", "evt_1/2/3", "evt_x"] {
            assert!(Name::parse(text).is_err(), "{text}");
        }
    }
}
