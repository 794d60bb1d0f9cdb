//! Memory that strangers can make us hold: each kind has a budget, and what is held takes its part of it first (decision 72).

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// What is left of some memory.
#[derive(Debug)]
pub(crate) struct Budget {
    left: AtomicUsize,
}

/// A part that is taken of a budget, and goes back when it is dropped.
#[derive(Debug)]
pub(crate) struct Part {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    /// A budget of so many bytes.
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(bytes) })
    }

    /// Takes so many bytes, if they are left.
    pub(crate) fn take(self: &Arc<Self>, bytes: usize) -> Option<Part> {
        let mut part = Part { budget: self.clone(), bytes: 0 };
        part.grow(bytes).then_some(part)
    }
}

impl Part {
    /// Takes more; whether that was left.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let enough = self.budget.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(bytes)).is_ok();
        if enough {
            self.bytes += bytes;
        }
        enough
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.bytes, Relaxed);
    }
}

/// What something is taken of: the memory for all, and for the one whose it is, where that counts.
pub(crate) type Budgets<'a> = [Option<&'a Arc<Budget>>; 2];

/// Takes so many bytes of each, if they are left.
pub(crate) fn take(budgets: Budgets<'_>, bytes: usize) -> Option<Vec<Part>> {
    budgets.into_iter().flatten().map(|budget| budget.take(bytes)).collect()
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
        let mut first = budget.take(60).unwrap();
        assert!(budget.take(60).is_none());
        let second = budget.take(30).unwrap();
        assert!(first.grow(10) && !first.grow(1));
        drop(first);
        assert!(budget.take(71).is_none());
        assert!(budget.take(70).is_some());
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
