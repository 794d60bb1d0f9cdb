//! `billhook webhook`: the endpoints that are told of an account's events.

use std::io::Write as _;

use billhook_store::{
    Tx,
    accounts::{
        Account,
        audit::{self, Action as Done},
        people::Secret,
    },
    outbox::{
        endpoints::{self, ENDPOINTS_MAX, Endpoint},
        events,
    },
};
use billhook_wire::{lead_event::event_words, signature};
use clap::{Args, Subcommand, builder::PossibleValuesParser};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    outbox::once_resumed,
    resource::{Report, Resource, unknown},
};
use crate::{
    failure::Failure,
    options::{
        everywhere::Everywhere,
        time::{now, shown},
    },
    terminal::output::{for_terminal, json_line, json_pretty, print, stdout},
};

/// The longest time for which an old secret may sign beside the new one, in seconds.
const OVERLAP_MAX: i64 = 365 * 24 * 60 * 60;

/// Add, list, test and remove webhooks, which are told of orders as JSON
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  billhook webhook add https://shop.example/hook --events paid,cancelled --account shop
  billhook webhook test 1 --account shop
  billhook webhook rotate-secret 1 --keep-old 24h --account shop

The events are created, cancelled, paid, prepaid and moneyback. Each is sent as JSON, signed as Standard Webhooks \
has it. `billhook delivery list` shows what was sent.")]
pub(crate) enum Action {
    Add(Add),
    /// List the webhooks, by number
    #[command(after_help = "\
Example:
  billhook webhook list --account shop")]
    List(Report),
    /// Show a webhook
    #[command(after_help = "\
Examples:
  billhook webhook show 1 --account shop
  billhook webhook show 1 --secret --account shop")]
    Show {
        #[command(flatten)]
        target: Target,
        /// Show the secret too
        #[arg(long)]
        secret: bool,
    },
    /// Send a webhook an event that tests it
    #[command(after_help = "\
Example:
  billhook webhook test 1 --account shop")]
    Test(Target),
    RotateSecret(RotateSecret),
    /// Tell a webhook of nothing more, until it is enabled
    ///
    /// What waits for it then fails, and `billhook delivery resend` sends it once more.
    #[command(after_help = "\
Example:
  billhook webhook disable 1 --account shop")]
    Disable(Target),
    /// Tell a webhook of events again
    #[command(after_help = "\
Example:
  billhook webhook enable 1 --account shop")]
    Enable(Target),
    /// Remove a webhook; what waits for it is not sent any more
    #[command(after_help = "\
Example:
  billhook webhook remove 1 --account shop")]
    Remove(Target),
}

/// Which webhook, and how it is reported.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The webhook's number
    #[arg(value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(1..))]
    id: i64,
    #[command(flatten)]
    report: Report,
}

/// Add a webhook
///
/// Prints the secret that signs what it gets. Events that happened before are not sent.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook webhook add https://shop.example/hook --account shop
  billhook webhook add https://shop.example/hook --events paid,cancelled --account shop
  billhook webhook add --listen-only --account shop   nothing is sent; programs ask for the events")]
pub(crate) struct Add {
    /// The URL that is told of the events
    // Checked later: clap's message would repeat it, with its password.
    #[arg(value_name = "URL", required_unless_present = "listen_only")]
    url: Option<String>,
    /// Send nothing: the events are only listed, for the method `billhook.events`
    #[arg(long, conflicts_with = "url")]
    listen_only: bool,
    /// The events, with commas between [default: all]
    #[arg(long, value_name = "EVENTS", value_delimiter = ',', value_parser = PossibleValuesParser::new(words()))]
    events: Vec<String>,
    #[command(flatten)]
    report: Report,
}

/// Give a webhook a new secret
///
/// Prints it. The old secret stops signing at once, or after --keep-old. Meanwhile each message has two signatures.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook webhook rotate-secret 1 --account shop
  billhook webhook rotate-secret 1 --keep-old 24h --account shop   the receiver has a day to change")]
pub(crate) struct RotateSecret {
    #[command(flatten)]
    target: Target,
    /// How long the old secret signs too, such as 24h, or in minutes [default: it stops at once]
    #[arg(long, value_name = "TIME", value_parser = overlap)]
    keep_old: Option<i64>,
}

fn words() -> Vec<&'static str> {
    event_words().collect()
}

