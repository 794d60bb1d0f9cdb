//! Logs that SQLite wrote, damaged and torn in every way.

use std::{cell::Cell, fs, path::Path};

use proptest::{prelude::*, test_runner::TestRunner};
use rusqlite::Connection;

use super::*;

fn store_in(place: &Path) -> Connection {
    let connection = Connection::open(place.join("store.db")).unwrap();
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(())).unwrap();
    connection
}

/// What lies on the disk after some transactions.
struct Left {
    store: Vec<u8>,
    log: Vec<u8>,
    /// Which transaction each frame belongs to.
    frames: Vec<usize>,
    /// The store once SQLite has copied the log into it: as it was after each transaction, and after the last one.
    states: Vec<Vec<u8>>,
    end: Vec<u8>,
}

/// What SQLite makes of a store and its log.
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
        // Of one page and of several; new pages, and some over and over.
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
    let end = states.last().unwrap().clone();
    Left { store, log, frames, states, end }
}

fn file_of(bytes: &[u8]) -> File {
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file
}

/// What is found beside a file that has nothing of the log.
fn damage(log: &[u8]) -> Option<Damage> {
    find_damage(&file_of(log), &file_of(&[])).unwrap()
}

/// The frames whose page has no later version.
fn last_versions(log: &[u8]) -> Vec<usize> {
    let frames = log[HEADER_BYTES..].chunks(FRAME_BYTES).enumerate();
    let last: BTreeMap<&[u8], usize> = frames.map(|(at, frame)| (&frame[..4], at)).collect();
    last.into_values().collect()
}

/// Has a damaged log copied into a store; how many pages were not known, and the store.
fn mended(log: &[u8], store: &[u8]) -> Option<(usize, Vec<u8>)> {
    let (log, file) = (file_of(log), file_of(store));
    let damage = find_damage(&log, &file).unwrap()?;
    damage.copy_into_store(&log, &file).unwrap();
    assert_eq!(log.metadata().unwrap().len(), 0);
    let mut bytes = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    Some((damage.unknown_pages(), bytes))
}

#[test]
fn a_changed_byte_is_found_wherever_a_transaction_stands_behind() {
    let Left { store, log, frames, end, .. } = left(9);
    assert!(frames.len() > 12 && damage(&log).is_none());
    let last = *frames.last().unwrap();
    let last_versions = last_versions(&log);
    let interesting = (0..HEADER_BYTES).chain((0..frames.len()).flat_map(|frame| {
        let at = HEADER_BYTES + frame * FRAME_BYTES;
        (at..at + FRAME_HEAD_BYTES).chain((at + FRAME_HEAD_BYTES..at + FRAME_BYTES).step_by(401))
    }));
    let (mut whole, mut in_part) = (0, 0);
    for place in interesting {
        let mut changed = log.clone();
        changed[place] ^= 0x81;
        let found = damage(&changed);
        let behind = match place.checked_sub(HEADER_BYTES) {
            None => last,
            Some(place) => last - frames[place / FRAME_BYTES],
        };
        let in_frame = place.checked_sub(HEADER_BYTES).map(|place| place % FRAME_BYTES);
        // These bytes say whether it is a transaction's last frame.
        let is_size = in_frame.is_some_and(|at| (4..8).contains(&at));
        let left_out = found.map_or(0, |damage| damage.left_out);
        assert!(left_out == behind || is_size && left_out == behind + 1, "byte {place}: {left_out}");
        // Nothing is lost where the log had been copied before, the last transaction neither.
        if in_frame.is_none_or(|at| at >= FRAME_HEAD_BYTES) {
            assert!(mended(&changed, &end) == Some((0, end.clone())), "byte {place}");
        }
        let Some((unknown, store)) = mended(&changed, &store) else { continue };
        let is_in_page = in_frame.is_some_and(|at| at >= FRAME_HEAD_BYTES);
        let is_last = is_in_page && last_versions.contains(&((place - HEADER_BYTES) / FRAME_BYTES));
        let is_known = !is_last && in_frame.is_none_or(|at| at >= 8);
        if is_known {
            assert!(unknown == 0 && store == end, "byte {place}");
        } else {
            assert_eq!(unknown, 1, "byte {place}");
        }
        *if is_last { &mut in_part } else { &mut whole } += 1;
    }
    assert!(whole > 100 && in_part > 10, "{whole}, {in_part}");
}

