//! The page of one order behind its `link`: what was ordered, and what is left to pay (decision 81).
//!
//! Everybody who knows the link may see it; it has 128 random bits. The page takes no payments. The seller
//! describes how to pay in the products' `good_pay_text`.

use std::collections::HashSet;

use billhook_store::{
    AccountId, Tx,
    orders::{self, Line, Order, TextField},
    products::{self, ProductText},
};
use billhook_wire::{Code, OrderId, PayStatus};
use http::{StatusCode, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use subtle::ConstantTimeEq as _;

use crate::{
    cabinet::language::{Language, words},
    failure::{Failure, caught},
    gate::Asked,
    http::answer::{self, Answer, Page},
    pages::HTML,
    state::State,
};

/// How many products' texts are shown, and how long each may be when it is filled in.
const TEXTS_MAX: usize = 20;
const TEXT_BYTES_MAX: usize = 256 * 1024;

/// The page shows the seller's text, which may have pictures and links. The policy blocks scripts, and
/// navigation without a click.
static PAGE: Page = Page {
    content_type: HTML,
    policy: "default-src 'none'; img-src https: data:; style-src 'unsafe-inline'; base-uri 'none'; \
             form-action https:; frame-ancestors 'none'; sandbox allow-forms allow-popups \
             allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation",
    headers: &[(header::CACHE_CONTROL, "no-store"), (header::REFERRER_POLICY, "no-referrer")],
};

/// Answers a customer who opens an order's link. The account's list of allowed addresses is for its API only.
pub(crate) async fn answer(
    state: &State,
    asked: &Asked<'_>,
    fresh: Result<(), Failure>,
    link: OrderLink,
) -> Result<Answer, Failure> {
    if let Some(refusal) = PAGE.refusal(&asked.head.method) {
        return Ok(refusal);
    }
    caught(async {
        fresh?;
        let language = Language::asked_for(&asked.head.headers);
        let page = match asked.account.as_ref().filter(|account| !account.disabled) {
            None => None,
            Some(account) => {
                let id = account.id;
                state.read(id, move |tx| link.page(tx, id, language)).await?
            }
        };
        let Some(page) = page else {
            let body = not_found(language).into();
            return Ok(Answer::page(&PAGE, StatusCode::NOT_FOUND, Code::ORDER_NOT_FOUND, body));
        };
        let body = answer::hold(page.into_bytes(), [Some(&state.page_budget), None])?;
        Ok(Answer::page(&PAGE, StatusCode::OK, Code::OK, body))
    })
    .await
}

/// An order's number, and the token that allows to see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderLink {
    id: OrderId,
    /// The path, which must match the end of the order's own link.
    path: String,
}

impl OrderLink {
    /// Parses `/bill/NUMBER/TOKEN`.
    pub(crate) fn at(path: &str) -> Option<Self> {
        let (number, token) = path.strip_prefix("/bill/")?.split_once('/')?;
        let is_token = token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = number.parse().ok().filter(|id: &i64| *id > 0 && id.to_string() == number)?;
        is_token.then(|| Self { id: OrderId(id), path: path.to_owned() })
    }

    /// The page. `None` if there is no such order, it is hidden, or the link is wrong.
    fn page(
        &self,
        tx: &mut Tx<'_>,
        account: AccountId,
        language: Language,
    ) -> Result<Option<String>, Failure> {
        let Some(order) = orders::find(tx, account, self.id)? else { return Ok(None) };
        let link = order.texts.get(TextField::Link).as_bytes();
        let end =
            link.len().checked_sub(self.path.len()).and_then(|start| link.get(start..)).unwrap_or_default();
        if order.handling.deleted != 0 || !bool::from(end.ct_eq(self.path.as_bytes())) {
            return Ok(None);
        }
        let mut texts: Vec<String> = Vec::new();
        if order.pay_status == PayStatus::Waiting {
            let mut seen = HashSet::new();
            let products = order.lines.iter().filter(|line| seen.insert(line.good_id)).take(TEXTS_MAX);
            for line in products {
                let good = products::find(tx, account, line.good_id)?;
                let text = good.and_then(|good| pay_text(good.texts.get(ProductText::PayText), line));
                texts.extend(text);
            }
        }
        Ok(Some(written(&order, &texts, language)))
    }
}

