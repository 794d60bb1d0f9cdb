//! `billhook account`: accounts, their keys, host names and settings.

mod default;
pub(crate) mod login_link;
mod show;

use std::{fmt::Write as _, io::Write as _};

use billhook_store::{
    Store, Tx,
    accounts::{
        self, Account,
        audit::{self, Action as Done},
        settings::{SETTINGS, Setting},
    },
};
use billhook_wire::{Key, Login};
use clap::{ArgMatches, Args, Subcommand};
use rand::{TryRng as _, rngs::SysRng};
use serde_json::json;

use crate::{
    failure::{Failure, say},
    options::{
        everywhere::Everywhere,
        secret::KeyOption,
        {account, domain, time::now},
    },
    terminal::output::{json_line, stdout},
};

/// Add, list and change accounts
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  billhook account add shop
  billhook account bind shop pay.shop.example
  billhook account set shop rate=600
  billhook account list

These commands work beside a running `billhook serve`, which sees the change within a second.")]
pub(crate) enum Action {
    Add(Add),
    List(List),
    RotateKey(RotateKey),
    Disable(Switch),
    Enable(Enable),
    Default(default::Default),
    LoginLink(login_link::LoginLink),
    Bind(Bind),
    Unbind(Unbind),
    Set(Set),
    Show(show::Arguments),
}

/// Add an account
///
/// Without --key or --key-file a random key of 32 hex digits is made. It is printed this once and never
/// again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook account add shop
  billhook account add shop --key-file shop.key   keep the key that clients have")]
pub(crate) struct Add {
    /// The login: letters a-z, digits and hyphens; the account answers at LOGIN.DOMAIN
    #[arg(value_name = "LOGIN", value_parser = Login::parse)]
    login: Login,
    #[command(flatten)]
    key: KeyOption,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// List the accounts
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  billhook account list --json")]
pub(crate) struct List {
    /// Print JSON, one account per line
    #[arg(long)]
    json: bool,
}

/// Give an account a new key
///
/// A random key of 32 hex digits is made. It is printed this once and never again. The old key stops working
/// at once, or after --keep-old.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  billhook account rotate-key shop --keep-old 60  clients have an hour to change")]
pub(crate) struct RotateKey {
    /// The account
    #[arg(value_name = "LOGIN", value_parser = Login::parse)]
    login: Login,
    /// How long the old key keeps working, in minutes [default: it stops at once]
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(1..=525_600))]
    keep_old: Option<u32>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Disable an account: every call gets code 7
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  billhook account disable shop")]
pub(crate) struct Switch {
    /// The account
    #[arg(value_name = "LOGIN", value_parser = Login::parse)]
    login: Login,
}

/// Enable an account again
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  billhook account enable shop")]
pub(crate) struct Enable {
    /// The account
    #[arg(value_name = "LOGIN", value_parser = Login::parse)]
    login: Login,
}

/// Let an account answer at a host name of its own, besides LOGIN.DOMAIN
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook account bind shop pay.shop.example
  billhook account unbind shop pay.shop.example   take it away again")]
pub(crate) struct Bind {
    /// The account
    #[arg(value_name = "LOGIN", value_parser = Login::parse)]
    login: Login,
    /// The host name, without port
    #[arg(value_name = "DOMAIN", value_parser = domain::bindable)]
    domain: String,
    /// Remove the host name from the account, as `account unbind` does
    #[arg(long)]
    remove: bool,
    /// Bind a name even if it begins with another account's login
    #[arg(long, conflicts_with = "remove")]
    anyway: bool,
}

/// Remove a host name from an account
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  billhook account unbind shop pay.shop.example")]
pub(crate) struct Unbind {
    /// The account
    #[arg(value_name = "LOGIN", value_parser = Login::parse)]
    login: Login,
    /// The host name, without port
    #[arg(value_name = "DOMAIN", value_parser = domain::bindable)]
    domain: String,
}

/// Change an account's settings
#[derive(Debug, Args)]
pub(crate) struct Set {
    /// The account
    #[arg(value_name = "LOGIN", value_parser = Login::parse)]
    login: Login,
    /// Settings; if one is wrong, none is changed
    #[arg(value_name = "NAME=VALUE", required = true, value_parser = setting)]
    settings: Vec<Setting>,
}

fn setting(text: &str) -> Result<Setting, String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let setting = Setting::parse(name, value).map_err(|error| error.to_string())?;
    if text.contains('=') { Ok(setting) } else { Err(format!("write {name}=VALUE")) }
}

/// The help of `account set`, generated from the table of settings.
pub(crate) fn settings_help() -> String {
    let mut help = "Settings:\n".to_owned();
    for info in SETTINGS {
        let default = info.default();
        let default = if default.is_empty() { "empty" } else { &default };
        // Writing to a String cannot fail.
        let _ = writeln!(help, "  {}={}\n      {} [default: {default}]", info.name, info.values, info.help);
    }
    help.push_str("\nExamples:\n  billhook account set shop getbills_empty=ok\n  billhook account set shop rate=600 allow_ips=203.0.113.7");
    help
}

