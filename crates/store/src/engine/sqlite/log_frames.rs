//! Parses a log on disk and finds damage. SQLite reads a log up to the first invalid frame, and takes the
//! rest for a torn write. If a torn write can't explain it, the rest was acknowledged.
//!
//! The format is <https://www.sqlite.org/fileformat2.html#walformat>: a header, then frames, each a page with
//! a header. A frame's checksum continues that of the previous frame. The last frame of a transaction has the
//! file's size. With `synchronous=FULL` it is synced before the next transaction begins. So if a frame
//! continues the checksum of a transaction's last frame, that transaction was completely on disk.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek as _},
};

const HEADER_BYTES: usize = 32;
const FRAME_HEAD_BYTES: usize = 24;
const PAGE_BYTES: usize = 4096;
const FRAME_BYTES: usize = FRAME_HEAD_BYTES + PAGE_BYTES;
/// The last bit gives the byte order of the checksums.
const MAGIC: u32 = 0x377f_0682;
const FORMAT: u32 = 3_007_000;
const READ_BYTES: usize = 1 << 20;
/// The smallest unit that a disk writes atomically.
const SECTOR_BYTES: usize = 512;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Checksum(u32, u32);

/// Random numbers, new whenever the log restarts, and repeated in every frame.
type Salts = (u32, u32);

/// A frame's header, or the log's header.
#[derive(Debug, Clone, Copy)]
struct Head {
    /// Its offset in the log.
    at: usize,
    /// The store's size in pages after this transaction, in its last frame; else 0.
    size: u32,
    salts: Salts,
    /// The stored checksum, and the computed one.
    stored: Checksum,
    counted: Checksum,
    is_whole: bool,
}

/// The least number of acknowledged transactions that SQLite would drop from a log that nobody writes; 0:
/// none, as far as can be known. Damage in the log's last transaction can't be told from a torn write.
pub(super) fn left_out(log: &File) -> io::Result<usize> {
    let mut reader = BufReader::with_capacity(READ_BYTES, log);
    reader.rewind()?;
    let mut header = [0; HEADER_BYTES];
    if !fill(&mut reader, &mut header)? {
        return Ok(0);
    }
    let [magic, format, page_bytes, _, salt_1, salt_2, sum_1, sum_2] = words(&header);
    let is_ours = (magic & !1, format) == (MAGIC, FORMAT);
    let is_big_endian = if is_ours { magic & 1 == 1 } else { cfg!(target_endian = "big") };
    let order = Order { is_big_endian };
    let (stored, counted) =
        (Checksum(sum_1, sum_2), order.sum(Checksum(0, 0), header.split_at(HEADER_BYTES - 8).0));
    let has_header = is_ours && stored == counted;
    if has_header && usize::try_from(page_bytes) != Ok(PAGE_BYTES) {
        // Not a log of SQLite.
        return Ok(0);
    }
    let salts = has_header.then_some((salt_1, salt_2));
    let mut before = Head { at: 0, size: 0, salts: (salt_1, salt_2), stored, counted, is_whole: has_header };
    let (mut is_read, mut left_out) = (has_header, 0);
    let mut frame = [0; FRAME_BYTES];
    for at in (HEADER_BYTES..).step_by(FRAME_BYTES) {
        if !fill(&mut reader, &mut frame)? {
            break;
        }
        let (head, page) = frame.split_at(FRAME_HEAD_BYTES);
        let [page_number, size, salt_1, salt_2, sum_1, sum_2] = words(head);
        let stored = Checksum(sum_1, sum_2);
        let sum = |from| order.sum(order.sum(from, head.split_at(8).0), page);
        let counted = sum(before.stored);
        let is_behind = page_number != 0 && counted == stored;
        // The previous frame is intact, except for its checksum.
        let is_behind_another = page_number != 0 && !is_behind && sum(before.counted) == stored;
        let is_whole = is_behind || is_behind_another;
        let this = Head { at, size, salts: (salt_1, salt_2), stored, counted, is_whole };
        let was_read = is_read;
        is_read &= is_behind && salts == Some(this.salts);
        if !was_read && is_whole && before.is_commit(is_behind_another) && this.is_of(salts, &before) {
            left_out += 1;
        }
        before = this;
    }
    Ok(left_out)
}

/// After a power cut, one of two sectors may hold its old content. So a header is trusted only if the
/// checksum that the next frame continues is in the same sector, or covers it.
impl Head {
    fn is_commit(&self, is_included: bool) -> bool {
        self.size != 0 && (self.is_whole || is_included || self.is_in_one_sector(0))
    }

    /// Whether it has these salts, or else those of the previous frame. No checksum covers the salts.
    fn is_of(&self, salts: Option<Salts>, before: &Self) -> bool {
        let with_salts = if self.is_in_one_sector(8) { self } else { before };
        with_salts.is_in_one_sector(8) && salts.unwrap_or(before.salts) == with_salts.salts
    }

    /// Whether it lies in one sector from this byte on.
    fn is_in_one_sector(&self, from: usize) -> bool {
        (self.at + from) / SECTOR_BYTES == (self.at + FRAME_HEAD_BYTES - 1) / SECTOR_BYTES
    }
}

/// The byte order of the checksums.
#[derive(Debug, Clone, Copy)]
struct Order {
    is_big_endian: bool,
}

impl Order {
    fn word(self, bytes: [u8; 4]) -> u32 {
        if self.is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    /// Continues a checksum over pairs of words.
    fn sum(self, Checksum(mut one, mut two): Checksum, bytes: &[u8]) -> Checksum {
        for [a, b, c, d, e, f, g, h] in bytes.as_chunks().0 {
            one = one.wrapping_add(self.word([*a, *b, *c, *d])).wrapping_add(two);
            two = two.wrapping_add(self.word([*e, *f, *g, *h])).wrapping_add(one);
        }
        Checksum(one, two)
    }
}

/// The first numbers in these bytes.
fn words<const COUNT: usize>(bytes: &[u8]) -> [u32; COUNT] {
    let mut words = [0; COUNT];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    words
}

/// Fills the buffer; false at the end of the file.
fn fill(log: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match log.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
