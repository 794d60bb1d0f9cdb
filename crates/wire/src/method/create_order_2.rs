//! `createorder`: an order by API 2.0 (section 9.9).

use serde::{Deserialize, Serialize};

use super::{Access, Api, Example, Method, Names, OrderMade, Prices};
use crate::{Code, Email, LocalTime, PayStatus, Text, form::Fault};

/// Makes one order in API 2.0 (section 9.9).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreateOrder2 {
    /// The products' symbolic names, separated by commas.
    pub product_names: Names,
    /// Their prices, by position; missing ones are the catalogue's.
    pub product_prices: Option<Prices>,
    /// The customer's e-mail.
    pub customer_email: Option<Email>,
    /// First name.
    pub customer_first_name: Option<Text>,
    /// Surname.
    pub customer_last_name: Option<Text>,
    /// Middle name.
    pub customer_middle_name: Option<Text>,
    /// Phone.
    pub customer_phone: Option<Text>,
    /// The customer's IP address.
    pub order_ip: Option<Text>,
    /// Delivery: address; `customer_shipping_address_1` and `customer_shipping_address` too (decision 11).
    #[serde(alias = "customer_shipping_address_1", alias = "customer_shipping_address")]
    pub customer_shipping: Option<Text>,
    /// Delivery: phone.
    pub customer_shipping_phone: Option<Text>,
    /// Delivery: second line of the address.
    pub customer_shipping_address_2: Option<Text>,
    /// Delivery: city.
    pub customer_shipping_city: Option<Text>,
    /// Delivery: state or region.
    pub customer_shipping_state: Option<Text>,
    /// Delivery: postal code.
    pub customer_shipping_zip: Option<Text>,
    /// Delivery: the country's ISO code, stored as its name.
    pub customer_shipping_country_code: Option<Text>,
    /// Billing: address.
    pub customer_billing_address_1: Option<Text>,
    /// Billing: second line of the address.
    pub customer_billing_address_2: Option<Text>,
    /// Billing: city.
    pub customer_billing_city: Option<Text>,
    /// Billing: state or region.
    pub customer_billing_state: Option<Text>,
    /// Billing: postal code.
    pub customer_billing_zip: Option<Text>,
    /// Billing: the country's ISO code, stored as its name.
    pub customer_billing_country_code: Option<Text>,
    /// A free tag.
    pub order_tag: Option<Text>,
    /// A note of the seller's.
    pub note: Option<Text>,
    /// When it was made, in the account's time zone; absent: now.
    pub order_created_at: Option<LocalTime>,
    /// When it was paid, in the account's time zone; absent: when it was made.
    pub order_paid_at: Option<LocalTime>,
    /// Its status; absent: waiting for payment.
    pub order_status: Option<OrderStatus>,
    /// Whether the customer has confirmed it.
    pub order_confirmed: Option<Confirmed>,
    /// The number of the manager who sold it.
    pub order_sales_manager: Option<i64>,
    /// The way of payment.
    pub payment_method: Option<Text>,
    /// A coupon's number.
    pub coupon: Option<i64>,
    /// Partners' logins, separated by commas; the first is of level 1.
    pub affiliates: Option<Names>,
    /// Mark: channel.
    pub utm_medium: Option<Text>,
    /// Mark: source.
    pub utm_source: Option<Text>,
    /// Mark: campaign.
    pub utm_campaign: Option<Text>,
    /// Mark: ad.
    pub utm_content: Option<Text>,
    /// Mark: keyword.
    pub utm_term: Option<Text>,
}

impl Method for CreateOrder2 {
    const NAME: &'static str = "createorder";
    const API: Api = Api::Keyed;
    const ACCESS: Access = Access::Write;
    const REFUSALS: &'static [Code] =
        &[Code::WRONG_EMAIL, Code::ORDER_NOT_CREATED, Code::NO_GOODS, Code::NO_GOOD];
    const EXAMPLE: Example = &[("product_names", "oplata,sales")];
    type Answer = OrderMade;

    fn refuse(field: &str, fault: Fault) -> Code {
        match (field, fault) {
            ("customer_email", _) => Code::WRONG_EMAIL,
            ("product_names", Fault::Missing) => Code::NO_GOODS,
            _ => Code::WRONG_DATA,
        }
    }
}

/// An order's status in API 2.0's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderStatus(pub PayStatus);

impl OrderStatus {
    const WORDS: [(&'static str, PayStatus); 4] = [
        ("Expected", PayStatus::Waiting),
        ("Paid", PayStatus::Paid),
        ("Cancel", PayStatus::Cancel),
        ("MoneyBack", PayStatus::Return),
    ];

    fn parse(text: &str) -> Result<Self, &'static str> {
        let found = Self::WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text.trim()));
        found.map(|(_, status)| Self(*status)).ok_or("neither Expected nor Paid, Cancel, MoneyBack")
    }

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, status)| *status == self.0).map_or("", |(word, _)| *word)
    }
}

travels_as_text!(OrderStatus, |status| status.word(), Self::parse);
schema!(OrderStatus, { "type": "string", "enum": ["Expected", "Paid", "Cancel", "MoneyBack"] });

/// Whether an order is confirmed, in API 2.0's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmed(pub bool);

impl Confirmed {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text.trim().to_lowercase().as_str() {
            // The documentation prints the last one with a Cyrillic first letter (decision 34).
            "yes" | "true" | "1" | "confirmed" | "сonfirmed" => Ok(Self(true)),
            "no" | "false" | "0" => Ok(Self(false)),
            _ => Err("neither Yes, True, Confirmed nor No, False"),
        }
    }
}

travels_as_text!(Confirmed, |confirmed| if confirmed.0 { "Yes" } else { "No" }, Self::parse);
schema!(Confirmed, { "type": "string", "enum": ["Yes", "No", "True", "False", "Confirmed"] });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Request;

    fn read(form: &str) -> Result<CreateOrder2, (Code, String)> {
        Request::read(None, form.as_bytes()).parameters()
    }

    #[test]
    fn what_clients_send_is_read() {
        let order = read(
            "product_names=a,+b,,c&product_prices=10.5,,3&order_status=moneyback&order_confirmed=%D0%A1onfirmed&order_created_at=01/30/2020+04:22:16&affiliates=bob,",
        )
        .unwrap();
        assert_eq!(
            order.product_names.0.iter().map(crate::Name::as_str).collect::<Vec<_>>(),
            ["a", "b", "c"]
        );
        assert_eq!(order.product_prices.unwrap().0.len(), 3);
        assert_eq!(order.order_status, Some(OrderStatus(PayStatus::Return)));
        assert_eq!(order.order_confirmed, Some(Confirmed(true)));
        assert_eq!(order.affiliates.unwrap().0.len(), 1);
    }

    #[test]
    fn what_is_missing_or_wrong_has_its_code() {
        assert_eq!(read("note=x").unwrap_err().0, Code::NO_GOODS);
        assert_eq!(read("product_names=a&product_prices=x").unwrap_err().0, Code::WRONG_DATA);
        assert_eq!(read("product_names=a&customer_email=x").unwrap_err().0, Code::WRONG_EMAIL);
    }
}
