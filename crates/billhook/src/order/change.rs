//! What happens to an order: the same as the API's methods do, and what they lack.

use std::io::Write as _;

use billhook_store::{
    Tx,
    accounts::Account,
    order_changes::{self, Payment},
    orders::Order,
};
use billhook_wire::{Money, OrderId, PayStatus, Price, Text};
use clap::{Args, builder::PossibleValuesParser};

use super::{found, order_id, report};
use crate::{
    account::now,
    account_option::AccountOption,
    command_line::Everywhere,
    failure::Failure,
    moment::Moment,
    output::{for_terminal, json_line, stdout},
};

/// The order that is changed, and how that is told.
#[derive(Debug, Args)]
struct Target {
    /// The order's number
    #[arg(value_name = "ID", value_parser = order_id)]
    id: OrderId,
    #[command(flatten)]
    account: AccountOption,
    /// Print JSON: the order as `order list` has it
    #[arg(long)]
    json: bool,
}

/// Say that an order is paid, cancelled, refunded, or waits for its payment
///
/// `paid` notes a payment of what was left to pay, and hands out pin codes. `return` means that the money was given back;
/// a parcel that came back is `order take-back`. Any state may follow any.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook order set-status 17 paid --account shop
  billhook order set-status 17 paid --date '31.01.2024 10:00' --account shop
  billhook order set-status 17 cancel --account shop")]
pub(crate) struct SetStatus {
    #[command(flatten)]
    target: Target,
    /// The state
    #[arg(value_name = "STATUS", value_parser = PossibleValuesParser::new(PayStatus::ALL.map(PayStatus::as_str)))]
    status: String,
    /// When it was paid [default: now]
    #[arg(long, value_name = "DATE", value_parser = Moment::parse)]
    date: Option<Moment>,
}

/// Note a payment of a part
///
/// The order is paid when nothing is left to pay.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  billhook order pay 17 1000.00 --account shop")]
pub(crate) struct Pay {
    #[command(flatten)]
    target: Target,
    /// The sum
    #[arg(value_name = "SUM", value_parser = sum)]
    sum: Money,
    /// When it came in [default: now]
    #[arg(long, value_name = "DATE", value_parser = Moment::parse)]
    date: Option<Moment>,
}

/// Note that the parcel was posted
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  billhook order send 17 --rpo RA644000001RU --account shop")]
pub(crate) struct Send {
    #[command(flatten)]
    target: Target,
    /// The parcel's tracking number
    #[arg(long, value_name = "NUMBER", value_parser = rpo)]
    rpo: Text,
    /// When it was posted [default: now]
    #[arg(long, value_name = "DATE", value_parser = Moment::parse)]
    date: Option<Moment>,
}

/// Note that the parcel came back
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  billhook order take-back 17 --account shop")]
pub(crate) struct TakeBack {
    #[command(flatten)]
    target: Target,
}

/// Delete an order: nothing lists it any more, and `order restore` brings it back
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  billhook order delete 17 --account shop")]
pub(crate) struct Delete {
    #[command(flatten)]
    target: Target,
}

/// Bring a deleted order back, as it was
///
/// A timer that has run out meanwhile is taken off: it would cancel the order at once.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  billhook order restore 17 --account shop")]
pub(crate) struct Restore {
    #[command(flatten)]
    target: Target,
}

fn sum(text: &str) -> Result<Money, String> {
    let sum = Money::parse(text.trim()).map_err(|error| error.to_string())?;
    let sum = Price::new(sum).map_err(|error| error.to_string())?.sum();
    if sum == Money::ZERO { Err("a payment is more than 0.00".to_owned()) } else { Ok(sum) }
}

fn rpo(text: &str) -> Result<Text, String> {
    match text.trim() {
        "" => Err("a parcel has a number".to_owned()),
        text => Text::new(text).map_err(|error| error.to_string()),
    }
}

