//! `billhook backup`: copies the whole store into one verified file.

use std::{io::Write as _, path::PathBuf};

use billhook_store::{Kind, Store, marks};
use clap::Args;
use serde_json::json;

use crate::{
    failure::{Failure, say},
    options::{everywhere::Everywhere, time::now},
    terminal::{
        output::{counted, json_line, stdout},
        priority::step_far_back,
        progress::Bar,
    },
};

/// Copy the whole store into a new file
///
/// It may run beside `billhook serve`: the copy is the store at one moment. The file is read again and
/// checked as `billhook check` does. It ends with its SHA-256, so that later damage is noticed. A damaged
/// store is not backed up, and an existing file is never overwritten. The file holds keys and customers'
/// data; only its owner can read it. The cabinet's page of settings then says when the last backup was made.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook backup shop-2026-11-24.billhook
  billhook backup --data /var/lib/billhook /backup/today.billhook --json")]
pub(crate) struct Arguments {
    /// The file to make
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        step_far_back();
        let location = everywhere.store.there()?;
        let bar = Bar::new("backing up");
        let report = Store::open_to_save(&location)
            .and_then(|store| {
                let report = store.backup(&self.file, &mut |progress| bar.at(progress))?;
                let noted = store.write(|tx| marks::set(tx, marks::LAST_BACKUP, &now().to_string()));
                if let Err(error) = noted {
                    say(&format!("the backup is made, but the store does not say so: {error}"));
                }
                Ok(report)
            })
            .map_err(|error| match error.kind() {
                Kind::Damaged => Failure::failed(format!(
                    "{error}; save what can still be read with `billhook export --account LOGIN FILE`"
                )),
                _ => error.into(),
            })?;
        drop(bar);
        let mut out = stdout();
        if self.json {
            let report = json!({
                "file": self.file.to_string_lossy(),
                "bytes": report.bytes,
                "accounts": report.accounts,
                "orders": report.orders,
            });
            return json_line(&mut out, &report);
        }
        writeln!(
            out,
            "{}: {} of {}, {}, verified",
            self.file.display(),
            counted(report.orders, "order"),
            counted(report.accounts, "account"),
            counted(report.bytes, "byte")
        )?;
        Ok(out.flush()?)
    }
}
