//! Slows down those who guess passwords: after some failures each attempt of an address, and then each at a person's name,
//! waits before it is looked at. Nobody is locked out: who knows the password gets in after half a minute at most.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    time::{Duration, Instant},
};

use billhook_store::AccountId;
use billhook_wire::signature;
use parking_lot::Mutex;
use quick_cache::sync::Cache;

use crate::gate::network::Network;

/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// Failures that cost nothing: of an address, and at a name. Others may fail at a name as well.
const FREE_OF_ADDRESS: u32 = 3;
const FREE_OF_NAME: u32 = 10;
/// After so long without another failure all is forgotten.
const FORGET: Duration = Duration::from_mins(15);
/// How many addresses and names are remembered.
const REMEMBERED: usize = 20_000;
/// As many attempts may wait at once, in all and of one address.
const WAITING_MAX: u32 = 1024;
const WAITING_OF_ADDRESS: u32 = 4;

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

/// Who has failed, and who is waiting.
pub(crate) struct Slowdown {
    /// By account too: who signs in to an account of his own has not shown anything to the others.
    addresses: Cache<(AccountId, Network), Failures>,
    names: Cache<Name, Failures>,
    waiting: Mutex<HashMap<Network, u32>>,
}

impl Default for Slowdown {
    fn default() -> Self {
        Self { addresses: Cache::new(REMEMBERED), names: Cache::new(REMEMBERED), waiting: Mutex::default() }
    }
}

/// What is remembered of a name: its digest, since a stranger's name may be as long as a form.
type Name = (AccountId, String);

/// An attempt to sign in.
pub(crate) struct Attempt<'a> {
    slowdown: &'a Slowdown,
    network: Network,
    name: Name,
}

impl Slowdown {
    /// Waits as long as an attempt has to; none where too many wait already.
    pub(crate) async fn attempt(
        &self,
        address: IpAddr,
        account: AccountId,
        name: &str,
    ) -> Option<Attempt<'_>> {
        let network = Network::of(address);
        let attempt = {
            let mut waiting = self.waiting.lock();
            let all: u32 = waiting.values().sum();
            let of_address = waiting.entry(network).or_default();
            if *of_address >= WAITING_OF_ADDRESS || all >= WAITING_MAX {
                return None;
            }
            *of_address += 1;
            Attempt { slowdown: self, network, name: remembered(account, name) }
        };
        let wait = wait(self.addresses.get(&(account, network)), FREE_OF_ADDRESS)
            .max(wait(self.names.get(&attempt.name), FREE_OF_NAME));
        tokio::time::sleep(wait).await;
        Some(attempt)
    }
}

impl Attempt<'_> {
    /// It failed.
    pub(crate) fn failed(&self) {
        count(&self.slowdown.addresses, &(self.name.0, self.network));
        count(&self.slowdown.names, &self.name);
    }

    /// It succeeded: the address has shown that it knows a password. At the name others may still be guessing.
    pub(crate) fn succeeded(&self) {
        self.slowdown.addresses.remove(&(self.name.0, self.network));
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut waiting = self.slowdown.waiting.lock();
        if let Some(count) = waiting.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.network);
            }
        }
    }
}

fn remembered(account: AccountId, name: &str) -> Name {
    (account, signature::sha256(name.as_bytes()))
}

fn count<K: Hash + Eq + Clone>(failures: &Cache<K, Failures>, of: &K) {
    let now = Instant::now();
    let before =
        failures.get(of).filter(|before| before.last.elapsed() < FORGET).map_or(0, |before| before.count);
    failures.insert(of.clone(), Failures { count: before.saturating_add(1), last: now });
}

/// A second after the first failure that is not free, then twice as long each time.
fn wait(failures: Option<Failures>, free: u32) -> Duration {
    match failures {
        Some(Failures { count, last }) if count >= free && last.elapsed() < FORGET => {
            Duration::from_secs(1 << (count - free).min(5)).min(WAIT_MAX)
        }
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

    async fn waits(slowdown: &Slowdown, address: IpAddr, account: i64, name: &str) -> u64 {
        let began = tokio::time::Instant::now();
        drop(slowdown.attempt(address, AccountId(account), name).await.unwrap());
        began.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn failures_slow_down_and_lock_nobody_out() {
        let slowdown = Slowdown::default();
        for _ in 0..1000 {
            count(&slowdown.addresses, &(AccountId(1), Network::of(HERE)));
            count(&slowdown.names, &remembered(AccountId(1), "owner"));
        }
        assert_eq!(waits(&slowdown, HERE, 1, "owner").await, 30);
        assert_eq!(waits(&slowdown, HERE, 1, "somebody else").await, 30);
        assert_eq!(waits(&slowdown, THERE, 1, "owner").await, 30);
        assert_eq!(waits(&slowdown, THERE, 1, "somebody else").await, 0);
        slowdown.attempt(HERE, AccountId(2), "own").await.unwrap().succeeded();
        assert_eq!(waits(&slowdown, HERE, 1, "somebody else").await, 30, "his own account is another matter");
        slowdown.attempt(HERE, AccountId(1), "owner").await.unwrap().succeeded();
        assert_eq!(waits(&slowdown, HERE, 1, "somebody else").await, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_does_not_fill_the_waiting_room() {
        let slowdown = Slowdown::default();
        let mut waiting = Vec::new();
        for _ in 0..WAITING_OF_ADDRESS {
            waiting.push(slowdown.attempt(HERE, AccountId(1), "owner").await.unwrap());
        }
        assert!(slowdown.attempt(HERE, AccountId(1), "owner").await.is_none());
        assert!(slowdown.attempt(THERE, AccountId(1), "owner").await.is_some());
        waiting.clear();
        assert!(slowdown.attempt(HERE, AccountId(1), "owner").await.is_some());
    }

    #[test]
    fn the_wait_doubles() {
        let after = |count| wait(Some(Failures { count, last: Instant::now() }), FREE_OF_ADDRESS).as_secs();
        assert_eq!([2, 3, 4, 5, 6, 7, 8, 9].map(after), [0, 1, 2, 4, 8, 16, 30, 30]);
    }
}
