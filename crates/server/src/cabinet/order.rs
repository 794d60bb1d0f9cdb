//! One order: everything that is known of it, and what its owner does with it.
//!
//! A form carries a digest of the order that it showed. If the order has changed since, nothing is done, and the page shows it as it
//! is now, beside what was wanted.

use billhook_store::{
    accounts::audit::{self, Action},
    managers,
    orders::{
        self, Order, Parcel, TextField, Texts, income,
        order_changes::{self, Payment},
        order_lists,
    },
};
use billhook_wire::{Email, Money, OrderId, PayStatus, Text};
use http::StatusCode;
use maud::{Markup, html};

use super::{
    audit::action_name,
    contacts, customer_orders, deliveries,
    frame::{self, Kind, field},
    language::{Language, words},
    order_labels::label,
    orders::{HERE, status_badge, sum},
    visit::{Context, Fields, Shown},
};
use crate::failure::Failure;

words! {
    title: "Заказ", "Order";
    contact: "Покупатель", "Customer";
    created: "Создан", "Created";
    paid: "Оплачен", "Paid";
    deleted: "Удалён", "Deleted";
    kill_at: "Отменится сам", "Cancels itself";
    price: "Сумма", "Sum";
    received: "Получено", "Received";
    to_pay: "Осталось оплатить", "Left to pay";
    manager: "Менеджер", "Manager";
    delivery: "Доставка", "Delivery";
    sent: "отправлено", "posted";
    came_back: "посылка вернулась", "the parcel came back";
    goods: "Товары", "Products";
    product: "Товар", "Product";
    pincode: "Пин-код", "Pin code";
    payments: "Платежи", "Payments";
    when: "Когда", "When";
    more: "Адрес, метки и остальное", "Address, marks and the rest";
    history: "История", "History";
    history_what: "Что делали люди в кабинете и командами.", "What people did in the cabinet and by commands.";
    operator: "команда на сервере", "a command on the server";
    who: "Кто", "Who";
    what: "Что", "What";
    others: "Другие заказы этого покупателя", "Other orders of this customer";
    actions: "Действия", "Actions";
    pay: "Отметить оплату целиком", "Mark as paid";
    part: "Записать часть оплаты", "Note a part payment";
    part_sum: "Сумма платежа", "Sum of the payment";
    unpay: "Убрать последний платёж", "Remove the last payment";
    cancel: "Отменить заказ", "Cancel the order";
    cancel_keeps: "Отмена денег не возвращает: в отчёте останется", "Cancelling gives no money back. The report keeps";
    cancel_loses: "Платежи этого заказа не записаны, он просто считается оплаченным. После отмены из отчёта исчезнет",
        "No payment of this order was recorded; it only counts as paid. Cancelling takes out of the report";
    refund_instead: "Если вы вернули деньги покупателю, не отменяйте заказ, а запишите возврат.",
        "If you gave the money back to the customer, do not cancel the order: record the refund.";
    refund: "Записать возврат денег", "Record a refund";
    refund_what: "Billhook денег не переводит, он только записывает, что вы их вернули. Сегодняшним числом запишется",
        "Billhook moves no money, it only records that you gave it back. What is recorded, as of today, is";
    surely: "Да, точно", "Yes, do it";
    send: "Посылка отправлена", "The parcel is posted";
    delete: "Удалить заказ", "Delete the order";
    restore: "Вернуть заказ", "Bring the order back";
    edit: "Изменить контакты и заметку", "Change contacts and note";
    save: "Сохранить", "Save";
    wrong_email: "Проверьте адрес e-mail.", "Check the e-mail address.";
    wrong_sum: "Сумма платежа — число, не больше остатка: ", "The payment's sum is a number of no more than is left: ";
    wrong: "Так не получится: проверьте, что введено, и в каком состоянии заказ.",
        "This can't be done: check what was entered, and the order's state.";
}

/// The order whose number stands in the path.
fn found(cx: &mut Context<'_, '_>) -> Result<Option<Order>, Failure> {
    match cx.visit.part.parse() {
        Ok(id) => Ok(orders::find(cx.tx, cx.visit.account.id, OrderId(id))?),
        Err(_) => Ok(None),
    }
}

