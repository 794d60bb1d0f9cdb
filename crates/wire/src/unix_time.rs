//! Times: seconds since 1970 on the wire, and dates as people write them.

use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};

/// The last second of the year 9999 (decision 66).
pub const UNIX_TIME_MAX: i64 = 253_402_300_799;

/// A time in unix seconds, from 0 to the end of the year 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64")]
pub struct UnixTime(i64);

/// Why a text is not a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not a number of seconds.
    #[error("a time is a number of seconds since 1970")]
    NoNumber,
    /// Before 1970 or after the year 9999.
    #[error("a time lies between 1970 and the year 9999")]
    OutOfRange,
    /// Not a date in a known format.
    #[error("a date is dd.mm.yyyy")]
    NoDate,
    /// Not a date with the year first.
    #[error("a date is yyyy-mm-dd")]
    NoIsoDate,
    /// Not a date and time in a known format.
    #[error("a date and time is dd.mm.yyyy hh:mm:ss, yyyy-mm-dd hh:mm:ss or mm/dd/yyyy hh:mm:ss")]
    NoDateTime,
}

impl UnixTime {
    /// A time in seconds.
    pub fn new(seconds: i64) -> Result<Self, TimeError> {
        if (0..=UNIX_TIME_MAX).contains(&seconds) { Ok(Self(seconds)) } else { Err(TimeError::OutOfRange) }
    }

    /// Parses a number of seconds.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        text.trim().parse().map_err(|_| TimeError::NoNumber).and_then(Self::new)
    }

    /// The seconds.
    pub const fn seconds(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for UnixTime {
    type Error = TimeError;

    fn try_from(seconds: i64) -> Result<Self, TimeError> {
        Self::new(seconds)
    }
}

schema!(UnixTime, { "type": "integer", "minimum": 0, "maximum": UNIX_TIME_MAX, "description": "unix time" });

/// A day, as `dd.mm.yyyy` (section 4.7), in the account's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub Date);

impl Day {
    /// Parses `01.02.2020` and `1.2.2020`.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let mut parts = text.trim().split('.');
        let [Some(day), Some(month), Some(year), None] = [(); 4].map(|()| parts.next()) else {
            return Err(TimeError::NoDate);
        };
        date(year, month, day).map(Self).ok_or(TimeError::NoDate)
    }
}

travels_as_text!(Day, |day| day.0.strftime("%d.%m.%Y"), Self::parse);
schema!(Day, { "type": "string", "pattern": r"^\d{1,2}\.\d{1,2}\.\d{4}$", "examples": ["31.12.2020"] });

/// [`Day`]s as `yyyy-mm-dd`, for serde's `with` (section 8.1).
pub(crate) mod iso_day {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Day, TimeError, date};

    /// A day in this form.
    pub(crate) struct IsoDay(Day);

    impl IsoDay {
        /// Parses `2020-02-01` and `2020-2-1`.
        pub(super) fn parse(text: &str) -> Result<Self, TimeError> {
            let mut parts = text.trim().split('-');
            let [Some(year), Some(month), Some(day), None] = [(); 4].map(|()| parts.next()) else {
                return Err(TimeError::NoIsoDate);
            };
            date(year, month, day).map(|date| Self(Day(date))).ok_or(TimeError::NoIsoDate)
        }
    }

    travels_as_text!(IsoDay, |day| day.0.0.strftime("%Y-%m-%d"), Self::parse);
    schema!(IsoDay, { "type": "string", "pattern": r"^\d{4}-\d{1,2}-\d{1,2}$", "examples": ["2020-12-31"] });

    #[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(crate) fn serialize<S: Serializer>(day: &Option<Day>, serializer: S) -> Result<S::Ok, S::Error> {
        day.map(IsoDay).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Day>, D::Error> {
        Ok(Option::<IsoDay>::deserialize(deserializer)?.map(|IsoDay(day)| day))
    }
}

/// A date and time of day (section 9.9), in the account's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalTime(pub DateTime);

