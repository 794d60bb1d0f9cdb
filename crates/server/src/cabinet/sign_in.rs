//! Signing in: by a password, or by a link that is good once.

use billhook_store::{
    AccountId, Tx,
    accounts::{
        audit::Action,
        people::{self, Person, Secret, Session},
    },
};
use billhook_wire::query;
use http::StatusCode;
use maud::{Markup, html};

use super::{
    cookies::{Carrier, digest, new_secret},
    frame::{self, HOME, Kind, field},
    language::words,
    me,
    passwords::{Asks, Checked},
    visit::{Context, Shown, Visit},
};
use crate::failure::Failure;

words! {
    title: "Вход", "Sign in";
    name: "Имя", "Name";
    password: "Пароль", "Password";
    code: "Одноразовый код (если включён)", "One-time code (if you use one)";
    submit: "Войти", "Sign in";
    wrong: "Имя, пароль или код не подходят.", "The name, the password or the code is wrong.";
    too_many: "Слишком много попыток сразу. Подождите полминуты.", "Too many attempts at once. Wait half a minute.";
    lost: "Нет пароля, забыли его или потеряли телефон с кодами? Попросите того, кто запускает сервер, дать ссылку для входа:",
        "No password, forgot it, or lost the phone with your codes? Ask whoever runs the server for a sign-in link:";
    needs_https: "Здесь можно войти только по HTTPS: без него пароль увидит любой на пути.",
        "Sign in over HTTPS: without it, anybody on the way can read your password.";
    needs_https_how: "Откройте эту страницу по https://. Если HTTPS здесь нет, его включает тот, кто запускает сервер.",
        "Open this page at https://. If there is no HTTPS here, whoever runs the server can turn it on.";
    link_title: "Вход по ссылке", "Sign in by link";
    link_hello: "Ссылка действует один раз.", "This link works once.";
    link_over: "Ссылка уже использована или её срок вышел.", "This link was used already, or its time is over.";
}

/// The page to sign in at.
#[expect(clippy::unnecessary_wraps, reason = "a route's function")]
pub(super) fn page(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    if cx.viewer.person.id != 0 {
        return Ok(Shown::to(HOME));
    }
    Ok(if cx.visit.carrier == Carrier::None { needs_https(cx.visit) } else { form(cx.visit, None) })
}

fn form(visit: &Visit, problem: Option<&str>) -> Shown {
    let words = Words::of(visit.language);
    let next = if visit.is_post { visit.form.get("next") } else { visit.query.get("next") };
    shown(
        visit,
        words.title,
        &html! {
            (frame::problem(problem))
            form.card method="post" action="/cabinet/sign-in" {
                (field(words.name, "name", visit.form.get("name"), Kind::Name))
                (field(words.password, "password", "", Kind::Password))
                (field(words.code, "code", "", Kind::Code))
                input type="hidden" name="next" value=(next);
                button { (words.submit) }
            }
            p.dim { (words.lost) }
            pre tabindex="0" { code { "billhook account login-link " (visit.account.login.as_str()) } }
        },
    )
}

fn shown(visit: &Visit, title: &str, main: &Markup) -> Shown {
    Shown::new(StatusCode::OK, frame::page(visit, None, title, main))
}

/// Sends somebody who is not signed in to do so, and then back.
pub(super) fn first(visit: &Visit) -> Shown {
    let mut next = Vec::new();
    query::encode(visit.path.as_bytes(), &mut next);
    match String::from_utf8(next) {
        Ok(next) if !visit.is_post && visit.path != HOME => {
            Shown::to(&format!("/cabinet/sign-in?next={next}"))
        }
        _ => Shown::to("/cabinet/sign-in"),
    }
}

/// What is shown where nobody may sign in.
pub(super) fn needs_https(visit: &Visit) -> Shown {
    let words = Words::of(visit.language);
    let main = html! { (frame::problem(Some(words.needs_https))) p { (words.needs_https_how) } };
    shown(visit, words.title, &main).status(StatusCode::FORBIDDEN)
}

/// What is shown to those of whom too many wait.
pub(super) fn too_many(visit: &Visit) -> Shown {
    form(visit, Some(Words::of(visit.language).too_many)).status(StatusCode::TOO_MANY_REQUESTS)
}

/// Whose password the form has to hold.
pub(super) fn asks(cx: &Context<'_, '_>) -> Asks {
    Asks::Named(cx.visit.form.get("name").to_owned())
}

