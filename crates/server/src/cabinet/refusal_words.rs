//! Why a call was refused, in the reader's language.

use billhook_wire::mistake::{Mistake, Verdict};

use super::language::Language;
use crate::telemetry::refusal::Reason;

/// The text for a reader.
pub(super) fn text(language: Language, reason: &Reason) -> String {
    match language {
        Language::English => reason.to_string(),
        Language::Russian => russian(reason),
    }
}

/// What is said of a code that has no words.
const REFUSED: &str = "Метод отказал.";

/// The same where no more is known than what the call was answered with; empty: it was not refused.
pub(super) fn of_answer(language: Language, code: u16, status: u16) -> &'static str {
    let (russian, english) = match (code, status) {
        (0, _) => ("", ""),
        (1, _) => ("В запросе нет ни hash, ни rpsKey.", "The request has neither a hash nor an rpsKey."),
        (2, _) => ("В запросе нет параметров.", "The request has no parameters."),
        (3, 404) => ("Такого метода нет.", "There is no such method."),
        (3, 405) => (
            "Методы вызывают запросом POST, а этот запрос был другим, например GET.",
            "Methods are called by POST. This request was another one, such as GET.",
        ),
        (3, 413) => {
            ("Тело запроса больше, чем принимает сервер.", "The body is longer than the server takes.")
        }
        (3, _) => ("Какой-то из параметров не подходит.", "One of the parameters is wrong."),
        (4, _) => ("Хеш или ключ неверный.", "The hash or the key is wrong."),
        (6, _) => (
            "С этого адреса API вызывать нельзя: его нет в списке разрешённых. Список — в разделе «API».",
            "This address may not call the API: it is not in the list of allowed ones. The list is under API.",
        ),
        (7, _) => {
            ("Магазин выключен командой на сервере.", "A command on the server has switched the shop off.")
        }
        (8, _) => (
            "С этого адреса было слишком много вызовов за минуту. Предел — в разделе «API».",
            "This address made too many calls within a minute. The limit is under API.",
        ),
        (9, _) => (
            "Сервер не смог ответить. Причина стоит в его журнале под номером этого запроса. Вызов можно повторить.",
            "The server could not answer. Its log says why, under this request's id. The call may be repeated.",
        ),
        (202, _) => (
            "Оплаченным заказ отмечают только вместе со временем оплаты (date).",
            "An order is marked as paid only with the time of payment (date).",
        ),
        (203, _) => ("В запросе нет номера заказа.", "The request has no order number."),
        (302, _) => ("Заказа с таким номером нет.", "There is no order of this number."),
        (303, _) => ("Такого состояния заказа нет.", "There is no such state of an order."),
        (400, _) => ("Таких заказов нет.", "There are no such orders."),
        (600, _) => {
            ("Нет e-mail покупателя, или это не e-mail.", "The customer's e-mail is missing, or is none.")
        }
        (601, _) => (
            "Такой же заказ этого покупателя уже есть и не оплачен; его номер — в ответе. За какое время искать повтор, \
             решает настройка «Повторный заказ».",
            "The same order of this customer is there already and not paid; the answer has its number. The setting \
             “Repeated order” says how far back to look.",
        ),
        (602, _) => (
            "Заказ создать нельзя: в нём слишком много товаров.",
            "The order can't be made: it has too many products.",
        ),
        (603, _) => ("В запросе нет ни одного товара.", "The request names no product."),
        (604, _) => (
            "Такого товара нет в каталоге. Имя (good_name) должно совпадать буква в букву.",
            "The catalogue has no such product. The name (good_name) must be the same to the letter.",
        ),
        (605, _) => (
            "В заказе физический товар, а имени или адреса для доставки нет.",
            "The order has a physical product, but no name or no address to send it to.",
        ),
        (700, _) => ("В каталоге нет товаров.", "The catalogue has no products."),
        _ => of_contact(code),
    };
    language.choose(russian, english)
}

