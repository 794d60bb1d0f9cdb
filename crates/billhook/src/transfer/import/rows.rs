//! The rows of a CSV file, grouped into orders, with lines numbered as in an editor.

use std::io::{self, BufRead, Cursor, Read as _};

use csv_core::ReadRecordResult;
use jiff::tz::TimeZone;

use super::{
    found::{Found, Unreadable},
    lines::RECORD_BYTES_MAX,
};
use crate::record::{
    Entry, Fault, LINES_MAX, Record, contact_csv,
    csv::{Columns, Row},
};

/// The longest row. All cells of an order together are shorter; a longer row lacks a closing quote.
const ROW_BYTES_MAX: usize = 16 << 20;

pub(super) struct Rows {
    reader: RowReader,
    columns: Columns,
    /// The row after the last record.
    ahead: Option<Row>,
    order_bytes_max: usize,
    zone: TimeZone,
}

impl Rows {
    /// Reads the header.
    pub(super) fn open(
        text: Box<dyn BufRead>,
        encoding: &'static str,
        zone: TimeZone,
    ) -> Result<Self, Unreadable> {
        let mut reader = RowReader::open(text)?;
        let header = reader.next()?.ok_or_else(no_header)?;
        let columns =
            Columns::read(&header, encoding).map_err(|fault| Unreadable::Line(header.line, fault))?;
        let ahead = reader.next()?;
        Ok(Self { reader, columns, ahead, order_bytes_max: RECORD_BYTES_MAX, zone })
    }

    pub(super) fn next(&mut self) -> Result<Option<Found>, Unreadable> {
        let Some(first) = self.ahead.take() else { return Ok(None) };
        let line = first.line;
        let order = self.columns.order_of(&first).to_vec();
        let mut bytes = first.bytes();
        let mut others = Vec::new();
        let mut too_long = None;
        while let Some(row) = self.reader.next()? {
            if order.is_empty() || self.columns.order_of(&row) != order {
                self.ahead = Some(row);
                break;
            }
            bytes += row.bytes();
            if bytes > self.order_bytes_max {
                too_long.get_or_insert((row.line, Fault::new("the order is longer than 128 MiB")));
            } else if others.len() < LINES_MAX {
                others.push(row);
            }
        }
        let record = match too_long {
            Some(fault) => Err(fault),
            None => self.columns.record(&first, &others, &self.zone),
        };
        Ok(Some(match record {
            Ok(record) => Found { line, record: Ok(record) },
            Err((line, fault)) => Found { line, record: Err(fault) },
        }))
    }
}

/// The rows of a CSV file of contacts.
pub(super) struct ContactRows {
    reader: RowReader,
    columns: contact_csv::Columns,
    zone: TimeZone,
}

impl ContactRows {
    /// Reads the header.
    pub(super) fn open(
        text: Box<dyn BufRead>,
        encoding: &'static str,
        zone: TimeZone,
    ) -> Result<Self, Unreadable> {
        let mut reader = RowReader::open(text)?;
        let header = reader.next()?.ok_or_else(no_header)?;
        let columns = contact_csv::Columns::read(&header, encoding);
        let columns = columns.map_err(|fault| Unreadable::Line(header.line, fault))?;
        Ok(Self { reader, columns, zone })
    }

    pub(super) fn next(&mut self) -> Result<Option<Found>, Unreadable> {
        let Some(row) = self.reader.next()? else { return Ok(None) };
        let contact = self.columns.contact(&row, &self.zone);
        let record = contact.map(|contact| Record::Entry(Entry::Contact(Box::new(contact))));
        Ok(Some(Found { line: row.line, record }))
    }
}

fn no_header() -> Unreadable {
    Unreadable::Line(1, Fault::new("the file is empty: a header with the columns' names is expected"))
}

/// Reads row by row, and counts lines.
pub(crate) struct RowReader {
    text: Box<dyn BufRead>,
    core: csv_core::Reader,
    /// The line that is read next.
    line: u64,
}