/// The page.
pub(super) fn page(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    match found(cx)? {
        Some(order) => shown(cx, &order, &html! {}, &Fields::default()),
        None => Ok(cx.missing()),
    }
}

/// The page, with what is to be told, and with the fields of a form that was refused.
fn shown(cx: &mut Context<'_, '_>, order: &Order, told: &Markup, said: &Fields) -> Result<Shown, Failure> {
    let (words, language) = (Words::of(cx.language()), cx.language());
    let payments = order_changes::payments(cx.tx, cx.visit.account.id, order.id)?;
    let main = html! {
        (told)
        p { (status_badge(language, order)) }
        (facts(cx, order, &payments)?)
        h2 { (words.goods) }
        (lines(cx, order))
        @if !payments.is_empty() {
            h2 { (words.payments) }
            @let rows: Vec<_> = payments.iter().map(|(_, payment)| {
                vec![html! { (cx.time(payment.received)) }, html! { (language.money(payment.sum)) }]
            }).collect();
            (frame::table(&[words.when, words.price], &rows))
        }
        (texts(language, order))
        @if cx.is_owner() { (actions(language, order, &payments, said)) }
        (deliveries::of_order(cx, order.id)?)
        (history(cx, order)?)
        (others(cx, order)?)
    };
    Ok(cx.page(&format!("{} {}", words.title, order.id), &main))
}

fn facts(cx: &mut Context<'_, '_>, order: &Order, payments: &[(i64, Payment)]) -> Result<Markup, Failure> {
    let (words, language, handling) = (Words::of(cx.language()), cx.language(), &order.handling);
    let manager = managers::find(cx.tx, cx.visit.account.id, handling.manager)?;
    let given_back = income::given_back(payments.iter().map(|(_, payment)| payment));
    let delivery = match handling.delivery {
        Parcel::None => String::new(),
        Parcel::Sent => {
            format!("{} {} {}", words.sent, cx.time(handling.sent), order.texts.get(TextField::Rpo))
        }
        Parcel::Return => words.came_back.to_owned(),
    };
    let facts = [
        (words.contact, order.customer_name()),
        (label(language, TextField::Phone), order.texts.get(TextField::Phone).to_owned()),
        (words.created, cx.time(order.created)),
        (words.paid, cx.time(order.paid)),
        (words.deleted, cx.time(handling.deleted)),
        (words.kill_at, cx.time(handling.kill_at)),
        (words.price, language.money(order.price())),
        (words.received, language.money(income::received(order, given_back))),
        (words.to_pay, language.money(order.to_pay())),
        (words.delivery, delivery),
        (words.manager, manager.map(|manager| manager.name).unwrap_or_default()),
        (label(language, TextField::Note), order.texts.get(TextField::Note).to_owned()),
    ];
    let email = order.email_text();
    let contact = order.email.as_ref().map(|email| contacts::link(cx, email)).transpose()?.flatten();
    Ok(html! {
        dl.pairs {
            @if !email.is_empty() {
                dt { "E-mail" }
                // Nobody is a customer by a deleted order.
                dd {
                    @if handling.deleted == 0 { a href=(customer_orders::path(email)) { (email) } } @else { (email) }
                    @if let Some(contact) = contact { " " (contact) }
                }
            }
            @let link = order.texts.get(TextField::Link);
            @if !link.is_empty() { dt { (label(language, TextField::Link)) } dd { code { (link) } } }
            @for (name, fact) in facts { @if !fact.is_empty() { dt { (name) } dd { (fact) } } }
        }
    })
}

fn lines(cx: &Context<'_, '_>, order: &Order) -> Markup {
    let (words, language) = (Words::of(cx.language()), cx.language());
    let rows: Vec<_> = order
        .lines
        .iter()
        .map(|line| {
            vec![
                html! { (line.good_title) " " span.dim { (line.good_name) } },
                html! { (language.money(line.sum)) },
                html! { (line.pincode) },
            ]
        })
        .collect();
    frame::table(&[words.product, words.price, words.pincode], &rows)
}

