//! One value of a record, and the values that each kind of field takes (decisions 66, 69 and 70).

use std::borrow::Cow;

use billhook_store::orders::Parcel;
use billhook_wire::{Email, Money, PayStatus, Price, unix_time::UNIX_TIME_MAX};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::Fault;

/// Means "none", because an empty CSV cell is a field left out.
pub(super) const NONE: &str = "-";
/// Above this a JSON number is not exact to the kopeck.
const EXACT_SUM_MAX: f64 = 90_000_000_000_000.0;

/// A value as it was written. A CSV cell is always text; JSON has other types too.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    Flag(bool),
    Whole(i128),
    Float(f64),
    Text(Cow<'a, str>),
}

impl Value<'_> {
    /// The number of an order or a product: 1 to `i64::MAX`.
    pub(super) fn number(&self) -> Result<i64, Fault> {
        self.number_from(1)
    }

    /// The number of something, or 0 for none.
    pub(super) fn number_or_none(&self) -> Result<i64, Fault> {
        self.number_from(0)
    }

    fn number_from(&self, least: i64) -> Result<i64, Fault> {
        let number = match self {
            Self::Whole(number) => i64::try_from(*number).ok(),
            Self::Text(text) => digits(text.trim()),
            Self::Flag(_) | Self::Float(_) => None,
        };
        number.filter(|number| *number >= least).ok_or_else(|| {
            Fault(format!("a number from {least} to 9223372036854775807 is expected, not {self}"))
        })
    }

    /// The value as a text.
    pub(super) fn plain(&self) -> Cow<'_, str> {
        match self {
            Self::Flag(flag) => flag.to_string().into(),
            Self::Whole(whole) => whole.to_string().into(),
            Self::Float(float) => float.to_string().into(),
            Self::Text(text) => text.trim().into(),
        }
    }

    /// A sum of at least 0, such as a price or a fee.
    pub(super) fn price(&self) -> Result<Money, Fault> {
        let price = Price::new(self.money()?).map_err(|error| Fault(format!("{error}, not {self}")))?;
        Ok(price.sum())
    }

    pub(super) fn money(&self) -> Result<Money, Fault> {
        if let Self::Float(float) = self
            && float.abs() > EXACT_SUM_MAX
        {
            return Err(Fault::new(
                "so large a sum must be a text in quotes, because a JSON number loses kopecks",
            ));
        }
        Money::parse(&self.plain()).map_err(|error| Fault(format!("{error}, not {self}")))
    }

    pub(super) fn flag(&self) -> Result<bool, Fault> {
        match self {
            Self::Flag(flag) => Ok(*flag),
            Self::Whole(0) => Ok(false),
            Self::Whole(1) => Ok(true),
            Self::Text(text) if ["0", "false", "FALSE"].contains(&text.trim()) => Ok(false),
            Self::Text(text) if ["1", "true", "TRUE"].contains(&text.trim()) => Ok(true),
            _ => Err(Fault(format!("true, false, 1 or 0 is expected, not {self}"))),
        }
    }

    pub(super) fn pay_status(&self) -> Result<PayStatus, Fault> {
        let status = match self {
            Self::Text(text) => PayStatus::parse(text.trim()),
            _ => None,
        };
        status.ok_or_else(|| Fault(format!("waiting, paid, cancel or return is expected, not {self}")))
    }

    /// The state of a parcel; empty: nothing yet.
    pub(super) fn delivery(&self) -> Result<Parcel, Fault> {
        let delivery = match self {
            Self::Text(text) => Parcel::parse(text.trim()),
            _ => None,
        };
        delivery.ok_or_else(|| Fault(format!("sent or return is expected, not {self}")))
    }

    /// An e-mail address, or "none" (decision 87). The fault does not repeat it.
    pub(super) fn email(&self) -> Result<Option<Email>, Fault> {
        match self {
            Self::Text(text) if text.is_empty() || text.trim() == NONE => Ok(None),
            Self::Text(text) => Email::parse(text).map(Some).map_err(|error| Fault(error.to_string())),
            _ => Err(Fault(format!("an e-mail address is expected, not {self}"))),
        }
    }

    /// A text exactly as written. A whole number becomes its digits: phones and postal codes may come so.
    pub(super) fn text(self, bytes_max: usize) -> Result<String, Fault> {
        let text = match self {
            Self::Text(text) => text.into_owned(),
            Self::Whole(number) => number.to_string(),
            Self::Flag(_) | Self::Float(_) => {
                return Err(Fault(format!("a text in quotes is expected, not {self}")));
            }
        };
        if text.len() > bytes_max {
            return Err(Fault(format!("the text is {} bytes long, {bytes_max} are allowed", text.len())));
        }
        if text.contains('\0') {
            return Err(Fault::new("the text holds a NUL character"));
        }
        Ok(text)
    }

    /// A time in unix seconds, from a number or from a date in one of the known formats.
    pub(super) fn time(&self, zone: &TimeZone) -> Result<i64, Fault> {
        let seconds = match self {
            Self::Whole(seconds) => i64::try_from(*seconds).ok(),
            Self::Text(text) => digits(text.trim()).or_else(|| date(text.trim(), zone)),
            Self::Flag(_) | Self::Float(_) => None,
        };
        seconds.filter(|seconds| (0..=UNIX_TIME_MAX).contains(seconds)).ok_or_else(|| {
            Fault(format!(
                "a time is unix seconds, 2024-01-31 10:00:00, 2024-01-31T10:00:00Z or 31.01.2024 10:00, from 1970 to 9999, not {self}"
            ))
        })
    }
}

