//! The orders that the list's filter takes as a file: CSV that Russian Excel opens, or JSON Lines as `billhook export` writes them.
//!
//! A file is made while the browser reads it, some orders at a time. Each part is read in a transaction of its own, so a
//! slow reader holds none open, and an order that is made meanwhile is left out.

use std::{collections::HashMap, sync::Arc};

use billhook_store::{
    Tx,
    managers::{self, Manager},
    orders::{
        Order, TextField, income,
        order_changes::{self, Payment},
        order_lists,
        order_record::OrderRecord,
        order_search::{self, Filter, Position, UNCOUNTED_START},
    },
};
use billhook_wire::{Money, OrderId};
use futures_util::stream;
use http::{StatusCode, header};

use super::{
    Language, PAGE,
    language::words,
    order_labels::label,
    orders::{self, status_name},
    visit::{Context, Shown, Visit},
};
use crate::{
    failure::Failure,
    http::answer::{self, CutOff, Page, Rest},
    state::State,
};

/// As many orders are looked for at once.
const FOUND_AT_ONCE: usize = 500;
/// As many are read at once: each may hold megabytes of texts.
const READ_AT_ONCE: usize = 20;
/// A part of a file ends behind so many bytes.
const PART_BYTES: usize = 256 * 1024;

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Csv,
    Jsonl,
}

static CSV: Page = Page {
    content_type: "text/csv; charset=utf-8",
    policy: PAGE.policy,
    headers: &[
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"orders.csv\""),
    ],
};
static JSONL: Page = Page {
    content_type: "application/jsonl",
    policy: PAGE.policy,
    headers: &[
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"orders.jsonl\""),
    ],
};

words! {
    number: "Номер", "Number";
    status: "Состояние", "State";
    created: "Создан", "Created";
    paid: "Оплачен", "Paid";
    price: "Сумма", "Sum";
    received: "Получено", "Received";
    to_pay: "Осталось оплатить", "Left to pay";
    goods: "Товары", "Products";
    manager: "Менеджер", "Manager";
    sent: "Отправлен", "Posted";
    partner: "Партнёр", "Partner";
}

/// What a page's transaction finds out for a file: the filter, or the page that says what can't be read of it.
pub(super) fn asked(cx: &mut Context<'_, '_>) -> Result<Result<Filter, Shown>, Failure> {
    let (filter, is_read) = orders::filter(cx)?;
    if is_read { Ok(Ok(filter)) } else { Ok(Err(orders::page(cx)?.status(StatusCode::UNPROCESSABLE_ENTITY))) }
}

/// The file.
pub(super) fn file(state: &Arc<State>, visit: Arc<Visit>, form: Form, filter: Filter) -> Shown {
    let page = if form == Form::Csv { &CSV } else { &JSONL };
    let work = (state.clone(), visit, Arc::new(filter));
    let start = Ahead { found: Vec::new(), after: Some(UNCOUNTED_START) };
    let rest: Rest = Box::pin(stream::try_unfold(start, move |ahead| {
        let (state, visit, filter) = work.clone();
        async move {
            if ahead.found.is_empty() && ahead.after.is_none() {
                return Ok(None);
            }
            let reader = (visit.clone(), filter);
            let part = state.read(visit.account.id, move |tx| part(tx, &reader.0, form, &reader.1, &ahead));
            let held = part
                .await
                .and_then(|(text, next)| Ok((answer::hold(text, [Some(&state.page_budget), None])?, next)));
            held.map(Some).map_err(|failure| {
                state.reporter.failed(&failure, state.store.place(), &visit.request_id);
                CutOff
            })
        }
    }));
    Shown { file: Some((page, rest)), ..Shown::new(StatusCode::OK, String::new()) }
}

/// What is not in a file yet.
struct Ahead {
    /// Orders that were found.
    found: Vec<OrderId>,
    /// Behind these.
    after: Option<Position>,
}

