//! `billhook person`: who may sign in to an account's cabinet.

use billhook_store::{
    Tx,
    accounts::{
        Account,
        audit::Action as Done,
        people::{self, Person, Role},
    },
};
use billhook_wire::Name;
use clap::Subcommand;
use serde_json::{Value, json};

use super::resource::{Report, Resource, unknown};
use crate::{
    failure::Failure,
    options::{everywhere::Everywhere, time::now},
};

/// Add, list and remove the people who may sign in to the cabinet
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  billhook person add Olga --read-only --account shop
  billhook account login-link shop --person Olga
  billhook person list --account shop")]
pub(crate) enum Action {
    /// Add a person, who signs in by a link first: see `billhook account login-link`
    #[command(after_help = "\
Examples:
  billhook person add boris --account shop
  billhook person add Olga --read-only --account shop")]
    Add {
        /// The name to sign in with
        #[arg(value_name = "NAME", value_parser = Name::new)]
        name: Name,
        /// The person may look at everything but the key, and change nothing
        #[arg(long)]
        read_only: bool,
        #[command(flatten)]
        report: Report,
    },
    /// List the people
    #[command(after_help = "\
Example:
  billhook person list --account shop")]
    List(Report),
    /// Remove a person, and sign the person out everywhere
    #[command(after_help = "\
Example:
  billhook person remove Olga --account shop")]
    Remove {
        /// The name
        #[arg(value_name = "NAME", value_parser = Name::new)]
        name: Name,
        #[command(flatten)]
        report: Report,
    },
}

impl Action {
    /// Does it.
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        match self {
            Self::Add { name, read_only, report } => {
                report.change(everywhere, ("added", Done::PersonAdded), move |tx, account| {
                    let role = if read_only { Role::Reader } else { Role::Owner };
                    people::add(tx, account.id, &name, role, now())?.ok_or_else(|| {
                    Failure::failed(format!(
                        "there is a person {} already, or there are {} people, which are as many as may be",
                        name.as_str(),
                        people::PEOPLE_MAX
                    ))
                })
                })
            }
            Self::List(report) => report.list::<Person>(everywhere),
            Self::Remove { name, report } => {
                report.change(everywhere, ("removed", Done::PersonRemoved), move |tx, account| {
                    let person = named(tx, account, name.as_str())?;
                    people::remove(tx, account.id, person.id)?;
                    Ok(person)
                })
            }
        }
    }
}

/// The person of a name, who has to be there.
pub(super) fn named(tx: &mut Tx<'_>, account: &Account, name: &str) -> Result<Person, Failure> {
    let people = people::list(tx, account.id)?;
    let found = people.iter().find(|person| person.name == name).cloned();
    found
        .ok_or_else(|| unknown(Person::NAME, name, account, people.iter().map(|person| person.name.as_str())))
}

impl Resource for Person {
    const NAME: &'static str = "person";

    fn list(tx: &mut Tx<'_>, account: &Account) -> Result<Vec<Self>, Failure> {
        Ok(people::list(tx, account.id)?)
    }

    fn number(&self) -> i64 {
        self.id
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn noted(&self) -> String {
        format!("{} ({})", self.name, self.role.as_str())
    }

    fn facts(&self) -> Vec<String> {
        let mut facts = vec![self.role.as_str().to_owned()];
        if self.password.0.is_empty() {
            facts.push("no password yet".to_owned());
        }
        if !self.totp.0.is_empty() {
            facts.push("one-time codes".to_owned());
        }
        facts
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "role": self.role.as_str(), "created": self.created,
            "has_password": !self.password.0.is_empty(), "has_totp": !self.totp.0.is_empty(),
        })
    }
}
