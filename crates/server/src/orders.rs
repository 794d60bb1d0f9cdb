//! The methods about orders (section 4).

use billhook_store::{orders, settings::GetBillsEmpty};
use billhook_wire::{
    Code,
    method::{Bills, GetBills},
};

use crate::{cx::Cx, failure::Failure};

/// Answers `GetBills`. A customer without orders is refused, unless the account asked for an empty list (decision 21).
pub(crate) fn get_bills(cx: &mut Cx<'_, '_>, ask: &GetBills) -> Result<Bills, Failure> {
    let bills = orders::bills_of(cx.tx, cx.account, &ask.email, ask.pay_status)?;
    if bills.is_empty() && cx.settings.getbills_empty == GetBillsEmpty::Error {
        return Err(Code::ORDER_NOT_FOUND.into());
    }
    Ok(bills)
}
