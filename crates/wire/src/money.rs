//! Sums of money: whole kopecks, never a float (section 5: `3900.00` on the wire).

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A sum in kopecks, hundredths of the account's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i64);

/// Why a text is no sum of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sum is digits with at most two more behind a point, such as 3900.00")]
pub struct MoneyError;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// A sum given in kopecks.
    pub const fn from_kopecks(kopecks: i64) -> Self {
        Self(kopecks)
    }

    /// The sum in kopecks.
    pub const fn kopecks(self) -> i64 {
        self.0
    }

    /// Reads `3900`, `3900.5`, `3900.00` or, as spreadsheets write it, `3900,00`; a minus may stand in front.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        let (whole, part) = match digits.split_once(['.', ',']) {
            Some((whole, part)) if (1..=2).contains(&part.len()) => (whole, part),
            Some(_) => return Err(MoneyError),
            None => (digits, ""),
        };
        if whole.is_empty() || !whole.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(MoneyError);
        }
        let whole: i64 = whole.parse().map_err(|_| MoneyError)?;
        let part: i64 = format!("{part:0<2}").parse().map_err(|_| MoneyError)?;
        whole
            .checked_mul(100)
            .and_then(|kopecks| kopecks.checked_add(part))
            .map(|kopecks| Self(sign * kopecks))
            .ok_or(MoneyError)
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
    /// From text, or from a number as JSON has it: `"3900.00"`, `3900`, `3900.5`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Money;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a sum of money such as \"3900.00\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Money, E> {
                Money::parse(text.trim()).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, whole: i64) -> Result<Money, E> {
                whole.checked_mul(100).map(Money).ok_or_else(|| E::custom(MoneyError))
            }

            fn visit_u64<E: de::Error>(self, whole: u64) -> Result<Money, E> {
                i64::try_from(whole)
                    .map_err(|_| E::custom(MoneyError))
                    .and_then(|whole| self.visit_i64(whole))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Money, E> {
                Money::parse(&number.to_string()).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Visitor)
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
        ] {
            let sum = Money::parse(text).unwrap();
            assert_eq!(sum.kopecks(), kopecks, "{text}");
            assert_eq!(sum.to_string(), shown);
        }
        for text in ["", ".", "1.", ".5", "1.234", "1e3", "+1", "--1", " 1", "1.-5", "92233720368547758.08"] {
            assert_eq!(Money::parse(text), Err(MoneyError), "{text:?}");
        }
    }

    #[test]
    fn json_numbers_are_sums_too() {
        for text in ["3900.5", "\"3900.50\"", "\"3900,5\""] {
            assert_eq!(serde_json::from_str::<Money>(text).unwrap(), Money::from_kopecks(390_050), "{text}");
        }
        assert!(serde_json::from_str::<Money>("0.001").is_err());
        assert!(serde_json::from_str::<Money>("null").is_err());
    }
}
