//! `billhook migrate`: brings a store up to date ahead of the servers that would do it at their start.

use std::io::Write as _;

use billhook_store::{Store, Version};
use clap::Args;
use serde_json::json;

use crate::{
    command_line::Everywhere,
    failure::Failure,
    output::{json_line, stdout},
};

/// Bring the store up to date
///
/// A new version of the program may need other tables. Every command that opens the store makes them; this one does it
/// ahead, or only shows what there is to do. Any number of processes may start at once: one of them does it, the others wait.
///
/// There is no way back: make a backup first. A program that is older than the store refuses it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook migrate --dry-run
  billhook migrate --store postgres://billhook@db.example/billhook")]
pub(crate) struct Arguments {
    /// Only show what there is to do
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// Does it.
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let location = everywhere.store.there()?;
        let Version { taken, known, missing } = Store::version(&location)?;
        if !self.dry_run {
            Store::open(&location)?;
        }
        let mut out = stdout();
        if self.json {
            let report = json!({
                "store": location.to_string(),
                "version": if self.dry_run { taken } else { known },
                "known": known,
                "steps": missing,
                "dry_run": self.dry_run,
            });
            return json_line(&mut out, &report);
        }
        if missing.is_empty() {
            writeln!(out, "{location}: up to date (store version {taken})")?;
        } else {
            let what = if self.dry_run { "to do" } else { "done" };
            writeln!(out, "{location}: from store version {taken} to {known}; {what}:")?;
            for step in missing {
                writeln!(out, "  {step}")?;
            }
        }
        Ok(out.flush()?)
    }
}
