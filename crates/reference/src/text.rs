//! The reference as text, for a terminal.

use std::fmt::Write as _;

use billhook_wire::{Access, method::IDEMPOTENCY_KEY};

use crate::{Entry, Field, entry};

/// A method's text for `billhook docs` and `billhook call --describe`.
pub fn of_method(found: &Entry) -> String {
    let method = found.method;
    let (field, made) = found.credential();
    let mut text = format!("{}  {}\n\nParameters:\n", method.name, found.summary);
    for parameter in &found.parameters {
        let needed = if parameter.required { "required" } else { "optional" };
        let _ = writeln!(text, "  {} ({needed}): {}", parameter.name, words_and_meaning(parameter));
    }
    let _ = writeln!(text, "  {field} (required): {made}; `billhook call` adds it");
    if method.access == Access::Write {
        let _ = writeln!(
            text,
            "\nHeader:\n  {IDEMPOTENCY_KEY} (optional): under the same one the same call is done once in 24 hours"
        );
    }
    let _ = writeln!(text, "\nAnswer:");
    for part in &found.answer {
        let sometimes = if part.required { "" } else { ", not always" };
        let told = words_and_meaning(part);
        let told = if told.is_empty() { told } else { format!(": {told}") };
        let _ = writeln!(text, "  {} ({}{sometimes}){told}", part.name, part.kind);
    }
    if found.has_pages() {
        let _ = writeln!(text, "\nHeaders, with limit or after:");
        for (name, meaning) in entry::PAGE_HEADERS {
            let _ = writeln!(text, "  {name}: {meaning}");
        }
    }
    let _ = writeln!(text, "\nCodes:");
    for done in method.done {
        let _ = writeln!(text, "  {} {}", done.number(), done.text());
    }
    for code in method.refusals {
        let _ = writeln!(text, "  {} {}: {}", code.number(), code.text(), entry::meaning(*code));
    }
    let general: Vec<_> =
        entry::general_codes().map(|code| format!("{} {}", code.number(), code.text())).collect();
    let _ = writeln!(text, "  as every method: {}", general.join(", "));
    let pairs = method.example.iter().map(|(name, value)| format!(" {name}={value}"));
    let _ = writeln!(text, "\nExample:\n  billhook call {}{}", method.name, pairs.collect::<String>());
    text
}

fn words_and_meaning(field: &Field) -> String {
    if field.words.is_empty() {
        return field.meaning.clone();
    }
    format!("{}; {}", field.words.join(" | "), field.meaning)
}
