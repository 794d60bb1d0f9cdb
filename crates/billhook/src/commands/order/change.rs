//! Commands that change an order: those of the API's methods, and some that the API lacks.

use billhook_store::{
    Tx,
    accounts::{
        Account,
        audit::{self, Action},
    },
    orders::{
        Order, income,
        order_changes::{self, Payment},
    },
};
use billhook_wire::{Money, PayStatus, Price, Text};
use clap::{Args, builder::PossibleValuesParser};

use super::{Target, Telling, found, report};
use crate::{
    failure::Failure,
    options::{everywhere::Everywhere, time::TimeOption, time::now},
    terminal::output::print,
};

/// Set an order to paid, cancelled, refunded, or waiting for payment
///
/// `paid` records a payment of the open amount and hands out pin codes. `return` means that the money was
/// given back; a parcel that came back is `order take-back`. Every change of state is allowed.
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
    #[arg(long, value_name = "DATE", value_parser = TimeOption::parse)]
    date: Option<TimeOption>,
    #[command(flatten)]
    telling: Telling,
}

/// Record a partial payment
///
/// The order becomes paid when its payments cover it. A payment above the open amount is refused, and so is
/// one for a cancelled or refunded order, except with --anyway. `order unpay` removes a payment that was
/// recorded by mistake.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook order pay 17 1000.00 --account shop
  billhook order pay 17 1500.00 --anyway --account shop")]
pub(crate) struct Pay {
    #[command(flatten)]
    target: Target,
    /// The sum
    #[arg(value_name = "SUM", value_parser = sum)]
    sum: Money,
    /// When it was received [default: now]
    #[arg(long, value_name = "DATE", value_parser = TimeOption::parse)]
    date: Option<TimeOption>,
    /// Record it even if it exceeds the open amount, or the order is cancelled or refunded
    #[arg(long)]
    anyway: bool,
    #[command(flatten)]
    telling: Telling,
}

/// Remove a payment that was recorded by mistake
///
/// A paid order waits for payment again if its other payments do not cover it. Its pin codes stay handed out.
/// If money was given back, use `order set-status ID return` instead.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook order unpay 17 --account shop
  billhook order unpay 17 --payment 2 --account shop    by its number in `billhook order show 17`")]
pub(crate) struct Unpay {
    #[command(flatten)]
    target: Target,
    /// The payment's number, as in `order show` [default: the last payment]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(1..))]
    payment: Option<i64>,
}

/// Record that the parcel was posted
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
    #[arg(long, value_name = "DATE", value_parser = TimeOption::parse)]
    date: Option<TimeOption>,
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

/// What a change is in the audit list, unless there was nothing to do; and what the command says.
pub(in crate::commands) type Done = (Option<(Action, String)>, String);

impl SetStatus {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { target, status, date, telling } = self;
        let status = PayStatus::parse(&status).unwrap_or(PayStatus::Waiting);
        if date.is_some() && status != PayStatus::Paid {
            return Err(Failure::usage("--date is the time of a payment: use it only with the status paid"));
        }
        target.change(everywhere, move |tx, account, order| {
            telling.begin(tx);
            set_status(tx, account, order, (status, time(date, account)?))
        })
    }
}

/// Sets an order's state, from this time on.
pub(in crate::commands) fn set_status(
    tx: &mut Tx<'_>,
    account: &Account,
    order: &mut Order,
    (status, at): (PayStatus, i64),
) -> Result<Done, Failure> {
    if order.pay_status == status {
        return Ok((None, format!("is {status} already")));
    }
    let action = match status {
        PayStatus::Paid => {
            order_changes::pay(tx, account.id, order, at)?;
            Action::OrderPaid
        }
        PayStatus::Waiting => {
            order_changes::wait_again(tx, account.id, order, at)?;
            Action::OrderWaits
        }
        PayStatus::Cancel => {
            order_changes::cancel(tx, account.id, order)?;
            Action::OrderCancelled
        }
        PayStatus::Return => {
            order_changes::refund(tx, account.id, order, at)?;
            Action::OrderRefunded
        }
    };
    Ok((Some((action, String::new())), format!("is {status}")))
}

impl Pay {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { target, sum, date, anyway, telling } = self;
        target.change(everywhere, move |tx, account, order| {
            telling.begin(tx);
            if let Some(why) = doubt(order, sum).filter(|_| !anyway) {
                return Err(Failure::failed(format!(
                    "order {} {why}: the payment was not recorded; add --anyway to record it",
                    order.id
                )));
            }
            pay(tx, account, order, Payment { sum, received: time(date, account)? })
        })
    }
}

/// Records a payment.
pub(in crate::commands) fn pay(
    tx: &mut Tx<'_>,
    account: &Account,
    order: &mut Order,
    payment: Payment,
) -> Result<Done, Failure> {
    let sum = payment.sum;
    order_changes::pay_part(tx, account.id, order, payment)?;
    Ok((Some((Action::OrderPayment, sum.to_string())), format!("{sum} noted, {}", standing(order))))
}

