//! `billhook account login-link`: the first way into the cabinet, and the way back for who has lost a password.

use std::io::Write as _;

use billhook_server::add_login_link;
use billhook_store::{
    Error, Tx,
    accounts::{
        self, Account,
        audit::{self, Action},
        people::{self, Person, Role},
    },
};
use billhook_wire::{Login, Name};
use clap::Args;
use serde_json::json;

use crate::{
    commands::person,
    failure::Failure,
    options::{account, everywhere::Everywhere, time::now},
    terminal::output::{for_terminal, json_line, stdout},
};

/// The name of the person that an account has from the beginning.
const OWNER: &str = "owner";

/// Print a link that signs a person in to the cabinet once, within 15 minutes
///
/// It is the way in for somebody new, and the way back for somebody who has lost the password or the one-time codes:
/// signing in by it turns the codes off.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook account login-link shop
  billhook account login-link shop --person Olga --url https://shop.example.com")]
pub(crate) struct LoginLink {
    /// The account
    #[arg(value_name = "LOGIN", value_parser = Login::parse)]
    login: Login,
    /// Whom it signs in [default: the first owner]
    #[arg(long, value_name = "NAME", value_parser = Name::new)]
    person: Option<Name>,
    /// Where `serve` answers for the account [default: its first bound name by HTTPS, else port 8080 of LOGIN.localhost]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl LoginLink {
    /// Does it.
    pub(super) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { login, person, url, json } = self;
        let store = everywhere.store.open()?;
        let (account, person, path) = store.write(move |tx| {
            let account = accounts::find(tx, &login)?.ok_or_else(|| account::unknown(tx, &login))?;
            let person = match &person {
                Some(name) => person::named(tx, &account, name.as_str())?,
                None => first_owner(tx, &account)?,
            };
            let path = made(tx, &account, &person)?;
            Ok::<_, Failure>((account, person, path))
        })?;
        let link = format!(
            "{}{path}",
            url.as_deref().map_or_else(|| base(&account), |url| url.trim_end_matches('/').to_owned())
        );
        let mut out = stdout();
        if json {
            let report = json!({"login": account.login.as_str(), "person": person.name, "link": link});
            return json_line(&mut out, &report);
        }
        writeln!(out, "{link}\nIt signs {} in once, within 15 minutes.", for_terminal(&person.name))?;
        Ok(out.flush()?)
    }
}

/// The account's first owner, who is added where there is none.
pub(crate) fn first_owner(tx: &mut Tx<'_>, account: &Account) -> Result<Person, Failure> {
    let owner = people::list(tx, account.id)?.into_iter().find(|person| person.role == Role::Owner);
    if let Some(owner) = owner {
        return Ok(owner);
    }
    let name = Name::new(OWNER).map_err(Failure::failed)?;
    let added = people::add(tx, account.id, &name, Role::Owner, now())?;
    added
        .ok_or_else(|| Failure::failed("the account has no owner, and `owner` is the name of another person"))
}

/// Makes a link, and notes that a command made it; its path.
pub(crate) fn made(tx: &mut Tx<'_>, account: &Account, person: &Person) -> Result<String, Error> {
    audit::add_command(tx, account.id, Action::LoginLink, &person.name, now())?;
    add_login_link(tx, account.id, person, now())
}

/// Where the account's cabinet is likely to be.
pub(super) fn base(account: &Account) -> String {
    match account.domains.first() {
        Some(domain) => format!("https://{domain}"),
        None => format!("http://{}.localhost:8080", account.login),
    }
}
