//! The last calls of the account's integrations, and why one was refused.

use std::{collections::BTreeSet, sync::Arc};

use billhook_wire::{Code, query};
use maud::{Markup, html};

use super::{
    frame::{self, Kind, field},
    language::words,
    refusal_words,
    visit::{Context, Shown},
};
use crate::{
    failure::Failure,
    telemetry::{calls::Call, refusal::Refusal},
};

const HERE: &str = "/cabinet/requests";
/// As many calls stand on a page.
const ON_A_PAGE: usize = 100;

words! {
    title: "Запросы", "Requests";
    what: "Последние вызовы API, которые ответил этот сервер с его запуска: до 800 с верным ключом и до 200 остальных. Если серверов несколько, у каждого свой список.",
        "The last calls of the API that this server has answered since it started: up to 800 with a right key and up to 200 others. Where there are several servers, each has a list of its own.";
    at: "Когда", "When";
    method: "Метод", "Method";
    code: "Код", "Code";
    any: "любой", "any";
    caller: "Откуда", "Caller";
    ms: "Миллисекунд", "Milliseconds";
    filter: "Показать", "Show";
    all: "Показать все", "Show all";
    none: "Таких запросов нет.", "There are no such requests.";
    older: "Раньше", "Older";
    call: "Запрос", "Request";
    status: "Статус HTTP", "HTTP status";
    credential: "Ключ или хеш", "Key or hash";
    right: "верный", "right";
    not_right: "неверный, или до него дело не дошло", "wrong, or not looked at";
    id: "Номер в журнале сервера", "Id in the server's log";
    why: "Почему отказано", "Why it was refused";
    signed: "Что прочитал сервер", "What the server read";
    hidden: "Вместо ключа стоит KEY, адреса почты скрыты.", "KEY stands for the key; e-mail addresses are hidden.";
    expected: "Ожидался хеш", "Expected hash";
    got: "Пришёл хеш", "Sent hash";
    back: "Все запросы", "All requests";
}

/// The list.
#[expect(clippy::unnecessary_wraps, reason = "every page may fail")]
pub(super) fn page(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let words = Words::of(cx.language());
    let query = &cx.visit.query;
    let (code, method) = (query.get("code"), query.get("method"));
    let before = query.get("before").parse().unwrap_or(i64::MAX);
    let mut calls = cx.visit.account.calls.calls();
    let codes: BTreeSet<u16> = calls.iter().map(|call| call.code).chain(code.parse().ok()).collect();
    let is_meant = |call: &Arc<Call>| {
        (code.is_empty() || call.code.to_string() == code)
            && (method.is_empty() || call.method.eq_ignore_ascii_case(method))
            && call.number < before
    };
    calls.retain(is_meant);
    calls.reverse();
    let rows: Vec<Vec<Markup>> = calls.iter().take(ON_A_PAGE).map(|call| row(cx, call)).collect();
    let last = calls.get(ON_A_PAGE).and(calls.get(ON_A_PAGE - 1));
    let is_newest = (before == i64::MAX).then_some("5");
    let main = html! {
        p { (words.what) }
        form.row action=(HERE) {
            label {
                span { (words.code) }
                select name="code" {
                    option value="" { (words.any) }
                    @for known in &codes { option value=(known) selected[known.to_string() == code] { (known) } }
                }
            }
            (field(words.method, "method", method, Kind::Optional))
            button { (words.filter) }
            @if !code.is_empty() || !method.is_empty() { a.button.plain href=(HERE) { (words.all) } }
        }
        div #calls data-refresh=[is_newest] {
            @if rows.is_empty() { p.dim { (words.none) } }
            @else { (frame::table(&[words.at, words.method, words.code, words.caller, words.ms], &rows)) }
            @if let Some(last) = last {
                p { a.button.plain href=(older(code, method, last.number)) { (words.older) } }
            }
        }
    };
    Ok(cx.page(words.title, &main))
}

/// The path of the calls before one.
fn older(code: &str, method: &str, before: i64) -> String {
    let mut form = Vec::new();
    let before = before.to_string();
    let pairs = [("code", code), ("method", method), ("before", &before)];
    query::build_pairs(pairs.map(|(name, value)| (name.as_bytes(), value.as_bytes())), &mut form);
    format!("{HERE}?{}", String::from_utf8_lossy(&form))
}

fn row(cx: &Context<'_, '_>, call: &Call) -> Vec<Markup> {
    vec![
        html! { a href={ (HERE) "/" (call.number) } { (cx.moment(call.at())) } },
        html! { (call.method) },
        code_badge(call),
        html! { (call.caller) },
        html! { (milliseconds(cx, call)) },
    ]
}

fn code_badge(call: &Call) -> Markup {
    let is_done = call.code == 0;
    html! { span.badge.good[is_done].bad[!is_done] { (call.code) } }
}

fn milliseconds(cx: &Context<'_, '_>, call: &Call) -> String {
    format!("{:.1}", call.ms()).replace('.', cx.language().choose(",", "."))
}

/// One call.
#[expect(clippy::unnecessary_wraps, reason = "every page may fail")]
pub(super) fn call(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let words = Words::of(cx.language());
    let number: Option<i64> = cx.visit.part.parse().ok();
    let calls = cx.visit.account.calls.calls();
    let Some(call) = calls.iter().find(|call| Some(call.number) == number) else { return Ok(cx.missing()) };
    let text = Code::ALL.iter().find(|code| code.number() == call.code).map(|code| code.text());
    let main = html! {
        dl.pairs {
            dt { (words.at) } dd { (cx.moment(call.at())) }
            dt { (words.method) } dd { (call.method) }
            dt { (words.code) } dd { (code_badge(call)) " " (text.unwrap_or_default()) }
            dt { (words.status) } dd { (call.status.as_u16()) }
            dt { (words.credential) } dd { (if call.trace.is_authentic { words.right } else { words.not_right }) }
            dt { (words.caller) } dd { (call.caller) }
            dt { (words.ms) } dd { (milliseconds(cx, call)) }
            dt { (words.id) } dd { code { (call.request_id) } }
        }
        @let known = refusal_words::of_answer(cx.language(), call.code, call.status.as_u16());
        @if let Some(refusal) = Refusal::of(&cx.visit.account, call) { (why(cx, &refusal, words)) }
        @else if !known.is_empty() { h2 { (words.why) } p.problem { (known) } }
        p { a.button.plain href=(HERE) { (words.back) } }
    };
    Ok(cx.page(words.call, &main))
}

fn why(cx: &Context<'_, '_>, refusal: &Refusal, words: &Words) -> Markup {
    let Refusal { reason, signed, expected, got } = refusal;
    html! {
        h2 { (words.why) }
        p.problem { (frame::with_code(&refusal_words::text(cx.language(), reason))) }
        h2 { (words.signed) }
        pre tabindex="0" { code { (signed) } }
        p.dim { (words.hidden) }
        dl.pairs {
            @if let Some(expected) = expected { dt { (words.expected) } dd { code { (expected) } } }
            @if let Some(got) = got { dt { (words.got) } dd { code { (got) } } }
        }
    }
}
