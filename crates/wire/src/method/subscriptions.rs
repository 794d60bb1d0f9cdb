//! The methods that put contacts into groups, take them out and count them (sections 7.1, 7.3, 7.7 and 9.4).

use serde::{Deserialize, Serialize};

use super::{Access, Api, Example, Method, Names, Nothing, UtmMarks, comma_list};
use crate::{Code, Email, Name, Text, form::Fault};

/// Subscribes a contact to groups, and makes the contact if need be (section 7.1, decision 26).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddLeadToGroup {
    /// The groups' names, as a list or with commas.
    #[serde(serialize_with = "comma_list::as_list", deserialize_with = "comma_list::not_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<Name>"))]
    pub rid: Names,
    /// The contact's e-mail; required.
    pub lead_email: Option<Text>,
    /// Name.
    pub lead_name: Option<Text>,
    /// Phone.
    pub lead_phone: Option<Text>,
    /// City.
    pub lead_city: Option<Text>,
    /// A tag, added to the contact's tags.
    pub tag: Option<Text>,
    /// The page after the confirmation: a URL of the account's own hosts, or of its setting `doneurl_hosts`.
    pub doneurl2: Option<Text>,
    /// Whether to ask the contact for a confirmation. It is kept, and nobody is asked yet.
    pub activation: Option<Text>,
    /// UTM tags.
    #[serde(default)]
    pub utm: UtmMarks,
    /// Legacy: the partner's number.
    pub aff: Option<Text>,
    /// Legacy: the ad label's number.
    pub ad: Option<Text>,
}

impl Method for AddLeadToGroup {
    const NAME: &'static str = "AddLeadToGroup";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::Write;
    const REFUSALS: &'static [Code] = &[
        Code::NO_EMAIL,
        Code::SUBSCRIPTION_ERROR,
        Code::ALREADY_SUBSCRIBED,
        Code::WRONG_GROUP,
        Code::GROUP_FORBIDDEN,
    ];
    const EXAMPLE: Example = &[("rid[0]", "news"), ("lead_email", "maria@example.com")];
    type Answer = Nothing;

    fn refuse(field: &str, _: Fault) -> Code {
        if field == "rid" { Code::WRONG_GROUP } else { Code::WRONG_DATA }
    }
}

/// Unsubscribes a contact from one group (section 7.3, decision 28).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeleteSubscribe {
    /// The contact's e-mail.
    pub lead_email: Email,
    /// The group's name.
    #[cfg_attr(feature = "schema", schemars(example = &"news"))]
    pub rass_name: Name,
}

impl Method for DeleteSubscribe {
    const NAME: &'static str = "DeleteSubscribe";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::Write;
    const REFUSALS: &'static [Code] = &[Code::NO_GROUP, Code::NO_SUBSCRIBER];
    const EXAMPLE: Example = &[("lead_email", "anna@example.com"), ("rass_name", "news")];
    type Answer = Nothing;

    fn refuse(field: &str, _: Fault) -> Code {
        match field {
            "rass_name" => Code::NO_GROUP,
            "lead_email" => Code::NO_SUBSCRIBER,
            _ => Code::WRONG_DATA,
        }
    }
}

/// The number of contacts in a group, or in all of them (section 7.7, decision 31).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetCountSubscribe {
    /// A group's name; `unique`: contacts with an active subscription; `all`: every contact.
    #[cfg_attr(feature = "schema", schemars(example = &"all"))]
    pub group_name: Name,
}

impl Method for GetCountSubscribe {
    const NAME: &'static str = "GetCountSubscribe";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::Read;
    const REFUSALS: &'static [Code] = &[Code::NO_GROUP];
    const EXAMPLE: Example = &[("group_name", "all")];
    type Answer = Count;

    fn refuse(field: &str, _: Fault) -> Code {
        if field == "group_name" { Code::NO_GROUP } else { Code::WRONG_DATA }
    }
}

/// How many contacts there are: the one `result` that is a bare number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Count(pub u64);

schema!(Count, { "type": "integer", "minimum": 0, "description": "The number of contacts." });

/// Takes a contact out of groups (section 9.4, decision 35).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RemoveLeadFromList {
    /// The contact's e-mail.
    pub lead_email: Email,
    /// The groups' names, separated by commas.
    #[serde(deserialize_with = "comma_list::not_empty")]
    pub remove_from_lists: Names,
}

