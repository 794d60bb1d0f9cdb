//! The methods that change the catalogue (sections 6.2 to 6.4).

use serde::{Deserialize, Deserializer, Serialize, de};

use super::{Access, Api, Example, GoodType, Method, Nothing};
use crate::{Code, GoodId, Name, Percent, Price, Text};

/// The unit of a product's payment deadline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum TimerUnit {
    /// Minutes.
    Min,
    /// Hours.
    #[default]
    Hour,
    /// Days.
    Day,
}

impl TimerUnit {
    /// Every unit.
    pub const ALL: [Self; 3] = [Self::Min, Self::Hour, Self::Day];

    /// The protocol's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Min => "min",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// The unit that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.as_str() == word)
    }

    /// Its length in seconds.
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Min => 60,
            Self::Hour => 3600,
            Self::Day => 86_400,
        }
    }
}

/// What AddGood and UpdateGood take. What is not sent is not changed. An empty value is one that was not sent (decision 45), but for
/// UpdateGood's free texts. Those of [`GoodFields::ONLY_KEPT`] change nothing that Billhook does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub struct GoodFields {
    /// The symbolic name, unique in the account.
    pub good_name: Name,
    /// `1` or `real`: physical; `0` or `digital`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_type: Option<GoodType>,
    /// The title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_title: Option<Text>,
    /// The price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_sum: Option<Price>,
    /// The number of an existing category; 0: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<i64>,
    /// The URL that is told of a paid order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_api_url_notif: Option<Text>,
    /// The URL that is told of a new order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_api_url_new_order: Option<Text>,
    /// The page after a payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_success_link: Option<Text>,
    /// Groups that buyers are put in, with commas between; `good_client_mailings` too.
    #[serde(default, alias = "good_client_mailings", skip_serializing_if = "Option::is_none")]
    pub good_client_rassilki: Option<Text>,
    /// Physical products: sent cash on delivery at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_nalozh_only: Option<bool>,
    /// The article in the QuickPost service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_quickpost_article: Option<Text>,
    /// `none` or `quickpost`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_post_service: Option<Text>,
    /// The countries that it is sold to, by their ids with commas between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_only_countries: Option<Text>,
    /// The download link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_download: Option<Text>,
    /// The subject of the letter after payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_mail_subject: Option<Text>,
    /// `html` or `text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_mail_format: Option<Text>,
    /// The letter in HTML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_mail_body: Option<Text>,
    /// The letter as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_mail_text: Option<Text>,
    /// The fee of a partner of level 1: a sum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_partner_fee: Option<Price>,
    /// The fee of a partner of level 1: a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_partner_fee_perc: Option<Percent>,
    /// The fee of a partner of level 2: a sum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_partner_pfee: Option<Price>,
    /// The fee of a partner of level 2: a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_partner_pfee_perc: Option<Percent>,
    /// Shown among the partners' materials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_partner_show: Option<bool>,
    /// The sales letter.
    #[serde(default, rename = "good_partner_SL_link", skip_serializing_if = "Option::is_none")]
    pub good_partner_sl_link: Option<Text>,
    /// More material for partners.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_partner_addition_link: Option<Text>,
    /// A note for partners.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_partner_text: Option<Text>,
    /// The order page's text, in HTML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_pay_text: Option<Text>,
    /// Whether there is a deadline for payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_timer: Option<bool>,
    /// The deadline's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_timer_unit: Option<TimerUnit>,
    /// The deadline's number of units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_timer_duration: Option<u32>,
    /// A short link for the order page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_use_short: Option<bool>,
    /// What it costs the seller: a sum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_rashod: Option<Price>,
    /// What it costs the seller: a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_rashod_perc: Option<Percent>,
    /// Shown in the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_publish: Option<bool>,
}

impl GoodFields {
    /// The parameters that are kept and given back, and acted upon by nothing: whatever describes them says so.
    pub const ONLY_KEPT: [&'static str; 22] = [
        "parent_id",
        "good_publish",
        "good_use_short",
        "good_nalozh_only",
        "good_post_service",
        "good_quickpost_article",
        "good_only_countries",
        "good_rashod",
        "good_rashod_perc",
        "good_partner_show",
        "good_partner_SL_link",
        "good_partner_addition_link",
        "good_partner_text",
        "good_api_url_notif",
        "good_api_url_new_order",
        "good_success_link",
        "good_client_rassilki",
        "good_download",
        "good_mail_subject",
        "good_mail_format",
        "good_mail_body",
        "good_mail_text",
    ];

    /// A product's name, and nothing else.
    pub fn named(good_name: Name) -> Self {
        Self {
            good_name,
            good_type: None,
            good_title: None,
            good_sum: None,
            parent_id: None,
            good_api_url_notif: None,
            good_api_url_new_order: None,
            good_success_link: None,
            good_client_rassilki: None,
            good_nalozh_only: None,
            good_quickpost_article: None,
            good_post_service: None,
            good_only_countries: None,
            good_download: None,
            good_mail_subject: None,
            good_mail_format: None,
            good_mail_body: None,
            good_mail_text: None,
            good_partner_fee: None,
            good_partner_fee_perc: None,
            good_partner_pfee: None,
            good_partner_pfee_perc: None,
            good_partner_show: None,
            good_partner_sl_link: None,
            good_partner_addition_link: None,
            good_partner_text: None,
            good_pay_text: None,
            good_timer: None,
            good_timer_unit: None,
            good_timer_duration: None,
            good_use_short: None,
            good_rashod: None,
            good_rashod_perc: None,
            good_publish: None,
        }
    }

