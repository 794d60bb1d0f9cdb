//! `billhook order`: what is known of orders, and what happens to them beside the API.

mod change;
mod list;
mod report;
mod show;

use billhook_store::{
    Tx,
    accounts::Account,
    orders::{self, Order},
};
use billhook_wire::OrderId;
use clap::Subcommand;

use crate::{failure::Failure, options::everywhere::Everywhere};

/// Show, list and change orders
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  billhook order list --account shop --email anna@example.com
  billhook order show 17 --account shop
  billhook order set-status 17 paid --account shop
  billhook order send 17 --rpo RA644000001RU --account shop

These commands work beside a running `billhook serve`. Dates are in the account's time_zone.")]
pub(crate) enum Action {
    Show(show::Arguments),
    List(list::Arguments),
    SetStatus(change::SetStatus),
    Pay(change::Pay),
    Unpay(change::Unpay),
    Send(change::Send),
    TakeBack(change::TakeBack),
    Delete(change::Delete),
    Restore(change::Restore),
}

impl Action {
    /// Does it.
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        match self {
            Self::Show(show) => show.run(everywhere),
            Self::List(list) => list.run(everywhere),
            Self::SetStatus(set) => set.run(everywhere),
            Self::Pay(pay) => pay.run(everywhere),
            Self::Unpay(unpay) => unpay.run(everywhere),
            Self::Send(send) => send.run(everywhere),
            Self::TakeBack(take_back) => take_back.run(everywhere),
            Self::Delete(delete) => delete.run(everywhere),
            Self::Restore(restore) => restore.run(everywhere),
        }
    }
}

/// The order of a number, deleted or not.
fn found(tx: &mut Tx<'_>, account: &Account, id: OrderId) -> Result<Order, Failure> {
    orders::find(tx, account.id, id)?.ok_or_else(|| {
        Failure::failed(format!(
            "there is no order {id}: `billhook order list --account {} --limit 10` shows the last ones",
            account.login
        ))
    })
}

fn order_id(text: &str) -> Result<OrderId, &'static str> {
    let id = text.parse().ok().filter(|id| *id >= 1);
    id.map(OrderId).ok_or("an order's number is wanted, from 1 up")
}
