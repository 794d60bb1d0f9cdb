//! `billhook manager`: the seller's managers, whom `getpersonalmanagers` lists and `createorder` names.

use billhook_store::managers::{self, Manager};
use billhook_wire::Name;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    options::{account::AccountOption, everywhere::Everywhere},
    terminal::output::{tell_if_none, told},
};

/// Add, list and remove managers
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  billhook manager add Olga --account shop
  billhook manager list --account shop")]
pub(crate) enum Action {
    Add(Add),
    List(List),
    Remove(Remove),
}

/// Add a manager
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  billhook manager add 'Olga Petrova' --account shop")]
pub(crate) struct Add {
    /// The name
    #[arg(value_name = "NAME", value_parser = Name::new)]
    name: Name,
    #[command(flatten)]
    account: AccountOption,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// List the managers
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  billhook manager list --account shop")]
pub(crate) struct List {
    #[command(flatten)]
    account: AccountOption,
    /// Print JSON, a manager a line
    #[arg(long)]
    json: bool,
}

/// Remove a manager; orders keep the number, and nobody else gets it
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  billhook manager remove 2 --account shop")]
pub(crate) struct Remove {
    /// The number
    #[arg(value_name = "ID", value_parser = clap::value_parser!(i64).range(1..))]
    id: i64,
    #[command(flatten)]
    account: AccountOption,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Action {
    /// Does it.
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        match self {
            Self::Add(Add { name, account, json }) => {
                let named = name.clone();
                let id = account
                    .open(everywhere)?
                    .write(move |tx, account| Ok(managers::add(tx, account.id, named.as_str())?))?;
                let manager = Manager { id, name: name.as_str().to_owned() };
                told(json, &shape(&manager), &format!("manager {id} added: {name}"))
            }
            Self::List(List { account, json }) => {
                let managers =
                    account.open(everywhere)?.read(|tx, account| Ok(managers::list(tx, account.id)?))?;
                tell_if_none(managers.is_empty(), json, "managers");
                managers.iter().try_for_each(|manager| {
                    told(json, &shape(manager), &format!("{:>6}  {}", manager.id, manager.name))
                })
            }
            Self::Remove(Remove { id, account, json }) => {
                let manager = account.open(everywhere)?.write(move |tx, account| {
                    let there = managers::list(tx, account.id)?;
                    let manager = there.into_iter().find(|manager| manager.id == id).ok_or_else(|| {
                        Failure::failed(format!(
                            "there is no manager {id}: `billhook manager list --account {}` shows those that are",
                            account.login
                        ))
                    })?;
                    managers::remove(tx, account.id, id)?;
                    Ok(manager)
                })?;
                told(json, &shape(&manager), &format!("manager {id} removed: {}", manager.name))
            }
        }
    }
}

/// A manager in reports.
fn shape(manager: &Manager) -> Value {
    json!({"id": manager.id, "name": manager.name})
}
