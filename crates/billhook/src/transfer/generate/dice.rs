//! Random draws that are the same on every machine and in every version.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

/// The random stream of one thing.
pub(super) struct Dice(ChaCha8Rng);

/// The thing that a stream belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    Order(u64),
    Customer(u64),
    Product(u64),
}

impl Dice {
    pub(super) fn new(seed: u64, stream: Stream) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(match stream {
            Stream::Order(index) => index,
            Stream::Customer(index) => index | 1 << 63,
            Stream::Product(index) => index | 1 << 62,
        });
        Self(rng)
    }

    /// A number from 0 to `end` - 1. rand's own ranges may change with its version.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        let product = u128::from(self.0.next_u64()) * u128::from(end);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<'w>(&mut self, words: &[&'w str]) -> &'w str {
        let place = usize::try_from(self.below(words.len() as u64)).unwrap_or(0);
        words.get(place).copied().unwrap_or("")
    }
}
