//! Builds the texts of statements at compile time, with lists of columns from the tables' descriptions.

use crate::table::{Column, Columns, Table};

/// A part of a statement's text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Piece {
    Text(&'static str),
    /// The columns, each with this prefix.
    List(&'static [Columns], &'static str),
    Names(&'static [&'static str]),
    /// An empty text for each column.
    Blank(&'static [Columns]),
    Insert(&'static Table),
    /// An insert that replaces the row with the same key.
    Upsert(&'static Table),
    /// The DDL for this version of the store: it creates the table, or adds the version's columns.
    Step(&'static Table, usize, Dialect),
}

/// An engine's DDL dialect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    pub(crate) int: &'static str,
    pub(crate) text: &'static str,
    /// The type of a text in a key.
    pub(crate) key: &'static str,
    /// The text after a table's columns.
    pub(crate) end: &'static str,
    /// What version 6 gives the orders that are there: how it gets the keys' columns ready, then the keys of phone and surname as
    /// `orders` makes them.
    pub(crate) keys_ready: &'static str,
    pub(crate) phone_key: &'static str,
    pub(crate) surname_key: &'static str,
    /// The index that version 6 gives reports, if any.
    pub(crate) reports: &'static str,
    /// How version 8 keeps the bodies of events without a page of its own for each, if that is needed.
    pub(crate) large_events: &'static str,
    /// How version 8 gets the columns ready that contacts are found by.
    pub(crate) contact_keys: &'static str,
}

/// Concatenates texts and [`Piece`]s.
macro_rules! text {
    (@piece $text:literal) => { $crate::table::statement_text::Piece::Text($text) };
    (@piece $piece:expr) => { $piece };
    ($($piece:expr),+ $(,)?) => {{
        use $crate::table::statement_text::{Piece, Writer};
        const PIECES: &[Piece] = &[$($crate::table::statement_text::text!(@piece $piece)),+];
        const LENGTH: usize = Writer::<0>::write(PIECES).length;
        const BYTES: [u8; LENGTH] = Writer::<LENGTH>::write(PIECES).bytes;
        match std::str::from_utf8(&BYTES) {
            Ok(text) => text,
            Err(_) => "",
        }
    }};
}

/// A statement: its name, and its text in the form of [`text`].
macro_rules! sql {
    ($name:expr, $($piece:expr),+ $(,)?) => {
        $crate::Sql::new($name, $crate::table::statement_text::text!($($piece),+))
    };
}

/// The form of a column in a list.
#[derive(Clone, Copy)]
enum Style {
    Name(&'static str),
    Blank,
    Place,
    /// In an upsert: an assignment, for columns outside the key.
    Update(&'static [&'static str]),
    /// In a new table.
    New(&'static Table, usize, Dialect),
    /// As a statement that adds it.
    Added(&'static Table, usize, Dialect),
}

/// Writes a text at compile time. With length 0 it only measures it.
pub(crate) struct Writer<const LENGTH: usize> {
    pub(crate) bytes: [u8; LENGTH],
    pub(crate) length: usize,
}

impl<const LENGTH: usize> Writer<LENGTH> {
    pub(crate) const fn write(mut pieces: &[Piece]) -> Self {
        let mut writer = Self { bytes: [0; LENGTH], length: 0 };
        while let [piece, rest @ ..] = pieces {
            match *piece {
                Piece::Text(text) => writer.text(text),
                Piece::List(columns, before) => _ = writer.list(columns, Style::Name(before), 0),
                Piece::Names(names) => writer.names(names),
                Piece::Blank(columns) => _ = writer.list(columns, Style::Blank, 0),
                Piece::Insert(table) => writer.insert(table),
                Piece::Upsert(table) => {
                    writer.insert(table);
                    writer.text(" ON CONFLICT (");
                    writer.names(table.key);
                    writer.text(") DO UPDATE SET ");
                    writer.list(table.columns, Style::Update(table.key), 0);
                }
                Piece::Step(table, version, dialect) if is_new(table.columns, version) => {
                    writer.text("CREATE TABLE ");
                    writer.text(table.name);
                    writer.text(" (");
                    writer.list(table.columns, Style::New(table, version, dialect), 0);
                    writer.text(", PRIMARY KEY (");
                    writer.names(table.key);
                    writer.text("))");
                    writer.text(dialect.end);
                    writer.text(";\n");
                }
                Piece::Step(table, version, dialect) => {
                    writer.list(table.columns, Style::Added(table, version, dialect), 0);
                }
            }
            pieces = rest;
        }
        writer
    }

    const fn insert(&mut self, table: &Table) {
        self.text("INSERT INTO ");
        self.text(table.name);
        self.text(" (");
        self.list(table.columns, Style::Name(""), 0);
        self.text(") VALUES (");
        self.list(table.columns, Style::Place, 0);
        self.text(")");
    }

    const fn list(&mut self, mut columns: &[Columns], style: Style, mut count: usize) -> usize {
        while let [first, rest @ ..] = columns {
            columns = rest;
            let column = match first {
                Columns::Of(part) => {
                    count = self.list(part, style, count);
                    continue;
                }
                Columns::One(column) => column,
            };
            let is_meant = match style {
                Style::Update(key) => !has(key, column.name),
                Style::New(_, version, _) | Style::Added(_, version, _) => column.since == version,
                Style::Name(_) | Style::Blank | Style::Place => true,
            };
            if is_meant {
                count += 1;
                self.column(column, style, count);
            }
        }
        count
    }

    /// Writes the `count`th column of a list.
    const fn column(&mut self, column: &Column, style: Style, count: usize) {
        self.text(if count > 1 && !matches!(style, Style::Added(..)) { ", " } else { "" });
        match style {
            Style::Name(before) => {
                self.text(before);
                self.text(column.name);
            }
            Style::Blank => self.text("''"),
            Style::Place => {
                self.text("$");
                self.number(count);
            }
            Style::Update(_) => {
                self.text(column.name);
                self.text(" = excluded.");
                self.text(column.name);
            }
            Style::New(table, _, dialect) => self.definition(column, table, dialect),
            Style::Added(table, _, dialect) => {
                self.text("ALTER TABLE ");
                self.text(table.name);
                self.text(" ADD COLUMN ");
                self.definition(column, table, dialect);
                self.text(" DEFAULT ");
                self.text(column.default);
                self.text(";\n");
            }
        }
    }

    const fn definition(&mut self, column: &Column, table: &Table, dialect: Dialect) {
        self.text(column.name);
        self.text(" ");
        self.text(match column.is_int {
            true => dialect.int,
            false if has(table.key, column.name) => dialect.key,
            false => dialect.text,
        });
        self.text(" NOT NULL");
    }

    const fn names(&mut self, names: &[&str]) {
        let mut left = names;
        while let [name, rest @ ..] = left {
            self.text(if left.len() < names.len() { ", " } else { "" });
            self.text(name);
            left = rest;
        }
    }

    const fn number(&mut self, number: usize) {
        if number >= 10 {
            self.number(number / 10);
        }
        let (_, digits) = "0123456789".split_at(number % 10);
        self.text(digits.split_at(1).0);
    }

    #[expect(clippy::indexing_slicing, reason = "the compiler runs it, and has measured")]
    const fn text(&mut self, text: &str) {
        let mut bytes = text.as_bytes();
        while let [byte, rest @ ..] = bytes {
            if LENGTH > 0 {
                self.bytes[self.length] = *byte;
            }
            self.length += 1;
            bytes = rest;
        }
    }
}

/// Whether all columns came with this version.
const fn is_new(mut columns: &[Columns], version: usize) -> bool {
    while let [first, rest @ ..] = columns {
        let is_new = match first {
            Columns::One(column) => column.since >= version,
            Columns::Of(part) => is_new(part, version),
        };
        if !is_new {
            return false;
        }
        columns = rest;
    }
    true
}

const fn has(mut names: &[&str], name: &str) -> bool {
    while let [first, rest @ ..] = names {
        let (mut one, mut other) = (first.as_bytes(), name.as_bytes());
        while let ([a, after @ ..], [b, behind @ ..]) = (one, other)
            && *a == *b
        {
            (one, other) = (after, behind);
        }
        if one.is_empty() && other.is_empty() {
            return true;
        }
        names = rest;
    }
    false
}

pub(crate) use {sql, text};

#[cfg(test)]
mod tests {
    use crate::engine::{POSTGRES, SQLITE};

    use super::*;

    const NAMES: &[Columns] = &[Columns::one::<String>("name"), Columns::one::<bool>("is_old").since(5)];
    const PEOPLE: Table = Table {
        name: "people",
        columns: &[Columns::one::<i64>("account_id"), Columns::one::<i64>("person"), Columns::Of(NAMES)],
        key: &["account_id", "person"],
    };
    const TAGS: Table = Table {
        name: "tags",
        columns: &[Columns::one::<String>("tag").since(5), Columns::one::<i64>("made").since(5), LATER],
        key: &["tag"],
    };
    const LATER: Columns = Columns::one::<String>("note").since(6);
    const ELEVEN: Table = Table { name: "t", columns: &[LATER; 11], key: &[] };

    #[test]
    fn columns_come_in_every_list_by_their_order() {
        assert_eq!(
            text!("SELECT ", Piece::List(NAMES, "p."), " FROM people p"),
            "SELECT p.name, p.is_old FROM people p"
        );
        assert_eq!(
            text!(Piece::Upsert(&PEOPLE)),
            "INSERT INTO people (account_id, person, name, is_old) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (account_id, person) DO UPDATE SET name = excluded.name, is_old = excluded.is_old"
        );
        assert_eq!(text!(Piece::Blank(NAMES), "; ", Piece::Names(PEOPLE.key)), "'', ''; account_id, person");
        assert!(text!(Piece::Insert(&ELEVEN)).ends_with("$9, $10, $11)"));
    }

    #[test]
    fn a_step_makes_what_came_with_its_version() {
        let sqlite = text!(Piece::Step(&PEOPLE, 5, SQLITE), Piece::Step(&TAGS, 5, SQLITE));
        assert_eq!(
            sqlite,
            "ALTER TABLE people ADD COLUMN is_old INTEGER NOT NULL DEFAULT 0;\n\
             CREATE TABLE tags (tag TEXT NOT NULL, made INTEGER NOT NULL, PRIMARY KEY (tag)) STRICT, WITHOUT ROWID;\n"
        );
        let postgres = text!(Piece::Step(&TAGS, 5, POSTGRES), Piece::Step(&TAGS, 6, POSTGRES));
        assert_eq!(
            postgres,
            "CREATE TABLE tags (tag TEXT COLLATE \"C\" NOT NULL, made BIGINT NOT NULL, PRIMARY KEY (tag));\n\
             ALTER TABLE tags ADD COLUMN note TEXT NOT NULL DEFAULT '';\n"
        );
        assert_eq!(text!(Piece::Step(&PEOPLE, 7, SQLITE)), "");
    }
}
