//! `billhook order show`: shows one order in full.

use billhook_store::{managers, orders::order_changes, outbox::deliveries};

use super::{Target, found, report::Whole};
use crate::{
    failure::Failure,
    options::everywhere::Everywhere,
    terminal::output::{json_pretty, stdout},
};

impl Target {
    /// Shows the order.
    pub(super) fn show(self, everywhere: &Everywhere) -> Result<(), Failure> {
        self.report.open(everywhere)?.read(|tx, account| {
            let order = found(tx, account, self.id)?;
            let payments = order_changes::payments(tx, account.id, self.id)?;
            let manager = managers::find(tx, account.id, order.handling.manager)?;
            let manager = manager.as_ref().map(|manager| manager.name.as_str());
            let deliveries = deliveries::of_order(tx, account.id, self.id)?;
            let whole = Whole { order: &order, payments: &payments, manager, deliveries: &deliveries };
            let mut out = stdout();
            if self.report.json {
                json_pretty(&mut out, &whole.json())
            } else {
                whole.write(&mut out, &account.settings.time_zone)
            }
        })
    }
}
