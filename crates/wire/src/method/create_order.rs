//! The two methods that make an order: `CreateOrder` of API 1.0 (section 4.1) and `createorder` of 2.0 (section 9.9).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Access, Api, Example, Method, comma_list};
use crate::{Code, Email, LocalTime, Name, OrderId, PayStatus, Price, Text, UnixTime, form::Fault};

/// Makes one order for one customer, with products of the catalogue (section 4.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreateOrder {
    /// The products.
    pub goods: Vec<OrderedGood>,
    /// The customer's e-mail.
    pub bill_email: Email,
    /// First name; needed for physical products.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub bill_first_name: Text,
    /// Surname; needed for physical products.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub bill_surname: Text,
    /// Patronymic or middle name; `bill_middle_name` too (decision 11).
    #[serde(default, alias = "bill_middle_name", skip_serializing_if = "Text::is_empty")]
    pub bill_otchestvo: Text,
    /// Phone.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub bill_phone: Text,
    /// Delivery: country; needed for physical products.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub bill_country: Text,
    /// Delivery: region.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub bill_region: Text,
    /// Delivery: city; needed for physical products.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub bill_city: Text,
    /// Delivery: address; needed for physical products.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub bill_address: Text,
    /// Delivery: postal code.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub bill_postal_code: Text,
    /// A coupon's code; `bill_coupon` too (decision 11).
    #[serde(default, alias = "bill_coupon", skip_serializing_if = "Text::is_empty")]
    pub bill_kupon: Text,
    /// A free tag.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub bill_tag: Text,
    /// A comment.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub bill_comment: Text,
    /// The customer's IP address.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub bill_ip: Text,
    /// Whether and when the order cancels itself; absent: never, unless the account's `timer_kill_default` says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bill_timer_kill: Option<TimerKill>,
    /// When it was made; absent or 0: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bill_created: Option<UnixTime>,
    /// The domain that takes the order, as `host` or `host:port`: `link` becomes a URL of it (decision 47).
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub bill_domain: Text,
    /// Marks.
    #[serde(default, skip_serializing_if = "Marks::is_empty")]
    pub utm: Marks,
    /// Legacy: the partner's number.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub bill_aff: Text,
    /// Legacy: the partner's login.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub bill_aff_name: Text,
    /// Legacy: the second-level partner's number.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub bill_paff: Text,
    /// Legacy: the second-level partner's login.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub bill_paff_name: Text,
    /// Legacy: the ad label's number.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub bill_ad_id: Text,
}

impl Method for CreateOrder {
    const NAME: &'static str = "CreateOrder";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::Write;
    const REFUSALS: &'static [Code] = &[
        Code::WRONG_EMAIL,
        Code::ORDER_EXISTS,
        Code::ORDER_NOT_CREATED,
        Code::NO_GOODS,
        Code::NO_GOOD,
        Code::NO_DELIVERY_DATA,
    ];
    const EXAMPLE: Example = &[("goods[0][good_name]", "oplata"), ("bill_email", "anna@example.com")];
    type Answer = OrderMade;

    fn refuse(field: &str, fault: Fault) -> Code {
        match (field, fault) {
            ("bill_email", _) => Code::WRONG_EMAIL,
            ("goods", Fault::Missing) => Code::NO_GOODS,
            _ => Code::WRONG_DATA,
        }
    }
}

/// A product in an order that is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OrderedGood {
    /// Its symbolic name.
    pub good_name: Name,
    /// Its price in this order; absent: the catalogue's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_sum: Option<Price>,
}

/// The number of the order that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderMade {
    /// Its number; none: the account asked for the bare `[]` (decision 34).
    pub bill_id: Option<OrderId>,
}