    /// The free texts, by their names on the wire.
    pub fn texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("good_api_url_notif", &self.good_api_url_notif),
            ("good_api_url_new_order", &self.good_api_url_new_order),
            ("good_success_link", &self.good_success_link),
            ("good_client_rassilki", &self.good_client_rassilki),
            ("good_quickpost_article", &self.good_quickpost_article),
            ("good_post_service", &self.good_post_service),
            ("good_only_countries", &self.good_only_countries),
            ("good_download", &self.good_download),
            ("good_mail_subject", &self.good_mail_subject),
            ("good_mail_format", &self.good_mail_format),
            ("good_mail_body", &self.good_mail_body),
            ("good_mail_text", &self.good_mail_text),
            ("good_partner_SL_link", &self.good_partner_sl_link),
            ("good_partner_addition_link", &self.good_partner_addition_link),
            ("good_partner_text", &self.good_partner_text),
            ("good_pay_text", &self.good_pay_text),
        ]
        .into_iter()
        .filter_map(|(name, text)| Some((name, text.as_ref()?.as_str())))
    }
}

/// Adds a product (section 6.2, decision 32).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("required" = ["good_name", "good_type", "good_title", "good_sum"])))]
pub struct AddGood(pub GoodFields);

impl<'de> Deserialize<'de> for AddGood {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let good = GoodFields::deserialize(deserializer)?;
        let required = [
            ("good_type", good.good_type.is_some()),
            ("good_title", good.good_title.is_some()),
            ("good_sum", good.good_sum.is_some()),
        ];
        match required.into_iter().find(|(_, is_there)| !is_there) {
            Some((name, _)) => Err(de::Error::missing_field(name)),
            None => Ok(Self(good)),
        }
    }
}

impl Method for AddGood {
    const NAME: &'static str = "AddGood";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::Write;
    const REFUSALS: &'static [Code] = &[];
    const EXAMPLE: Example = &[
        ("good_name", "course"),
        ("good_type", "digital"),
        ("good_title", "Course"),
        ("good_sum", "3900.00"),
    ];
    type Answer = GoodAdded;
}

/// The number of the product that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GoodAdded {
    /// Its numeric code.
    pub good_id: GoodId,
}

/// Changes a product (section 6.3, decision 32). What is not sent stays; a free text that is sent empty is cleared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UpdateGood(pub GoodFields);

impl Method for UpdateGood {
    const NAME: &'static str = "UpdateGood";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::Write;
    const REFUSALS: &'static [Code] = &[Code::NO_GOOD];
    /// The texts that are neither a title nor one of a few words.
    const MAY_BE_EMPTY: &'static [&'static str] = &[
        "good_api_url_notif",
        "good_api_url_new_order",
        "good_success_link",
        "good_client_rassilki",
        "good_client_mailings",
        "good_quickpost_article",
        "good_only_countries",
        "good_download",
        "good_mail_subject",
        "good_mail_body",
        "good_mail_text",
        "good_partner_SL_link",
        "good_partner_addition_link",
        "good_partner_text",
        "good_pay_text",
    ];
    const EXAMPLE: Example = &[("good_name", "oplata"), ("good_sum", "4500.00")];
    type Answer = Nothing;
}

/// Takes a product out of the catalogue (section 6.4, decision 32); old orders keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeleteGood {
    /// Its symbolic name.
    pub good_name: Name,
}

impl Method for DeleteGood {
    const NAME: &'static str = "DeleteGood";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::Write;
    const REFUSALS: &'static [Code] = &[Code::NO_GOOD];
    const EXAMPLE: Example = &[("good_name", "222")];
    type Answer = Nothing;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Request;

    #[test]
    fn a_product_is_read_with_what_it_must_have() {
        let form = "good_name=course&good_type=real&good_title=T&good_sum=100&good_client_mailings=a,+b\
                    &good_timer=1&good_timer_unit=day&good_timer_duration=3&good_partner_SL_link=http://x&good_partner_fee_perc=12.5";
        let AddGood(good) = Request::read(None, form.as_bytes()).parameters().unwrap();
        assert_eq!(good.good_type, Some(GoodType::Physical));
        assert_eq!(good.good_timer_unit, Some(TimerUnit::Day));
        assert_eq!(
            good.texts().collect::<Vec<_>>(),
            [("good_client_rassilki", "a, b"), ("good_partner_SL_link", "http://x")]
        );
        for (form, field) in [
            ("good_type=1&good_title=T&good_sum=1", "good_name"),
            ("good_name=a&good_title=T&good_sum=1", "good_type"),
            ("good_name=a&good_type=1&good_sum=1", "good_title"),
            ("good_name=a&good_type=1&good_title=T", "good_sum"),
            ("good_name=a&good_type=2&good_title=T&good_sum=1", "good_type"),
            (
                "good_name=a&good_type=1&good_title=T&good_sum=1&good_partner_fee_perc=101",
                "good_partner_fee_perc",
            ),
        ] {
            let refused = Request::read(None, form.as_bytes()).parameters::<AddGood>().unwrap_err();
            assert_eq!(refused, (Code::WRONG_DATA, field.to_owned()), "{form}");
        }
        let UpdateGood(good) = Request::read(None, b"good_name=a&good_title=").parameters().unwrap();
        assert_eq!(good, GoodFields::named(Name::new("a").unwrap()));
        let UpdateGood(good) = Request::read(None, b"good_name=a&good_download=").parameters().unwrap();
        assert_eq!(good.good_download, Some(Text::default()));
    }
}
