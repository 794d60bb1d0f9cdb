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

    /// The unit with this word.
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

/// Makes [`GoodFields`] of its fields beside the name. Of those that are a `text`, UpdateGood clears one that is sent `empty`. What is `kept`
/// is given back, and acted upon by nothing: whatever describes it says so.
macro_rules! good_fields {
    (@name $field:ident $flag:ident) => { stringify!($field) };
    ($($(#[$attribute:meta])+ $field:ident: $type:ty $(as $text:ident $(or $empty:ident)?)? $(, $kept:ident)?;)+) => {
        /// What AddGood and UpdateGood take. What is not sent is not changed. An empty value is one that was not sent (decision 45), but
        /// for UpdateGood's free texts. Those of [`GoodFields::ONLY_KEPT`] change nothing that Billhook does.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
        #[expect(non_snake_case, reason = "one name on the wire has capitals")]
        pub struct GoodFields {
            /// The symbolic name, unique in the account.
            pub good_name: Name,
            $($(#[$attribute])+ pub $field: Option<$type>,)+
        }

        impl GoodFields {
            /// Every parameter beside the name.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($field)),+];
            /// The parameters that are kept and given back, and acted upon by nothing.
            pub const ONLY_KEPT: &'static [&'static str] = &[$($(good_fields!(@name $field $kept),)?)+];
            /// The texts beside the title.
            pub const TEXTS: &'static [&'static str] = &[$($(good_fields!(@name $field $text),)?)+];
            const MAY_BE_EMPTY: &'static [&'static str] =
                &["good_client_mailings", $($($(good_fields!(@name $field $empty),)?)?)+];

            /// A product with only a name.
            pub fn named(good_name: Name) -> Self {
                Self { good_name, $($field: None),+ }
            }

            /// What is said of the [`TEXTS`](Self::TEXTS).
            pub fn texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
                let texts = [$($((good_fields!(@name $field $text), &self.$field),)?)+];
                texts.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?.as_str())))
            }
        }
    };
}

good_fields! {
    /// `1` or `real`: physical; `0` or `digital`.
    good_type: GoodType;
    /// The title.
    good_title: Text;
    /// The price.
    good_sum: Price;
    /// The number of an existing category; 0: none.
    parent_id: i64, kept;
    /// The URL to call when an order is paid.
    good_api_url_notif: Text as text or empty;
    /// The URL to call for a new order.
    good_api_url_new_order: Text as text or empty;
    /// The page after a payment.
    good_success_link: Text as text or empty, kept;
    /// Groups that buyers are added to, separated by commas; missing ones are made. `good_client_mailings` too.
    #[serde(alias = "good_client_mailings")]
    good_client_rassilki: Text as text or empty;
    /// Physical products: sent cash on delivery at once.
    good_nalozh_only: bool, kept;
    /// The article in the QuickPost service.
    good_quickpost_article: Text as text or empty, kept;
    /// `none` or `quickpost`.
    good_post_service: Text as text, kept;
    /// The countries that it is sold to: ids, separated by commas.
    good_only_countries: Text as text or empty, kept;
    /// The download link.
    good_download: Text as text or empty, kept;
    /// The subject of the e-mail after payment.
    good_mail_subject: Text as text or empty, kept;
    /// `html` or `text`.
    good_mail_format: Text as text, kept;
    /// The e-mail in HTML.
    good_mail_body: Text as text or empty, kept;
    /// The e-mail as text.
    good_mail_text: Text as text or empty, kept;
    /// The fee of a partner of level 1: a sum.
    good_partner_fee: Price;
    /// The fee of a partner of level 1: a percentage.
    good_partner_fee_perc: Percent;
    /// The fee of a partner of level 2: a sum.
    good_partner_pfee: Price;
    /// The fee of a partner of level 2: a percentage.
    good_partner_pfee_perc: Percent;
    /// Shown among the partners' materials.
    good_partner_show: bool, kept;
    /// The sales letter.
    good_partner_SL_link: Text as text or empty, kept;
    /// More material for partners.
    good_partner_addition_link: Text as text or empty, kept;
    /// A note for partners.
    good_partner_text: Text as text or empty, kept;
    /// The order page's text, in HTML.
    good_pay_text: Text as text or empty;
    /// Whether there is a deadline for payment.
    good_timer: bool;
    /// The deadline's unit.
    good_timer_unit: TimerUnit;
    /// The deadline's number of units.
    good_timer_duration: u32;
    /// A short link for the order page.
    good_use_short: bool, kept;
    /// The seller's costs: a sum.
    good_rashod: Price, kept;
    /// The seller's costs: a percentage.
    good_rashod_perc: Percent, kept;
    /// Shown in the catalogue.
    good_publish: bool, kept;
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

/// The number of the added product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GoodAdded {
    /// Its numeric code.
    pub good_id: GoodId,
}

/// Changes a product (section 6.3, decision 32). Parameters that are not sent keep their value; a free text
/// that is sent empty is cleared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UpdateGood(pub GoodFields);

impl Method for UpdateGood {
    const NAME: &'static str = "UpdateGood";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::Write;
    const REFUSALS: &'static [Code] = &[Code::NO_GOOD];
    const MAY_BE_EMPTY: &'static [&'static str] = GoodFields::MAY_BE_EMPTY;
    const EXAMPLE: Example = &[("good_name", "oplata"), ("good_sum", "4500.00")];
    type Answer = Nothing;
}

/// Deletes a product from the catalogue (section 6.4, decision 32); its orders keep it.
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