/// The next part of a file.
fn part(
    tx: &mut Tx<'_>,
    visit: &Visit,
    form: Form,
    filter: &Filter,
    ahead: &Ahead,
) -> Result<(Vec<u8>, Ahead), Failure> {
    let account = visit.account.id;
    let mut out = Vec::new();
    if form == Form::Csv && ahead.after == Some(UNCOUNTED_START) {
        out.extend("\u{feff}".bytes());
        row(&mut out, &header(visit.language));
    }
    let (mut found, mut after) = (ahead.found.clone(), ahead.after);
    if let Some(start) = after.filter(|_| found.is_empty()) {
        let more = order_search::find(tx, account, filter, start, FOUND_AT_ONCE)?;
        (found, after) = (more.orders, more.next);
    }
    let managers = managers::list(tx, account)?;
    while !found.is_empty() && out.len() < PART_BYTES {
        let ids: Vec<_> = found.drain(..found.len().min(READ_AT_ONCE)).collect();
        let payments = order_changes::payments_of_each(tx, account, &ids)?;
        let payments: HashMap<_, _> = ids.iter().copied().zip(payments).collect();
        order_lists::each_of(tx, account, &ids, |order| {
            let payments = payments.get(&order.id).map_or(&[][..], Vec::as_slice);
            match form {
                Form::Csv => row(&mut out, &cells(visit, &order, payments, &managers)),
                Form::Jsonl => {
                    serde_json::to_writer(&mut out, &OrderRecord { order: &order, payments })
                        .map_err(|_| Failure::Fault("an order could not be written as JSON"))?;
                    out.push(b'\n');
                }
            }
            Ok::<(), Failure>(())
        })?;
    }
    Ok((out, Ahead { found, after }))
}

/// The texts that stand together: who the customer is, and everything behind the parcel's time but the marks.
const NAMES: [TextField; 4] =
    [TextField::LastName, TextField::FirstName, TextField::MiddleName, TextField::Phone];
const PARCEL: [TextField; 8] = [
    TextField::Rpo,
    TextField::Country,
    TextField::Region,
    TextField::City,
    TextField::Address,
    TextField::Postalcode,
    TextField::Kupon,
    TextField::Tag,
];
const NOTES: [TextField; 2] = [TextField::Comment, TextField::Note];
const MARKS: [TextField; 5] = [
    TextField::UtmSource,
    TextField::UtmMedium,
    TextField::UtmCampaign,
    TextField::UtmContent,
    TextField::UtmTerm,
];

fn header(language: Language) -> Vec<String> {
    let words = Words::of(language);
    let texts = |fields: &[TextField]| fields.iter().map(|field| label(language, *field)).collect::<Vec<_>>();
    let names = [
        &[words.number, words.status, words.created, words.paid, words.price, words.received, words.to_pay][..],
        &texts(&NAMES),
        &["E-mail", words.goods, words.manager, words.sent],
        &texts(&PARCEL),
        &[words.partner],
        &texts(&NOTES),
        &MARKS.map(TextField::name),
    ];
    names.concat().into_iter().map(str::to_owned).collect()
}

/// An order's row. Its times and sums are written as Russian Excel reads them, whatever the language of the page is.
fn cells(visit: &Visit, order: &Order, payments: &[Payment], managers: &[Manager]) -> Vec<String> {
    let time = |unix: i64| Language::Russian.moment(unix, &visit.account.settings.time_zone);
    let sum = |sum: Money| sum.to_string().replace('.', ",");
    let text = |field: TextField| no_formula(order.texts.get(field));
    let goods: Vec<_> = order.lines.iter().map(|line| line.good_title.as_str()).collect();
    let manager = managers.iter().find(|manager| manager.id == order.handling.manager);
    let partner = match order.texts.get(TextField::AffName) {
        "" => TextField::Aff,
        _ => TextField::AffName,
    };
    let mut cells = vec![
        order.id.to_string(),
        status_name(visit.language, order.pay_status).to_owned(),
        time(order.created),
        time(order.paid),
        sum(order.price()),
        sum(income::received(order, income::given_back(payments))),
        sum(order.to_pay()),
    ];
    cells.extend(NAMES.map(text));
    cells.extend([
        no_formula(order.email_text()),
        no_formula(&goods.join(", ")),
        no_formula(manager.map_or("", |manager| &manager.name)),
        time(order.handling.sent),
    ]);
    cells.extend(PARCEL.into_iter().chain([partner]).chain(NOTES).chain(MARKS).map(text));
    cells
}

/// A text that a spreadsheet does not take for a formula.
fn no_formula(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if is_formula { format!("'{text}") } else { text.to_owned() }
}

fn row(out: &mut Vec<u8>, cells: &[String]) {
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            out.push(b';');
        }
        if cell.contains([';', '"', '\r', '\n']) {
            out.extend(format!("\"{}\"", cell.replace('"', "\"\"")).bytes());
        } else {
            out.extend(cell.bytes());
        }
    }
    out.extend(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_or_leaves_its_place() {
        let mut out = Vec::new();
        let texts = ["=1+1", "+7", "-1", "@x", "\tx", "\r=1", "a;\"b\"\nc", " =1", ""];
        row(&mut out, &texts.map(no_formula));
        let line = String::from_utf8(out).unwrap();
        assert_eq!(line, "'=1+1;'+7;'-1;'@x;'\tx;\"'\r=1\";\"a;\"\"b\"\"\nc\"; =1;\r\n");
    }
}
