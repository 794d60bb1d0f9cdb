//! A new order that the seller makes by hand: products, the customer, the address.
//!
//! A form that comes twice, by a double click or a reload, makes one order. It has a token of its own, and what was made of it is kept
//! like a call with an idempotency key (decision 91).

use billhook_store::{
    accounts::{
        audit::Action,
        idempotency::{self, DoneCall},
    },
    managers,
    orders::{TextField, Texts},
    products::{self, Listing, coupons},
};
use billhook_wire::{Name, Price};
use http::StatusCode;
use maud::html;

use super::{
    cookies::new_secret,
    frame::{self, Kind, choice, field},
    language::words,
    order::{CONTACT, email, set_texts},
    order_labels::label,
    orders::{HERE, product, sum},
    visit::{Context, Shown},
};
use crate::{failure::Failure, methods::new_order::HandMade};

/// The fields of its products and their prices.
const LINES: [(&str, &str); 5] =
    [("good1", "price1"), ("good2", "price2"), ("good3", "price3"), ("good4", "price4"), ("good5", "price5")];
/// The texts beside the contact.
const ADDRESS: [TextField; 7] = [
    TextField::Country,
    TextField::Region,
    TextField::City,
    TextField::Address,
    TextField::Postalcode,
    TextField::Tag,
    TextField::Comment,
];
/// What is kept of a form says that it is none of the API's calls.
const METHOD: &str = "cabinet";
/// As many products are proposed.
const PROPOSED_MAX: usize = 500;

words! {
    title: "Новый заказ", "New order";
    good: "Товар (имя или номер)", "Product (name or number)";
    price: "Цена; пусто — как в каталоге", "Price; empty: the catalogue's";
    more_goods: "Ещё товары", "More products";
    coupon: "Купон", "Coupon";
    manager: "Менеджер", "Manager";
    nobody: "никто", "nobody";
    more: "Адрес, метка, комментарий", "Address, tag, comment";
    submit: "Создать заказ", "Make the order";
    no_good: "Такого товара нет: ", "There is no such product: ";
    no_goods: "Назовите хотя бы один товар.", "Name at least one product.";
    no_price: "Цена не читается: ", "This is no price: ";
    no_coupon: "Такого купона нет.", "There is no such coupon.";
    no_email: "Это не e-mail.", "This is no e-mail.";
    too_long: "Какой-то из текстов слишком длинный.", "One of the texts is too long.";
}

/// The page with the form.
pub(super) fn page(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    shown(cx, None)
}

fn shown(cx: &mut Context<'_, '_>, problem: Option<&str>) -> Result<Shown, Failure> {
    let (language, account, form) = (cx.language(), cx.visit.account.id, &cx.visit.form);
    let words = Words::of(language);
    let mut proposed: Vec<Listing> = Vec::new();
    products::on_sale(cx.tx, account, |product, _| {
        if proposed.len() < PROPOSED_MAX {
            proposed.push(product);
        }
        Ok::<(), Failure>(())
    })?;
    let managers = managers::list(cx.tx, account)?;
    let mut of = vec![(String::new(), words.nobody)];
    of.extend(managers.iter().map(|manager| (manager.id.to_string(), manager.name.as_str())));
    let text = |label: &str, name: &str| field(label, name, form.get(name), Kind::Optional);
    let line = |(good, price): (&str, &str), is_required: bool| {
        html! {
            div.row {
                label {
                    span { (words.good) }
                    input type="text" name=(good) value=(form.get(good)) list="goods" autocomplete="off"
                        required[is_required] maxlength="1024";
                }
                (text(words.price, price))
            }
        }
    };
    let of_order = |of: TextField| text(label(language, of), of.name());
    let main = html! {
        (frame::problem(problem))
        form method="post" action="/cabinet/orders/new" {
            input type="hidden" name="token" value=(new_secret());
            @for fields in LINES.into_iter().take(1) { (line(fields, true)) }
            details open[problem.is_some()] {
                summary { (words.more_goods) }
                @for fields in LINES.into_iter().skip(1) { (line(fields, false)) }
            }
            datalist #goods { @for good in &proposed { option value=(good.good_name) { (good.good_title) } } }
            div.row {
                @for of in CONTACT.into_iter().filter(|of| *of != TextField::Note) { (of_order(of)) }
                (text("E-mail", "email"))
                (text(words.coupon, "coupon"))
                (choice(words.manager, "manager", form.get("manager"), &of))
            }
            details open[problem.is_some()] {
                summary { (words.more) }
                div.row { @for of in ADDRESS { (of_order(of)) } }
            }
            label { span { (label(language, TextField::Note)) } textarea name="note" rows="3" { (form.get("note")) } }
            button { (words.submit) }
        }
    };
    Ok(cx.page(words.title, &main))
}

