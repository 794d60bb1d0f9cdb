//! `billhook account default`: the account that answers where the host names none.

use billhook_store::accounts::{
    self,
    audit::{self, Action},
};
use billhook_wire::Login;
use clap::Args;

use super::print_line;
use crate::{
    failure::Failure,
    options::{account, everywhere::Everywhere, time::now},
};

/// Set the account that answers at an IP address, at localhost and at a bare domain
///
/// At first it is the store's first account. `serve --default-account` overrides it for one server.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook account default shop
  billhook account default --none                 such calls get code 5")]
pub(crate) struct Default {
    /// The account
    #[arg(value_name = "LOGIN", value_parser = Login::parse, required_unless_present = "none")]
    login: Option<Login>,
    /// Have no default account: such requests get code 5
    #[arg(long, conflicts_with = "login")]
    none: bool,
}

impl Default {
    pub(super) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let store = everywhere.store.open()?;
        let login = self.login.clone();
        store.write(move |tx| {
            let chosen = match &login {
                None => None,
                Some(login) => {
                    Some(accounts::find(tx, login)?.ok_or_else(|| account::unknown(tx, login))?.id)
                }
            };
            if let Some(account) = chosen {
                audit::add_command(tx, account, Action::Account, "default", now())?;
            }
            Ok::<_, Failure>(accounts::set_default(tx, chosen)?)
        })?;
        match &self.login {
            Some(login) => print_line(&answers(login)),
            None => print_line("no account answers where the host names none: such calls get code 5"),
        }
    }
}

fn answers(login: &Login) -> String {
    format!("{login} is the default account: it answers at IP addresses, at localhost and at a bare domain")
}

/// A note for `account add`, if the new account is the default one.
pub(super) fn after_add(added: &Login, default: Option<&Login>) -> String {
    match default {
        Some(login) if login == added => answers(added),
        Some(login) => format!(
            "the default account is still {login}, at IP addresses and localhost; `billhook account default {added}` changes that"
        ),
        None => format!(
            "no account answers at IP addresses and localhost; `billhook account default {added}` makes this one answer there"
        ),
    }
}
