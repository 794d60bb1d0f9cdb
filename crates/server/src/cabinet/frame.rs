//! What every page has around it, and the parts that pages are made of.

use billhook_store::accounts::people::Role;
use http::StatusCode;
use maud::{DOCTYPE, Markup, Render, html};
use percent_encoding::{NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

use super::{
    assets,
    language::{Language, words},
    visit::{Context, Shown, Viewer, Visit},
};

words! {
    reports: "Отчёты", "Reports";
    orders: "Заказы", "Orders";
    customers: "Покупатели", "Customers";
    contacts: "Контакты", "Contacts";
    catalogue: "Каталог", "Catalogue";
    api: "API", "API";
    requests: "Запросы", "Requests";
    deliveries: "Уведомления", "Notifications";
    settings: "Настройки", "Settings";
    people: "Люди", "People";
    audit: "Журнал", "Audit log";
    docs: "Документация API", "API reference";
    sign_out: "Выйти", "Sign out";
    done: "Готово.", "Done.";
    skip: "К содержимому", "Skip to content";
    sections: "Разделы", "Sections";
    languages: "Язык", "Language";
    not_found: "Такой страницы нет", "There is no such page";
    forbidden: "Сюда вам нельзя", "You may not do this";
    forbidden_why: "Это может только владелец магазина.", "Only an owner of the shop may do this.";
    foreign_form: "Форма пришла не с этой страницы. Откройте кабинет заново и повторите.",
        "This form did not come from the cabinet. Open the cabinet again and repeat.";
    too_large: "Слишком много данных", "Too much data";
    failed: "Не получилось", "This did not work";
    differs: "Пока вы смотрели, здесь всё изменилось. Ничего не сделано; ниже — как это выглядит сейчас.",
        "This has changed while you looked at it. Nothing was done; below is how it stands now.";
    wanted: "Вы хотели", "What you wanted";
    open: "Открыть кабинет", "Open the cabinet";
    copy: "Скопировать", "Copy";
    copied: "Скопировано", "Copied";
}

/// Where who has signed in comes first.
pub(crate) const HOME: &str = "/cabinet";

/// The sections of the cabinet: path, and whether only owners have it.
fn sections(words: &'static Words) -> [(&'static str, &'static str, bool); 11] {
    [
        (HOME, words.reports, false),
        ("/cabinet/orders", words.orders, false),
        ("/cabinet/customers", words.customers, false),
        ("/cabinet/contacts", words.contacts, false),
        ("/cabinet/products", words.catalogue, false),
        ("/cabinet/api", words.api, false),
        ("/cabinet/requests", words.requests, false),
        ("/cabinet/deliveries", words.deliveries, false),
        ("/cabinet/settings", words.settings, false),
        ("/cabinet/people", words.people, true),
        ("/cabinet/audit", words.audit, true),
    ]
}

impl Context<'_, '_> {
    /// What is shown where something does not exist; another account's is answered alike.
    pub(crate) fn missing(&self) -> Shown {
        let body = refused(self.visit, self.viewer, StatusCode::NOT_FOUND);
        Shown::new(StatusCode::NOT_FOUND, body)
    }

    /// The page of a title and what is on it.
    pub(crate) fn page(&self, title: &str, main: &Markup) -> Shown {
        Shown::new(StatusCode::OK, page(self.visit, Some(self.viewer), title, main))
    }
}

/// A whole page.
pub(super) fn page(visit: &Visit, viewer: Option<&Viewer>, title: &str, main: &Markup) -> String {
    let (language, words) = (visit.language, Words::of(visit.language));
    let login = visit.account.login.as_str();
    let signed_in = viewer.filter(|viewer| viewer.person.id != 0);
    let is_current = |path: &str| {
        // Every path begins as the first page's.
        let is_below = |rest: &str| rest.is_empty() || path != HOME && rest.starts_with('/');
        visit.path.strip_prefix(path).is_some_and(is_below).then_some("page")
    };
    let body = html! {
        a.skip href="#main" { (words.skip) }
        header {
            a.brand href="/cabinet" { (login) }
            @if let Some(viewer) = signed_in {
                nav aria-label=(words.sections) {
                    @for (path, name, is_owners) in sections(words) {
                        @if !is_owners || viewer.person.role == Role::Owner {
                            a href=(path) aria-current=[is_current(path)] { (name) }
                        }
                    }
                }
                div.account {
                    a href="/cabinet/me" aria-current=[is_current("/cabinet/me")] { (viewer.person.name) }
                    form method="post" action="/cabinet/sign-out" { button.link { (words.sign_out) } }
                }
            }
        }
        main #main {
            h1 { (title) }
            @if visit.query.has("done") && !visit.is_post { p.notice role="status" { (words.done) } }
            (main)
        }
        footer {
            a href="/docs" { (words.docs) }
            (languages(language, if visit.is_post { "/cabinet" } else { &visit.path }))
        }
    };
    document(language, &format!("{title} · {login}"), &body)
}

