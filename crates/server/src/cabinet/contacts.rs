//! The contacts: found by what is typed, by group or tag; a page for each, with its groups, orders and history.
//!
//! A contact and the orders of the same e-mail are one customer.

use std::collections::BTreeSet;

use billhook_store::{
    accounts::audit::{self, Action},
    contacts::{
        self, By, Contact, ContactText, contact_changes,
        contact_lists::{self, Filter},
        contact_search, contact_tags, erasure,
        groups::{self, Group, Kind as Joins},
        subscriptions::{self, Subscription},
    },
    managers,
    orders::order_search::Word,
};
use billhook_wire::{
    Email, Name, Text,
    method::{SubscriptionStatus as Status, UtcOffset},
};
use maud::{Markup, html};
use percent_encoding::percent_decode_str;

use super::{
    contact_labels::{label, status, what},
    customer_orders,
    family::{self, Called, Family, Input, Kind, Refused, found},
    frame::{self, choice, field, in_url},
    language::{Language, words},
    visit::{Context, Fields, Shown},
};
use crate::{failure::Failure, methods::contacts::NAMES_MAX};

const HERE: &str = "/cabinet/contacts";
/// As many stand on a page of the list.
const ON_A_PAGE: usize = 50;
/// What the history says of changes in the cabinet.
const METHOD: &str = "cabinet";

words! {
    title: "Контакты", "Contacts";
    search: "E-mail, фамилия и имя, телефон или номер", "E-mail, name, phone or number";
    group: "Группа", "Group";
    any_group: "любая", "any";
    tag: "Тег", "Tag";
    find: "Найти", "Find";
    reset: "Сбросить", "Reset";
    none: "Таких контактов нет.", "There are no such contacts.";
    too_many: "Слишком много совпадений, показаны не все. Введите больше букв или цифр.",
        "Too many match, and not all are shown. Type more letters or digits.";
    next: "Дальше", "Go on";
    add: "Новый контакт", "A new contact";
    number: "Контакт", "Contact";
    name: "Имя", "Name";
    phone: "Телефон", "Phone";
    tags: "Теги", "Tags";
    tags_how: "Теги (через запятую)", "Tags (with commas between)";
    groups: "Группы", "Groups";
    added: "Добавлен", "Added";
    changed: "Изменён", "Changed";
    manager: "Менеджер", "Manager";
    in_no_group: "Ни в одной группе.", "In no group.";
    state: "Состояние", "State";
    since: "С какого времени", "Since";
    how: "Как", "How";
    from: "с адреса", "from";
    leave: "Отписать", "Unsubscribe";
    join: "Подписать", "Subscribe";
    history: "История", "History";
    when: "Когда", "When";
    what: "Что", "What";
    taken: "Не сохранено: контакт с таким e-mail уже есть.", "Nothing was saved: a contact has this e-mail already.";
    nobody: "Не сохранено. Нужен e-mail, имя или телефон.", "Nothing was saved. An e-mail, a name or a phone is needed.";
    erase: "Стереть данные человека", "Erase this person's data";
    erase_what: "Контакт, подписки, история и уведомления о нём удаляются. В заказах остаются товары и суммы, но не имя, e-mail, телефон и адрес. При загрузке из файла этот человек не вернётся. Отменить это нельзя, а в прежних резервных копиях данные остаются.",
        "The contact goes, with subscriptions, history and what was told of it. Orders keep products and sums, but no name, e-mail, phone or address. No import brings the person back. This can't be undone, and earlier backups still have the data.";
    erase_surely: "Да, стереть навсегда", "Yes, erase for good";
}

/// A contact, what it is called, and its tags with commas between.
#[derive(Default, Clone)]
pub(super) struct Card {
    contact: Contact,
    known_as: String,
    tags: String,
}

/// How many contacts a group has, with the way to them.
pub(super) fn of_group(cx: &Context<'_, '_>, group: i64, count: u64) -> Markup {
    html! { a href={ (HERE) "?group=" (group) } { (cx.language().count(count)) } }
}