/// A product's text with its tags filled in. `None` if it is empty or too long.
fn pay_text(text: &str, line: &Line) -> Option<String> {
    // The seller's HTML may have the tag in an attribute, in single or double quotes.
    let title = html! { (line.good_title) }.into_string().replace('\'', "&#39;");
    let grown = text.matches("#PRODUCT#").count().saturating_mul(title.len());
    if text.is_empty() || text.len().saturating_add(grown) > TEXT_BYTES_MAX {
        return None;
    }
    let text = text.replace("#PRODUCT#", &title).replace("#PRICE#", &line.sum.to_string());
    Some(text.replace("#IMAGE#", "").replace("#USD#", ""))
}

words! {
    order: "Заказ", "Order";
    sum: "Сумма", "Total";
    to_pay: "Осталось оплатить", "Left to pay";
    waiting: "Ожидает оплаты", "Waiting for payment";
    paid: "Оплачен", "Paid";
    cancelled: "Отменён", "Cancelled";
    refunded: "Деньги возвращены", "Refunded";
    not_found: "Такого заказа нет.", "There is no such order.";
}

impl Words {
    fn state(&self, status: PayStatus) -> &'static str {
        match status {
            PayStatus::Waiting => self.waiting,
            PayStatus::Paid => self.paid,
            PayStatus::Cancel => self.cancelled,
            PayStatus::Return => self.refunded,
        }
    }
}

const STYLE: &str = ":root{color-scheme:light dark}body{margin:0;font:16px/1.5 system-ui,sans-serif}\
    main{max-width:36rem;margin:0 auto;padding:1rem}table{width:100%;border-collapse:collapse}\
    td,th{padding:.5rem 0;border-bottom:1px solid #8884;text-align:left;vertical-align:top}\
    td:last-child{text-align:right;white-space:nowrap;padding-left:1rem}img{max-width:100%}";

fn written(order: &Order, texts: &[String], language: Language) -> String {
    let words = Words::of(language);
    let title = format!("{} {}", words.order, order.id);
    let to_pay = order.to_pay();
    let main = html! {
        h1 { (title) }
        p { (words.state(order.pay_status)) }
        table {
            @for line in &order.lines { tr { td { (line.good_title) } td { (language.money(line.sum)) } } }
            tr { th scope="row" { (words.sum) } td { (language.money(order.price())) } }
            @if order.pay_status == PayStatus::Waiting && to_pay != order.price() {
                tr { th scope="row" { (words.to_pay) } td { (language.money(to_pay)) } }
            }
        }
        @for text in texts { div { (PreEscaped(text)) } }
    };
    page(language, &title, &main)
}

/// The page for an unknown order.
fn not_found(language: Language) -> String {
    let words = Words::of(language);
    page(language, words.not_found, &html! { p { (words.not_found) } })
}

fn page(language: Language, title: &str, main: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang=(language.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (main) } }
        }
    };
    page.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_and_a_token_are_a_link() {
        let token = "0123456789abcdef0123456789abcdef";
        let link = OrderLink::at(&format!("/bill/258367/{token}")).unwrap();
        assert_eq!(link.id, OrderId(258_367));
        for path in [
            "/bill/258367".to_owned(),
            format!("/bill/0/{token}"),
            format!("/bill/-1/{token}"),
            format!("/bill/01/{token}"),
            format!("/bill/1/{token}/"),
            format!("/bill/1/{token}0"),
            "/bill/1/".to_owned(),
            format!("/api/bill/1/{token}"),
        ] {
            assert_eq!(OrderLink::at(&path), None, "{path}");
        }
    }
}
