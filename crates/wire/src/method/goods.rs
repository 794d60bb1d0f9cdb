//! The methods that list the catalogue (sections 6.1 and 9.6).

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Access, Api, Example, Limit, Method, number_text, page};
use crate::{Code, GoodId, Money, Text};

/// The whole catalogue (section 6.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetAllGoods {
    /// At most this many products, by number. The headers `Billhook-Next` and `Billhook-Total` tell the rest.
    pub limit: Option<Limit>,
    /// Only products with a higher number than this one. Without `limit`: at most 10,000.
    pub after: Option<i64>,
}

impl Method for GetAllGoods {
    const NAME: &'static str = "GetAllGoods";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::Read;
    const REFUSALS: &'static [Code] = &[Code::EMPTY_CATALOGUE];
    const EXAMPLE: Example = &[];
    type Answer = Vec<GoodInfo>;

    fn access(&self) -> Access {
        page::access(self.limit, self.after)
    }
}

/// A product of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GoodInfo {
    /// Its numeric code.
    #[serde(with = "number_text")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub good_id: GoodId,
    /// Its symbolic name.
    pub good_name: String,
    /// Its title.
    pub good_title: String,
    /// Its price.
    pub good_sum: Money,
    /// What kind of product it is: `1` physical, `0` digital, empty: with a floating price.
    pub good_type: GoodType,
}

/// The whole catalogue in API 2.0 (section 9.6).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetGoods {}

impl Method for GetGoods {
    const NAME: &'static str = "getgoods";
    const API: Api = Api::Keyed;
    const ACCESS: Access = Access::ReadOne;
    const REFUSALS: &'static [Code] = &[];
    const EXAMPLE: Example = &[];
    type Answer = Vec<GoodName>;
}

/// A product's names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GoodName {
    /// Its numeric code.
    pub id: GoodId,
    /// Its symbolic name.
    pub good_name: String,
    /// Its title.
    pub good_title: String,
}

/// What kind of product it is (sections 6.1 and 6.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum GoodType {
    /// Nothing is posted.
    #[default]
    Digital,
    /// It is posted: an order needs a name and an address.
    Physical,
    /// The customer chooses the price.
    Floating,
}

impl GoodType {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Digital, Self::Physical, Self::Floating];

    /// The protocol's word in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Digital => "0",
            Self::Physical => "1",
            Self::Floating => "",
        }
    }

    /// Parses a parameter: `1`, `real`, `physical`; `0`, `digital`; `floating`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "1" | "real" | "physical" => Some(Self::Physical),
            "0" | "digital" => Some(Self::Digital),
            "" | "floating" => Some(Self::Floating),
            _ => None,
        }
    }
}

impl Serialize for GoodType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for GoodType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        Self::parse(text.as_str()).ok_or_else(|| de::Error::custom("neither 1, real nor 0, digital"))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for GoodType {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "GoodType".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        if generator.contract().is_serialize() {
            schemars::json_schema!({ "type": "string", "enum": Self::ALL.map(Self::as_str) })
        } else {
            schemars::json_schema!({ "type": "string", "enum": ["digital", "real", "physical", "floating", "0", "1"] })
        }
    }
}
