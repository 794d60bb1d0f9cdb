//! `billhook partner`: who is in the affiliate program, and who brought whom.

use billhook_store::{
    Tx,
    accounts::Account,
    partners::{self, Partner},
};
use billhook_wire::Name;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    options::{account::AccountOption, config_file::nearest, everywhere::Everywhere},
    terminal::output::{tell_if_none, told},
};

/// Add and list the partners of the affiliate program
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  billhook partner add boris --account shop
  billhook partner add vera --parent boris --account shop")]
pub(crate) enum Action {
    Add(Add),
    List(List),
}

/// Add a partner
///
/// Orders that name the login, or come by `utm_source` with `utm_medium` affiliate, earn the partner the products' fees.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook partner add boris --account shop
  billhook partner add vera --parent boris --account shop")]
pub(crate) struct Add {
    /// The login, in any letter case
    #[arg(value_name = "LOGIN", value_parser = Name::new)]
    login: Name,
    /// The partner who brought this one, and gets the fee of level 2
    #[arg(long, value_name = "LOGIN", value_parser = Name::new)]
    parent: Option<Name>,
    #[command(flatten)]
    account: AccountOption,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// List the partners
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  billhook partner list --account shop")]
pub(crate) struct List {
    #[command(flatten)]
    account: AccountOption,
    /// Print JSON, a partner a line
    #[arg(long)]
    json: bool,
}

impl Action {
    /// Does it.
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        match self {
            Self::Add(Add { login, parent, account, json }) => {
                let (partner, parent) = account
                    .open(everywhere)?
                    .write(move |tx, account| add(tx, account, &login, parent.as_ref()))?;
                let by = parent.as_deref().map(|login| format!(", brought by {login}")).unwrap_or_default();
                let line = format!("partner {} added: {}{by}", partner.id, partner.login);
                told(json, &shape(&partner, parent.as_deref()), &line)
            }
            Self::List(List { account, json }) => {
                let partners =
                    account.open(everywhere)?.read(|tx, account| Ok(partners::list(tx, account.id)?))?;
                tell_if_none(partners.is_empty(), json, "partners");
                partners.iter().try_for_each(|partner| {
                    let parent = partners.iter().find(|other| other.id == partner.parent_id);
                    let parent = parent.map(|parent| parent.login.as_str());
                    let by = parent.map(|login| format!("  brought by {login}")).unwrap_or_default();
                    told(json, &shape(partner, parent), &format!("{:>6}  {}{by}", partner.id, partner.login))
                })
            }
        }
    }
}

fn add(
    tx: &mut Tx<'_>,
    account: &Account,
    login: &Name,
    parent: Option<&Name>,
) -> Result<(Partner, Option<String>), Failure> {
    let parent = match parent {
        None => None,
        Some(parent) => match partners::named(tx, account.id, parent.as_str())? {
            Some(partner) => Some(partner),
            None => return Err(unknown(tx, account, parent)),
        },
    };
    let parent_id = parent.as_ref().map_or(0, |parent| parent.id);
    match partners::add(tx, account.id, login.as_str(), parent_id)? {
        Some(id) => Ok((Partner { id, login: login.folded(), parent_id }, parent.map(|parent| parent.login))),
        None => Err(Failure::failed(format!(
            "there is a partner {} already: `billhook partner list --account {}` shows them",
            login.folded(),
            account.login
        ))),
    }
}

fn unknown(tx: &mut Tx<'_>, account: &Account, login: &Name) -> Failure {
    let partners = match partners::list(tx, account.id) {
        Ok(partners) => partners,
        Err(error) => return error.into(),
    };
    let mend = match nearest(&login.folded(), partners.iter().map(|partner| partner.login.as_str())) {
        Some(near) => format!("did you mean {near}?"),
        None => {
            format!("add this one first, with `billhook partner add {login} --account {}`", account.login)
        }
    };
    Failure::failed(format!("there is no partner {login}: {mend}"))
}

/// A partner in reports.
fn shape(partner: &Partner, parent: Option<&str>) -> Value {
    json!({"id": partner.id, "login": partner.login, "parent": parent})
}
