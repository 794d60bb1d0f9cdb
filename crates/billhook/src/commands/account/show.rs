//! `billhook account show`, and the account's form in lists.

use std::io::Write as _;

use billhook_store::{
    accounts::{self, Account},
    orders,
    outbox::deliveries::{self, State},
    products,
};
use billhook_wire::Login;
use clap::Args;
use serde_json::{Map, Value, json};

use crate::{
    failure::Failure,
    options::{
        account,
        everywhere::Everywhere,
        time::{now, shown as time},
    },
    terminal::output::{json_pretty, stdout},
};

/// Show an account: names, settings, and how much it holds
///
/// Times are in the account's own time zone.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook account show shop
  billhook account show shop --json")]
pub(crate) struct Arguments {
    /// The account
    #[arg(value_name = "LOGIN", value_parser = Login::parse)]
    login: Login,
    /// Show the key too
    #[arg(long)]
    reveal_key: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let store = everywhere.store.open()?;
        let (account, orders, products, waiting, failed) = store.read(|tx| {
            let account =
                accounts::find(tx, &self.login)?.ok_or_else(|| account::unknown(tx, &self.login))?;
            let mut products = 0_u64;
            products::each(tx, account.id, |_| {
                products += 1;
                Ok::<(), billhook_store::Error>(())
            })?;
            let orders = orders::count(tx, account.id)?;
            let mut count = |state| deliveries::count(tx, account.id, state).map(|(count, _)| count);
            let (waiting, failed) = (count(State::Pending)?, count(State::Failed)?);
            Ok::<_, Failure>((account, orders, products, waiting, failed))
        })?;
        let mut out = stdout();
        if self.json {
            let mut shown = summary(&account);
            shown.insert("orders".into(), orders.into());
            shown.insert("products".into(), products.into());
            shown.insert("deliveries_pending".into(), waiting.into());
            shown.insert("deliveries_failed".into(), failed.into());
            if self.reveal_key {
                shown.insert("key".into(), account.key.reveal().into());
            }
            return json_pretty(&mut out, &shown);
        }
        let zone = &account.settings.time_zone;
        writeln!(out, "login: {}", account.login)?;
        writeln!(out, "state: {}", if account.disabled { "off" } else { "on" })?;
        let default =
            if account.is_default { "yes, at IP addresses, localhost and a bare domain" } else { "no" };
        writeln!(out, "default account: {default}")?;
        if self.reveal_key {
            writeln!(out, "key: {}", account.key.reveal())?;
        } else {
            writeln!(out, "key: {} characters", account.key.reveal().len())?;
        }
        if let Some(old) = account.old_key.as_ref().filter(|old| old.until > now()) {
            writeln!(out, "old key: works until {}", time(old.until, zone))?;
        }
        writeln!(out, "created: {}", time(account.created, zone))?;
        let domains = if account.domains.is_empty() { "none".to_owned() } else { account.domains.join(" ") };
        writeln!(out, "bound domains: {domains}")?;
        writeln!(out, "products: {products}")?;
        writeln!(out, "orders: {orders}")?;
        writeln!(out, "events: {waiting} wait to be sent, {failed} failed in 30 days")?;
        for (name, value) in account.settings.shown() {
            writeln!(out, "{name}={value}")?;
        }
        Ok(out.flush()?)
    }
}

pub(super) fn summary(account: &Account) -> Map<String, Value> {
    let settings: Map<String, Value> =
        account.settings.shown().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let old_until = account.old_key.as_ref().map(|old| old.until).filter(|until| *until > now());
    let fields = [
        ("login", json!(account.login.as_str())),
        ("disabled", json!(account.disabled)),
        ("default", json!(account.is_default)),
        ("key_characters", json!(account.key.reveal().len())),
        ("old_key_until", json!(old_until)),
        ("created", json!(account.created)),
        ("domains", json!(account.domains)),
        ("settings", Value::Object(settings)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
