//! The people of the account, and their sign-in links.

use billhook_store::accounts::{
    audit::Action,
    people::{self, Person, Role},
};
use billhook_wire::Name;
use http::StatusCode;
use maud::{Markup, html};

use super::{
    frame::{self, Kind, asking_button, button, field},
    language::words,
    sign_in::add_login_link,
    visit::{Context, Shown},
};
use crate::failure::Failure;

const HERE: &str = "/cabinet/people";

words! {
    title: "Люди", "People";
    what: "Кто может входить в этот кабинет. Владелец может всё, остальные только смотрят и не видят ключа.",
        "Who may sign in to this cabinet. Owners may do everything; the others only look, and never see the key.";
    name: "Имя", "Name";
    role: "Права", "Role";
    added: "Добавлен", "Added";
    owner: "Владелец", "Owner";
    reader: "Только просмотр", "Read-only";
    you: "это вы", "you";
    no_password: "пароля ещё нет", "no password yet";
    make_owner: "Сделать владельцем", "Make owner";
    make_reader: "Оставить только просмотр", "Make read-only";
    link: "Ссылка для входа", "Sign-in link";
    remove: "Удалить", "Remove";
    surely: "Да, точно", "Yes, do it";
    add: "Добавить человека", "Add a person";
    submit: "Добавить и показать ссылку", "Add and show the link";
    taken: "Имя занято или не годится.", "This name is taken, or can't be used.";
    last: "Последнего владельца нельзя ни удалить, ни лишить прав.", "The last owner can't be removed or made read-only.";
    give: "Передайте эту ссылку. Она действует один раз, 15 минут.", "Give this link away. It works once, for 15 minutes.";
    totp_goes: "Вход по ней выключит одноразовые коды.", "Signing in by it turns one-time codes off.";
    back: "Назад", "Back";
}

/// The page.
pub(super) fn page(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    shown(cx, None)
}

fn shown(cx: &mut Context<'_, '_>, problem: Option<&str>) -> Result<Shown, Failure> {
    let words = Words::of(cx.language());
    let people = people::list(cx.tx, cx.visit.account.id)?;
    let rows: Vec<Vec<Markup>> = people.iter().map(|person| row(cx, person, words)).collect();
    let main = html! {
        (frame::problem(problem))
        p { (words.what) }
        (frame::table(&[words.name, words.role, words.added, ""], &rows))
        h2 { (words.add) }
        form.card method="post" action=(HERE) {
            (field(words.name, "name", cx.visit.form.get("name"), Kind::Text))
            label {
                span { (words.role) }
                select name="role" {
                    option value=(Role::Reader.as_str()) { (words.reader) }
                    option value=(Role::Owner.as_str()) { (words.owner) }
                }
            }
            button { (words.submit) }
        }
    };
    Ok(cx.page(words.title, &main))
}

fn row(cx: &Context<'_, '_>, person: &Person, words: &Words) -> Vec<Markup> {
    let (is_owner, is_you) = (person.role == Role::Owner, person.id == cx.viewer.person.id);
    let other = if is_owner { words.make_reader } else { words.make_owner };
    let path = |act: &str| format!("{HERE}/{}/{act}", person.id);
    vec![
        html! {
            (person.name)
            @if is_you { " " span.badge { (words.you) } }
            @if person.password.0.is_empty() { " " span.badge { (words.no_password) } }
        },
        html! { @if is_owner { (words.owner) } @else { (words.reader) } },
        html! { (cx.time(person.created)) },
        html! {
            (button(&path("link"), words.link, false))
            (asking_button(&path("role"), other, words.surely))
            (asking_button(&path("remove"), words.remove, words.surely))
        },
    ]
}

/// Adds a person, and shows the link to sign in by.
pub(super) fn add(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let form = &cx.visit.form;
    let role = Role::parse(form.get("role")).unwrap_or_default();
    let person = match Name::new(form.get("name")) {
        Ok(name) => people::add(cx.tx, cx.visit.account.id, &name, role, cx.visit.now)?,
        Err(_) => None,
    };
    let Some(person) = person else {
        let problem = Words::of(cx.language()).taken;
        return Ok(shown(cx, Some(problem))?.status(StatusCode::UNPROCESSABLE_ENTITY));
    };
    cx.note(Action::PersonAdded, &format!("{} ({})", person.name, role.as_str()))?;
    new_link(cx, &person)
}

/// The person whom a path names.
fn named(cx: &mut Context<'_, '_>) -> Result<Option<Person>, Failure> {
    match cx.visit.part.parse() {
        Ok(id) => Ok(people::get(cx.tx, cx.visit.account.id, id)?),
        Err(_) => Ok(None),
    }
}

/// Makes a link for a person.
pub(super) fn link(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    match named(cx)? {
        Some(person) => new_link(cx, &person),
        None => Ok(cx.missing()),
    }
}

fn new_link(cx: &mut Context<'_, '_>, person: &Person) -> Result<Shown, Failure> {
    let (visit, words) = (cx.visit, Words::of(cx.language()));
    let path = add_login_link(cx.tx, visit.account.id, person, visit.now)?;
    cx.note(Action::LoginLink, &person.name)?;
    let link = format!("{}://{}{path}", visit.carrier.scheme(), visit.host);
    let main = html! {
        p { strong { (person.name) } }
        p { (words.give) @if !person.totp.0.is_empty() { " " (words.totp_goes) } }
        pre tabindex="0" { code #link { (link) } }
        p.row {
            (frame::copy(visit.language, "link"))
            a.button.plain href=(HERE) { (words.back) }
        }
    };
    Ok(cx.page(words.link, &main))
}

/// Whether the account would have no owner without this one.
fn is_last_owner(cx: &mut Context<'_, '_>, person: &Person) -> Result<bool, Failure> {
    let others = people::list(cx.tx, cx.visit.account.id)?;
    Ok(!others.iter().any(|other| other.id != person.id && other.role == Role::Owner))
}

/// Makes an owner of a reader, and the other way round.
pub(super) fn change_role(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let Some(mut person) = named(cx)? else { return Ok(cx.missing()) };
    if is_last_owner(cx, &person)? && person.role == Role::Owner {
        return refused(cx);
    }
    person.role = if person.role == Role::Owner { Role::Reader } else { Role::Owner };
    people::put(cx.tx, cx.visit.account.id, &person)?;
    cx.note(Action::PersonChanged, &format!("{} ({})", person.name, person.role.as_str()))?;
    Ok(Shown::done(HERE))
}

/// Removes a person.
pub(super) fn remove(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let Some(person) = named(cx)? else { return Ok(cx.missing()) };
    if is_last_owner(cx, &person)? && person.role == Role::Owner {
        return refused(cx);
    }
    people::remove(cx.tx, cx.visit.account.id, person.id)?;
    cx.note(Action::PersonRemoved, &person.name)?;
    Ok(Shown::done(HERE))
}

fn refused(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let problem = Words::of(cx.language()).last;
    Ok(shown(cx, Some(problem))?.status(StatusCode::UNPROCESSABLE_ENTITY))
}
