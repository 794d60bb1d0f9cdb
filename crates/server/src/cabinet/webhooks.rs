//! The webhooks: who is told of all of the account's events, as JSON.

use billhook_store::{
    accounts::{audit::Action, people::Secret},
    outbox::{
        deliveries::DeliveryId,
        endpoints::{self, ENDPOINTS_MAX, Endpoint},
        events,
    },
};
use billhook_wire::{lead_event::event_words, signature};
use http::StatusCode;
use maud::{Markup, html};

use super::{
    alarm::alarm,
    deliveries,
    delivery_words::{IN_CABINET, event_name, reason},
    frame::{self, Kind, asking_button, button, choice, field},
    language::{Language, words},
    visit::{Context, Shown},
};
use crate::{failure::Failure, outbox::check_webhook_url};

pub(super) const HERE: &str = "/cabinet/webhooks";
/// How long an old secret signs beside the new one, in seconds.
const OVERLAP_SECONDS: i64 = 24 * 60 * 60;

words! {
    title: "Вебхуки", "Webhooks";
    one: "Вебхук", "Webhook";
    what: "Вебхук получает события всего магазина в JSON с подписью Standard Webhooks. Адреса, которые ждут форму JustClick, вписывают в настройках товара.",
        "A webhook gets the events of the whole shop, as JSON signed by Standard Webhooks. URLs that expect the form of JustClick are settings of a product.";
    none: "Вебхуков пока нет.", "There are no webhooks yet.";
    add: "Новый вебхук", "A new webhook";
    submit: "Добавить", "Add";
    url: "Адрес", "URL";
    events: "События", "Events";
    events_none: "Если ничего не отметить, придут все.", "Without a tick it gets all of them.";
    all: "все", "all";
    state: "Состояние", "State";
    works: "работает", "works";
    disabled: "выключен", "disabled";
    added: "Добавлен", "Added";
    listen_only: "ничего не отправляется, программы сами спрашивают методом billhook.events",
        "nothing is sent; programs ask by the method billhook.events";
    not_added: "Не добавлено", "Not added";
    known: "такой вебхук уже есть", "there is such a webhook";
    too_many: "вебхуков уже столько, сколько может быть", "there are as many webhooks as may be";
    secret: "Секрет", "Secret";
    hidden: "скрыт", "hidden";
    owners_only: "Секрет видят только владельцы.", "Only owners see the secret.";
    show: "Показать секрет", "Show the secret";
    old_until: "Прежний секрет подписывает до", "The old secret signs until";
    sent: "Что отправлялось", "What was sent";
    test: "Отправить пробное событие", "Send a test event";
    rotate: "Заменить секрет", "Change the secret";
    rotate_what: "Пока действуют оба секрета, в каждом сообщении две подписи, и получатель успеет перейти на новый.",
        "While both secrets sign, each message has two signatures, so that the receiver has time to change.";
    old: "Прежний секрет", "The old secret";
    old_day: "подписывает ещё сутки", "signs for a day more";
    old_none: "больше не подписывает", "signs no more";
    disable: "Выключить", "Disable";
    enable: "Включить", "Enable";
    disable_what: "Пока вебхук выключен, новых событий он не получает, а те, что ждут, останутся недоставленными.",
        "A disabled webhook gets no new events, and those that wait for it fail.";
    remove: "Удалить", "Remove";
    surely: "Да, точно", "Yes, do it";
}

/// Where a webhook's page is.
pub(super) fn path(id: i64) -> String {
    format!("{HERE}/{id}")
}

/// A webhook's URL, or words in its place.
pub(super) fn shown_url(language: Language, endpoint: &Endpoint) -> &str {
    if endpoint.url.is_empty() { Words::of(language).listen_only } else { &endpoint.url }
}

fn events_of(language: Language, endpoint: &Endpoint) -> String {
    if endpoint.events.is_empty() {
        return Words::of(language).all.to_owned();
    }
    let names: Vec<_> = endpoint.events.split(',').map(|word| event_name(language, word)).collect();
    names.join(", ")
}

fn state(cx: &Context<'_, '_>, endpoint: &Endpoint) -> Markup {
    let words = Words::of(cx.language());
    html! {
        @if endpoint.disabled == 0 { span.badge.good { (words.works) } }
        @else {
            span.badge.bad { (words.disabled) } " " (cx.time(endpoint.disabled)) ", " (reason(cx.language(), &endpoint.reason))
        }
    }
}

