//! Calls that work as they stand, made from the schemas' own examples.

use billhook_wire::{Api, query};
use serde_json::Value;

use crate::{
    Entry,
    schema::{choices, properties, words},
};

/// The parameters that a call must have, with a value each.
pub(crate) fn parameters(schema: &Value) -> Vec<(String, String)> {
    let mut form = Vec::new();
    for (name, field, required) in properties(schema) {
        if required {
            add(name.to_owned(), field, &mut form);
        }
    }
    form
}

fn add(name: String, schema: &Value, form: &mut Vec<(String, String)>) {
    if let Some(value) = value(schema) {
        form.push((name, value));
        return;
    }
    if let Some(items) = schema.get("items") {
        return add(format!("{name}[0]"), items, form);
    }
    for (inner, field, required) in properties(schema) {
        if required {
            add(format!("{name}[{inner}]"), field, form);
        }
    }
}

/// A value that fits a schema of something simple.
fn value(schema: &Value) -> Option<String> {
    let example = schema.get("examples").and_then(|list| list.get(0));
    match example {
        Some(Value::String(text)) => return Some(text.clone()),
        Some(number) => return Some(number.to_string()),
        None => {}
    }
    if let Some(word) = words(schema).first() {
        return Some((*word).to_owned());
    }
    match choices(schema).first()?.get("type")?.as_str()? {
        "string" => Some("text".to_owned()),
        "integer" | "boolean" => Some("1".to_owned()),
        _ => None,
    }
}

impl Entry {
    /// Lines for a shell that call the method at `base`, scheme and host. They need `LOGIN` and `KEY`.
    pub fn curl(&self, base: &str) -> String {
        let mut form = Vec::new();
        let pairs = self.example.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        query::build_pairs(pairs, &mut form);
        // Percent-encoded, so there is nothing in it but ASCII, and no quote.
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
}
