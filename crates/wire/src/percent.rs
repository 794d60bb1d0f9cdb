//! Percentages with two decimal places.

use crate::Money;

/// A percentage from 0 to 100, in hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Percent(i64);

/// Why a text is not a percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a percentage is a number from 0 to 100 with at most two digits behind the point")]
pub struct PercentError;

impl Percent {
    /// Zero.
    pub const ZERO: Self = Self(0);

    /// A percentage in hundredths.
    pub fn from_hundredths(hundredths: i64) -> Result<Self, PercentError> {
        if (0..=10_000).contains(&hundredths) { Ok(Self(hundredths)) } else { Err(PercentError) }
    }

    /// The percentage in hundredths.
    pub const fn hundredths(self) -> i64 {
        self.0
    }

    /// Parses `15`, `12.5`, `12,50`, each with or without `%`.
    pub fn parse(text: &str) -> Result<Self, PercentError> {
        let text = text.trim();
        let text = text.strip_suffix('%').unwrap_or(text).trim_end();
        Money::parse(text).map_err(|_| PercentError).and_then(|sum| Self::from_hundredths(sum.kopecks()))
    }

    /// This percentage of a sum, to the nearest kopeck, half away from zero. Only this rounds money.
    pub fn of(self, sum: Money) -> Money {
        let product = i128::from(sum.kopecks()) * i128::from(self.0);
        let rounded = (product + 5_000 * product.signum()) / 10_000;
        // At most the sum itself, so it does not overflow.
        Money::from_kopecks(i64::try_from(rounded).unwrap_or(sum.kopecks()))
    }
}

impl std::fmt::Display for Percent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Money::from_kopecks(self.0).fmt(f)
    }
}

travels_as_text!(Percent, |share| share, Self::parse);

schema!(Percent, { "type": "string", "pattern": r"^\d{1,3}([.,]\d{1,2})?%?$" });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_and_taken() {
        for (text, hundredths) in
            [("15", 1500), ("12.5", 1250), ("12,50 %", 1250), ("100%", 10_000), ("0", 0)]
        {
            assert_eq!(Percent::parse(text).unwrap().hundredths(), hundredths, "{text}");
        }
        for text in ["", "-1", "100.01", "12.345", "ten"] {
            assert_eq!(Percent::parse(text), Err(PercentError), "{text}");
        }
    }

    #[test]
    fn a_half_kopeck_is_rounded_away_from_zero() {
        for (percent, kopecks, share) in [
            ("50", 1, 1),
            ("50", 3, 2),
            ("33.33", 10_000, 3333),
            ("10", 14, 1),
            ("10", 15, 2),
            ("50", -1, -1),
            ("100", i64::MAX, i64::MAX),
        ] {
            let percent = Percent::parse(percent).unwrap();
            assert_eq!(percent.of(Money::from_kopecks(kopecks)).kopecks(), share, "{percent} of {kopecks}");
        }
    }
}
