//! Decodes text in other encodings to UTF-8.

use std::io::{self, BufRead, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding};

/// A byte that never occurs in UTF-8. It marks undecodable bytes, so that their line is refused.
const UNREADABLE: u8 = 0xff;
/// More than the longest character that a decoder writes.
const SMALLEST_READ: usize = 16;

/// Decodes while it is read. The byte order mark was removed before.
pub(super) struct Decoded<R> {
    inner: R,
    decoder: Decoder,
    /// Decoded bytes that did not fit into a very small read.
    left: Vec<u8>,
    mark_unreadable: bool,
    ended: bool,
}

impl<R: BufRead> Decoded<R> {
    pub(super) fn new(inner: R, encoding: &'static Encoding) -> Self {
        Self {
            inner,
            decoder: encoding.new_decoder_without_bom_handling(),
            left: Vec::new(),
            mark_unreadable: false,
            ended: false,
        }
    }

    fn decode(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if std::mem::take(&mut self.mark_unreadable) {
            if let Some(first) = out.first_mut() {
                *first = UNREADABLE;
            }
            return Ok(1);
        }
        while !self.ended {
            let encoded = self.inner.fill_buf()?;
            let last = encoded.is_empty();
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(encoded, out, last);
            self.inner.consume(read);
            self.ended = last && result == DecoderResult::InputEmpty;
            self.mark_unreadable = matches!(result, DecoderResult::Malformed(..));
            if written > 0 {
                return Ok(written);
            }
            if self.mark_unreadable {
                return self.decode(out);
            }
        }
        Ok(0)
    }
}

impl<R: BufRead> Read for Decoded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        if self.left.is_empty() {
            if out.len() >= SMALLEST_READ {
                return self.decode(out);
            }
            let mut decoded = [0; SMALLEST_READ];
            let bytes = self.decode(&mut decoded)?;
            self.left.extend(decoded.iter().take(bytes));
        }
        let bytes = self.left.len().min(out.len());
        for (to, from) in out.iter_mut().zip(self.left.drain(..bytes)) {
            *to = from;
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use encoding_rs::{SHIFT_JIS, UTF_16LE, WINDOWS_1251};

    use super::*;

    fn decoded(bytes: &[u8], encoding: &'static Encoding, piece: usize) -> Vec<u8> {
        let mut reader = Decoded::new(io::BufReader::with_capacity(piece, bytes), encoding);
        let mut out = Vec::new();
        let mut buffer = vec![0; piece];
        loop {
            match reader.read(&mut buffer).unwrap() {
                0 => return out,
                bytes => out.extend_from_slice(&buffer[..bytes]),
            }
        }
    }

    #[test]
    fn pieces_of_any_size() {
        let utf_16: Vec<u8> = "Анна 🎓".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for piece in [1, 2, 3, 15, 16, 17, 100] {
            assert_eq!(decoded(b"\xc0\xed\xed\xe0", WINDOWS_1251, piece), "Анна".as_bytes());
            assert_eq!(decoded(&utf_16, UTF_16LE, piece), "Анна 🎓".as_bytes());
        }
    }

    #[test]
    fn what_cannot_be_read_is_marked() {
        for piece in [1, 16] {
            assert_eq!(decoded(b"a\x81\xffb", SHIFT_JIS, piece), b"a\xffb");
            // Half a surrogate pair, and half a unit at the end.
            assert_eq!(decoded(b"a\0\x3d\xd8b\0c", UTF_16LE, piece), b"a\xffb\xff");
        }
    }
}
