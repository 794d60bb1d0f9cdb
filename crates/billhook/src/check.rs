//! `billhook check`: whether the store is sound.

use std::io::Write as _;

use billhook_store::{Holdings, Salvage, Store, salvage_log};
use clap::Args;
use serde_json::json;

use crate::{
    command_line::{Everywhere, step_far_back},
    failure::Failure,
    output::{counted, json_line, stdout},
    progress::Bar,
};

/// Look for damage in the store
///
/// Reads everything: the log that a killed program left, the file's own structure, then whether the data agrees with itself. Nothing is
/// changed (but with --salvage-log); it may run beside a `billhook serve`.
///
/// Exit status 0: sound; 1: it found something, one finding a line.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  billhook check && billhook backup /backup/today.billhook")]
pub(crate) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Take what a damaged log still holds into the store, and keep both files as they were
    #[arg(long)]
    salvage_log: bool,
}

impl Arguments {
    /// Does it.
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let location = everywhere.store.there()?;
        step_far_back();
        let salvage = if self.salvage_log { salvage_log(&location)? } else { None };
        let store = Store::open_to_save(&location)?;
        let bar = Bar::new("checking");
        let findings = store.check(&mut |progress| bar.at(progress))?;
        drop(bar);
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
        let holdings = if findings.is_empty() { Some(store.holdings()?) } else { None };
        let mut out = stdout();
        if self.json {
            let mut report = json!({"sound": findings.is_empty(), "findings": findings});
            if let (Some(Holdings { accounts, orders, lines, payments, products }), Some(report)) =
                (holdings, report.as_object_mut())
            {
                let looked_at = json!({
                    "accounts": accounts, "orders": orders, "lines": lines, "payments": payments, "products": products,
                });
                report.insert("looked_at".to_owned(), looked_at);
            }
            if let (Some(Salvage { kept, unknown_pages }), Some(report)) = (&salvage, report.as_object_mut())
            {
                let kept = kept.each_ref().map(|file| file.display().to_string());
                report.insert("kept".to_owned(), json!(kept));
                report.insert("unknown_pages".to_owned(), json!(unknown_pages));
            }
            json_line(&mut out, &report)?;
        } else if let Some(holdings) = &holdings {
            writeln!(out, "{}", looked_at(holdings, location.as_folder().is_some()))?;
            writeln!(out, "{location}: sound")?;
            if location.as_folder().is_none() {
                writeln!(
                    out,
                    "(the data agrees with itself; for damage to the database's own files there is pg_amcheck)"
                )?;
            }
        }
        if findings.is_empty() {
            return Ok(out.flush()?);
        }
        if !self.json {
            for finding in &findings {
                writeln!(out, "{finding}")?;
            }
        }
        out.flush()?;
        Err(Failure::failed(format!(
            "{location} is damaged ({} findings): restore a backup{}",
            findings.len(),
            if location.as_folder().is_some() { " with `billhook restore FILE --replace`" } else { "" }
        )))
    }
}

/// What was looked at, so that nobody takes an empty store for a sound one.
fn looked_at(holdings: &Holdings, is_folder: bool) -> String {
    let Holdings { accounts, orders, lines, payments, products } = *holdings;
    let files = if is_folder { "the file, its log, and " } else { "" };
    format!(
        "looked at {files}{}, {} with {}, {}, {}",
        counted(accounts, "account"),
        counted(orders, "order"),
        counted(lines, "line"),
        counted(payments, "payment"),
        counted(products, "product")
    )
}
