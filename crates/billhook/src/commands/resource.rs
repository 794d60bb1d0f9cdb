//! What the families of commands share that add, list and remove an account's own things, such as its coupons.
//!
//! A family is a subcommand with its options, a [`Resource`], and the store's functions between them.

use std::fmt::Display;

use billhook_store::{
    Tx,
    accounts::{
        Account,
        audit::{self, Action},
    },
};
use clap::Args;
use serde_json::Value;

use crate::{
    failure::Failure,
    nearest::nearest,
    options::{
        account::{AccountOption, OpenAccount},
        everywhere::Everywhere,
        time::now,
    },
    terminal::output::{print, say_if_none},
};

/// Something that an account has any number of.
pub(crate) trait Resource: Sized + Send + 'static {
    /// What one is called, and the family's command.
    const NAME: &'static str;

    /// All of an account's, by number.
    fn list(tx: &mut Tx<'_>, account: &Account) -> Result<Vec<Self>, Failure>;

    /// Its number.
    fn number(&self) -> i64;

    /// What people call it: a title, a code, a login.
    fn name(&self) -> &str;

    /// What the audit list says of it.
    fn noted(&self) -> String {
        self.name().to_owned()
    }

    /// What else lists and reports say of it.
    fn facts(&self) -> Vec<String> {
        Vec::new()
    }

    /// It as reports with `--json` have it.
    fn json(&self) -> Value;
}

/// The account, and the form of the report.
#[derive(Debug, Args)]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) account: AccountOption,
    /// Print JSON; a list has one object a line
    #[arg(long)]
    pub(crate) json: bool,
}

impl Report {
    /// Opens the account's store.
    pub(crate) fn open(&self, everywhere: &Everywhere) -> Result<OpenAccount, Failure> {
        self.account.clone().open(everywhere)
    }

    /// Lists the account's resources of a kind.
    pub(crate) fn list<T: Resource>(&self, everywhere: &Everywhere) -> Result<(), Failure> {
        self.list_those::<T>(everywhere, |_| true)
    }

    /// Lists those of the account's resources of a kind that are wanted.
    pub(crate) fn list_those<T: Resource>(
        &self,
        everywhere: &Everywhere,
        is_wanted: impl Fn(&T) -> bool,
    ) -> Result<(), Failure> {
        let mut all = self.open(everywhere)?.read(T::list)?;
        all.retain(is_wanted);
        say_if_none(all.is_empty(), self.json, T::NAME);
        all.iter().try_for_each(|one| {
            let mut line = format!("{:>6}  {}", one.number(), one.name());
            let facts = one.facts().join(", ");
            if !facts.is_empty() {
                line = format!("{line}  {facts}");
            }
            print(self.json, &one.json(), &line)
        })
    }

    /// Changes one resource, notes that in the audit list, and reports what was `done` to it. The change may run more than once.
    pub(crate) fn change<T: Resource>(
        &self,
        everywhere: &Everywhere,
        (done, action): (&str, Action),
        change: impl Fn(&mut Tx<'_>, &Account) -> Result<T, Failure> + Send + 'static,
    ) -> Result<(), Failure> {
        let one = self.open(everywhere)?.write(move |tx, account| {
            let one = change(tx, account)?;
            audit::add_command(tx, account.id, action, &one.noted(), now())?;
            Ok(one)
        })?;
        self.tell(&one, done)
    }

    /// Reports what was `done` to a resource.
    pub(crate) fn tell<T: Resource>(&self, one: &T, done: &str) -> Result<(), Failure> {
        let mut facts = one.facts();
        facts.insert(0, one.name().to_owned());
        print(self.json, &one.json(), &format!("{} {} {done}: {}", T::NAME, one.number(), facts.join(", ")))
    }
}

/// Whether a text begins as another does, whatever the letter case.
pub(crate) fn begins(text: &str, beginning: &str) -> bool {
    text.to_lowercase().starts_with(&beginning.trim().to_lowercase())
}

/// What to say of a name that nothing of this kind has.
pub(crate) fn unknown<'a>(
    kind: &str,
    name: impl Display,
    account: &Account,
    known: impl IntoIterator<Item = &'a str, IntoIter: Clone>,
) -> Failure {
    let mend = match nearest(&name.to_string(), known.into_iter()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("`billhook {kind} list --account {}` shows those that are", account.login),
    };
    Failure::failed(format!("there is no {kind} {name}: {mend}"))
}