impl Method for RemoveLeadFromList {
    const NAME: &'static str = "removeleadfromlist";
    const API: Api = Api::Keyed;
    const ACCESS: Access = Access::Write;
    const REFUSALS: &'static [Code] = &[Code::NO_GROUP, Code::NO_SUBSCRIBER];
    const EXAMPLE: Example = &[("lead_email", "anna@example.com"), ("remove_from_lists", "news")];
    type Answer = Nothing;

    fn refuse(field: &str, _: Fault) -> Code {
        match field {
            "lead_email" => Code::NO_SUBSCRIBER,
            "remove_from_lists" => Code::NO_GROUP,
            _ => Code::WRONG_DATA,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Request, form::MAX_VARIABLES, loose};

    fn read<M: Method>(form: &str) -> Result<M, (Code, String)> {
        Request::read(None, form.as_bytes()).parameters()
    }

    fn groups(form: &str) -> Vec<String> {
        let call: AddLeadToGroup = read(form).unwrap();
        call.rid.0.iter().map(|name| name.as_str().to_owned()).collect()
    }

    #[test]
    fn groups_come_as_a_list_or_as_a_text() {
        for (form, names) in [
            ("rid[0]=a&rid[1]=b", ["a", "b"].as_slice()),
            ("rid[]=a&rid[]=&rid[]=b", &["a", "b"]),
            ("rid[0]=a&rid[5]=b", &["a", "b"]),
            ("rid[0]=1594725950.5982672784", &["1594725950.5982672784"]),
            ("rid=a", &["a"]),
            ("rid=a,%0D%0A+b,", &["a", "b"]),
        ] {
            assert_eq!(groups(form), names, "{form}");
        }
        let call: AddLeadToGroup = read("rid=a,b").unwrap();
        assert_eq!(serde_json::to_value(&call).unwrap()["rid"], serde_json::json!(["a", "b"]));
        let many: Vec<_> = (0..MAX_VARIABLES).map(|at| format!("group{at}")).collect();
        assert_eq!(groups(&format!("rid={}", many.join(","))), many);
        let list: Vec<_> = many.iter().map(|name| format!("rid[]={name}")).collect();
        assert_eq!(groups(&list.join("&")), many);
    }

    #[test]
    fn what_is_empty_is_absent() {
        let form = "rid[0]=a&lead_email=a@b&lead_name=&lead_phone=&tag=&doneurl2=&activation=false&utm[utm_source]=&aff=&ad=&email=x";
        let call: AddLeadToGroup = read(form).unwrap();
        let texts =
            [call.lead_name, call.lead_phone, call.lead_city, call.tag, call.doneurl2, call.aff, call.ad];
        assert_eq!(texts, [const { None }; 7]);
        assert_eq!(call.utm, UtmMarks::default());
        assert_eq!(call.activation.unwrap().as_str(), "false");
    }

    #[test]
    fn what_is_missing_or_wrong_has_its_code() {
        let long = "x".repeat(256);
        for form in ["lead_email=a@b", "rid=", "rid[]=", "rid=,+,", &format!("rid[]={long}"), "rid[][]=a"] {
            assert_eq!(read::<AddLeadToGroup>(form).unwrap_err().0, Code::WRONG_GROUP, "{form}");
        }
        assert_eq!(read::<AddLeadToGroup>("rid=a&tag=%00").unwrap_err().0, Code::WRONG_DATA);
        for (form, code) in [
            ("lead_email=a@b", Code::NO_GROUP),
            ("rass_name=a", Code::NO_SUBSCRIBER),
            ("rass_name=a&lead_email=x", Code::NO_SUBSCRIBER),
        ] {
            assert_eq!(read::<DeleteSubscribe>(form).unwrap_err().0, code, "{form}");
        }
        for (form, code) in [
            ("lead_email=a@b", Code::NO_GROUP),
            ("lead_email=a@b&remove_from_lists=,", Code::NO_GROUP),
            ("remove_from_lists=a", Code::NO_SUBSCRIBER),
        ] {
            assert_eq!(read::<RemoveLeadFromList>(form).unwrap_err().0, code, "{form}");
        }
        assert_eq!(read::<GetCountSubscribe>("group_name=").unwrap_err().0, Code::NO_GROUP);
    }

    #[test]
    fn a_count_is_a_bare_number() {
        assert_eq!(serde_json::to_string(&Count(1543)).unwrap(), "1543");
        for text in ["1543", "\"1543\""] {
            assert_eq!(loose::from_str::<Count>(text).unwrap(), Count(1543), "{text}");
        }
    }
}
