//! The reference as a page without scripts and external files.

use std::sync::LazyLock;

use billhook_wire::{Code, method::IDEMPOTENCY_KEY};
use maud::{DOCTYPE, Markup, PreEscaped, Render as _, html};

use crate::{
    Entry, Field,
    entry::{PAGE_HEADERS, general_codes, meaning},
};

/// A placeholder for the server's address in the cached page; no address contains it.
const BASE: &str = "\u{1}";
/// Programs that receive events, in the languages of most sellers. The tests run them.
const RECEIVERS: [(&str, &str); 3] = [
    ("PHP, for a product's URL", include_str!("../../../examples/receiver.php")),
    ("Python, for a webhook", include_str!("../../../examples/receiver.py")),
    ("Node.js, for a webhook", include_str!("../../../examples/receiver.mjs")),
];

/// The page for the server at `base`: scheme and host, such as `https://shop.example.org`.
pub fn page(base: &str) -> String {
    static PAGE: LazyLock<String> = LazyLock::new(|| whole().into_string());
    PAGE.replace(BASE, &base.render().into_string())
}

fn whole() -> Markup {
    let entries = Entry::all();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "The API of " (BASE) }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body {
                main {
                    h1 { "The API of " span.base { (BASE) } }
                    p {
                        "For programs there is " a href="/api/openapi.json" { "/api/openapi.json" } ", an OpenAPI 3.1 description."
                    }
                    (introduction())
                    p { "The server also tells your systems what happens to orders: " a href="#events" { "Events" } "." }
                    h2 id="methods" { "Methods" }
                    ul.methods {
                        @for entry in &entries {
                            li { a href={ "#" (entry.id()) } { code { (entry.method.name) } } " " (text(&entry.summary)) }
                        }
                    }
                    @for entry in &entries { (method(entry)) }
                    (events())
                }
            }
        }
    }
}

fn introduction() -> Markup {
    html! {
        h2 id="calls" { "Calls" }
        p {
            "A call is a " code { "POST" } " of a form (" code { "application/x-www-form-urlencoded" } ") to "
            code { (BASE) "/api/" i { "METHOD" } } ". Letter case in the method's name does not matter. An empty value is one that was "
            "not sent, but for UpdateGood's free texts; unknown parameters are passed over. Nested parameters are written as PHP writes them."
        }
        p {
            "Methods of API 1.0 are signed: the field " code { "hash" } " is the MD5, in lower-case hex, of "
            code { i { "QUERY" } "::" i { "LOGIN" } "::" i { "KEY" } } ", where " i { "QUERY" } " is the form without " code { "hash" }
            ", as it is sent. Methods of API 2.0 take the key itself, as " code { "rpsKey" } "; it opens those of API 1.0 as well, "
            "but for one that shares its name with a method of API 2.0. The examples below work in a shell that knows login and key:"
        }
        pre { code { "LOGIN=shop KEY=0123456789abcdef0123456789abcdef" } }
        p {
            "A call that writes may carry the header " code { (IDEMPOTENCY_KEY) ": " i { "TEXT" } } ", with 1 to 255 printable characters of "
            "your choice. Within 24 hours the same call under the same text is not done again: it gets the answer of the first. So a call "
            "that got no answer can be repeated. Another call under the same text is refused with code 3; one that was refused is "
            "looked at again."
        }
        h2 id="answers" { "Answers" }
        pre { code { "{\"error_code\":0,\"error_text\":\"OK\",\"result\":[],\"hash\":\"668ea0c09598e61d3a64059cca33d964\"}" } }
        p {
            code { "hash" } " is the MD5 of " code { i { "error_code" } "::" i { "error_text" } "::" i { "KEY" } } ". The header "
            code { "Billhook-Signature: t=" i { "UNIXTIME" } ",v1=" i { "HEX" } } " covers the whole body: HMAC-SHA256 with the key over "
            code { i { "UNIXTIME" } "." i { "BODY" } } ". Refusals come with HTTP status 200, too, but for a path without a method (404) and a request other than POST (405)."
        }
        h2 id="codes" { "Codes of every method" }
        (codes(general_codes()))
    }
}

