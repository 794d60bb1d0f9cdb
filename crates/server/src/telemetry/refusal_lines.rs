//! Limits the log lines about refused calls, per network and second; the rest is only counted. So nobody can
//! fill the operator's disk, or hide something among many lines.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::gate::network::Network;

/// The maximum number of lines per network and second.
const LINES_PER_SECOND: u64 = 100;
/// How many networks are tracked. Further ones get no lines in that second, and are counted together.
const NETWORKS_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<Second>);

#[derive(Debug, Default)]
struct Second {
    begun: Option<Instant>,
    /// The number of refused calls of each network, and one of its addresses.
    by_network: HashMap<Network, (u64, IpAddr)>,
    beyond: u64,
}

/// Refused calls without a line.
#[derive(Debug, PartialEq, Eq)]
struct LeftOut {
    /// `None` for the networks that were not tracked.
    caller: Option<IpAddr>,
    lines: u64,
}

impl Refusals {
    /// Counts a refused call. Whether it gets a line.
    pub(crate) fn has_line(&self, caller: IpAddr) -> bool {
        let (has_line, left_out) = self.count(caller, Instant::now());
        report(left_out);
        has_line
    }

    /// Reports the calls without a line, once the second is over.
    pub(crate) fn report_left_out(&self) {
        report(self.0.lock().end(Instant::now()));
    }

    fn count(&self, caller: IpAddr, now: Instant) -> (bool, Vec<LeftOut>) {
        let mut second = self.0.lock();
        let left_out = second.end(now);
        second.begun.get_or_insert(now);
        let network = Network::of(caller);
        if second.by_network.len() >= NETWORKS_MAX && !second.by_network.contains_key(&network) {
            second.beyond += 1;
            return (false, left_out);
        }
        let (count, _) = second.by_network.entry(network).or_insert((0, caller));
        *count += 1;
        (*count <= LINES_PER_SECOND, left_out)
    }
}

impl Second {
    /// Starts a new second if the old one is over, and returns the calls without a line.
    fn end(&mut self, now: Instant) -> Vec<LeftOut> {
        if self.begun.is_none_or(|begun| now.duration_since(begun) < Duration::from_secs(1)) {
            return Vec::new();
        }
        let Self { by_network, beyond, .. } = std::mem::take(self);
        let beyond = Some(LeftOut { caller: None, lines: beyond }).filter(|beyond| beyond.lines > 0);
        let too_many = by_network.into_values().filter(|(count, _)| *count > LINES_PER_SECOND);
        too_many
            .map(|(count, caller)| LeftOut { caller: Some(caller), lines: count - LINES_PER_SECOND })
            .chain(beyond)
            .collect()
    }
}

fn report(left_out: Vec<LeftOut>) {
    for LeftOut { caller, lines } in left_out {
        let caller = caller.map_or("others".to_owned(), |caller| caller.to_string());
        tracing::warn!(caller, lines, "calls were refused within a second and have no line of their own");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_a_hundred_lines_a_second_and_then_a_number() {
        let refusals = Refusals::default();
        let [one, neighbour, other]: [IpAddr; 3] =
            ["2001:db8::1", "2001:db8::2", "192.0.2.1"].map(|address| address.parse().unwrap());
        let start = Instant::now();
        let told = |caller, ms| refusals.count(caller, start + Duration::from_millis(ms));
        for _ in 0..50 {
            assert_eq!((told(one, 0), told(neighbour, 999)), ((true, vec![]), (true, vec![])));
        }
        assert_eq!((told(one, 500), told(neighbour, 500)), ((false, vec![]), (false, vec![])));
        assert_eq!(told(other, 999), (true, vec![]));
        let left_out = LeftOut { caller: Some(one), lines: 2 };
        assert_eq!(told(one, 1000), (true, vec![left_out]));
        assert_eq!(told(one, 3000), (true, vec![]));
    }

    #[test]
    fn so_many_networks_are_told_apart_and_no_more() {
        let refusals = Refusals::default();
        let start = Instant::now();
        let networks = u32::try_from(NETWORKS_MAX).unwrap();
        let told = |number: u32, now| refusals.count(IpAddr::V4(number.into()), now);
        assert!((0..networks).all(|number| told(number, start).0));
        assert!(!told(networks, start).0 && told(0, start).0);
        let left_out = LeftOut { caller: None, lines: 1 };
        assert_eq!(told(networks, start + Duration::from_secs(1)), (true, vec![left_out]));
    }
}
