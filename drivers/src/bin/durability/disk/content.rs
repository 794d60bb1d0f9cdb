//! A file's bytes: as readers see them, as they are on disk, and the changes between.

use rand::{RngExt as _, rngs::StdRng};

/// A change that is not synced.
#[derive(Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Size(usize),
}

/// The largest sector, the unit that a disk writes atomically.
const SECTOR_BYTES: usize = 4096;
const SMALL_SECTOR_BYTES: usize = 512;

/// A file's content.
#[derive(Clone, Default)]
pub(super) struct Content {
    live: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

/// What a power cut keeps of a file's unsynced changes.
#[derive(Clone, Copy)]
enum Left {
    Nothing,
    Everything,
    /// All changes before one of them, and a part of that one.
    First,
    /// Of each change a part, all, or nothing.
    Some,
}

impl Content {
    pub(super) fn len(&self) -> usize {
        self.live.len()
    }

    pub(super) fn read(&self, at: usize, bytes: usize) -> &[u8] {
        let end = at.saturating_add(bytes).min(self.live.len());
        self.live.get(at..end).unwrap_or_default()
    }

    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) {
        put(&mut self.live, at, bytes);
        self.unsynced.push(Change::Write { at, bytes: bytes.to_vec() });
    }

    pub(super) fn set_len(&mut self, bytes: usize) {
        self.live.resize(bytes, 0);
        self.unsynced.push(Change::Size(bytes));
    }

    pub(super) fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// Does what Linux does after a failed sync: the unwritten data counts as written, and readers see it
    /// while it is in memory. No later sync writes it.
    pub(super) fn fail_sync(&mut self) {
        self.unsynced.clear();
    }

    /// Applies a power cut: what it keeps is the new content.
    pub(super) fn lose(&mut self, dice: &mut StdRng) {
        let left = match dice.random_range(0..6) {
            0 => Left::Nothing,
            1 => Left::Everything,
            2 | 3 => Left::First,
            _ => Left::Some,
        };
        let sector = if dice.random_bool(0.5) { SMALL_SECTOR_BYTES } else { SECTOR_BYTES };
        let changes = std::mem::take(&mut self.unsynced);
        let last = dice.random_range(0..=changes.len());
        for (at, change) in changes.into_iter().enumerate() {
            match left {
                Left::Everything => change.apply(&mut self.durable),
                Left::First if at < last => change.apply(&mut self.durable),
                Left::First if at == last => change.apply_some(&mut self.durable, sector, dice),
                Left::Some if dice.random_bool(0.4) => change.apply(&mut self.durable),
                Left::Some if dice.random_bool(0.5) => change.apply_some(&mut self.durable, sector, dice),
                _ => {}
            }
        }
        self.live.clone_from(&self.durable);
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => put(content, *at, bytes),
            Self::Size(bytes) => content.resize(*bytes, 0),
        }
    }

    /// Writes some of the sectors that it touches.
    fn apply_some(&self, content: &mut Vec<u8>, sector: usize, dice: &mut StdRng) {
        let Self::Write { at, bytes } = self else { return };
        let (mut at, mut bytes) = (*at, bytes.as_slice());
        while !bytes.is_empty() {
            let (piece, rest) = bytes.split_at((sector - at % sector).min(bytes.len()));
            if dice.random_bool(0.5) {
                put(content, at, piece);
            }
            at += piece.len();
            bytes = rest;
        }
    }
}

fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    if let Some(place) = content.get_mut(at..end) {
        place.copy_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn what_is_synced_survives_and_what_is_not_may() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let mut dice = StdRng::seed_from_u64(seed);
            let mut content = Content::default();
            content.write(0, &[1; 1024]);
            content.sync();
            content.write(0, &[2; 1024]);
            content.write(1024, &[3; 512]);
            assert_eq!(content.read(0, 4096), [[2; 512], [2; 512], [3; 512]].concat());
            content.lose(&mut dice);
            let found: Vec<u8> = content.live.chunks(512).map(|sector| sector[0]).collect();
            assert!(content.live.chunks(512).all(|sector| sector.iter().all(|byte| *byte == sector[0])));
            seen.insert(found);
        }
        for left in [&[1, 1][..], &[2, 2, 3], &[1, 2], &[2, 1], &[1, 1, 3], &[2, 2]] {
            assert!(seen.contains(left), "{left:?} is not among {seen:?}");
        }
    }

    #[test]
    fn what_a_failed_sync_dropped_is_seen_and_never_written() {
        let mut content = Content::default();
        content.write(0, b"lost");
        content.fail_sync();
        content.write(4, b"kept");
        content.sync();
        assert_eq!(content.read(0, 8), b"lostkept");
        content.lose(&mut StdRng::seed_from_u64(1));
        assert_eq!(content.read(0, 8), b"\0\0\0\0kept");
    }
}