#[test]
fn what_is_mended_is_a_state_that_there_was() {
    let Left { store, log, states, end, .. } = left(16);
    let change = (0..log.len(), prop_oneof![Just(1_usize), Just(512), Just(4096)], 1_u8..);
    let cases = (prop::collection::vec(change, 1..4), 0..states.len());
    let (known, whole) = (Cell::new(0), Cell::new(0));
    let config = ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&cases, |(changes, copied)| {
            let mut changed = log.clone();
            for (place, length, byte) in changes {
                // A byte becomes another one, or a sector has nothing of what was written.
                let begin = place / length * length;
                let bytes = &mut changed[begin..(begin + length).min(log.len())];
                if length == 1 { bytes[0] ^= byte } else { bytes.fill(byte & 1) }
            }
            // The file may have been brought up to any state before.
            for store in [&store, &states[copied], &end] {
                let Some((unknown, mended)) = mended(&changed, store) else { continue };
                if unknown == 0 {
                    known.set(known.get() + 1);
                    whole.set(whole.get() + u32::from(mended == end));
                    prop_assert!(states.contains(&mended));
                }
            }
            Ok(())
        })
        .unwrap();
    assert!(known.get() > 200 && whole.get() > known.get() / 2, "{known:?}, {whole:?}");
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
        assert!(changed == log || damage(&changed).is_some(), "{sector}");
    }
    let mut changed = log.clone();
    changed[24..48].fill(0);
    assert!(damage(&changed).is_some());
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
    // Behind some short ones a long one, which covers frames whose heads lie across two sectors, where there were others before.
    (300..330).for_each(|n| add(n, 100));
    let (before, begin) = (log(), HEADER_BYTES + 30 * FRAME_BYTES);
    add(400, 660_000);
    let (after, end) = (log(), HEADER_BYTES + 200 * FRAME_BYTES);
    assert!(
        before.len() == after.len() && before[..begin] == after[..begin] && before[end..] == after[end..]
    );
    assert!(damage(&before).is_none() && damage(&after).is_none());
    let mix = |is_old: &dyn Fn(usize) -> bool, bytes: usize| {
        let mut torn = after.clone();
        for sector in (begin / bytes + 1..end / bytes).filter(|sector| is_old(*sector)) {
            torn[sector * bytes..][..bytes].copy_from_slice(&before[sector * bytes..][..bytes]);
        }
        damage(&torn).is_none()
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
        assert!(damage(&after[..length]).is_none(), "{length}");
    }
}

/// A store whose tables are a page each, and whose log is about to be begun anew.
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
    // The head of frame 62 lies across two sectors, its salts in the first.
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
    assert!(torn != before && damage(&torn).is_none());
}

#[test]
fn a_file_that_is_ahead_is_no_base() {
    let place = tempfile::tempdir().unwrap();
    let connection = two_tables(place.path());
    connection.execute_batch("UPDATE t SET n = 1; UPDATE u SET n = 1; UPDATE t SET n = 2").unwrap();
    connection.execute_batch(BOTH).unwrap();
    let file = |name: &str| fs::read(place.path().join(name)).unwrap();
    let (store, whole) = (file("store.db"), file("store.db-wal"));
    let in_page = |frame: usize| HEADER_BYTES + frame * FRAME_BYTES + 2000;
    let unknown = |frames: &[usize], store: &[u8]| {
        let mut log = whole.clone();
        for frame in frames {
            log[in_page(*frame)] ^= 1;
        }
        find_damage(&file_of(&log), &file_of(store)).unwrap().map(|damage| damage.unknown_pages())
    };
    // Its last transaction is damaged: as after a power cut.
    assert_eq!(unknown(&[3], &store), None);
    // It was copied in part: so it was acknowledged, and the other part is not known.
    let mut ahead = store.clone();
    let end = copied(&store, &whole);
    ahead[2 * PAGE_BYTES..].copy_from_slice(&end[2 * PAGE_BYTES..]);
    assert!(unknown(&[3], &ahead).is_some_and(|unknown| unknown > 0));
    // It was copied whole.
    assert_eq!(unknown(&[3], &end), Some(0));
    // Of what is mended it is not known whether it is the end.
    assert_eq!(unknown(&[0], &store), Some(0));
    assert!(unknown(&[0, 3], &store).is_some_and(|unknown| unknown > 0));
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
    let is_sound = || damage(&fs::read(place.path().join("store.db-wal")).unwrap()).is_none();
    assert!(is_sound());
    // Begun anew: the frames of before are still there.
    connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())).unwrap();
    (20..25).for_each(add);
    assert!(is_sound());
    // Given up after some of it had gone to the log; then something shorter.
    for _ in 0..3 {
        connection.execute_batch("BEGIN").unwrap();
        (100..130).for_each(add);
        connection.execute_batch("ROLLBACK").unwrap();
        assert!(is_sound());
    }
    add(99);
    assert!(is_sound());
}
