//! `billhook order list`: orders by time, customer or state.

use std::{collections::HashMap, io::Write as _};

use billhook_store::{
    Tx,
    accounts::Account,
    orders::{
        self, Order,
        order_lists::{self, By},
        payments,
    },
};
use billhook_wire::{Email, OrderId, PayStatus, unix_time::UNIX_TIME_MAX};
use clap::{Args, builder::PossibleValuesParser};

use super::report;
use crate::{
    commands::resource::Report,
    failure::Failure,
    options::{everywhere::Everywhere, time::TimeOption},
    terminal::output::{json_line, say_if_none, stdout},
};

/// List orders, oldest first
///
/// Deleted orders are left out. A time is 31.12.2024 or 2024-12-31, optionally followed by 10:00 or 10:00:59,
/// in the account's time_zone, or unix seconds. In --to, a day includes all of it.
#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "these texts are the help")]
#[command(after_help = "\
Examples:
  billhook order list --account shop --limit 20
  billhook order list --account shop --email anna@example.com --status waiting
  billhook order list --account shop --paid --from 01.01.2024 --to 31.01.2024 --json")]
pub(crate) struct Arguments {
    #[command(flatten)]
    report: Report,
    /// Only this customer's orders, sorted by number
    #[arg(long, value_name = "EMAIL", value_parser = Email::parse)]
    email: Option<Email>,
    /// Only orders in this state
    #[arg(long, value_name = "STATUS", value_parser = PossibleValuesParser::new(PayStatus::ALL.map(PayStatus::as_str)))]
    status: Option<String>,
    /// Only orders created at this time or later
    #[arg(long, value_name = "DATE", value_parser = TimeOption::parse)]
    from: Option<TimeOption>,
    /// Only orders created at this time or earlier
    #[arg(long, value_name = "DATE", value_parser = TimeOption::parse)]
    to: Option<TimeOption>,
    /// Only paid orders; --from, --to and the order of the list then go by the time of payment
    #[arg(long)]
    paid: bool,
    /// Only the last N orders
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: Option<u32>,
}

struct Filter {
    by: By,
    window: (i64, i64),
    status: Option<PayStatus>,
    limit: Option<u32>,
}

impl Filter {
    fn takes(&self, order: &Order) -> bool {
        let at = match self.by {
            By::Created => order.created,
            By::Paid if order.pay_status == PayStatus::Paid => order.paid,
            By::Paid => return false,
        };
        (self.window.0..=self.window.1).contains(&at)
            && self.status.is_none_or(|status| order.pay_status == status)
    }
}

impl Arguments {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { report: Report { account, json }, email, status, from, to, paid, limit } = self;
        let store = account.open(everywhere)?;
        let mut out = stdout();
        let mut is_empty = true;
        store.read(|tx, account| {
            let zone = &account.settings.time_zone;
            let begin = from.map_or(Ok(0), |from| from.begin(zone))?;
            let end = to.map_or(Ok(UNIX_TIME_MAX), |to| to.end(zone))?;
            if begin > end {
                return Err(Failure::usage("--from is later than --to"));
            }
            let filter = Filter {
                by: if paid { By::Paid } else { By::Created },
                window: (begin, end),
                status: status.as_deref().and_then(PayStatus::parse),
                limit,
            };
            let given_back = if json { payments::given_back(tx, account.id)? } else { HashMap::new() };
            each(tx, account, email.as_ref(), &filter, |order| {
                is_empty = false;
                if json {
                    let given_back = given_back.get(&order.id).copied().unwrap_or_default();
                    json_line(&mut out, &report::summary(order, given_back))
                } else {
                    Ok(writeln!(out, "{}", report::line(order, zone))?)
                }
            })
        })?;
        say_if_none(is_empty, json, "order");
        Ok(out.flush()?)
    }
}

/// Calls a function with each order that the filter selects, in the list's order.
fn each(
    tx: &mut Tx<'_>,
    account: &Account,
    email: Option<&Email>,
    filter: &Filter,
    mut show: impl FnMut(&Order) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Filter { by, window, status, limit } = *filter;
    match (email, limit) {
        (Some(email), _) => {
            let mut found: Vec<Order> = Vec::new();
            for id in order_lists::of_customer(tx, account.id, email)? {
                found.extend(order(tx, account, id)?.filter(|order| filter.takes(order)));
            }
            let most = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
            found.iter().skip(found.len().saturating_sub(most)).try_for_each(show)
        }
        (None, Some(limit)) => {
            for id in order_lists::newest(tx, account.id, by, window, status, limit)? {
                if let Some(order) = order(tx, account, id)? {
                    show(&order)?;
                }
            }
            Ok(())
        }
        (None, None) => order_lists::between(tx, account.id, by, window, |order| {
            if filter.takes(&order) { show(&order) } else { Ok(()) }
        }),
    }
}

fn order(tx: &mut Tx<'_>, account: &Account, id: OrderId) -> Result<Option<Order>, Failure> {
    Ok(orders::find(tx, account.id, id)?)
}
