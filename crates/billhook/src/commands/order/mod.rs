//! `billhook order`: shows orders and changes them.

pub(super) mod add;
pub(super) mod change;
mod list;
pub(super) mod report;
mod show;

use billhook_store::{
    Tx,
    accounts::Account,
    orders::{self, Order},
};
use billhook_wire::OrderId;
use clap::{Args, Subcommand};

use super::resource::Report;
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
#[expect(clippy::doc_markdown, reason = "these texts are the help")]
pub(crate) enum Action {
    /// Show everything that is known of an order, a deleted one too
    ///
    /// Times are in the account's time_zone; in JSON they are unix seconds, and 0 is never.
    #[command(after_help = "\
Examples:
  billhook order show 17 --account shop
  billhook order show 17 --account shop --json")]
    Show(Target),
    List(list::Arguments),
    Add(add::Add),
    Edit(add::Edit),
    SetStatus(change::SetStatus),
    Pay(change::Pay),
    Unpay(change::Unpay),
    Send(change::Send),
    /// Note that the parcel came back
    #[command(after_help = "\
Example:
  billhook order take-back 17 --account shop")]
    TakeBack(Target),
    /// Delete an order: nothing lists it any more, and `order restore` brings it back
    #[command(after_help = "\
Example:
  billhook order delete 17 --account shop")]
    Delete(Target),
    /// Bring a deleted order back, as it was
    ///
    /// A timer that has run out meanwhile is taken off: it would cancel the order at once.
    #[command(after_help = "\
Example:
  billhook order restore 17 --account shop")]
    Restore(Target),
}

/// Which order, and how it is reported.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The order's number
    #[arg(value_name = "ID", value_parser = order_id)]
    id: OrderId,
    #[command(flatten)]
    report: Report,
}

/// Whether others are told of the change.
#[derive(Debug, Clone, Copy, Args)]
struct Telling {
    /// Don't tell webhooks and products' URLs of it
    #[arg(long)]
    quiet: bool,
}

impl Telling {
    /// Keeps a transaction's changes quiet, if that is wanted.
    fn begin(self, tx: &mut Tx<'_>) {
        if self.quiet {
            tx.mute_events();
        }
    }
}

impl Action {
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        match self {
            Self::Show(target) => target.show(everywhere),
            Self::List(list) => list.run(everywhere),
            Self::Add(add) => add.run(everywhere),
            Self::Edit(edit) => edit.run(everywhere),
            Self::SetStatus(set) => set.run(everywhere),
            Self::Pay(pay) => pay.run(everywhere),
            Self::Unpay(unpay) => unpay.run(everywhere),
            Self::Send(send) => send.run(everywhere),
            Self::TakeBack(target) => target.take_back(everywhere),
            Self::Delete(target) => target.delete(everywhere),
            Self::Restore(target) => target.restore(everywhere),
        }
    }
}

/// The order with this number, deleted or not.
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
    id.map(OrderId).ok_or("an order's number is expected, from 1 up")
}
