//! The OpenAPI 3.1 description of the API.

use std::sync::LazyLock;

use billhook_wire::{Access, Api, Code, method::IDEMPOTENCY_KEY};
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use crate::{
    Entry,
    entry::{PAGE_HEADERS, general_codes, meaning},
    schema,
};

/// The description as JSON: the file `docs/openapi.json`.
pub fn openapi() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", description()));
    &TEXT
}

fn description() -> Value {
    let mut asked = schema::with_components().into_generator();
    let mut answered = schema::with_components().for_serialize().into_generator();
    let mut paths = Map::new();
    for entry in Entry::all() {
        let operation = operation(&entry, &mut asked, &mut answered);
        paths.insert(format!("/api/{}", entry.method.name), json!({ "post": operation }));
    }
    let mut schemas = schema::components(asked);
    schemas.extend(schema::components(answered));
    schemas.insert("GeneralRefusal".to_owned(), general_refusal());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Billhook",
            "summary": "The API of JustClick, on your own machine",
            "description": INTRODUCTION,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            "version": env!("CARGO_PKG_VERSION"),
        },
        "servers": [{
            "url": "{SCHEME}://{LOGIN}.{DOMAIN}",
            "variables": {
                "SCHEME": { "enum": ["https", "http"], "default": "http" },
                "LOGIN": { "default": "username", "description": "The account's login." },
                "DOMAIN": { "default": "localhost:8080", "description": "The domain, and the port." },
            },
        }],
        "tags": [
            { "name": "API 1.0", "description": "Calls that are signed with `hash`." },
            { "name": "API 2.0", "description": "Calls that carry the key itself, as `rpsKey`." },
        ],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": { "IdempotencyKey": {
                "name": IDEMPOTENCY_KEY,
                "in": "header",
                "description": "Within 24 hours the same call under the same key is not done again: it gets the answer of the first. Another call under it is refused with code 3; one that was refused is looked at again.",
                "schema": { "type": "string", "pattern": "^[ -~]{1,255}$" },
            } },
            "headers": header_components(),
            "responses": {
                "NotDone": {
                    "description": "The request is none that the API takes: no such method (404), too large (413), or not well-formed (400).",
                    "content": content(&json!({ "$ref": "#/components/schemas/GeneralRefusal" })),
                },
                "Unavailable": {
                    "description": "The server's own failure; try again later.",
                    "content": content(&json!({ "$ref": "#/components/schemas/GeneralRefusal" })),
                },
            },
        },
    })
}

fn header_components() -> Value {
    let signature = json!({
        "description": "`t=UNIXTIME,v1=HEX`, where HEX is HMAC-SHA256 with the account's key over `UNIXTIME.` and the body.",
        "schema": { "type": "string", "pattern": r"^t=\d+,v1=[0-9a-f]{64}$" },
    });
    let pages = PAGE_HEADERS.iter().map(|(name, meaning)| {
        let description = format!("With `limit` or `after`: {meaning}.");
        ((*name).to_owned(), json!({ "description": description, "schema": { "type": "integer" } }))
    });
    std::iter::once(("Billhook-Signature".to_owned(), signature)).chain(pages).collect()
}

const INTRODUCTION: &str = "\
Every call is a POST of a form. Nested parameters are written as PHP writes them: `utm[utm_medium]=cpc`, \
`goods[0][good_name]=oplata`. An empty value is one that was not sent, but for UpdateGood's free texts; unknown parameters are passed over. Letter case in the \
names of methods does not matter: of two methods that differ in nothing else, the credential picks.\n\n\
The credential is a field of the form. API 1.0: `hash`, the MD5 in lower-case hex of `QUERY::LOGIN::KEY`, where QUERY is the form \
without `hash`, written as PHP's `http_build_query` does and in the order in which it is sent. API 2.0: `rpsKey`, the key itself. \
`rpsKey` opens the methods of API 1.0 as well.\n\n\
Every answer is an envelope of `error_code` (0: done), `error_text`, `result` and `hash`, the MD5 of `error_code::error_text::KEY`. \
Refusals come with HTTP status 200. An account may have its texts in lower case.";

fn operation(entry: &Entry, asked: &mut SchemaGenerator, answered: &mut SchemaGenerator) -> Value {
    let method = entry.method;
    let refusals = method.refusals.iter();
    let refusals = refusals.map(|code| format!("\n- {} {}: {}", code.number(), code.text(), meaning(*code)));
    let refusals = match refusals.collect::<String>() {
        none if none.is_empty() => "Done, or refused with a general code.".to_owned(),
        some => format!("Done, or refused with a general code or one of these:\n{some}"),
    };
    let not_done = json!({ "$ref": "#/components/responses/NotDone" });
    let unavailable = json!({ "$ref": "#/components/responses/Unavailable" });
    let mut operation = json!({
        "operationId": entry.id(),
        "tags": [entry.version()],
        "summary": entry.summary,
        "requestBody": { "required": true, "content": forms(entry, asked) },
        "responses": {
            "200": {
                "description": refusals,
                "headers": headers(entry),
                "content": content(&envelopes(entry, &schema::tidied((method.answer)(answered)))),
            },
            "400": not_done,
            "404": not_done,
            "413": not_done,
            "500": unavailable,
            "503": unavailable,
        },
    });
    if let (Access::Write, Some(operation)) = (method.access, operation.as_object_mut()) {
        let header = json!([{ "$ref": "#/components/parameters/IdempotencyKey" }]);
        operation.insert("parameters".to_owned(), header);
    }
    operation
}

