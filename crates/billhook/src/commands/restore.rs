//! `billhook restore`: puts a backup in the place of a store.

use std::{io::Write as _, path::PathBuf};

use clap::Args;
use serde_json::json;

use super::outbox::PAUSED;
use crate::{
    failure::Failure,
    options::everywhere::Everywhere,
    terminal::{
        output::{counted, json_line, stdout},
        progress::Bar,
    },
};

/// Put a backup into the data folder
///
/// The backup is first compared with its checksum, brought up to date and checked. A backup of an early
/// version has no checksum; it is accepted with a warning. No other billhook command may use the folder. An
/// existing store is replaced only with --replace; it is then kept beside the new one under another name.
///
/// The outbox of the restored store is paused: what waits in it may have been sent since the backup.
/// `billhook outbox` resumes or drops it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook restore shop-2026-11-24.billhook --data ./elsewhere
  billhook restore shop-2026-11-24.billhook --replace")]
pub(crate) struct Arguments {
    /// A file that `billhook backup` made
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace the existing store
    #[arg(long)]
    replace: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let location = everywhere.store.location()?;
        let bar = Bar::new("restoring");
        let report =
            billhook_store::restore(&self.file, &location, self.replace, &mut |progress| bar.at(progress))?;
        drop(bar);
        let mut out = stdout();
        if self.json {
            let report = json!({
                "data": location.to_string(),
                "bytes": report.restored.bytes,
                "accounts": report.restored.accounts,
                "orders": report.restored.orders,
                "outbox_paused": true,
                "kept": report.kept.as_ref().map(|kept| kept.to_string_lossy()),
            });
            return json_line(&mut out, &report);
        }
        let restored = report.restored;
        writeln!(
            out,
            "{}: {} of {} restored",
            location,
            counted(restored.orders, "order"),
            counted(restored.accounts, "account")
        )?;
        writeln!(out, "{PAUSED}")?;
        if let Some(kept) = report.kept {
            writeln!(out, "the store that was there is kept as {}", kept.display())?;
        }
        Ok(out.flush()?)
    }
}
