//! A call of the API from the cabinet, which shows what is hashed and what comes back.

use std::time::Instant;

use billhook_wire::{
    Access, Api,
    method::{METHODS, MethodInfo},
    query, signature,
};
use http::{HeaderValue, Request, header};
use maud::{Markup, html};

use super::{
    language::words,
    visit::{Context, Shown, Visit},
};
use crate::{
    api,
    failure::Failure,
    gate::Asked,
    http::{answer::Answer, body::Body},
    state::State,
};

words! {
    title: "Пробный вызов", "Make a call";
    what: "Вызов настоящий: методы, которые меняют данные, их меняют.", "The call is real: methods that change data do so.";
    method: "Метод", "Method";
    choose: "Выбрать", "Choose";
    changes: "меняет данные", "changes data";
    parameters: "Параметры, по одному в строке: имя=значение", "Parameters, one a line: name=value";
    submit: "Вызвать", "Call";
    hashed: "Что подписывается", "What is hashed";
    hashed_why: "Хэш: MD5 от этой строки, где вместо KEY стоит ваш ключ.", "The hash is the MD5 of this text, with your key in the place of KEY.";
    body: "Что отправлено", "What is sent";
    answer: "Ответ", "Answer";
    keyed: "API 2.0: вместо хэша отправляется сам ключ, rpsKey.", "API 2.0: the key itself is sent as rpsKey, instead of a hash.";
}

/// What came of a call.
pub(crate) struct Outcome {
    hashed: Option<String>,
    body: String,
    status: u16,
    answer: String,
}

/// The page with the form.
#[expect(clippy::unnecessary_wraps, reason = "a route's function")]
pub(super) fn page(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    Ok(shown(cx, None))
}

/// The page with what came of a call.
pub(super) fn done(cx: &Context<'_, '_>, outcome: &Outcome) -> Shown {
    shown(cx, Some(outcome))
}

/// The parameters of a method's example, one a line.
fn example(method: &MethodInfo) -> String {
    let lines: Vec<String> = method.example.iter().map(|(name, value)| format!("{name}={value}")).collect();
    lines.join("\n")
}

fn shown(cx: &Context<'_, '_>, outcome: Option<&Outcome>) -> Shown {
    let words = Words::of(cx.language());
    let fields = if outcome.is_some() { &cx.visit.form } else { &cx.visit.query };
    let chosen = MethodInfo::named(fields.get("method")).or_else(|| MethodInfo::named("GetBills"));
    let parameters = match (outcome, chosen) {
        (None, Some(method)) => example(method),
        _ => fields.get("parameters").to_owned(),
    };
    let main = html! {
        p { (words.what) }
        form method="get" action="/cabinet/api/call" {
            p.row {
                (methods(chosen, words))
                button.plain { (words.choose) }
            }
        }
        form method="post" action="/cabinet/api/call" {
            @if let Some(method) = chosen { input type="hidden" name="method" value=(method.name); }
            label {
                span { (words.parameters) }
                textarea name="parameters" rows="6" spellcheck="false" { (parameters) }
            }
            button { (words.submit) @if let Some(method) = chosen { " " (method.name) } }
        }
        @if let Some(outcome) = outcome { (came(outcome, words)) }
    };
    cx.page(words.title, &main)
}

fn methods(chosen: Option<&MethodInfo>, words: &Words) -> Markup {
    let name = chosen.map_or("", |method| method.name);
    html! {
        label {
            span { (words.method) }
            select name="method" {
                @for method in METHODS {
                    option value=(method.name) selected[method.name == name] {
                        (method.name) @if method.access == Access::Write { " (" (words.changes) ")" }
                    }
                }
            }
        }
    }
}

fn came(outcome: &Outcome, words: &Words) -> Markup {
    html! {
        h2 { (words.hashed) }
        @if let Some(hashed) = &outcome.hashed {
            pre tabindex="0" { code { (hashed) } }
            p.dim { (words.hashed_why) }
        } @else { p { (words.keyed) } }
        h2 { (words.body) }
        pre tabindex="0" { code { (outcome.body) } }
        h2 { (words.answer) }
        p { span.badge { "HTTP " (outcome.status) } }
        pre tabindex="0" { code { (outcome.answer) } }
    }
}

/// Makes the call that a form asks for, as if it had come over the network from the browser.
pub(super) async fn called(state: &State, asked: &Asked<'_>, visit: &Visit) -> Result<Outcome, Failure> {
    let (account, form) = (&visit.account, &visit.form);
    let method = MethodInfo::named(form.get("method")).ok_or(Failure::Http(http::StatusCode::NOT_FOUND))?;
    let lines = form.raw("parameters").lines().map(str::trim).filter(|line| !line.is_empty());
    let pairs = lines.map(|line| line.split_once('=').unwrap_or((line, "")));
    let mut query = Vec::new();
    query::build_pairs(pairs.map(|(name, value)| (name.as_bytes(), value.as_bytes())), &mut query);
    let key = &account.key;
    let query = String::from_utf8_lossy(&query).into_owned();
    let joint = if query.is_empty() { "" } else { "&" };
    let (hashed, sent, shown) = match method.api {
        Api::Signed => {
            let hash = signature::request(query.as_bytes(), &account.login, key);
            let body = format!("{query}{joint}hash={}", String::from_utf8_lossy(&hash));
            (Some(format!("{query}::{}::KEY", account.login)), body.clone(), body)
        }
        Api::Keyed => {
            let mut sent = format!("{query}{joint}rpsKey=").into_bytes();
            query::encode(key.reveal().as_bytes(), &mut sent);
            (None, String::from_utf8_lossy(&sent).into_owned(), format!("{query}{joint}rpsKey=KEY"))
        }
    };
    let request = Request::post(format!("/api/{}", method.name))
        .header(header::HOST, asked.head.headers.get(header::HOST).unwrap_or(&HeaderValue::from_static("")))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(())
        .map_err(|_| Failure::Fault("a request of ours is none"))?;
    let (head, ()) = request.into_parts();
    let asked = Asked { head: &head, account: asked.account.clone(), ..*asked };
    let begun = Instant::now();
    let (answer, called) = api::answer(state, &asked, Ok(()), Ok(Body::of(sent.into()))).await;
    let key = called.key.as_ref().unwrap_or(&account.key);
    let answer =
        answer.unwrap_or_else(|failure| Answer::refusal(&failure, account.settings.text_case, Some(key)));
    api::keep(state, account, &asked, Some(method.name), &answer, begun.elapsed(), called.trace);
    let text = match serde_json::from_slice::<serde_json::Value>(&answer.body) {
        Ok(json) => serde_json::to_string_pretty(&json).unwrap_or_default(),
        Err(_) => String::from_utf8_lossy(&answer.body).into_owned(),
    };
    Ok(Outcome { hashed, body: shown, status: answer.status.as_u16(), answer: text })
}
