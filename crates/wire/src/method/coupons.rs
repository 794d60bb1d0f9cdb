//! `getcoupons` (section 9.7).

use serde::{Deserialize, Serialize};

use super::{Access, Api, Example, Method};
use crate::Code;

/// The coupons (section 9.7).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetCoupons {}

impl Method for GetCoupons {
    const NAME: &'static str = "getcoupons";
    const API: Api = Api::Keyed;
    const ACCESS: Access = Access::ReadOne;
    const REFUSALS: &'static [Code] = &[];
    const EXAMPLE: Example = &[];
    type Answer = Vec<CouponInfo>;
}

/// A coupon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CouponInfo {
    /// Its number.
    pub id: i64,
    /// The code that the buyer types.
    pub coupon: String,
}