/// The same of the codes about contacts and groups, in both languages.
fn of_contact(code: u16) -> (&'static str, &'static str) {
    match code {
        100 => ("В запросе нет e-mail контакта.", "The request has no e-mail of a contact."),
        101 => (
            "Контакт не подписан: его e-mail — не e-mail.",
            "The contact was not subscribed: what stands for its e-mail is none.",
        ),
        102 => ("Контакт уже есть во всех этих группах.", "The contact is in all of these groups already."),
        103 => (
            "Группы с таким именем нет, или в запросе нет ни одной. Имя (rass_name) должно совпадать буква в букву.",
            "There is no group of this name, or the request names none. The name (rass_name) must be the same to the \
             letter.",
        ),
        104 => (
            "В эту группу через API никого не добавить: она заполняется сама.",
            "The API may add nobody to this group: it fills itself.",
        ),
        500 => ("Контакта с таким e-mail нет.", "There is no contact with this e-mail."),
        501 => ("Контакт не состоит ни в одной группе.", "The contact is in no group."),
        800 => (
            "Группы с таким именем нет. Имя (rass_name) должно совпадать буква в букву.",
            "There is no group of this name. The name (rass_name) must be the same to the letter.",
        ),
        801 => (
            "Контакта с таким e-mail нет, или его нет в этой группе.",
            "There is no contact with this e-mail, or it is not in this group.",
        ),
        _ => (REFUSED, "The method refused."),
    }
}

fn russian(reason: &Reason) -> String {
    match reason {
        Reason::Credential(verdict) => of_verdict(verdict),
        Reason::Parameter(name, None) => format!("Нет параметра {name}."),
        Reason::Parameter(name, Some(why)) => format!("Параметр {name} не подходит: {why}."),
        Reason::NoMethod => "Такого метода нет.".to_owned(),
        Reason::TooLong => {
            "Тело запроса длиннее 4 КиБ, которые здесь хранятся. Целиком его разберёт команда billhook explain.".to_owned()
        }
    }
}

