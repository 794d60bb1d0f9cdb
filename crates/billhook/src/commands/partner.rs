//! `billhook partner`: the partners of the affiliate program.

use billhook_store::{
    Tx,
    accounts::{Account, audit::Action as Done},
    partners::{self, Partner},
};
use billhook_wire::Name;
use clap::Subcommand;
use serde_json::{Value, json};

use super::resource::{Report, Resource, unknown};
use crate::{failure::Failure, options::everywhere::Everywhere};

/// Add, list, change and remove the partners of the affiliate program
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  billhook partner add boris --account shop
  billhook partner add vera --parent boris --account shop")]
pub(crate) enum Action {
    /// Add a partner
    ///
    /// The partner earns the products' fees for orders that name the login, or that come with it as `utm_source`
    /// and with `utm_medium` affiliate.
    #[command(after_help = "\
Examples:
  billhook partner add boris --account shop
  billhook partner add vera --parent boris --account shop")]
    Add {
        /// The login; letter case does not matter
        #[arg(value_name = "LOGIN", value_parser = Name::new)]
        login: Name,
        /// The partner who recruited this one, and gets the fee of level 2
        #[arg(long, value_name = "LOGIN", value_parser = Name::new)]
        parent: Option<Name>,
        #[command(flatten)]
        report: Report,
    },
    /// List the partners
    #[command(after_help = "\
Example:
  billhook partner list --account shop")]
    List(Report),
    /// Say who recruited a partner; --parent '' says that nobody did
    #[command(after_help = "\
Example:
  billhook partner set vera --parent boris --account shop")]
    Set {
        /// The login; letter case does not matter
        #[arg(value_name = "LOGIN", value_parser = Name::new)]
        login: Name,
        /// The partner who recruited this one, and gets the fee of level 2
        #[arg(long, value_name = "LOGIN")]
        parent: String,
        #[command(flatten)]
        report: Report,
    },
    /// Remove a partner; orders keep the login and the fees, and the number is not given out again
    #[command(after_help = "\
Example:
  billhook partner remove vera --account shop")]
    Remove {
        /// The login; letter case does not matter
        #[arg(value_name = "LOGIN", value_parser = Name::new)]
        login: Name,
        #[command(flatten)]
        report: Report,
    },
}

impl Action {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        match self {
            Self::Add { login, parent, report } => {
                report.change(everywhere, ("added", Done::PartnerAdded), move |tx, account| {
                    add(tx, account, &login, parent.as_ref())
                })
            }
            Self::List(report) => report.list::<Brought>(everywhere),
            Self::Set { login, parent, report } => {
                report.change(everywhere, ("changed", Done::PartnerChanged), move |tx, account| {
                    set(tx, account, &login, &parent)
                })
            }
            Self::Remove { login, report } => {
                report.change(everywhere, ("removed", Done::PartnerRemoved), move |tx, account| {
                    let partner = found(tx, account, &login)?;
                    partners::remove(tx, account.id, partner.id)?;
                    Ok(Brought { partner, parent: None })
                })
            }
        }
    }
}

fn set(tx: &mut Tx<'_>, account: &Account, login: &Name, parent: &str) -> Result<Brought, Failure> {
    let mut partner = found(tx, account, login)?;
    let parent = match Name::new(parent) {
        Ok(parent) => Some(found(tx, account, &parent)?),
        Err(_) => None,
    };
    if parent.as_ref().is_some_and(|parent| parent.id == partner.id) {
        return Err(Failure::usage("a partner can't have recruited himself: give another --parent"));
    }
    partner.parent_id = parent.as_ref().map_or(0, |parent| parent.id);
    partners::put(tx, account.id, &partner)?;
    Ok(Brought { partner, parent: parent.map(|parent| parent.login) })
}

/// A partner, and the login of who brought this one.
struct Brought {
    partner: Partner,
    parent: Option<String>,
}

fn add(tx: &mut Tx<'_>, account: &Account, login: &Name, parent: Option<&Name>) -> Result<Brought, Failure> {
    let parent = parent.map(|login| found(tx, account, login)).transpose()?;
    let (login, parent_id) = (login.folded(), parent.as_ref().map_or(0, |parent| parent.id));
    match partners::add(tx, account.id, &login, parent_id)? {
        Some(id) => Ok(Brought {
            partner: Partner { id, login, parent_id },
            parent: parent.map(|parent| parent.login),
        }),
        None => Err(Failure::failed(format!(
            "there is a partner {login} already: `billhook partner list --account {}` shows them",
            account.login
        ))),
    }
}

fn found(tx: &mut Tx<'_>, account: &Account, login: &Name) -> Result<Partner, Failure> {
    if let Some(partner) = partners::named(tx, account.id, login.as_str())? {
        return Ok(partner);
    }
    let all = partners::list(tx, account.id)?;
    Err(unknown(Brought::NAME, login, account, all.iter().map(|partner| partner.login.as_str())))
}

impl Resource for Brought {
    const NAME: &'static str = "partner";

    fn list(tx: &mut Tx<'_>, account: &Account) -> Result<Vec<Self>, Failure> {
        let all = partners::list(tx, account.id)?;
        let login = |id| all.iter().find(|other| other.id == id).map(|other| other.login.clone());
        Ok(all
            .iter()
            .map(|partner| Self { partner: partner.clone(), parent: login(partner.parent_id) })
            .collect())
    }

    fn number(&self) -> i64 {
        self.partner.id
    }

    fn name(&self) -> &str {
        &self.partner.login
    }

    fn facts(&self) -> Vec<String> {
        self.parent.iter().map(|login| format!("brought by {login}")).collect()
    }

    fn json(&self) -> Value {
        json!({"id": self.partner.id, "login": self.partner.login, "parent": self.parent})
    }
}