impl Action {
    pub(crate) fn run(self, everywhere: &Everywhere, sources: &ArgMatches) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(everywhere, sources),
            Self::List(list) => list.run(everywhere),
            Self::RotateKey(rotate) => rotate.run(everywhere),
            Self::Disable(Switch { login }) => switch(everywhere, &login, true),
            Self::Enable(Enable { login }) => switch(everywhere, &login, false),
            Self::Default(default) => default.run(everywhere),
            Self::LoginLink(link) => link.run(everywhere),
            Self::Bind(bind) => bind.run(everywhere),
            Self::Unbind(Unbind { login, domain }) => unbind(everywhere, &login, &domain),
            Self::Set(set) => set.run(everywhere),
            Self::Show(show) => show.run(everywhere),
        }
    }
}

impl Add {
    fn run(self, everywhere: &Everywhere, sources: &ArgMatches) -> Result<(), Failure> {
        let given = self.key.resolve(sources)?;
        let (key, is_new) = match given {
            Some(key) => (key, false),
            None => (new_key()?, true),
        };
        let store = everywhere.store.open_or_make()?;
        let (login, stored) = (self.login.clone(), key.clone());
        let now = now();
        let added = store.write(move |tx| {
            if accounts::add(tx, &login, &stored, now)?.is_none() {
                return Ok::<_, Failure>(None);
            }
            let default = accounts::list(tx)?.into_iter().find(|account| account.is_default);
            let account = accounts::find(tx, &login)?.ok_or_else(|| account::unknown(tx, &login))?;
            let owner = login_link::first_owner(tx, &account)?;
            let path = login_link::made(tx, &account, &owner)?;
            let link = format!("{}{path}", login_link::base(&account));
            Ok(Some((default.map(|account| account.login), link)))
        })?;
        let Some((default, link)) = added else {
            return Err(Failure::failed(format!(
                "the login {0} is taken: choose another, or see `billhook account show {0}`",
                self.login
            )));
        };
        if key.is_weak() {
            say(&format!(
                "warning: this key is shorter than {} characters and can be guessed; `billhook account rotate-key {}` makes a strong one",
                Key::WEAK_BELOW_BYTES,
                self.login
            ));
        }
        match print_added(&self.login, &key, is_new, default.as_ref(), &link, self.json, everywhere) {
            Err(failure) if is_new => Err(key_not_shown(&self.login, failure)),
            printed => printed,
        }
    }
}

fn print_added(
    login: &Login,
    key: &Key,
    is_new: bool,
    default: Option<&Login>,
    link: &str,
    json: bool,
    everywhere: &Everywhere,
) -> Result<(), Failure> {
    let mut out = stdout();
    if json {
        let shown = is_new.then(|| key.reveal());
        return json_line(
            &mut out,
            &json!({"login": login.as_str(), "key": shown, "default": default == Some(login), "login_link": link}),
        );
    }
    writeln!(out, "account {login} added")?;
    if is_new {
        writeln!(out, "key: {}", key.reveal())?;
        writeln!(out, "Keep the key: it is shown this once.")?;
    }
    let data = everywhere.store.flag();
    writeln!(
        out,
        "\nWhile `billhook serve` runs, it answers at http://{login}.localhost:8080/api/METHOD\n\
             (if `serve` has no --domain of its own)"
    )?;
    writeln!(out, "{}", default::after_add(login, default))?;
    writeln!(out, "Next: import orders, start the server, and ask for a customer's orders")?;
    writeln!(out, "  billhook import{data} --account {login} orders.csv")?;
    writeln!(out, "  billhook serve{data}")?;
    let call = "billhook call GetBills email=anna@example.com --url";
    writeln!(out, "  BILLHOOK_KEY=… {call} http://{login}.localhost:8080")?;
    writeln!(out, "Its cabinet, for a browser; this link works once, within 15 minutes:\n  {link}")?;
    Ok(out.flush()?)
}

impl List {
    fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let store = everywhere.store.open()?;
        let accounts = store.read(accounts::list)?;
        let mut out = stdout();
        if self.json {
            for account in &accounts {
                json_line(&mut out, &show::summary(account))?;
            }
            return Ok(());
        }
        if accounts.is_empty() {
            say(&format!("there is no account yet: billhook account add{} LOGIN", everywhere.store.flag()));
        }
        let width = accounts.iter().map(|account| account.login.as_str().len()).max().unwrap_or(0);
        for Account { login, disabled, is_default, domains, .. } in &accounts {
            let state = if *disabled { "off" } else { "on" };
            let default = if *is_default { "(default)" } else { "" };
            let line = format!("{:width$}  {state:3}  {default:9}  {}", login.as_str(), domains.join(" "));
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(out.flush()?)
    }
}

