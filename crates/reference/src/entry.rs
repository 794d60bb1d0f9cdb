//! The reference of one method.

use billhook_wire::{
    Api, Code,
    method::{METHODS, MethodInfo},
    query,
};

use crate::{
    field::{self, Field},
    schema,
};

/// The headers of an answer to a call with `limit` or `after`, and their meaning.
pub(crate) const PAGE_HEADERS: [(&str, &str); 2] = [
    ("Billhook-Next", "the last number on this page, while more follow: what the next call sends as `after`"),
    ("Billhook-Total", "how many there are on all pages"),
];

/// One method's part of the reference.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The method.
    pub method: &'static MethodInfo,
    /// What it does, from its type's documentation.
    pub summary: String,
    /// Its parameters, without the credential.
    pub parameters: Vec<Field>,
    /// The fields of its answer: `result`, and all in it.
    pub answer: Vec<Field>,
}

impl Entry {
    /// The reference of a method.
    pub fn of(method: &'static MethodInfo) -> Self {
        let parameters = schema::tidied((method.parameters)(&mut schema::inline().into_generator()));
        let answer = (method.answer)(&mut schema::inline().for_serialize().into_generator());
        Self {
            method,
            summary: schema::description(&parameters).to_owned(),
            answer: field::answer(&schema::tidied(answer)),
            parameters: field::parameters(&parameters),
        }
    }

    /// Every method's reference, in the table's order.
    pub fn all() -> Vec<Self> {
        METHODS.iter().map(Self::of).collect()
    }

    /// Its API version.
    pub fn version(&self) -> &'static str {
        match self.method.api {
            Api::Signed => "API 1.0",
            Api::Keyed => "API 2.0",
        }
    }

    /// The name of the credential's field, and how to make it.
    pub fn credential(&self) -> (&'static str, &'static str) {
        match self.method.api {
            Api::Signed => ("hash", "made from the parameters, the login and the key"),
            Api::Keyed => ("rpsKey", "the key itself"),
        }
    }

    /// Shell lines that call the method at `base`, scheme and host. They need `LOGIN` and `KEY`.
    pub fn curl(&self, base: &str) -> String {
        let mut form = Vec::new();
        let pairs = self.method.example.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        query::build_pairs(pairs, &mut form);
        // Percent-encoded, so it is ASCII without quotes.
        let form = String::from_utf8_lossy(&form);
        let url = format!("{base}/api/{}", self.method.name);
        match (self.method.api, form.is_empty()) {
            (Api::Signed, true) => {
                format!("curl -d \"hash=$(printf %s \"::$LOGIN::$KEY\" | md5sum | cut -c1-32)\" {url}")
            }
            (Api::Signed, false) => format!(
                "Q='{form}'\ncurl -d \"$Q&hash=$(printf %s \"$Q::$LOGIN::$KEY\" | md5sum | cut -c1-32)\" {url}"
            ),
            (Api::Keyed, true) => format!("curl --data-urlencode \"rpsKey=$KEY\" {url}"),
            (Api::Keyed, false) => format!("curl -d '{form}' --data-urlencode \"rpsKey=$KEY\" {url}"),
        }
    }

    /// The parameters that contain others.
    pub(crate) fn nested(&self) -> impl Iterator<Item = &str> {
        let nested = self.parameters.iter().filter(|field| matches!(&*field.kind, "list" | "object"));
        nested.map(|field| field.name.as_str()).filter(|name| !name.contains('['))
    }

    /// Whether it returns a list in pages, with the headers of [`PAGE_HEADERS`].
    pub(crate) fn has_pages(&self) -> bool {
        self.parameters.iter().any(|field| field.name == "limit")
    }

    /// A unique identifier, even if letter case is ignored.
    pub fn id(&self) -> String {
        let name = self.method.name;
        if self.has_namesake() && self.method.api == Api::Keyed {
            format!("{name}-2")
        } else {
            name.to_owned()
        }
    }

    /// Whether another method's name differs only in letter case: the credential decides (decision 53).
    pub fn has_namesake(&self) -> bool {
        METHODS.iter().filter(|other| other.name.eq_ignore_ascii_case(self.method.name)).count() > 1
    }
}

/// What a code means, for use beside a method's name.
pub(crate) fn meaning(code: Code) -> String {
    let text = schema::plain(code.meaning());
    match text.split_once(": ") {
        Some((methods, meaning)) if methods.split(", ").all(is_method) => {
            let mut letters = meaning.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        }
        _ => text,
    }
}

fn is_method(name: &str) -> bool {
    METHODS.iter().any(|method| method.name == name)
}

/// The codes that every method may refuse with.
pub(crate) fn general_codes() -> impl Iterator<Item = Code> {
    Code::ALL.iter().copied().filter(|code| code.is_general())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use billhook_wire::method::GoodFields;
    use serde_json::Value;

    use super::*;

    /// A test of the whole program finds out which parameters those are.
    #[test]
    fn what_is_only_kept_is_said_to_be() {
        let said: BTreeSet<_> = Entry::all()
            .into_iter()
            .flat_map(|entry| entry.parameters.into_iter().map(move |field| (entry.method.name, field)))
            .filter(|(_, field)| field.meaning.ends_with(schema::ONLY_KEPT))
            .map(|(method, field)| (method, field.name))
            .collect();
        let methods = ["AddGood", "UpdateGood"].into_iter();
        let only_kept = methods
            .flat_map(|method| GoodFields::ONLY_KEPT.iter().map(move |name| (method, (*name).to_owned())));
        assert_eq!(said, only_kept.collect());
    }

    #[test]
    fn every_method_and_field_is_explained() {
        for entry in Entry::all() {
            let name = entry.method.name;
            assert!(!entry.summary.is_empty(), "{name} has no documentation");
            for field in entry.parameters.iter().chain(entry.answer.iter().skip(1)) {
                assert!(!field.meaning.is_empty(), "{name}: {} has no documentation", field.name);
                assert!(
                    !field.meaning.contains("(decision") && !field.meaning.contains("(section"),
                    "{name}: {}",
                    field.meaning
                );
            }
        }
    }

    #[test]
    fn required_parameters_have_examples() {
        for entry in Entry::all() {
            for field in entry.parameters.iter().filter(|field| field.required && field.kind != "list") {
                assert!(
                    entry.method.example.iter().any(|(name, value)| *name == field.name && !value.is_empty()),
                    "{}: {}",
                    entry.method.name,
                    field.name
                );
            }
        }
    }

    #[test]
    fn identifiers_are_unique() {
        let mut ids: Vec<_> = Entry::all().iter().map(|entry| entry.id().to_ascii_lowercase()).collect();
        let all = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }

    #[test]
    fn schemas_are_objects() {
        for method in METHODS {
            let schema: Value = schema::tidied((method.parameters)(&mut schema::inline().into_generator()));
            assert_eq!(schema["type"], "object", "{}", method.name);
        }
    }
}
