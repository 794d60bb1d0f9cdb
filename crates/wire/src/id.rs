//! Numbers of orders and products: positive, and unique within an account.

use serde::{Deserialize, Serialize};

/// An order's number: `bill_id` on the wire. Positive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline, example = 258_367, extend("minimum" = 1)))]
#[serde(transparent)]
pub struct OrderId(pub i64);

/// A product's numeric code: `good_id` on the wire. Positive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline, extend("minimum" = 1)))]
#[serde(transparent)]
pub struct GoodId(pub i64);

impl From<i64> for OrderId {
    fn from(number: i64) -> Self {
        Self(number)
    }
}

impl From<OrderId> for i64 {
    fn from(id: OrderId) -> Self {
        id.0
    }
}

impl From<i64> for GoodId {
    fn from(number: i64) -> Self {
        Self(number)
    }
}

impl From<GoodId> for i64 {
    fn from(id: GoodId) -> Self {
        id.0
    }
}

impl std::fmt::Display for OrderId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Display for GoodId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
