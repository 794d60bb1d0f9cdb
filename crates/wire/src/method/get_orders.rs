//! The methods that show orders (sections 4.4 to 4.7).

use serde::{Deserialize, Serialize};

use super::{Access, Api, Example, Goods, Limit, List, Method, OrderInfo};
use crate::{Code, Day, OrderId, UnixTime};

/// One order with its products (section 4.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetOrderDetails {
    /// The order's number.
    pub bill_id: OrderId,
    /// Adds `good_ids`, `good_count`, `prepayment_enabled` and `prepayment_minsum`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub good_info: bool,
}

impl Method for GetOrderDetails {
    const NAME: &'static str = "getOrderDetails";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::Read;
    const REFUSALS: &'static [Code] = &[Code::ORDER_NOT_FOUND];
    const EXAMPLE: Example = &[("bill_id", "258367")];
    type Answer = OrderInfo;

    /// Without the products' settings, one statement finds the order.
    fn access(&self) -> Access {
        if self.good_info { Access::Read } else { Access::ReadOne }
    }
}

/// One order without its products (section 4.5); `getOrderDetails` shows more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetOrderInfo {
    /// The order's number.
    pub bill_id: OrderId,
}

impl Method for GetOrderInfo {
    const NAME: &'static str = "GetOrderInfo";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::ReadOne;
    const REFUSALS: &'static [Code] = &[Code::ORDER_NOT_FOUND];
    const EXAMPLE: Example = &[("bill_id", "258367")];
    type Answer = OrderInfo;
}

/// Orders without their products (section 4.6); `getOrdersWithGoods` shows more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetOrders {
    /// Created at this time or later; with `paid`, paid.
    pub date_s: Option<UnixTime>,
    /// Created at this time or earlier; with `paid`, paid.
    pub date_e: Option<UnixTime>,
    /// Only paid orders.
    #[serde(default, skip_serializing_if = "is_false")]
    pub paid: bool,
    /// Only orders with one of these products.
    #[serde(default)]
    pub goods: Goods,
    /// At most this many orders, by number. The headers `Billhook-Next` and `Billhook-Total` tell the rest.
    pub limit: Option<Limit>,
    /// Only orders with a higher number than this one. Without `limit`: at most 10,000.
    pub after: Option<i64>,
}

impl Method for GetOrders {
    const NAME: &'static str = "GetOrders";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::Read;
    const REFUSALS: &'static [Code] = &[];
    const EXAMPLE: Example = &[];
    type Answer = List<OrderInfo>;
}

/// The orders of a time range, with their products (section 4.7, decision 24).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetOrdersWithGoods {
    /// The first day, in the account's time zone; absent: the last day.
    pub begin_date: Option<Day>,
    /// The last day; absent: until now.
    pub end_date: Option<Day>,
    /// Only paid orders; the days are then those of the payment.
    #[serde(default, skip_serializing_if = "is_false")]
    pub paid: bool,
    /// Only orders with one of these products.
    #[serde(default)]
    pub goods: Goods,
    /// At most this many orders, by number. The headers `Billhook-Next` and `Billhook-Total` tell the rest.
    pub limit: Option<Limit>,
    /// Only orders with a higher number than this one. Without `limit`: at most 10,000.
    pub after: Option<i64>,
}

impl Method for GetOrdersWithGoods {
    const NAME: &'static str = "getOrdersWithGoods";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::Read;
    const REFUSALS: &'static [Code] = &[];
    const EXAMPLE: Example = &[];
    type Answer = List<OrderInfo>;
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(flag: &bool) -> bool {
    !flag
}
