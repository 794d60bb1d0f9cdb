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
    io::{self, BufReader, Read, Seek as _},
    os::unix::fs::FileExt as _,
};

const HEADER_BYTES: usize = 32;
const FRAME_HEAD_BYTES: usize = 24;
const PAGE_BYTES: usize = 4096;
const FRAME_BYTES: usize = FRAME_HEAD_BYTES + PAGE_BYTES;
/// Its last bit says in which order of bytes the checksums count.
const MAGIC: u32 = 0x377f_0682;
const FORMAT: u32 = 3_007_000;
const READ_BYTES: usize = 1 << 20;
/// What a disk writes whole or not at all: this much at least.
const SECTOR_BYTES: u64 = 512;

/// A log that SQLite would not read as far as it was acknowledged.
#[derive(Debug)]
pub(super) struct Damage {
    /// How many transactions SQLite would leave out: so many at least.
    pub(super) left_out: usize,
    /// The last version of each page, by its number.
    pages: BTreeMap<u32, Frame>,
    /// Frames of which it is not known whose they are, or whether they count.
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
    /// Whether it is as it was written, but for its checksum perhaps, or can be had so.
    is_whole: bool,
    /// Whether the next one goes on from the checksum that it says: then this one was written here.
    is_followed: bool,
    /// The only page number and size that fit its checksum, if it is not whole.
    fitting: (u32, u32),
    /// Whether it is damaged here, and the file has the page.
    is_in_file: bool,
}

