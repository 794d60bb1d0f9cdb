//! The methods that change contacts and their tags (sections 7.2 and 9.1 to 9.3).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Access, Api, Example, Method, Names, Nothing, comma_list};
use crate::{Code, Email, Text, form::Fault};

/// Changes what is sent of a contact (section 7.2, decision 27).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UpdateSubscriberData {
    /// The contact's e-mail.
    pub lead_email: Email,
    /// Name.
    pub lead_name: Option<Text>,
    /// Phone.
    pub lead_phone: Option<Text>,
    /// City.
    pub lead_city: Option<Text>,
    /// Tags to add, separated by commas.
    pub lead_tags: Option<Names>,
}

impl Method for UpdateSubscriberData {
    const NAME: &'static str = "UpdateSubscriberData";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::Write;
    const REFUSALS: &'static [Code] = &[Code::NO_EMAIL, Code::NO_SUBSCRIBER];
    const EXAMPLE: Example = &[("lead_email", "anna@example.com"), ("lead_city", "Moscow")];
    type Answer = Nothing;

    fn refuse(field: &str, fault: Fault) -> Code {
        match (field, fault) {
            ("lead_email", Fault::Missing) => Code::NO_EMAIL,
            ("lead_email", Fault::Wrong) => Code::NO_SUBSCRIBER,
            _ => Code::WRONG_DATA,
        }
    }
}

/// Changes the contact with this e-mail, or makes one (section 9.1, decision 35).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddUpdateLead {
    /// The contact's e-mail; absent: a new contact without one.
    pub lead_email: Option<Email>,
    /// The names of groups to join, separated by commas.
    pub add_to_lists: Option<Names>,
    /// The names of groups to leave, separated by commas.
    pub remove_from_lists: Option<Names>,
    /// Tags to add, separated by commas.
    pub add_tags: Option<Names>,
    /// Tags to take away, separated by commas.
    pub remove_tags: Option<Names>,
    /// First name.
    pub lead_first_name: Option<Text>,
    /// Middle name.
    pub lead_middle_name: Option<Text>,
    /// Surname.
    pub lead_last_name: Option<Text>,
    /// Phone.
    pub lead_phone: Option<Text>,
    /// The contact's time zone.
    pub lead_utc: Option<UtcOffset>,
    /// A note.
    pub lead_description: Option<Text>,
    /// The number of the contact's manager.
    pub lead_personal_manager: Option<i64>,
    /// Delivery: address.
    pub lead_shipping_address_1: Option<Text>,
    /// Delivery: second line of the address.
    pub lead_shipping_address_2: Option<Text>,
    /// Delivery: city.
    pub lead_shipping_city: Option<Text>,
    /// Delivery: state or region.
    pub lead_shipping_state: Option<Text>,
    /// Delivery: postal code.
    pub lead_shipping_zip: Option<Text>,
    /// Delivery: the country's ISO code, stored as its name.
    pub lead_shipping_country_code: Option<Text>,
    /// Billing: address.
    pub lead_billing_address_1: Option<Text>,
    /// Billing: second line of the address.
    pub lead_billing_address_2: Option<Text>,
    /// Billing: city.
    pub lead_billing_city: Option<Text>,
    /// Billing: state or region.
    pub lead_billing_state: Option<Text>,
    /// Billing: postal code.
    pub lead_billing_zip: Option<Text>,
    /// Billing: the country's ISO code, stored as its name.
    pub lead_billing_country_code: Option<Text>,
    /// Facebook.
    pub lead_facebook: Option<Text>,
    /// Instagram; `@name` becomes a link.
    pub lead_instagram: Option<Text>,
    /// WhatsApp.
    pub lead_whatsapp: Option<Text>,
    /// Telegram; `@name` becomes a link.
    pub lead_telegram: Option<Text>,
    /// Viber.
    pub lead_viber: Option<Text>,
    /// VKontakte.
    pub lead_vkontakte: Option<Text>,
    /// LinkedIn.
    pub lead_in: Option<Text>,
}

