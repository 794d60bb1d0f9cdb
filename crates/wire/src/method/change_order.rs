//! The methods that change and hide orders (sections 4.2 and 4.3).

use serde::{Deserialize, Serialize};

use super::{Access, Api, Example, Method, Nothing};
use crate::{Code, OrderId, Text, form::Fault};

/// Records that an order was paid, cancelled, posted or sent back (section 4.2, decision 16).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UpdateOrderStatus {
    /// The order's number.
    pub bill_id: OrderId,
    /// What happened.
    #[cfg_attr(feature = "schema", schemars(example = NewStatus::Cancel))]
    pub status: NewStatus,
    /// When it was posted or paid, unix seconds; needed for `sent` and `paid`.
    pub date: Option<Text>,
    /// The parcel's tracking number; needed for `sent`.
    pub rpo: Option<Text>,
}

/// What happened to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum NewStatus {
    /// It was posted.
    Sent,
    /// It was paid.
    Paid,
    /// The customer has sent it back.
    Return,
    /// It was cancelled.
    Cancel,
}

impl Method for UpdateOrderStatus {
    const NAME: &'static str = "UpdateOrderStatus";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::Write;
    const REFUSALS: &'static [Code] =
        &[Code::NOT_PAID, Code::NO_ORDER_NUMBER, Code::NO_ORDER, Code::WRONG_STATUS];
    const DONE: &'static [Code] = &[Code::STATUS_CHANGED];
    const EXAMPLE: Example = &[("bill_id", "258367"), ("status", "cancel")];
    type Answer = Nothing;

    fn refuse(field: &str, fault: Fault) -> Code {
        match (field, fault) {
            ("bill_id", Fault::Missing) => Code::NO_ORDER_NUMBER,
            ("status", _) => Code::WRONG_STATUS,
            _ => Code::WRONG_DATA,
        }
    }
}

/// Hides an order (section 4.3, decision 22).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeleteOrder {
    /// The order's number.
    pub bill_id: OrderId,
}

impl Method for DeleteOrder {
    const NAME: &'static str = "DeleteOrder";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::Write;
    const REFUSALS: &'static [Code] = &[Code::NO_ORDER_NUMBER, Code::NO_ORDER];
    const DONE: &'static [Code] = &[Code::ORDER_DELETED];
    const EXAMPLE: Example = &[("bill_id", "258368")];
    type Answer = Nothing;

    fn refuse(field: &str, fault: Fault) -> Code {
        match (field, fault) {
            ("bill_id", Fault::Missing) => Code::NO_ORDER_NUMBER,
            _ => Code::WRONG_DATA,
        }
    }
}
