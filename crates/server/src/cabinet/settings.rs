//! The account's settings, each with what it does.

use billhook_store::{
    accounts::{
        self,
        audit::Action,
        settings::{SETTINGS, Setting, SettingInfo},
    },
    marks,
};
use http::StatusCode;
use maud::{Markup, html};

use super::{
    frame::{self, with_code},
    key_page,
    language::{Language, words},
    visit::{Context, Shown},
};
use crate::failure::Failure;

const HERE: &str = "/cabinet/settings";

words! {
    title: "Настройки", "Settings";
    what: "Настройки действуют через секунду после сохранения.", "Settings work a second after they are saved.";
    owners_only: "Менять их может только владелец.", "Only an owner can change them.";
    default: "По умолчанию", "Default";
    all: "все", "all";
    values: "Значения", "Values";
    save: "Сохранить", "Save";
    wrong: "Ничего не сохранено. Эта настройка так не пишется", "Nothing is saved. This setting is not written so";
    export: "Выгрузка", "Export";
    export_what: "Все заказы с платежами, товары, купоны, партнёры, менеджеры и категории одним файлом JSON Lines. Его читает команда billhook import. Ключа в нём нет.",
        "All orders with their payments, products, coupons, partners, managers and categories, as one file of JSON Lines that billhook import reads. The key is not in it.";
    with_settings: "И настройки", "The settings too";
    download: "Скачать", "Download";
    backup: "Резервная копия", "Backup";
    last: "Последняя копия командой billhook backup", "The last backup by billhook backup";
    never: "никогда", "never";
    whose: "Её делает тот, кто запускает сервер: в ней данные всех магазинов.",
        "Whoever runs the server makes it: it holds the data of every shop.";
}

/// What people call the settings: each with its Russian and its English title.
const TITLES: [(&str, &str, &str); SETTINGS.len()] = [
    ("getbills_empty", "GetBills без заказов", "GetBills without orders"),
    ("text_case", "Буквы в error_text", "Letters of error_text"),
    ("allow_ips", "Кому можно вызывать API", "Who may call the API"),
    ("rate", "Как часто можно вызывать API", "How often the API may be called"),
    ("time_zone", "Часовой пояс", "Time zone"),
    ("same_order_hours", "Повторный заказ", "Repeated order"),
    ("createorder_result", "Ответ createorder", "Answer of createorder"),
    ("updategood_sum", "UpdateGood без цены", "UpdateGood without a price"),
    ("getorders_max", "Сколько заказов отдаёт GetOrders", "How many orders GetOrders gives"),
    ("kupon_on_named_sum", "Купон на названную цену", "Coupon on a named price"),
    ("timer_kill_default", "Отмена неоплаченных заказов", "Cancelling unpaid orders"),
    ("link_scheme", "Ссылка на страницу заказа", "Link to an order's page"),
    ("createorder_events", "Уведомления о заказах createorder", "Notifications of createorder's orders"),
    ("doneurl_hosts", "Куда ведёт doneurl2", "Where doneurl2 leads"),
    ("notify_hash_time", "Хеш уведомления о новом заказе", "Hash of a new order's notification"),
];

fn title(language: Language, name: &str) -> &'static str {
    let found = TITLES.iter().find(|(known, ..)| *known == name);
    found.map_or("", |(_, russian, english)| language.choose(russian, english))
}

/// The page.
pub(super) fn page(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    shown(cx, None)
}

fn shown(cx: &mut Context<'_, '_>, wrong: Option<&SettingInfo>) -> Result<Shown, Failure> {
    let (language, words) = (cx.language(), Words::of(cx.language()));
    let values = key_page::account(cx)?.settings.shown();
    let backup = marks::get(cx.tx, marks::LAST_BACKUP)?.and_then(|time| time.parse().ok());
    let settings = SETTINGS.iter().zip(&values).map(|(info, (_, value))| {
        // What was refused stays as it was written.
        let form = &cx.visit.form;
        if cx.is_owner() && form.has(info.name) {
            (info, form.get(info.name))
        } else {
            (info, value.as_str())
        }
    });
    let main = html! {
        @if let Some(info) = wrong {
            (frame::problem(Some(&format!("{}: {}. {}: {}.", words.wrong, title(language, info.name), words.values, told(language, info).0))))
        }
        p { (words.what) @if !cx.is_owner() { " " (words.owners_only) } }
        @if cx.is_owner() {
            form method="post" action=(HERE) {
                @for (info, value) in settings { (field(language, info, value, words)) }
                button { (words.save) }
            }
        } @else {
            dl.pairs {
                @for (info, value) in settings {
                    dt { (title(language, info.name)) " " code { (info.name) } } dd { @if value.is_empty() { (words.all) } @else { (value) } br; span.dim { (with_code(told(language, info).1)) } }
                }
            }
        }
        @if cx.is_owner() {
            h2 { (words.export) }
            p { (words.export_what) }
            form.card method="post" action="/cabinet/export" {
                label.check { input type="checkbox" name="settings" value="yes"; span { (words.with_settings) } }
                button { (words.download) }
            }
        }
        h2 { (words.backup) }
        p { (words.last) ": " @if let Some(time) = backup { (cx.time(time)) } @else { (words.never) } }
        p.dim { (words.whose) }
    };
    Ok(cx.page(words.title, &main))
}

/// The values of a setting, and what it does.
fn told(language: Language, info: &SettingInfo) -> (&'static str, &'static str) {
    language.choose(info.russian, (info.values, info.help))
}

fn field(language: Language, info: &SettingInfo, value: &str, words: &Words) -> Markup {
    let (values, help) = told(language, info);
    let (about, default) = (format!("{}-about", info.name), info.default());
    html! {
        div.setting {
            label {
                span { (title(language, info.name)) " " code { (info.name) } }
                @if let Some(choices) = info.words() {
                    select name=(info.name) aria-describedby=(about) {
                        @for choice in choices { option value=(choice) selected[choice == value] { (choice) } }
                    }
                } @else {
                    input type="text" name=(info.name) value=(value) autocomplete="off" aria-describedby=(about);
                }
            }
            p.dim id=(about) {
                (with_code(help.trim_end_matches('.'))) ". "
                @if info.words().is_none() { (words.values) ": " (values) ". " }
                @if !default.is_empty() { (words.default) ": " (default) "." }
            }
        }
    }
}

/// Changes the settings that a form writes otherwise than they are.
pub(super) fn save(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let values = key_page::account(cx)?.settings.shown();
    let mut changes = Vec::new();
    for (info, (name, value)) in SETTINGS.iter().zip(&values) {
        if !cx.visit.form.has(name) || cx.visit.form.get(name) == value {
            continue;
        }
        let Ok(setting) = Setting::parse(name, cx.visit.form.get(name)) else {
            return Ok(shown(cx, Some(info))?.status(StatusCode::UNPROCESSABLE_ENTITY));
        };
        changes.push(setting);
    }
    for setting in changes {
        accounts::set(cx.tx, cx.visit.account.id, &setting)?;
        cx.note(Action::Setting, &format!("{}={}", setting.name(), setting.value()))?;
    }
    Ok(Shown::done(HERE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_has_a_title() {
        assert!(TITLES.iter().map(|(name, ..)| *name).eq(SETTINGS.iter().map(|info| info.name)));
    }
}
