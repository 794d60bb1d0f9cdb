//! `billhook copy`: copies a whole store to another place or engine.

use std::io::Write as _;

use billhook_store::{Location, copy};
use clap::Args;
use serde_json::json;

use super::outbox::PAUSED;
use crate::{
    failure::Failure,
    options::everywhere::Everywhere,
    terminal::{
        output::{counted, json_line, stdout},
        priority::step_back,
        progress::Bar,
    },
};

/// Copy the whole store into another one
///
/// Copies between a data folder and a PostgreSQL database in either direction, and between two of the same
/// kind. Everything is copied exactly: accounts with their keys, catalogue, orders. Then the copy is read
/// again and compared with the original, account by account.
///
/// The new store can't be used before it is complete and compared. If the copy is interrupted, run the same
/// command again: it starts anew. The target must hold no store. Ctrl-C removes an incomplete folder; an
/// incomplete copy in a database stays, but can't be used.
///
/// Stop `billhook serve` first, and let no other command write. The command refuses a data folder that
/// another command has open. Of a database you must stop the nodes yourself. A node that already serves the
/// new database answers code 9 until the copy is complete. At the end the source database is read once more,
/// and if it was written meanwhile, the copy is refused. What is written after that is missing in the copy.
///
/// The outbox of the new store is paused, so that not both stores send the same events. Resume it with
/// `billhook outbox resume` once the old store is not served any more.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook copy ./billhook-data postgres://billhook@db.example/billhook
  billhook copy postgres://billhook@db.example/billhook sqlite:/var/lib/billhook
  BILLHOOK_COPY_TO=postgres://billhook:PASSWORD@db.example/billhook billhook copy ./billhook-data")]
pub(crate) struct Arguments {
    /// The store to copy from: postgres://…, sqlite:DIR, or a data folder
    #[arg(value_name = "FROM", env = "BILLHOOK_COPY_FROM", hide_env_values = true)]
    from: String,
    /// The store to make: postgres://…, sqlite:DIR, or a data folder
    #[arg(value_name = "TO", env = "BILLHOOK_COPY_TO", hide_env_values = true)]
    to: String,
    /// Print JSON, with the digest of each account
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(crate) fn run(self, _: &Everywhere) -> Result<(), Failure> {
        let (from, to) = (location(&self.from)?, location(&self.to)?);
        step_back();
        let mut bar: Option<(&str, Bar)> = None;
        let report = copy::copy(&from, &to, &mut |what, progress| {
            if bar.as_ref().is_none_or(|(before, _)| *before != what) {
                bar = Some((what, Bar::new(what)));
            }
            if let Some((_, bar)) = &bar {
                bar.at(progress);
            }
        })?;
        drop(bar);
        let mut out = stdout();
        if self.json {
            let digests: Vec<_> = report
                .digests
                .iter()
                .map(|digest| json!({"account_id": digest.account, "rows": digest.rows, "sha256": digest.sha256}))
                .collect();
            let report = json!({
                "from": from.to_string(),
                "to": to.to_string(),
                "accounts": report.accounts,
                "orders": report.orders,
                "rows": report.rows,
                "outbox_paused": true,
                "digests": digests,
            });
            return json_line(&mut out, &report);
        }
        writeln!(
            out,
            "{to}: {} of {}, {}, compared",
            counted(report.orders, "order"),
            counted(report.accounts, "account"),
            counted(report.rows, "row")
        )?;
        writeln!(out, "{PAUSED}")?;
        Ok(out.flush()?)
    }
}

/// A URL, or the path of a data folder. A wrong URL is refused, not taken as a path: a message would repeat
/// the path, and the URL's password with it.
fn location(text: &str) -> Result<Location, Failure> {
    let is_url = ["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| text.starts_with(scheme));
    if is_url || text.contains("://") || text.is_empty() {
        Location::parse(text).map_err(Failure::usage)
    } else {
        Ok(Location::folder(text.as_ref()))
    }
}
