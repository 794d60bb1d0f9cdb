//! Contacts as CSV: one row each.

use std::io::{self, Write};

use billhook_store::contacts::{Contact, ContactText};
use billhook_wire::{Email, method::SubscriptionStatus as Status};
use jiff::tz::TimeZone;

use super::{
    ContactEntry, Fault, Value,
    contact::{PLAIN, group_name, name},
    csv::{Row, Writer, text},
    quoted, unknown,
};

const TAGS: &str = "tags";
const GROUPS: &str = "groups";

/// Every column, in the order of an export.
fn names() -> impl Iterator<Item = &'static str> + Clone {
    PLAIN.into_iter().chain(ContactText::ALL.into_iter().map(ContactText::name)).chain([TAGS, GROUPS])
}

/// The columns that a file's header names. One without a name is always empty.
#[derive(Debug)]
pub(crate) struct Columns {
    all: Vec<&'static str>,
    /// The file's encoding, for messages.
    encoding: &'static str,
}

impl Columns {
    pub(crate) fn read(header: &Row, encoding: &'static str) -> Result<Self, Fault> {
        let mut all = Vec::new();
        for cell in header.cells() {
            let given = text(cell, encoding)?.trim();
            let column = names().chain([""]).find(|name| name.eq_ignore_ascii_case(given));
            let others = ContactText::ALL.into_iter().map(ContactText::name);
            let listed = PLAIN.into_iter().chain([TAGS, GROUPS]);
            let column = column.ok_or_else(|| unknown("column", &[given], listed, others))?;
            if !column.is_empty() && all.contains(&column) {
                return Err(Fault(format!("the column `{column}` occurs twice")));
            }
            all.push(column);
        }
        Ok(Self { all, encoding })
    }

    /// Reads the contact of a row.
    pub(crate) fn contact(&self, row: &Row, zone: &TimeZone) -> Result<ContactEntry, Fault> {
        let mut entry = ContactEntry::default();
        let cells = row.cells().count();
        if cells != self.all.len() {
            return Err(Fault(format!("the row has {cells} cells, the header has {}", self.all.len())));
        }
        for (column, cell) in self.all.iter().zip(row.cells()).filter(|(_, cell)| !cell.is_empty()) {
            text(cell, self.encoding)
                .and_then(|cell| set(&mut entry, column, cell, zone))
                .map_err(|fault| fault.at(format_args!("`{column}`")))?;
        }
        entry.check()?;
        Ok(entry)
    }
}

fn set(entry: &mut ContactEntry, column: &str, cell: &str, zone: &TimeZone) -> Result<(), Fault> {
    let mut names = cell.split(',').map(str::trim).filter(|name| !name.is_empty());
    match column {
        "" => Err(Fault(format!("{} is in a column without a name", quoted(cell)))),
        TAGS => names.try_for_each(|tag| {
            entry.tag(name(Value::Text(tag.into()))?);
            Ok(())
        }),
        GROUPS => names.try_for_each(|group| {
            entry.join(group_name(Value::Text(group.into()))?);
            Ok(())
        }),
        _ => entry.set(column, Value::Text(cell.into()), zone),
    }
}

pub(crate) fn write_header(out: &mut Writer<impl Write>) -> io::Result<()> {
    out.row(names())
}

/// Writes a contact, with the groups that it is subscribed to.
pub(crate) fn write(entry: &ContactEntry, out: &mut Writer<impl Write>) -> io::Result<()> {
    let Contact { id, email, created, changed, manager, texts, .. } = &entry.contact;
    out.cell(id.to_string())?;
    out.cell(email.as_ref().map_or("", Email::as_str))?;
    out.cell(created.to_string())?;
    out.cell(changed.to_string())?;
    out.cell(if *manager == 0 { String::new() } else { manager.to_string() })?;
    ContactText::ALL.into_iter().try_for_each(|field| out.cell(texts.get(field)))?;
    out.cell(entry.tags.join(","))?;
    let joined = entry.subscriptions.iter().filter(|(_, place)| place.status == Status::Subscribe);
    out.cell(joined.map(|(group, _)| &**group).collect::<Vec<_>>().join(","))?;
    out.end_row()
}
