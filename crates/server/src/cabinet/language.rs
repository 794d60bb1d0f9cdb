//! The two languages of the pages: who gets which, and times as people write them.

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

    /// A time to the minute, in a zone; nothing for 0.
    pub(crate) fn time(self, unix: i64, zone: &TimeZone) -> String {
        written(unix, zone, self.choose("%d.%m.%Y %H:%M", "%Y-%m-%d %H:%M"))
    }

    /// The same to the second.
    pub(crate) fn moment(self, unix: i64, zone: &TimeZone) -> String {
        written(unix, zone, self.choose("%d.%m.%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S"))
    }
}

fn written(unix: i64, zone: &TimeZone, format: &str) -> String {
    match Timestamp::from_second(unix) {
        Ok(time) if unix != 0 => time.to_zoned_datetime(zone.clone()).strftime(format).to_string(),
        _ => String::new(),
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
    fn times_are_written_as_people_do() {
        let (russian, english) = (Language::Russian, Language::English);
        let zone = TimeZone::fixed(jiff::tz::offset(3));
        assert_eq!(russian.time(1_362_250_000, &zone), "02.03.2013 21:46");
        assert_eq!([english.time(1_362_250_000, &zone), english.time(0, &zone)], ["2013-03-02 21:46", ""]);
    }
}