/// The way to the contact with an e-mail, if there is one.
pub(super) fn link(cx: &mut Context<'_, '_>, email: &Email) -> Result<Option<Markup>, Failure> {
    let contact = contacts::of_email(cx.tx, cx.visit.account.id, email)?;
    let words = Words::of(cx.language());
    Ok(contact
        .map(|contact| html! { a href={ (HERE) "/" (contact.id) } { (words.number) " " (contact.id) } }))
}

/// What owners erase a person with.
pub(super) fn erasing(cx: &Context<'_, '_>, email: &Email) -> Markup {
    let words = Words::of(cx.language());
    html! {
        @if cx.is_owner() {
            details {
                summary { (words.erase) }
                p { (words.erase_what) }
                (frame::button(&format!("{}/erase", customer_orders::path(email.as_str())), words.erase_surely, true))
            }
        }
    }
}

/// Erases whoever has the e-mail in the path.
pub(super) fn erase(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let email = percent_decode_str(&cx.visit.part).decode_utf8().ok();
    let Some(email) = email.and_then(|email| Email::parse(&email).ok()) else { return Ok(cx.missing()) };
    let drawn = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
    erasure::erase(cx.tx, cx.visit.account.id, &email, &drawn, cx.visit.now)?;
    // The entry names nobody.
    cx.note(Action::ContactErased, "")?;
    Ok(Shown::done(HERE))
}

/// What was done in the cabinet now. Whose address that was, the audit list says.
fn by(cx: &Context<'_, '_>) -> By<'static> {
    By { at: cx.visit.now, method: METHOD, address: "" }
}

/// The list, and a form for another one.
fn listed(cx: &mut Context<'_, '_>, problem: Option<&str>) -> Result<Shown, Failure> {
    let (words, account, query) = (Words::of(cx.language()), cx.visit.account.id, &cx.visit.query);
    let (q, group, tag) = (query.get("q"), query.get("group"), query.get("tag"));
    let filter =
        Filter { group: group.parse().ok(), tag: Some(tag.to_owned()).filter(|tag| !tag.is_empty()) };
    let groups = groups::list(cx.tx, account)?.into_iter().map(|group| (group.id.to_string(), group.title));
    let groups: Vec<_> = [(String::new(), words.any_group.to_owned())].into_iter().chain(groups).collect();
    if filter.group.is_some() && !groups.iter().any(|(number, _)| number == group) {
        return Ok(cx.missing());
    }
    let (before, most) = (query.get("before").parse().ok(), ON_A_PAGE + 1);
    let (mut all, is_cut) = if q.is_empty() {
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        (contact_lists::list(cx.tx, account, &filter, before, most)?, false)
    } else {
        contact_search::named(cx.tx, account, &Word::read(q), &filter, before, most)?
    };
    let is_more = all.len() > ON_A_PAGE;
    all.truncate(ON_A_PAGE);
    let rows: Vec<_> = all.iter().map(|contact| row(cx, contact)).collect::<Result<_, _>>()?;
    let columns = [words.number, words.name, words.phone, words.groups, words.tags, words.added];
    let add = family::adding::<Card>(cx)?;
    let main = html! {
        (family::tabs(cx.language(), HERE))
        (frame::problem(problem))
        form method="get" action=(HERE) role="search" {
            div.row {
                (field(words.search, "q", q, frame::Kind::Optional))
                (choice(words.group, "group", group, &groups))
                (field(words.tag, "tag", tag, frame::Kind::Optional))
                button { (words.find) }
                a.button.plain href=(HERE) { (words.reset) }
            }
        }
        (frame::problem(is_cut.then_some(words.too_many)))
        @if rows.is_empty() { p { (words.none) } } @else { (frame::table(&columns, &rows)) }
        @if let Some(last) = all.last().filter(|_| is_more) {
            @let link = format!("{HERE}?q={}&group={}&tag={}&before={}", in_url(q), in_url(group), in_url(tag), last.id);
            p { a.button.plain href=(link) { (words.next) } }
        }
        (add)
    };
    Ok(cx.page(words.title, &main))
}

