//! The page of the API: the key, who may call, and programs to paste.

use billhook_store::accounts::{self, Account, audit::Action, settings::Setting};
use billhook_wire::Key;
use http::StatusCode;
use maud::{Markup, html};

use super::{
    frame::{self, button, copy},
    language::{Language, words},
    samples::SAMPLES,
    visit::{Context, Shown},
};
use crate::failure::Failure;

const HERE: &str = "/cabinet/api";

words! {
    title: "API", "API";
    address: "Адрес", "Address";
    address_why: "Подставьте его вместо https://ЛОГИН.justclick.ru/api/, и программы будут работать дальше.",
        "Put it in the place of https://LOGIN.justclick.ru/api/, and programs go on working.";
    login: "Логин", "Login";
    key: "Ключ API", "API key";
    hidden: "скрыт", "hidden";
    show: "Показать ключ", "Show the key";
    owners_only: "Ключ видят только владельцы.", "Only owners see the key.";
    old_key: "Прежний ключ действует до", "The old key works until";
    end_old: "Отключить прежний ключ сейчас", "End the old key now";
    rotate: "Заменить ключ", "Change the key";
    old_ends: "Прежний ключ ещё действует. Если заменить ключ снова, прежний перестанет действовать сразу.",
        "The old key still works. If you change the key again, it ends at once.";
    rotate_what: "Новый ключ начнёт действовать сразу. Прежний ещё поработает, чтобы вы успели заменить его в программах.",
        "The new key works at once. The old one goes on for a while, so that you can change it in your programs.";
    keep_for: "Прежний ключ действует ещё", "The old key goes on for";
    none: "нисколько", "no time";
    hour: "час", "an hour";
    day: "сутки", "a day";
    week: "неделю", "a week";
    access: "Кто может вызывать API", "Who may call the API";
    allow_ips: "Разрешённые адреса через запятую (пусто: все)", "Allowed addresses, with commas between (empty: all)";
    rate: "Вызовов в минуту с одного адреса (0: без ограничения)", "Calls a minute from one address (0: no limit)";
    save: "Сохранить", "Save";
    wrong: "Не сохранено: проверьте адреса и число.", "Not saved: check the addresses and the number.";
    domains: "Привязанные имена", "Bound names";
    domains_how: "Имя привязывает тот, кто запускает сервер:", "Whoever runs the server binds a name:";
    samples: "Заказы покупателя: готовые программы", "A customer's orders: programs to paste";
    your_key: "ВАШ_КЛЮЧ", "YOUR_KEY";
    comment: "Оплаченные заказы покупателя по его e-mail.", "A customer's paid orders, by e-mail.";
    try_it: "Сделать пробный вызов", "Make a call";
}

/// For how long the old key may go on, in minutes.
const KEEP_MINUTES: [i64; 4] = [0, 60, 24 * 60, 7 * 24 * 60];

/// The page.
pub(super) fn page(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    shown(cx, false, None)
}

/// The account as the store has it now; the server's own memory may be a moment behind.
pub(super) fn account(cx: &mut Context<'_, '_>) -> Result<Account, Failure> {
    accounts::find(cx.tx, &cx.visit.account.login)?.ok_or(Failure::Fault("the account is gone"))
}

