//! What people call events, and why a delivery failed.

use billhook_store::outbox::events;
use billhook_wire::{Event, lead_event::LeadEvent};

use super::language::Language;

/// What happened: each event's word, then what it is called.
const EVENTS: [(&str, &str, &str); Event::ALL.len() + LeadEvent::ALL.len() + 1] = [
    (Event::Created.as_str(), "новый заказ", "new order"),
    (Event::Cancelled.as_str(), "заказ отменён", "order cancelled"),
    (Event::Paid.as_str(), "заказ оплачен", "order paid"),
    (Event::Prepaid.as_str(), "предоплата", "paid in part"),
    (Event::Moneyback.as_str(), "возврат денег", "money given back"),
    (LeadEvent::Subscribed.as_str(), "подписка", "subscribed"),
    (LeadEvent::Unsubscribed.as_str(), "отписка", "unsubscribed"),
    (LeadEvent::Changed.as_str(), "контакт изменён", "contact changed"),
    (events::TEST, "проверка", "test"),
];

/// The events' words, each with what it is called.
pub(super) fn event_names(language: Language) -> impl Iterator<Item = (&'static str, &'static str)> {
    EVENTS.iter().map(move |(word, russian, english)| (*word, language.choose(*russian, *english)))
}

/// What an event is called.
pub(super) fn event_name(language: Language, word: &str) -> &'static str {
    event_names(language).find(|(known, _)| *known == word).map_or("", |(_, name)| name)
}

/// The sender's reasons and their parts. One that another begins with comes behind it.
const REASONS: [(&str, &str); 30] = [
    ("it answered 410 (Gone)", "получатель ответил 410"),
    ("answered ", "получатель ответил "),
    (": redirects are not followed", ": по перенаправлениям Billhook не ходит"),
    ("no answer within ", "получатель не ответил за "),
    (" seconds", " секунд"),
    ("the connection was closed before an answer came", "получатель закрыл соединение, не ответив"),
    (
        "the answer is not HTTP, or its head is too long",
        "ответ не по HTTP, или заголовки в нём слишком длинные",
    ),
    ("the connection was refused", "получатель не принимает соединений"),
    ("the connection was not answered", "получатель не отвечает"),
    ("the host cannot be reached", "до получателя не достучаться"),
    ("the connection failed: ", "соединиться не удалось: "),
    ("the host's name was not found", "такого имени сервера нет"),
    ("the address ", "адрес "),
    (
        " is not public; allow it with --webhook-allow-net",
        " не в интернете; разрешить его можно ключом --webhook-allow-net",
    ),
    ("no TLS connection came about: ", "соединиться по TLS не удалось: "),
    ("the certificate is not valid: ", "сертификат не годится: "),
    ("it has expired", "его срок истёк"),
    ("it is not valid yet", "его срок ещё не начался"),
    ("its issuer is not known", "неизвестно, кто его выдал"),
    ("it is for another name", "он для другого имени"),
    ("the endpoint is disabled: ", "вебхук выключен: "),
    ("the endpoint was removed", "вебхук удалён"),
    ("by a command", "командой на сервере"),
    (IN_CABINET, "в кабинете"),
    ("the event is gone", "события больше нет"),
    ("an internal error; please report it", "внутренняя ошибка Billhook, сообщите о ней"),
    ("not a URL", "это не адрес"),
    ("the URL is longer than 2,048 bytes", "адрес длиннее 2048 байт"),
    ("the URL begins with neither http:// nor https://", "адрес начинается не с http:// и не с https://"),
    ("the URL has a user name or password", "в адресе есть имя или пароль"),
];

/// Why a webhook is disabled that somebody disabled here.
pub(super) const IN_CABINET: &str = "in the cabinet";

/// A reason in the reader's language.
pub(super) fn reason(language: Language, text: &str) -> String {
    let known = language.choose(&REASONS[..], &[]);
    known.iter().fold(text.to_owned(), |text, (english, russian)| text.replace(english, russian))
}
