//! `billhook order show`: everything that is known of one order.

use billhook_store::{managers, order_changes};
use billhook_wire::OrderId;
use clap::Args;

use super::{found, order_id, report::Whole};
use crate::{
    failure::Failure,
    options::{account::AccountOption, everywhere::Everywhere},
    terminal::output::{json_pretty, stdout},
};

/// Show everything that is known of an order, a deleted one too
///
/// Times are in the account's time_zone; in JSON they are unix seconds, and 0 is never.
#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "these texts are the help")]
#[command(after_help = "\
Examples:
  billhook order show 17 --account shop
  billhook order show 17 --account shop --json")]
pub(crate) struct Arguments {
    /// The order's number
    #[arg(value_name = "ID", value_parser = order_id)]
    id: OrderId,
    #[command(flatten)]
    account: AccountOption,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// Does it.
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let shop = self.account.open(everywhere)?;
        shop.read(|tx, account| {
            let order = found(tx, account, self.id)?;
            let payments = order_changes::payments(tx, account.id, self.id)?;
            let managers = managers::list(tx, account.id)?;
            let manager = managers.iter().find(|manager| manager.id == order.handling.manager);
            let manager = manager.map(|manager| manager.name.as_str());
            let whole = Whole { order: &order, payments: &payments, manager };
            let mut out = stdout();
            if self.json {
                json_pretty(&mut out, &whole.json())
            } else {
                whole.write(&mut out, &account.settings.time_zone)
            }
        })
    }
}
