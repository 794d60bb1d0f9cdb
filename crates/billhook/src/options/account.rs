//! `--account`: the account that a command works on.

use billhook_store::{
    Store, Tx,
    accounts::{self, Account},
};
use billhook_wire::Login;
use clap::Args;

use super::everywhere::Everywhere;
use crate::{failure::Failure, nearest::nearest};

/// The option.
#[derive(Debug, Clone, Args)]
pub(crate) struct AccountOption {
    /// The account [default: the only one there is]
    #[arg(long, value_name = "LOGIN", value_parser = Login::parse)]
    pub(crate) account: Option<Login>,
}

/// An account in an open store.
pub(crate) struct OpenAccount {
    store: Store,
    option: AccountOption,
}

impl AccountOption {
    /// Opens the store, which must exist.
    pub(crate) fn open(self, everywhere: &Everywhere) -> Result<OpenAccount, Failure> {
        Ok(OpenAccount { store: everywhere.store.open()?, option: self })
    }

    /// The account; fails if it does not exist.
    pub(crate) fn find(&self, tx: &mut Tx<'_>) -> Result<Account, Failure> {
        if let Some(login) = &self.account {
            return accounts::find(tx, login)?.ok_or_else(|| unknown(tx, login));
        }
        let mut all = accounts::list(tx)?;
        match (all.pop(), all.is_empty()) {
            (Some(only), true) => Ok(only),
            (Some(_), false) => Err(Failure::usage(
                "there are several accounts, which `billhook account list` shows: add --account LOGIN",
            )),
            (None, _) => {
                Err(Failure::failed("there is no account yet: `billhook account add LOGIN` makes one"))
            }
        }
    }
}

impl OpenAccount {
    /// Reads one state of the account, which must exist.
    pub(crate) fn read<T>(
        &self,
        body: impl FnOnce(&mut Tx<'_>, &Account) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.store.read(|tx| {
            let account = self.option.find(tx)?;
            body(tx, &account)
        })
    }

    /// Changes the account, which must exist. The body may run more than once.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        body: impl Fn(&mut Tx<'_>, &Account) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let option = self.option.clone();
        self.store.write(move |tx| {
            let account = option.find(tx)?;
            body(tx, &account)
        })
    }
}

/// The failure for an unknown login.
pub(crate) fn unknown(tx: &mut Tx<'_>, login: &Login) -> Failure {
    let accounts = match accounts::list(tx) {
        Ok(accounts) => accounts,
        Err(error) => return error.into(),
    };
    let logins = accounts.iter().map(|account| account.login.as_str());
    match nearest(login.as_str(), logins) {
        Some(near) => Failure::failed(format!("there is no account {login}: did you mean {near}?")),
        None => {
            Failure::failed(format!("there is no account {login}: `billhook account add {login}` makes one"))
        }
    }
}
