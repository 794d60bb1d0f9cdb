//! Numbers that tell apart what counted numbers can't.
//!
//! A database that was restored, or that failed over to a standby that was behind, gives counted numbers once more, to other
//! things. What is remembered by such a number must not be taken for the new thing: so a part of it is random.

use std::hash::{BuildHasher as _, RandomState};

/// A random number of this many bits. Not for secrets.
pub(crate) fn number(bits: u32) -> i64 {
    let drawn = RandomState::new().hash_one(bits);
    i64::try_from(drawn >> (64 - bits.clamp(1, 63))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_fill_their_bits_and_differ() {
        let drawn: std::collections::HashSet<i64> = (0..1000).map(|_| super::number(40)).collect();
        assert!(drawn.len() > 990, "{}", drawn.len());
        assert!(drawn.iter().all(|number| (0..1 << 40).contains(number)));
        assert!(drawn.iter().any(|number| *number >= 1 << 39));
    }
}