impl RowReader {
    /// The delimiter of the first line's cells is the file's.
    pub(crate) fn open(mut text: Box<dyn BufRead>) -> io::Result<Self> {
        let mut start = Vec::new();
        text.by_ref().take(ROW_BYTES_MAX as u64).read_until(b'\n', &mut start)?;
        let core = csv_core::ReaderBuilder::new().delimiter(delimiter(&start)).build();
        Ok(Self { text: Box::new(Cursor::new(start).chain(text)), core, line: 1 })
    }

    /// The next row that is not empty.
    pub(crate) fn next(&mut self) -> Result<Option<Row>, Unreadable> {
        loop {
            self.skip_line_breaks()?;
            let row = self.row()?;
            if row.as_ref().is_none_or(|row| !row.is_blank()) {
                return Ok(row);
            }
        }
    }

    fn skip_line_breaks(&mut self) -> io::Result<()> {
        loop {
            let input = self.text.fill_buf()?;
            let breaks = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            if breaks == 0 {
                return Ok(());
            }
            self.line += line_breaks(input.get(..breaks).unwrap_or_default());
            self.text.consume(breaks);
        }
    }

    fn row(&mut self) -> Result<Option<Row>, Unreadable> {
        let first_line = self.line;
        let (mut cells, mut ends) = (vec![0; 512], vec![0; 64]);
        let (mut cells_len, mut ends_len) = (0, 0);
        let mut begun = false;
        loop {
            let input = self.text.fill_buf()?;
            let at_end = input.is_empty();
            if at_end && !begun {
                return Ok(None);
            }
            begun = true;
            // A last line without a line break still ends its row, unless a quote is open.
            let input = if at_end { b"\n" } else { input };
            let (result, read, cell_bytes, cell_ends) = self.core.read_record(
                input,
                cells.get_mut(cells_len..).unwrap_or_default(),
                ends.get_mut(ends_len..).unwrap_or_default(),
            );
            self.line += line_breaks(input.get(..read).unwrap_or_default());
            if !at_end {
                self.text.consume(read);
            }
            cells_len += cell_bytes;
            ends_len += cell_ends;
            match result {
                ReadRecordResult::InputEmpty if at_end => {
                    return Err(Unreadable::Line(
                        first_line,
                        Fault::new("a quote is opened here and never closed"),
                    ));
                }
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if cells.len() > ROW_BYTES_MAX => {
                    let text = "the row is longer than 16 MiB: a closing quote may be missing";
                    return Err(Unreadable::Line(first_line, Fault::new(text)));
                }
                ReadRecordResult::OutputFull => cells.resize(cells.len() * 2, 0),
                ReadRecordResult::OutputEndsFull if ends.len() > 1 << 16 => {
                    return Err(Unreadable::Line(
                        first_line,
                        Fault::new("the row has more than 65,536 cells"),
                    ));
                }
                ReadRecordResult::OutputEndsFull => ends.resize(ends.len() * 2, 0),
                ReadRecordResult::Record => {
                    cells.truncate(cells_len);
                    ends.truncate(ends_len);
                    return Ok(Some(Row::new(first_line, cells, ends)));
                }
                ReadRecordResult::End => return Ok(None),
            }
        }
    }
}

fn line_breaks(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

/// The most frequent delimiter in the header, outside of quotes.
fn delimiter(header: &[u8]) -> u8 {
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for byte in header {
        if *byte == b'"' {
            quoted = !quoted;
        } else if !quoted && let Some((_, count)) = counts.iter_mut().find(|(delimiter, _)| delimiter == byte)
        {
            *count += 1;
        }
    }
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| delimiter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_is_too_long_is_passed_over() {
        let row = format!("1,,7,{}\n", "x".repeat(96));
        let text = format!("id,email,item_id,item_good_title\n1,a@b,7,\n{}2,a@b,7,x\n", row.repeat(20));
        let mut rows = Rows::open(Box::new(Cursor::new(text)), "UTF-8", TimeZone::UTC).unwrap();
        // The first row holds 5 bytes, each of the others 98.
        rows.order_bytes_max = 1_000;
        let found = rows.next().unwrap().unwrap();
        assert_eq!(
            (found.line, found.record.unwrap_err().0.as_str()),
            (13, "the order is longer than 128 MiB")
        );
        let found = rows.next().unwrap().unwrap();
        assert!(found.line == 23 && found.record.is_ok());
        assert!(rows.next().unwrap().is_none());
    }
}
