//! Limits of open connections, in all and per network. Also what the connections of a network share: the
//! number that may use HTTP/2, and the memory for heads and bodies.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{gate::network::Network, http::memory::Budget};

/// The maximum number of HTTP/2 connections per network; more are offered HTTP/1.1. Besides counted memory,
/// each can make hyper hold 2 MiB, since each of the 124 entries of its field table keeps a whole buffer.
const HTTP2_MAX: usize = 32;
/// The memory for one network's requests, beyond what each connection may hold itself.
const NETWORK_BYTES: usize = 32 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Permits {
    max: usize,
    max_per_network: usize,
    taken: Mutex<Taken>,
    all_free: Notify,
}

/// Every network here has a connection, so there are at most as many as permits.
#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_network: HashMap<Network, Share>,
}

/// The state of a network.
#[derive(Debug)]
struct Share {
    connections: usize,
    http2: usize,
    memory: Arc<Budget>,
}

/// A connection's permit, returned on drop.
#[derive(Debug)]
pub(crate) struct Permit {
    permits: Arc<Permits>,
    counted: Option<Network>,
    memory: Option<Arc<Budget>>,
    http2: bool,
}

/// Why there is no permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    All,
    Network,
}

impl Permits {
    pub(crate) fn new(max: usize, max_per_network: usize) -> Arc<Self> {
        Arc::new(Self { max, max_per_network, taken: Mutex::default(), all_free: Notify::new() })
    }

    /// Takes a permit. `address` is `None` for a peer that carries others' connections, such as a proxy.
    pub(crate) fn take(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Permit, Full> {
        let counted = address.map(Network::of);
        let mut taken = self.taken.lock();
        if taken.all >= self.max {
            return Err(Full::All);
        }
        let mut memory = None;
        if let Some(network) = counted {
            let share = taken.by_network.entry(network).or_insert_with(|| Share {
                connections: 0,
                http2: 0,
                memory: Budget::new(NETWORK_BYTES),
            });
            if share.connections >= self.max_per_network {
                return Err(Full::Network);
            }
            share.connections += 1;
            memory = Some(share.memory.clone());
        }
        taken.all += 1;
        Ok(Permit { permits: self.clone(), counted, memory, http2: false })
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken.lock().all
    }

    /// Waits until no permit is in use.
    pub(crate) async fn all_free(&self) {
        loop {
            let freed = self.all_free.notified();
            if self.taken() == 0 {
                return;
            }
            freed.await;
        }
    }
}

impl Permit {
    /// The memory for the network's requests; `None` if it is not counted.
    pub(crate) fn memory(&self) -> Option<Arc<Budget>> {
        self.memory.clone()
    }

    /// Takes one for HTTP/2, if the network has one left.
    pub(crate) fn take_http2(&mut self) -> bool {
        let Some(network) = self.counted else { return true };
        let mut taken = self.permits.taken.lock();
        let share = taken.by_network.get_mut(&network).filter(|share| share.http2 < HTTP2_MAX);
        self.http2 = share.map(|share| share.http2 += 1).is_some();
        self.http2
    }

    /// Returns the HTTP/2 permit, because the client chose another protocol.
    pub(crate) fn leave_http2(&mut self) {
        if std::mem::take(&mut self.http2)
            && let Some(network) = self.counted
            && let Some(share) = self.permits.taken.lock().by_network.get_mut(&network)
        {
            share.http2 -= 1;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.leave_http2();
        let mut taken = self.permits.taken.lock();
        taken.all -= 1;
        if let Some(network) = self.counted
            && let Some(share) = taken.by_network.get_mut(&network)
        {
            share.connections -= 1;
            if share.connections == 0 {
                taken.by_network.remove(&network);
            }
        }
        if taken.all == 0 {
            self.permits.all_free.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn connections_are_counted_in_all_and_by_network() {
        let permits = Permits::new(3, 2);
        let first = permits.take(Some(ONE)).unwrap();
        let second = permits.take(Some(ONE)).unwrap();
        assert_eq!(permits.take(Some(ONE)).err(), Some(Full::Network));
        let proxy = permits.take(None).unwrap();
        assert_eq!(permits.take(None).err(), Some(Full::All));
        drop((second, proxy));
        assert!(permits.take(Some(ONE)).is_ok());
        assert_eq!(permits.taken(), 1);
        drop(first);
        assert_eq!(permits.taken(), 0);
        assert!(permits.taken.lock().by_network.is_empty());
    }

    #[test]
    fn addresses_of_one_ipv6_network_have_one_share() {
        let permits = Permits::new(9, 1);
        let [one, neighbour, other]: [IpAddr; 3] = ["2001:db8::1", "2001:db8::ffff:0:0:1", "2001:db8:0:1::1"]
            .map(|address| address.parse().unwrap());
        let held = permits.take(Some(one)).unwrap();
        assert_eq!(permits.take(Some(neighbour)).err(), Some(Full::Network));
        let elsewhere = permits.take(Some(other)).unwrap();
        assert!(held.memory().unwrap().reserve(NETWORK_BYTES).is_some());
        assert!(!Arc::ptr_eq(&held.memory().unwrap(), &elsewhere.memory().unwrap()));
    }

    #[test]
    fn http_2_is_counted_apart() {
        let permits = Permits::new(100, 100);
        let mut held: Vec<_> = (0..=HTTP2_MAX).map(|_| permits.take(Some(ONE)).unwrap()).collect();
        let spoken: Vec<_> = held.iter_mut().map(Permit::take_http2).collect();
        assert_eq!(spoken.iter().filter(|spoken| **spoken).count(), HTTP2_MAX);
        let mut late = held.pop().unwrap();
        held[0].leave_http2();
        assert!(late.take_http2() && !held[0].take_http2());
        drop(late);
        assert!(held[0].take_http2());
        let mut proxy = permits.take(None).unwrap();
        assert!(proxy.take_http2() && proxy.memory().is_none());
        drop((held, proxy));
        assert!(permits.taken.lock().by_network.is_empty());
    }
}
