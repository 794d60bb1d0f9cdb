//! Sums of money: whole kopecks, never a float (section 5: `3900.00` on the wire).

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A sum in kopecks, the hundredths of the currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i64);

/// Why a text is not a sum of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sum is digits with at most two more behind a point, such as 3900.00")]
pub struct MoneyError;

impl Money {
    /// Zero.
    pub const ZERO: Self = Self(0);

    /// A sum given in kopecks.
    pub const fn from_kopecks(kopecks: i64) -> Self {
        Self(kopecks)
    }

    /// The sum in kopecks.
    pub const fn kopecks(self) -> i64 {
        self.0
    }

    /// Parses `3900`, `3900.5`, `3900.00`, and as in spreadsheets and Russian forms `3900,00` and `3 900,00`,
    /// each with an optional minus. `3,900` and `3.900` are refused as ambiguous.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        Self::read(text, |_, part| part.len() <= 2)
    }

    /// Parses a sum in a request (decision 74). More digits are rounded to the kopeck, half up: PHP writes a
    /// third of 1990 as `663.33333333333`. A comma with three digits after it is refused, since it may
    /// separate thousands.
    pub fn parse_rounded(text: &str) -> Result<Self, MoneyError> {
        Self::read(text, |separator, part| separator == '.' || part.len() != 3)
    }

    fn read(text: &str, is_part: fn(char, &str) -> bool) -> Result<Self, MoneyError> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        let digits = &*ungrouped(digits)?;
        let separator = if digits.contains(',') { ',' } else { '.' };
        let (whole, part) = match digits.split_once(separator) {
            Some((whole, part)) if !part.is_empty() && is_part(separator, part) => (whole, part),
            Some(_) => return Err(MoneyError),
            None => (digits, ""),
        };
        if whole.is_empty() || !whole.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(MoneyError);
        }
        let whole: i64 = whole.parse().map_err(|_| MoneyError)?;
        let mut part = part.bytes().map(|digit| i64::from(digit - b'0')).chain(std::iter::repeat(0));
        let mut digit = || part.next().unwrap_or(0);
        let part = digit() * 10 + digit() + i64::from(digit() >= 5);
        whole
            .checked_mul(100)
            .and_then(|kopecks| kopecks.checked_add(part))
            .map(|kopecks| Self(sign * kopecks))
            .ok_or(MoneyError)
    }
}

/// Removes the spaces between groups of three digits; spaces anywhere else are an error.
fn ungrouped(text: &str) -> Result<Cow<'_, str>, MoneyError> {
    let is_space = |c: char| matches!(c, ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}');
    if !text.contains(is_space) {
        return Ok(text.into());
    }
    let (whole, part) = match text.find(['.', ',']) {
        Some(at) => text.split_at_checked(at).ok_or(MoneyError)?,
        None => (text, ""),
    };
    let groups = || whole.split(is_space);
    let is_grouped = groups().enumerate().all(|(at, group)| match at {
        0 => (1..=3).contains(&group.len()),
        _ => group.len() == 3,
    });
    if is_grouped { Ok(groups().chain([part]).collect::<String>().into()) } else { Err(MoneyError) }
}

/// A price in a request: neither negative nor more than an order can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct Price(Money);

/// Why a sum is not a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a price is a sum from 0.00 to {}", Price::MAX)]
pub struct PriceError;

impl Price {
    /// The highest price: ten digits before the point, so that a thousand of them can be added.
    pub const MAX: Money = Money(999_999_999_999);

    /// Takes a sum.
    pub fn new(sum: Money) -> Result<Self, PriceError> {
        if (Money::ZERO..=Self::MAX).contains(&sum) { Ok(Self(sum)) } else { Err(PriceError) }
    }

    /// The sum.
    pub const fn sum(self) -> Money {
        self.0
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let sum = deserializer.deserialize_any(Visitor(Money::parse_rounded))?;
        Self::new(sum).map_err(de::Error::custom)
    }
}

schema!(Money, { "type": "string", "pattern": r"^-?\d+([.,]\d{1,2})?$", "examples": ["3900.00"] });

schema!(Price, { "type": "string", "pattern": r"^\d{1,10}(\.\d+|,(\d{1,2}|\d{4,}))?$", "examples": ["3900.00"] });

impl std::ops::Add for Money {
    type Output = Self;

