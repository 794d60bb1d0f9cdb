//! The orders of one customer, as the pages of customers and contacts list them.

use billhook_store::orders::{Order, customers, order_lists};
use billhook_wire::{Email, OrderId};
use maud::{Markup, html};

use super::{
    frame::{self, in_url},
    language::words,
    orders,
    visit::Context,
};
use crate::failure::Failure;

/// Where the list of customers is.
pub(super) const HERE: &str = "/cabinet/customers";
/// As many orders stand on a page.
const ON_A_PAGE: usize = 50;

words! {
    all: "Все заказы", "All orders";
    next: "Дальше", "Go on";
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

/// Orders by their numbers.
pub(super) fn whole(cx: &mut Context<'_, '_>, ids: &[OrderId]) -> Result<Vec<Order>, Failure> {
    let mut orders = Vec::with_capacity(ids.len());
    order_lists::each_of(cx.tx, cx.visit.account.id, ids, |order| {
        orders.push(order);
        Ok::<(), Failure>(())
    })?;
    Ok(orders)
}

/// The orders of an e-mail below a number that the query names, the newest first; nothing if there are none.
pub(super) fn orders_of(cx: &mut Context<'_, '_>, email: &Email) -> Result<Markup, Failure> {
    let words = Words::of(cx.language());
    let below = OrderId(cx.visit.query.get("below").parse().unwrap_or(i64::MAX));
    let ids = customers::orders(cx.tx, cx.visit.account.id, email, below, ON_A_PAGE + 1)?;
    let shown = ids.get(..ON_A_PAGE).unwrap_or(&ids);
    let mut orders = whole(cx, shown)?;
    orders.sort_unstable_by_key(|order| std::cmp::Reverse(order.id));
    let rows: Vec<_> = orders.iter().map(|order| row(cx, order)).collect();
    let columns = [words.number, words.created, words.goods, words.price, words.status];
    Ok(html! {
        @if !rows.is_empty() {
            h2 { (words.all) }
            (frame::table(&columns, &rows))
        }
        @if let Some(last) = shown.last().filter(|_| ids.len() > ON_A_PAGE) {
            p { a.button.plain href={ (path(email.as_str())) "?below=" (last) } { (words.next) } }
        }
    })
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
