//! `billhook migrate`: brings a store up to date.

use std::{io::Write as _, path::PathBuf};

use billhook_store::{SchemaVersion, Store};
use clap::Args;
use serde_json::json;

use crate::{
    failure::Failure,
    options::everywhere::Everywhere,
    terminal::{
        output::{json_line, stdout},
        progress::Bar,
    },
};

/// Bring the store up to date
///
/// A new version of the program may need other tables. This command makes them; `billhook serve` also does,
/// but only in a data folder. All other commands refuse an older store. A program that is older than the
/// store refuses it, too.
///
/// A data folder's old store is kept beside it as billhook.db.before-vN, where N is the new version. To go
/// back, use the older program's `billhook restore FILE --replace`; what was written since is lost. No other
/// command may have the folder open.
///
/// Of a database no copy is kept. Make a backup with `pg_dump`, stop the older nodes, and give --yes. Several
/// processes may run this at once: one migrates, the others wait.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook migrate --dry-run
  billhook migrate
  billhook migrate --forget
  billhook migrate --store postgres://billhook@db.example/billhook --yes")]
#[expect(clippy::struct_excessive_bools, reason = "switches, each by itself")]
pub(crate) struct Arguments {
    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,
    /// Agree that the database is changed without a copy to go back to
    #[arg(long)]
    yes: bool,
    /// Only remove the old copies of a data folder's store
    #[arg(long, conflicts_with_all = ["dry_run", "yes"])]
    forget: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let location = everywhere.store.there()?;
        let version = Store::version(&location)?;
        let (mut kept, mut removed) = (None, Vec::new());
        if self.forget {
            removed = Store::forget_older(&location)?;
        } else if !self.dry_run {
            let bar = Bar::new("keeping a copy");
            kept = Store::migrate(&location, self.yes, &mut |progress| bar.at(progress))?;
        }
        let mut out = stdout();
        if self.json {
            let path = |path: &PathBuf| path.to_string_lossy().into_owned();
            let is_done = !self.dry_run && !self.forget;
            let report = json!({
                "store": location.to_string(),
                "version": if is_done { version.known } else { version.taken },
                "known": version.known,
                "steps": version.missing,
                "dry_run": self.dry_run,
                "kept": kept.as_ref().map(path),
                "removed": removed.iter().map(path).collect::<Vec<_>>(),
            });
            return json_line(&mut out, &report);
        }
        if self.forget {
            for path in &removed {
                writeln!(out, "{} is removed", path.display())?;
            }
            if removed.is_empty() {
                writeln!(out, "{location}: no copy is kept")?;
            }
            return Ok(out.flush()?);
        }
        let SchemaVersion { taken, known, missing } = version;
        if missing.is_empty() {
            writeln!(out, "{location}: up to date (store version {taken})")?;
        } else {
            let what = if self.dry_run { "to do" } else { "done" };
            writeln!(out, "{location}: from store version {taken} to {known}; {what}:")?;
            for step in missing {
                writeln!(out, "  {step}")?;
            }
        }
        if let Some(kept) = kept {
            let kept = kept.display();
            writeln!(out, "the old store is kept as {kept}; `billhook migrate --forget` removes it")?;
        }
        Ok(out.flush()?)
    }
}
