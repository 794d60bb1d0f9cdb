//! The log as it lies on the disk, and whether it is damaged: SQLite reads it up to the first frame that is not as it was written, and
//! takes the rest for what a power cut has torn. Where that can't be, the rest was acknowledged.
//!
//! The format is <https://www.sqlite.org/fileformat2.html#walformat>: a header, then frames, each a page with a head. A frame's
//! checksum goes on from that of the frame before. A transaction ends with a frame that has the file's size; with `synchronous=FULL` it
//! is synced before the next one is begun. So a frame whose checksum goes on from that of a transaction's last frame shows that this
//! transaction was whole on the disk.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt as _,
};

const HEADER_BYTES: usize = 32;
const FRAME_HEAD_BYTES: usize = 24;
const PAGE_BYTES: usize = 4096;
const FRAME_BYTES: usize = FRAME_HEAD_BYTES + PAGE_BYTES;
/// Its last bit says in which order of bytes the checksums count.
const MAGIC: u32 = 0x377f_0682;
const FORMAT: u32 = 3_007_000;
/// What a disk writes whole or not at all: this much at least.
const SECTOR_BYTES: u64 = 512;

/// A log that SQLite would not read as far as it was acknowledged.
#[derive(Debug)]
pub(super) struct Damage {
    /// How many transactions SQLite would leave out: so many at least.
    pub(super) left_out: u64,
    order: Order,
    /// The last version of each page, by its number.
    pages: BTreeMap<u32, Frame>,
    /// Frames of which it is not known whose they are.
    strays: usize,
    /// How many pages the store has at the end.
    size: u32,
}

/// Two sums of 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Checksum(u32, u32);

/// Both are drawn anew, and written to every frame, when a log is begun from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Salts(u32, u32);

/// In which order the bytes of a word stand for the checksums.
#[derive(Debug, Clone, Copy)]
struct Order {
    is_big_endian: bool,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    /// Where it begins in the log.
    at: u64,
    page_number: u32,
    /// How many pages the store has after this transaction, in its last frame; else 0.
    size: u32,
    salts: Salts,
    /// What it says its checksum is.
    stored: Checksum,
    /// What its checksum is, if the one that the frame before says is right; and that one.
    counted: Checksum,
    seed: Checksum,
    /// Whether it is as it was written, but for its checksum perhaps.
    is_whole: bool,
}

/// Looks through a log that nobody writes to. None where SQLite reads all that was acknowledged, as far as can be known.
pub(super) fn find_damage(mut log: impl Read) -> io::Result<Option<Damage>> {
    let mut header = [0; HEADER_BYTES];
    if !fill(&mut log, &mut header)? {
        return Ok(None);
    }
    let [magic, format, page_bytes, _, salt_1, salt_2, sum_1, sum_2] = words(&header);
    let mut order = Order { is_big_endian: magic & 1 == 1 };
    let stored = Checksum(sum_1, sum_2);
    let (summed, _) = header.split_at(HEADER_BYTES - 8);
    let has_header = (magic & !1, format) == (MAGIC, FORMAT) && order.sum(Checksum(0, 0), summed) == stored;
    if !has_header {
        order.is_big_endian = cfg!(target_endian = "big");
    } else if usize::try_from(page_bytes) != Ok(PAGE_BYTES) {
        // Not of our making.
        return Ok(None);
    }
    let frames = frames(log, order, stored, order.sum(Checksum(0, 0), summed))?;
    let pairs = || frames.iter().zip(frames.iter().skip(1));
    let salts = if has_header {
        Some(Salts(salt_1, salt_2))
    } else {
        pairs()
            .find(|(before, frame)| frame.is_whole && before.salts == frame.salts)
            .map(|(_, frame)| frame.salts)
    };
    let is_of_this_log = |frame: &&Frame| Some(frame.salts) == salts;
    let is_read =
        |frame: &&Frame| is_of_this_log(frame) && frame.page_number != 0 && frame.counted == frame.stored;
    let read = if has_header { frames.iter().take_while(is_read).count() } else { 0 };
    // Where a transaction's last frame is followed by one that goes on from it, another transaction was begun behind it.
    let is_acknowledged = |before: &Frame, frame: &Frame| {
        let with_salts = if frame.has_its_salts() { frame } else { before };
        before.is_commit() && frame.is_whole && with_salts.has_its_salts() && Some(with_salts.salts) == salts
    };
    let acknowledged: Vec<usize> = (1..)
        .zip(pairs())
        .skip(read)
        .filter(|(_, (before, frame))| is_acknowledged(before, frame))
        .map(|(place, _)| place)
        .collect();
    let Some(behind_last) = acknowledged.last().copied() else { return Ok(None) };
    // And what follows that is as sound as SQLite would have found it.
    let follow = frames.iter().skip(behind_last).take_while(|frame| frame.is_whole && is_of_this_log(frame));
    let end = follow
        .zip(behind_last + 1..)
        .filter(|(frame, _)| frame.size != 0)
        .last()
        .map_or(behind_last, |(_, end)| end);
    let (mut pages, mut strays, mut size) = (BTreeMap::new(), 0, 0);
    for frame in frames.iter().take(end) {
        size = if frame.size == 0 { size } else { frame.size };
        if frame.page_number == 0 {
            strays += 1;
        } else {
            pages.insert(frame.page_number, *frame);
        }
    }
    Ok(Some(Damage { left_out: acknowledged.len() as u64, order, pages, strays, size }))
}