impl Method for AddUpdateLead {
    const NAME: &'static str = "addupdatelead";
    const API: Api = Api::Keyed;
    const ACCESS: Access = Access::Write;
    const REFUSALS: &'static [Code] = &[Code::WRONG_GROUP, Code::GROUP_FORBIDDEN, Code::NO_GROUP];
    const EXAMPLE: Example = &[
        ("lead_email", "anna@example.com"),
        ("lead_first_name", "Anna"),
        ("add_to_lists", "news"),
        ("add_tags", "vip"),
    ];
    type Answer = Nothing;
}

/// Adds tags to a contact (section 9.2, decision 35).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddTagToLead {
    /// The contact's e-mail.
    pub lead_email: Email,
    /// The tags, separated by commas; `tag_name` too.
    #[serde(alias = "tag_name", deserialize_with = "comma_list::not_empty")]
    pub add_tags: Names,
}

impl Method for AddTagToLead {
    const NAME: &'static str = "addtagtolead";
    const API: Api = Api::Keyed;
    const ACCESS: Access = Access::Write;
    const REFUSALS: &'static [Code] = &[Code::NO_SUBSCRIBER];
    const EXAMPLE: Example = &[("lead_email", "anna@example.com"), ("add_tags", "vip")];
    type Answer = Nothing;

    fn refuse(field: &str, _: Fault) -> Code {
        of_contact(field)
    }
}

/// Takes tags away from a contact (section 9.3, decision 35).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RemoveTagFromLead {
    /// The contact's e-mail.
    pub lead_email: Email,
    /// The tags, separated by commas; `add_tags` too, as the service's own sample sends it.
    #[serde(alias = "add_tags", deserialize_with = "comma_list::not_empty")]
    pub remove_tags: Names,
}

impl Method for RemoveTagFromLead {
    const NAME: &'static str = "removetagfromlead";
    const API: Api = Api::Keyed;
    const ACCESS: Access = Access::Write;
    const REFUSALS: &'static [Code] = &[Code::NO_SUBSCRIBER];
    const EXAMPLE: Example = &[("lead_email", "anna@example.com"), ("remove_tags", "vip")];
    type Answer = Nothing;

    fn refuse(field: &str, _: Fault) -> Code {
        of_contact(field)
    }
}

fn of_contact(field: &str) -> Code {
    if field == "lead_email" { Code::NO_SUBSCRIBER } else { Code::WRONG_DATA }
}

/// A time zone: minutes east of UTC, from -12:00 to +14:00.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcOffset(pub i32);

/// Why a text is not a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time zone is +03, -1 or UTC +05:30, from -12:00 to +14:00")]
pub struct OffsetError;

impl UtcOffset {
    /// Parses `UTC + 03`, `UTC+3`, `+03`, `-01`, `3`, `-1` and `+05:30`.
    pub fn parse(text: &str) -> Result<Self, OffsetError> {
        Self::read(text).ok_or(OffsetError)
    }

    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = match text.get(..3) {
            Some(word) if word.eq_ignore_ascii_case("UTC") => text.get(3..)?.trim_start(),
            _ => text,
        };
        // A form's `+` that was not encoded is a space by now.
        let (is_west, time) = match text.strip_prefix('-') {
            Some(time) => (true, time),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (hours, minutes) = time.trim_start().split_once(':').unwrap_or((time.trim_start(), "00"));
        let minutes = digits(minutes).filter(|number| *number < 60 && minutes.len() == 2)?;
        let minutes = digits(hours)? * 60 + minutes;
        let east = if is_west { -minutes } else { minutes };
        (-12 * 60..=14 * 60).contains(&east).then_some(Self(east))
    }
}

/// A number of one or two digits.
fn digits(text: &str) -> Option<i32> {
    let fits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, minutes) = (if self.0 < 0 { '-' } else { '+' }, self.0.unsigned_abs());
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

