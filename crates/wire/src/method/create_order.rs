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
    pub bill_first_name: Option<Text>,
    /// Surname; needed for physical products.
    pub bill_surname: Option<Text>,
    /// Patronymic or middle name; `bill_middle_name` too (decision 11).
    #[serde(alias = "bill_middle_name")]
    pub bill_otchestvo: Option<Text>,
    /// Phone.
    pub bill_phone: Option<Text>,
    /// Delivery: country; needed for physical products.
    pub bill_country: Option<Text>,
    /// Delivery: region.
    pub bill_region: Option<Text>,
    /// Delivery: city; needed for physical products.
    pub bill_city: Option<Text>,
    /// Delivery: address; needed for physical products.
    pub bill_address: Option<Text>,
    /// Delivery: postal code.
    pub bill_postal_code: Option<Text>,
    /// A coupon's code; `bill_coupon` too (decision 11).
    #[serde(alias = "bill_coupon")]
    pub bill_kupon: Option<Text>,
    /// A free tag.
    pub bill_tag: Option<Text>,
    /// A comment.
    pub bill_comment: Option<Text>,
    /// The customer's IP address.
    pub bill_ip: Option<Text>,
    /// Whether and when the order cancels itself; absent: never, unless the account's `timer_kill_default` says otherwise.
    pub bill_timer_kill: Option<TimerKill>,
    /// When it was made; absent or 0: now.
    pub bill_created: Option<UnixTime>,
    /// The domain that takes the order, as `host` or `host:port`: `link` becomes a URL of it (decision 47).
    pub bill_domain: Option<Text>,
    /// UTM tags.
    #[serde(default)]
    pub utm: UtmMarks,
    /// Legacy: the partner's number.
    pub bill_aff: Option<Text>,
    /// Legacy: the partner's login.
    pub bill_aff_name: Option<Text>,
    /// Legacy: the second-level partner's number.
    pub bill_paff: Option<Text>,
    /// Legacy: the second-level partner's login.
    pub bill_paff_name: Option<Text>,
    /// Legacy: the ad label's number.
    pub bill_ad_id: Option<Text>,
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

/// A product of a new order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OrderedGood {
    /// Its symbolic name.
    pub good_name: Name,
    /// Its price in this order; absent: the catalogue's.
    pub good_sum: Option<Price>,
}

/// An order's UTM tags (section 4.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UtmMarks {
    /// Channel; with `affiliate`, `utm_source` is a partner's login.
    pub utm_medium: Option<Text>,
    /// Source.
    pub utm_source: Option<Text>,
    /// Campaign.
    pub utm_campaign: Option<Text>,
    /// Ad.
    pub utm_content: Option<Text>,
    /// Keyword.
    pub utm_term: Option<Text>,
    /// Affiliate's mark: channel.
    pub aff_medium: Option<Text>,
    /// Affiliate's mark: source.
    pub aff_source: Option<Text>,
    /// Affiliate's mark: campaign.
    pub aff_campaign: Option<Text>,
    /// Affiliate's mark: ad.
    pub aff_content: Option<Text>,
    /// Affiliate's mark: keyword.
    pub aff_term: Option<Text>,
}

/// When an unpaid order cancels itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum TimerKill {
    /// Never.
    Never,
    /// After its products' timers.
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

/// The number of the new order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Made", into = "Made")]
pub struct OrderMade {
    /// Its number; `None`: the account's setting asks for the bare `[]` (decision 34).
    pub bill_id: Option<OrderId>,
}

/// The answer's JSON.
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
        let texts = [order.bill_otchestvo, order.bill_kupon, order.utm.utm_medium];
        assert_eq!(texts, ["M", "half", "cpc"].map(|text| Some(Text::new(text).unwrap())));
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
