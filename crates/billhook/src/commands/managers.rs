//! `billhook manager`: the seller's managers. `getpersonalmanagers` lists them, `createorder` refers to them.

use billhook_store::{
    Tx,
    accounts::{Account, audit::Action as Done},
    managers::{self, Manager},
};
use billhook_wire::Name;
use clap::Subcommand;
use serde_json::{Value, json};

use super::resource::{Report, Resource, unknown};
use crate::{failure::Failure, options::everywhere::Everywhere};

/// Add, list, rename and remove managers
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  billhook manager add Olga --account shop
  billhook manager list --account shop")]
pub(crate) enum Action {
    /// Add a manager
    #[command(after_help = "\
Example:
  billhook manager add 'Olga Petrova' --account shop")]
    Add {
        /// The name
        #[arg(value_name = "NAME", value_parser = Name::new)]
        name: Name,
        #[command(flatten)]
        report: Report,
    },
    /// List the managers
    #[command(after_help = "\
Example:
  billhook manager list --account shop")]
    List(Report),
    /// Give a manager another name
    #[command(after_help = "\
Example:
  billhook manager set 2 'Olga Petrova' --account shop")]
    Set {
        /// The number
        #[arg(value_name = "ID", value_parser = clap::value_parser!(i64).range(1..))]
        id: i64,
        /// The name
        #[arg(value_name = "NAME", value_parser = Name::new)]
        name: Name,
        #[command(flatten)]
        report: Report,
    },
    /// Remove a manager; orders keep the number, which is not given out again
    #[command(after_help = "\
Example:
  billhook manager remove 2 --account shop")]
    Remove {
        /// The number
        #[arg(value_name = "ID", value_parser = clap::value_parser!(i64).range(1..))]
        id: i64,
        #[command(flatten)]
        report: Report,
    },
}

impl Action {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        match self {
            Self::Add { name, report } => {
                report.change(everywhere, ("added", Done::ManagerAdded), move |tx, account| {
                    let id = managers::add(tx, account.id, name.as_str())?;
                    Ok(Manager { id, name: name.as_str().to_owned() })
                })
            }
            Self::List(report) => report.list::<Manager>(everywhere),
            Self::Set { id, name, report } => {
                report.change(everywhere, ("changed", Done::ManagerChanged), move |tx, account| {
                    let manager = Manager { name: name.as_str().to_owned(), ..found(tx, account, id)? };
                    managers::put(tx, account.id, &manager)?;
                    Ok(manager)
                })
            }
            Self::Remove { id, report } => {
                report.change(everywhere, ("removed", Done::ManagerRemoved), move |tx, account| {
                    let manager = found(tx, account, id)?;
                    managers::remove(tx, account.id, id)?;
                    Ok(manager)
                })
            }
        }
    }
}

fn found(tx: &mut Tx<'_>, account: &Account, id: i64) -> Result<Manager, Failure> {
    managers::find(tx, account.id, id)?.ok_or_else(|| unknown(Manager::NAME, id, account, []))
}

impl Resource for Manager {
    const NAME: &'static str = "manager";

    fn list(tx: &mut Tx<'_>, account: &Account) -> Result<Vec<Self>, Failure> {
        Ok(managers::list(tx, account.id)?)
    }

    fn number(&self) -> i64 {
        self.id
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn json(&self) -> Value {
        json!({"id": self.id, "name": self.name})
    }
}
