//! `GetPartnerStats`: what a partner has brought and earned (section 8.1).

use serde::{Deserialize, Serialize};

use super::{Access, Api, Example, Method};
use crate::{Code, Day, Name, unix_time::iso_day};

/// What a partner has brought and earned (section 8.1, decision 33).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetPartnerStats {
    /// The partner's login.
    #[cfg_attr(feature = "schema", schemars(example = &"partner"))]
    pub partner: Name,
    /// The first day, in the account's time zone; absent: since the beginning.
    #[serde(default, with = "iso_day", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<iso_day::IsoDay>"))]
    pub date_from: Option<Day>,
    /// The last day; absent: until now.
    #[serde(default, with = "iso_day", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<iso_day::IsoDay>"))]
    pub date_to: Option<Day>,
}

impl Method for GetPartnerStats {
    const NAME: &'static str = "GetPartnerStats";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::Read;
    const REFUSALS: &'static [Code] = &[];
    const EXAMPLE: Example = &[("partner", "partner")];
    type Answer = PartnerStats;
}

/// A partner's numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PartnerStats {
    /// The money that the partner has earned, with two decimals.
    pub earned_total: String,
    /// The part of it that is still to be paid, with two decimals.
    pub topay_total: String,
    /// Visits that the partner has brought; 0 until visits are counted.
    pub clicks_total: u64,
    /// Contacts that the partner has brought.
    pub leads_total: u64,
    /// Payments of the partner's customers.
    pub bills_total: u64,
    /// Partners that the partner has brought.
    pub partners_total: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Request, loose};

    fn read(form: &str) -> Result<GetPartnerStats, (Code, String)> {
        Request::read(None, form.as_bytes()).parameters()
    }

    #[test]
    fn days_are_written_with_the_year_first() {
        let call = read("partner=bob&date_from=2020-02-01&date_to=").unwrap();
        assert_eq!(call.date_from, Some(Day::parse("01.02.2020").unwrap()));
        assert_eq!(call.date_to, None);
        assert_eq!(serde_json::to_string(&call).unwrap(), r#"{"partner":"bob","date_from":"2020-02-01"}"#);
        for form in ["date_from=2020-02-01", "partner=", "partner=bob&date_to=2020-02-30"] {
            assert_eq!(read(form).unwrap_err().0, Code::WRONG_DATA, "{form}");
        }
    }

    #[test]
    fn answers_of_other_servers_are_read() {
        let text = r#"{"earned_total":1200,"topay_total":null,"clicks_total":"41","leads_total":null,"bills_total":3,"partners_total":""}"#;
        let stats: PartnerStats = loose::from_str(text).unwrap();
        let counts = [stats.clicks_total, stats.leads_total, stats.bills_total, stats.partners_total];
        assert_eq!((&*stats.earned_total, counts), ("1200", [41, 0, 3, 0]));
    }
}