fn events() -> Markup {
    html! {
        section id="events" {
            h2 { "Events" }
            p {
                "The server tells other systems when an order is made, paid, paid in part, cancelled or refunded. A product's URLs get the "
                "form that the service sends, with " code { "hash" } " and " code { "Billhook-Signature" } ". Webhooks ("
                code { "billhook webhook add" } ") get JSON, signed as Standard Webhooks has it. These receivers check the signatures "
                "without a library:"
            }
            @for (title, text) in RECEIVERS {
                h3 { (title) }
                pre { code { (text) } }
            }
        }
    }
}

fn method(entry: &Entry) -> Markup {
    let (credential, made) = entry.credential();
    html! {
        section id=(entry.id()) {
            h2 { a href={ "#" (entry.id()) } { (entry.method.name) } " " small { (entry.version()) } }
            p { (text(&entry.summary)) }
            h3 { "Parameters" }
            table {
                thead { tr { th { "Name" } th { "Kind" } th { "Meaning" } } }
                tbody {
                    @for parameter in &entry.parameters { (parameter_row(parameter)) }
                    tr { th scope="row" { code { (credential) } } td { "text, " strong { "required" } } td { (made) } }
                }
            }
            h3 { "Answer" }
            table {
                thead { tr { th { "Name" } th { "Kind" } th { "Meaning" } } }
                tbody { @for part in &entry.answer { (answer_row(part)) } }
            }
            @if entry.has_pages() {
                h3 { "Headers, with " code { "limit" } " or " code { "after" } }
                table {
                    thead { tr { th { "Name" } th { "Meaning" } } }
                    tbody {
                        @for (name, meaning) in PAGE_HEADERS { tr { th scope="row" { code { (name) } } td { (text(meaning)) } } }
                    }
                }
            }
            h3 { "Codes" }
            (codes(entry.method.done.iter().chain(entry.method.refusals).copied()))
            h3 { "Example" }
            pre { code { (entry.curl(BASE)) } }
        }
    }
}

fn parameter_row(field: &Field) -> Markup {
    html! {
        tr {
            th scope="row" { code { (field.name) } }
            td { (field.kind) @if field.required { ", " strong { "required" } } }
            td { (words_and_meaning(field)) }
        }
    }
}

fn answer_row(field: &Field) -> Markup {
    html! {
        tr {
            th scope="row" { code { (field.name) } }
            td { (field.kind) @if !field.required { ", not always" } }
            td { (words_and_meaning(field)) }
        }
    }
}

fn words_and_meaning(field: &Field) -> Markup {
    html! {
        (text(&field.meaning))
        @for (at, word) in field.words.iter().enumerate() {
            @if at == 0 { " " } @else { " | " }
            code { (word) }
        }
    }
}

fn codes(codes: impl Iterator<Item = Code>) -> Markup {
    html! {
        table.codes {
            thead { tr { th { "Code" } th { "Text" } th { "Meaning" } } }
            tbody {
                @for code in codes {
                    tr { th scope="row" { code { (code.number()) } } td { (code.text()) } td { (text(&meaning(code))) } }
                }
            }
        }
    }
}

/// The text of a doc comment, with code in backticks.
fn text(text: &str) -> Markup {
    html! {
        @for (at, piece) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (piece) } } @else { (piece) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_shows_the_same_receivers() {
        let guide = include_str!("../../../docs/webhooks.md");
        for (_, text) in RECEIVERS {
            assert!(
                guide.contains(&format!("\n{text}```\n")),
                "docs/webhooks.md has another receiver than:\n{text}"
            );
        }
    }

    #[test]
    fn the_address_is_text_and_nothing_else() {
        let page = page("http://<script>&\"");
        assert!(!page.contains("<script") && !page.contains(BASE));
        assert!(page.contains("http://&lt;script&gt;&amp;&quot;/api/GetBills"));
    }
}
