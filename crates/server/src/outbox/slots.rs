//! How many deliveries are sent at once: in all, of an account, and to a host.

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

use billhook_store::AccountId;

const IN_ALL_MAX: usize = 256;
const OF_ACCOUNT_MAX: usize = 32;
const TO_HOST_MAX: usize = 4;
/// A host is slow if it takes longer for its answers. Nothing is kept waiting for it.
const SLOW: Duration = Duration::from_secs(1);

/// The slots in use. An account's slot is taken when a delivery is leased, a host's when it is sent.
#[derive(Debug, Default)]
pub(super) struct Slots {
    taken: usize,
    of_account: HashMap<AccountId, usize>,
    /// When each try began, by host and port.
    to_host: HashMap<String, Vec<Instant>>,
}

/// Whether a host can be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// At once.
    Now,
    /// When a try has ended, which is soon.
    Soon,
    /// Not soon.
    Late,
}

impl Slots {
    /// How many more deliveries may be leased.
    pub(super) fn free_in_all(&self) -> usize {
        IN_ALL_MAX.saturating_sub(self.taken)
    }

    /// How many more deliveries of this account may be leased.
    pub(super) fn free(&self, account: AccountId) -> usize {
        let of_account = self.of_account.get(&account).copied().unwrap_or(0);
        self.free_in_all().min(OF_ACCOUNT_MAX.saturating_sub(of_account))
    }

    pub(super) fn take(&mut self, account: AccountId, count: usize) {
        self.taken += count;
        *self.of_account.entry(account).or_default() += count;
    }

    pub(super) fn give_back(&mut self, account: AccountId, count: usize) {
        self.taken = self.taken.saturating_sub(count);
        if let Some(taken) = self.of_account.get_mut(&account) {
            *taken = taken.saturating_sub(count);
        }
        forget_if(&mut self.of_account, &account, |taken| *taken == 0);
    }

    pub(super) fn room(&self, host: &str, now: Instant) -> Room {
        match self.to_host.get(host) {
            Some(began) if began.len() >= TO_HOST_MAX => {
                let is_slow = began.iter().any(|began| now.saturating_duration_since(*began) > SLOW);
                if is_slow { Room::Late } else { Room::Soon }
            }
            _ => Room::Now,
        }
    }

    pub(super) fn begin(&mut self, host: &str, now: Instant) {
        self.to_host.entry(host.to_owned()).or_default().push(now);
    }

    pub(super) fn end(&mut self, host: &str, began: Instant) {
        if let Some(tries) = self.to_host.get_mut(host)
            && let Some(at) = tries.iter().position(|other| *other == began)
        {
            tries.swap_remove(at);
        }
        forget_if(&mut self.to_host, host, Vec::is_empty);
    }
}

/// What is not in use takes no memory.
fn forget_if<K: Hash + Eq + std::borrow::Borrow<Q>, Q: Hash + Eq + ?Sized, V>(
    map: &mut HashMap<K, V>,
    key: &Q,
    is_unused: impl Fn(&V) -> bool,
) {
    if map.get(key).is_some_and(is_unused) {
        map.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_a_share_of_all() {
        let mut slots = Slots::default();
        let account = AccountId;
        slots.take(account(1), OF_ACCOUNT_MAX);
        assert_eq!((slots.free(account(1)), slots.free(account(2))), (0, OF_ACCOUNT_MAX));
        for other in 2..=8 {
            slots.take(account(other), OF_ACCOUNT_MAX);
        }
        assert_eq!(slots.free(account(9)), 0, "no slot is left");
        slots.give_back(account(1), 1);
        assert_eq!((slots.free(account(1)), slots.free(account(9)), slots.free(account(2))), (1, 1, 0));
        for other in 1..=8 {
            slots.give_back(account(other), OF_ACCOUNT_MAX);
        }
        assert!(slots.of_account.is_empty() && slots.taken == 0);
    }

    #[test]
    fn a_host_that_answers_late_is_not_waited_for() {
        let mut slots = Slots::default();
        let start = Instant::now();
        for _ in 0..TO_HOST_MAX {
            assert_eq!(slots.room("a:80", start), Room::Now);
            slots.begin("a:80", start);
        }
        assert_eq!(slots.room("a:80", start), Room::Soon);
        assert_eq!(slots.room("a:80", start + SLOW * 2), Room::Late);
        assert_eq!(slots.room("b:80", start), Room::Now);
        slots.end("a:80", start);
        assert_eq!(slots.room("a:80", start), Room::Now);
        for _ in 1..TO_HOST_MAX {
            slots.end("a:80", start);
        }
        assert!(slots.to_host.is_empty());
    }
}