fn shown(cx: &mut Context<'_, '_>, has_key: bool, problem: Option<&str>) -> Result<Shown, Failure> {
    let (account, words) = (account(cx)?, Words::of(cx.language()));
    let api = format!("{}://{}/api/", cx.visit.carrier.scheme(), cx.visit.host);
    let old = account.old_key.as_ref().filter(|old| old.until > cx.visit.now);
    let main = html! {
        (frame::problem(problem))
        dl.pairs {
            dt { (words.address) } dd { code #address { (api) } br; span.dim { (words.address_why) } }
            dt { (words.login) } dd { code { (account.login.as_str()) } }
            dt { (words.key) }
            dd {
                @if has_key { code.secret #key { (account.key.reveal()) } " " (copy(cx.language(), "key")) }
                @else { span.dim { (words.hidden) } }
            }
            @if let Some(old) = &old { dt { (words.old_key) } dd { (cx.time(old.until)) } }
        }
        @if !cx.is_owner() { p.dim { (words.owners_only) } }
        @else if !has_key { (button("/cabinet/api/key", words.show, false)) }
        p { a href="/cabinet/api/call" { (words.try_it) } }
        (samples(cx.language(), &account, &api, has_key))
        (access(cx, &account, words))
        @if cx.is_owner() { (rotation(old.is_some(), words)) }
    };
    Ok(cx.page(words.title, &main))
}

fn samples(language: Language, account: &Account, api: &str, has_key: bool) -> Markup {
    let words = Words::of(language);
    let key = if has_key { account.key.reveal() } else { words.your_key };
    let url = format!("{api}GetBills");
    html! {
        h2 { (words.samples) }
        @for (at, sample) in SAMPLES.iter().enumerate() {
            @let id = format!("sample-{at}");
            details open[at == 0] {
                summary { (sample.language) }
                pre tabindex="0" { code id=(id) { (sample.filled(words.comment, &url, account.login.as_str(), key)) } }
                (copy(language, &id))
            }
        }
    }
}

fn access(cx: &Context<'_, '_>, account: &Account, words: &Words) -> Markup {
    let networks: Vec<String> = account.settings.allow_ips.iter().map(ToString::to_string).collect();
    let networks = networks.join(", ");
    html! {
        h2 { (words.access) }
        @if cx.is_owner() {
            form.card method="post" action="/cabinet/api/access" {
                (frame::field(words.allow_ips, "allow_ips", &networks, frame::Kind::Optional))
                (frame::field(words.rate, "rate", &account.settings.rate.to_string(), frame::Kind::Number))
                button { (words.save) }
            }
        } @else {
            dl.pairs {
                dt { (words.allow_ips) } dd { (networks) }
                dt { (words.rate) } dd { (account.settings.rate) }
            }
        }
        h2 { (words.domains) }
        @if !account.domains.is_empty() { ul { @for domain in &account.domains { li { (domain) } } } }
        p.dim { (words.domains_how) }
        pre tabindex="0" { code { "billhook account bind " (account.login.as_str()) " shop.example.com" } }
    }
}

fn rotation(has_old: bool, words: &Words) -> Markup {
    let keep = KEEP_MINUTES.iter().zip([words.none, words.hour, words.day, words.week]);
    html! {
        h2 { (words.rotate) }
        @if has_old {
            p { (words.old_ends) }
            (button("/cabinet/api/old-key/end", words.end_old, true))
        }
        p { (words.rotate_what) }
        form.card method="post" action="/cabinet/api/key/rotate" {
            label {
                span { (words.keep_for) }
                select name="keep" {
                    @for (minutes, name) in keep { option value=(minutes) selected[*minutes == 24 * 60] { (name) } }
                }
            }
            button.danger { (words.rotate) }
        }
    }
}

/// Shows the key.
pub(super) fn show_key(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    cx.note(Action::KeyShown, "")?;
    shown(cx, true, None)
}

/// Gives the account a new key, and shows it.
pub(super) fn rotate_key(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let minutes = cx.visit.form.get("keep").parse().ok().filter(|minutes| KEEP_MINUTES.contains(minutes));
    let key = format!("{:032x}", rand::random::<u128>());
    let key = Key::parse(&key).map_err(|_| Failure::Fault("a key of ours is none"))?;
    let until = minutes.filter(|minutes| *minutes > 0).map(|minutes| cx.visit.now + minutes * 60);
    accounts::rotate_key(cx.tx, cx.visit.account.id, &key, until)?;
    cx.note(Action::KeyRotated, "")?;
    Ok(Shown::done(HERE))
}

/// Ends the old key before its time.
pub(super) fn end_old_key(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    accounts::end_old_key(cx.tx, cx.visit.account.id, i64::MAX)?;
    cx.note(Action::OldKeyEnded, "")?;
    Ok(Shown::done(HERE))
}

/// Changes who may call, and how often.
pub(super) fn set_access(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let mut settings = Vec::new();
    for name in ["allow_ips", "rate"] {
        let Ok(setting) = Setting::parse(name, cx.visit.form.get(name)) else {
            let problem = Words::of(cx.language()).wrong;
            return Ok(shown(cx, false, Some(problem))?.status(StatusCode::UNPROCESSABLE_ENTITY));
        };
        settings.push(setting);
    }
    let now = account(cx)?.settings.shown();
    let is_new = |setting: &Setting| !now.contains(&(setting.name(), setting.value().to_owned()));
    for setting in settings.into_iter().filter(is_new) {
        accounts::set(cx.tx, cx.visit.account.id, &setting)?;
        cx.note(Action::Setting, &format!("{}={}", setting.name(), setting.value()))?;
    }
    Ok(Shown::done(HERE))
}
