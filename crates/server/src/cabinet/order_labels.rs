//! What people call the texts of an order, on pages and in files.

use billhook_store::orders::TextField;

use super::language::Language;

/// The label of a text.
pub(super) fn label(language: Language, field: TextField) -> &'static str {
    let (russian, english) = match field {
        TextField::FirstName => ("Имя", "First name"),
        TextField::LastName => ("Фамилия", "Surname"),
        TextField::MiddleName => ("Отчество", "Middle name"),
        TextField::Phone => ("Телефон", "Phone"),
        TextField::Country => ("Страна", "Country"),
        TextField::Region => ("Регион", "Region"),
        TextField::City => ("Город", "City"),
        TextField::Address => ("Адрес", "Address"),
        TextField::Postalcode => ("Индекс", "Postal code"),
        TextField::Comment => ("Комментарий", "Comment"),
        TextField::Tag => ("Метка заказа", "Tag"),
        TextField::Kupon => ("Купон", "Coupon"),
        TextField::Ip => ("IP-адрес покупателя", "The customer's IP address"),
        TextField::Domain => ("Домен, где принят заказ", "Domain that took the order"),
        TextField::Link => ("Страница для покупателя", "The customer's page"),
        TextField::Type => ("Вид заказа", "Kind of order"),
        TextField::Payway => ("Способ оплаты", "Way of payment"),
        TextField::Rpo => ("Номер отправления", "Tracking number"),
        TextField::UtmMedium => ("Вид рекламы (utm_medium)", "Medium (utm_medium)"),
        TextField::UtmSource => ("Канал (utm_source)", "Channel (utm_source)"),
        TextField::UtmCampaign => ("Кампания (utm_campaign)", "Campaign (utm_campaign)"),
        TextField::UtmContent => ("Объявление (utm_content)", "Ad (utm_content)"),
        TextField::UtmTerm => ("Ключевое слово (utm_term)", "Keyword (utm_term)"),
        TextField::AffMedium => ("Вид рекламы партнёра (aff_medium)", "Partner's medium (aff_medium)"),
        TextField::AffSource => ("Канал партнёра (aff_source)", "Partner's channel (aff_source)"),
        TextField::AffCampaign => ("Кампания партнёра (aff_campaign)", "Partner's campaign (aff_campaign)"),
        TextField::AffContent => ("Объявление партнёра (aff_content)", "Partner's ad (aff_content)"),
        TextField::AffTerm => ("Ключевое слово партнёра (aff_term)", "Partner's keyword (aff_term)"),
        TextField::Aff => ("Партнёр: номер", "Partner: number"),
        TextField::AffName => ("Партнёр", "Partner"),
        TextField::Paff => ("Партнёр 2-го уровня: номер", "Partner of level 2: number"),
        TextField::PaffName => ("Партнёр 2-го уровня", "Partner of level 2"),
        TextField::AdId => ("Рекламная метка", "Advertising label"),
        TextField::Affiliates => ("Партнёры из запроса", "Partners whom the call named"),
        TextField::ShippingPhone => ("Телефон для доставки", "Phone for delivery"),
        TextField::Address2 => ("Адрес, вторая строка", "Address, second line"),
        TextField::BillingCountry => ("Плательщик: страна", "Payer: country"),
        TextField::BillingRegion => ("Плательщик: регион", "Payer: region"),
        TextField::BillingCity => ("Плательщик: город", "Payer: city"),
        TextField::BillingAddress => ("Плательщик: адрес", "Payer: address"),
        TextField::BillingAddress2 => ("Плательщик: адрес, вторая строка", "Payer: address, second line"),
        TextField::BillingPostalcode => ("Плательщик: индекс", "Payer: postal code"),
        TextField::Note => ("Заметка", "Note"),
    };
    language.choose(russian, english)
}