fn overlap(text: &str) -> Result<i64, String> {
    let seconds = match text.parse::<i64>() {
        Ok(minutes) => minutes.saturating_mul(60),
        Err(_) => text.parse::<SignedDuration>().map_or(0, |duration| duration.as_secs()),
    };
    if (60..=OVERLAP_MAX).contains(&seconds) {
        Ok(seconds)
    } else {
        Err("a time such as 24h or 90m is needed, or a number of minutes, up to a year".to_owned())
    }
}

impl Action {
    /// Does it.
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(everywhere),
            Self::List(report) => report.list::<Endpoint>(everywhere),
            Self::Show { target, secret } => target.show(everywhere, secret),
            Self::Test(target) => target.test(everywhere),
            Self::RotateSecret(rotate) => rotate.run(everywhere),
            Self::Disable(target) => {
                target.change(everywhere, ("disabled", Done::WebhookDisabled), |endpoint| {
                    (endpoint.disabled, endpoint.reason) = (now(), "by a command".to_owned());
                })
            }
            Self::Enable(target) => {
                target.change(everywhere, ("enabled", Done::WebhookEnabled), |endpoint| {
                    (endpoint.disabled, endpoint.reason) = (0, String::new());
                })
            }
            Self::Remove(Target { id, report }) => {
                report.change(everywhere, ("removed", Done::WebhookRemoved), move |tx, account| {
                    let endpoint = found(tx, account, id)?;
                    endpoints::remove(tx, account.id, id)?;
                    Ok(endpoint)
                })
            }
        }
    }
}

impl Add {
    fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { url, listen_only: _, events, report } = self;
        if let Some(url) = &url {
            billhook_server::check_webhook_url(url).map_err(|problem| {
                Failure::usage(format!("{problem}; one is like https://shop.example/hook"))
            })?;
        }
        let asked = event_words();
        let asked: Vec<_> = asked.filter(|word| events.iter().any(|event| event == word)).collect();
        let endpoint = Endpoint {
            url: url.unwrap_or_default(),
            events: asked.join(","),
            secret: Secret(signature::webhook_secret(rand::random())),
            created: now(),
            ..Endpoint::default()
        };
        let added = report.open(everywhere)?.write(move |tx, account| {
            let id = endpoints::add(tx, account.id, &endpoint)?.ok_or_else(|| {
                Failure::failed(format!("there are {ENDPOINTS_MAX} webhooks, which are as many as may be"))
            })?;
            let endpoint = Endpoint { id, ..endpoint.clone() };
            note(tx, account, Done::WebhookAdded, &endpoint)?;
            Ok(endpoint)
        })?;
        with_secret(&report, &added, &format!("webhook {} added: {}", added.id, line(&added)))
    }
}

impl RotateSecret {
    fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { target: Target { id, report }, keep_old } = self;
        let (secret, until) =
            (Secret(signature::webhook_secret(rand::random())), keep_old.map(|seconds| now() + seconds));
        let (endpoint, zone) = report.open(everywhere)?.write(move |tx, account| {
            let mut endpoint = found(tx, account, id)?;
            endpoint.rotate_secret(secret.clone(), until);
            endpoints::put(tx, account.id, &endpoint)?;
            note(tx, account, Done::WebhookSecret, &endpoint)?;
            Ok((endpoint, account.settings.time_zone.clone()))
        })?;
        let old = match until {
            Some(until) => format!("the old one signs too until {}", shown(until, &zone)),
            None => "the old one no longer signs".to_owned(),
        };
        with_secret(&report, &endpoint, &format!("webhook {id} has a new secret, {old}"))
    }
}

impl Target {
    fn show(self, everywhere: &Everywhere, reveal: bool) -> Result<(), Failure> {
        let Self { id, report } = self;
        report.open(everywhere)?.read(|tx, account| {
            let endpoint = found(tx, account, id)?;
            let mut out = stdout();
            if report.json {
                return json_pretty(&mut out, &if reveal { revealed(&endpoint) } else { endpoint.json() });
            }
            let zone = &account.settings.time_zone;
            let mut facts = vec![
                ("webhook", id.to_string()),
                ("url", endpoint.name().to_owned()),
                (
                    "events",
                    if endpoint.events.is_empty() { "all".to_owned() } else { endpoint.events.clone() },
                ),
                ("created", shown(endpoint.created, zone)),
            ];
            if endpoint.disabled != 0 {
                facts.push(("disabled", format!("{}, {}", shown(endpoint.disabled, zone), endpoint.reason)));
            }
            if reveal {
                facts.push(("secret", endpoint.secret.0.clone()));
            }
            if endpoint.old_secret_until > now() {
                facts.push(("old secret", format!("signs until {}", shown(endpoint.old_secret_until, zone))));
            }
            for (name, fact) in facts {
                writeln!(out, "{}", for_terminal(&format!("{name}: {fact}")))?;
            }
            Ok(out.flush()?)
        })
    }

