//! The parameters of a call and the fields of an answer, one by one.

use serde_json::Value;

use crate::schema::{choices, description, is_empty_list, kind, properties, words};

/// A parameter, or a field of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name of a parameter as in PHP (`utm[utm_medium]`), or the path of an answer's field from `result`
    /// (`result[].items[].id`), where `*` is any key.
    pub name: String,
    /// The kind of its value, in a word.
    pub kind: String,
    /// Whether a parameter is required, or a field is always there.
    pub required: bool,
    /// The allowed words; empty: any value.
    pub words: Vec<String>,
    /// What it means.
    pub meaning: String,
}

/// The style of nested fields' names.
#[derive(Clone, Copy)]
enum Style {
    Form,
    Answer,
}

/// The parameters of a method.
pub(crate) fn parameters(schema: &Value) -> Vec<Field> {
    let mut fields = Vec::new();
    for (name, field, required) in properties(schema) {
        add(Style::Form, name, field, required, &mut fields);
    }
    fields
}

/// The fields of an answer: `result` itself, and all in it.
pub(crate) fn answer(schema: &Value) -> Vec<Field> {
    let mut fields = Vec::new();
    add(Style::Answer, "result", schema, true, &mut fields);
    fields
}

fn add(style: Style, name: &str, schema: &Value, required: bool, fields: &mut Vec<Field>) {
    fields.push(Field {
        kind: if is_empty_list(schema) { "empty list".to_owned() } else { kind(schema) },
        required,
        words: words(schema).into_iter().map(shown).collect(),
        meaning: description(schema).to_owned(),
        name: name.to_owned(),
    });
    within(style, name, schema, fields);
}

fn within(style: Style, name: &str, schema: &Value, fields: &mut Vec<Field>) {
    for choice in choices(schema) {
        for (inner, field, required) in properties(choice) {
            let inner = match style {
                Style::Form => format!("{name}[{inner}]"),
                Style::Answer => format!("{name}.{inner}"),
            };
            add(style, &inner, field, required, fields);
        }
        if let Some(items) = choice.get("items") {
            let index = if matches!(style, Style::Form) { "[0]" } else { "[]" };
            within(style, &format!("{name}{index}"), items, fields);
        }
        if let Some(values) = choice.get("additionalProperties") {
            within(style, &format!("{name}.*"), values, fields);
        }
    }
}

/// A word; the empty one is made visible.
fn shown(word: &str) -> String {
    if word.is_empty() { "(empty)".to_owned() } else { word.to_owned() }
}
