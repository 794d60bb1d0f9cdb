//! Notifications: what products' URLs and webhooks were told of orders, and what waits to be told.

use billhook_store::{
    accounts::audit::Action,
    outbox::{
        deliveries::{self, Delivery, DeliveryId, Filter, State, Try},
        endpoints::{self, Endpoint},
        events::{self, Happened},
    },
};
use billhook_wire::{OrderId, query};
use maud::{Markup, html};

use super::{
    alarm::alarm,
    delivery_words::{event_name, event_names, reason},
    frame::{self, button, choice},
    language::words,
    orders,
    visit::{Context, Fields, Shown},
};
use crate::failure::Failure;

pub(super) const HERE: &str = "/cabinet/deliveries";
/// As many deliveries stand on a page.
const ON_A_PAGE: u32 = 50;
/// At most so many are sent once more at once.
const AT_ONCE: u32 = 1_000;

words! {
    title: "Уведомления", "Notifications";
    webhooks: "Вебхуки", "Webhooks";
    one: "Уведомление", "Notification";
    what: "Что Billhook сообщает о заказах по адресам товаров и вебхукам. Что уже не ждёт отправки, хранится 30 дней.",
        "What products' URLs and webhooks are told of orders. What waits no more is kept for 30 days.";
    at: "Когда", "When";
    event: "Событие", "Event";
    order: "Заказ", "Order";
    to: "Куда", "Sent to";
    product_url: "адрес товара", "a product's URL";
    webhook: "вебхук", "webhook";
    state: "Состояние", "State";
    any: "все", "all";
    pending: "ждёт", "waits";
    delivered: "доставлено", "delivered";
    failed: "не доставлено", "failed";
    dropped: "снято с отправки", "dropped";
    next: "следующая попытка", "next try at";
    since: "С", "Since";
    filter: "Показать", "Show";
    reset: "Сбросить", "Reset";
    none: "Таких уведомлений нет.", "There are no such notifications.";
    older: "Раньше", "Older";
    resend: "Отправить ещё раз", "Send once more";
    resend_all: "Отправить ещё раз всё найденное", "Send all of these once more";
    resend_most: "Найдено больше тысячи. За один раз уйдёт тысяча самых новых.",
        "There are more than a thousand. At once the newest thousand are sent.";
    yes: "Да, отправить", "Yes, send";
    tries: "Попытки", "Tries";
    untried: "Попыток ещё не было.", "It was not tried yet.";
    ended: "Закончено", "Settled";
    status: "Статус HTTP", "HTTP status";
    milliseconds: "Миллисекунд", "Milliseconds";
    result: "Итог", "Result";
    accepted: "принято", "accepted";
    answer: "Начало ответа", "Beginning of the answer";
    body: "Что отправляется", "What is sent";
}

impl Words {
    fn state(&self, state: State) -> &'static str {
        match state {
            State::Pending => self.pending,
            State::Delivered => self.delivered,
            State::Failed => self.failed,
            State::Dropped => self.dropped,
        }
    }
}

/// A delivery's name in paths and queries.
fn name(id: DeliveryId) -> String {
    format!("{}-{}", id.event, id.target)
}

fn named(text: &str) -> Option<DeliveryId> {
    let (event, target) = text.split_once('-')?;
    Some(DeliveryId { event: event.parse().ok()?, target: target.parse().ok()? })
}

/// Where a delivery's page is.
pub(super) fn path(id: DeliveryId) -> String {
    format!("{HERE}/{}", name(id))
}

/// The way from the notifications to the webhooks and back.
pub(super) fn tabs(cx: &Context<'_, '_>) -> Markup {
    let words = Words::of(cx.language());
    html! {
        nav.row aria-label=(words.title) {
            @for (path, name) in [(HERE, words.title), ("/cabinet/webhooks", words.webhooks)] {
                a href=(path) aria-current=[(cx.visit.path == path).then_some("page")] { (name) }
            }
        }
    }
}

/// The fields of the filter.
const FIELDS: [&str; 4] = ["state", "event", "endpoint", "since"];

/// The filter that a query or form asks for. No event is since a day that can't be read.
fn filter(cx: &Context<'_, '_>, fields: &Fields) -> Filter {
    let since = match fields.get("since") {
        "" => 0,
        day => orders::day(day, &cx.visit.account.settings.time_zone, false).unwrap_or(i64::MAX),
    };
    Filter {
        state: State::parse(fields.get("state")),
        event: fields.get("event").to_owned(),
        endpoint: fields.get("endpoint").parse().ok(),
        since,
    }
}