fn texts(language: Language, order: &Order) -> Markup {
    let texts = TextField::ALL.into_iter().filter(|field| !CONTACT.contains(field));
    let texts = texts.map(|field| (label(language, field), order.texts.get(field)));
    let texts = texts.filter(|(_, text)| !text.is_empty());
    html! {
        details {
            summary { (Words::of(language).more) }
            dl.pairs { @for (name, text) in texts { dt { (name) } dd { (text) } } }
        }
    }
}

fn history(cx: &mut Context<'_, '_>, order: &Order) -> Result<Markup, Failure> {
    let words = Words::of(cx.language());
    let entries = audit::of_order(cx.tx, cx.visit.account.id, order.id.0)?;
    let rows: Vec<_> = entries
        .iter()
        .map(|entry| {
            let who = if entry.person.is_empty() { words.operator } else { &entry.person };
            let did = action_name(cx.language(), entry.action);
            vec![
                html! { (cx.time(entry.at)) },
                html! { (who) },
                html! { (did) @if !entry.detail.is_empty() { ": " (entry.detail) } },
            ]
        })
        .collect();
    Ok(html! {
        @if !rows.is_empty() {
            h2 { (words.history) }
            p.dim { (words.history_what) }
            (frame::table(&[words.when, words.who, words.what], &rows))
        }
    })
}

/// The customer's other orders, as many as a page of the list has; a hidden one's customer has the others all the same.
fn others(cx: &mut Context<'_, '_>, order: &Order) -> Result<Markup, Failure> {
    const MOST: usize = 50;
    let (words, account) = (Words::of(cx.language()), cx.visit.account.id);
    let Some(email) = &order.email else { return Ok(html! {}) };
    let all = order_lists::of_customer(cx.tx, account, email)?;
    let newest: Vec<_> = all.into_iter().rev().filter(|id| *id != order.id).take(MOST).collect();
    let mut rows = Vec::new();
    order_lists::each_of(cx.tx, account, &newest, |other| {
        rows.push(vec![
            html! { a href={ (HERE) "/" (other.id) } { (other.id) } },
            html! { (cx.visit.language.time(other.created, &cx.visit.account.settings.time_zone)) },
            html! { (cx.visit.language.money(other.price())) },
            html! { (status_badge(cx.visit.language, &other)) },
        ]);
        Ok::<(), Failure>(())
    })?;
    Ok(html! {
        @if !rows.is_empty() {
            h2 { (words.others) }
            (frame::table(&[words.title, words.created, words.price, words.paid], &rows))
        }
    })
}

