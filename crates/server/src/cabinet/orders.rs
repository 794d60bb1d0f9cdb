//! The list of orders: found by a search box, by filters, the newest first.
//!
//! Other pages link into it, so the names of its query's fields stay:
//!
//! - `q`: a number, the beginning of an e-mail, a surname or both names, or the last digits of a phone
//! - `status`: `waiting`, `paid`, `cancel` or `return`
//! - `by`: `paid` for the time of payment; else the time of creation counts
//! - `from`, `to`: the first and the last day, as 2024-01-31 in the account's zone
//! - `product`: a product's number or symbolic name
//! - `least`, `most`: sums
//! - `manager`: a manager's number
//! - `tag`, `coupon`, `partner`, `utm`: a whole text in any letter case; of `utm`, any of the five marks
//!
//! Without `q`, `product` and `from` it lists 90 days; an empty `from` lists all of them.

use billhook_store::{
    managers,
    orders::{
        Order, TextField, order_lists,
        order_search::{self, By, Filter, Found, Position, START, Word},
    },
    products::{self, Product},
};
use billhook_wire::{GoodId, Money, PayStatus};
use jiff::{ToSpan as _, civil::Date, tz::TimeZone};
use maud::{Markup, html};

use super::{
    alarm::alarm,
    frame::{self, Kind, choice, field},
    language::{Language, words},
    visit::{Context, Fields, Shown},
};
use crate::failure::Failure;

pub(super) const HERE: &str = "/cabinet/orders";
/// As many orders stand on a page.
const ON_A_PAGE: usize = 50;
/// Without dates and without a search, so many days are listed.
const DAYS: i64 = 90;
/// The fields of the form.
const FIELDS: [&str; 14] = [
    "q", "status", "by", "from", "to", "product", "least", "most", "manager", "tag", "coupon", "partner",
    "utm", "channel",
];

words! {
    title: "Заказы", "Orders";
    search: "Номер, e-mail, телефон, фамилия и имя", "Number, e-mail, phone or name";
    find: "Найти", "Find";
    recent: "Показаны заказы за последние 90 дней.", "These are the orders of the last 90 days.";
    all: "Показать за всё время", "Show all of them";
    reset: "Сбросить", "Reset";
    status: "Состояние", "State";
    any: "любое", "any";
    waiting: "ждёт оплаты", "awaiting payment";
    prepaid: "ждёт остатка (есть предоплата)", "paid in part";
    paid_state: "оплачен", "paid";
    cancelled: "отменён", "cancelled";
    refunded: "деньги возвращены", "refunded";
    deleted: "удалён", "deleted";
    by: "Даты", "Dates";
    by_created: "создания", "of creation";
    by_paid: "оплаты", "of payment";
    by_income: "поступления денег", "of income";
    by_refunds: "возврата денег", "of a refund";
    from: "С", "From";
    to: "По", "To";
    product: "Товар (номер или имя)", "Product (number or name)";
    more: "Ещё фильтры", "More filters";
    least: "Сумма от", "Sum from";
    most: "Сумма до", "Sum to";
    manager: "Менеджер", "Manager";
    anybody: "любой", "anybody";
    tag: "Метка заказа", "Tag";
    coupon: "Купон", "Coupon";
    partner: "Партнёр (логин или номер)", "Partner (login or number)";
    utm: "UTM-метка", "UTM mark";
    channel_field: "Канал (utm_source)", "Channel (utm_source)";
    number: "Номер", "Number";
    customer: "Покупатель", "Customer";
    created: "Создан", "Created";
    goods: "Товары", "Products";
    price: "Сумма", "Sum";
    channel: "Канал", "Channel";
    none: "Таких заказов нет.", "There are no such orders.";
    not_yet: "Среди просмотренных таких заказов нет.", "None of the orders looked at so far is like that.";
    next: "Дальше", "Go on";
    is_continued: "Это продолжение списка. Сколько всего заказов, написано в его начале.",
        "This goes on with the list. Its beginning says how many orders there are.";
    first: "К началу", "To the beginning";
    new: "Новый заказ", "New order";
    as_file: "Скачать найденное:", "Download what was found:";
    more_than: "больше", "more than";
    unread: "Дата или сумма не читаются, или такого товара нет.",
        "A date, a sum or a product can't be read: that filter is not applied.";
}

/// What a state is called.
pub(super) fn status_name(language: Language, status: PayStatus) -> &'static str {
    let words = Words::of(language);
    match status {
        PayStatus::Waiting => words.waiting,
        PayStatus::Paid => words.paid_state,
        PayStatus::Cancel => words.cancelled,
        PayStatus::Return => words.refunded,
    }
}

/// A state's name as a badge.
pub(super) fn status_badge(language: Language, order: &Order) -> Markup {
    let class = match order.pay_status {
        PayStatus::Waiting => "badge",
        PayStatus::Paid => "badge good",
        PayStatus::Cancel | PayStatus::Return => "badge bad",
    };
    html! {
        span class=(class) { (status_name(language, order.pay_status)) }
        @if order.handling.deleted != 0 { " " span.badge.bad { (Words::of(language).deleted) } }
    }
}

