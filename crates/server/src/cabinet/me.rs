//! One's own page: password, one-time codes, sessions.

use billhook_store::accounts::{
    audit::Action,
    people::{self, Person, Secret},
};
use billhook_wire::query;
use http::StatusCode;
use maud::{Markup, PreEscaped, html};
use qrcode::{QrCode, render::svg};
use totp_rs::{Builder, Totp};

use super::{
    frame::{self, Kind, button, field},
    language::words,
    passwords::{Asks, Checked},
    visit::{Context, Shown},
};
use crate::failure::Failure;

const HERE: &str = "/cabinet/me";

words! {
    title: "Мой вход", "My sign-in";
    owner: "владелец", "owner";
    reader: "только просмотр", "read-only";
    password: "Пароль", "Password";
    choose: "Придумайте пароль, чтобы входить без ссылки.", "Choose a password, so that you can sign in without a link.";
    current: "Нынешний пароль", "Current password";
    new: "Новый пароль (не короче 10 знаков)", "New password (at least 10 characters)";
    save: "Сохранить", "Save";
    wrong: "Нынешний пароль не подходит.", "The current password is wrong.";
    short: "Пароль слишком короткий: нужно не меньше 10 знаков.", "The password is too short: use at least 10 characters.";
    totp: "Одноразовые коды", "One-time codes";
    totp_is_on: "Включены: при входе нужен код из приложения.", "On: signing in needs a code from your app.";
    totp_is_off: "Выключены.", "Off.";
    totp_turn_on: "Включить", "Turn on";
    totp_turn_off: "Выключить", "Turn off";
    totp_lost: "Потеряли телефон? Ссылка для входа выключает коды. Её даёт тот, кто запускает сервер:",
        "Lost your phone? A sign-in link turns the codes off. Whoever runs the server makes one:";
    totp_scan: "Отсканируйте картинку приложением для кодов или введите ключ в него вручную. Затем впишите код, который оно показывает.",
        "Scan the picture with your authenticator app, or type the key into it. Then enter the code that it shows.";
    totp_key: "Ключ", "Key";
    totp_code: "Код", "Code";
    totp_wrong: "Код не подходит. Проверьте время на телефоне и впишите новый код.",
        "The code is wrong. Check your phone's clock and enter a new code.";
    totp_picture: "QR-код для приложения", "QR code for your app";
    sessions: "Где открыт кабинет", "Sessions";
    this: "этот браузер", "this browser";
    browser: "Браузер", "Browser";
    address: "Адрес", "Address";
    begun: "Вход", "Signed in";
    used: "Последний раз", "Last used";
    end: "Выйти на остальных", "Sign out everywhere else";
    unit_name: "Имя", "Name";
    role: "Права", "Role";
}

/// The page.
pub(super) fn page(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    shown(cx, None)
}

fn shown(cx: &mut Context<'_, '_>, problem: Option<&str>) -> Result<Shown, Failure> {
    let words = Words::of(cx.language());
    let person = &cx.viewer.person;
    let sessions = people::sessions_of(cx.tx, cx.visit.account.id, person.id)?;
    let rows: Vec<Vec<Markup>> = sessions
        .iter()
        .map(|session| {
            let is_this = session.digest == cx.visit.digest;
            vec![
                html! { (session.agent) @if is_this { " " span.badge { (words.this) } } },
                html! { (session.address) },
                html! { (cx.time(session.created)) },
                html! { (cx.time(session.used)) },
            ]
        })
        .collect();
    let main = html! {
        (frame::problem(problem))
        dl.pairs {
            dt { (words.unit_name) } dd { (person.name) }
            dt { (words.role) } dd { @if cx.is_owner() { (words.owner) } @else { (words.reader) } }
        }
        h2 { (words.password) }
        @if person.password.0.is_empty() { p { (words.choose) } }
        form.card method="post" action="/cabinet/me/password" {
            input type="text" name="name" value=(person.name) autocomplete="username" readonly hidden;
            @if asks(cx) == Asks::Own { (field(words.current, "password", "", Kind::Password)) }
            (field(words.new, "new_password", "", Kind::NewPassword))
            button { (words.save) }
        }
        h2 { (words.totp) }
        @if person.totp.0.is_empty() {
            p { (words.totp_is_off) }
            p { a.button.plain href="/cabinet/me/totp" { (words.totp_turn_on) } }
        } @else {
            p { (words.totp_is_on) }
            form.card method="post" action="/cabinet/me/totp/off" {
                @if asks(cx) == Asks::Own { (field(words.current, "password", "", Kind::Password)) }
                @else { (field(words.totp_code, "code", "", Kind::Code)) }
                button.danger { (words.totp_turn_off) }
            }
            p.dim { (words.totp_lost) }
            pre tabindex="0" { code { "billhook account login-link " (cx.visit.account.login.as_str()) " --person " (person.name) } }
        }
        h2 { (words.sessions) }
        (frame::table(&[words.browser, words.address, words.begun, words.used], &rows))
        @if rows.len() > 1 { p { (button("/cabinet/me/sessions/end", words.end, true)) } }
    };
    Ok(cx.page(words.title, &main))
}

/// Whose password the form for a new one has to hold: none's where a link has just signed in, or none was chosen yet.
pub(super) fn asks(cx: &Context<'_, '_>) -> Asks {
    let is_free = cx.viewer.session.is_by_link || cx.viewer.person.password.0.is_empty();
    if is_free { Asks::None } else { Asks::Own }
}