/// A reason to think that a payment of this sum is a mistake.
fn doubt(order: &Order, sum: Money) -> Option<String> {
    match order.pay_status {
        PayStatus::Cancel => Some("is cancelled".to_owned()),
        PayStatus::Return => Some("was refunded".to_owned()),
        PayStatus::Waiting | PayStatus::Paid => {
            let left = order.to_pay();
            (sum > left).then(|| format!("has {left} left to pay, less than {sum}"))
        }
    }
}

/// The order's payments after a change, in words.
fn standing(order: &Order) -> String {
    match order.pay_status {
        PayStatus::Waiting => format!("{} left to pay", order.to_pay()),
        status => format!("is {status}"),
    }
}

impl Unpay {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { target, payment } = self;
        target.change(everywhere, move |tx, account, order| {
            let removed = order_changes::unpay(tx, account.id, order, payment, now())?.ok_or_else(|| {
                let what = payment.map_or_else(String::new, |number| format!(" of number {number}"));
                Failure::failed(format!(
                    "order {0} has no payment{what}: `billhook order show {0} --account {1}` shows them",
                    order.id, account.login
                ))
            })?;
            let said = format!("{} removed, {}", removed.sum, standing(order));
            Ok((Some((Action::OrderUnpaid, removed.sum.to_string())), said))
        })
    }
}

impl Send {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let Self { target, rpo, date } = self;
        target.change(everywhere, move |tx, account, order| {
            order_changes::send(tx, account.id, order, time(date, account)?, rpo.as_str())?;
            Ok((Some((Action::OrderSent, rpo.as_str().to_owned())), format!("was posted, {}", rpo.as_str())))
        })
    }
}

impl Target {
    pub(super) fn take_back(self, everywhere: &Everywhere) -> Result<(), Failure> {
        self.change(everywhere, |tx, account, order| {
            order_changes::take_back(tx, account.id, order)?;
            Ok((Some((Action::OrderCameBack, String::new())), "came back".to_owned()))
        })
    }

    pub(super) fn delete(self, everywhere: &Everywhere) -> Result<(), Failure> {
        self.change(everywhere, |tx, account, order| {
            order_changes::hide(tx, account.id, order, now())?;
            let said = format!(
                "is deleted; `billhook order restore {} --account {}` brings it back",
                order.id, account.login
            );
            Ok((Some((Action::OrderDeleted, String::new())), said))
        })
    }

    pub(super) fn restore(self, everywhere: &Everywhere) -> Result<(), Failure> {
        self.change_any(everywhere, |tx, account, order| {
            if order.handling.deleted == 0 {
                return Err(Failure::failed(format!("order {} is not deleted", order.id)));
            }
            let had_timer = order.handling.kill_at != 0;
            order_changes::restore(tx, account.id, order, now())?;
            let said = if had_timer && order.handling.kill_at == 0 {
                "is restored without its timer, which has run out"
            } else {
                "is restored"
            };
            Ok((Some((Action::OrderRestored, String::new())), said.to_owned()))
        })
    }

    /// Changes an order that is not deleted.
    pub(super) fn change(
        self,
        everywhere: &Everywhere,
        change: impl Fn(&mut Tx<'_>, &Account, &mut Order) -> Result<Done, Failure> + std::marker::Send + 'static,
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

    /// Changes an order, deleted or not, notes that in the audit list, and prints the text that `change` returns.
    fn change_any(
        self,
        everywhere: &Everywhere,
        change: impl Fn(&mut Tx<'_>, &Account, &mut Order) -> Result<Done, Failure> + std::marker::Send + 'static,
    ) -> Result<(), Failure> {
        let Self { id, report } = self;
        let (order, given_back, said) = report.open(everywhere)?.write(move |tx, account| {
            let mut order = found(tx, account, id)?;
            let done = change(tx, account, &mut order)?;
            let said = note(tx, account, &order, done)?;
            let payments = order_changes::payments(tx, account.id, id)?;
            Ok((order, income::given_back(payments.iter().map(|(_, payment)| payment)), said))
        })?;
        print(report.json, &report::summary(&order, given_back), &format!("order {id} {said}"))
    }
}

/// Notes a change in the audit list. Returns what the command says.
pub(in crate::commands) fn note(
    tx: &mut Tx<'_>,
    account: &Account,
    order: &Order,
    (noted, said): Done,
) -> Result<String, Failure> {
    if let Some((action, detail)) = noted {
        audit::add_order_command(tx, account.id, (action, order.id), &detail, now())?;
    }
    Ok(said)
}

fn time(date: Option<TimeOption>, account: &Account) -> Result<i64, Failure> {
    date.map_or_else(|| Ok(now()), |date| date.begin(&account.settings.time_zone))
}
