//! What a seller's own systems are told when a contact joins a group, leaves it or changes (sections 11.6 and 11.7).

use serde::Serialize;

use crate::{Event, query};

/// What happened to a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeadEvent {
    /// It was subscribed to a group (section 11.6).
    Subscribed,
    /// It was unsubscribed from a group (section 11.7).
    Unsubscribed,
    /// Its fields were changed.
    Changed,
}

impl LeadEvent {
    /// Every event of a contact.
    pub const ALL: [Self; 3] = [Self::Subscribed, Self::Unsubscribed, Self::Changed];

    /// Its word: in commands, in JSON, and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subscribed => "subscribed",
            Self::Unsubscribed => "unsubscribed",
            Self::Changed => "contact.changed",
        }
    }
}

/// The words of all events that endpoints may ask for.
pub fn event_words() -> impl Iterator<Item = &'static str> + Clone {
    Event::ALL.iter().map(|event| event.as_str()).chain(LeadEvent::ALL.iter().map(|event| event.as_str()))
}

/// A contact as endpoints are told of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LeadTold {
    /// Its number.
    pub id: i64,
    /// First, middle and last name.
    pub name: String,
    /// The e-mail; empty: none.
    pub email: String,
    /// The phone.
    pub phone: String,
    /// The city.
    pub city: String,
    /// The address that made the call; empty: none did.
    pub ip: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// The group, if the event is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupTold>,
    /// Its UTM tags: medium, source, campaign, content, term.
    pub utm: LeadUtm,
}

/// A group as endpoints are told of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct GroupTold {
    /// Its number, which is `id_group` in forms (decision 39).
    pub rass_id: i64,
    /// Its name in the API.
    pub rass_name: String,
    /// Its title.
    pub rass_title: String,
}

/// A contact's UTM tags.
#[derive(Debug, Clone, Default, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct LeadUtm {
    pub medium: String,
    pub source: String,
    pub campaign: String,
    pub content: String,
    pub term: String,
}

impl LeadTold {
    /// The form that a group's URL is told of a new subscription with, as PHP's `http_build_query` writes it. It has
    /// no hash.
    pub fn subscribed_form(&self) -> Vec<u8> {
        let Self { name, email, phone, city, ip, utm, .. } = self;
        let group = self.group.as_ref().map_or(0, |group| group.rass_id).to_string();
        let pairs = [
            ("name", name),
            ("email", email),
            ("phone", phone),
            ("city", city),
            ("id_group", &group),
            ("ip", ip),
            ("status", &"2".to_owned()),
            ("utm[medium]", &utm.medium),
            ("utm[source]", &utm.source),
            ("utm[campaign]", &utm.campaign),
            ("utm[content]", &utm.content),
            ("utm[term]", &utm.term),
        ];
        let mut form = Vec::new();
        query::build_pairs(pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())), &mut form);
        form
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_the_documented_fields_in_order() {
        let told = LeadTold {
            name: "Анна".to_owned(),
            email: "anna@example.com".to_owned(),
            ip: "203.0.113.7".to_owned(),
            group: Some(GroupTold { rass_id: 7, ..GroupTold::default() }),
            utm: LeadUtm { source: "ya ndex".to_owned(), ..LeadUtm::default() },
            ..LeadTold::default()
        };
        assert_eq!(
            String::from_utf8(told.subscribed_form()).unwrap(),
            "name=%D0%90%D0%BD%D0%BD%D0%B0&email=anna%40example.com&phone=&city=&id_group=7&ip=203.0.113.7&status=2\
             &utm%5Bmedium%5D=&utm%5Bsource%5D=ya+ndex&utm%5Bcampaign%5D=&utm%5Bcontent%5D=&utm%5Bterm%5D="
        );
    }
}
