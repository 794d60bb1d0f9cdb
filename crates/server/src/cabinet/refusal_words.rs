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
