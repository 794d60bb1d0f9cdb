//! The pages that all families of an account's own things share, such as its coupons: a list, a page for each, and a form.
//!
//! A family is a [`Family`]: what its list says of one, the form's inputs, and the store's functions behind them.
//!
//! The form of one carries a digest of what it showed. If that has changed since, nothing is saved, as with an order's.

use billhook_store::accounts::audit::Action;
use billhook_wire::signature::sha256;
use http::StatusCode;
use maud::{Markup, html};

use super::{
    frame::{self, button},
    language::{Language, words},
    visit::{Context, Fields, Shown},
};
use crate::failure::Failure;

/// As many stand on a page of a list.
const ON_A_PAGE: usize = 200;

words! {
    number: "Номер", "Number";
    none: "Пока ничего нет.", "There is nothing yet.";
    next: "Дальше", "Go on";
    add: "Добавить", "Add";
    save: "Сохранить", "Save";
    change: "Изменить", "Change";
    remove: "Удалить", "Remove";
    surely: "Да, точно", "Yes, I am sure";
    more: "Остальное", "The rest";
    contacts: "Контакты", "Contacts";
    groups: "Группы", "Groups";
    products: "Товары", "Products";
    coupons: "Купоны", "Coupons";
    categories: "Категории", "Categories";
    managers: "Менеджеры", "Managers";
    partners: "Партнёры", "Partners";
    catalogue: "Каталог", "Catalogue";
    yes: "да", "yes";
    wrong: "Не сохранено. Проверьте поле:", "Nothing was saved. Check this field:";
    taken: "Не сохранено: такое имя уже есть.", "Nothing was saved: this name is taken.";
}

/// What a form takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text that has to be there.
    Needed,
    /// One that may be empty.
    Optional,
    /// A text of several lines.
    Long,
    Date,
    Flag,
    /// One of these: the value that is sent, and its name.
    Choice(Vec<(String, String)>),
}

/// A labelled input of a form, and what is in it.
#[derive(Debug, Clone)]
pub(super) struct Input {
    pub(super) label: String,
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) kind: Kind,
}

impl Input {
    pub(super) fn new(
        label: impl Into<String>,
        name: &'static str,
        value: impl Into<String>,
        kind: Kind,
    ) -> Self {
        Self { label: label.into(), name, value: value.into(), kind }
    }

    /// It in a form; what was said stays in it.
    fn shown(&self, said: &Fields) -> Markup {
        let Self { label, name, kind, .. } = self;
        let value = if said.has(name) { said.raw(name) } else { &self.value };
        match kind {
            Kind::Needed => frame::field(label, name, value, frame::Kind::Text),
            Kind::Optional => frame::field(label, name, value, frame::Kind::Optional),
            Kind::Date => html! { label { span { (label) } input type="date" name=(name) value=(value); } },
            Kind::Long => {
                html! { label { span { (label) } textarea name=(name) rows="4" { "\n" (value) } } }
            }
            // A box without its tick is not sent, so a 0 goes before it.
            Kind::Flag => html! {
                label.check {
                    input type="hidden" name=(name) value="0";
                    input type="checkbox" name=(name) value="1" checked[value == "1"];
                    (label)
                }
            },
            Kind::Choice(options) => frame::choice(label, name, value, options),
        }
    }

    /// Its value for somebody who may not change it.
    fn text(&self, words: &'static Words) -> &str {
        match &self.kind {
            Kind::Choice(options) => {
                options.iter().find(|(value, _)| *value == self.value).map_or("", |(_, text)| text)
            }
            Kind::Flag if self.value == "1" => words.yes,
            Kind::Flag => "",
            _ => &self.value,
        }
    }
}