fn row(cx: &mut Context<'_, '_>, contact: &Contact) -> Result<Vec<Markup>, Failure> {
    let account = cx.visit.account.id;
    let tags = contact_tags::tags(cx.tx, account, contact.id)?;
    let mut groups = subscriptions::of_contact(cx.tx, account, contact.id)?;
    groups.retain(|(one, _)| one.status == Status::Subscribe);
    let groups: Vec<_> = groups.iter().map(|(_, group)| group.title.as_str()).collect();
    let known_as = match &contact.email {
        Some(email) => email.as_str().to_owned(),
        None => format!("{} {}", Words::of(cx.language()).number, contact.id),
    };
    Ok(vec![
        html! { a href={ (HERE) "/" (contact.id) } { (known_as) } },
        html! { (contact.full_name()) },
        html! { (contact.texts.get(ContactText::Phone)) },
        html! { (groups.join(", ")) },
        html! { (tags.join(", ")) },
        html! { (cx.time(contact.created)) },
    ])
}

impl Family for Card {
    const PATH: &'static str = HERE;
    const IS_READ_FIRST: bool = true;
    const NOTED: [Action; 3] = [Action::ContactAdded, Action::ContactChanged, Action::ContactRemoved];

    fn called(language: Language) -> Called {
        let words = Words::of(language);
        Called { add: words.add, name: words.name, columns: Vec::new() }
    }

    fn list_page(cx: &mut Context<'_, '_>, problem: Option<&str>) -> Result<Shown, Failure> {
        listed(cx, problem)
    }

    fn find(cx: &mut Context<'_, '_>, number: i64) -> Result<Option<Self>, Failure> {
        let account = cx.visit.account.id;
        let Some(contact) = contacts::find(cx.tx, account, number)? else { return Ok(None) };
        let known_as = Some(contact.known_as()).filter(|name| !name.is_empty());
        let known_as = known_as.unwrap_or_else(|| format!("{} {number}", Words::of(cx.language()).number));
        Ok(Some(Self { known_as, tags: contact_tags::tags(cx.tx, account, number)?.join(", "), contact }))
    }

    fn number(&self) -> i64 {
        self.contact.id
    }

    fn name(&self) -> &str {
        &self.known_as
    }

    fn noted_as(&self) -> String {
        self.contact.noted_as()
    }

