//! The products of the catalogue, with all of their settings, and their pin codes.

use std::collections::HashSet;

use billhook_store::{
    accounts::audit::{self, Action},
    products::{
        self, Listing, Product, categories, pincodes,
        product_settings::{FIELDS, Said, Setting, value},
    },
};
use billhook_wire::{GoodId, Name, OrderId, method::GoodFields};
use http::StatusCode;
use maud::{Markup, html};

use super::{
    deliveries,
    family::{self, Called, Family, Input, Kind, Refused},
    frame,
    language::{Language, words},
    orders,
    product_labels::label,
    visit::{Context, Shown},
};
use crate::failure::Failure;

/// So many of the pin codes that were handed out are shown, and so many free ones.
const PINCODES_SHOWN: usize = 200;

words! {
    add: "Новый товар", "A new product";
    title: "Название", "Title";
    name: "Имя для API (good_name)", "Name for the API (good_name)";
    price: "Цена", "Price";
    kind: "Вид", "Kind";
    digital: "цифровой", "digital";
    physical: "физический", "physical";
    floating: "с плавающей ценой", "of a floating price";
    minutes: "минуты", "minutes";
    hours: "часы", "hours";
    days: "дни", "days";
    no_category: "без категории", "none";
    gone: "снят с продажи", "off sale";
    all: "Показать и снятые с продажи", "Show those off sale too";
    only_kept: "Настройки со звёздочкой хранятся и отдаются через API, но сам Billhook по ним пока ничего не делает.",
        "Settings with an asterisk are kept and given back by the API; Billhook itself does nothing by them yet.";
    urls: "По адресам «куда сообщать» Billhook отправляет те же подписанные формы, что JustClick: новый заказ, оплата, отмена, предоплата, возврат. Что отправлено и что ответил получатель, видно в",
        "To the URLs to call, Billhook sends the signed forms that JustClick sends: new order, paid, cancelled, paid in part, money given back. What was sent, and what the receiver answered, is under";
    urls_seen: "уведомлениях", "Notifications";
    save: "Сохранить", "Save";
    save_back: "Сохранить и вернуть в продажу", "Save, and back on sale";
    off_sale: "Снять с продажи", "Take off sale";
    pincodes: "Пин-коды", "Pin codes";
    pincode: "Пин-код", "Pin code";
    order: "Заказ", "Order";
    left: "Свободно", "Free";
    handed_out: "Выдано", "Handed out";
    free: "Свободные пин-коды", "Free pin codes";
    last_ones: "Ниже — последние 200.", "The last 200 are below.";
    add_pincodes: "Добавить пин-коды, по одному в строке", "Add pin codes, one a line";
    add_submit: "Добавить", "Add";
    bad_pincode: "Ничего не добавлено. Пустой, повторный или уже бывший у товара пин-код:",
        "Nothing was added. A pin code that is empty, there twice, or was this product's already:";
}

/// A product; one that is not there yet has the number 0.
#[derive(Default, Clone)]
pub(super) struct OfCatalogue(Product);

/// The choices of a setting, each with its text.
fn choices<const N: usize>(choices: [(&str, &str); N]) -> Kind {
    Kind::Choice(choices.map(|(value, text)| (value.to_owned(), text.to_owned())).to_vec())
}

fn kinds(words: &'static Words) -> [(&'static str, &'static str); 3] {
    [("0", words.digital), ("1", words.physical), ("floating", words.floating)]
}

impl Family for OfCatalogue {
    const PATH: &'static str = "/cabinet/products";
    const NOTED: [Action; 3] = [Action::ProductAdded, Action::ProductChanged, Action::ProductRemoved];

    fn called(language: Language) -> Called {
        let words = Words::of(language);
        Called { add: words.add, name: words.title, columns: vec![words.name, words.price, words.kind] }
    }

    fn list(cx: &mut Context<'_, '_>) -> Result<Vec<Self>, Failure> {
        let (account, mut all) = (cx.visit.account.id, Vec::new());
        let mut show = |listing, good_type, is_deleted| {
            all.push(Self(Product { listing, good_type, is_deleted, ..Product::default() }));
            Ok::<(), Failure>(())
        };
        if cx.visit.query.has("all") {
            products::each_good(cx.tx, account, |product| {
                show(product.listing, product.good_type, product.is_deleted)
            })?;
        } else {
            products::on_sale(cx.tx, account, |listing, good_type| show(listing, good_type, false))?;
        }
        Ok(all)
    }

    fn below_list(cx: &Context<'_, '_>) -> Markup {
        html! { @if !cx.visit.query.has("all") { p { a href={ (Self::PATH) "?all" } { (Words::of(cx.language()).all) } } } }
    }