/// The list, and a form for another one.
pub(super) fn page(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    listed(cx, None)
}

fn listed(cx: &mut Context<'_, '_>, problem: Option<&str>) -> Result<Shown, Failure> {
    let (words, language, form) = (Words::of(cx.language()), cx.language(), &cx.visit.form);
    let all = endpoints::list(cx.tx, cx.visit.account.id)?;
    let rows: Vec<_> = all
        .iter()
        .map(|endpoint| {
            vec![
                html! { a href=(path(endpoint.id)) { (endpoint.id) ": " (shown_url(language, endpoint)) } },
                html! { (events_of(language, endpoint)) },
                state(cx, endpoint),
                html! { (cx.time(endpoint.created)) },
            ]
        })
        .collect();
    let main = html! {
        (deliveries::tabs(cx))
        (alarm(cx)?)
        (frame::problem(problem))
        p { (words.what) }
        @if rows.is_empty() { p.dim { (words.none) } }
        @else { (frame::table(&[words.url, words.events, words.state, words.added], &rows)) }
        @if cx.is_owner() {
            h2 { (words.add) }
            form.card method="post" action=(HERE) {
                (field(words.url, "url", form.get("url"), Kind::Text))
                fieldset {
                    legend { (words.events) }
                    @for word in event_words() {
                        label.check {
                            input type="checkbox" name=(word) value="1" checked[form.has(word)];
                            (event_name(language, word))
                        }
                    }
                    p.dim { (words.events_none) }
                }
                button { (words.submit) }
            }
        }
    };
    Ok(cx.page(words.title, &main))
}

/// Adds one.
pub(super) fn add(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let (words, form, account) = (Words::of(cx.language()), &cx.visit.form, cx.visit.account.id);
    let asked = event_words().filter(|word| form.has(word));
    let mut endpoint = Endpoint {
        url: form.get("url").to_owned(),
        events: asked.collect::<Vec<_>>().join(","),
        secret: Secret(signature::webhook_secret(rand::random())),
        created: cx.visit.now,
        ..Endpoint::default()
    };
    let known = endpoints::list(cx.tx, account)?;
    // A form that comes twice adds one.
    let is_known = known.iter().any(|known| (&known.url, &known.events) == (&endpoint.url, &endpoint.events));
    let problem = match check_webhook_url(&endpoint.url) {
        Err(problem) => reason(cx.language(), problem),
        Ok(()) if is_known => words.known.to_owned(),
        Ok(()) => match endpoints::add(cx.tx, account, &endpoint)? {
            None => format!("{} ({ENDPOINTS_MAX})", words.too_many),
            Some(id) => {
                endpoint.id = id;
                note(cx, Action::WebhookAdded, &endpoint)?;
                return Ok(Shown::done(&path(id)));
            }
        },
    };
    let problem = format!("{}: {problem}.", words.not_added);
    Ok(listed(cx, Some(&problem))?.status(StatusCode::UNPROCESSABLE_ENTITY))
}

/// Notes what was done to a webhook, as commands do.
fn note(cx: &mut Context<'_, '_>, action: Action, endpoint: &Endpoint) -> Result<(), Failure> {
    cx.note(action, &format!("{} {}", endpoint.id, endpoint.shown_url()))
}

/// The webhook whose number stands in the path.
fn found(cx: &mut Context<'_, '_>) -> Result<Option<Endpoint>, Failure> {
    match cx.visit.part.parse() {
        Ok(id) => Ok(endpoints::find(cx.tx, cx.visit.account.id, id)?),
        Err(_) => Ok(None),
    }
}

/// One of them.
pub(super) fn one(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let Some(endpoint) = found(cx)? else { return Ok(cx.missing()) };
    Ok(shown(cx, &endpoint, false))
}

