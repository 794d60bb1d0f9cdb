//! SQLite's logs, damaged and torn in every way.

use std::{cell::Cell, fs, os::unix::fs::FileExt as _, path::Path};

use proptest::{prelude::*, test_runner::TestRunner};
use rusqlite::Connection;

use super::*;

fn store_in(place: &Path) -> Connection {
    let connection = Connection::open(place.join("store.db")).unwrap();
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(())).unwrap();
    connection
}

/// The files on disk after some transactions.
struct Left {
    store: Vec<u8>,
    log: Vec<u8>,
    /// The transaction of each frame.
    frames: Vec<usize>,
    /// The store after each transaction, once SQLite has copied the log into it.
    states: Vec<Vec<u8>>,
}

/// The store after SQLite has copied the log into it.
fn copied(store: &[u8], log: &[u8]) -> Vec<u8> {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("store.db"), store).unwrap();
    fs::write(place.path().join("store.db-wal"), log).unwrap();
    store_in(place.path()).query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    fs::read(place.path().join("store.db")).unwrap()
}

fn left(transactions: usize) -> Left {
    let place = tempfile::tempdir().unwrap();
    let connection = store_in(place.path());
    let file = |name: &str| fs::read(place.path().join(name)).unwrap();
    let (mut frames, mut states) = (Vec::new(), Vec::new());
    for transaction in 0..transactions {
        // Transactions of one page and of several; new pages, and repeated ones.
        connection
            .execute_batch(&match transaction {
                0 => "CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)".to_owned(),
                n if n % 3 == 1 => format!("INSERT INTO t VALUES ({n}, 'a')"),
                n => format!("INSERT INTO t VALUES ({n}, '{}')", "b".repeat(10_000)),
            })
            .unwrap();
        frames.resize((file("store.db-wal").len() - HEADER_BYTES) / FRAME_BYTES, transaction);
        states.push(copied(&file("store.db"), &file("store.db-wal")));
    }
    let (store, log) = (file("store.db"), file("store.db-wal"));
    Left { store, log, frames, states }
}

fn lost(log: &[u8]) -> usize {
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(log, 0).unwrap();
    left_out(&file).unwrap()
}

#[test]
fn a_changed_byte_is_found_wherever_a_transaction_stands_behind() {
    let Left { log, frames, .. } = left(9);
    assert!(frames.len() > 12 && lost(&log) == 0);
    let last = *frames.last().unwrap();
    let interesting = (0..HEADER_BYTES).chain((0..frames.len()).flat_map(|frame| {
        let at = HEADER_BYTES + frame * FRAME_BYTES;
        (at..at + FRAME_HEAD_BYTES).chain((at + FRAME_HEAD_BYTES..at + FRAME_BYTES).step_by(401))
    }));
    for place in interesting {
        let mut changed = log.clone();
        changed[place] ^= 0x81;
        let place_in_frames = place.checked_sub(HEADER_BYTES);
        let behind = place_in_frames.map_or(last, |place| last - frames[place / FRAME_BYTES]);
        // These bytes mark a transaction's last frame.
        let is_size = place_in_frames.is_some_and(|place| (4..8).contains(&(place % FRAME_BYTES)));
        let found = lost(&changed);
        assert!(found == behind || is_size && found == behind + 1, "byte {place}: {found}");
    }
}

#[test]
fn nothing_but_the_last_transaction_vanishes_unsaid() {
    let Left { store, log, states, .. } = left(16);
    let change = (0..log.len(), prop_oneof![Just(1_usize), Just(512), Just(4096)], 1_u8..);
    let found = Cell::new(0);
    let config = ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&prop::collection::vec(change, 1..4), |changes| {
            let mut changed = log.clone();
            let mut unsaid_max = 0;
            for (place, length, byte) in changes {
                // Changes one byte, or a whole sector, which may be part of two frames.
                let begin = place / length * length;
                let bytes = &mut changed[begin..(begin + length).min(log.len())];
                if length == 1 {
                    bytes[0] ^= byte;
                } else {
                    bytes.fill(byte & 1);
                }
                unsaid_max += if length == 1 { 1 } else { 2 };
            }
            if lost(&changed) > 0 {
                found.set(found.get() + 1);
                return Ok(());
            }
            let read = copied(&store, &changed);
            let unsaid = states.iter().rev().position(|state| *state == read);
            prop_assert!(unsaid.is_some_and(|unsaid| unsaid <= unsaid_max), "{unsaid:?} of {unsaid_max}");
            Ok(())
        })
        .unwrap();
    assert!(found.get() > 500, "{found:?}");
}