    fn find(cx: &mut Context<'_, '_>, number: i64) -> Result<Option<Self>, Failure> {
        Ok(products::find(cx.tx, cx.visit.account.id, GoodId(number))?.map(Self))
    }

    fn number(&self) -> i64 {
        self.0.listing.id.0
    }

    fn name(&self) -> &str {
        let Listing { good_name, good_title, .. } = &self.0.listing;
        if good_title.trim().is_empty() { good_name } else { good_title }
    }

    fn cells(&self, cx: &Context<'_, '_>) -> Vec<Markup> {
        let (Product { listing, is_deleted, .. }, words) = (&self.0, Words::of(cx.language()));
        let kind = value(&self.0, "good_type").to_string();
        let kind = kinds(words).into_iter().find(|(word, _)| *word == kind).map_or("", |(_, text)| text);
        vec![
            html! { (listing.good_name) @if *is_deleted { " " span.badge.bad { (words.gone) } } },
            html! { (cx.language().money(listing.good_sum)) },
            html! { (kind) },
        ]
    }

    fn inputs(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Input>, Failure> {
        let (words, mut inputs) = (Words::of(cx.language()), Vec::new());
        let mut with_none = vec![("0".to_owned(), words.no_category.to_owned())];
        let categories = categories::list(cx.tx, cx.visit.account.id)?.into_iter();
        with_none.extend(categories.map(|category| (category.id.to_string(), category.title)));
        if self.number() == 0 {
            inputs.push(Input::new(words.name, "good_name", "", Kind::Needed));
        }
        for field in FIELDS {
            let value = value(&self.0, field);
            let kind = match &value {
                Setting::Flag(_) => Kind::Flag,
                Setting::Type(_) => choices(kinds(words)),
                Setting::Unit(_) => {
                    choices([("min", words.minutes), ("hour", words.hours), ("day", words.days)])
                }
                Setting::Number(_) => Kind::Choice(with_none.clone()),
                Setting::Count(_) | Setting::Sum(_) | Setting::Share(_) => Kind::Needed,
                Setting::Text(_) if matches!(field, "good_mail_body" | "good_mail_text") => Kind::Long,
                Setting::Text(_) => Kind::Optional,
            };
            let value = match &value {
                Setting::Flag(flag) => u8::from(*flag).to_string(),
                other => other.to_string(),
            };
            let star = if GoodFields::ONLY_KEPT.contains(&field) { " *" } else { "" };
            inputs.push(Input::new(format!("{}{star}", label(cx.language(), field)), field, value, kind));
        }
        Ok(inputs)
    }

    fn seen_at_once(&self) -> usize {
        if self.number() == 0 { 5 } else { 4 }
    }

    fn more(&self, cx: &mut Context<'_, '_>) -> Result<Markup, Failure> {
        let words = Words::of(cx.language());
        let codes = pincodes_of(cx, self)?;
        Ok(html! {
            p.dim { (words.only_kept) }
            p.dim { (words.urls) " " a href=(deliveries::HERE) { (words.urls_seen) } "." }
            h2 { (words.pincodes) }
            (codes)
        })
    }

    fn save(&mut self, cx: &mut Context<'_, '_>) -> Result<Result<(), Refused>, Failure> {
        let (form, account) = (&cx.visit.form, cx.visit.account.id);
        if self.number() == 0 {
            let Ok(name) = Name::new(form.get("good_name")) else {
                return Ok(Err(Refused::Wrong("good_name")));
            };
            let id = match products::named(cx.tx, account, name.as_str())? {
                Some(known) if known.is_deleted => known.listing.id,
                Some(_) => return Ok(Err(Refused::Taken)),
                None => products::next_id(cx.tx, account)?,
            };
            self.0.listing.id = id;
            name.as_str().clone_into(&mut self.0.listing.good_name);
        }
        // A browser ends lines with CR and LF.
        let said: Vec<_> = FIELDS
            .into_iter()
            .filter(|field| form.has(field))
            .map(|field| (field, form.raw(field).replace("\r\n", "\n")))
            .collect();
        let said = said.iter().map(|(field, text)| (*field, text.as_str()));
        let said = match Said::read(&self.0.listing.good_name, said) {
            Ok(said) => said,
            Err(wrong) => {
                let wrong = FIELDS.into_iter().find(|field| *field == wrong.field());
                return Ok(Err(Refused::Wrong(wrong.unwrap_or("good_name"))));
            }
        };
        let category = said.parent_id().unwrap_or(0);
        if category != 0 && categories::find(cx.tx, account, category)?.is_none() {
            return Ok(Err(Refused::Wrong("parent_id")));
        }
        said.apply(&mut self.0);
        if self.0.listing.good_title.trim().is_empty() {
            return Ok(Err(Refused::Wrong("good_title")));
        }
        self.0.is_deleted = false;
        products::save(cx.tx, account, &self.0)?;
        Ok(Ok(()))
    }

    fn save_label(&self, language: Language) -> &'static str {
        let words = Words::of(language);
        if self.0.is_deleted { words.save_back } else { words.save }
    }

