//! What people call the fields of a contact, how it stands in a group, and what was done to it.

use billhook_store::contacts::ContactText;
use billhook_wire::method::SubscriptionStatus as Status;

use super::language::Language;

/// The label of a text.
pub(super) fn label(language: Language, field: ContactText) -> &'static str {
    let (russian, english) = match field {
        ContactText::FirstName => ("Имя", "First name"),
        ContactText::MiddleName => ("Отчество", "Middle name"),
        ContactText::LastName => ("Фамилия", "Surname"),
        ContactText::Phone => ("Телефон", "Phone"),
        ContactText::City => ("Город", "City"),
        ContactText::Utc => ("Часовой пояс, например +03:00", "Time zone, such as +03:00"),
        ContactText::Description => ("Заметка", "Note"),
        ContactText::ShippingAddress1 => ("Доставка: адрес", "Delivery: address"),
        ContactText::ShippingAddress2 => ("Доставка: адрес, вторая строка", "Delivery: address, second line"),
        ContactText::ShippingCity => ("Доставка: город", "Delivery: city"),
        ContactText::ShippingState => ("Доставка: регион", "Delivery: region"),
        ContactText::ShippingZip => ("Доставка: индекс", "Delivery: postal code"),
        ContactText::ShippingCountry => ("Доставка: страна", "Delivery: country"),
        ContactText::BillingAddress1 => ("Плательщик: адрес", "Payer: address"),
        ContactText::BillingAddress2 => ("Плательщик: адрес, вторая строка", "Payer: address, second line"),
        ContactText::BillingCity => ("Плательщик: город", "Payer: city"),
        ContactText::BillingState => ("Плательщик: регион", "Payer: region"),
        ContactText::BillingZip => ("Плательщик: индекс", "Payer: postal code"),
        ContactText::BillingCountry => ("Плательщик: страна", "Payer: country"),
        ContactText::Facebook => ("Фейсбук", "Facebook"),
        ContactText::Instagram => ("Инстаграм", "Instagram"),
        ContactText::Whatsapp => ("WhatsApp", "WhatsApp"),
        ContactText::Telegram => ("Телеграм", "Telegram"),
        ContactText::Viber => ("Viber", "Viber"),
        ContactText::Vkontakte => ("ВКонтакте", "VK"),
        ContactText::LinkedIn => ("LinkedIn", "LinkedIn"),
        ContactText::UtmMedium => ("Вид рекламы (utm_medium)", "Medium (utm_medium)"),
        ContactText::UtmSource => ("Канал (utm_source)", "Channel (utm_source)"),
        ContactText::UtmCampaign => ("Кампания (utm_campaign)", "Campaign (utm_campaign)"),
        ContactText::UtmContent => ("Объявление (utm_content)", "Ad (utm_content)"),
        ContactText::UtmTerm => ("Ключевое слово (utm_term)", "Keyword (utm_term)"),
        ContactText::AffMedium => ("Вид рекламы партнёра (aff_medium)", "Partner's medium (aff_medium)"),
        ContactText::AffSource => ("Канал партнёра (aff_source)", "Partner's channel (aff_source)"),
        ContactText::AffCampaign => ("Кампания партнёра (aff_campaign)", "Partner's campaign (aff_campaign)"),
        ContactText::AffContent => ("Объявление партнёра (aff_content)", "Partner's ad (aff_content)"),
        ContactText::AffTerm => ("Ключевое слово партнёра (aff_term)", "Partner's keyword (aff_term)"),
        ContactText::Aff => ("Партнёр: номер", "Partner: number"),
        ContactText::AdId => ("Рекламная метка", "Advertising label"),
    };
    language.choose(russian, english)
}

/// How a contact stands in a group.
pub(super) fn status(language: Language, status: Status) -> &'static str {
    let (russian, english) = match status {
        Status::Wait => ("ждёт подтверждения", "waits to confirm"),
        Status::Subscribe => ("подписан", "subscribed"),
        Status::Unsubscribe => ("отписан", "unsubscribed"),
        Status::UnsubscribeByService => ("отключён сервисом", "cancelled by the service"),
        Status::InvalidEmail => ("такого адреса нет", "the address does not exist"),
    };
    language.choose(russian, english)
}

/// The same of many contacts.
pub(super) fn stand(language: Language, status: Status) -> &'static str {
    let (russian, english) = match status {
        Status::Wait => ("ждут подтверждения", "wait to confirm"),
        Status::Subscribe => ("подписаны", "subscribed"),
        Status::Unsubscribe => ("отписались", "unsubscribed"),
        Status::UnsubscribeByService => ("отключены сервисом", "cancelled by the service"),
        Status::InvalidEmail => ("с несуществующим адресом", "with an address that does not exist"),
    };
    language.choose(russian, english)
}

/// What a line of the history says; a word that is not known here stays as it is.
pub(super) fn what(language: Language, what: &str) -> &str {
    if language == Language::English {
        return what;
    }
    match what {
        "added" => "добавлен",
        "changed" => "изменён",
        "subscribed" => "подписан",
        "unsubscribed" => "отписан",
        "tag added" => "поставлен тег",
        "tag removed" => "снят тег",
        other => other,
    }
}
