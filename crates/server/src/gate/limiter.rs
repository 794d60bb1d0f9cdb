//! The rate limit of each address for each account (decision 68, code 8).

use std::{net::IpAddr, num::NonZeroU32};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    nanos::Nanos,
    state::{
        InMemoryState, NotKeyed, StateStore,
        keyed::{HashMapStateStore, ShrinkableKeyedStateStore},
    },
};

use crate::gate::network::Network;

/// How many networks an account's limiter tracks. Further networks share one allowance.
const NETWORKS_MAX: usize = 10_000;

/// One account's limit, counted for each caller's network.
///
/// The callers are in one map behind a lock. A sharded map would take hundreds of megabytes for thousands of
/// accounts on a machine with many cores.
#[derive(Debug)]
pub(crate) struct Limiter {
    per_minute: NonZeroU32,
    callers: RateLimiter<Network, Callers, DefaultClock>,
    clock: DefaultClock,
}

#[derive(Debug, Default)]
struct Callers {
    known: HashMapStateStore<Network>,
    others: InMemoryState,
}

impl StateStore for Callers {
    type Key = Network;

    fn measure_and_replace<T, F, E>(&self, network: &Network, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let is_full = {
            let known = self.known.lock();
            known.len() >= NETWORKS_MAX && !known.contains_key(network)
        };
        if is_full {
            self.others.measure_and_replace(&NotKeyed::NonKey, measure)
        } else {
            self.known.measure_and_replace(network, measure)
        }
    }
}

impl ShrinkableKeyedStateStore<Network> for Callers {
    fn retain_recent(&self, drop_below: Nanos) {
        self.known.retain_recent(drop_below);
    }

    fn shrink_to_fit(&self) {
        self.known.shrink_to_fit();
    }

    fn len(&self) -> usize {
        self.known.len()
    }

    fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

impl Limiter {
    /// A limit of requests per minute, which may all come at once; 0 is no limit.
    pub(crate) fn new(per_minute: u32) -> Option<Self> {
        let per_minute = NonZeroU32::new(per_minute)?;
        let clock = DefaultClock::default();
        let callers = RateLimiter::new(Quota::per_minute(per_minute), Callers::default(), clock.clone());
        Some(Self { per_minute, callers, clock })
    }

    pub(crate) fn per_minute(&self) -> u32 {
        self.per_minute.get()
    }

    /// Counts a request. `Err` has the seconds until the next one is allowed, at least 1.
    pub(crate) fn count(&self, caller: IpAddr) -> Result<(), u64> {
        self.callers.check_key(&Network::of(caller)).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            wait.as_secs() + u64::from(wait.subsec_nanos() > 0 || wait.is_zero())
        })
    }

    /// Forgets callers whose allowance is full again. Call it every few seconds.
    pub(crate) fn forget_rested(&self) {
        self.callers.retain_recent();
        self.callers.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_allowance() {
        assert!(Limiter::new(0).is_none());
        let limiter = Limiter::new(2).unwrap();
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert_eq!(limiter.count(one), Ok(()));
        assert_eq!(limiter.count(one), Ok(()));
        let wait = limiter.count(one).unwrap_err();
        assert!((29..=30).contains(&wait), "{wait}");
        assert_eq!(limiter.count(other), Ok(()));
    }

    #[test]
    fn an_ipv6_network_has_one_allowance() {
        let limiter = Limiter::new(1).unwrap();
        let count = |caller: &str| limiter.count(caller.parse().unwrap()).is_ok();
        assert!(count("2001:db8::1") && !count("2001:db8::2") && count("2001:db8:0:1::1"));
    }

    #[test]
    fn so_many_networks_are_told_apart_and_the_others_share() {
        let limiter = Limiter::new(1).unwrap();
        let networks = u32::try_from(NETWORKS_MAX).unwrap();
        let count = |number: u32| limiter.count(IpAddr::V4(number.into())).is_ok();
        assert!((0..networks).all(count));
        assert!(count(networks) && !count(networks + 1) && !count(0));
        assert_eq!(limiter.callers.len(), NETWORKS_MAX);
    }

    #[test]
    fn rested_callers_are_forgotten() {
        let limiter = Limiter::new(u32::MAX).unwrap();
        limiter.count("192.0.2.1".parse().unwrap()).unwrap();
        let busy = Limiter::new(1).unwrap();
        busy.count("192.0.2.1".parse().unwrap()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(5));
        limiter.forget_rested();
        busy.forget_rested();
        assert_eq!((limiter.callers.len(), busy.callers.len()), (0, 1));
    }
}