fn actions(language: Language, order: &Order, payments: &[(i64, Payment)], said: &Fields) -> Markup {
    let (words, digest) = (Words::of(language), order.digest());
    let unnoted = income::unnoted(order, income::given_back(payments.iter().map(|(_, payment)| payment)));
    let received = order.handling.received;
    let told = |what: &str, sum: Money| html! { p { (what) ": " (language.money(sum)) "." } };
    let cancel = html! {
        @if let Some(payment) = unnoted { (told(words.cancel_loses, payment.sum)) }
        @if received > Money::ZERO { (told(words.cancel_keeps, received)) p { (words.refund_instead) } }
    };
    let form = |act: &str, label: &str, is_danger: bool, fields: Markup| {
        html! {
            form.card method="post" action={ (HERE) "/" (order.id) "/" (act) } {
                input type="hidden" name="digest" value=(digest);
                (fields)
                button.danger[is_danger] { (label) }
            }
        }
    };
    let asking = |act: &str, label: &str, told: &Markup| {
        html! { details { summary { (label) } (told) (form(act, words.surely, true, html! {})) } }
    };
    // What was refused stays in its field.
    let value = |name: &str, now| if said.has(name) { said.get(name).to_owned() } else { String::from(now) };
    let text = |of: TextField| {
        field(label(language, of), of.name(), &value(of.name(), order.texts.get(of)), Kind::Optional)
    };
    html! {
        h2 { (words.actions) }
        @if order.handling.deleted != 0 {
            (form("restore", words.restore, false, html! {}))
        } @else {
            @if order.pay_status != PayStatus::Paid { (form("pay", words.pay, false, html! {})) }
            details open[said.has("sum")] {
                summary { (words.part) }
                (form("part", words.part, false, field(words.part_sum, "sum", said.get("sum"), Kind::Text)))
            }
            details {
                summary { (words.send) }
                @let rpo = field(label(language, TextField::Rpo), "rpo", order.texts.get(TextField::Rpo), Kind::Text);
                (form("send", words.send, false, rpo))
            }
            details open[said.has("email")] {
                summary { (words.edit) }
                (form("edit", words.save, false, html! {
                    @for of in [TextField::LastName, TextField::FirstName, TextField::MiddleName, TextField::Phone] { (text(of)) }
                    (field("E-mail", "email", &value("email", order.email_text()), Kind::Optional))
                    label { span { (label(language, TextField::Note)) } textarea name="note" rows="3" { (value("note", order.texts.get(TextField::Note))) } }
                }))
            }
            @if !payments.is_empty() { (asking("unpay", words.unpay, &html! {})) }
            @if is_refundable(order) { (asking("refund", words.refund, &told(words.refund_what, received))) }
            @if order.pay_status != PayStatus::Cancel { (asking("cancel", words.cancel, &cancel)) }
            (asking("delete", words.delete, &html! {}))
        }
    }
}

/// What a form asks for: whether it can be done, what it is in the audit list, and the rest of that.
type Done = Option<(Action, String)>;

/// Carries a form out on the order that it showed.
fn change(
    cx: &mut Context<'_, '_>,
    wanted: &str,
    change: impl FnOnce(&mut Context<'_, '_>, &mut Order) -> Result<Done, Failure>,
) -> Result<Shown, Failure> {
    let words = Words::of(cx.language());
    let Some(mut order) = found(cx)? else { return Ok(cx.missing()) };
    let form = &cx.visit.form;
    if form.get("digest") != order.digest() {
        let fields = CONTACT.into_iter().chain([TextField::Rpo]);
        let fields = fields.map(|field| (label(cx.language(), field), field.name()));
        let fields = [(words.part_sum, "sum"), ("E-mail", "email")].into_iter().chain(fields);
        let said = fields.filter(|(_, name)| form.has(name));
        let said: Vec<_> = said.map(|(label, name)| (label, form.get(name))).collect();
        let said = frame::differs(cx.language(), wanted, &said);
        return Ok(shown(cx, &order, &said, &Fields::default())?.status(StatusCode::CONFLICT));
    }
    let is_hidden = order.handling.deleted != 0;
    let before = order.clone();
    let done = if is_hidden == cx.visit.path.ends_with("/restore") { change(cx, &mut order)? } else { None };
    let Some((action, detail)) = done else {
        let why = match (form.has("email"), form.has("sum")) {
            (true, _) => words.wrong_email.to_owned(),
            (_, true) => format!("{}{}", words.wrong_sum, cx.language().money(before.to_pay())),
            _ => words.wrong.to_owned(),
        };
        let said = frame::problem(Some(&why));
        return Ok(shown(cx, &before, &said, form)?.status(StatusCode::UNPROCESSABLE_ENTITY));
    };
    cx.note_order(action, order.id, &detail)?;
    Ok(Shown::done(&format!("{HERE}/{}", order.id)))
}

/// Has it paid.
pub(super) fn pay(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    change(cx, Words::of(cx.language()).pay, |cx, order| {
        if order.pay_status == PayStatus::Paid {
            return Ok(None);
        }
        order_changes::pay(cx.tx, cx.visit.account.id, order, cx.visit.now)?;
        Ok(Some((Action::OrderPaid, String::new())))
    })
}