    /// The sum of two, limited to the range.
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::ops::Sub for Money {
    type Output = Self;

    /// The difference of two, limited to the range.
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl std::iter::Sum for Money {
    fn sum<I: Iterator<Item = Self>>(sums: I) -> Self {
        sums.fold(Self::ZERO, std::ops::Add::add)
    }
}

impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{:02}", self.0.unsigned_abs() / 100, self.0.unsigned_abs() % 100)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    /// From a text, or from a JSON number: `"3900.00"`, `3900`, `3900.5`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor(Self::parse))
    }
}

/// Reads a sum from a text, with this function, or from a number.
struct Visitor(fn(&str) -> Result<Money, MoneyError>);

impl de::Visitor<'_> for Visitor {
    type Value = Money;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a sum of money such as \"3900.00\"")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Money, E> {
        Ok(Money::ZERO)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Money, E> {
        (self.0)(text.trim()).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, whole: i64) -> Result<Money, E> {
        whole.checked_mul(100).map(Money).ok_or_else(|| E::custom(MoneyError))
    }

    fn visit_u64<E: de::Error>(self, whole: u64) -> Result<Money, E> {
        i64::try_from(whole).map_err(|_| E::custom(MoneyError)).and_then(|whole| self.visit_i64(whole))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Money, E> {
        (self.0)(&number.to_string()).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_round_trip() {
        for (text, kopecks, shown) in [
            ("3900.00", 390_000, "3900.00"),
            ("3900", 390_000, "3900.00"),
            ("0,5", 50, "0.50"),
            ("-1.05", -105, "-1.05"),
            ("-0.05", -5, "-0.05"),
            ("92233720368547758.07", i64::MAX, "92233720368547758.07"),
            ("1 500", 150_000, "1500.00"),
            ("12\u{a0}345\u{202f}678,90", 1_234_567_890, "12345678.90"),
        ] {
            let sum = Money::parse(text).unwrap();
            assert_eq!(sum.kopecks(), kopecks, "{text}");
            assert_eq!(sum.to_string(), shown);
        }
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "1.234",
            "1e3",
            "+1",
            "--1",
            " 1",
            "1.-5",
            "92233720368547758.08",
            "1,500",
            "1.500",
            "1 50",
            "1234 567",
            "1 500 ",
            "1 500.0 0",
            "1  500",
        ] {
            assert_eq!(Money::parse(text), Err(MoneyError), "{text:?}");
        }
    }

    #[test]
    fn sums_of_requests_are_rounded() {
        for (text, kopecks) in [
            ("663.33333333333", 66_333),
            ("1.500", 150),
            ("1.005", 101),
            ("1.00499999999999", 100),
            ("0.995", 100),
            ("1 990.999", 199_100),
            ("663,33333333333", 66_333),
            ("1,5000", 150),
            ("92233720368547758.074", i64::MAX),
        ] {
            assert_eq!(Money::parse_rounded(text), Ok(Money(kopecks)), "{text}");
        }
        for text in [
            "1,500",
            "1,500.00",
            "1.500,00",
            "1.500.000",
            "1,500,000",
            "1.",
            "1.5e3",
            "92233720368547758.075",
        ] {
            assert_eq!(Money::parse_rounded(text), Err(MoneyError), "{text}");
        }
    }

    #[test]
    fn prices_have_bounds() {
        assert_eq!(serde_json::from_str::<Price>("\"9 999 999 999,99\"").unwrap().sum(), Price::MAX);
        assert_eq!(serde_json::from_str::<Price>("\"9999999999.994\"").unwrap().sum(), Price::MAX);
        assert!(serde_json::from_str::<Price>("\"9999999999.995\"").is_err());
        assert!(serde_json::from_str::<Price>("\"10000000000\"").is_err());
        assert!(serde_json::from_str::<Price>("-1").is_err());
    }

    #[test]
    fn json_numbers_are_sums_too() {
        for text in ["3900.5", "\"3900.50\"", "\"3900,5\""] {
            assert_eq!(serde_json::from_str::<Money>(text).unwrap(), Money::from_kopecks(390_050), "{text}");
        }
        assert!(serde_json::from_str::<Money>("0.001").is_err());
        assert_eq!(serde_json::from_str::<Money>("null").unwrap(), Money::ZERO);
    }
}