#[test]
fn a_zeroed_sector_is_found_too() {
    let Left { log, frames, .. } = left(9);
    let last =
        HEADER_BYTES + frames.iter().position(|frame| frame == frames.last().unwrap()).unwrap() * FRAME_BYTES;
    let is_one = |sector: &usize| sector + 512 <= last - FRAME_BYTES;
    for sector in (0..log.len()).step_by(512).filter(is_one) {
        let mut changed = log.clone();
        changed[sector..sector + 512].fill(0);
        assert!(changed == log || lost(&changed) > 0, "{sector}");
    }
    let mut changed = log.clone();
    changed[24..48].fill(0);
    assert!(lost(&changed) > 0);
}

#[test]
fn what_a_power_cut_may_leave_is_no_damage() {
    let place = tempfile::tempdir().unwrap();
    let connection = store_in(place.path());
    let log = || fs::read(place.path().join("store.db-wal")).unwrap();
    let add = |n: i64, bytes: i64| {
        connection.execute("INSERT INTO t VALUES (?1, hex(randomblob(?2)))", [n, bytes / 2]).unwrap();
    };
    connection.execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)").unwrap();
    (0..120).for_each(|n| add(n, 6000));
    connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())).unwrap();
    // After some short transactions a long one. It overwrites frames whose headers lie across two sectors.
    (300..330).for_each(|n| add(n, 100));
    let (before, begin) = (log(), HEADER_BYTES + 30 * FRAME_BYTES);
    add(400, 660_000);
    let (after, end) = (log(), HEADER_BYTES + 200 * FRAME_BYTES);
    assert!(
        before.len() == after.len() && before[..begin] == after[..begin] && before[end..] == after[end..]
    );
    assert!(lost(&before) == 0 && lost(&after) == 0);
    let mix = |is_old: &dyn Fn(usize) -> bool, bytes: usize| {
        let mut torn = after.clone();
        for sector in (begin / bytes + 1..end / bytes).filter(|sector| is_old(*sector)) {
            torn[sector * bytes..][..bytes].copy_from_slice(&before[sector * bytes..][..bytes]);
        }
        lost(&torn) == 0
    };
    for bytes in [512, 4096] {
        for frame in 31..199 {
            let head = HEADER_BYTES + frame * FRAME_BYTES;
            let (first, last) = (head / bytes, (head + FRAME_HEAD_BYTES - 1) / bytes);
            if first != last || frame % 20 == 0 {
                for one in [first, last] {
                    assert!(mix(&|sector| sector == one, bytes), "{one}");
                    assert!(mix(&|sector| sector != one, bytes), "{one}");
                    assert!(
                        mix(&|sector| sector < one, bytes) && mix(&|sector| sector >= one, bytes),
                        "{one}"
                    );
                }
            }
        }
        for stride in 2..20 {
            assert!(
                mix(&|sector| sector % stride == 0, bytes) && mix(&|sector| sector % stride != 0, bytes),
                "{stride}"
            );
        }
    }
    for length in (0..after.len()).step_by(50_021) {
        assert!(lost(&after[..length]) == 0, "{length}");
    }
}

/// A store with tables of one page each, whose log is about to restart.
fn two_tables(place: &Path) -> Connection {
    let connection = store_in(place);
    connection
        .execute_batch(
            "CREATE TABLE t (n); CREATE TABLE u (n); INSERT INTO t VALUES (0); INSERT INTO u VALUES (0)",
        )
        .unwrap();
    connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())).unwrap();
    connection
}