/// All frames that there are, whosever they are, behind a header that says and has these checksums.
fn frames(mut log: impl Read, order: Order, stored: Checksum, counted: Checksum) -> io::Result<Vec<Frame>> {
    let mut frames: Vec<Frame> = Vec::new();
    let (mut at, mut seed, mut other_seed) = (HEADER_BYTES as u64, stored, counted);
    let mut bytes = [0; FRAME_BYTES];
    while fill(&mut log, &mut bytes)? {
        let (head, page) = bytes.split_at(FRAME_HEAD_BYTES);
        let [page_number, size, salt_1, salt_2, sum_1, sum_2] = words(head);
        let (summed, _) = head.split_at(8);
        let sum = |from| order.sum(order.sum(from, summed), page);
        let (stored, counted) = (Checksum(sum_1, sum_2), sum(seed));
        let salts = Salts(salt_1, salt_2);
        let is_whole = page_number != 0 && counted == stored;
        let mut frame = Frame { at, page_number, size, salts, stored, counted, seed, is_whole };
        if page_number != 0 && !is_whole && sum(other_seed) == stored {
            // The one before is as it was written, and only says another checksum.
            frame.is_whole = true;
            if let Some(before) = frames.last_mut() {
                before.is_whole = true;
            }
        }
        if !frame.is_whole {
            // Two words alone fit between the checksum before and the page. Where one of them stands there, the other was damaged.
            let (true_page_number, true_size) = order.first_words(seed, order.sum_before(stored, page));
            if true_page_number != 0 && (true_page_number == page_number || true_size == size) {
                (frame.page_number, frame.size, frame.is_whole) = (true_page_number, true_size, true);
            }
        }
        at += FRAME_BYTES as u64;
        (seed, other_seed) = (stored, counted);
        frames.push(frame);
    }
    Ok(frames)
}

/// A power cut may have left one of two sectors as it was before. So what a head says is relied upon only where the checksum beside it,
/// from which the next frame goes on, is of the same sector or includes it.
impl Frame {
    fn is_commit(&self) -> bool {
        self.size != 0 && (self.is_whole || self.is_in_one_sector(0))
    }

    /// No checksum includes them.
    fn has_its_salts(&self) -> bool {
        self.is_in_one_sector(8)
    }

    /// Whether its head lies in one sector from this byte on.
    fn is_in_one_sector(&self, from: u64) -> bool {
        (self.at + from) / SECTOR_BYTES == (self.at + FRAME_HEAD_BYTES as u64 - 1) / SECTOR_BYTES
    }
}

/// What is to be copied into the store, by the number of the page.
struct Content {
    pages: Vec<(u32, Vec<u8>)>,
    /// Pages that can't be had as they were written: the log's version is damaged, and the file has another one.
    unknown: usize,
}

impl Damage {
    fn content(&self, log: &File, store: &File) -> io::Result<Content> {
        let mut content = Content { pages: Vec::new(), unknown: self.strays };
        for (number, frame) in self.pages.iter().filter(|(number, _)| **number <= self.size) {
            let mut page = vec![0; PAGE_BYTES];
            if !frame.is_whole {
                // It may have been copied into the file before it was damaged.
                let is_there = store.read_exact_at(&mut page, place(*number)).is_ok();
                if is_there && self.fits(frame, &page) {
                    continue;
                }
                content.unknown += 1;
            }
            log.read_exact_at(&mut page, frame.at + FRAME_HEAD_BYTES as u64)?;
            content.pages.push((*number, page));
        }
        Ok(content)
    }

    fn fits(&self, frame: &Frame, page: &[u8]) -> bool {
        let head = [frame.page_number.to_be_bytes(), frame.size.to_be_bytes()].concat();
        self.order.sum(self.order.sum(frame.seed, &head), page) == frame.stored
    }

    /// How many pages can't be had as they were written.
    pub(super) fn unknown_pages(&self, log: &File, store: &File) -> io::Result<usize> {
        Ok(self.content(log, store)?.unknown)
    }

    /// Copies what the log holds into the store, which nobody else has open, and empties the log. Pages that are damaged in the log and not
    /// in the file are copied as they are.
    ///
    /// A power cut within leaves the log, and the next try does it all again.
    pub(super) fn copy_into_store(&self, log: &File, store: &File) -> io::Result<()> {
        for (number, page) in self.content(log, store)?.pages {
            store.write_all_at(&page, place(number))?;
        }
        store.set_len(u64::from(self.size) * PAGE_BYTES as u64)?;
        store.sync_all()?;
        log.set_len(0)?;
        log.sync_all()
    }
}