/// Notes a part payment, of no more than is left to pay.
pub(super) fn pay_part(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    change(cx, Words::of(cx.language()).part, |cx, order| {
        let sum = sum(cx.visit.form.get("sum")).filter(|sum| *sum > Money::ZERO && *sum <= order.to_pay());
        let Some(sum) = sum.filter(|_| order.pay_status == PayStatus::Waiting) else { return Ok(None) };
        let payment = Payment { sum, received: cx.visit.now };
        order_changes::pay_part(cx.tx, cx.visit.account.id, order, payment)?;
        Ok(Some((Action::OrderPayment, sum.to_string())))
    })
}

/// Removes the last payment.
pub(super) fn unpay(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    change(cx, Words::of(cx.language()).unpay, |cx, order| {
        let removed = order_changes::unpay(cx.tx, cx.visit.account.id, order, None, cx.visit.now)?;
        Ok(removed.map(|payment| (Action::OrderUnpaid, payment.sum.to_string())))
    })
}

/// Notes that the parcel was posted.
pub(super) fn send(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    change(cx, Words::of(cx.language()).send, |cx, order| {
        let rpo = cx.visit.form.get("rpo");
        if rpo.is_empty() || Text::new(rpo).is_err() {
            return Ok(None);
        }
        order_changes::send(cx.tx, cx.visit.account.id, order, cx.visit.now, rpo)?;
        Ok(Some((Action::OrderSent, rpo.to_owned())))
    })
}

/// Cancels it.
pub(super) fn cancel(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    change(cx, Words::of(cx.language()).cancel, |cx, order| {
        if order.pay_status == PayStatus::Cancel {
            return Ok(None);
        }
        order_changes::cancel(cx.tx, cx.visit.account.id, order)?;
        Ok(Some((Action::OrderCancelled, String::new())))
    })
}

/// Whether there is money to give back.
fn is_refundable(order: &Order) -> bool {
    order.handling.received > Money::ZERO && order.pay_status != PayStatus::Return
}

/// Notes that all of its money was given back.
pub(super) fn refund(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    change(cx, Words::of(cx.language()).refund, |cx, order| {
        if !is_refundable(order) {
            return Ok(None);
        }
        let sum = order.handling.received;
        order_changes::refund(cx.tx, cx.visit.account.id, order, cx.visit.now)?;
        Ok(Some((Action::OrderRefunded, sum.to_string())))
    })
}

/// Hides it.
pub(super) fn delete(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    change(cx, Words::of(cx.language()).delete, |cx, order| {
        order_changes::hide(cx.tx, cx.visit.account.id, order, cx.visit.now)?;
        Ok(Some((Action::OrderDeleted, String::new())))
    })
}

/// Brings it back.
pub(super) fn restore(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    change(cx, Words::of(cx.language()).restore, |cx, order| {
        order_changes::restore(cx.tx, cx.visit.account.id, order, cx.visit.now)?;
        Ok(Some((Action::OrderRestored, String::new())))
    })
}

/// The texts that are changed here, beside the e-mail.
pub(super) const CONTACT: [TextField; 5] =
    [TextField::LastName, TextField::FirstName, TextField::MiddleName, TextField::Phone, TextField::Note];

/// The e-mail of a form, if it has one.
pub(super) fn email(form: &Fields) -> Result<Option<Email>, billhook_wire::email::EmailError> {
    match form.get("email") {
        "" => Ok(None),
        text => Email::parse(text).map(Some),
    }
}

/// Takes texts from a form; false: one of them is too long.
pub(super) fn set_texts(texts: &mut Texts, form: &Fields, fields: &[TextField]) -> bool {
    fields.iter().all(|field| {
        texts.set(*field, form.get(field.name()));
        Text::new(form.get(field.name())).is_ok()
    })
}

/// Changes contacts and note.
pub(super) fn edit(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    change(cx, Words::of(cx.language()).edit, |cx, order| {
        let form = &cx.visit.form;
        let Ok(email) = email(form) else { return Ok(None) };
        let before = order.clone();
        order.email = email;
        if !set_texts(&mut order.texts, form, &CONTACT) {
            return Ok(None);
        }
        orders::replace(cx.tx, cx.visit.account.id, order)?;
        Ok(Some((Action::OrderEdited, audit::changes_of_order(&before, order))))
    })
}
