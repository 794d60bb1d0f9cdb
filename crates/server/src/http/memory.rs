//! Memory that strangers can make us hold: each kind has a budget, and what is held is reserved first (decision 72).

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// What is left of some memory.
#[derive(Debug)]
pub(crate) struct Budget {
    left: AtomicUsize,
}

/// What is reserved of a budget; it goes back when this is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    /// A budget of so many bytes.
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(bytes) })
    }

    /// Reserves so many bytes, if they are left.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: usize) -> Option<Reservation> {
        let mut reservation = Reservation { budget: self.clone(), bytes: 0 };
        reservation.grow(bytes).then_some(reservation)
    }
}

impl Reservation {
    /// Reserves more; whether that was left.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let enough = self.budget.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(bytes)).is_ok();
        if enough {
            self.bytes += bytes;
        }
        enough
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.bytes, Relaxed);
    }
}

/// What a reservation is made in: the memory for all, and for the one whose it is, where that counts.
pub(crate) type Budgets<'a> = [Option<&'a Arc<Budget>>; 2];

/// Reserves so many bytes in each, if they are left.
pub(crate) fn reserve(budgets: Budgets<'_>, bytes: usize) -> Option<Vec<Reservation>> {
    budgets.into_iter().flatten().map(|budget| budget.reserve(bytes)).collect()
}

/// What the allocator takes for a buffer of so many bytes: it has four sizes between a power of two and the next.
pub(crate) fn allocated(bytes: usize) -> usize {
    bytes.next_multiple_of((bytes.next_power_of_two() / 8).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_given_back() {
        let budget = Budget::new(100);
        let mut first = budget.reserve(60).unwrap();
        assert!(budget.reserve(60).is_none());
        let second = budget.reserve(30).unwrap();
        assert!(first.grow(10) && !first.grow(1));
        drop(first);
        assert!(budget.reserve(71).is_none());
        assert!(budget.reserve(70).is_some());
        drop(second);
        assert_eq!(budget.left.load(Relaxed), 100);
    }

    #[test]
    fn a_buffer_takes_the_next_size_of_the_allocator() {
        for (bytes, taken) in
            [(0, 0), (1, 1), (8, 8), (9, 10), (4097, 5120), (5120, 5120), (65_536, 65_536), (65_537, 81_920)]
        {
            assert_eq!(allocated(bytes), taken, "{bytes}");
        }
    }
}
