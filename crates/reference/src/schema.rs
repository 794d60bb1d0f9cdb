//! The schemas of the table, simplified for the reference's readers.

use billhook_wire::method::GoodFields;
use schemars::{
    Schema, SchemaGenerator,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform as _},
};
use serde_json::{Map, Value};

/// The path of shared schemas in an OpenAPI document.
const COMPONENTS: &str = "/components/schemas";

/// What is said of a parameter that is kept and acted upon by nothing.
pub(crate) const ONLY_KEPT: &str = "Stored and returned, but without effect so far.";

/// Settings for schemas without references.
pub(crate) fn inline() -> SchemaSettings {
    SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true)
}

/// Settings for schemas that refer to shared ones, as in an OpenAPI document.
pub(crate) fn with_components() -> SchemaSettings {
    SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = COMPONENTS.into())
}

/// The shared schemas that a generator's schemas refer to.
pub(crate) fn components(mut generator: SchemaGenerator) -> Map<String, Value> {
    let named = generator.take_definitions(true).into_iter();
    named.filter_map(|(name, schema)| Some((name, tidied(Schema::try_from(schema).ok()?)))).collect()
}

/// A schema without parts that mean nothing to readers: null, which is never sent, defaults, and references
/// to our documents. Adds the note to parameters that are only stored.
pub(crate) fn tidied(mut schema: Schema) -> Value {
    RecursiveTransform(tidy).transform(&mut schema);
    schema.to_value()
}

fn tidy(schema: &mut Schema) {
    let Some(fields) = schema.as_object_mut() else { return };
    fields.remove("default");
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        for name in GoodFields::ONLY_KEPT {
            if let Some(Value::String(text)) =
                properties.get_mut(*name).and_then(|field| field.get_mut("description"))
            {
                text.extend([" ", ONLY_KEPT]);
            }
        }
    }
    if let Some(Value::String(text)) = fields.get_mut("description") {
        *text = plain(text);
    }
    if let Some(Value::Array(types)) = fields.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            fields.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(words)) = fields.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    for choice in ["anyOf", "oneOf"] {
        let Some(Value::Array(choices)) = fields.get_mut(choice) else { continue };
        choices.retain(|option| option.get("type").is_none_or(|kind| kind != "null"));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            fields.remove(choice);
            for (name, value) in only {
                fields.entry(name).or_insert(value);
            }
        }
    }
}

/// A doc comment on one line, without its references to sections and decisions.
pub(crate) fn plain(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once(" (") {
        plain.push_str(before);
        let (inside, behind) = after.split_once(')').unwrap_or((after, ""));
        if !inside.starts_with("section") && !inside.starts_with("decision") {
            plain.extend([" (", inside, ")"]);
        }
        rest = behind;
    }
    plain + rest
}

/// The schema's description.
pub(crate) fn description(schema: &Value) -> &str {
    schema.get("description").and_then(Value::as_str).unwrap_or_default()
}

/// The schema's fields in order, each with whether it is required.
pub(crate) fn properties(schema: &Value) -> impl Iterator<Item = (&str, &Value, bool)> {
    let required = schema.get("required").and_then(Value::as_array);
    let fields = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    fields.map(move |(name, field)| {
        (name.as_str(), field, required.is_some_and(|list| list.iter().any(|needed| needed == name)))
    })
}

/// The alternatives of a schema; itself if there are none.
pub(crate) fn choices(schema: &Value) -> Vec<&Value> {
    let choices: Vec<_> =
        ["anyOf", "oneOf"].iter().filter_map(|name| schema.get(name)?.as_array()).flatten().collect();
    if choices.is_empty() { vec![schema] } else { choices }
}

/// Whether a schema is the empty list, PHP's empty array.
pub(crate) fn is_empty_list(schema: &Value) -> bool {
    schema.get("maxItems").is_some_and(|most| most == 0)
}

/// The words of an enumeration.
pub(crate) fn words(schema: &Value) -> Vec<&str> {
    if let Some(word) = schema.get("const").and_then(Value::as_str) {
        return vec![word];
    }
    if let Some(list) = schema.get("enum").and_then(Value::as_array) {
        return list.iter().filter_map(Value::as_str).collect();
    }
    let choices = choices(schema);
    if let [_] = choices.as_slice() { Vec::new() } else { choices.into_iter().flat_map(words).collect() }
}

/// The kind of a value, in a word.
pub(crate) fn kind(schema: &Value) -> String {
    let kinds = choices(schema);
    let kinds = kinds.into_iter().filter(|choice| !is_empty_list(choice)).map(|choice| {
        let format = choice.get("format").and_then(Value::as_str);
        match (choice.get("type").and_then(Value::as_str), format) {
            (Some("string"), Some("email")) => "e-mail",
            (Some("string"), _) if !words(choice).is_empty() => "word",
            (Some("string"), _) => "text",
            (Some("integer" | "number"), _) => "number",
            (Some("boolean"), _) => "bool",
            (Some("array"), _) => "list",
            (Some("object"), _) if choice.get("properties").is_none() => "map",
            (Some("object"), _) => "object",
            _ => "word",
        }
    });
    let mut kinds: Vec<_> = kinds.collect();
    kinds.dedup();
    kinds.join(" or ")
}
