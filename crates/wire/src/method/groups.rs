//! The methods that list groups and a contact's subscriptions (sections 7.4 to 7.6 and 9.5).

use serde::{Deserialize, Serialize};

use super::{Access, Api, Example, Method};
use crate::{Code, Email, form::Fault};

/// The groups (section 7.4).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetAllGroups {}

impl Method for GetAllGroups {
    const NAME: &'static str = "GetAllGroups";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::ReadOne;
    const REFUSALS: &'static [Code] = &[];
    const ALIASES: &'static [&'static str] = &["getalllists"];
    const EXAMPLE: Example = &[];
    type Answer = Vec<GroupInfo>;
}

/// A group's names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GroupInfo {
    /// Its name, by which methods know it.
    pub rass_name: String,
    /// Its title.
    pub rass_title: String,
}

/// The groups with their numbers (section 9.5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetAllLists {}

impl Method for GetAllLists {
    const NAME: &'static str = "getalllists";
    const API: Api = Api::Keyed;
    const ACCESS: Access = Access::ReadOne;
    const REFUSALS: &'static [Code] = &[];
    const ALIASES: &'static [&'static str] = &["GetAllGroups"];
    const EXAMPLE: Example = &[];
    type Answer = Vec<ListInfo>;
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListInfo {
    /// Its number.
    pub id: i64,
    /// The same number again.
    pub rass_id: i64,
    /// Its name, by which methods know it.
    pub rass_name: String,
    /// Its title.
    pub rass_title: String,
}

/// The groups that a contact is subscribed to (section 7.5, decision 29); `GetLeadGroupStatuses` shows more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetLeadGroups {
    /// The contact's e-mail.
    pub email: Email,
}

impl Method for GetLeadGroups {
    const NAME: &'static str = "GetLeadGroups";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::ReadOne;
    const REFUSALS: &'static [Code] = &[Code::LEAD_NOT_FOUND, Code::NO_LEAD_GROUPS];
    const EXAMPLE: Example = &[("email", "anna@example.com")];
    type Answer = Vec<GroupInfo>;

    fn refuse(field: &str, _: Fault) -> Code {
        refuse(field)
    }
}

/// A contact's groups and what the contact is in each (section 7.6, decision 29).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GetLeadGroupStatuses {
    /// The contact's e-mail.
    pub email: Email,
}

impl Method for GetLeadGroupStatuses {
    const NAME: &'static str = "GetLeadGroupStatuses";
    const API: Api = Api::Signed;
    const ACCESS: Access = Access::ReadOne;
    const REFUSALS: &'static [Code] = &[Code::LEAD_NOT_FOUND, Code::NO_LEAD_GROUPS];
    const EXAMPLE: Example = &[("email", "anna@example.com")];
    type Answer = Vec<LeadGroupInfo>;

    fn refuse(field: &str, _: Fault) -> Code {
        refuse(field)
    }
}

fn refuse(field: &str) -> Code {
    if field == "email" { Code::LEAD_NOT_FOUND } else { Code::WRONG_DATA }
}

/// A contact's subscription to a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LeadGroupInfo {
    /// The group's name, by which methods know it.
    pub rass_name: String,
    /// The group's title.
    pub rass_title: String,
    /// What the contact is in this group.
    pub rass_status: SubscriptionStatus,
    /// When the contact was subscribed, as unix time (decision 30).
    pub subscription_time: String,
}

/// What a contact is in a group (section 7.6).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubscriptionStatus {
    /// Not confirmed yet.
    Wait,
    /// Subscribed.
    #[default]
    Subscribe,
    /// Left the group.
    Unsubscribe,
    /// Removed by the service.
    UnsubscribeByService,
    /// The address does not exist.
    InvalidEmail,
}

impl SubscriptionStatus {
    /// Every status.
    pub const ALL: [Self; 5] =
        [Self::Wait, Self::Subscribe, Self::Unsubscribe, Self::UnsubscribeByService, Self::InvalidEmail];

    /// The protocol's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wait => "STATUS_WAIT",
            Self::Subscribe => "STATUS_SUBSCRIBE",
            Self::Unsubscribe => "STATUS_UNSUBSCRIBE",
            Self::UnsubscribeByService => "STATUS_UNSUBSCRIBE_BY_SERVICE",
            Self::InvalidEmail => "STATUS_INVALID_EMAIL",
        }
    }

    /// The status with this word; letter case matters.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    fn read(word: &str) -> Result<Self, &'static str> {
        Self::parse(word).ok_or("no status of a subscription")
    }
}

impl std::fmt::Display for SubscriptionStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

travels_as_text!(SubscriptionStatus, |status| status, Self::read);
schema!(SubscriptionStatus, { "type": "string", "enum": Self::ALL.map(Self::as_str) });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Request, loose};

    #[test]
    fn words_read_back() {
        for status in SubscriptionStatus::ALL {
            assert_eq!(SubscriptionStatus::parse(status.as_str()), Some(status));
            let json = serde_json::to_string(&status).unwrap();
            assert_eq!(json, format!("\"{status}\""));
            assert_eq!(serde_json::from_str::<SubscriptionStatus>(&json).unwrap(), status);
        }
        assert_eq!(SubscriptionStatus::parse("STATUS"), None);
    }

    #[test]
    fn answers_of_other_servers_are_read() {
        let text = r#"[{"rass_name":1594725950.5,"rass_title":null,"rass_status":"STATUS_WAIT","subscription_time":1362254400}]"#;
        let groups: Vec<LeadGroupInfo> = loose::from_str(text).unwrap();
        assert_eq!((&*groups[0].rass_title, &*groups[0].subscription_time), ("", "1362254400"));
        assert_eq!(groups[0].rass_status, SubscriptionStatus::Wait);
        let lists: Vec<ListInfo> =
            loose::from_str(r#"[{"id":"7","rass_id":7,"rass_name":5,"rass_title":"News"}]"#).unwrap();
        assert_eq!((lists[0].id, &*lists[0].rass_name), (7, "5"));
    }

    #[test]
    fn without_an_e_mail_there_is_no_contact() {
        for form in ["x=1", "email=", "email=anna", "email[]=a@b"] {
            let request = Request::read(None, form.as_bytes());
            let refused = request.parameters::<GetLeadGroups>().unwrap_err();
            assert_eq!(refused, (Code::LEAD_NOT_FOUND, "email".to_owned()), "{form}");
            assert_eq!(request.parameters::<GetLeadGroupStatuses>().unwrap_err(), refused, "{form}");
        }
    }
}