/// Chooses a password, and ends the other sessions.
pub(super) fn set_password(cx: &mut Context<'_, '_>, checked: &Checked) -> Result<Shown, Failure> {
    let words = Words::of(cx.language());
    if !checked.is_right {
        return Ok(shown(cx, Some(words.wrong))?.status(StatusCode::UNAUTHORIZED));
    }
    let Some(new) = &checked.new else {
        return Ok(shown(cx, Some(words.short))?.status(StatusCode::UNPROCESSABLE_ENTITY));
    };
    let account = cx.visit.account.id;
    let person = Person { password: new.clone(), ..cx.viewer.person.clone() };
    people::put(cx.tx, account, &person)?;
    people::end_sessions(cx.tx, account, person.id, &cx.visit.digest)?;
    people::chose_password(cx.tx, account, &cx.visit.digest)?;
    cx.note(Action::Password, "")?;
    Ok(Shown::done(HERE))
}

/// Ends the other sessions.
pub(super) fn end_sessions(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    people::end_sessions(cx.tx, cx.visit.account.id, cx.viewer.person.id, &cx.visit.digest)?;
    cx.note(Action::SignOutEverywhere, "")?;
    Ok(Shown::done(HERE))
}

/// The codes that a secret makes: six digits, a new one every 30 seconds, as every app has them.
fn codes(secret: &Secret) -> Option<Totp> {
    let secret = totp_rs::Secret::try_from_base32(&secret.0).ok()?;
    Builder::new().with_secret(secret).build().ok()
}

/// The step of the code that a person gave, if it is accepted; where the person has no codes on, any is.
pub(super) fn accepted_code(person: &Person, code: &str, now: i64) -> Option<i64> {
    if person.totp.0.is_empty() {
        return Some(person.totp_used);
    }
    let step = codes(&person.totp)?.check(&code.replace(' ', ""), now.try_into().ok()?)?;
    i64::try_from(step).ok().filter(|step| *step > person.totp_used)
}

/// Shows a new secret, to be put into an app.
pub(super) fn totp_page(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let secret = totp_rs::Secret::from(rand::random::<[u8; 20]>().to_vec()).to_base32();
    totp_form(cx, &secret, None)
}

fn totp_form(cx: &Context<'_, '_>, secret: &str, problem: Option<&str>) -> Result<Shown, Failure> {
    let words = Words::of(cx.language());
    let mut label = Vec::new();
    query::encode(format!("{} {}", cx.visit.account.login, cx.viewer.person.name).as_bytes(), &mut label);
    let label = String::from_utf8_lossy(&label).replace('+', "%20");
    let url = format!("otpauth://totp/Billhook:{label}?secret={secret}&issuer=Billhook");
    let code = QrCode::new(url.as_bytes()).map_err(|_| Failure::Fault("a QR code can't be drawn"))?;
    let picture = code.render::<svg::Color<'_>>().build();
    // Inside HTML it needs no declaration.
    let picture = picture.split_once("?>").map_or("", |(_, svg)| svg);
    let main = html! {
        (frame::problem(problem))
        p { (words.totp_scan) }
        p.qr role="img" aria-label=(words.totp_picture) { (PreEscaped(picture)) }
        dl.pairs { dt { (words.totp_key) } dd { code.secret { (secret) } } }
        form.card method="post" action="/cabinet/me/totp" {
            input type="hidden" name="secret" value=(secret);
            (field(words.totp_code, "code", "", Kind::Code))
            button { (words.totp_turn_on) }
        }
    };
    Ok(cx.page(words.totp, &main))
}

/// Turns one-time codes on, once a code shows that the app has the secret.
pub(super) fn totp_on(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let form = &cx.visit.form;
    let totp = Secret(form.get("secret").to_owned());
    let mut person = Person { totp, totp_used: 0, ..cx.viewer.person.clone() };
    let step = accepted_code(&person, form.get("code"), cx.visit.now);
    let Some(step) = step.filter(|_| codes(&person.totp).is_some()) else {
        let problem = Words::of(cx.language()).totp_wrong;
        let shown = totp_form(cx, form.get("secret"), Some(problem))?;
        return Ok(shown.status(StatusCode::UNPROCESSABLE_ENTITY));
    };
    person.totp_used = step;
    people::put(cx.tx, cx.visit.account.id, &person)?;
    cx.note(Action::TotpOn, "")?;
    Ok(Shown::done(HERE))
}

/// Turns them off for who gives the password, or a code where none is asked for: a browser that was left open is not enough.
pub(super) fn totp_off(cx: &mut Context<'_, '_>, checked: &Checked) -> Result<Shown, Failure> {
    let words = Words::of(cx.language());
    if !checked.is_right {
        return Ok(shown(cx, Some(words.wrong))?.status(StatusCode::UNAUTHORIZED));
    }
    let code = cx.visit.form.get("code");
    if asks(cx) == Asks::None && accepted_code(&cx.viewer.person, code, cx.visit.now).is_none() {
        return Ok(shown(cx, Some(words.totp_wrong))?.status(StatusCode::UNPROCESSABLE_ENTITY));
    }
    let person = Person { totp: Secret::default(), ..cx.viewer.person.clone() };
    people::put(cx.tx, cx.visit.account.id, &person)?;
    cx.note(Action::TotpOff, "")?;
    Ok(Shown::done(HERE))
}