    fn test(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { id, report } = self;
        let (event, once) = report.open(everywhere)?.write(move |tx, account| {
            let endpoint = found(tx, account, id)?;
            if endpoint.disabled != 0 {
                return Err(Failure::failed(format!(
                    "webhook {id} is disabled ({}): `billhook webhook enable {id} --account {}` comes first",
                    endpoint.reason, account.login
                )));
            }
            note(tx, account, Done::WebhookTested, &endpoint)?;
            let number = events::test(tx, account.id, &endpoint)?;
            Ok((events::id(number), once_resumed(tx)?))
        })?;
        let line = format!(
            "webhook {id} gets {event}{once}; `billhook delivery show {event}` says what became of it"
        );
        print(report.json, &json!({"id": id, "event_id": event}), &line)
    }

    fn change(
        self,
        everywhere: &Everywhere,
        done: (&str, Done),
        change: impl Fn(&mut Endpoint) + Send + 'static,
    ) -> Result<(), Failure> {
        let Self { id, report } = self;
        report.change(everywhere, done, move |tx, account| {
            let mut endpoint = found(tx, account, id)?;
            change(&mut endpoint);
            endpoints::put(tx, account.id, &endpoint)?;
            Ok(endpoint)
        })
    }
}

/// The webhook with this number, which has to be there.
fn found(tx: &mut Tx<'_>, account: &Account, id: i64) -> Result<Endpoint, Failure> {
    endpoints::find(tx, account.id, id)?.ok_or_else(|| unknown(Endpoint::NAME, id, account, []))
}

/// Notes in the audit list what was done to a webhook.
fn note(tx: &mut Tx<'_>, account: &Account, action: Done, endpoint: &Endpoint) -> Result<(), Failure> {
    Ok(audit::add_command(tx, account.id, action, &endpoint.noted(), now())?)
}

/// Reports a webhook with its secret.
fn with_secret(report: &Report, endpoint: &Endpoint, line: &str) -> Result<(), Failure> {
    let mut out = stdout();
    if report.json {
        return json_line(&mut out, &revealed(endpoint));
    }
    writeln!(out, "{}", for_terminal(line))?;
    writeln!(out, "secret: {}", endpoint.secret.0)?;
    Ok(out.flush()?)
}

fn revealed(endpoint: &Endpoint) -> Value {
    let mut shown = endpoint.json();
    if let Value::Object(fields) = &mut shown {
        fields.insert("secret".to_owned(), endpoint.secret.0.as_str().into());
    }
    shown
}

fn line(endpoint: &Endpoint) -> String {
    format!("{}, {}", endpoint.name(), endpoint.facts().join(", "))
}

impl Resource for Endpoint {
    const NAME: &'static str = "webhook";

    fn list(tx: &mut Tx<'_>, account: &Account) -> Result<Vec<Self>, Failure> {
        Ok(endpoints::list(tx, account.id)?)
    }

    fn number(&self) -> i64 {
        self.id
    }

    fn name(&self) -> &str {
        self.shown_url()
    }

    fn noted(&self) -> String {
        format!("{} {}", self.id, self.name())
    }

    fn facts(&self) -> Vec<String> {
        let mut facts = match &*self.events {
            "" => vec!["all events".to_owned()],
            events => events.split(',').map(str::to_owned).collect(),
        };
        if self.disabled != 0 {
            facts.push(format!("disabled: {}", self.reason));
        }
        facts
    }

    fn json(&self) -> Value {
        let asked: Vec<_> = event_words().filter(|word| self.asks_for(word)).collect();
        json!({
            "id": self.id,
            "url": self.url,
            "events": asked,
            "created": self.created,
            "disabled": self.disabled,
            "reason": self.reason,
            "old_secret_until": self.old_secret_until,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps() {
        for (text, seconds) in
            [("1", 60), ("90", 5_400), ("24h", 86_400), ("90m", 5_400), ("8760h", OVERLAP_MAX)]
        {
            assert_eq!(overlap(text), Ok(seconds), "{text}");
        }
        for text in ["", "0", "-1", "30s", "8761h", "a day", "9223372036854775807"] {
            assert!(overlap(text).is_err(), "{text}");
        }
    }
}
