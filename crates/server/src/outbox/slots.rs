//! How many deliveries are leased and sent at once: in all, of an account, and to a host.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

use billhook_store::AccountId;

/// What is leased waits in memory until it can be sent.
const LEASED: Limits = Limits { in_all: 1_024, of_account: 128, to_host: 32 };
const SENT: Limits = Limits { in_all: 256, of_account: 32, to_host: 4 };
/// A host is slow if an answer takes longer. Nothing waits for it in memory.
const SLOW: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Limits {
    in_all: usize,
    of_account: usize,
    to_host: usize,
}

/// Slots in use.
#[derive(Debug)]
pub(super) struct Slots {
    limits: &'static Limits,
    in_all: usize,
    of_account: HashMap<AccountId, usize>,
    to_host: HashMap<String, usize>,
}

impl Slots {
    pub(super) fn leased() -> Self {
        Self::within(&LEASED)
    }

    fn within(limits: &'static Limits) -> Self {
        Self { limits, in_all: 0, of_account: HashMap::new(), to_host: HashMap::new() }
    }

    pub(super) fn free_in_all(&self) -> usize {
        self.limits.in_all.saturating_sub(self.in_all)
    }

    /// How many more deliveries of this account may be taken for this host.
    pub(super) fn free(&self, account: AccountId, host: &str) -> usize {
        let of_account = self.of_account.get(&account).copied().unwrap_or(0);
        self.free_in_all().min(self.limits.of_account.saturating_sub(of_account)).min(self.free_to(host))
    }

    fn free_to(&self, host: &str) -> usize {
        self.limits.to_host.saturating_sub(self.to_host.get(host).copied().unwrap_or(0))
    }

    pub(super) fn take(&mut self, account: AccountId, host: &str, count: usize) {
        self.in_all += count;
        *self.of_account.entry(account).or_default() += count;
        *self.to_host.entry(host.to_owned()).or_default() += count;
    }

    pub(super) fn give_back(&mut self, account: AccountId, host: &str, count: usize) {
        self.in_all = self.in_all.saturating_sub(count);
        lessen(&mut self.of_account, &account, count);
        lessen(&mut self.to_host, host, count);
    }
}

/// What is not in use takes no memory.
fn lessen<K: Hash + Eq + Borrow<Q>, Q: Hash + Eq + ?Sized>(
    taken: &mut HashMap<K, usize>,
    key: &Q,
    count: usize,
) {
    if let Some(taken) = taken.get_mut(key) {
        *taken = taken.saturating_sub(count);
    }
    if taken.get(key) == Some(&0) {
        taken.remove(key);
    }
}

/// The tries under way.
#[derive(Debug)]
pub(super) struct Sending {
    slots: Slots,
    /// When each began, by host and port.
    began: HashMap<String, Vec<Instant>>,
}

impl Sending {
    pub(super) fn new() -> Self {
        Self { slots: Slots::within(&SENT), began: HashMap::new() }
    }

    pub(super) fn has_room(&self, account: AccountId, host: &str) -> bool {
        self.slots.free(account, host) > 0
    }

    /// Whether a host has as much as it may, and does not answer soon.
    pub(super) fn is_late(&self, host: &str, now: Instant) -> bool {
        self.slots.free_to(host) == 0
            && self
                .began
                .get(host)
                .is_some_and(|began| began.iter().any(|began| now.saturating_duration_since(*began) > SLOW))
    }

    pub(super) fn begin(&mut self, account: AccountId, host: &str, now: Instant) {
        self.slots.take(account, host, 1);
        self.began.entry(host.to_owned()).or_default().push(now);
    }

    pub(super) fn end(&mut self, account: AccountId, host: &str, began: Instant) {
        self.slots.give_back(account, host, 1);
        if let Some(tries) = self.began.get_mut(host) {
            if let Some(at) = tries.iter().position(|other| *other == began) {
                tries.swap_remove(at);
            }
            if tries.is_empty() {
                self.began.remove(host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_a_share_of_all() {
        let mut slots = Slots::within(&SENT);
        let account = AccountId;
        let fill = |slots: &mut Slots, of: i64| {
            for host in 0..8 {
                slots.take(account(of), &format!("{of}-{host}"), 4);
            }
        };
        fill(&mut slots, 1);
        assert_eq!((slots.free(account(1), "a"), slots.free(account(2), "a")), (0, 4));
        assert_eq!(slots.free(account(2), "1-0"), 0, "the host has as much as it may");
        for other in 2..=8 {
            fill(&mut slots, other);
        }
        assert_eq!(slots.free(account(9), "a"), 0, "no slot is left");
        slots.give_back(account(1), "1-0", 1);
        assert_eq!((slots.free(account(1), "a"), slots.free(account(9), "1-0")), (1, 1));
        slots.give_back(account(1), "1-0", 3);
        assert_eq!(slots.to_host.get("1-0"), None);
    }

    #[test]
    fn a_host_that_answers_late_is_not_waited_for() {
        let mut sending = Sending::new();
        let (start, account) = (Instant::now(), AccountId(1));
        for _ in 0..SENT.to_host {
            assert!(sending.has_room(account, "a:80") && !sending.is_late("a:80", start + SLOW * 2));
            sending.begin(account, "a:80", start);
        }
        assert!(!sending.has_room(account, "a:80") && !sending.is_late("a:80", start));
        assert!(sending.is_late("a:80", start + SLOW * 2));
        assert!(sending.has_room(account, "b:80"));
        for _ in 0..SENT.to_host {
            sending.end(account, "a:80", start);
        }
        assert!(sending.has_room(account, "a:80") && sending.began.is_empty());
    }
}