travels_as_text!(UtcOffset, |offset| offset, Self::parse);
schema!(UtcOffset, { "type": "string", "examples": ["+03:00", "UTC + 03", "-1"] });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Request;

    fn read<M: Method>(form: &str) -> Result<M, (Code, String)> {
        Request::read(None, form.as_bytes()).parameters()
    }

    fn shown(names: Option<Names>) -> Vec<String> {
        names.unwrap_or_default().0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn time_zones_come_in_many_forms() {
        for (text, is) in [
            ("UTC + 03", "+03:00"),
            ("UTC+3", "+03:00"),
            ("utc 3", "+03:00"),
            (" 03", "+03:00"),
            ("+03", "+03:00"),
            ("-01", "-01:00"),
            ("3", "+03:00"),
            ("-1", "-01:00"),
            ("UTC - 3:30", "-03:30"),
            ("+05:30", "+05:30"),
            ("0", "+00:00"),
            ("-12", "-12:00"),
            ("+14:00", "+14:00"),
        ] {
            let offset = UtcOffset::parse(text).unwrap();
            assert_eq!(offset.to_string(), is, "{text}");
            assert_eq!(UtcOffset::parse(is), Ok(offset));
        }
        for text in [
            "", "UTC", "+", "x", "003", "+-3", "15", "-12:01", "14:01", "3:60", "3:5", "3:", ":30", "3,5",
            "ЮТ3",
        ] {
            assert_eq!(UtcOffset::parse(text), Err(OffsetError), "{text}");
        }
        assert_eq!(serde_json::to_string(&UtcOffset(-90)).unwrap(), "\"-01:30\"");
    }

    #[test]
    fn what_clients_send_is_read() {
        let lead: AddUpdateLead = read(
            "lead_email=A@b&add_to_lists=a,%0A+b&remove_from_lists=&add_tags[]=vip&add_tags[]=new&lead_utc=UTC+%2B+03\
             &lead_personal_manager=&lead_phone=&lead_in=me&lead_custom=x&rid[0]=x",
        )
        .unwrap();
        assert_eq!((shown(lead.add_to_lists), shown(lead.add_tags)).0, ["a", "b"]);
        assert_eq!((lead.remove_from_lists, lead.lead_personal_manager, lead.lead_phone), (None, None, None));
        assert_eq!(lead.lead_utc, Some(UtcOffset(180)));
        let data: UpdateSubscriberData =
            read("rid[0]=x&lead_email=a@b&email=c&lead_name=&lead_tags=a,%0D%0Ab").unwrap();
        assert_eq!((data.lead_name, shown(data.lead_tags)), (None, vec!["a".to_owned(), "b".to_owned()]));
        for form in ["add_tags=a,b", "tag_name=a,b", "tag_name[]=a&tag_name[]=b"] {
            let call: AddTagToLead = read(&format!("lead_email=a@b&{form}")).unwrap();
            assert_eq!(shown(Some(call.add_tags)), ["a", "b"], "{form}");
        }
        for form in ["remove_tags=a,b", "add_tags=a,%0A+b"] {
            let call: RemoveTagFromLead = read(&format!("lead_email=a@b&{form}")).unwrap();
            assert_eq!(shown(Some(call.remove_tags)), ["a", "b"], "{form}");
        }
    }

    #[test]
    fn what_is_missing_or_wrong_has_its_code() {
        for (form, code) in [
            ("lead_name=x", Code::NO_EMAIL),
            ("lead_email=", Code::NO_EMAIL),
            ("lead_email=x", Code::NO_SUBSCRIBER),
            ("lead_email=a@b&lead_city=%00", Code::WRONG_DATA),
        ] {
            assert_eq!(read::<UpdateSubscriberData>(form).unwrap_err().0, code, "{form}");
        }
        for form in ["lead_email=x", "lead_utc=soon", "lead_personal_manager=bob", "add_tags[][]=a"] {
            assert_eq!(read::<AddUpdateLead>(form).unwrap_err().0, Code::WRONG_DATA, "{form}");
        }
        for (form, code) in [
            ("add_tags=a", Code::NO_SUBSCRIBER),
            ("add_tags=a&lead_email=x", Code::NO_SUBSCRIBER),
            ("lead_email=a@b", Code::WRONG_DATA),
            ("lead_email=a@b&add_tags=,", Code::WRONG_DATA),
        ] {
            assert_eq!(read::<AddTagToLead>(form).unwrap_err().0, code, "{form}");
            assert_eq!(read::<RemoveTagFromLead>(form).unwrap_err().0, code, "{form}");
        }
    }
}
