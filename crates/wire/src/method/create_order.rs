//! `CreateOrder`: an order by API 1.0 (section 4.1).

use serde::{Deserialize, Serialize, Serializer};

use super::{Access, Api, Example, Method, number_text};
use crate::{Code, Email, Name, OrderId, Price, Text, UnixTime, form::Fault, unix_time::TimeError};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
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

impl TryFrom<String> for TimerKill {
    type Error = TimeError;

    fn try_from(text: String) -> Result<Self, TimeError> {
        match text.trim().to_ascii_lowercase().as_str() {
            "0" | "false" | "off" | "no" => Ok(Self::Never),
            "1" | "true" | "on" | "yes" => Ok(Self::ByGoods),
            time => UnixTime::parse(time).map(Self::At),
        }
    }
}

schema!(TimerKill, {
    "description": "1: as the products' settings say; 0: never; else a unix time",
    "anyOf": [{ "type": "boolean" }, { "type": "integer", "minimum": 0 }],
});

/// The number of the order that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Made", into = "Made")]
pub struct OrderMade {
    /// Its number; none: the account asked for the bare `[]` (decision 34).
    pub bill_id: Option<OrderId>,
}

/// How that is told.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Made {
    Number {
        #[serde(deserialize_with = "number_text::deserialize")]
        bill_id: OrderId,
    },
    Nothing([(); 0]),
}

impl From<Made> for OrderMade {
    fn from(made: Made) -> Self {
        let Made::Number { bill_id } = made else { return Self { bill_id: None } };
        Self { bill_id: Some(bill_id) }
    }
}

impl From<OrderMade> for Made {
    fn from(made: OrderMade) -> Self {
        made.bill_id.map_or(Self::Nothing([]), |bill_id| Self::Number { bill_id })
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Form, Request};

    fn read(form: &str) -> Result<CreateOrder, (Code, String)> {
        assert!(!Form::urlencoded(form.as_bytes()).over_limit());
        Request::read(None, form.as_bytes()).parameters()
    }

    #[test]
    fn what_clients_send_is_read() {
        let order = read(
            "goods[0][good_name]=invoice&goods[0][good_sum]=1+500,50&goods[1][good_name]=sales&bill_email=anna%40example.com\
             &bill_timer_kill=0&bill_middle_name=M&bill_coupon=half&utm[utm_medium]=cpc&bill_created=1362250000&other=x",
        )
        .unwrap();
        assert_eq!(order.goods.len(), 2);
        assert_eq!(order.goods[0].good_sum.unwrap().sum().kopecks(), 150_050);
        assert_eq!(order.bill_timer_kill, Some(TimerKill::Never));
        assert_eq!((order.bill_otchestvo.as_str(), order.bill_kupon.as_str()), ("M", "half"));
        assert_eq!(order.utm.utm_medium.as_str(), "cpc");
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
            assert_eq!(read(&form).unwrap_err().0, code, "{form}");
        }
    }

    #[test]
    fn an_orders_number_comes_as_an_object_or_not_at_all() {
        let made: OrderMade = serde_json::from_str(r#"{"bill_id":"258367"}"#).unwrap();
        assert_eq!(serde_json::to_string(&made).unwrap(), r#"{"bill_id":258367}"#);
        let made: OrderMade = serde_json::from_str("[]").unwrap();
        assert_eq!(serde_json::to_string(&made).unwrap(), "[]");
    }
}