const BOTH: &str = "BEGIN; UPDATE t SET n = 999; UPDATE u SET n = 999; COMMIT";

#[test]
fn salts_of_another_sector_are_not_relied_upon() {
    let place = tempfile::tempdir().unwrap();
    let connection = two_tables(place.path());
    let log = || fs::read(place.path().join("store.db-wal")).unwrap();
    let update = |table: &str, n: i64| {
        connection.execute(&format!("UPDATE {table} SET n = ?1"), [n]).unwrap();
    };
    // The header of frame 62 lies across two sectors, its salts in the first.
    (1..80).for_each(|n| update(if n == 63 { "u" } else { "t" }, n));
    connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())).unwrap();
    (100..161).for_each(|n| update("t", n));
    let before = log();
    connection.execute_batch(BOTH).unwrap();
    let after = log();
    let frame = |number: usize| HEADER_BYTES + number * FRAME_BYTES;
    assert!(before[..frame(61)] == after[..frame(61)] && before[frame(63)..] == after[frame(63)..]);
    let sector = frame(62) / 512 * 512;
    assert_eq!(frame(62) - sector, 496);
    assert_eq!(before[frame(62)..][..8], after[frame(62)..][..8]);
    let mut torn = before.clone();
    torn[sector..sector + 512].copy_from_slice(&after[sector..sector + 512]);
    assert!(torn != before && lost(&torn) == 0);
}

/// A transaction over an older log's frames, cut off by a power cut or a kill: each sector is old or new.
#[test]
fn a_torn_transaction_is_never_refused() {
    let place = tempfile::tempdir().unwrap();
    let connection = store_in(place.path());
    let log = || fs::read(place.path().join("store.db-wal")).unwrap();
    let add = |n: i64, bytes: i64| {
        connection.execute("INSERT INTO t VALUES (?1, hex(randomblob(?2)))", [n, bytes / 2]).unwrap();
    };
    connection.execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)").unwrap();
    (0..14).for_each(|n| add(n, 6000));
    connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())).unwrap();
    (20..24).for_each(|n| add(n, 100));
    let before = log();
    add(30, 60_000);
    let after = log();
    assert_eq!(before.len(), after.len());
    let sectors = after.len().div_ceil(SECTOR_BYTES);
    let config = ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() };
    // Sometimes alternating, sometimes nearly all of one kind, and sometimes a truncated file.
    let cases = (prop::collection::vec(0..100, sectors), prop_oneof![Just(50), 1..100], 0..=after.len());
    TestRunner::new(config)
        .run(&cases, |(drawn, share, length)| {
            let mut torn = after.clone();
            for (sector, _) in drawn.iter().enumerate().filter(|(_, drawn)| **drawn < share) {
                let range = sector * SECTOR_BYTES..((sector + 1) * SECTOR_BYTES).min(torn.len());
                torn[range.clone()].copy_from_slice(&before[range]);
            }
            prop_assert_eq!(lost(&torn), 0);
            prop_assert_eq!(lost(&after[..length]), 0);
            Ok(())
        })
        .unwrap();
}

#[test]
fn older_frames_behind_the_end_are_no_damage() {
    let place = tempfile::tempdir().unwrap();
    let connection = store_in(place.path());
    connection.pragma_update(None, "cache_size", 5).unwrap();
    connection.execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)").unwrap();
    let add = |n: i64| {
        connection.execute("INSERT INTO t VALUES (?1, hex(randomblob(6000)))", [n]).unwrap();
    };
    (0..20).for_each(add);
    let is_sound = || lost(&fs::read(place.path().join("store.db-wal")).unwrap()) == 0;
    assert!(is_sound());
    // The log restarts, but the old frames are still there.
    connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())).unwrap();
    (20..25).for_each(add);
    assert!(is_sound());
    // Rolled back after a part was in the log; then a shorter one.
    for _ in 0..3 {
        connection.execute_batch("BEGIN").unwrap();
        (100..130).for_each(add);
        connection.execute_batch("ROLLBACK").unwrap();
        assert!(is_sound());
    }
    add(99);
    assert!(is_sound());
}
