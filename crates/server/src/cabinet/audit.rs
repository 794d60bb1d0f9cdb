//! The audit list: who did what, and when.

use billhook_store::accounts::audit::{self, Action, Entry};
use maud::{Markup, html};

use super::{
    frame,
    language::{Language, words},
    visit::{Context, Shown},
};
use crate::failure::Failure;

words! {
    title: "Журнал", "Audit log";
    what: "Каждый вход и каждое изменение за 400 дней.", "Each sign-in and each change of the last 400 days.";
    at: "Когда", "When";
    who: "Кто", "Who";
    did: "Что", "What";
    address: "Адрес", "Address";
    operator: "команда на сервере", "a command on the server";
    older: "Раньше", "Older";
    none: "Пока пусто.", "Nothing yet.";
    sign_in: "вход по паролю", "signed in by password";
    link_sign_in: "вход по ссылке", "signed in by link";
    sign_in_failed: "неудачный вход", "failed to sign in";
    sign_out: "выход", "signed out";
    sign_out_everywhere: "выход на остальных устройствах", "signed out everywhere else";
    login_link: "ссылка для входа", "made a sign-in link";
    password: "новый пароль", "chose a password";
    totp_on: "одноразовые коды включены", "turned one-time codes on";
    totp_off: "одноразовые коды выключены", "turned one-time codes off";
    person_added: "добавлен человек", "added a person";
    person_changed: "изменены права", "changed a role";
    person_removed: "удалён человек", "removed a person";
    key_shown: "показан ключ", "looked at the key";
    key_rotated: "новый ключ", "changed the key";
    old_key_ended: "прежний ключ отключён", "ended the old key";
    setting: "настройка", "changed a setting";
    exported: "выгрузка данных", "took an export";
    account: "аккаунт", "changed the account";
    order_added: "новый заказ", "made an order";
    order_paid: "заказ отмечен оплаченным", "marked an order as paid";
    order_payment: "платёж по заказу", "noted a payment of an order";
    order_unpaid: "убран платёж заказа", "removed a payment of an order";
    order_sent: "посылка отправлена", "posted a parcel";
    order_cancelled: "заказ отменён", "cancelled an order";
    order_deleted: "заказ удалён", "deleted an order";
    order_restored: "заказ возвращён", "brought an order back";
    order_waits: "заказ снова ждёт оплаты", "had an order wait for its payment again";
    order_refunded: "деньги за заказ возвращены", "refunded an order";
    order_came_back: "посылка вернулась", "a parcel came back";
    order_edited: "изменены контакты или заметка заказа", "changed contacts or note of an order";
    product_added: "добавлен товар", "added a product";
    product_changed: "изменён товар", "changed a product";
    product_removed: "снят с продажи товар", "took a product off sale";
    coupon_added: "добавлен купон", "added a coupon";
    coupon_changed: "изменён купон", "changed a coupon";
    coupon_removed: "удалён купон", "removed a coupon";
    category_added: "добавлена категория", "added a category";
    category_changed: "изменена категория", "changed a category";
    category_removed: "удалена категория", "removed a category";
    manager_added: "добавлен менеджер", "added a manager";
    manager_changed: "изменён менеджер", "changed a manager";
    manager_removed: "удалён менеджер", "removed a manager";
    partner_added: "добавлен партнёр", "added a partner";
    partner_changed: "изменён партнёр", "changed a partner";
    partner_removed: "удалён партнёр", "removed a partner";
    group_added: "добавлена группа контактов", "added a group of contacts";
    group_changed: "изменена группа контактов", "changed a group of contacts";
    group_removed: "удалена группа контактов", "removed a group of contacts";
    tag_changed: "переименован тег контактов", "renamed a tag of contacts";
    tag_removed: "тег снят со всех контактов", "took a tag off all contacts";
    contact_added: "добавлен контакт", "added a contact";
    contact_changed: "изменён контакт", "changed a contact";
    contact_removed: "удалён контакт", "removed a contact";
    contact_erased: "стёрты данные человека", "erased a person's data";
    pincodes_added: "добавлены пин-коды", "added pin codes";
    webhook_added: "добавлен вебхук", "added a webhook";
    webhook_disabled: "выключен вебхук", "disabled a webhook";
    webhook_enabled: "включён вебхук", "enabled a webhook";
    webhook_secret: "вебхуку выдан новый секрет", "gave a webhook a new secret";
    webhook_secret_shown: "показан секрет вебхука", "looked at a webhook's secret";
    webhook_tested: "проверен вебхук", "tested a webhook";
    webhook_removed: "удалён вебхук", "removed a webhook";
    events_resent: "уведомления отправлены заново", "sent events once more";
    events_dropped: "ожидавшие уведомления сняты с отправки", "dropped events that waited";
}