/// An order's marks (section 4.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Marks {
    /// Channel; `affiliate` says that `utm_source` is a partner's login.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub utm_medium: Text,
    /// Source.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub utm_source: Text,
    /// Campaign.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub utm_campaign: Text,
    /// Ad.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub utm_content: Text,
    /// Keyword.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub utm_term: Text,
    /// Affiliate's mark: channel.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub aff_medium: Text,
    /// Affiliate's mark: source.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub aff_source: Text,
    /// Affiliate's mark: campaign.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub aff_campaign: Text,
    /// Affiliate's mark: ad.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub aff_content: Text,
    /// Affiliate's mark: keyword.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub aff_term: Text,
}

impl Marks {
    /// Whether none was given.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// When an order that is not paid cancels itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimerKill {
    /// Never.
    Never,
    /// As the settings of its products say.
    ByGoods,
    /// At this time.
    At(UnixTime),
}

impl Serialize for TimerKill {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Never => serializer.serialize_bool(false),
            Self::ByGoods => serializer.serialize_bool(true),
            Self::At(time) => time.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for TimerKill {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.trim().to_ascii_lowercase().as_str() {
            "0" | "false" | "off" | "no" => Ok(Self::Never),
            "1" | "true" | "on" | "yes" => Ok(Self::ByGoods),
            time => UnixTime::parse(time).map(Self::At).map_err(de::Error::custom),
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for TimerKill {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TimerKill".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "1: as the products' settings say; 0: never; else a unix time",
            "anyOf": [{ "type": "boolean" }, { "type": "integer", "minimum": 0 }],
        })
    }
}

/// Makes one order (section 9.9): API 2.0's way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreateOrder2 {
    /// The products' symbolic names, with commas between.
    pub product_names: Names,
    /// Their prices, by position; those that are missing are the catalogue's.
    #[serde(default, skip_serializing_if = "Prices::is_empty")]
    pub product_prices: Prices,
    /// The customer's e-mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_email: Option<Email>,
    /// First name.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub customer_first_name: Text,
    /// Surname.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub customer_last_name: Text,
    /// Middle name.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub customer_middle_name: Text,
    /// Phone.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub customer_phone: Text,
    /// The customer's IP address.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub order_ip: Text,
    /// Delivery: address; `customer_shipping_address_1` and `customer_shipping_address` too (decision 11).
    #[serde(default, alias = "customer_shipping_address_1", alias = "customer_shipping_address")]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub customer_shipping: Text,
    /// Delivery: phone.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub customer_shipping_phone: Text,
    /// Delivery: second line of the address.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub customer_shipping_address_2: Text,
    /// Delivery: city.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub customer_shipping_city: Text,
    /// Delivery: state or region.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub customer_shipping_state: Text,
    /// Delivery: postal code.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub customer_shipping_zip: Text,
    /// Delivery: the country's ISO code, which is kept as its name.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub customer_shipping_country_code: Text,
    /// Billing: address.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub customer_billing_address_1: Text,
    /// Billing: second line of the address.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub customer_billing_address_2: Text,
    /// Billing: city.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub customer_billing_city: Text,
    /// Billing: state or region.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub customer_billing_state: Text,
    /// Billing: postal code.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub customer_billing_zip: Text,
    /// Billing: the country's ISO code, which is kept as its name.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub customer_billing_country_code: Text,
    /// A free tag.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub order_tag: Text,
    /// A note of the seller's.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub note: Text,
    /// When it was made, in the account's time zone; absent: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_created_at: Option<LocalTime>,
    /// When it was paid, in the account's time zone; absent: when it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_paid_at: Option<LocalTime>,
    /// Its status; absent: expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_status: Option<OrderStatus>,
    /// Whether the customer has confirmed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_confirmed: Option<Confirmed>,
    /// The number of the manager who sold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_sales_manager: Option<i64>,
    /// The way of payment.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub payment_method: Text,
    /// A coupon's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon: Option<i64>,
    /// Partners' logins, with commas between: the first is of level 1.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub affiliates: Names,
    /// Mark: channel.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub utm_medium: Text,
    /// Mark: source.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub utm_source: Text,
    /// Mark: campaign.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub utm_campaign: Text,
    /// Mark: ad.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub utm_content: Text,
    /// Mark: keyword.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub utm_term: Text,
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