    fn remove_label(&self, language: Language) -> Option<&'static str> {
        (!self.0.is_deleted).then_some(Words::of(language).off_sale)
    }

    fn changes(&self, before: &Self) -> String {
        audit::changes_of_product(&before.0, &self.0)
    }

    fn remove(mut self, cx: &mut Context<'_, '_>) -> Result<(), Failure> {
        self.0.is_deleted = true;
        Ok(products::save(cx.tx, cx.visit.account.id, &self.0)?)
    }
}

/// How many pin codes are free, which orders got which, and for owners the free ones.
fn pincodes_of(cx: &mut Context<'_, '_>, product: &OfCatalogue) -> Result<Markup, Failure> {
    let (words, language) = (Words::of(cx.language()), cx.language());
    let (mut free, mut handed_out): (Vec<String>, Vec<(String, OrderId)>) = (Vec::new(), Vec::new());
    pincodes::each(cx.tx, cx.visit.account.id, product.0.listing.id, |code, order| {
        match order {
            Some(order) => handed_out.push((code.to_owned(), order)),
            None => free.push(code.to_owned()),
        }
        Ok::<(), Failure>(())
    })?;
    let rows: Vec<_> = handed_out
        .iter()
        .rev()
        .take(PINCODES_SHOWN)
        .map(|(code, order)| {
            vec![html! { (code) }, html! { a href={ (orders::HERE) "/" (order) } { (order) } }]
        })
        .collect();
    let count = |count: usize| language.number(i64::try_from(count).unwrap_or(i64::MAX));
    Ok(html! {
        p {
            (words.left) ": " (count(free.len())) ". " (words.handed_out) ": " (count(handed_out.len())) "."
            @if handed_out.len() > PINCODES_SHOWN { " " (words.last_ones) }
        }
        @if !rows.is_empty() { (frame::table(&[words.pincode, words.order], &rows)) }
        @if cx.is_owner() {
            @if !free.is_empty() {
                details {
                    summary { (words.free) }
                    pre tabindex="0" { code { @for code in free.iter().take(PINCODES_SHOWN) { (code) "\n" } } }
                }
            }
            form.card method="post" action={ (OfCatalogue::PATH) "/" (product.number()) "/pincodes" } {
                label {
                    span { (words.add_pincodes) }
                    textarea name="pincodes" rows="4" required { "\n" (cx.visit.form.raw("pincodes")) }
                }
                button { (words.add_submit) }
            }
        }
    })
}

/// Adds pin codes to a product on sale: all of a form's, or none.
pub(super) fn add_pincodes(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let Some(product) = family::found::<OfCatalogue>(cx)? else { return Ok(cx.missing()) };
    let (account, mut codes, mut seen) = (cx.visit.account.id, Vec::new(), HashSet::new());
    let lines = cx.visit.form.get("pincodes").lines().map(str::trim).filter(|line| !line.is_empty());
    let mut wrong = None;
    for line in lines {
        match Name::new(line) {
            Ok(code) if seen.insert(line) => codes.push(code.as_str().to_owned()),
            _ => wrong = wrong.or(Some(line)),
        }
    }
    let wrong = match wrong {
        Some(line) => Some(line.to_owned()),
        None if codes.is_empty() || product.0.is_deleted => Some(String::new()),
        None => {
            let known = pincodes::add_new(cx.tx, account, product.0.listing.id, &codes)?;
            known.and_then(|(at, _)| codes.get(at).cloned())
        }
    };
    if let Some(wrong) = wrong {
        let problem = format!("{} «{wrong}»", Words::of(cx.language()).bad_pincode);
        let told = frame::problem(Some(&problem));
        let shown = family::shown(cx, &product, &told, &cx.visit.form)?;
        return Ok(shown.status(StatusCode::UNPROCESSABLE_ENTITY));
    }
    cx.note(Action::PincodesAdded, &format!("{}: {}", product.name(), codes.len()))?;
    Ok(Shown::done(&format!("{}/{}", OfCatalogue::PATH, product.number())))
}