impl Words {
    fn action(&self, action: Action) -> &'static str {
        match action {
            Action::SignIn => self.sign_in,
            Action::LinkSignIn => self.link_sign_in,
            Action::SignInFailed => self.sign_in_failed,
            Action::SignOut => self.sign_out,
            Action::SignOutEverywhere => self.sign_out_everywhere,
            Action::LoginLink => self.login_link,
            Action::Password => self.password,
            Action::TotpOn => self.totp_on,
            Action::TotpOff => self.totp_off,
            Action::PersonAdded => self.person_added,
            Action::PersonChanged => self.person_changed,
            Action::PersonRemoved => self.person_removed,
            Action::KeyShown => self.key_shown,
            Action::KeyRotated => self.key_rotated,
            Action::OldKeyEnded => self.old_key_ended,
            Action::Setting => self.setting,
            Action::Exported => self.exported,
            Action::Account => self.account,
            Action::OrderAdded => self.order_added,
            Action::OrderPaid => self.order_paid,
            Action::OrderPayment => self.order_payment,
            Action::OrderUnpaid => self.order_unpaid,
            Action::OrderSent => self.order_sent,
            Action::OrderCancelled => self.order_cancelled,
            Action::OrderDeleted => self.order_deleted,
            Action::OrderRestored => self.order_restored,
            Action::OrderWaits => self.order_waits,
            Action::OrderRefunded => self.order_refunded,
            Action::OrderCameBack => self.order_came_back,
            Action::OrderEdited => self.order_edited,
            Action::ProductAdded => self.product_added,
            Action::ProductChanged => self.product_changed,
            Action::ProductRemoved => self.product_removed,
            Action::CouponAdded => self.coupon_added,
            Action::CouponChanged => self.coupon_changed,
            Action::CouponRemoved => self.coupon_removed,
            Action::CategoryAdded => self.category_added,
            Action::CategoryChanged => self.category_changed,
            Action::CategoryRemoved => self.category_removed,
            Action::ManagerAdded => self.manager_added,
            Action::ManagerChanged => self.manager_changed,
            Action::ManagerRemoved => self.manager_removed,
            Action::PartnerAdded => self.partner_added,
            Action::PartnerChanged => self.partner_changed,
            Action::PartnerRemoved => self.partner_removed,
            Action::GroupAdded => self.group_added,
            Action::GroupChanged => self.group_changed,
            Action::GroupRemoved => self.group_removed,
            Action::TagChanged => self.tag_changed,
            Action::TagRemoved => self.tag_removed,
            Action::ContactAdded => self.contact_added,
            Action::ContactChanged => self.contact_changed,
            Action::ContactRemoved => self.contact_removed,
            Action::ContactErased => self.contact_erased,
            Action::PincodesAdded => self.pincodes_added,
            Action::WebhookAdded => self.webhook_added,
            Action::WebhookDisabled => self.webhook_disabled,
            Action::WebhookEnabled => self.webhook_enabled,
            Action::WebhookSecret => self.webhook_secret,
            Action::WebhookSecretShown => self.webhook_secret_shown,
            Action::WebhookTested => self.webhook_tested,
            Action::WebhookRemoved => self.webhook_removed,
            Action::EventsResent => self.events_resent,
            Action::EventsDropped => self.events_dropped,
        }
    }
}

/// What an action is called.
pub(super) fn action_name(language: Language, action: Action) -> &'static str {
    Words::of(language).action(action)
}

/// As many entries stand on a page.
const ON_A_PAGE: u32 = 100;

/// The page.
pub(super) fn page(cx: &mut Context<'_, '_>) -> Result<Shown, Failure> {
    let words = Words::of(cx.language());
    let number = |name: &str| cx.visit.query.get(name).parse().unwrap_or(i64::MAX);
    let entries =
        audit::before(cx.tx, cx.visit.account.id, (number("at"), number("position")), ON_A_PAGE + 1)?;
    let most = usize::try_from(ON_A_PAGE).unwrap_or(usize::MAX);
    let rows: Vec<Vec<Markup>> = entries.iter().take(most).map(|entry| row(cx, entry, words)).collect();
    let last = entries.get(most).and(entries.get(most - 1));
    let main = html! {
        p { (words.what) }
        @if rows.is_empty() { p.dim { (words.none) } }
        @else { (frame::table(&[words.at, words.who, words.did, words.address], &rows)) }
        @if let Some(Entry { at, position, .. }) = last {
            p { a.button.plain href={ "/cabinet/audit?at=" (at) "&position=" (position) } { (words.older) } }
        }
    };
    Ok(cx.page(words.title, &main))
}

fn row(cx: &Context<'_, '_>, entry: &Entry, words: &Words) -> Vec<Markup> {
    let who = if entry.person.is_empty() { words.operator } else { entry.person.as_str() };
    vec![
        html! { (cx.time(entry.at)) },
        html! { (who) },
        html! {
        (words.action(entry.action))
        @if entry.order != 0 { " " a href={ "/cabinet/orders/" (entry.order) } { (entry.order) } }
        @if !entry.detail.is_empty() { ": " (entry.detail) } },
        html! { (entry.address) },
    ]
}