impl RotateKey {
    fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let key = new_key()?;
        let store = everywhere.store.open()?;
        let until = self.keep_old.map(|minutes| now() + i64::from(minutes) * 60);
        let stored = key.clone();
        change(&store, &self.login, Done::KeyRotated, "", move |tx, account| {
            Ok(accounts::rotate_key(tx, account.id, &stored, until)?)
        })?;
        self.print(&key, until).map_err(|failure| key_not_shown(&self.login, failure))
    }

    fn print(&self, key: &Key, until: Option<i64>) -> Result<(), Failure> {
        let mut out = stdout();
        if self.json {
            let report = json!({"login": self.login.as_str(), "key": key.reveal(), "old_key_until": until});
            return json_line(&mut out, &report);
        }
        writeln!(out, "key: {}", key.reveal())?;
        writeln!(out, "Keep the key: it is shown this once.")?;
        match self.keep_old {
            Some(minutes) => writeln!(out, "The old one works for {minutes} more minutes.")?,
            None => writeln!(out, "The old one no longer works.")?,
        }
        Ok(out.flush()?)
    }
}

/// The error after a new key was stored, but could not be printed.
fn key_not_shown(login: &Login, failure: Failure) -> Failure {
    let cause = match failure {
        Failure::Failed(text) => text,
        _ => "standard output is closed".to_owned(),
    };
    Failure::failed(format!(
        "{login} has a new key, which could not be shown ({cause}): make another with `billhook account rotate-key {login}`"
    ))
}

impl Bind {
    fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { login, domain, remove, anyway } = self;
        if remove {
            return unbind(everywhere, &login, &domain);
        }
        let store = everywhere.store.open()?;
        if !anyway && let Some((other, rest)) = others_own_name(&store, &login, &domain)? {
            return Err(Failure::failed(format!(
                "with `serve --domain {rest}`, {domain} leads to the account {other} and never to {login}; \
                 if you do not serve {rest}, add --anyway"
            )));
        }
        let bound = domain.clone();
        let bind = format!("bind {domain}");
        let said = format!("{login} answers at {domain}");
        change(&store, &login, Done::Account, &bind, move |tx, account| {
            match accounts::bind(tx, account.id, &bound)? {
                None => Ok(()),
                Some(other) => Err(Failure::failed(format!(
                    "{bound} is bound to {other}: take it from there first, with `billhook account unbind {other} {bound}`"
                ))),
            }
        })?;
        print_line(&said)
    }
}

/// The account, if any, whose own LOGIN.DOMAIN this host name would be, and that domain (decision 49).
fn others_own_name<'a>(
    store: &Store,
    login: &Login,
    domain: &'a str,
) -> Result<Option<(Login, &'a str)>, Failure> {
    let Some((first, rest)) = domain.split_once('.') else { return Ok(None) };
    let Ok(other) = Login::parse(first) else { return Ok(None) };
    let is_there = other != *login && store.read(|tx| accounts::find(tx, &other))?.is_some();
    Ok(is_there.then_some((other, rest)))
}

fn unbind(everywhere: &Everywhere, login: &Login, domain: &str) -> Result<(), Failure> {
    let store = everywhere.store.open()?;
    let bound = domain.to_owned();
    let unbind = format!("unbind {domain}");
    change(&store, login, Done::Account, &unbind, move |tx, account| {
        if accounts::unbind(tx, account.id, &bound)? {
            return Ok(());
        }
        let login = &account.login;
        Err(Failure::failed(format!(
            "{bound} is not bound to {login}: `billhook account show {login}` lists what is"
        )))
    })?;
    print_line(&format!("{login} no longer answers at {domain}"))
}

impl Set {
    fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let store = everywhere.store.open()?;
        let settings = self.settings.clone();
        let detail: Vec<String> =
            settings.iter().map(|setting| format!("{}={}", setting.name(), setting.value())).collect();
        change(&store, &self.login, Done::Setting, &detail.join(" "), move |tx, account| {
            Ok(settings.iter().try_for_each(|setting| accounts::set(tx, account.id, setting))?)
        })?;
        for setting in &self.settings {
            print_line(&format!("{}: {}={}", self.login, setting.name(), setting.value()))?;
        }
        Ok(())
    }
}

fn switch(everywhere: &Everywhere, login: &Login, off: bool) -> Result<(), Failure> {
    let store = everywhere.store.open()?;
    let detail = if off { "disable" } else { "enable" };
    change(&store, login, Done::Account, detail, move |tx, account| {
        Ok(accounts::set_disabled(tx, account.id, off)?)
    })?;
    print_line(&format!("{login} is {}", if off { "off: every call gets code 7" } else { "on" }))
}

/// Changes an account that has to be there, and notes it in the audit list.
fn change<T: Send + 'static>(
    store: &Store,
    login: &Login,
    action: Done,
    detail: &str,
    change: impl Fn(&mut Tx<'_>, &Account) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (login, detail) = (login.clone(), detail.to_owned());
    store.write(move |tx| {
        let account = accounts::find(tx, &login)?.ok_or_else(|| account::unknown(tx, &login))?;
        audit::add_command(tx, account.id, action, &detail, now())?;
        change(tx, &account)
    })
}

fn new_key() -> Result<Key, Failure> {
    let mut bytes = [0_u8; 16];
    SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|error| Failure::failed(format!("the system gives no random bytes: {error}")))?;
    Key::parse(&format!("{:032x}", u128::from_ne_bytes(bytes))).map_err(Failure::failed)
}

fn print_line(line: &str) -> Result<(), Failure> {
    let mut out = stdout();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