/// The list.
pub(super) fn page(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let (words, account, query) = (Words::of(cx.language()), cx.visit.account.id, &cx.visit.query);
    let (filter, before) = (filter(cx, query), named(query.get("before")));
    let may_resend = cx.is_owner() && filter.state == Some(State::Failed) && before.is_none();
    let most = if may_resend { AT_ONCE } else { ON_A_PAGE };
    let found = deliveries::list(cx.tx, account, &filter, before, most + 1)?;
    let on_a_page = ON_A_PAGE as usize;
    let rows: Vec<_> = found.iter().take(on_a_page).map(|delivery| row(cx, delivery)).collect();
    let last = found.get(on_a_page).and(found.get(on_a_page - 1));
    let main = html! {
        (tabs(cx))
        (alarm(cx)?)
        p { (words.what) }
        (form(cx)?)
        @if rows.is_empty() { p.dim { (words.none) } } @else { (frame::table(&columns(words), &rows)) }
        @if let Some(last) = last { p { a.button.plain href=(older(query, last.id)) { (words.older) } } }
        @if may_resend && !found.is_empty() { (resend_form(query, found.len(), words)) }
    };
    Ok(cx.page(words.title, &main))
}

fn columns(words: &Words) -> [&'static str; 5] {
    [words.at, words.event, words.to, words.state, words.order]
}

fn row(cx: &Context<'_, '_>, delivery: &Delivery) -> Vec<Markup> {
    vec![
        html! { a href=(path(delivery.id)) { (cx.moment(delivery.id.event / 1_000_000)) } },
        html! { (event_name(cx.language(), &delivery.event)) },
        receiver(cx, delivery),
        standing(cx, delivery),
        order_link(delivery.order),
    ]
}

fn order_link(order: OrderId) -> Markup {
    html! { @if order.0 != 0 { a href={ (orders::HERE) "/" (order) } { (order) } } }
}

fn receiver(cx: &Context<'_, '_>, delivery: &Delivery) -> Markup {
    let words = Words::of(cx.language());
    html! {
        @if delivery.endpoint == 0 { (words.product_url) }
        @else { (words.webhook) " " (delivery.endpoint) }
        br;
        code { (delivery.url) }
    }
}

/// How far a delivery has got, in words.
fn standing(cx: &Context<'_, '_>, delivery: &Delivery) -> Markup {
    let (words, Delivery { state, due_at, .. }) = (Words::of(cx.language()), delivery);
    let class = match state {
        State::Delivered => "badge good",
        State::Failed => "badge bad",
        State::Pending | State::Dropped => "badge",
    };
    let next = (*state == State::Pending && *due_at > cx.visit.now)
        .then(|| format!("{} {}", words.next, cx.moment(*due_at)));
    let why = Some(reason(cx.language(), &delivery.reason)).filter(|why| !why.is_empty());
    let told: Vec<_> = next.into_iter().chain(why).collect();
    html! { span class=(class) { (words.state(*state)) } @if !told.is_empty() { " " (told.join("; ")) } }
}

fn form(cx: &mut Context<'_, '_>) -> Result<Markup, Failure> {
    let (words, language, query) = (Words::of(cx.language()), cx.language(), &cx.visit.query);
    let any = || (String::new(), words.any.to_owned());
    let option = |(value, text): (&str, &str)| (value.to_owned(), text.to_owned());
    let states = State::ALL.map(|state| option((state.as_str(), words.state(state))));
    let states: Vec<_> = [any()].into_iter().chain(states).collect();
    let events: Vec<_> = [any()].into_iter().chain(event_names(language).map(option)).collect();
    let mut endpoints = endpoints::list(cx.tx, cx.visit.account.id)?;
    // Nothing is sent to one without a URL.
    endpoints.retain(|endpoint| !endpoint.url.is_empty());
    let endpoints = endpoints.into_iter().map(|Endpoint { id, url, .. }| {
        let begin: String = url.chars().take(40).collect();
        (id.to_string(), format!("{} {id}: {begin}", words.webhook))
    });
    let products = option(("0", words.product_url));
    let endpoints: Vec<_> = [any(), products].into_iter().chain(endpoints).collect();
    Ok(html! {
        form.row action=(HERE) role="search" {
            (choice(words.state, "state", query.get("state"), &states))
            (choice(words.event, "event", query.get("event"), &events))
            (choice(words.to, "endpoint", query.get("endpoint"), &endpoints))
            label { span { (words.since) } input type="date" name="since" value=(query.get("since")); }
            button { (words.filter) }
            @if FIELDS.iter().any(|name| query.has(name)) { a.button.plain href=(HERE) { (words.reset) } }
        }
    })
}

/// The path of the deliveries before one.
fn older(query: &Fields, before: DeliveryId) -> String {
    let (mut form, before) = (Vec::new(), name(before));
    let pairs = FIELDS.iter().map(|name| (*name, query.get(name))).chain([("before", before.as_str())]);
    query::build_pairs(pairs.map(|(name, value)| (name.as_bytes(), value.as_bytes())), &mut form);
    format!("{HERE}?{}", String::from_utf8_lossy(&form))
}

