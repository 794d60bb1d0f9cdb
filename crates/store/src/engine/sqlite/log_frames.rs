//! The log as it lies on the disk, and whether it is damaged: SQLite reads it up to the first frame that is not as it was written, and
//! takes the rest for what a power cut has torn. Where that can't be, the rest was acknowledged.
//!
//! The format is <https://www.sqlite.org/fileformat2.html#walformat>: a header, then frames, each a page with a head. A frame's
//! checksum goes on from that of the frame before. A transaction ends with a frame that has the file's size; with `synchronous=FULL` it
//! is synced before the next one is begun. So a frame whose checksum goes on from that of a transaction's last frame shows that this
//! transaction was whole on the disk.

use std::io::{self, Read};

const HEADER_BYTES: usize = 32;
const FRAME_HEAD_BYTES: usize = 24;
const PAGE_BYTES: usize = 4096;
const FRAME_BYTES: usize = FRAME_HEAD_BYTES + PAGE_BYTES;
/// Its last bit says in which order of bytes the checksums count.
const MAGIC: u32 = 0x377f_0682;
const FORMAT: u32 = 3_007_000;

/// Where a log can't be read any further although it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damage {
    /// How many bytes of it can be read.
    pub(super) readable: u64,
    /// How many transactions behind them were committed: so many at least.
    pub(super) lost: u64,
}

/// Two sums of 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Checksum(u32, u32);

/// Both are drawn anew, and written to every frame, when a log is begun from its start.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Salts(u32, u32);

#[derive(Clone, Copy)]
struct Order {
    is_big_endian: bool,
}

struct Frame {
    is_commit: bool,
    /// What it says its checksum is.
    stored: Checksum,
    /// What its checksum is, if the one that the frame before says is right.
    counted: Checksum,
}

/// Looks through a log that nobody writes to.
pub(super) fn find_damage(mut log: impl Read) -> io::Result<Option<Damage>> {
    let mut header = [0; HEADER_BYTES];
    if !fill(&mut log, &mut header)? {
        return Ok(None);
    }
    let [magic, format, page_bytes, _, salt_1, salt_2, sum_1, sum_2] = words(&header);
    let mut order = Order { is_big_endian: magic & 1 == 1 };
    let mut stored = Checksum(sum_1, sum_2);
    let (summed, _) = header.split_at(HEADER_BYTES - 8);
    let is_readable = (magic & !1, format) == (MAGIC, FORMAT) && order.sum(Checksum(0, 0), summed) == stored;
    if !is_readable {
        order.is_big_endian = cfg!(target_endian = "big");
    }
    if is_readable && usize::try_from(page_bytes) != Ok(PAGE_BYTES) {
        // Not of our making.
        return Ok(None);
    }
    let mut salts = is_readable.then_some(Salts(salt_1, salt_2));
    let mut readable_end = (!is_readable).then_some(0);
    let (mut at, mut lost) = (HEADER_BYTES as u64, 0);
    let mut before: Option<Frame> = None;
    let mut bytes = [0; FRAME_BYTES];
    while fill(&mut log, &mut bytes)? {
        let (head, page) = bytes.split_at(FRAME_HEAD_BYTES);
        let [page_number, size, salt_1, salt_2, sum_1, sum_2] = words(head);
        let (summed, _) = head.split_at(8);
        let sum = |from| order.sum(order.sum(from, summed), page);
        let is_of_this_log = *salts.get_or_insert(Salts(salt_1, salt_2)) == Salts(salt_1, salt_2);
        let frame = Frame { is_commit: size != 0, stored: Checksum(sum_1, sum_2), counted: sum(stored) };
        if readable_end.is_none() && !(is_of_this_log && page_number != 0 && frame.counted == frame.stored) {
            readable_end = Some(at);
        } else if let (Some(_), Some(before)) = (readable_end, &before)
            && before.is_commit
            && is_of_this_log
            && [before.stored, before.counted].map(sum).contains(&frame.stored)
        {
            lost += 1;
        }
        at += FRAME_BYTES as u64;
        stored = frame.stored;
        before = readable_end.map(|_| frame);
    }
    Ok(readable_end.filter(|_| lost > 0).map(|readable| Damage { readable, lost }))
}

impl Order {
    /// The checksum of some pairs of words, which goes on from an earlier one.
    fn sum(self, Checksum(mut one, mut two): Checksum, bytes: &[u8]) -> Checksum {
        let word = if self.is_big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
        for [a, b, c, d, e, f, g, h] in bytes.as_chunks().0 {
            one = one.wrapping_add(word([*a, *b, *c, *d])).wrapping_add(two);
            two = two.wrapping_add(word([*e, *f, *g, *h])).wrapping_add(one);
        }
        Checksum(one, two)
    }
}