/// Why something was not saved.
pub(super) enum Refused {
    /// The field of this name can't be read.
    Wrong(&'static str),
    /// Something else has its name.
    Taken,
    /// For this reason.
    Because(&'static str),
}

/// What adding to a family is called, the column of names in its list, and the columns behind it.
pub(super) struct Called {
    pub(super) add: &'static str,
    pub(super) name: &'static str,
    pub(super) columns: Vec<&'static str>,
}

/// Something that an account has any number of. The default is one that is not there yet, and has the number 0.
pub(super) trait Family: Default + Clone {
    /// Where its list is.
    const PATH: &'static str;
    /// Whether the page of one shows it as text first, and folds the form.
    const IS_READ_FIRST: bool = false;
    /// One was added, changed, removed.
    const NOTED: [Action; 3];

    fn called(language: Language) -> Called;
    /// All of an account's, by number.
    fn list(_cx: &mut Context<'_, '_>) -> Result<Vec<Self>, Failure> {
        Ok(Vec::new())
    }
    /// The list's page, with what is to be told. A family that is too large for a list of all has one of its own.
    fn list_page(cx: &mut Context<'_, '_>, problem: Option<&str>) -> Result<Shown, Failure> {
        listed::<Self>(cx, problem)
    }
    fn find(cx: &mut Context<'_, '_>, number: i64) -> Result<Option<Self>, Failure>;
    fn number(&self) -> i64;
    fn name(&self) -> &str;
    /// What the audit list calls it.
    fn noted_as(&self) -> String {
        self.name().to_owned()
    }
    /// What else the list says of it, one for each column.
    fn cells(&self, _cx: &Context<'_, '_>) -> Vec<Markup> {
        Vec::new()
    }
    /// The form.
    fn inputs(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Input>, Failure>;
    /// So many of the inputs are seen at once; the others are folded away.
    fn seen_at_once(&self) -> usize {
        usize::MAX
    }
    /// What the list's page has below the list.
    fn below_list(_cx: &Context<'_, '_>) -> Markup {
        html! {}
    }
    /// What its page has below the form.
    fn more(&self, _cx: &mut Context<'_, '_>) -> Result<Markup, Failure> {
        Ok(html! {})
    }
    /// Takes over what the form says, and saves it.
    fn save(&mut self, cx: &mut Context<'_, '_>) -> Result<Result<(), Refused>, Failure>;
    /// What the audit list says of a change, beside the name.
    fn changes(&self, _before: &Self) -> String {
        String::new()
    }
    fn remove(self, cx: &mut Context<'_, '_>) -> Result<(), Failure>;
    /// What saving it is called.
    fn save_label(&self, language: Language) -> &'static str {
        Words::of(language).save
    }
    /// What removing it is called; `None` where it can't be removed.
    fn remove_label(&self, language: Language) -> Option<&'static str> {
        Some(Words::of(language).remove)
    }
}

/// Of all, what a page of the list shows, and one more.
pub(super) fn shown_of<T>(cx: &Context<'_, '_>, all: Vec<T>, number: impl Fn(&T) -> i64) -> Vec<T> {
    let after = cx.visit.query.get("after").parse().unwrap_or(0);
    all.into_iter().filter(|one| number(one) > after).take(ON_A_PAGE + 1).collect()
}

/// The list, and a form for another one.
pub(super) fn page<T: Family>(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    T::list_page(cx, None)
}

fn listed<T: Family>(cx: &mut Context<'_, '_>, problem: Option<&str>) -> Result<Shown, Failure> {
    let (words, called) = (Words::of(cx.language()), T::called(cx.language()));
    let all = T::list(cx)?;
    let mut all = shown_of(cx, all, T::number);
    let all_too = if cx.visit.query.has("all") { "all&" } else { "" };
    let is_more = all.len() > ON_A_PAGE;
    all.truncate(ON_A_PAGE);
    let rows: Vec<_> = all
        .iter()
        .map(|one| {
            let link = html! { a href={ (T::PATH) "/" (one.number()) } { (one.name()) } };
            [vec![html! { (one.number()) }, link], one.cells(cx)].concat()
        })
        .collect();
    let columns = [vec![words.number, called.name], called.columns].concat();
    let add = adding::<T>(cx)?;
    let main = html! {
        (tabs(cx.language(), T::PATH))
        (frame::problem(problem))
        @if rows.is_empty() { p.dim { (words.none) } } @else { (frame::table(&columns, &rows)) }
        @if let Some(last) = all.last().filter(|_| is_more) {
            p { a.button.plain href={ (T::PATH) "?" (all_too) "after=" (last.number()) } { (words.next) } }
        }
        (T::below_list(cx))
        (add)
    };
    let title =
        section(words, T::PATH).1.iter().find(|(path, _)| *path == T::PATH).map_or("", |(_, name)| name);
    Ok(cx.page(title, &main))
}

/// The form with which owners add one.
pub(super) fn adding<T: Family>(cx: &mut Context<'_, '_>) -> Result<Markup, Failure> {
    if !cx.is_owner() {
        return Ok(html! {});
    }
    let inputs = T::default().inputs(cx)?;
    let form = form(cx, (T::PATH, Words::of(cx.language()).add), &T::default(), &inputs, &cx.visit.form);
    Ok(html! { h2 { (T::called(cx.language()).add) } (form) })
}

/// What the section of a path is called, and its families: where each is, and what it is called.
fn section(words: &'static Words, path: &str) -> (&'static str, Vec<(&'static str, &'static str)>) {
    let contacts = vec![("/cabinet/contacts", words.contacts), ("/cabinet/groups", words.groups)];
    if contacts.iter().any(|(of, _)| *of == path) {
        return (words.contacts, contacts);
    }
    let catalogue = vec![
        ("/cabinet/products", words.products),
        ("/cabinet/coupons", words.coupons),
        ("/cabinet/categories", words.categories),
        ("/cabinet/managers", words.managers),
        ("/cabinet/partners", words.partners),
    ];
    (words.catalogue, catalogue)
}

/// The way from family to family of a section.
pub(super) fn tabs(language: Language, here: &str) -> Markup {
    let (name, families) = section(Words::of(language), here);
    html! {
        nav.row aria-label=(name) {
            @for (path, name) in families {
                a href=(path) aria-current=[(path == here).then_some("page")] { (name) }
            }
        }
    }
}

/// A digest of all that the page of one shows and the form changes; also of whether there is something left to remove.
fn digest<T: Family>(one: &T, inputs: &[Input]) -> String {
    let values: Vec<_> = inputs.iter().map(|input| (input.name, &input.value)).collect();
    sha256(format!("{:?}{values:?}", one.remove_label(Language::Russian)).as_bytes())
}

fn form<T: Family>(
    cx: &Context<'_, '_>,
    (action, submit): (&str, &str),
    one: &T,
    inputs: &[Input],
    said: &Fields,
) -> Markup {
    let (seen, folded) = inputs.split_at_checked(one.seen_at_once()).unwrap_or((inputs, &[]));
    html! {
        form.card method="post" action=(action) {
            @if one.number() != 0 { input type="hidden" name="digest" value=(digest(one, inputs)); }
            @for input in seen { (input.shown(said)) }
            @if !folded.is_empty() {
                details open[cx.visit.is_post] {
                    summary { (Words::of(cx.language()).more) }
                    @for input in folded { (input.shown(said)) }
                }
            }
            button { (submit) }
        }
    }
}

/// The one whose number stands in the path.
pub(super) fn found<T: Family>(cx: &mut Context<'_, '_>) -> Result<Option<T>, Failure> {
    match cx.visit.part.parse() {
        Ok(number) => T::find(cx, number),
        Err(_) => Ok(None),
    }
}

/// The page of one.
pub(super) fn one<T: Family>(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    match found::<T>(cx)? {
        Some(one) => shown(cx, &one, &html! {}, &Fields::default()),
        None => Ok(cx.missing()),
    }
}

/// The page of one, with what is to be told, and with the fields of a form that was refused.
pub(super) fn shown<T: Family>(
    cx: &mut Context<'_, '_>,
    one: &T,
    told: &Markup,
    said: &Fields,
) -> Result<Shown, Failure> {
    let words = Words::of(cx.language());
    let (inputs, more) = (one.inputs(cx)?, one.more(cx)?);
    let path = format!("{}/{}", T::PATH, one.number());
    let form = form(cx, (path.as_str(), one.save_label(cx.language())), one, &inputs, said);
    let main = html! {
        (tabs(cx.language(), T::PATH))
        (told)
        @if T::IS_READ_FIRST || !cx.is_owner() {
            dl.pairs {
                @for input in inputs.iter().filter(|input| !input.text(words).is_empty()) {
                    dt { (input.label) } dd { (input.text(words)) }
                }
            }
        } @else { (form) }
        (more)
        @if T::IS_READ_FIRST && cx.is_owner() {
            details open[cx.visit.is_post] { summary { (words.change) } (form) }
        }
        @if let Some(remove) = one.remove_label(cx.language()).filter(|_| cx.is_owner()) {
            details { summary { (remove) } (button(&format!("{path}/remove"), words.surely, true)) }
        }
    };
    Ok(cx.page(one.name(), &main))
}

/// Adds one, or changes the one whose number stands in the path.
pub(super) fn save<T: Family>(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let (words, is_new) = (Words::of(cx.language()), cx.visit.part.is_empty());
    let found = if is_new { Some(T::default()) } else { found::<T>(cx)? };
    let Some(mut one) = found else { return Ok(cx.missing()) };
    if !is_new && let Some(told) = differs(cx, &one)? {
        return Ok(shown(cx, &one, &told, &Fields::default())?.status(StatusCode::CONFLICT));
    }
    let before = one.clone();
    let problem = match one.save(cx)? {
        Ok(()) => {
            let [added, edited, _] = T::NOTED;
            let told = if is_new { String::new() } else { one.changes(&before) };
            let noted = one.noted_as();
            let parts = [noted.as_str(), &told].into_iter().filter(|part| !part.is_empty());
            cx.note(if is_new { added } else { edited }, &parts.collect::<Vec<_>>().join("; "))?;
            return Ok(Shown::done(T::PATH));
        }
        Err(Refused::Taken) => words.taken.to_owned(),
        Err(Refused::Because(reason)) => reason.to_owned(),
        Err(Refused::Wrong(name)) => {
            let inputs = if is_new { T::default().inputs(cx)? } else { one.inputs(cx)? };
            let label = inputs.iter().find(|input| input.name == name).map_or(name, |input| &input.label);
            format!("{} «{label}».", words.wrong)
        }
    };
    let shown = if is_new {
        T::list_page(cx, Some(&problem))?
    } else {
        shown(cx, &before, &frame::problem(Some(&problem)), &cx.visit.form)?
    };
    Ok(shown.status(StatusCode::UNPROCESSABLE_ENTITY))
}

/// What is told where the form was made of something else than is there now.
fn differs<T: Family>(cx: &mut Context<'_, '_>, one: &T) -> Result<Option<Markup>, Failure> {
    let (form, language) = (&cx.visit.form, cx.language());
    let inputs = one.inputs(cx)?;
    if form.get("digest") == digest(one, &inputs) {
        return Ok(None);
    }
    let wanted = inputs.into_iter().filter_map(|input| {
        // A browser ends lines with CR and LF.
        let value = form.raw(input.name).replace("\r\n", "\n");
        (form.has(input.name) && value != input.value).then_some(Input { value, ..input })
    });
    let wanted: Vec<_> = wanted.collect();
    let fields: Vec<_> =
        wanted.iter().map(|input| (input.label.as_str(), input.text(Words::of(language)))).collect();
    Ok(Some(frame::differs(language, one.save_label(language), &fields)))
}

/// Removes one.
pub(super) fn remove<T: Family>(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let one = found::<T>(cx)?.filter(|one| one.remove_label(cx.language()).is_some());
    let Some(one) = one else { return Ok(cx.missing()) };
    let [_, _, noted] = T::NOTED;
    cx.note(noted, &one.noted_as())?;
    one.remove(cx)?;
    Ok(Shown::done(T::PATH))
}
