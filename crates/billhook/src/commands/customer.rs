//! `billhook customer`: who has ordered, and what.

use std::io::Write as _;

use billhook_store::{
    Tx,
    accounts::Account,
    orders::{
        self, Order, TextField,
        customers::{self, Customer},
        order_search::{START, Word},
    },
};
use billhook_wire::{Email, OrderId};
use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{order::report, resource::Report};
use crate::{
    failure::{Failure, say},
    options::{everywhere::Everywhere, time::shown},
    terminal::output::{counted, for_terminal, json_line, json_pretty, say_if_none, stdout},
};

/// So many customers, or orders of one, are read at once.
const AT_ONCE: usize = 100;

/// List and show customers, who are the e-mails of the orders
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  billhook customer list --account shop --limit 20
  billhook customer list 67-89 --account shop
  billhook customer show anna@example.com --account shop")]
pub(crate) enum Action {
    List(List),
    /// Show a customer, with all orders
    #[command(after_help = "\
Examples:
  billhook customer show anna@example.com --account shop
  billhook customer show anna@example.com --account shop --json")]
    Show {
        /// The e-mail; letter case does not matter
        #[arg(value_name = "EMAIL", value_parser = Email::parse)]
        email: Email,
        #[command(flatten)]
        report: Report,
    },
}

/// List customers, those with the newest order first
///
/// Name and phone are those of the newest order.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook customer list --account shop --limit 20
  billhook customer list ivanov --account shop")]
pub(crate) struct List {
    /// The beginning of an e-mail or of a surname, first name and surname, the last digits of a phone, or an order's number
    #[arg(value_name = "SEARCH")]
    search: Option<String>,
    /// Only so many customers
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: Option<u32>,
    #[command(flatten)]
    report: Report,
}

impl Action {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(everywhere),
            Self::Show { email, report } => {
                report.open(everywhere)?.read(|tx, account| show(tx, account, &email, report.json))
            }
        }
    }
}

impl List {
    fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { search, limit, report } = self;
        let words = Word::read(&search.unwrap_or_default());
        let mut left = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let (mut out, mut is_empty) = (stdout(), true);
        report.open(everywhere)?.read(|tx, account| {
            let mut after = Some(START);
            while let Some(position) = after.filter(|_| left > 0) {
                let page = customers::list(tx, account.id, &words, position, left.min(AT_ONCE))?;
                left -= page.customers.len();
                after = page.next;
                if page.is_cut && position == START {
                    say(
                        "too many orders match, so not all customers are listed: give more letters or digits",
                    );
                }
                for customer in &page.customers {
                    let Some(newest) = newest(tx, account, customer)? else { continue };
                    is_empty = false;
                    if report.json {
                        json_line(&mut out, &json(customer, &newest))?;
                    } else {
                        let line = line(customer, &newest, &account.settings.time_zone);
                        writeln!(out, "{}", for_terminal(&line))?;
                    }
                }
            }
            Ok(())
        })?;
        say_if_none(is_empty, report.json, "customer");
        Ok(out.flush()?)
    }
}

/// The order that says who a customer is.
fn newest(tx: &mut Tx<'_>, account: &Account, customer: &Customer) -> Result<Option<Order>, Failure> {
    Ok(orders::find(tx, account.id, OrderId(customer.newest.1))?)
}

fn line(customer: &Customer, newest: &Order, zone: &TimeZone) -> String {
    let name = newest.customer_name();
    let facts = [
        newest.email_text().to_owned(),
        name,
        newest.texts.get(TextField::Phone).to_owned(),
        format!("{}, {} paid", counted(customer.orders, "order"), customer.paid),
        format!("received {}", customer.received),
        format!("last order {}", shown(customer.newest.0, zone)),
    ];
    facts.into_iter().filter(|fact| !fact.is_empty()).collect::<Vec<_>>().join("  ")
}

fn json(customer: &Customer, newest: &Order) -> Value {
    json!({
        "email": newest.email_text(),
        "name": newest.customer_name(),
        "phone": newest.texts.get(TextField::Phone),
        "orders": customer.orders,
        "paid": customer.paid,
        "received": customer.received,
        "last_order": customer.newest.1,
        "last_order_created": customer.newest.0,
    })
}

fn show(tx: &mut Tx<'_>, account: &Account, email: &Email, as_json: bool) -> Result<(), Failure> {
    let found = customers::find(tx, account.id, email)?;
    let found = match found {
        Some(customer) => newest(tx, account, &customer)?.map(|newest| (customer, newest)),
        None => None,
    };
    let Some((customer, newest)) = found else {
        return Err(Failure::failed(format!(
            "no order of account {} has the e-mail {}: `billhook customer list --account {}` shows the customers",
            account.login,
            email.as_str(),
            account.login
        )));
    };
    let (mut out, mut below, mut numbers) = (stdout(), OrderId(i64::MAX), Vec::new());
    if !as_json {
        writeln!(out, "{}", for_terminal(&line(&customer, &newest, &account.settings.time_zone)))?;
    }
    loop {
        let page = customers::orders(tx, account.id, email, below, AT_ONCE)?;
        let Some(last) = page.last() else { break };
        below = *last;
        for id in page {
            if as_json {
                numbers.push(id);
            } else if let Some(order) = orders::find(tx, account.id, id)? {
                writeln!(out, "{}", report::line(&order, &account.settings.time_zone))?;
            }
        }
    }
    if as_json {
        let mut shown = json(&customer, &newest);
        if let Value::Object(shown) = &mut shown {
            shown.insert("order_ids".to_owned(), json!(numbers));
        }
        return json_pretty(&mut out, &shown);
    }
    Ok(out.flush()?)
}