/// Signs in by name and password, and by a one-time code where the person has them on.
pub(super) fn sign_in(cx: &mut Context<'_, '_>, checked: &Checked) -> Result<Shown, Failure> {
    let (visit, account) = (cx.visit, cx.visit.account.id);
    // Meanwhile the password may have been changed, or the person removed.
    let person = match &checked.person {
        Some(known) if checked.is_right => {
            people::get(cx.tx, account, known.id)?.filter(|person| person.password == known.password)
        }
        _ => None,
    };
    let step =
        person.as_ref().and_then(|person| me::accepted_code(person, visit.form.get("code"), visit.now));
    let Some((mut person, step)) = person.zip(step) else {
        // Of names that nobody has no list is kept: a stranger could fill it.
        if let Some(known) = &checked.person {
            cx.note_of(&known.name, Action::SignInFailed, "")?;
        }
        let problem = Words::of(visit.language).wrong;
        return Ok(form(visit, Some(problem)).status(StatusCode::UNAUTHORIZED));
    };
    person.totp_used = step;
    people::put(cx.tx, account, &person)?;
    cx.note_of(&person.name, Action::SignIn, "")?;
    let next = visit.form.get("next");
    let is_own = next.starts_with("/cabinet/") && next.bytes().all(|byte| byte.is_ascii_graphic());
    open(cx, &person, false, if is_own { next } else { HOME })
}

/// The page behind a link: a button, since those who preview links only get it.
pub(super) fn link_page(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let (visit, words) = (cx.visit, Words::of(cx.visit.language));
    if visit.carrier == Carrier::None {
        return Ok(needs_https(visit));
    }
    let Some(person) = people::link(cx.tx, visit.account.id, &digest(&visit.part), visit.now)? else {
        return Ok(link_over(visit));
    };
    Ok(shown(
        visit,
        words.link_title,
        &html! {
            p { strong { (person.name) } }
            p { (words.link_hello) }
            form method="post" action=(visit.path) { button { (words.submit) } }
        },
    ))
}

fn link_over(visit: &Visit) -> Shown {
    let words = Words::of(visit.language);
    let main = html! {
        (frame::problem(Some(words.link_over)))
        p.dim { (words.lost) }
        pre tabindex="0" { code { "billhook account login-link " (visit.account.login.as_str()) } }
    };
    shown(visit, words.link_title, &main).status(StatusCode::NOT_FOUND)
}

/// Signs in by a link, which is good no more then, and takes one-time codes off: it is the way back for who has lost them.
pub(super) fn take_link(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let (visit, account) = (cx.visit, cx.visit.account.id);
    if visit.carrier == Carrier::None {
        return Ok(needs_https(visit));
    }
    let Some(mut person) = people::link(cx.tx, account, &digest(&visit.part), visit.now)? else {
        return Ok(link_over(visit));
    };
    people::end_links(cx.tx, account, person.id)?;
    cx.note_of(&person.name, Action::LinkSignIn, "")?;
    if !person.totp.0.is_empty() {
        person.totp = Secret::default();
        people::put(cx.tx, account, &person)?;
        cx.note_of(&person.name, Action::TotpOff, "")?;
    }
    open(cx, &person, true, "/cabinet/me")
}

/// How long a link works, in seconds.
const LINK_SECONDS: i64 = 15 * 60;

/// Makes a link that signs a person in once, within a quarter of an hour: its path. `now` is in unix seconds.
pub fn add_login_link(
    tx: &mut Tx<'_>,
    account: AccountId,
    person: &Person,
    now: i64,
) -> Result<String, billhook_store::Error> {
    let secret = new_secret();
    people::add_link(tx, account, person.id, &digest(&secret), now + LINK_SECONDS)?;
    Ok(format!("/cabinet/link/{secret}"))
}

/// Opens a session, and goes on to a page.
fn open(cx: &mut Context<'_, '_>, person: &Person, is_by_link: bool, next: &str) -> Result<Shown, Failure> {
    let (visit, secret) = (cx.visit, new_secret());
    let session = Session {
        digest: digest(&secret),
        person: person.id,
        created: visit.now,
        used: visit.now,
        address: visit.address.to_string(),
        agent: visit.agent.clone(),
        is_by_link,
    };
    if !visit.digest.is_empty() {
        people::end_session(cx.tx, visit.account.id, &visit.digest)?;
    }
    people::open_session(cx.tx, visit.account.id, &session)?;
    Ok(Shown::to(next).with_session(visit.carrier, &secret))
}

/// Signs out.
pub(super) fn sign_out(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    people::end_session(cx.tx, cx.visit.account.id, &cx.visit.digest)?;
    cx.note(Action::SignOut, "")?;
    Ok(Shown::to("/cabinet/sign-in").with_session(cx.visit.carrier, ""))
}