/// The order that the form asks for, or what is wrong with it.
fn asked(cx: &mut Context<'_, '_>) -> Result<Result<HandMade, String>, Failure> {
    let (visit, words) = (cx.visit, Words::of(cx.language()));
    let (account, form) = (visit.account.id, &visit.form);
    let refused = |why: &str| Ok(Err(why.to_owned()));
    let mut goods = Vec::new();
    for (good, price) in LINES {
        let (good, price) = (form.get(good), form.get(price));
        if good.is_empty() {
            continue;
        }
        let found = product(cx, good)?.filter(|good| !good.is_deleted);
        let Some(Ok(name)) = found.map(|good| Name::new(&good.listing.good_name)) else {
            return refused(&format!("{}{good}", words.no_good));
        };
        let named = if price.is_empty() { None } else { sum(price).and_then(|sum| Price::new(sum).ok()) };
        if !price.is_empty() && named.is_none() {
            return refused(&format!("{}{price}", words.no_price));
        }
        goods.push((name, named));
    }
    if goods.is_empty() {
        return refused(words.no_goods);
    }
    let Ok(email) = email(form) else { return refused(words.no_email) };
    let mut texts = Texts::default();
    if !set_texts(&mut texts, form, &CONTACT) || !set_texts(&mut texts, form, &ADDRESS) {
        return refused(words.too_long);
    }
    texts.set(TextField::Domain, &visit.host);
    let coupon = match form.get("coupon") {
        "" => None,
        code => match coupons::named(cx.tx, account, code)? {
            None => return refused(words.no_coupon),
            found => found,
        },
    };
    let manager = managers::find(cx.tx, account, form.get("manager").parse().unwrap_or(0))?;
    let manager = manager.map_or(0, |manager| manager.id);
    Ok(Ok(HandMade { email, goods, texts, coupon, manager }))
}

/// Makes the order.
pub(super) fn add(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let refused = |cx: &mut Context<'_, '_>, why: &str| {
        Ok(shown(cx, Some(why))?.status(StatusCode::UNPROCESSABLE_ENTITY))
    };
    let (visit, is_https) = (cx.visit, cx.visit.carrier.scheme() == "https");
    let account = &visit.account;
    // With its token the form is like no other; without one it is no form of ours.
    let key = format!("{METHOD} {}", visit.form.digest());
    let is_once = !visit.form.get("token").is_empty();
    if is_once && let Some(done) = idempotency::find(cx.tx, account.id, &key, visit.now)? {
        return Ok(Shown::done(&format!("{HERE}/{}", done.result)));
    }
    let made = match asked(cx)? {
        Ok(made) => made,
        Err(why) => return refused(cx, &why),
    };
    let Some(id) = made.add(cx.tx, account.id, &account.settings, is_https, visit.now)? else {
        return refused(cx, Words::of(cx.language()).no_goods);
    };
    cx.note_order(Action::OrderAdded, id, "")?;
    if is_once {
        let done = DoneCall { method: METHOD.to_owned(), result: id.to_string(), ..DoneCall::default() };
        idempotency::keep(cx.tx, account.id, &key, &done, visit.now)?;
    }
    Ok(Shown::done(&format!("{HERE}/{id}")))
}