/// The first numbers in some bytes.
fn words<const COUNT: usize>(bytes: &[u8]) -> [u32; COUNT] {
    let mut words = [0; COUNT];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    words
}

/// Reads so many bytes; false where there are fewer.
fn fill(log: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match log.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rusqlite::Connection;

    use super::*;

    /// A log of so many transactions, whose frames are of the transaction at the same place of the second list.
    fn log(transactions: usize) -> (Vec<u8>, Vec<usize>) {
        let place = tempfile::tempdir().unwrap();
        let store = place.path().join("store.db");
        let connection = Connection::open(&store).unwrap();
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
        connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(())).unwrap();
        let mut frames = Vec::new();
        let path = place.path().join("store.db-wal");
        for transaction in 0..transactions {
            // Of one page and of several.
            connection
                .execute_batch(&match transaction {
                    0 => "CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)".to_owned(),
                    n if n % 3 == 1 => format!("INSERT INTO t VALUES ({n}, 'a')"),
                    n => format!("INSERT INTO t VALUES ({n}, '{}')", "b".repeat(10_000)),
                })
                .unwrap();
            let bytes = usize::try_from(fs::metadata(&path).unwrap().len()).unwrap();
            frames.resize((bytes - HEADER_BYTES) / FRAME_BYTES, transaction);
        }
        (fs::read(&path).unwrap(), frames)
    }

    fn damage(log: &[u8]) -> Option<Damage> {
        find_damage(log).unwrap()
    }

    #[test]
    fn a_changed_byte_is_found_wherever_a_transaction_stands_behind() {
        let (whole, frames) = log(8);
        assert!(frames.len() > 12 && damage(&whole).is_none());
        let last = *frames.last().unwrap();
        let interesting = (0..HEADER_BYTES)
            .chain((0..frames.len()).flat_map(|frame| {
                let at = HEADER_BYTES + frame * FRAME_BYTES;
                (at..at + FRAME_HEAD_BYTES).chain((at + FRAME_HEAD_BYTES..at + FRAME_BYTES).step_by(401))
            }))
            .collect::<Vec<_>>();
        for place in interesting {
            let mut changed = whole.clone();
            changed[place] ^= 0x81;
            let found = damage(&changed);
            let Some(place) = place.checked_sub(HEADER_BYTES) else {
                assert_eq!(found, Some(Damage { readable: 0, lost: last as u64 }), "byte {place}");
                continue;
            };
            let frame = place / FRAME_BYTES;
            let readable = (HEADER_BYTES + frame * FRAME_BYTES) as u64;
            let behind = (last - frames[frame]) as u64;
            if place % FRAME_BYTES / 4 == 1 {
                // These bytes say whether it is a transaction's last frame.
                assert!(found.is_none_or(|found| found.lost.abs_diff(behind) <= 1), "byte {place}");
            } else {
                let expected = (behind > 0).then_some(Damage { readable, lost: behind });
                assert_eq!(found, expected, "byte {place}");
            }
        }
    }

    #[test]
    fn what_a_power_cut_may_leave_is_no_damage() {
        let (whole, frames) = log(6);
        let last = *frames.last().unwrap();
        let begin = HEADER_BYTES + frames.iter().position(|frame| *frame == last).unwrap() * FRAME_BYTES;
        for length in (0..whole.len()).step_by(509) {
            assert_eq!(damage(&whole[..length]), None, "{length}");
        }
        let sectors = (whole.len() - begin) / 512;
        for torn in 0..sectors {
            let mut left = whole.clone();
            // Any sector of the last transaction was not written, or is what stood there before.
            for old in [0, 0x5a] {
                left[begin + torn * 512..][..512].fill(old);
                assert_eq!(damage(&left), None, "sector {torn}");
            }
        }
    }

    #[test]
    fn older_frames_behind_the_end_are_no_damage() {
        let place = tempfile::tempdir().unwrap();
        let store = place.path().join("store.db");
        let connection = Connection::open(&store).unwrap();
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
        connection.pragma_update(None, "cache_size", 5).unwrap();
        connection.execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)").unwrap();
        let add = |n: i64| {
            connection.execute("INSERT INTO t VALUES (?1, hex(randomblob(6000)))", [n]).unwrap();
        };
        (0..20).for_each(add);
        let look = || damage(&fs::read(place.path().join("store.db-wal")).unwrap());
        assert_eq!(look(), None);
        // Begun anew: the frames of before are still there.
        connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())).unwrap();
        (20..25).for_each(add);
        assert_eq!(look(), None);
        // Given up after some of it had gone to the log; then something shorter.
        for _ in 0..3 {
            connection.execute_batch("BEGIN").unwrap();
            (100..130).for_each(add);
            connection.execute_batch("ROLLBACK").unwrap();
            assert_eq!(look(), None);
        }
        add(99);
        assert_eq!(look(), None);
    }
}