/// Where a page begins in the file.
fn place(page_number: u32) -> u64 {
    u64::from(page_number.saturating_sub(1)) * PAGE_BYTES as u64
}

impl Order {
    fn word(self, bytes: [u8; 4]) -> u32 {
        if self.is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    /// The checksum of some pairs of words, which goes on from an earlier one.
    fn sum(self, Checksum(mut one, mut two): Checksum, bytes: &[u8]) -> Checksum {
        for [a, b, c, d, e, f, g, h] in bytes.as_chunks().0 {
            one = one.wrapping_add(self.word([*a, *b, *c, *d])).wrapping_add(two);
            two = two.wrapping_add(self.word([*e, *f, *g, *h])).wrapping_add(one);
        }
        Checksum(one, two)
    }

    /// The checksum from which this one went on over some bytes.
    fn sum_before(self, Checksum(mut one, mut two): Checksum, bytes: &[u8]) -> Checksum {
        for [a, b, c, d, e, f, g, h] in bytes.as_chunks().0.iter().rev() {
            two = two.wrapping_sub(self.word([*e, *f, *g, *h])).wrapping_sub(one);
            one = one.wrapping_sub(self.word([*a, *b, *c, *d])).wrapping_sub(two);
        }
        Checksum(one, two)
    }

    /// The two words that lead from one checksum to another, as they are read in a frame's head.
    fn first_words(self, Checksum(one, two): Checksum, to: Checksum) -> (u32, u32) {
        let first = to.0.wrapping_sub(one).wrapping_sub(two);
        let second = to.1.wrapping_sub(two).wrapping_sub(to.0);
        let read = |word: u32| if self.is_big_endian { word } else { word.swap_bytes() };
        (read(first), read(second))
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
    use std::{fs, path::Path};

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
        /// The store once SQLite has copied the log into it.
        end: Vec<u8>,
    }

    fn left(transactions: usize) -> Left {
        let place = tempfile::tempdir().unwrap();
        let connection = store_in(place.path());
        let file = |name: &str| fs::read(place.path().join(name)).unwrap();
        let mut frames = Vec::new();
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
        }
        let (store, log) = (file("store.db"), file("store.db-wal"));
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        Left { store, log, frames, end: file("store.db") }
    }

    fn damage(log: &[u8]) -> Option<Damage> {
        find_damage(log).unwrap()
    }

    /// The frames whose page has no later version.
    fn last_versions(log: &[u8]) -> Vec<usize> {
        let frames = log[HEADER_BYTES..].chunks(FRAME_BYTES).enumerate();
        let last: BTreeMap<&[u8], usize> = frames.map(|(at, frame)| (&frame[..4], at)).collect();
        last.into_values().collect()
    }

    /// Has the log copied into the store; how many pages were not known, and the store.
    fn mended(damage: &Damage, log: &[u8], store: &[u8]) -> (usize, Vec<u8>) {
        let place = tempfile::tempdir().unwrap();
        let open = |name: &str, bytes: &[u8]| {
            fs::write(place.path().join(name), bytes).unwrap();
            File::options().read(true).write(true).open(place.path().join(name)).unwrap()
        };
        let (log, store) = (open("log", log), open("store", store));
        let unknown = damage.unknown_pages(&log, &store).unwrap();
        damage.copy_into_store(&log, &store).unwrap();
        assert_eq!(log.metadata().unwrap().len(), 0);
        (unknown, fs::read(place.path().join("store")).unwrap())
    }

    #[test]
    fn a_changed_byte_is_found_wherever_a_transaction_stands_behind() {
        let Left { store, log, frames, end } = left(9);
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
            assert_eq!(found.as_ref().map_or(0, |damage| damage.left_out), behind as u64, "byte {place}");
            let Some(damage) = found else { continue };
            let (unknown, store) = mended(&damage, &changed, &store);
            let is_in_page = place > HEADER_BYTES && (place - HEADER_BYTES) % FRAME_BYTES >= FRAME_HEAD_BYTES;
            let is_last = is_in_page && last_versions.contains(&((place - HEADER_BYTES) / FRAME_BYTES));
            assert_eq!(unknown, usize::from(is_last), "byte {place}");
            assert_eq!(store == end, !is_last, "byte {place}");
            *if is_last { &mut in_part } else { &mut whole } += 1;
            // Nothing is lost where the log had been copied before.
            assert!(mended(&damage, &changed, &end) == (0, end.clone()), "byte {place}");
        }
        assert!(whole > 100 && in_part > 10, "{whole}, {in_part}");
    }

    #[test]
    fn a_zeroed_sector_is_found_too() {
        let Left { log, frames, .. } = left(9);
        let last = HEADER_BYTES
            + frames.iter().position(|frame| frame == frames.last().unwrap()).unwrap() * FRAME_BYTES;
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
}