/// Names with commas between.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(pub Vec<Name>);

/// Prices with commas between, by position; none: the catalogue's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prices(pub Vec<Option<Price>>);

impl Names {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Prices {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Names {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names: Vec<_> = self.0.iter().map(Name::as_str).collect();
        serializer.serialize_str(&names.join(","))
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(comma_list::Names).map(Self)
    }
}

impl Serialize for Prices {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let price = |price: &Option<Price>| price.map_or_else(String::new, |price| price.sum().to_string());
        serializer.serialize_str(&self.0.iter().map(price).collect::<Vec<_>>().join(","))
    }
}

impl<'de> Deserialize<'de> for Prices {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(comma_list::Prices).map(Self)
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
}

impl Serialize for OrderStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let word = Self::WORDS.iter().find(|(_, status)| *status == self.0).map_or("", |(word, _)| *word);
        serializer.serialize_str(word)
    }
}

impl<'de> Deserialize<'de> for OrderStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let found = Self::WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text.trim()));
        found
            .map(|(_, status)| Self(*status))
            .ok_or_else(|| de::Error::custom("neither Expected nor Paid, Cancel, MoneyBack"))
    }
}

/// Whether an order is confirmed, in API 2.0's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmed(pub bool);

impl Serialize for Confirmed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0 { "Yes" } else { "No" })
    }
}

impl<'de> Deserialize<'de> for Confirmed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?.trim().to_lowercase();
        match text.as_str() {
            // The documentation prints the last with a Cyrillic letter in front (decision 34).
            "yes" | "true" | "1" | "confirmed" | "сonfirmed" => Ok(Self(true)),
            "no" | "false" | "0" => Ok(Self(false)),
            _ => Err(de::Error::custom("neither Yes, True, Confirmed nor No, False")),
        }
    }
}

impl Serialize for OrderMade {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.bill_id {
            Some(id) => serializer.collect_map([("bill_id", id)]),
            None => serializer.collect_seq(std::iter::empty::<()>()),
        }
    }
}

impl<'de> Deserialize<'de> for OrderMade {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Made {
            #[serde(with = "super::number_text")]
            bill_id: OrderId,
        }

        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = OrderMade;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an order's number, or an empty list")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<OrderMade, A::Error> {
                let made = Made::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(OrderMade { bill_id: Some(made.bill_id) })
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<OrderMade, A::Error> {
                match list.next_element::<de::IgnoredAny>()? {
                    None => Ok(OrderMade { bill_id: None }),
                    Some(_) => Err(de::Error::invalid_type(de::Unexpected::Seq, &self)),
                }
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(feature = "schema")]
mod schema {
    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    macro_rules! schema {
        ($type:ident, $schema:tt) => {
            impl JsonSchema for super::$type {
                fn schema_name() -> std::borrow::Cow<'static, str> {
                    stringify!($type).into()
                }

                fn inline_schema() -> bool {
                    true
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!($schema)
                }
            }
        };
    }

