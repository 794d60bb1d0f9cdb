//! Log lines about failures and refusals, limited in number.

use std::time::{Duration, Instant};

use billhook_store as store;
use parking_lot::Mutex;
use store::Kind;

use crate::{failure::Failure, gate::accounts::Served, telemetry::refusal_lines::Refusals};

/// When a failure that still happens is reported again.
const AGAIN_AFTER: Duration = Duration::from_mins(1);
/// How many different failures of a kind are reported per minute, since callers can make up methods' names.
const DIFFERENT_MAX: usize = 100;
/// The longest method name in a report.
const NAME_LETTERS_MAX: usize = 40;

/// Writes the lines, and remembers recent ones.
#[derive(Debug, Default)]
pub(crate) struct Reporter {
    failures: OnceAMinute<Kind>,
    unserved: OnceAMinute<String>,
    pub(crate) refusals: Refusals,
}

impl Reporter {
    /// Reports an internal failure; one that affects many requests once a minute. The debug log has them all.
    pub(crate) fn failed(&self, failure: &Failure, store: &str, request_id: &str) {
        match failure {
            // The program ends, and prints this error itself.
            Failure::Broken(error) if error.kind() == Kind::Closed => {
                tracing::debug!(request = request_id, %error, "the store failed");
            }
            Failure::Broken(error) if error.is_unavailable() || error.kind() == Kind::Damaged => {
                // Calls that are refused because of known damage need no second report.
                let kind = if error.kind() == Kind::Stopped { Kind::Damaged } else { error.kind() };
                match self.failures.due(kind, Instant::now()) {
                    Some(0) => {
                        tracing::error!(store, request = request_id, %error, "the store failed");
                    }
                    Some(others) => {
                        tracing::error!(store, request = request_id, others, %error, "the store still fails");
                    }
                    None => tracing::debug!(request = request_id, %error, "the store failed"),
                }
            }
            Failure::Broken(error) => {
                tracing::error!(store, request = request_id, %error, "the store failed");
            }
            Failure::TooLong => {
                tracing::info!(
                    request = request_id,
                    "an answer would be longer than 64 MiB: the caller is to ask for less of the list"
                );
            }
            Failure::NoRoom => {
                tracing::warn!(
                    request = request_id,
                    "no memory is left for the bodies of requests, or for answers"
                );
            }
            Failure::Fault(fault) => {
                tracing::error!(request = request_id, fault, "an internal error; please report it");
            }
            Failure::Refused { .. } | Failure::Http(_) | Failure::TooOften { .. } => {}
        }
    }

    /// Reports an authenticated call of a method that Billhook does not have. So an operator who migrates
    /// clients learns which methods they need.
    pub(crate) fn unserved(&self, account: &Served, path: &str, request_id: &str) {
        let method = shown(account, path);
        if self.unserved.due(method.to_ascii_lowercase(), Instant::now()).is_some() {
            let account = account.login.as_str();
            tracing::info!(
                request = request_id,
                account,
                method,
                "a client called a method that Billhook does not have"
            );
        }
    }
}

/// The method's name, or `?` if it can't be one: a path may hold anything, even a key.
fn shown<'a>(account: &Served, path: &'a str) -> &'a str {
    let name = path.strip_prefix("/api/").unwrap_or_default();
    let name = name.strip_suffix('/').unwrap_or(name);
    let is_name =
        (1..=NAME_LETTERS_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphabetic());
    let is_key = account.all_keys().any(|key| key.reveal().eq_ignore_ascii_case(name));
    if is_name && !is_key { name } else { "?" }
}

/// Lets each thing be reported once a minute.
#[derive(Debug)]
struct OnceAMinute<T>(Mutex<Vec<Reported<T>>>);

#[derive(Debug)]
struct Reported<T> {
    thing: T,
    at: Instant,
    /// How often it happened since its last report.
    since: u64,
}

impl<T> Default for OnceAMinute<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: PartialEq> OnceAMinute<T> {
    /// Whether to report now, and how many cases were not reported since the last time.
    fn due(&self, thing: T, now: Instant) -> Option<u64> {
        let mut reported = self.0.lock();
        let is_recent = |at: Instant| now.duration_since(at) < AGAIN_AFTER;
        if let Some(known) = reported.iter_mut().find(|known| known.thing == thing) {
            if is_recent(known.at) {
                known.since += 1;
                return None;
            }
            known.at = now;
            return Some(std::mem::take(&mut known.since));
        }
        if reported.len() >= DIFFERENT_MAX {
            reported.retain(|known| is_recent(known.at));
        }
        let has_room = reported.len() < DIFFERENT_MAX;
        if has_room {
            reported.push(Reported { thing, at: now, since: 0 });
        }
        has_room.then_some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_reported_once_a_minute_with_how_often_it_was_not() {
        let reports = OnceAMinute::default();
        let start = Instant::now();
        let due = |kind, seconds| reports.due(kind, start + Duration::from_secs(seconds));
        assert_eq!(due(Kind::Full, 0), Some(0));
        assert_eq!(due(Kind::Full, 1), None);
        assert_eq!(due(Kind::Busy, 1), Some(0));
        assert_eq!(due(Kind::Full, 59), None);
        assert_eq!(due(Kind::Full, 60), Some(2));
        assert_eq!(due(Kind::Full, 61), None);
        assert_eq!(due(Kind::Busy, 200), Some(0));
    }

    #[test]
    fn so_many_things_are_reported_a_minute_and_no_more() {
        let reports = OnceAMinute::default();
        let start = Instant::now();
        let is_due = |number, seconds| reports.due(number, start + Duration::from_secs(seconds)).is_some();
        assert!(is_due(0, 0) && is_due(1, 30));
        let due = (2..1000).filter(|number| is_due(*number, 61)).count();
        assert_eq!(due, DIFFERENT_MAX - 1, "one was reported half a minute ago");
        assert!(is_due(1000, 200));
    }
}
