//! Reads a source's records in either format.

use std::{cell::Cell, rc::Rc};

use encoding_rs::Encoding;
use jiff::tz::TimeZone;

use super::{
    found::{Found, Unreadable},
    lines::Lines,
    rows::{ContactRows, Rows},
    source::Source,
};
use crate::record::{Format, json};

pub(super) enum Records {
    Jsonl { lines: Lines, zone: TimeZone },
    Csv(Box<Rows>),
    Contacts(Box<ContactRows>),
}

impl Records {
    /// Starts at the source's beginning; `done` counts its bytes. CSV has orders or `contacts`.
    pub(super) fn open(
        source: &Source,
        (format, contacts): (Format, bool),
        encoding: Option<&'static Encoding>,
        zone: &TimeZone,
        done: &Rc<Cell<u64>>,
    ) -> Result<Self, Unreadable> {
        let text = source.text(encoding, done)?;
        let (encoding, zone) = (text.encoding.name(), zone.clone());
        Ok(match format {
            Format::Jsonl => Self::Jsonl { lines: Lines::new(text.reader, encoding), zone },
            Format::Csv if contacts => {
                Self::Contacts(Box::new(ContactRows::open(text.reader, encoding, zone)?))
            }
            Format::Csv => Self::Csv(Box::new(Rows::open(text.reader, encoding, zone)?)),
        })
    }

    pub(super) fn next(&mut self) -> Result<Option<Found>, Unreadable> {
        match self {
            Self::Csv(rows) => rows.next(),
            Self::Contacts(rows) => rows.next(),
            Self::Jsonl { lines, zone } => {
                let next = lines.next()?;
                Ok(next
                    .map(|(line, text)| Found { line, record: text.and_then(|text| json::read(text, zone)) }))
            }
        }
    }
}