    fn inputs(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Input>, Failure> {
        let (words, language) = (Words::of(cx.language()), cx.language());
        let managers = managers::list(cx.tx, cx.visit.account.id)?;
        let managers = managers.into_iter().map(|manager| (manager.id.to_string(), manager.name));
        let mut managers: Vec<_> = [("0".to_owned(), String::new())].into_iter().chain(managers).collect();
        let manager = self.contact.manager.to_string();
        if !managers.iter().any(|(number, _)| *number == manager) {
            // The manager was removed, and contacts keep the number.
            managers.push((manager.clone(), manager.clone()));
        }
        let text = |field: ContactText| {
            let kind = if field == ContactText::Description { Kind::Long } else { Kind::Optional };
            Input::new(label(language, field), field.name(), self.contact.texts.get(field), kind)
        };
        let (first, others): (Vec<_>, Vec<_>) =
            ContactText::ALL.into_iter().partition(|field| SEEN_AT_ONCE.contains(field));
        let mut inputs: Vec<_> = first.into_iter().map(text).collect();
        inputs.push(Input::new(words.tags_how, "tags", &self.tags, Kind::Optional));
        inputs.push(Input::new(words.manager, "manager", manager, Kind::Choice(managers)));
        inputs.extend(others.into_iter().map(text));
        if self.contact.id == 0 {
            inputs.insert(0, Input::new("E-mail", "email", "", Kind::Optional));
        }
        Ok(inputs)
    }

    fn seen_at_once(&self) -> usize {
        SEEN_AT_ONCE.len() + if self.contact.id == 0 { 3 } else { 2 }
    }

    fn more(&self, cx: &mut Context<'_, '_>) -> Result<Markup, Failure> {
        let (words, contact) = (Words::of(cx.language()), &self.contact);
        let (subscribed, history) = (subscribed(cx, contact)?, history(cx, contact)?);
        let orders = contact.email.as_ref().map(|email| customer_orders::orders_of(cx, email)).transpose()?;
        Ok(html! {
            dl.pairs {
                dt { (words.number) } dd { (contact.id) }
                dt { (words.added) } dd { (cx.time(contact.created)) }
                dt { (words.changed) } dd { (cx.time(contact.changed)) }
            }
            (subscribed)
            @if let Some(orders) = orders { (orders) }
            (history)
            @if let Some(email) = &contact.email { (erasing(cx, email)) }
        })
    }

    fn save(&mut self, cx: &mut Context<'_, '_>) -> Result<Result<(), Refused>, Failure> {
        let (form, account, by) = (&cx.visit.form, cx.visit.account.id, by(cx));
        let words = Words::of(cx.language());
        let before = self.contact.clone();
        let contact = &mut self.contact;
        if let Err(field) = said(form, contact) {
            return Ok(Err(Refused::Wrong(field)));
        }
        let is_chosen = ![0, before.manager].contains(&contact.manager);
        if is_chosen && managers::find(cx.tx, account, contact.manager)?.is_none() {
            return Ok(Err(Refused::Wrong("manager")));
        }
        let tags = if form.has("tags") { form.get("tags").to_owned() } else { self.tags.clone() };
        if listed_tags(&tags).any(|tag| Name::new(tag).is_err()) || listed_tags(&tags).count() > NAMES_MAX {
            return Ok(Err(Refused::Wrong("tags")));
        }
        if contact.id == 0 {
            let email = form.get("email");
            contact.email = match Email::parse(email) {
                _ if email.is_empty() => None,
                Ok(email) => Some(email),
                Err(_) => return Ok(Err(Refused::Wrong("email"))),
            };
            if let Some(email) = &contact.email
                && contacts::of_email(cx.tx, account, email)?.is_some()
            {
                return Ok(Err(Refused::Because(words.taken)));
            }
            if contact.known_as().is_empty() {
                return Ok(Err(Refused::Because(words.nobody)));
            }
            contact.id = contacts::add(cx.tx, account, contact.clone(), by)?;
        } else if *contact != before {
            contact_changes::change(cx.tx, account, contact, by)?;
        }
        // Both are taken apart alike, so a tag with a comma in it, which imports may bring, stays.
        let [had, wanted] = [&self.tags, &tags].map(|tags| listed_tags(tags).collect::<BTreeSet<_>>());
        for (differing, removes) in [(wanted.difference(&had), false), (had.difference(&wanted), true)] {
            contact_tags::tag(cx.tx, account, contact.id, by, differing.copied(), removes)?;
        }
        self.tags = contact_tags::tags(cx.tx, account, contact.id)?.join(", ");
        Ok(Ok(()))
    }

    fn changes(&self, before: &Self) -> String {
        audit::changes_of_contact((&before.contact, &before.tags), (&self.contact, &self.tags))
    }

    fn remove(self, cx: &mut Context<'_, '_>) -> Result<(), Failure> {
        Ok(erasure::remove_contact(cx.tx, cx.visit.account.id, &self.contact, cx.visit.now)?)
    }
}

/// Takes over the texts and the manager that a form says; else it is the field that can't be read.
fn said(form: &Fields, contact: &mut Contact) -> Result<(), &'static str> {
    for field in ContactText::ALL.into_iter().filter(|field| form.has(field.name())) {
        // A browser ends lines with CR and LF, and has none in an input of one line.
        let mut said = form.get(field.name()).replace("\r\n", "\n");
        let is_long = field == ContactText::Description;
        let stored = contact.texts.get(field).trim();
        if said == stored || !is_long && said == stored.replace(['\r', '\n'], "") {
            continue;
        }
        if field == ContactText::Utc && !said.is_empty() {
            said = UtcOffset::parse(&said).map_err(|_| field.name())?.to_string();
        }
        Text::new(said.as_str()).map_err(|_| field.name())?;
        contact.texts.set(field, said);
    }
    if form.has("manager") {
        contact.manager = form.get("manager").parse().map_err(|_| "manager")?;
    }
    Ok(())
}

/// Tags that stand with commas between.
fn listed_tags(tags: &str) -> impl Iterator<Item = &str> {
    tags.split(',').map(str::trim).filter(|tag| !tag.is_empty())
}

/// The texts whose inputs are not folded away.
const SEEN_AT_ONCE: [ContactText; 6] = [
    ContactText::FirstName,
    ContactText::MiddleName,
    ContactText::LastName,
    ContactText::Phone,
    ContactText::City,
    ContactText::Description,
];

