//! The page at `/`: what runs here. And the one at every path where nothing is.

use billhook_wire::Code;
use http::{StatusCode, header};
use maud::html;

use crate::{
    cabinet::{
        frame,
        language::{Language, words},
    },
    failure::Failure,
    gate::{Asked, host, host::Host},
    http::answer::{Answer, Page},
    pages::HTML,
    state::State,
};

static PAGE: Page = Page {
    content_type: HTML,
    policy: "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; form-action 'none'; \
             frame-ancestors 'none'; base-uri 'none'",
    headers: &[(header::CACHE_CONTROL, "no-store")],
};

words! {
    what: "Здесь работает Billhook: заказы магазина и API JustClick.",
        "This is Billhook: a shop's orders, and the JustClick API.";
    cabinet: "Кабинет", "Cabinet";
    docs: "Документация API", "API reference";
    shop_what: "Чтобы увидеть заказ, откройте ссылку из письма магазина.",
        "To see an order, open the link in the letter from the shop.";
}

/// Answers a browser that looks at a path where neither the API nor another page is.
pub(crate) fn answer(
    state: &State,
    asked: &Asked<'_>,
    fresh: Result<(), Failure>,
) -> Result<Answer, Failure> {
    fresh?;
    let language = Language::asked_for(&asked.head.headers);
    let words = Words::of(language);
    let account = asked.account.as_ref().filter(|account| !account.disabled);
    let host = match host::of_request(asked.head) {
        Ok(Some(Host::Name(name))) => Some(name),
        _ => None,
    };
    let (Some(_), "/") = (account, asked.head.uri.path()) else {
        let body = frame::refusal(language, StatusCode::NOT_FOUND).into();
        return Ok(Answer::page(&PAGE, StatusCode::NOT_FOUND, Code::WRONG_DATA, body));
    };
    // Customers come to a bound name: the cabinet is nothing to them.
    let bound = host.filter(|host| !state.directory.is_ours(host));
    let body = match bound {
        Some(host) => frame::bare(language, &host, &html! { p { (words.shop_what) } }),
        None => frame::bare(
            language,
            "Billhook",
            &html! {
                p { (words.what) }
                p { a.button href="/cabinet" { (words.cabinet) } " " a.button.plain href="/docs" { (words.docs) } }
            },
        ),
    };
    Ok(Answer::page(&PAGE, StatusCode::OK, Code::OK, body.into()))
}
