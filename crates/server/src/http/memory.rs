//! Budgets for memory that clients can make us hold. It is reserved before it is used (decision 72).

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// The rest of a memory budget.
#[derive(Debug)]
pub(crate) struct Budget {
    left: AtomicUsize,
}

/// A reservation, returned on drop.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(bytes) })
    }

    /// Reserves bytes, if enough are left.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: usize) -> Option<Reservation> {
        let mut reservation = Reservation { budget: self.clone(), bytes: 0 };
        reservation.grow(bytes).then_some(reservation)
    }
}

impl Reservation {
    /// Reserves more; false if not enough is left.
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

/// The budgets of a reservation: the one for all, and the account's own, where there are such.
pub(crate) type Budgets<'a> = [Option<&'a Arc<Budget>>; 2];

/// Reserves bytes in each budget, if enough are left.
pub(crate) fn reserve(budgets: Budgets<'_>, bytes: usize) -> Option<Vec<Reservation>> {
    budgets.into_iter().flatten().map(|budget| budget.reserve(bytes)).collect()
}

/// The memory that the allocator uses for a buffer: it has four sizes between a power of two and the next.
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
