//! `--account`: whose orders, products and so on a command reads or changes.

use billhook_store::{
    Store, Tx,
    accounts::{self, Account},
};
use billhook_wire::Login;
use clap::Args;

use crate::{account, command_line::Everywhere, failure::Failure};

/// The option.
#[derive(Debug, Args)]
pub(crate) struct AccountOption {
    /// The account
    #[arg(long, value_name = "LOGIN", value_parser = Login::parse)]
    account: Login,
}

/// An account in a store that is open.
pub(crate) struct Shop {
    store: Store,
    login: Login,
}

impl AccountOption {
    /// Opens the store, which has to be there.
    pub(crate) fn open(self, everywhere: &Everywhere) -> Result<Shop, Failure> {
        Ok(Shop { store: everywhere.store.open()?, login: self.account })
    }
}

impl Shop {
    /// Reads one state of the account, which has to be there.
    pub(crate) fn read<T>(
        &self,
        body: impl FnOnce(&mut Tx<'_>, &Account) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.store.read(|tx| {
            let account = found(tx, &self.login)?;
            body(tx, &account)
        })
    }

    /// Changes the account, which has to be there. The body may run more than once.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        body: impl Fn(&mut Tx<'_>, &Account) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let login = self.login.clone();
        self.store.write(move |tx| {
            let account = found(tx, &login)?;
            body(tx, &account)
        })
    }
}

fn found(tx: &mut Tx<'_>, login: &Login) -> Result<Account, Failure> {
    accounts::find(tx, login)?.ok_or_else(|| account::unknown(tx, login))
}
