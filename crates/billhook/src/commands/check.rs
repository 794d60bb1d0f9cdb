//! `billhook check`: checks the store or a backup for damage.

use std::{io::Write as _, path::PathBuf};

use billhook_store::{Finding, Holdings, Salvage, Store, check_backup, salvage_log};
use clap::Args;
use serde_json::json;

use crate::{
    failure::Failure,
    options::everywhere::Everywhere,
    terminal::{
        output::{counted, json_line, stdout},
        priority::step_far_back,
        progress::Bar,
    },
};

/// Check the store, or a backup, for damage
///
/// Reads everything: the log that a killed program left, the structure of the file, its tables and every
/// column. Then it checks whether the data is consistent. It changes nothing, except with --salvage-log, and
/// may run beside `billhook serve`.
///
/// A backup is compared with its checksum first. It is copied to the temporary folder (TMPDIR), which needs
/// as much free space as the backup is long. The backup itself is not changed.
///
/// Exit status 0: sound; 1: damaged, with one finding per line.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook check
  billhook check /backup/today.billhook")]
pub(crate) struct Arguments {
    /// A file that `billhook backup` made [default: the store]
    #[arg(value_name = "FILE", conflicts_with = "salvage_log")]
    file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Take a damaged log into the store up to the damage, and keep copies of both files
    #[arg(long)]
    salvage_log: bool,
}

impl Arguments {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        if let Some(file) = &self.file {
            step_far_back();
            let bar = Bar::new("checking");
            let findings = check_backup(file, &mut |progress| bar.at(progress))?;
            drop(bar);
            return self.report(&file.display().to_string(), &findings, None, None, "take another backup");
        }
        let location = everywhere.store.there()?;
        step_far_back();
        let salvage = if self.salvage_log { salvage_log(&location)? } else { None };
        let store = Store::open_to_save(&location)?;
        let bar = Bar::new("checking");
        let findings = store.check(&mut |progress| bar.at(progress))?;
        drop(bar);
        let holdings = if findings.is_empty() { Some(store.holdings()?) } else { None };
        if let (Some(holdings), false) = (&holdings, self.json) {
            let mut out = stdout();
            writeln!(out, "{}", looked_at(holdings, location.as_folder().is_some()))?;
            out.flush()?;
        }
        let mend = match location.as_folder() {
            Some(_) => "restore a backup with `billhook restore FILE --replace`",
            None => "restore a backup",
        };
        self.report(&location.to_string(), &findings, holdings.as_ref(), salvage.as_ref(), mend)?;
        if !self.json && location.as_folder().is_none() {
            let mut out = stdout();
            writeln!(
                out,
                "(the data agrees with itself; for damage to the database's own files there is pg_amcheck)"
            )?;
            out.flush()?;
        }
        Ok(())
    }

    /// Prints the findings.
    fn report(
        &self,
        what: &str,
        findings: &[Finding],
        holdings: Option<&Holdings>,
        salvage: Option<&Salvage>,
        mend: &str,
    ) -> Result<(), Failure> {
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
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
            if let (Some(Salvage { kept, left_out }), Some(report)) = (salvage, report.as_object_mut()) {
                let kept = kept.each_ref().map(|file| file.display().to_string());
                report.insert("kept".to_owned(), json!(kept));
                report.insert("left_out".to_owned(), json!(left_out));
            }
            json_line(&mut out, &report)?;
        } else if findings.is_empty() {
            writeln!(out, "{what}: sound")?;
        } else {
            for finding in &findings {
                writeln!(out, "{finding}")?;
            }
        }
        out.flush()?;
        if findings.is_empty() {
            return Ok(());
        }
        Err(Failure::failed(format!(
            "{what} is damaged ({}): {mend}",
            counted(findings.len() as u64, "finding")
        )))
    }
}

/// What was checked, so that nobody takes an empty store for a sound one.
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