/// The first or the last second of a day that a form names; none if it can't be read.
pub(super) fn day(text: &str, zone: &TimeZone, is_end: bool) -> Option<i64> {
    let day: Date = text.parse().ok()?;
    let day = if is_end { day.checked_add(1.day()).ok()? } else { day };
    let second = day.at(0, 0, 0, 0).to_zoned_datetime(zone.clone()).ok()?.timestamp().as_second();
    Some(if is_end { second - 1 } else { second })
}

/// The sum that somebody has written.
pub(super) fn sum(text: &str) -> Option<Money> {
    let text: String = text.chars().filter(|letter| !letter.is_whitespace() && *letter != '₽').collect();
    Money::parse(&text.replace(',', ".")).ok()
}

/// Whether only the newest orders are asked for, since nothing else is.
fn is_recent(query: &Fields) -> bool {
    query.get("q").is_empty() && query.get("product").is_empty() && !query.has("from")
}

/// The product that somebody means: by number, by name, or by the title of one that is on sale.
pub(super) fn product(cx: &mut Context<'_, '_>, text: &str) -> Result<Option<Product>, Failure> {
    let account = cx.visit.account.id;
    if let Some(found) = products::named(cx.tx, account, text)? {
        return Ok(Some(found));
    }
    let mut id = text.parse().ok().map(GoodId);
    products::on_sale(cx.tx, account, |listing, _| {
        if id.is_none() && listing.good_title.to_lowercase() == text.to_lowercase() {
            id = Some(listing.id);
        }
        Ok::<(), Failure>(())
    })?;
    Ok(match id {
        Some(id) => products::find(cx.tx, account, id)?,
        None => None,
    })
}

/// The filter that a query asks for, and whether all of it could be read.
pub(super) fn filter(cx: &mut Context<'_, '_>) -> Result<(Filter, bool), Failure> {
    let visit = cx.visit;
    let (query, zone) = (&visit.query, &visit.account.settings.time_zone);
    let mut filter = Filter { words: Word::read(query.get("q")), ..Filter::default() };
    let mut is_read = true;
    let mut set = |name: &str, is_known: bool| is_read &= is_known || query.get(name).is_empty();
    if !query.get("product").is_empty() {
        filter.product = product(cx, query.get("product"))?.map(|good| good.listing.id);
        set("product", filter.product.is_some());
    }
    let (begin, end) = (day(query.get("from"), zone, false), day(query.get("to"), zone, true));
    set("from", begin.is_some());
    set("to", end.is_some());
    if is_recent(query) {
        filter.time.0 = visit.now - DAYS * 24 * 60 * 60;
    }
    filter.time = (begin.unwrap_or(filter.time.0), end.unwrap_or(filter.time.1));
    let (least, most) = (sum(query.get("least")), sum(query.get("most")));
    set("least", least.is_some());
    set("most", most.is_some());
    filter.price = (least.unwrap_or(filter.price.0), most.unwrap_or(filter.price.1));
    filter.is_prepaid = query.get("status") == "prepaid";
    filter.status = PayStatus::parse(if filter.is_prepaid { "waiting" } else { query.get("status") });
    filter.by = match query.get("by") {
        "paid" => By::Paid,
        "income" => By::Income,
        "refunds" => By::Refunds,
        _ => By::Created,
    };
    filter.manager = query.get("manager").parse().unwrap_or(0);
    for (field, name) in [
        (&mut filter.tag, "tag"),
        (&mut filter.coupon, "coupon"),
        (&mut filter.partner, "partner"),
        (&mut filter.utm, "utm"),
        (&mut filter.channel, "channel"),
    ] {
        query.get(name).clone_into(field);
    }
    Ok((filter, is_read))
}

/// Where the page before this one ended.
pub(super) fn position(query: &Fields) -> Option<Position> {
    Some((query.get("time").parse().ok()?, query.get("number").parse().ok()?))
}