/// The headers that an answer may have.
fn headers(entry: &Entry) -> Value {
    let pages = PAGE_HEADERS.iter().filter(|_| entry.has_pages()).map(|(name, _)| *name);
    let names = std::iter::once("Billhook-Signature").chain(pages);
    names.map(|name| (name.to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }))).collect()
}

/// The bodies that a call may have: the method's parameters and the credential.
fn forms(entry: &Entry, generator: &mut SchemaGenerator) -> Value {
    let mut schema = schema::tidied((entry.method.parameters)(generator));
    let (credential, made) = entry.credential();
    if let Some(object) = schema.as_object_mut() {
        let field = match entry.method.api {
            Api::Signed => json!({ "type": "string", "pattern": "^[0-9a-f]{32}$", "description": made }),
            Api::Keyed => json!({ "type": "string", "description": made }),
        };
        if let Value::Object(fields) = object.entry("properties").or_insert_with(|| json!({})) {
            fields.insert(credential.to_owned(), field);
        }
        if let Value::Array(required) = object.entry("required").or_insert_with(|| json!([])) {
            required.push(credential.into());
        }
    }
    let nested: Map<_, _> = entry.nested().map(|name| (name.to_owned(), deep())).collect();
    let urlencoded = if nested.is_empty() {
        json!({ "schema": schema })
    } else {
        json!({ "schema": schema, "encoding": nested })
    };
    match entry.method.api {
        Api::Signed => json!({ "application/x-www-form-urlencoded": urlencoded }),
        Api::Keyed => json!({
            "application/x-www-form-urlencoded": urlencoded,
            "multipart/form-data": { "schema": schema },
        }),
    }
}

/// Nested names in brackets, as in PHP.
fn deep() -> Value {
    json!({ "style": "deepObject", "explode": true })
}

/// A method's possible envelopes: success, its own refusals, general refusals.
fn envelopes(entry: &Entry, result: &Value) -> Value {
    let mut envelopes = vec![envelope(entry.method.done, result)];
    if !entry.method.refusals.is_empty() {
        envelopes.push(envelope(entry.method.refusals, &refused()));
    }
    envelopes.push(json!({ "$ref": "#/components/schemas/GeneralRefusal" }));
    json!({ "oneOf": envelopes })
}

fn general_refusal() -> Value {
    let mut envelope = envelope(&general_codes().collect::<Vec<_>>(), &refused());
    if let Some(envelope) = envelope.as_object_mut() {
        envelope.insert("description".to_owned(), "Refused with a code that every method has.".into());
    }
    envelope
}

/// The `result` of a refusal (decision 44).
fn refused() -> Value {
    json!({ "type": ["array", "object"], "description": "An empty list, unless the code has something to return." })
}

fn envelope(codes: &[Code], result: &Value) -> Value {
    // A method's success texts share one number.
    let told = codes.chunk_by(|one, next| one.number() == next.number()).filter_map(|codes| {
        let (first, title) = (codes.first()?, codes.iter().map(|code| code.text()).collect::<Vec<_>>());
        Some(json!({ "const": first.number(), "title": title.join(" | "), "description": meaning(*first) }))
    });
    let told: Vec<_> = told.collect();
    json!({
        "type": "object",
        "properties": {
            "error_code": { "type": "integer", "oneOf": told },
            "error_text": { "type": "string" },
            "result": result,
            "hash": {
                "type": "string",
                "pattern": "^[0-9a-f]{32}$",
                "description": "MD5 of `error_code::error_text::KEY`",
            },
        },
        "required": ["error_code", "error_text", "result", "hash"],
    })
}

fn content(schema: &Value) -> Value {
    json!({ "application/json": { "schema": schema } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_by_pages_name_their_headers() {
        let description = description();
        let paged = description["paths"].as_object().unwrap().iter().filter(|(_, path)| {
            let headers = path["post"]["responses"]["200"]["headers"].as_object().unwrap();
            headers.contains_key("Billhook-Next") && headers.contains_key("Billhook-Total")
        });
        let paged: Vec<_> = paged.map(|(path, _)| path.as_str()).collect();
        assert_eq!(paged, ["/api/GetBills", "/api/GetOrders", "/api/getOrdersWithGoods", "/api/GetAllGoods"]);
        for name in ["Billhook-Next", "Billhook-Total"] {
            assert!(description["components"]["headers"][name]["description"].is_string(), "{name}");
        }
    }

    /// A type in parameters and in answers must have one schema, because it has one name.
    #[test]
    fn shared_schemas_agree() {
        let mut asked = schema::with_components().into_generator();
        let mut answered = schema::with_components().for_serialize().into_generator();
        for entry in Entry::all() {
            operation(&entry, &mut asked, &mut answered);
        }
        let asked = schema::components(asked);
        for (name, schema) in schema::components(answered) {
            assert!(asked.get(&name).is_none_or(|same| *same == schema), "{name}");
        }
    }
}