/// The links to the other languages.
fn languages(current: Language, path: &str) -> Markup {
    html! {
        span.languages aria-label=(Words::of(current).languages) role="group" {
            @for language in Language::ALL {
                @if language != current {
                    a href={ (path) "?language=" (language.code()) } lang=(language.code()) hreflang=(language.code()) {
                        (language.name())
                    }
                }
            }
        }
    }
}

/// A page without a cabinet around it, for those who may not see one.
pub(crate) fn bare(language: Language, title: &str, main: &Markup) -> String {
    document(language, title, &html! { main #main { h1 { (title) } (main) } })
}

fn document(language: Language, title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang=(language.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(assets::style());
                script src=(assets::script()) defer {}
            }
            body { (body) }
        }
    };
    page.into_string()
}

/// What is shown with a status that refuses.
pub(crate) fn refusal(language: Language, status: StatusCode) -> String {
    let words = Words::of(language);
    let (title, why) = match status {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => (words.not_found, ""),
        StatusCode::FORBIDDEN => (words.forbidden, words.foreign_form),
        StatusCode::PAYLOAD_TOO_LARGE => (words.too_large, ""),
        _ => (words.failed, ""),
    };
    bare(language, title, &html! { p { (why) } })
}

/// The same for somebody who is signed in.
pub(super) fn refused(visit: &Visit, viewer: &Viewer, status: StatusCode) -> String {
    let words = Words::of(visit.language);
    let (title, why) = match status {
        StatusCode::FORBIDDEN => (words.forbidden, words.forbidden_why),
        _ => (words.not_found, ""),
    };
    page(visit, Some(viewer), title, &html! { p { (why) } p { a href="/cabinet" { (words.open) } } })
}

/// A text as a part of a path or a query.
pub(super) fn in_url(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

/// What went wrong with a form, if anything did.
pub(super) fn problem(text: Option<&str>) -> Markup {
    html! { @if let Some(text) = text { p.problem role="alert" { (text) } } }
}

/// A text in which code stands between backticks.
pub(super) fn with_code(text: &str) -> Markup {
    html! { @for (at, part) in text.split('`').enumerate() { @if at % 2 == 1 { code { (part) } } @else { (part) } } }
}

/// What is told of a form whose page shows something else by now: what its button says, and its fields with their labels.
pub(super) fn differs(language: Language, button: &str, fields: &[(&str, &str)]) -> Markup {
    let words = Words::of(language);
    html! {
        (problem(Some(words.differs)))
        h2 { (words.wanted) }
        p { strong { (button) } }
        dl.pairs { @for (label, text) in fields { dt { (label) } dd { (text) } } }
    }
}

/// A labelled field of a form.
pub(super) fn field(label: &str, name: &str, value: &str, kind: Kind) -> Markup {
    let (of_type, autocomplete, is_required) = match kind {
        Kind::Text => ("text", "off", true),
        Kind::Number => ("number", "off", true),
        Kind::Optional => ("text", "off", false),
        Kind::Name => ("text", "username", true),
        Kind::Password => ("password", "current-password", true),
        Kind::NewPassword => ("password", "new-password", true),
        Kind::Code => ("text", "one-time-code", false),
    };
    let digits = (kind == Kind::Code).then_some("numeric");
    html! {
        label {
            span { (label) }
            input type=(of_type) name=(name) value=(value) autocomplete=(autocomplete) required[is_required]
                inputmode=[digits] maxlength="1024";
        }
    }
}

/// A labelled choice: the values that are sent, each with its text.
pub(super) fn choice(label: &str, name: &str, chosen: &str, options: &[(String, impl Render)]) -> Markup {
    html! {
        label {
            span { (label) }
            select name=(name) {
                @for (value, text) in options { option value=(value) selected[value == chosen] { (text) } }
            }
        }
    }
}

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// A whole number that is not negative.
    Number,
    Optional,
    Name,
    Password,
    NewPassword,
    Code,
}

/// A form of one button.
pub(super) fn button(action: &str, label: &str, is_danger: bool) -> Markup {
    html! { form.inline method="post" action=(action) { button.danger[is_danger] { (label) } } }
}

/// A button that copies an element's text; the script shows it.
pub(super) fn copy(language: Language, id: &str) -> Markup {
    let words = Words::of(language);
    html! { button.plain type="button" data-copy=(id) data-copied=(words.copied) hidden { (words.copy) } }
}

/// A form of one button that asks before it is sent, without a script: the button comes behind its name.
pub(super) fn asking_button(action: &str, label: &str, surely: &str) -> Markup {
    html! { details { summary { (label) } (button(action, surely, true)) } }
}

/// A table whose rows become cards on a narrow screen: each cell has the name of its column.
pub(super) fn table(columns: &[&str], rows: &[Vec<Markup>]) -> Markup {
    html! {
        table {
            thead { tr { @for column in columns { th scope="col" { (column) } } } }
            tbody {
                @for row in rows {
                    tr { @for (column, cell) in columns.iter().zip(row) { td data-label=(column) { div { (cell) } } } }
                }
            }
        }
    }
}