fn shown(cx: &Context<'_, '_>, endpoint: &Endpoint, has_secret: bool) -> Shown {
    let (words, language) = (Words::of(cx.language()), cx.language());
    let old_until = Some(endpoint.old_secret_until).filter(|until| *until > cx.visit.now);
    let main = html! {
        (deliveries::tabs(cx))
        dl.pairs {
            dt { (words.url) } dd { (shown_url(language, endpoint)) }
            dt { (words.events) } dd { (events_of(language, endpoint)) }
            dt { (words.state) } dd { (state(cx, endpoint)) }
            dt { (words.added) } dd { (cx.time(endpoint.created)) }
            dt { (words.secret) }
            dd {
                @if has_secret {
                    code.secret #secret { (endpoint.secret.0) } " " (frame::copy(language, "secret"))
                } @else { span.dim { (words.hidden) } }
            }
            @if let Some(until) = old_until { dt { (words.old_until) } dd { (cx.time(until)) } }
        }
        p { a href={ (deliveries::HERE) "?endpoint=" (endpoint.id) } { (words.sent) } }
        @if cx.is_owner() { (actions(endpoint, has_secret, words)) } @else { p.dim { (words.owners_only) } }
    };
    cx.page(&format!("{} {}", words.one, endpoint.id), &main)
}

fn actions(endpoint: &Endpoint, has_secret: bool, words: &Words) -> Markup {
    let to = |act: &str| format!("{}/{act}", path(endpoint.id));
    let kept = [("day".to_owned(), words.old_day), ("none".to_owned(), words.old_none)];
    html! {
        @if !has_secret { (button(&to("secret"), words.show, false)) }
        @if can_be_tested(endpoint) { (button(&to("test"), words.test, false)) }
        h2 { (words.rotate) }
        p { (words.rotate_what) }
        form.card method="post" action=(to("rotate")) {
            (choice(words.old, "old", "day", &kept))
            button.danger { (words.rotate) }
        }
        @if endpoint.disabled == 0 {
            h2 { (words.disable) }
            p { (words.disable_what) }
            (button(&to("disable"), words.disable, true))
        } @else {
            p { (button(&to("enable"), words.enable, false)) }
        }
        (asking_button(&to("remove"), words.remove, words.surely))
    }
}

/// Shows the secret.
pub(super) fn show_secret(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let Some(endpoint) = found(cx)? else { return Ok(cx.missing()) };
    note(cx, Action::WebhookSecretShown, &endpoint)?;
    Ok(shown(cx, &endpoint, true))
}

/// Changes one, and notes it.
fn change(
    cx: &mut Context<'_, '_>,
    action: Action,
    change: impl FnOnce(&mut Endpoint),
) -> Result<Shown, Failure> {
    let Some(mut endpoint) = found(cx)? else { return Ok(cx.missing()) };
    change(&mut endpoint);
    endpoints::put(cx.tx, cx.visit.account.id, &endpoint)?;
    note(cx, action, &endpoint)?;
    Ok(Shown::done(&path(endpoint.id)))
}

/// Gives it a new secret; the old one may sign for a day more.
pub(super) fn rotate_secret(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let until = (cx.visit.form.get("old") == "day").then_some(cx.visit.now + OVERLAP_SECONDS);
    let secret = Secret(signature::webhook_secret(rand::random()));
    change(cx, Action::WebhookSecret, |endpoint| endpoint.rotate_secret(secret, until))
}

/// Tells it of nothing more.
pub(super) fn disable(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let disabled = (cx.visit.now, IN_CABINET.to_owned());
    change(cx, Action::WebhookDisabled, |endpoint| (endpoint.disabled, endpoint.reason) = disabled)
}

/// Tells it of events again.
pub(super) fn enable(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    change(cx, Action::WebhookEnabled, |endpoint| (endpoint.disabled, endpoint.reason) = Default::default())
}

fn can_be_tested(endpoint: &Endpoint) -> bool {
    endpoint.disabled == 0 && !endpoint.url.is_empty()
}

/// Sends it an event that tests it, and shows what becomes of that.
pub(super) fn test(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let Some(endpoint) = found(cx)? else { return Ok(cx.missing()) };
    if !can_be_tested(&endpoint) {
        return Ok(Shown::to(&path(endpoint.id)));
    }
    note(cx, Action::WebhookTested, &endpoint)?;
    let event = events::test(cx.tx, cx.visit.account.id, &endpoint)?;
    Ok(Shown::done(&deliveries::path(DeliveryId { event, target: 1 })))
}

/// Removes it.
pub(super) fn remove(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let Some(endpoint) = found(cx)? else { return Ok(cx.missing()) };
    endpoints::remove(cx.tx, cx.visit.account.id, endpoint.id)?;
    note(cx, Action::WebhookRemoved, &endpoint)?;
    Ok(Shown::done(HERE))
}
