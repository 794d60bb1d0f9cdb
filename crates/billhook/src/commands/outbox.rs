//! `billhook outbox`: what waits to be sent, and whether anything is sent from this store.

use std::io::Write as _;

use billhook_store::{
    Tx,
    accounts::{
        self,
        audit::{self, Action as Done},
    },
    outbox::deliveries::{self, State},
};
use clap::{Args, Subcommand};
use serde_json::json;

use super::resource::Report;
use crate::{
    failure::Failure,
    options::{
        everywhere::Everywhere,
        time::{now, shown},
    },
    terminal::output::{for_terminal, json_line, print, stdout},
};

/// What commands say that leave a new store's outbox paused.
pub(super) const PAUSED: &str =
    "nothing is sent from it until `billhook outbox resume`; `billhook outbox show` says what waits";

/// Show, pause and resume the sending of events
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  billhook outbox show
  billhook outbox pause --reason 'moving to another machine'
  billhook outbox resume
  billhook outbox drop --account shop --yes

After `billhook restore` and `billhook copy` the new store's outbox is paused. Pause it by hand before you copy a \
data folder in another way. These commands work beside a running `billhook serve`.")]
pub(crate) enum Action {
    /// Show whether events are sent, and how many wait
    ///
    /// Times are in each account's own time zone; in JSON they are unix seconds.
    #[command(after_help = "\
Examples:
  billhook outbox show
  billhook outbox show --json")]
    Show(Form),
    /// Send nothing from this store; events are kept, and wait
    #[command(after_help = "\
Example:
  billhook outbox pause --reason 'moving to another machine'")]
    Pause {
        /// Why, for who looks at it later
        #[arg(long, value_name = "TEXT", default_value = "paused by `billhook outbox pause`")]
        reason: String,
        #[command(flatten)]
        form: Form,
    },
    /// Send what waits, and what comes
    ///
    /// If this store is a copy, first make sure that the original sends nothing more. If the original has sent what
    /// waits, drop it first.
    #[command(after_help = "\
Example:
  billhook outbox resume")]
    Resume(Form),
    /// Drop all that waits of an account: nobody is told of it
    #[command(after_help = "\
Example:
  billhook outbox drop --account shop --yes")]
    Drop {
        /// Agree that nobody gets it
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        report: Report,
    },
}

/// The form of the report.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Form {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Action {
    /// Does it.
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        match self {
            Self::Show(form) => form.show(everywhere),
            Self::Pause { reason, form } => {
                let why = reason.clone();
                everywhere.store.open()?.write(move |tx| deliveries::pause(tx, &why))?;
                let line = format!(
                    "the outbox is paused ({reason}): nothing is sent until `billhook outbox resume`"
                );
                print(form.json, &json!({"paused": reason}), &line)
            }
            Self::Resume(form) => {
                let was_paused = everywhere.store.open()?.write(deliveries::resume)?;
                let line = if was_paused {
                    "the outbox is resumed: a running `billhook serve` sends what waits"
                } else {
                    "the outbox was not paused"
                };
                print(form.json, &json!({"paused": null, "was_paused": was_paused}), line)
            }
            Self::Drop { yes, report } => drop_all(everywhere, &report, yes),
        }
    }
}

/// What waits for an account.
struct Waiting {
    login: String,
    pending: u64,
    /// When the oldest happened, in unix seconds and in words.
    oldest: (i64, String),
    is_full: bool,
}

fn waiting(tx: &mut Tx<'_>) -> Result<Vec<Waiting>, Failure> {
    let mut all = Vec::new();
    for account in accounts::list(tx)? {
        let (pending, oldest) = deliveries::count(tx, account.id, State::Pending)?;
        let is_full = deliveries::is_full(tx, account.id)?;
        if pending > 0 || is_full {
            let oldest = (oldest, shown(oldest, &account.settings.time_zone));
            all.push(Waiting { login: account.login.to_string(), pending, oldest, is_full });
        }
    }
    Ok(all)
}

impl Form {
    fn show(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let (paused, waiting) =
            everywhere.store.open()?.read(|tx| Ok::<_, Failure>((deliveries::paused(tx)?, waiting(tx)?)))?;
        let mut out = stdout();
        if self.json {
            let accounts: Vec<_> = waiting
                .iter()
                .map(|of| {
                    json!({"account": of.login, "pending": of.pending, "oldest": of.oldest.0, "full": of.is_full})
                })
                .collect();
            return json_line(&mut out, &json!({"paused": paused, "accounts": accounts}));
        }
        let state = match paused {
            Some(why) => format!("paused: {why}; `billhook outbox resume` sends what waits"),
            None => "not paused".to_owned(),
        };
        writeln!(out, "{}", for_terminal(&state))?;
        if waiting.is_empty() {
            writeln!(out, "nothing waits")?;
        }
        for Waiting { login, pending, oldest: (_, oldest), is_full } in waiting {
            let since = if pending > 0 { format!(", since {oldest}") } else { String::new() };
            let full = if is_full { "; full: nobody is told of new events" } else { "" };
            writeln!(out, "{login}: {}{since}{full}", wait(pending))?;
        }
        Ok(out.flush()?)
    }
}

/// Drops an account's deliveries in batches, so that a running server goes on meanwhile.
fn drop_all(everywhere: &Everywhere, report: &Report, is_agreed: bool) -> Result<(), Failure> {
    let account = report.open(everywhere)?;
    let (login, pending) = account.read(|tx, account| {
        Ok((account.login.clone(), deliveries::count(tx, account.id, State::Pending)?.0))
    })?;
    if !is_agreed && pending > 0 {
        return Err(Failure::failed(format!(
            "{} for account {login}, and nobody would get them: --yes drops them",
            wait(pending)
        )));
    }
    let mut dropped = 0;
    loop {
        let is_first = dropped == 0;
        let batch = account.write(move |tx, account| {
            let batch = deliveries::drop_some(tx, account.id, now())?;
            if is_first && batch > 0 {
                audit::add_command(tx, account.id, Done::EventsDropped, &pending.to_string(), now())?;
            }
            Ok(batch)
        })?;
        if batch == 0 {
            break;
        }
        dropped += batch;
    }
    let json = json!({"account": login.as_str(), "dropped": dropped});
    print(report.json, &json, &format!("{login}: {dropped} dropped, nothing waits any more"))
}

fn wait(pending: u64) -> String {
    if pending == 1 { "1 delivery waits".to_owned() } else { format!("{pending} deliveries wait") }
}

/// When something is sent that is due: words to add to a sentence.
pub(super) fn once_resumed(tx: &mut Tx<'_>) -> Result<&'static str, Failure> {
    Ok(if deliveries::paused(tx)?.is_some() { ", once `billhook outbox resume` was run" } else { "" })
}
