//! The fields of an order in answers (section 5).

use serde::{Deserialize, Serialize};

use super::number_text;
use crate::{GoodId, Money, OrderId, PayStatus};

/// An order in an answer (section 5). The method decides which optional fields it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OrderInfo {
    /// Its number.
    #[serde(with = "number_text")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub id: OrderId,
    /// First name.
    #[serde(default)]
    pub first_name: String,
    /// Surname.
    #[serde(default)]
    pub last_name: String,
    /// Patronymic or middle name.
    #[serde(default)]
    pub middle_name: String,
    /// E-mail; empty: none is known.
    #[serde(default)]
    pub email: String,
    /// Phone.
    #[serde(default)]
    pub phone: String,
    /// Delivery: city.
    #[serde(default)]
    pub city: String,
    /// Delivery: country.
    #[serde(default)]
    pub country: String,
    /// Delivery: address.
    #[serde(default)]
    pub address: String,
    /// Delivery: region.
    #[serde(default)]
    pub region: String,
    /// Delivery: postal code.
    #[serde(default)]
    pub postalcode: String,
    /// When it was made, unix seconds.
    #[serde(with = "number_text", default)]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub created: i64,
    /// Whether it is paid for.
    #[cfg_attr(feature = "schema", schemars(with = "PayStatus"))]
    pub pay_status: ShownStatus,
    /// When it was paid, unix seconds; 0: it was not.
    #[serde(with = "number_text", default)]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub paid: i64,
    /// The type of order.
    #[serde(default, rename = "type")]
    pub order_type: String,
    /// The way of payment.
    #[serde(default)]
    pub payway: String,
    /// The customer's comment.
    #[serde(default)]
    pub comment: String,
    /// The domain that took the order.
    #[serde(default)]
    pub domain: String,
    /// The payment page: a URL, or a path where no domain is known.
    #[serde(default)]
    pub link: String,
    /// How many products it holds. Not in `GetOrders`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_count: Option<u32>,
    /// The sum of its lines (decision 12).
    #[serde(default)]
    pub price: Money,
    /// Whether it is one of a subscription's payments. In `getOrdersWithGoods`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_recurrent: Option<bool>,
    /// The open amount (decision 12). Not in `GetOrders`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bill_sum_topay: Option<Money>,
    /// The order's tag. Not in `GetOrders`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The coupon that was used (decision 11). Not in `GetOrders`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kupon: Option<String>,
    /// The same under its other name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon: Option<String>,
    /// UTM tags.
    #[serde(default)]
    pub utm: UtmInfo,
    /// Its lines. In `getOrderDetails` and `getOrdersWithGoods`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<ItemInfo>>,
    /// The numeric ids of its products. With `good_info`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_ids: Option<Vec<GoodIdText>>,
    /// 1 if it may be paid in parts, else 0. With `good_info`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepayment_enabled: Option<u8>,
    /// The minimum of a partial payment. With `good_info`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepayment_minsum: Option<Money>,
}

/// An order's status in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ShownStatus {
    /// A status of the protocol.
    Known(PayStatus),
    /// Another server's word.
    Other(String),
}

impl ShownStatus {
    /// The word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(status) => status.as_str(),
            Self::Other(word) => word,
        }
    }
}

/// A product's numeric id, as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GoodIdText(
    #[serde(with = "number_text")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub GoodId,
);

/// An order's UTM tags, without the affiliate's, which only partners see.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UtmInfo {
    /// Channel.
    pub medium: String,
    /// Source.
    pub source: String,
    /// Campaign.
    pub campaign: String,
    /// Ad.
    pub content: String,
    /// Keyword.
    pub term: String,
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ItemInfo {
    /// The product's symbolic name (decision 14).
    pub id: String,
    /// Its title when it was ordered.
    #[serde(default)]
    pub title: String,
    /// Its price in this order.
    #[serde(default)]
    pub sum: Money,
    /// Its price in the catalogue when it was ordered.
    #[serde(default)]
    pub price: Money,
    /// The pin code handed out with it. In `getOrderDetails`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pincode: Option<String>,
    /// The partners who get a fee for it.
    #[serde(default)]
    pub partners: Vec<PartnerInfo>,
}

/// A partner's fee for a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PartnerInfo {
    /// 1: the partner who brought the customer; 2: the partner who recruited that one.
    pub partner_lvl: i64,
    /// The partner's number.
    #[serde(with = "number_text")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub partner_id: i64,
    /// The partner's login.
    pub partner_name: String,
    /// The fee.
    pub partner_fee: Money,
}