/// The button that sends all of the filter once more.
fn resend_form(query: &Fields, count: usize, words: &Words) -> Markup {
    let most = AT_ONCE as usize;
    html! {
        details {
            summary { (words.resend_all) ": " (count.min(most)) }
            @if count > most { p { (words.resend_most) } }
            form.inline method="post" action={ (HERE) "/resend" } {
                @for name in FIELDS { input type="hidden" name=(name) value=(query.get(name)); }
                button { (words.yes) }
            }
        }
    }
}

/// Sends what failed of a filter once more, as much as one transaction takes.
pub(super) fn resend_failed(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let account = cx.visit.account.id;
    let filter = Filter { state: Some(State::Failed), ..filter(cx, &cx.visit.form) };
    let found = deliveries::list(cx.tx, account, &filter, None, AT_ONCE)?;
    let ids: Vec<_> = found.iter().map(|delivery| delivery.id).collect();
    if !ids.is_empty() {
        deliveries::resend(cx.tx, account, &ids, cx.visit.now)?;
        cx.note(Action::EventsResent, &ids.len().to_string())?;
    }
    Ok(Shown::done(HERE))
}

/// The delivery that a path names, with its event.
fn found(cx: &mut Context<'_, '_>) -> Result<Option<(Delivery, Happened)>, Failure> {
    let Some(id) = named(&cx.visit.part) else { return Ok(None) };
    let (delivery, event) = (
        deliveries::find(cx.tx, cx.visit.account.id, id)?,
        events::find(cx.tx, cx.visit.account.id, id.event)?,
    );
    Ok(delivery.zip(event))
}

/// One delivery.
pub(super) fn one(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let words = Words::of(cx.language());
    let Some((delivery, event)) = found(cx)? else { return Ok(cx.missing()) };
    let tries = deliveries::tries(cx.tx, cx.visit.account.id, delivery.id)?;
    let rows: Vec<_> = tries.iter().map(|tried| try_row(cx, tried)).collect();
    let body = if delivery.endpoint == 0 { &event.form } else { &event.json };
    let main = html! {
        (tabs(cx))
        div #delivery data-refresh=[(delivery.state == State::Pending).then_some("5")] {
            dl.pairs {
                dt { "webhook-id" } dd { code { (events::id(event.number)) } }
                dt { (words.at) } dd { (cx.moment(event.at)) }
                dt { (words.event) } dd { (event_name(cx.language(), &event.event)) " " code { (event.event) } }
                @if event.order.0 != 0 { dt { (words.order) } dd { (order_link(event.order)) } }
                dt { (words.to) } dd { (receiver(cx, &delivery)) }
                dt { (words.state) } dd { (standing(cx, &delivery)) }
                @if delivery.ended != 0 { dt { (words.ended) } dd { (cx.moment(delivery.ended)) } }
            }
            h2 { (words.tries) }
            @if rows.is_empty() { p.dim { (words.untried) } }
            @else { (frame::table(&[words.at, words.status, words.milliseconds, words.result, words.answer], &rows)) }
        }
        @if cx.is_owner() { p { (button(&format!("{}/resend", path(delivery.id)), words.resend, false)) } }
        h2 { (words.body) }
        pre.wrap tabindex="0" { code { (body) } }
    };
    Ok(cx.page(words.one, &main))
}

fn try_row(cx: &Context<'_, '_>, tried: &Try) -> Vec<Markup> {
    let Try { at, status, milliseconds, reason: why, answer } = tried;
    let (result, status) = (reason(cx.language(), why), Some(status).filter(|status| **status != 0));
    vec![
        html! { (cx.moment(*at)) },
        html! { @if let Some(status) = status { (status) } },
        html! { (milliseconds) },
        html! { @if result.is_empty() { (Words::of(cx.language()).accepted) } @else { (result) } },
        html! { @if !answer.is_empty() { code { (answer) } } },
    ]
}

/// Sends one once more.
pub(super) fn resend(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let Some((Delivery { id, order, .. }, _)) = found(cx)? else { return Ok(cx.missing()) };
    deliveries::resend(cx.tx, cx.visit.account.id, &[id], cx.visit.now)?;
    cx.note_order(Action::EventsResent, order, &format!("{}/{}", events::id(id.event), id.target))?;
    Ok(Shown::done(&path(id)))
}

/// An order's deliveries, if there are any.
pub(super) fn of_order(cx: &mut Context<'_, '_>, order: OrderId) -> Result<Markup, Failure> {
    let words = Words::of(cx.language());
    let all = deliveries::of_order(cx.tx, cx.visit.account.id, order)?;
    let rows: Vec<_> = all.iter().map(|delivery| row(cx, delivery)).collect();
    let [at, event, to, state, _] = columns(words);
    Ok(html! {
        @if !rows.is_empty() {
            h2 { (words.title) }
            (frame::table(&[at, event, to, state], &rows))
        }
    })
}