    schema!(Names, { "type": "string", "description": "names with commas between", "examples": ["oplata,sales"] });
    schema!(Prices, { "type": "string", "description": "prices with commas between, such as 100.50,,20" });
    schema!(OrderStatus, { "type": "string", "enum": ["Expected", "Paid", "Cancel", "MoneyBack"] });
    schema!(Confirmed, { "type": "string", "enum": ["Yes", "No", "True", "False", "Confirmed"] });
    schema!(OrderMade, {
        "description": "The number of the order that was made.",
        "anyOf": [
            {
                "type": "object",
                "properties": { "bill_id": { "type": "integer", "description": "Its number." } },
                "required": ["bill_id"],
            },
            { "type": "array", "maxItems": 0 },
        ],
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Form, Request};

    fn read<M: Method>(form: &str) -> Result<M, (Code, String)> {
        assert!(!Form::urlencoded(form.as_bytes()).over_limit());
        Request::read(None, form.as_bytes()).parameters::<M>()
    }

    #[test]
    fn what_clients_send_is_read() {
        let order: CreateOrder = read(
            "goods[0][good_name]=invoice&goods[0][good_sum]=1+500,50&goods[1][good_name]=sales&bill_email=anna%40example.com\
             &bill_timer_kill=0&bill_middle_name=M&bill_coupon=half&utm[utm_medium]=cpc&bill_created=1362250000&other=x",
        )
        .unwrap();
        assert_eq!(order.goods.len(), 2);
        assert_eq!(order.goods[0].good_sum.unwrap().sum().kopecks(), 150_050);
        assert_eq!(order.bill_timer_kill, Some(TimerKill::Never));
        assert_eq!((order.bill_otchestvo.as_str(), order.bill_kupon.as_str()), ("M", "half"));
        assert_eq!(order.utm.utm_medium.as_str(), "cpc");

        let order: CreateOrder2 = read(
            "product_names=a,+b,,c&product_prices=10.5,,3&order_status=moneyback&order_confirmed=%D0%A1onfirmed&order_created_at=01/30/2020+04:22:16&affiliates=bob,",
        )
        .unwrap();
        assert_eq!(order.product_names.0.iter().map(Name::as_str).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(order.product_prices.0.len(), 3);
        assert_eq!(order.order_status, Some(OrderStatus(PayStatus::Return)));
        assert_eq!(order.order_confirmed, Some(Confirmed(true)));
        assert_eq!(order.affiliates.0.len(), 1);
    }

    #[test]
    fn what_is_missing_or_wrong_has_its_code() {
        let mail = "bill_email=a@b";
        for (form, code) in [
            ("goods[0][good_name]=a".to_owned(), Code::WRONG_EMAIL),
            ("goods[0][good_name]=a&bill_email=nobody".to_owned(), Code::WRONG_EMAIL),
            (mail.to_owned(), Code::NO_GOODS),
            (format!("{mail}&goods="), Code::NO_GOODS),
            (format!("{mail}&goods[0][good_sum]=5"), Code::NO_GOODS),
            (format!("{mail}&goods[0][good_name]=a&goods[0][good_sum]=1,500"), Code::WRONG_DATA),
            (format!("{mail}&goods[0][good_name]=a&goods[0][good_sum]=-1"), Code::WRONG_DATA),
            (format!("{mail}&goods[0][good_name]=a&bill_created=yesterday"), Code::WRONG_DATA),
            (format!("{mail}&goods[0][good_name]=a&bill_timer_kill=soon"), Code::WRONG_DATA),
            (format!("{mail}&goods[0][good_name]=a&bill_comment=a%00b"), Code::WRONG_DATA),
        ] {
            assert_eq!(read::<CreateOrder>(&form).unwrap_err().0, code, "{form}");
        }
        assert_eq!(read::<CreateOrder2>("note=x").unwrap_err().0, Code::NO_GOODS);
        assert_eq!(read::<CreateOrder2>("product_names=a&product_prices=x").unwrap_err().0, Code::WRONG_DATA);
        assert_eq!(
            read::<CreateOrder2>("product_names=a&customer_email=x").unwrap_err().0,
            Code::WRONG_EMAIL
        );
    }

    #[test]
    fn an_orders_number_comes_as_an_object_or_not_at_all() {
        let made: OrderMade = serde_json::from_str(r#"{"bill_id":"258367"}"#).unwrap();
        assert_eq!(serde_json::to_string(&made).unwrap(), r#"{"bill_id":258367}"#);
        let made: OrderMade = serde_json::from_str("[]").unwrap();
        assert_eq!(serde_json::to_string(&made).unwrap(), "[]");
    }
}
