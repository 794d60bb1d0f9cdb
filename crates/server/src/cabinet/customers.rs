//! The customers: found by e-mail, name or phone, and everything that one of them has ordered.

use std::collections::HashMap;

use billhook_store::orders::{
    Order, TextField,
    customers::{self, Customer, Found},
    order_search::{START, Word},
};
use billhook_wire::{Email, OrderId};
use maud::html;
use percent_encoding::percent_decode_str;

use super::{
    contacts,
    customer_orders::{HERE, orders_of, path, whole},
    frame::{self, Kind, field, in_url},
    language::words,
    orders,
    visit::{Context, Shown},
};
use crate::failure::Failure;

/// As many stand on a page.
const ON_A_PAGE: usize = 50;

words! {
    title: "Покупатели", "Customers";
    search: "E-mail, фамилия и имя, телефон или номер заказа", "E-mail, name, phone or an order's number";
    find: "Найти", "Find";
    reset: "Сбросить", "Reset";
    name: "Имя", "Name";
    phone: "Телефон", "Phone";
    orders: "Заказов", "Orders";
    paid: "Оплаченных заказов", "Paid orders";
    received: "Получено", "Received";
    last: "Последний заказ", "Last order";
    none: "Таких покупателей нет.", "There are no such customers.";
    too_many: "Слишком много совпадений, показаны не все. Введите больше букв или цифр.",
        "Too many match, and not all are shown. Type more letters or digits.";
    more_than: "больше", "more than";
    next: "Дальше", "Go on";
}

/// The list.
pub(super) fn page(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let (words, account, query) = (Words::of(cx.language()), cx.visit.account.id, &cx.visit.query);
    let after = orders::position(query);
    let Found { customers, next, is_cut } =
        customers::list(cx.tx, account, &Word::read(query.get("q")), after.unwrap_or(START), ON_A_PAGE)?;
    let newest: Vec<_> = customers.iter().map(|customer| OrderId(customer.newest.1)).collect();
    let newest: HashMap<_, _> = whole(cx, &newest)?.into_iter().map(|order| (order.id, order)).collect();
    let rows: Vec<_> = customers
        .iter()
        .filter_map(|customer| {
            let order = newest.get(&OrderId(customer.newest.1))?;
            let mut row = vec![html! { a href=(path(order.email_text())) { (order.email_text()) } }];
            row.extend(facts(cx, customer, order, words).map(|(_, fact)| html! { (fact) }));
            Some(row)
        })
        .collect();
    let columns = ["E-mail", words.name, words.phone, words.orders, words.paid, words.received, words.last];
    let main = html! {
        form method="get" action=(HERE) role="search" {
            div.row {
                (field(words.search, "q", query.get("q"), Kind::Optional))
                button { (words.find) }
                a.button.plain href=(HERE) { (words.reset) }
            }
        }
        (frame::problem(is_cut.then_some(words.too_many)))
        @if rows.is_empty() && next.is_none() { p { (words.none) } }
        @if !rows.is_empty() { (frame::table(&columns, &rows)) }
        @if let Some((time, number)) = next {
            @let link = format!("{HERE}?q={}&time={time}&number={number}", in_url(query.get("q")));
            p { a.button.plain href=(link) { (words.next) } }
        }
    };
    Ok(cx.page(words.title, &main))
}

/// What is known of a customer beside the e-mail; the newest order says who it is.
fn facts(
    cx: &Context<'_, '_>,
    customer: &Customer,
    newest: &Order,
    words: &'static Words,
) -> [(&'static str, String); 6] {
    let count = |number| cx.language().count(number);
    let more = if customer.is_cut { format!("{} ", words.more_than) } else { String::new() };
    [
        (words.name, newest.customer_name()),
        (words.phone, newest.texts.get(TextField::Phone).to_owned()),
        (words.orders, format!("{more}{}", count(customer.orders))),
        (words.paid, format!("{more}{}", count(customer.paid))),
        (words.received, format!("{more}{}", cx.language().money(customer.received))),
        (words.last, cx.time(customer.newest.0)),
    ]
}

/// One customer.
pub(super) fn customer(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let (words, account) = (Words::of(cx.language()), cx.visit.account.id);
    let email = percent_decode_str(&cx.visit.part).decode_utf8().ok();
    let Some(email) = email.and_then(|email| Email::parse(&email).ok()) else { return Ok(cx.missing()) };
    let Some(customer) = customers::find(cx.tx, account, &email)? else { return Ok(cx.missing()) };
    let newest = whole(cx, &[OrderId(customer.newest.1)])?;
    let Some(newest) = newest.first() else { return Ok(cx.missing()) };
    let (link, orders) = (contacts::link(cx, &email)?, orders_of(cx, &email)?);
    let main = html! {
        dl.pairs {
            @for (name, fact) in facts(cx, &customer, newest, words) {
                @if !fact.is_empty() { dt { (name) } dd { (fact) } }
            }
        }
        @if let Some(link) = link { p { (link) } }
        (orders)
        (contacts::erasing(cx, &email))
    };
    Ok(cx.page(newest.email_text(), &main))
}