fn of_verdict(verdict: &Verdict) -> String {
    let text = match verdict {
        Verdict::Fits { .. } | Verdict::KeyFits => "С нынешним ключом запрос верен: с тех пор ключ сменили.",
        Verdict::Json => "Похоже на JSON. API принимает форму, какую пишет http_build_query в PHP.",
        Verdict::NotAForm => {
            "Тело не прочитано, поэтому параметров нет. Отправляйте его как application/x-www-form-urlencoded."
        }
        Verdict::OverLimit => {
            "В форме больше 1000 переменных или больше 64 пар скобок в имени. Разбейте её на несколько запросов."
        }
        Verdict::NoCredential => {
            "Нет ни hash, ни rpsKey, или они пустые. API 1.0 ждёт hash: MD5 от параметры::логин::ключ. API 2.0 ждёт rpsKey: сам ключ."
        }
        Verdict::WrongKey => "rpsKey — не ключ этого магазина.",
        Verdict::Wrong(mistakes) if mistakes.is_empty() => {
            "Хеш неверный, и ни одной известной ошибки не нашлось. Скорее всего, взят не тот ключ, или подписано не то, что отправлено."
        }
        Verdict::Wrong(mistakes) => {
            let mistakes = mistakes.iter().map(|mistake| of_mistake(*mistake));
            return ["Хеш неверный."].into_iter().chain(mistakes).collect::<Vec<_>>().join(" ");
        }
    };
    text.to_owned()
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn of_mistake(mistake: Mistake) -> &'static str {
    match mistake {
        Mistake::HashSpaces => "Вокруг хеша пробелы. Уберите их перед отправкой.",
        Mistake::UpperCaseHash => {
            "Хеш записан большими буквами. Отправляйте малыми, как его даёт md5() в PHP."
        }
        Mistake::NotMd5 => {
            "Хеш — не 32 шестнадцатеричные цифры. Отправляйте MD5 малыми буквами, как его даёт md5() в PHP."
        }
        Mistake::KeyAsHash => {
            "Вместо хеша отправлен сам ключ. Отправьте MD5 от параметры::логин::ключ или сам ключ как rpsKey."
        }
        Mistake::KeySpaces => {
            "Ключ подписан с пробелом или переводом строки. Уберите их там, где ключ читается."
        }
        Mistake::KeyCase => {
            "У ключа другие большие и малые буквы. Берите его ровно таким, какой он в кабинете."
        }
        Mistake::EmptyKey => {
            "Подписано с пустым ключом. Проверьте, что настройка или переменная с ключом и правда читается."
        }
        Mistake::LoginSpaces => "Логин подписан с пробелами. Уберите их там, где он читается.",
        Mistake::LoginCase => {
            "Логин подписан с большими буквами. Подписывайте малыми, как бы ни был записан адрес."
        }
        Mistake::LoginHost => {
            "Вместо логина подписано всё имя сервера. Нужна только первая часть: demo, а не demo.justclick.ru."
        }
        Mistake::EmptyLogin => {
            "Подписано с пустым логином. Проверьте, что настройка или переменная с логином и правда читается."
        }
        Mistake::Swapped => "Логин и ключ стоят друг на месте друга. Порядок такой: параметры, логин, ключ.",
        Mistake::Separators => {
            "Части соединены иначе. Между параметрами и логином и между логином и ключом ставьте по два двоеточия."
        }
        Mistake::HmacMd5 => "Это HMAC-MD5. Возьмите обычный MD5 от параметры::логин::ключ.",
        Mistake::HmacSha256 => "Это HMAC-SHA256. Возьмите обычный MD5 от параметры::логин::ключ.",
        Mistake::Sha256 => "Это SHA-256. Возьмите MD5.",
        Mistake::Sorted => {
            "Для подписи параметры отсортированы, а отправлены в другом порядке. Не сортируйте или отправляйте в том же порядке."
        }
        Mistake::PercentSpace => {
            "Текст подписан, как его пишут rawurlencode или encodeURIComponent (пробел как %20). Подписывайте, как http_build_query \
             (пробел как +, ~ как %7E), или ровно те байты, что отправляете."
        }
        Mistake::LowerCaseEscapes => {
            "Коды символов подписаны малыми буквами. Пишите %2F, а не %2f, или подписывайте ровно то, что отправляете."
        }
        Mistake::BareBrackets => {
            "Скобки в именах подписаны как есть. Подписывайте %5B и %5D или ровно то, что отправляете."
        }
        Mistake::NotEncoded => {
            "Текст подписан без кодирования. Подписывайте то, что из параметров делает http_build_query."
        }
        Mistake::HashIncluded => {
            "Среди подписанных параметров был hash. Уберите его перед подписью и добавьте последним."
        }
        Mistake::KeyNotCovered => {
            "rpsKey отправлен, но не подписан. Подписывайте все параметры, кроме hash, или отправляйте rpsKey без хеша."
        }
        Mistake::NothingCovered => {
            "Подписано только ::логин::ключ, хотя параметры есть. Поставьте их впереди."
        }
        Mistake::Cp1251 => {
            "Подписана одна кодировка (UTF-8 или windows-1251), а отправлена другая. Сначала переведите в UTF-8, потом подписывайте и отправляйте."
        }
        Mistake::HtmlSeparator => {
            "Между парами подписано &amp;. Дайте http_build_query разделитель &: его сменила настройка PHP arg_separator.output."
        }
        Mistake::MultipartEmpty => {
            "Подписано false или null, а cURL из массива отправляет пустой текст. Дайте CURLOPT_POSTFIELDS результат http_build_query."
        }
        Mistake::MultipartList => {
            "Подписан список, а cURL из массива отправляет его полями с одним именем, и считается последнее. Дайте CURLOPT_POSTFIELDS результат http_build_query."
        }
    }
}

#[cfg(test)]
mod tests {
    use billhook_wire::Code;

    use super::*;

    #[test]
    fn every_code_has_words() {
        for code in Code::ALL.iter().map(|code| code.number()).filter(|code| ![0, 5].contains(code)) {
            let words = of_answer(Language::Russian, code, 200);
            assert!(!words.is_empty() && words != REFUSED, "{code}");
        }
    }
}
