//! The log as it lies on the disk, and whether it is damaged: SQLite reads it up to the first frame that is not as it was written, and
//! takes the rest for what a power cut has torn. Where that can't be, the rest was acknowledged.
//!
//! The format is <https://www.sqlite.org/fileformat2.html#walformat>: a header, then frames, each a page with a head. A frame's
//! checksum goes on from that of the frame before. A transaction ends with a frame that has the file's size; with `synchronous=FULL` it
//! is synced before the next one is begun. So a frame whose checksum goes on from that of a transaction's last frame shows that this
//! transaction was whole on the disk.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek as _},
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
const SECTOR_BYTES: usize = 512;

/// Two sums of 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Checksum(u32, u32);

/// Both are drawn anew, and written to every frame, when a log is begun from its start.
type Salts = (u32, u32);

/// A frame's head, or the log's header where no frame is before.
#[derive(Debug, Clone, Copy)]
struct Head {
    /// Where it begins in the log.
    at: usize,
    /// How many pages the store has after this transaction, in its last frame; else 0.
    size: u32,
    salts: Salts,
    /// What it says its checksum is, and what that is.
    stored: Checksum,
    counted: Checksum,
    is_whole: bool,
}

/// How many transactions that were acknowledged SQLite would leave out of a log that nobody writes to: so many at least. 0: none, as
/// far as can be known. Of the log's last transaction it can't be known: it may be what a power cut has torn.
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
        // Not of our making.
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
        // The one before is as it was written, and only says another checksum.
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

/// A power cut may have left one of two sectors as it was before. So what a head says is relied upon only where the checksum beside it,
/// from which the next frame goes on, is of the same sector or includes it.
impl Head {
    fn is_commit(&self, is_included: bool) -> bool {
        self.size != 0 && (self.is_whole || is_included || self.is_in_one_sector(0))
    }

    /// Whether it is of the log that has these salts, or else of the one that the frame before is of. No checksum includes them.
    fn is_of(&self, salts: Option<Salts>, before: &Self) -> bool {
        let with_salts = if self.is_in_one_sector(8) { self } else { before };
        with_salts.is_in_one_sector(8) && salts.unwrap_or(before.salts) == with_salts.salts
    }

    /// Whether it lies in one sector from this byte on.
    fn is_in_one_sector(&self, from: usize) -> bool {
        (self.at + from) / SECTOR_BYTES == (self.at + FRAME_HEAD_BYTES - 1) / SECTOR_BYTES
    }
}

/// In which order the bytes of a word stand for the checksums.
#[derive(Debug, Clone, Copy)]
struct Order {
    is_big_endian: bool,
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
