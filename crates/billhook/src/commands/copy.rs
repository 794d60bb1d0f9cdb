//! `billhook copy`: a whole store into another place, or another engine.

use std::io::Write as _;

use billhook_store::{Location, copy};
use clap::Args;
use serde_json::json;

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
/// From a data folder into a PostgreSQL database, from a database into a folder, or between two of a kind. Everything is copied to
/// the last letter: accounts with their keys, catalogue, orders. Then the copy is read again and compared, account by account, with
/// what was read.
///
/// All or nothing: the new store can't be used before it is whole and compared. If the copy is cut off, the same command begins
/// anew. The place to copy to must hold no store. Ctrl-C removes what was copied into a folder so far; in a database it stays, and can't be used.
///
/// Stop `billhook serve` and let no other command write first. Of data folders it is seen to that no other command has them open; the
/// nodes of a database are yours to stop. A node that serves the new one already answers code 9 until the copy is whole. A database that was written while it was copied is noticed at the
/// end, by reading it once more, and the copy refused; what is written after that is missing in the copy.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook copy ./billhook-data postgres://billhook@db.example/billhook
  billhook copy postgres://billhook@db.example/billhook sqlite:/var/lib/billhook
  BILLHOOK_COPY_TO=postgres://billhook:PASSWORD@db.example/billhook billhook copy ./billhook-data")]
pub(crate) struct Arguments {
    /// The store to copy: postgres://…, sqlite:DIR, or a data folder
    #[arg(value_name = "FROM", env = "BILLHOOK_COPY_FROM", hide_env_values = true)]
    from: String,
    /// Where to: postgres://…, sqlite:DIR, or a data folder, which is made
    #[arg(value_name = "TO", env = "BILLHOOK_COPY_TO", hide_env_values = true)]
    to: String,
    /// Print JSON, with the digest of each account
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// Does it.
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
        Ok(out.flush()?)
    }
}

/// A URL, or the path of a data folder. What begins like a URL is none, so that no message repeats a password in it.
fn location(text: &str) -> Result<Location, Failure> {
    let is_url = ["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| text.starts_with(scheme));
    if is_url || text.contains("://") || text.is_empty() {
        Location::parse(text).map_err(Failure::usage)
    } else {
        Ok(Location::folder(text.as_ref()))
    }
}
