//! What people call a product's settings.

use billhook_store::products::product_settings::FIELDS;

use super::language::Language;

/// The settings, each with its Russian and its English label.
const LABELS: [(&str, &str, &str); FIELDS.len()] = [
    ("good_type", "Вид товара", "Kind of product"),
    ("good_title", "Название", "Title"),
    ("good_sum", "Цена", "Price"),
    ("parent_id", "Категория", "Category"),
    ("good_api_url_notif", "Адрес, куда сообщать об оплате", "URL to call when an order is paid"),
    ("good_api_url_new_order", "Адрес, куда сообщать о новом заказе", "URL to call for a new order"),
    ("good_success_link", "Страница после оплаты", "Page after payment"),
    (
        "good_client_rassilki",
        "Группы, куда попадают покупатели (через запятую)",
        "Groups that buyers get into (with commas between)",
    ),
    ("good_nalozh_only", "Только наложенным платежом", "Cash on delivery only"),
    ("good_quickpost_article", "Артикул QuickPost", "Article in QuickPost"),
    ("good_post_service", "Служба доставки (none или quickpost)", "Delivery service (none or quickpost)"),
    (
        "good_only_countries",
        "Только в эти страны (номера через запятую)",
        "Only to these countries (ids with commas between)",
    ),
    ("good_download", "Ссылка на скачивание", "Download link"),
    ("good_mail_subject", "Тема письма после оплаты", "Subject of the letter after payment"),
    ("good_mail_format", "Вид письма (html или text)", "Form of the letter (html or text)"),
    ("good_mail_body", "Письмо в HTML", "Letter in HTML"),
    ("good_mail_text", "Письмо текстом", "Letter as text"),
    ("good_partner_fee", "Комиссия партнёра 1-го уровня: сумма", "Fee of a partner of level 1: a sum"),
    (
        "good_partner_fee_perc",
        "Комиссия партнёра 1-го уровня: процент",
        "Fee of a partner of level 1: percent",
    ),
    ("good_partner_pfee", "Комиссия партнёра 2-го уровня: сумма", "Fee of a partner of level 2: a sum"),
    (
        "good_partner_pfee_perc",
        "Комиссия партнёра 2-го уровня: процент",
        "Fee of a partner of level 2: percent",
    ),
    ("good_partner_show", "Показывать партнёрам", "Shown to partners"),
    ("good_partner_SL_link", "Продающая страница для партнёров", "Sales page for partners"),
    ("good_partner_addition_link", "Ещё материалы для партнёров", "More material for partners"),
    ("good_partner_text", "Пояснение для партнёров", "Note for partners"),
    ("good_pay_text", "Текст на странице заказа (HTML)", "Text on the order's page (HTML)"),
    ("good_timer", "Ограничить срок оплаты", "A deadline for payment"),
    ("good_timer_unit", "Срок оплаты: в чём", "Deadline: unit"),
    ("good_timer_duration", "Срок оплаты: сколько", "Deadline: how many"),
    ("good_use_short", "Короткая ссылка на заказ", "Short link to the order page"),
    ("good_rashod", "Расходы: сумма", "Costs: a sum"),
    ("good_rashod_perc", "Расходы: процент", "Costs: percent"),
    ("good_publish", "Показывать в каталоге", "Shown in the catalogue"),
    ("prepayment_enabled", "Можно платить частями", "May be paid in parts"),
    ("prepayment_minsum", "Наименьшая часть оплаты", "Least part payment"),
    (
        "good_api_url_cancel_order",
        "Адрес, куда сообщать об отмене заказа",
        "URL to call when an order is cancelled",
    ),
    (
        "good_api_url_prepaid",
        "Адрес, куда сообщать о предоплате",
        "URL to call when an order is paid in part",
    ),
    (
        "good_api_url_moneyback",
        "Адрес, куда сообщать о возврате денег",
        "URL to call when money is given back",
    ),
];

/// The label of one of [`FIELDS`].
pub(super) fn label(language: Language, field: &'static str) -> &'static str {
    let found = LABELS.iter().find(|(name, ..)| *name == field);
    found.map_or(field, |(_, russian, english)| language.choose(russian, english))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_has_a_label() {
        assert_eq!(LABELS.map(|(name, ..)| name), FIELDS);
    }
}