impl std::fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(f),
            Self::Whole(number) => number.fmt(f),
            Self::Float(float) => float.fmt(f),
            Self::Text(text) => f.write_str(&quoted(text)),
        }
    }
}

/// A text for a message: in quotes, on one line, and shortened.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// A number from digits alone (`parse` also accepts a sign).
fn digits(text: &str) -> Option<i64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A date as unix seconds. Without an offset it is in `zone`, and the earlier time if it is ambiguous.
fn date(text: &str, zone: &TimeZone) -> Option<i64> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp.as_second());
    }
    // jiff would accept an offset or a zone's name after a civil time and ignore it.
    let civil = if text.bytes().all(|b| b.is_ascii_digit() || b"-: T".contains(&b)) {
        text.parse::<DateTime>().ok()?
    } else {
        let forms = ["%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S"];
        forms.iter().find_map(|form| DateTime::strptime(form, text).ok())?
    };
    Some(zone.to_timestamp(civil).ok()?.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value<'_> {
        Value::Text(text.into())
    }

    #[test]
    fn times_in_every_form() {
        let moscow = TimeZone::get("Europe/Moscow").unwrap();
        for (written, seconds) in [
            ("0", 0),
            ("1362250000", 1_362_250_000),
            (" 253402300799 ", 253_402_300_799),
            ("2024-01-31 10:00:00", 1_706_684_400),
            ("2024-01-31 10:00", 1_706_684_400),
            ("2024-01-31T10:00:00", 1_706_684_400),
            ("2024-01-31T10:00:00Z", 1_706_695_200),
            ("2024-01-31T10:00:00.250Z", 1_706_695_200),
            ("2024-01-31T10:00:00+05:00", 1_706_677_200),
            ("2024-01-31 10:00:00+05:00", 1_706_677_200),
            ("2024-01-31", 1_706_648_400),
            ("31.01.2024", 1_706_648_400),
            ("31.01.2024 10:00", 1_706_684_400),
            ("31.01.2024 10:00:05", 1_706_684_405),
            ("1.2.2024 9:05", 1_706_767_500),
        ] {
            assert_eq!(text(written).time(&moscow), Ok(seconds), "{written}");
        }
        for written in [
            "",
            "-1",
            "+5",
            "253402300800",
            "31/01/2024",
            "31.02.2024",
            "2024-01-31 10:00[Europe/Paris]",
            "10:00",
            "1969-12-31 10:00:00",
            "99999999999999999999",
            "31.01.24 1",
            "soon",
        ] {
            assert!(text(written).time(&moscow).is_err(), "{written}");
        }
        assert!(Value::Float(1.5).time(&moscow).is_err());
    }

    #[test]
    fn numbers_sums_and_flags() {
        assert_eq!(text(" 17 ").number(), Ok(17));
        assert_eq!(Value::Whole(i128::from(i64::MAX)).number(), Ok(i64::MAX));
        for value in [
            text("0"),
            text("-1"),
            text("+1"),
            text(""),
            Value::Whole(1 << 63),
            Value::Float(1.0),
            Value::Flag(true),
        ] {
            assert!(value.number().is_err(), "{value}");
        }
        for value in [text("3900.5"), text(" 3900,50"), Value::Float(3900.5)] {
            assert_eq!(value.money(), Ok(Money::from_kopecks(390_050)), "{value}");
        }
        assert_eq!(text("3 900").money(), Ok(Money::from_kopecks(390_000)));
        assert_eq!(Value::Whole(-3).money(), Ok(Money::from_kopecks(-300)));
        for value in [text(""), text("3 90"), Value::Float(0.001), Value::Float(9.1e13), Value::Flag(true)] {
            assert!(value.money().is_err(), "{value}");
        }
        assert_eq!(text("TRUE").flag(), Ok(true));
        assert_eq!(Value::Whole(0).flag(), Ok(false));
        assert!(Value::Whole(2).flag().is_err());
        assert!(text("yes").flag().is_err());
    }

    #[test]
    fn texts_have_limits() {
        assert_eq!(text(" a\r\n ").text(10), Ok(" a\r\n ".to_owned()));
        assert_eq!(Value::Whole(79_990_000_000).text(20), Ok("79990000000".to_owned()));
        assert_eq!(text("абв").text(5).unwrap_err().0, "the text is 6 bytes long, 5 are allowed");
        assert_eq!(text("a\0").text(5).unwrap_err().0, "the text holds a NUL character");
        assert_eq!(Value::Float(1.5).text(5).unwrap_err().0, "a text in quotes is expected, not 1.5");
    }

    #[test]
    fn messages_stay_on_one_line_and_keep_the_address() {
        assert_eq!(quoted("a\nb"), r#""a\nb""#);
        assert_eq!(quoted(&"я".repeat(41)), format!("\"{}…\"", "я".repeat(40)));
        assert_eq!(
            text("anna example.com").email().unwrap_err().0,
            "the e-mail holds a space or a control character"
        );
    }
}