impl LocalTime {
    /// Parses `30.01.2020 04:22:16`, `2020-01-30 04:22:16` and `01/30/2020 04:22:16` (decision 34). Seconds,
    /// or the whole time of day, may be missing.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        Self::read(text).ok_or(TimeError::NoDateTime)
    }

    fn read(text: &str) -> Option<Self> {
        let mut words = text.trim().splitn(2, [' ', 'T']);
        let (day, time) = (words.next()?, words.next().unwrap_or("0:0").trim());
        let parts = |separator| {
            let mut parts = day.split(separator);
            let parts = [(); 4].map(|()| parts.next());
            if let [Some(one), Some(two), Some(three), None] = parts { Some([one, two, three]) } else { None }
        };
        let date = if let Some([day, month, year]) = parts('.') {
            date(year, month, day)
        } else if let Some([month, day, year]) = parts('/') {
            date(year, month, day)
        } else {
            let [year, month, day] = parts('-')?;
            date(year, month, day)
        }?;
        let mut parts = time.split(':');
        let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
        let second = parts.next().map_or(Some(0), |text| digits(text, 2))?;
        if parts.next().is_some() {
            return None;
        }
        let time = jiff::civil::Time::new(
            i8::try_from(hour).ok()?,
            i8::try_from(minute).ok()?,
            i8::try_from(second).ok()?,
            0,
        );
        Some(Self(date.to_datetime(time.ok()?)))
    }
}

travels_as_text!(LocalTime, |at| format_args!("{} {}", at.0.date(), at.0.time()), Self::parse);
schema!(LocalTime, { "type": "string", "examples": ["30.01.2020 04:22:16", "2020-01-30 04:22:16"] });

/// A date of the years 1970 to 9999.
fn date(year: &str, month: &str, day: &str) -> Option<Date> {
    if year.len() != 4 {
        return None;
    }
    let year = digits(year, 4).filter(|year| *year >= 1970)?;
    Date::new(year, i8::try_from(digits(month, 2)?).ok()?, i8::try_from(digits(day, 2)?).ok()?).ok()
}

fn digits(text: &str, most: usize) -> Option<i16> {
    let fits = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_they_are_written() {
        assert_eq!(Day::parse("01.02.2020").unwrap().0, Date::constant(2020, 2, 1));
        assert_eq!(serde_json::to_string(&Day::parse("1.2.2020").unwrap()).unwrap(), "\"01.02.2020\"");
        for text in [
            "",
            "2020-02-01",
            "31.02.2020",
            "1.2.20",
            "1.2.1969",
            "1.2",
            "1.2.2020.1",
            "a.b.2020",
            "+1.2.2020",
        ] {
            assert!(Day::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn days_with_the_year_first() {
        let iso = |text: &str| serde_json::from_value::<iso_day::IsoDay>(text.into());
        assert_eq!(serde_json::to_string(&iso("2020-2-01").unwrap()).unwrap(), "\"2020-02-01\"");
        for text in ["", "01.02.2020", "2020-02-31", "20-02-01", "1969-02-01", "2020-02", "2020-02-01-1"] {
            assert!(iso(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_come_in_three_forms() {
        let at = DateTime::constant(2020, 1, 30, 4, 22, 16, 0);
        for text in
            ["30.01.2020 04:22:16", "2020-01-30 04:22:16", "01/30/2020 04:22:16", " 2020-01-30T4:22:16 "]
        {
            assert_eq!(LocalTime::parse(text).unwrap().0, at, "{text}");
        }
        assert_eq!(
            LocalTime::parse("30.01.2020 4:22").unwrap().0,
            DateTime::constant(2020, 1, 30, 4, 22, 0, 0)
        );
        assert_eq!(LocalTime::parse("30.01.2020").unwrap().0, DateTime::constant(2020, 1, 30, 0, 0, 0, 0));
        assert_eq!(serde_json::to_string(&LocalTime(at)).unwrap(), "\"2020-01-30 04:22:16\"");
        for text in [
            "",
            "30/01/2020 04:22:16",
            "30.01.2020 24:00:00",
            "30.01.2020 4",
            "30.01.2020 1:2:3:4",
            "now",
            "1580350936",
        ] {
            assert!(LocalTime::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn unix_times_have_bounds() {
        assert_eq!(UnixTime::parse(" 1362250000 ").unwrap().seconds(), 1_362_250_000);
        for text in ["-1", "253402300800", "", "1e9", "12.5"] {
            assert!(UnixTime::parse(text).is_err(), "{text}");
        }
    }
}
