//! The customers: found by e-mail, name or phone, and everything that one of them has ordered.

use std::collections::HashMap;

use billhook_store::{
    customers::{self, Customer, Found},
    order_lists,
    order_search::{START, Word},
    orders::{Order, TextField},
};
use billhook_wire::{Email, OrderId};
use maud::{Markup, html};
use percent_encoding::percent_decode_str;

use super::{
    frame::{self, Kind, field, in_url},
    language::words,
    orders,
    visit::{Context, Shown},
};
use crate::failure::Failure;

const HERE: &str = "/cabinet/customers";
/// As many customers, or orders of one, stand on a page.
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
    all: "Все заказы", "All orders";
    number: "Номер", "Number";
    created: "Создан", "Created";
    goods: "Товары", "Products";
    price: "Сумма", "Sum";
    status: "Состояние", "State";
}

/// Where a customer's page is.
pub(super) fn path(email: &str) -> String {
    format!("{HERE}/{}", in_url(email))
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
    let count = |number: u64| cx.language().number(i64::try_from(number).unwrap_or(i64::MAX));
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

/// Orders by their numbers.
fn whole(cx: &mut Context<'_, '_>, ids: &[OrderId]) -> Result<Vec<Order>, Failure> {
    let mut orders = Vec::with_capacity(ids.len());
    order_lists::each_of(cx.tx, cx.visit.account.id, ids, |order| {
        orders.push(order);
        Ok::<(), Failure>(())
    })?;
    Ok(orders)
}

/// One customer.
pub(super) fn customer(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let (words, account) = (Words::of(cx.language()), cx.visit.account.id);
    let email = percent_decode_str(&cx.visit.part).decode_utf8().ok();
    let Some(email) = email.and_then(|email| Email::parse(&email).ok()) else { return Ok(cx.missing()) };
    let Some(customer) = customers::find(cx.tx, account, &email)? else { return Ok(cx.missing()) };
    let newest = whole(cx, &[OrderId(customer.newest.1)])?;
    let Some(newest) = newest.first() else { return Ok(cx.missing()) };
    let below = OrderId(cx.visit.query.get("below").parse().unwrap_or(i64::MAX));
    let ids = customers::orders(cx.tx, account, &email, below, ON_A_PAGE + 1)?;
    let shown = ids.get(..ON_A_PAGE).unwrap_or(&ids);
    let mut orders = whole(cx, shown)?;
    orders.sort_unstable_by_key(|order| std::cmp::Reverse(order.id));
    let rows: Vec<_> = orders.iter().map(|order| row(cx, order)).collect();
    let columns = [words.number, words.created, words.goods, words.price, words.status];
    let main = html! {
        dl.pairs {
            @for (name, fact) in facts(cx, &customer, newest, words) {
                @if !fact.is_empty() { dt { (name) } dd { (fact) } }
            }
        }
        h2 { (words.all) }
        (frame::table(&columns, &rows))
        @if let Some(last) = shown.last().filter(|_| ids.len() > ON_A_PAGE) {
            p { a.button.plain href={ (path(email.as_str())) "?below=" (last) } { (words.next) } }
        }
    };
    Ok(cx.page(newest.email_text(), &main))
}

fn row(cx: &Context<'_, '_>, order: &Order) -> Vec<Markup> {
    let goods: Vec<&str> = order.lines.iter().map(|line| line.good_title.as_str()).collect();
    vec![
        html! { a href={ (orders::HERE) "/" (order.id) } { (order.id) } },
        html! { (cx.time(order.created)) },
        html! { (goods.join(", ")) },
        html! { (cx.language().money(order.price())) },
        orders::status_badge(cx.language(), order),
    ]
}
