//! What the operator is told when the store fails: one line, however many requests meet it.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use billhook_store as store;
use store::Kind;

use crate::failure::Failure;

/// A failure of a kind that was told is told again after this, if it still happens.
const AGAIN_AFTER: Duration = Duration::from_mins(1);

/// What was told lately.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    told: Mutex<Vec<Told>>,
}

#[derive(Debug)]
struct Told {
    kind: Kind,
    at: Instant,
    /// How many met it since.
    since: u64,
}

impl Troubles {
    /// Tells the operator of a failure of ours. One of the store's that other requests will meet too is told once a minute; the
    /// debug log has them all.
    pub(crate) fn tell(&self, failure: &Failure, store: &str, request_id: &str) {
        match failure {
            // The program ends, and says it as its last words.
            Failure::Broken(error) if error.kind() == Kind::Closed => {
                tracing::debug!(request = request_id, %error, "the store failed");
            }
            Failure::Broken(error) if error.is_unavailable() || error.kind() == Kind::Damaged => {
                // Who is refused for a damage that others met is no news.
                let kind = if error.kind() == Kind::Stopped { Kind::Damaged } else { error.kind() };
                match self.due(kind, Instant::now()) {
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

    /// Whether a failure of a kind is to be told now: how many of it were not, since the last one that was.
    fn due(&self, kind: Kind, now: Instant) -> Option<u64> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(last) = told.iter_mut().find(|last| last.kind == kind) else {
            told.push(Told { kind, at: now, since: 0 });
            return Some(0);
        };
        if now.duration_since(last.at) < AGAIN_AFTER {
            last.since += 1;
            return None;
        }
        last.at = now;
        Some(std::mem::take(&mut last.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_failure_is_told_once_a_minute() {
        let troubles = Troubles::default();
        let start = Instant::now();
        let due = |kind, seconds| troubles.due(kind, start + Duration::from_secs(seconds));
        assert_eq!(due(Kind::Full, 0), Some(0));
        assert_eq!(due(Kind::Full, 1), None);
        assert_eq!(due(Kind::Busy, 1), Some(0));
        assert_eq!(due(Kind::Full, 59), None);
        assert_eq!(due(Kind::Full, 60), Some(2));
        assert_eq!(due(Kind::Full, 61), None);
        assert_eq!(due(Kind::Busy, 200), Some(0));
    }
}