/// Looks through a log that nobody writes to, of a store that nobody writes to. None where SQLite reads all that was acknowledged, as far
/// as can be known.
pub(super) fn find_damage(log: &File, store: &File) -> io::Result<Option<Damage>> {
    let mut reader = BufReader::with_capacity(READ_BYTES, log);
    reader.rewind()?;
    let mut header = [0; HEADER_BYTES];
    if !fill(&mut reader, &mut header)? {
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
    let mut frames = frames(reader, order, stored, order.sum(Checksum(0, 0), summed))?;
    let salts = if has_header {
        Some(Salts(salt_1, salt_2))
    } else {
        let mut pairs = frames.iter().zip(frames.iter().skip(1));
        pairs
            .find(|(before, frame)| frame.is_whole && before.salts == frame.salts)
            .map(|(_, frame)| frame.salts)
    };
    let is_of_this_log = |frame: &Frame| Some(frame.salts) == salts;
    let is_read =
        |frame: &&Frame| is_of_this_log(frame) && frame.page_number != 0 && frame.counted == frame.stored;
    let read = if has_header { frames.iter().take_while(is_read).count() } else { 0 };
    for frame in frames.iter_mut().skip(read).filter(|frame| !frame.is_whole && is_of_this_log(frame)) {
        // It may have been copied into the file before it was damaged.
        frame.is_in_file =
            frame.page_number != 0 && frame.fits(order, &page_at(store, place(frame.page_number))?);
        frame.is_whole = frame.is_in_file;
    }
    // Where a transaction's last frame is followed by one that goes on from it, another transaction was begun behind it.
    let is_acknowledged = |before: &Frame, frame: &Frame| {
        let with_salts = if frame.has_its_salts() { frame } else { before };
        before.is_commit() && frame.is_whole && with_salts.has_its_salts() && is_of_this_log(with_salts)
    };
    let acknowledged: Vec<usize> = (1..)
        .zip(frames.iter().zip(frames.iter().skip(1)))
        .skip(read)
        .filter(|(_, (before, frame))| is_acknowledged(before, frame))
        .map(|(place, _)| place)
        .collect();
    // What follows the last of them is as sound as SQLite would have found it.
    let known = acknowledged.last().copied().unwrap_or(0);
    let follow = frames.iter().skip(known).take_while(|frame| frame.is_whole && is_of_this_log(frame));
    let end =
        follow.zip(known + 1..).filter(|(frame, _)| frame.size != 0).last().map_or(known, |(_, end)| end);
    let (mut pages, mut strays) = (BTreeMap::new(), 0);
    let (inner, outer) = frames.split_at(end);
    let size = inner.last().map_or(0, |frame| frame.size);
    for frame in inner {
        if frame.is_whole || frame.has_its_head(size) {
            pages.insert(frame.page_number, *frame);
        } else {
            strays += 1;
        }
    }
    // What is left may have been copied into the file all the same: then it was acknowledged, and what is before it is not what is to be.
    let tail = outer.iter().rposition(is_of_this_log).map_or(0, |last| last + 1);
    let (mut is_ahead, mut unsure) = (false, 0);
    for frame in outer.iter().take(tail) {
        if !frame.is_whole {
            unsure += 1;
        } else if let Some(before) = pages.get(&frame.page_number) {
            let page = page_at(log, frame.page())?;
            is_ahead |=
                page == page_at(store, place(frame.page_number))? && page != page_at(log, before.page())?;
        }
    }
    let is_damaged =
        !acknowledged.is_empty() || is_ahead || inner.iter().skip(read).any(|frame| frame.is_in_file);
    strays += unsure;
    Ok(is_damaged.then_some(Damage { left_out: acknowledged.len().max(1), pages, strays, size }))
}

/// A page's bytes, of a log or a file; zeros behind its end.
fn page_at(file: &File, at: u64) -> io::Result<Vec<u8>> {
    let mut page = vec![0; PAGE_BYTES];
    match file.read_exact_at(&mut page, at) {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(page),
    }
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
        let mut frame = Frame {
            at,
            page_number,
            size,
            salts,
            stored,
            counted,
            seed,
            is_whole,
            is_followed: false,
            fitting: (0, 0),
            is_in_file: false,
        };
        let is_behind_another = page_number != 0 && !is_whole && sum(other_seed) == stored;
        if is_behind_another {
            // The one before is as it was written, and only says another checksum.
            frame.is_whole = true;
            if let Some(before) = frames.last_mut() {
                before.is_whole = true;
            }
        }
        if !frame.is_whole {
            frame.fitting = order.first_words(seed, order.sum_before(stored, page));
        }
        if let Some(before) = frames.last_mut() {
            before.is_followed = frame.is_whole && !is_behind_another;
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

    /// Whether its page is what is damaged, and not its head. Where it is the head, another one fits the checksum that could be it; by
    /// chance such a one may fit a damaged page, too.
    fn has_its_head(&self, store_size: u32) -> bool {
        let could_be = |page_number: u32| (1..=store_size).contains(&page_number);
        let (page_number, size) = self.fitting;
        self.is_followed
            && could_be(self.page_number)
            && !(could_be(page_number) && (size == 0 || size.abs_diff(store_size) <= store_size))
    }

    /// Where its page begins in the log.
    fn page(&self) -> u64 {
        self.at + FRAME_HEAD_BYTES as u64
    }

    /// Whether this is its page, by its checksum.
    fn fits(&self, order: Order, page: &[u8]) -> bool {
        let head = [self.page_number.to_be_bytes(), self.size.to_be_bytes()].concat();
        order.sum(order.sum(self.seed, &head), page) == self.stored
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

impl Damage {
    /// How many pages can't be had as they were written.
    pub(super) fn unknown_pages(&self) -> usize {
        self.strays + self.pages.values().filter(|frame| !frame.is_whole).count()
    }

    /// Copies what the log holds into the store, which nobody else has open, and empties the log. Pages that are damaged in the log and not
    /// in the file are copied as they are.
    ///
    /// A power cut within leaves the log, and the next try does it all again.
    pub(super) fn copy_into_store(&self, log: &File, store: &File) -> io::Result<()> {
        for (number, frame) in
            self.pages.iter().filter(|(number, frame)| !frame.is_in_file && **number <= self.size)
        {
            store.write_all_at(&page_at(log, frame.page())?, place(*number))?;
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
mod tests;
