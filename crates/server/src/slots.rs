//! How many connections may be open: in all, and from one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;

/// The places for connections.
#[derive(Debug)]
pub(crate) struct Slots {
    max: usize,
    max_per_address: usize,
    taken: Mutex<Taken>,
    all_free: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// The place of one connection; free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Arc<Slots>,
    counted: Option<IpAddr>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// All are taken.
    All,
    /// This address has its share.
    Address,
}

impl Slots {
    /// So many places.
    pub(crate) fn new(max: usize, max_per_address: usize) -> Arc<Self> {
        Arc::new(Self { max, max_per_address, taken: Mutex::default(), all_free: Notify::new() })
    }

    /// Takes a place. `address` is none for a peer whose connections are not its own, such as a proxy.
    pub(crate) fn take(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Slot, Full> {
        let mut taken = self.lock();
        if taken.all >= self.max {
            return Err(Full::All);
        }
        if let Some(address) = address {
            let of_address = taken.by_address.entry(address).or_default();
            if *of_address >= self.max_per_address {
                return Err(Full::Address);
            }
            *of_address += 1;
        }
        taken.all += 1;
        Ok(Slot { slots: self.clone(), counted: address })
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.lock().all
    }

    /// Waits until none is taken.
    pub(crate) async fn all_free(&self) {
        loop {
            let freed = self.all_free.notified();
            if self.taken() == 0 {
                return;
            }
            freed.await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.lock();
        taken.all -= 1;
        if let Some(address) = self.counted
            && let Some(of_address) = taken.by_address.get_mut(&address)
        {
            *of_address -= 1;
            if *of_address == 0 {
                taken.by_address.remove(&address);
            }
        }
        if taken.all == 0 {
            self.slots.all_free.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_all_and_by_address() {
        let slots = Slots::new(3, 2);
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let first = slots.take(Some(one)).unwrap();
        let second = slots.take(Some(one)).unwrap();
        assert_eq!(slots.take(Some(one)).err(), Some(Full::Address));
        let proxy = slots.take(None).unwrap();
        assert_eq!(slots.take(None).err(), Some(Full::All));
        drop((second, proxy));
        assert!(slots.take(Some(one)).is_ok());
        assert_eq!(slots.taken(), 1);
        drop(first);
        assert_eq!(slots.taken(), 0);
        assert!(slots.lock().by_address.is_empty());
    }
}
