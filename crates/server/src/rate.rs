//! How often one address may call one account (decision 68, code 8).

use std::{net::IpAddr, num::NonZeroU32};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    state::keyed::HashMapStateStore,
};

/// One account's limit, kept for each caller's address.
///
/// The callers stand in one map behind a lock: a map that is spread over many locks would take, for thousands of accounts on a
/// machine with many cores, hundreds of megabytes.
#[derive(Debug)]
pub(crate) struct Limit {
    per_minute: NonZeroU32,
    callers: RateLimiter<IpAddr, HashMapStateStore<IpAddr>, DefaultClock>,
    clock: DefaultClock,
}

impl Limit {
    /// A limit of so many requests a minute, all of which may come at once; 0 is no limit.
    pub(crate) fn new(per_minute: u32) -> Option<Self> {
        let per_minute = NonZeroU32::new(per_minute)?;
        let clock = DefaultClock::default();
        let callers = RateLimiter::hashmap_with_clock(Quota::per_minute(per_minute), clock.clone());
        Some(Self { per_minute, callers, clock })
    }

    /// How many requests a minute it allows.
    pub(crate) fn per_minute(&self) -> u32 {
        self.per_minute.get()
    }

    /// Counts a request. `Err` has the seconds after which the next one is allowed, at least 1.
    pub(crate) fn count(&self, caller: IpAddr) -> Result<(), u64> {
        self.callers.check_key(&caller).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            wait.as_secs() + u64::from(wait.subsec_nanos() > 0 || wait.is_zero())
        })
    }

    /// Forgets the callers that have their whole allowance again: to be called every few seconds, which bounds the memory by
    /// what can arrive within the minute.
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
        assert!(Limit::new(0).is_none());
        let limit = Limit::new(2).unwrap();
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert_eq!(limit.count(one), Ok(()));
        assert_eq!(limit.count(one), Ok(()));
        let wait = limit.count(one).unwrap_err();
        assert!((29..=30).contains(&wait), "{wait}");
        assert_eq!(limit.count(other), Ok(()));
    }

    #[test]
    fn rested_callers_are_forgotten() {
        let limit = Limit::new(u32::MAX).unwrap();
        limit.count("192.0.2.1".parse().unwrap()).unwrap();
        let busy = Limit::new(1).unwrap();
        busy.count("192.0.2.1".parse().unwrap()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(5));
        limit.forget_rested();
        busy.forget_rested();
        assert_eq!((limit.callers.len(), busy.callers.len()), (0, 1));
    }
}
