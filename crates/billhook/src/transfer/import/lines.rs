//! The lines of a JSON Lines file, numbered as in an editor.

use std::io::{self, BufRead, Read as _};

use crate::record::{Fault, LINES_MAX, TEXT_BYTES_MAX, not_text};

/// The longest line or CSV order. An order with the most lines and the longest titles fits.
pub(super) const RECORD_BYTES_MAX: usize = 128 << 20;
const _: () = assert!(LINES_MAX * (TEXT_BYTES_MAX + 1_024) < RECORD_BYTES_MAX);

pub(super) struct Lines {
    reader: Box<dyn BufRead>,
    /// The number of the last line read; the first is 1.
    number: u64,
    line: Vec<u8>,
    line_bytes_max: usize,
    encoding: &'static str,
}

impl Lines {
    pub(super) fn new(reader: Box<dyn BufRead>, encoding: &'static str) -> Self {
        Self { reader, number: 0, line: Vec::new(), line_bytes_max: RECORD_BYTES_MAX, encoding }
    }

    /// The next line that is not blank, with its number.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Result<&str, Fault>)>> {
        loop {
            self.line.clear();
            self.number += 1;
            let limit = self.line_bytes_max as u64 + 1;
            if self.reader.by_ref().take(limit).read_until(b'\n', &mut self.line)? == 0 {
                return Ok(None);
            }
            if self.line.last() == Some(&b'\n') {
                self.line.pop();
            } else if self.line.len() > self.line_bytes_max {
                self.line = Vec::new();
                self.skip_rest()?;
                return Ok(Some((self.number, Err(Fault::new("the line is longer than 128 MiB")))));
            }
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        Ok(Some((self.number, std::str::from_utf8(&self.line).map_err(|_| not_text(self.encoding)))))
    }

    fn skip_rest(&mut self) -> io::Result<()> {
        self.reader.skip_until(b'\n').map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &'static [u8]) -> Vec<(u64, Result<String, String>)> {
        let mut lines = Lines::new(Box::new(bytes), "UTF-8");
        let mut all = Vec::new();
        while let Some((number, line)) = lines.next().unwrap() {
            all.push((number, line.map(str::to_owned).map_err(|fault| fault.0)));
        }
        all
    }

    #[test]
    fn blank_lines_count_but_say_nothing() {
        let line = |number, text: &str| (number, Ok(text.to_owned()));
        assert_eq!(read(b"a\r\n\n \t\r\nb"), [line(1, "a\r"), line(4, "b")]);
        assert_eq!(read(b""), []);
        let bad = (1, Err("not valid UTF-8: --encoding cp1251 names another encoding".to_owned()));
        assert_eq!(read(b"\xff\nb\n"), [bad, line(2, "b")]);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let text = [&[b'x'; 1_000][..], b"\n", &[b'y'; 10_000], b"\nb\n"].concat();
        let mut lines = Lines::new(Box::new(io::Cursor::new(text)), "UTF-8");
        lines.line_bytes_max = 1_000;
        assert_eq!(lines.next().unwrap().unwrap().1.unwrap().len(), 1_000);
        let too_long = Fault::new("the line is longer than 128 MiB");
        assert_eq!(lines.next().unwrap(), Some((2, Err(too_long))));
        assert!(lines.line.capacity() <= 2_002, "{} bytes are held", lines.line.capacity());
        assert_eq!(lines.next().unwrap(), Some((3, Ok("b"))));
    }
}