/// The page.
pub(super) fn page(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let (words, account) = (Words::of(cx.language()), cx.visit.account.id);
    let (filter, is_read) = filter(cx)?;
    let query = &cx.visit.query;
    let after = position(query).unwrap_or(START);
    let found = if is_read {
        order_search::find(cx.tx, account, &filter, after, ON_A_PAGE)?
    } else {
        Found { orders: Vec::new(), next: None, total: None }
    };
    let managers = managers::list(cx.tx, account)?;
    let mut orders: Vec<Order> = Vec::with_capacity(found.orders.len());
    order_lists::each_of(cx.tx, account, &found.orders, |order| {
        orders.push(order);
        Ok::<(), Failure>(())
    })?;
    orders.sort_by_cached_key(|order| found.orders.iter().position(|id| *id == order.id));
    let manager =
        |id: i64| managers.iter().find(|manager| manager.id == id).map_or("", |manager| &manager.name);
    let rows: Vec<_> = orders.iter().map(|order| row(cx, order, manager(order.handling.manager))).collect();
    let columns = [
        words.number,
        words.customer,
        "E-mail",
        words.created,
        words.goods,
        words.price,
        words.status,
        words.manager,
        words.channel,
    ];
    let options: Vec<_> =
        managers.iter().map(|manager| (manager.id.to_string(), manager.name.as_str())).collect();
    let is_first = after == START;
    let main = html! {
        (alarm(cx)?)
        (frame::problem((!is_read).then_some(words.unread)))
        @if cx.is_owner() { p { a.button.plain href="/cabinet/orders/new" { (words.new) } } }
        (form(query, &options, words))
        @if let Some((total, is_more)) = found.total.filter(|(total, _)| *total > 0) { p.dim { (counted(cx.language(), total, is_more)) } }
        @if is_recent(query) { p.dim { (words.recent) " " a href={ (HERE) "?from=" } { (words.all) } } }
        @if !is_first { p.dim { (words.is_continued) } }
        @if !rows.is_empty() { (frame::table(&columns, &rows)) }
        @else if found.next.is_some() { p { (words.not_yet) } }
        @else { p { (words.none) } }
        div.row {
            @if !is_first { (go(HERE, query, None, words.first)) }
            @if found.next.is_some() { (go(HERE, query, found.next, words.next)) }
        }
        @if !rows.is_empty() {
            div.row {
                span { (words.as_file) }
                (go("/cabinet/orders.csv", query, None, "CSV (Excel)"))
                (go("/cabinet/orders.jsonl", query, None, "JSON Lines"))
            }
        }
    };
    Ok(cx.page(words.title, &main))
}

fn counted(language: Language, total: u64, is_more: bool) -> Markup {
    let number = language.number(i64::try_from(total).unwrap_or(i64::MAX));
    let noun = language.plural(total, ["заказ", "заказа", "заказов"], ["order", "orders"]);
    html! { @if is_more { (Words::of(language).more_than) " " } (number) " " (noun) }
}

fn row(cx: &Context<'_, '_>, order: &Order, manager: &str) -> Vec<Markup> {
    let (name, phone) = (order.customer_name(), order.texts.get(TextField::Phone));
    let goods: Vec<&str> = order.lines.iter().take(3).map(|line| line.good_title.as_str()).collect();
    let more = order.lines.len() - goods.len();
    vec![
        html! { a href={ (HERE) "/" (order.id) } { (order.id) } },
        html! { span { (name) @if !phone.is_empty() { @if !name.is_empty() { br; } (phone) } } },
        html! { (order.email_text()) },
        html! { (cx.time(order.created)) },
        html! { (goods.join(", ")) @if more > 0 { " +" (more) } },
        html! { (cx.language().money(order.price())) },
        html! { span { (status_badge(cx.language(), order)) @if order.paid != 0 { br; (cx.time(order.paid)) } } },
        html! { (manager) },
        html! { (order.texts.get(TextField::UtmSource)) },
    ]
}

fn form(query: &Fields, managers: &[(String, &str)], words: &Words) -> Markup {
    let option = |value: &str, text: &'static str| (value.to_owned(), text);
    let text = |label: &str, name: &str| field(label, name, query.get(name), Kind::Optional);
    let date = |label: &str, name: &str| {
        html! { label { span { (label) } input type="date" name=(name) value=(query.get(name)); } }
    };
    let states = [
        option("", words.any),
        option("waiting", words.waiting),
        option("prepaid", words.prepaid),
        option("paid", words.paid_state),
        option("cancel", words.cancelled),
        option("return", words.refunded),
    ];
    let times = [
        option("", words.by_created),
        option("paid", words.by_paid),
        option("income", words.by_income),
        option("refunds", words.by_refunds),
    ];
    let mut of = vec![(String::new(), words.anybody)];
    of.extend_from_slice(managers);
    let is_open = FIELDS.iter().skip(6).any(|name| !query.get(name).is_empty());
    html! {
        form method="get" action=(HERE) role="search" {
            div.row {
                (text(words.search, "q"))
                (choice(words.status, "status", query.get("status"), &states))
                (choice(words.by, "by", query.get("by"), &times))
                (date(words.from, "from"))
                (date(words.to, "to"))
                (text(words.product, "product"))
            }
            details open[is_open] {
                summary { (words.more) }
                div.row {
                    (text(words.least, "least"))
                    (text(words.most, "most"))
                    (choice(words.manager, "manager", query.get("manager"), &of))
                    (text(words.tag, "tag"))
                    (text(words.coupon, "coupon"))
                    (text(words.partner, "partner"))
                    (text(words.utm, "utm"))
                    (text(words.channel_field, "channel"))
                }
            }
            p.row { button { (words.find) } a.button.plain href=(HERE) { (words.reset) } }
        }
    }
}

/// The way to the same list: its beginning, behind a position, or as a file.
fn go(path: &str, query: &Fields, after: Option<Position>, label: &str) -> Markup {
    html! {
        form method="get" action=(path) {
            @for name in FIELDS {
                @if query.has(name) { input type="hidden" name=(name) value=(query.get(name)); }
            }
            @if let Some((time, number)) = after {
                input type="hidden" name="time" value=(time);
                input type="hidden" name="number" value=(number);
            }
            button.plain { (label) }
        }
    }
}