/// How the contact stands in groups; owners change that.
fn subscribed(cx: &mut Context<'_, '_>, contact: &Contact) -> Result<Markup, Failure> {
    let (words, account, language) = (Words::of(cx.language()), cx.visit.account.id, cx.language());
    let all = subscriptions::of_contact(cx.tx, account, contact.id)?;
    let is_in =
        |group: &Group| all.iter().any(|(one, of)| of.id == group.id && one.status == Status::Subscribe);
    let others = groups::list(cx.tx, account)?.into_iter();
    let others = others.filter(|group| group.kind == Joins::Open && !is_in(group));
    let others: Vec<_> = others.map(|group| (group.id.to_string(), group.title)).collect();
    let path = |act: &str| format!("{HERE}/{}/{act}", contact.id);
    let rows = all.iter().map(|(one, group)| {
        let Subscription { address, activation, doneurl, .. } = one;
        vec![
            html! { a href={ "/cabinet/groups/" (group.id) } { (group.title) } },
            html! { (status(language, one.status)) },
            html! { (cx.time(one.at)) },
            html! {
                (one.method)
                @if !address.is_empty() { " " (words.from) " " (address) }
                @if !activation.is_empty() { ", " code { "activation=" (activation) } }
                @if !doneurl.is_empty() { ", " code { "doneurl2=" (doneurl) } }
            },
            html! {
                @if one.status == Status::Subscribe && cx.is_owner() {
                    form.inline method="post" action=(path("leave")) {
                        input type="hidden" name="group" value=(group.id);
                        button.plain { (words.leave) }
                    }
                }
            },
        ]
    });
    let rows: Vec<_> = rows.collect();
    Ok(html! {
        h2 { (words.groups) }
        @if rows.is_empty() { p.dim { (words.in_no_group) } }
        @else { (frame::table(&[words.group, words.state, words.since, words.how, ""], &rows)) }
        @if cx.is_owner() && !others.is_empty() {
            form.card method="post" action=(path("join")) {
                (choice(words.group, "group", "", &others))
                button { (words.join) }
            }
        }
    })
}

fn history(cx: &mut Context<'_, '_>, contact: &Contact) -> Result<Markup, Failure> {
    let (words, language) = (Words::of(cx.language()), cx.language());
    let entries = contacts::history(cx.tx, cx.visit.account.id, contact.id)?;
    let rows = entries.iter().map(|entry| {
        vec![
            html! { (cx.time(entry.at)) },
            html! { (what(language, &entry.what)) @if !entry.detail.is_empty() { ": " (entry.detail) } },
            html! { (entry.method) @if !entry.address.is_empty() { " " (words.from) " " (entry.address) } },
        ]
    });
    let rows: Vec<_> = rows.collect();
    Ok(html! { h2 { (words.history) } (frame::table(&[words.when, words.what, words.how], &rows)) })
}

/// Subscribes the contact to a group.
pub(super) fn join(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    moved(cx, '+', |cx, group, contact| {
        let (account, by) = (cx.visit.account.id, by(cx));
        Ok(subscriptions::put(cx.tx, account, group, contact, Status::Subscribe, by, ("", ""))?)
    })
}

/// Unsubscribes it.
pub(super) fn leave(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    moved(cx, '-', |cx, group, contact| {
        Ok(subscriptions::leave(cx.tx, cx.visit.account.id, group, contact, by(cx))?.unwrap_or(false))
    })
}

/// Moves the contact of the path into the group that the form names, or out of it, and notes that.
fn moved(
    cx: &mut Context<'_, '_>,
    sign: char,
    act: impl FnOnce(&mut Context<'_, '_>, &Group, i64) -> Result<bool, Failure>,
) -> Result<Shown, Failure> {
    let group = cx.visit.form.get("group").parse().unwrap_or(0);
    let (card, group) = (found::<Card>(cx)?, groups::find(cx.tx, cx.visit.account.id, group)?);
    let (Some(card), Some(group)) = (card, group) else { return Ok(cx.missing()) };
    if act(cx, &group, card.contact.id)? {
        cx.note(Action::ContactChanged, &format!("{}; {sign}groups: {}", card.noted_as(), group.name))?;
    }
    Ok(Shown::done(&format!("{HERE}/{}", card.contact.id)))
}