impl SetStatus {
    /// Does it.
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { target, status, date } = self;
        let status = PayStatus::parse(&status).unwrap_or(PayStatus::Waiting);
        if date.is_some() && status != PayStatus::Paid {
            return Err(Failure::usage(
                "--date says when an order was paid: it goes with the status paid only",
            ));
        }
        target.change(everywhere, move |tx, account, order| {
            if order.pay_status == status {
                return Ok(format!("is {status} already"));
            }
            match status {
                PayStatus::Paid => order_changes::pay(tx, account.id, order, time(date, account)?)?,
                PayStatus::Waiting => order_changes::wait_again(tx, account.id, order, now())?,
                PayStatus::Cancel => order_changes::cancel(tx, account.id, order)?,
                PayStatus::Return => order_changes::refund(tx, account.id, order, now())?,
            }
            Ok(format!("is {status}"))
        })
    }
}

impl Pay {
    /// Does it.
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { target, sum, date } = self;
        target.change(everywhere, move |tx, account, order| {
            let payment = Payment { sum, received: time(date, account)? };
            order_changes::pay_part(tx, account.id, order, payment)?;
            Ok(match order.pay_status {
                PayStatus::Paid => format!("{sum} noted, is paid"),
                _ => format!("{sum} noted, {} left to pay", order.to_pay()),
            })
        })
    }
}

impl Send {
    /// Does it.
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { target, rpo, date } = self;
        target.change(everywhere, move |tx, account, order| {
            order_changes::send(tx, account.id, order, time(date, account)?, rpo.as_str())?;
            Ok(format!("was posted, {}", rpo.as_str()))
        })
    }
}

impl TakeBack {
    /// Does it.
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        self.target.change(everywhere, |tx, account, order| {
            order_changes::take_back(tx, account.id, order)?;
            Ok("came back".to_owned())
        })
    }
}

impl Delete {
    /// Does it.
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        self.target.change(everywhere, |tx, account, order| {
            order_changes::hide(tx, account.id, order, now())?;
            Ok(format!(
                "is deleted; `billhook order restore {} --account {}` brings it back",
                order.id, account.login
            ))
        })
    }
}

impl Restore {
    /// Does it.
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        self.target.change_any(everywhere, |tx, account, order| {
            if order.handling.deleted == 0 {
                return Err(Failure::failed(format!("order {} is not deleted", order.id)));
            }
            let had_timer = order.handling.kill_at != 0;
            order_changes::restore(tx, account.id, order, now())?;
            Ok(if had_timer && order.handling.kill_at == 0 {
                "is there again, without its timer, which has run out".to_owned()
            } else {
                "is there again".to_owned()
            })
        })
    }
}

impl Target {
    /// Changes an order that is not deleted.
    fn change(
        self,
        everywhere: &Everywhere,
        change: impl Fn(&mut Tx<'_>, &Account, &mut Order) -> Result<String, Failure>
        + std::marker::Send
        + 'static,
    ) -> Result<(), Failure> {
        self.change_any(everywhere, move |tx, account, order| {
            if order.handling.deleted != 0 {
                return Err(Failure::failed(format!(
                    "order {0} is deleted: `billhook order restore {0} --account {1}` brings it back",
                    order.id, account.login
                )));
            }
            change(tx, account, order)
        })
    }

    /// Changes an order; what the change says of it is told.
    fn change_any(
        self,
        everywhere: &Everywhere,
        change: impl Fn(&mut Tx<'_>, &Account, &mut Order) -> Result<String, Failure>
        + std::marker::Send
        + 'static,
    ) -> Result<(), Failure> {
        let Self { id, account, json } = self;
        let (order, said) = account.open(everywhere)?.write(move |tx, account| {
            let mut order = found(tx, account, id)?;
            let said = change(tx, account, &mut order)?;
            Ok((order, said))
        })?;
        let mut out = stdout();
        if json {
            return json_line(&mut out, &report::summary(&order));
        }
        writeln!(out, "{}", for_terminal(&format!("order {id} {said}")))?;
        Ok(out.flush()?)
    }
}

/// The time that was named, else now.
fn time(date: Option<Moment>, account: &Account) -> Result<i64, Failure> {
    date.map_or_else(|| Ok(now()), |date| date.begin(&account.settings.time_zone))
}
