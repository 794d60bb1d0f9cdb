//! The two languages of the pages: who gets which, plurals, sums and times as people write them.

use billhook_wire::Money;
use http::{HeaderMap, header};
use jiff::{Timestamp, tz::TimeZone};

/// The cookie that holds the reader's choice.
pub(crate) const COOKIE: &str = "billhook-language";

/// A language of the pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Language {
    #[default]
    Russian,
    English,
}

impl Language {
    pub(crate) const ALL: [Self; 2] = [Self::Russian, Self::English];

    /// The code that HTML and the cookie use.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Russian => "ru",
            Self::English => "en",
        }
    }

    /// Its name in itself.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Russian => "Русский",
            Self::English => "English",
        }
    }

    pub(crate) fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// What a browser asks for: Russian, unless another language comes first.
    pub(crate) fn asked_for(headers: &HeaderMap) -> Self {
        let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|languages| languages.to_str().ok());
        match wanted.map(|languages| languages.trim_start().to_ascii_lowercase()) {
            Some(languages) if !languages.is_empty() && !languages.starts_with("ru") => Self::English,
            _ => Self::Russian,
        }
    }

    /// The one of two texts.
    pub(crate) const fn choose<T: Copy>(self, russian: T, english: T) -> T {
        match self {
            Self::Russian => russian,
            Self::English => english,
        }
    }

    /// The form of a noun that goes with a number: `["заказ", "заказа", "заказов"]`, `["order", "orders"]`.
    pub(crate) fn plural(
        self,
        number: u64,
        russian: [&'static str; 3],
        english: [&'static str; 2],
    ) -> &'static str {
        let [one, few, many] = russian;
        let [single, several] = english;
        match (self, number % 10, number % 100) {
            (Self::English, ..) if number == 1 => single,
            (Self::English, ..) => several,
            (Self::Russian, _, 11..=14) => many,
            (Self::Russian, 1, _) => one,
            (Self::Russian, 2..=4, _) => few,
            (Self::Russian, ..) => many,
        }
    }

    /// A whole number with its thousands apart.
    pub(crate) fn number(self, number: i64) -> String {
        let digits = number.unsigned_abs().to_string();
        let apart = self.choose('\u{a0}', ',');
        let mut text = if number < 0 { "-".to_owned() } else { String::new() };
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                text.push(apart);
            }
            text.push(digit);
        }
        text
    }

    /// A count, written the same.
    pub(crate) fn count(self, count: u64) -> String {
        self.number(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// A sum in rubles, with kopecks where it has any.
    pub(crate) fn money(self, sum: Money) -> String {
        let kopecks = sum.kopecks();
        let whole = self.number(kopecks / 100);
        let sign = if kopecks < 0 && kopecks / 100 == 0 { "-" } else { "" };
        match kopecks.unsigned_abs() % 100 {
            0 => format!("{whole}\u{a0}₽"),
            rest => format!("{sign}{whole}{}{rest:02}\u{a0}₽", self.choose(',', '.')),
        }
    }

    /// A time to the minute, in a zone; nothing for 0.
    pub(crate) fn time(self, unix: i64, zone: &TimeZone) -> String {
        self.written(unix, zone, "%d.%m.%Y %H:%M", "%Y-%m-%d %H:%M")
    }

    /// A time to the second.
    pub(crate) fn moment(self, unix: i64, zone: &TimeZone) -> String {
        self.written(unix, zone, "%d.%m.%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S")
    }

    /// A day as forms have it; nothing for 0.
    pub(crate) fn day(unix: i64, zone: &TimeZone) -> String {
        Self::English.written(unix, zone, "", "%Y-%m-%d")
    }

    fn written(self, unix: i64, zone: &TimeZone, russian: &str, english: &str) -> String {
        match Timestamp::from_second(unix) {
            Ok(time) if unix != 0 => {
                time.to_zoned_datetime(zone.clone()).strftime(self.choose(russian, english)).to_string()
            }
            _ => String::new(),
        }
    }
}

/// Defines the words of a page, in Russian and English; one that lacks a language does not compile.
macro_rules! words {
    ($($name:ident: $russian:expr, $english:expr;)+) => {
        struct Words { $($name: &'static str,)+ }

        impl Words {
            const fn of(language: $crate::cabinet::language::Language) -> &'static Self {
                const RUSSIAN: &Words = &Words { $($name: $russian,)+ };
                const ENGLISH: &Words = &Words { $($name: $english,)+ };
                language.choose(RUSSIAN, ENGLISH)
            }
        }
    };
}
pub(crate) use words;

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_reader_chooses_the_language() {
        let asked = |languages: &'static str| {
            let headers =
                HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_static(languages))]);
            Language::asked_for(&headers).code()
        };
        assert_eq!(Language::asked_for(&HeaderMap::new()).code(), "ru");
        for (languages, language) in
            [("ru-RU,en;q=0.5", "ru"), ("", "ru"), ("en-US,ru;q=0.9", "en"), ("de", "en")]
        {
            assert_eq!(asked(languages), language, "{languages}");
        }
    }

    #[test]
    fn nouns_go_with_their_numbers() {
        let orders = |n| Language::Russian.plural(n, ["заказ", "заказа", "заказов"], ["order", "orders"]);
        for (number, noun) in [
            (0, "заказов"),
            (1, "заказ"),
            (2, "заказа"),
            (5, "заказов"),
            (11, "заказов"),
            (12, "заказов"),
            (21, "заказ"),
            (104, "заказа"),
            (111, "заказов"),
        ] {
            assert_eq!(orders(number), noun, "{number}");
        }
        let orders = |n| Language::English.plural(n, ["", "", ""], ["order", "orders"]);
        assert_eq!([orders(0), orders(1), orders(21)], ["orders", "order", "orders"]);
    }

    #[test]
    fn sums_and_times_are_written_as_people_do() {
        let (russian, english) = (Language::Russian, Language::English);
        let sum = Money::from_kopecks;
        assert_eq!(russian.money(sum(123_456_789)), "1\u{a0}234\u{a0}567,89\u{a0}₽");
        assert_eq!(english.money(sum(390_000)), "3,900\u{a0}₽");
        let below_zero = [russian.money(sum(-5)), english.money(sum(-100_050))];
        assert_eq!(below_zero, ["-0,05\u{a0}₽", "-1,000.50\u{a0}₽"]);
        let zone = TimeZone::fixed(jiff::tz::offset(3));
        assert_eq!(russian.time(1_362_250_000, &zone), "02.03.2013 21:46");
        assert_eq!([english.time(1_362_250_000, &zone), english.time(0, &zone)], ["2013-03-02 21:46", ""]);
    }
}
