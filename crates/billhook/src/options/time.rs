//! Times as people write them, in an account's time zone.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use billhook_wire::{Day, LocalTime, UnixTime, unix_time::UNIX_TIME_MAX};
use jiff::{
    Timestamp, ToSpan as _,
    civil::{Date, DateTime},
    tz::TimeZone,
};

use crate::failure::Failure;

/// A time from the command line. The account gives its time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeOption {
    Unix(i64),
    Day(Date),
    Time(DateTime),
}

impl TimeOption {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(time) = UnixTime::parse(text) {
            return Ok(Self::Unix(time.seconds()));
        }
        if let Ok(Day(day)) = Day::parse(text) {
            return Ok(Self::Day(day));
        }
        match LocalTime::parse(text) {
            Ok(LocalTime(at)) if text.contains(':') => Ok(Self::Time(at)),
            Ok(LocalTime(at)) => Ok(Self::Day(at.date())),
            Err(_) => Err("a time is 31.12.2024 or 2024-12-31, optionally followed by 10:00 or 10:00:59, or unix seconds"
                .to_owned()),
        }
    }

    /// Unix seconds; for a day, its first second.
    pub(crate) fn begin(self, zone: &TimeZone) -> Result<i64, Failure> {
        self.seconds(zone).ok_or_else(Self::out_of_range)
    }

    /// Unix seconds; for a day, its last second.
    pub(crate) fn end(self, zone: &TimeZone) -> Result<i64, Failure> {
        let end = match self {
            Self::Day(day) => match day.checked_add(1.day()) {
                Ok(next) => Self::Day(next).seconds(zone).map(|begin| begin - 1),
                Err(_) => Some(UNIX_TIME_MAX),
            },
            _ => self.seconds(zone),
        };
        end.ok_or_else(Self::out_of_range)
    }

    fn seconds(self, zone: &TimeZone) -> Option<i64> {
        let at = match self {
            Self::Unix(seconds) => return Some(seconds),
            Self::Day(day) => day.to_datetime(jiff::civil::Time::midnight()),
            Self::Time(at) => at,
        };
        let seconds = at.to_zoned_datetime(zone.clone()).ok()?.timestamp().as_second();
        UnixTime::new(seconds).ok().map(UnixTime::seconds)
    }

    fn out_of_range() -> Failure {
        Failure::usage("a time must be between 1970 and the year 9999")
    }
}

pub(crate) fn shown(unix: i64, zone: &TimeZone) -> String {
    match Timestamp::from_second(unix) {
        Ok(time) => time.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string(),
        Err(_) => unix.to_string(),
    }
}

/// The current time in unix seconds.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A duration in seconds.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .filter(|seconds| (0.001..=86_400.0).contains(seconds))
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "seconds are needed, such as 30 or 0.5, up to a day".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_two_ends_and_times_one() {
        let zone = TimeZone::get("Europe/Moscow").unwrap();
        let both = |text: &str| {
            let time = TimeOption::parse(text).unwrap();
            (time.begin(&zone).unwrap(), time.end(&zone).unwrap())
        };
        for text in ["31.01.2024", "2024-01-31", "01/31/2024", "31.1.2024"] {
            assert_eq!(both(text), (1_706_648_400, 1_706_734_799), "{text}");
        }
        for text in ["31.01.2024 10:00", "2024-01-31T10:00:00", "1706684400"] {
            assert_eq!(both(text), (1_706_684_400, 1_706_684_400), "{text}");
        }
        assert!(TimeOption::parse("31.12.9999").unwrap().end(&zone).is_ok());
        assert!(TimeOption::parse("1970-01-01").unwrap().begin(&zone).is_err(), "it was 1969 elsewhere");
        for text in ["", "tomorrow", "31.02.2024", "-5", "2024-01-31 25:00"] {
            assert!(TimeOption::parse(text).is_err(), "{text}");
        }
        assert_eq!(shown(1_706_684_400, &zone), "2024-01-31 10:00:00 MSK");
    }
}
