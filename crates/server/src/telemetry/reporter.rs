//! What the log has about failures and refusals: enough to act upon, in no more lines than somebody can read.

use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use billhook_store as store;
use store::Kind;

use crate::{
    failure::Failure,
    gate::accounts::{Served, WhichKey},
    telemetry::refusals::Refusals,
};

/// What was reported is reported again after this, if it still happens.
const AGAIN_AFTER: Duration = Duration::from_mins(1);
/// So many different things of a kind are reported a minute: whoever has a key can make up names of methods.
const DIFFERENT_MAX: usize = 100;
/// The longest name of a method that is reported.
const NAME_LETTERS_MAX: usize = 40;

/// Writes the lines, and knows which were written lately.
#[derive(Debug, Default)]
pub(crate) struct Reporter {
    failures: OnceAMinute<Kind>,
    unserved: OnceAMinute<String>,
    refusals: Refusals,
}

impl Reporter {
    /// Reports a failure of ours. One of the store's that other requests will meet too is reported once a minute; the debug log has
    /// them all.
    pub(crate) fn failed(&self, failure: &Failure, store: &str, request_id: &str) {
        match failure {
            // The program ends, and says it as its last words.
            Failure::Broken(error) if error.kind() == Kind::Closed => {
                tracing::debug!(request = request_id, %error, "the store failed");
            }
            Failure::Broken(error) if error.is_unavailable() || error.kind() == Kind::Damaged => {
                // Who is refused for a damage that others met is no news.
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
                tracing::error!(request = request_id, fault, "a fault in this program; please report it");
            }
            Failure::Refused { .. } | Failure::Http(_) | Failure::TooOften { .. } => {}
        }
    }

    /// Reports a method that Billhook doesn't have, called with a right credential: the operator who leads clients over learns
    /// which they want.
    pub(crate) fn unserved(&self, account: &Served, path: &str, request_id: &str) {
        let method = shown(account, path);
        if self.unserved.due(method.to_ascii_lowercase(), Instant::now()).is_some() {
            let account = account.login.as_str();
            tracing::info!(request = request_id, account, method, "a method was called that is not served");
        }
    }

    /// Counts a refused call of this address. Whether it has a line in the access log.
    pub(crate) fn refused(&self, caller: IpAddr) -> bool {
        self.refusals.has_line(caller)
    }

    /// Reports refused calls that had no line, once their second is over: to be called now and then.
    pub(crate) fn report_left_out(&self) {
        self.refusals.report_left_out();
    }
}

/// The method's name, if it can be one, else `?`: a path may hold anything, a key too.
fn shown<'a>(account: &Served, path: &'a str) -> &'a str {
    let name = path.strip_prefix("/api/").unwrap_or_default();
    let name = name.strip_suffix('/').unwrap_or(name);
    let is_name =
        (1..=NAME_LETTERS_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphabetic());
    let is_key = |which| account.key(which).reveal().eq_ignore_ascii_case(name);
    if is_name && !is_key(WhichKey::Current) && !is_key(WhichKey::Old) { name } else { "?" }
}

/// Lets each thing be reported once a minute.
#[derive(Debug)]
struct OnceAMinute<T>(Mutex<Vec<Reported<T>>>);

#[derive(Debug)]
struct Reported<T> {
    thing: T,
    at: Instant,
    /// How often it happened since.
    since: u64,
}

impl<T> Default for OnceAMinute<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: PartialEq> OnceAMinute<T> {
    /// Whether something is to be reported now: how often it was not, since the last time.
    fn due(&self, thing: T, now: Instant) -> Option<u64> {
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
