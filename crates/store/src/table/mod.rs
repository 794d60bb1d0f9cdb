//! Describes each table once. From its columns come the texts of statements (`statement_text`), arguments,
//! the reading of rows, the copy, and both engines' DDL.

pub(crate) mod statement_text;
#[cfg(test)]
pub(crate) mod statements;
pub(crate) mod tables;
pub(crate) mod text_fields;

use billhook_wire::{
    Email, GoodId, Key, Login, Money, OrderId, PayStatus, Percent,
    method::{GoodType, TimerUnit},
};

use crate::{AccountId, Arg, Error, Row};

/// A column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    /// A number, or else a text.
    pub(crate) is_int: bool,
    /// The default for older rows, as SQL.
    pub(crate) default: &'static str,
    /// The version of the store that added it; 0: in the steps that are written out.
    pub(crate) since: usize,
}

/// One column of a row, or the columns of a nested part.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Columns {
    One(Column),
    Of(&'static [Columns]),
}

impl Columns {
    /// A column of type `T`.
    pub(crate) const fn one<T: Stored>(name: &'static str) -> Self {
        Self::One(Column { name, is_int: T::IS_INT, default: T::DEFAULT, since: 0 })
    }

    /// Sets the version that added the column. A nested part sets it for each of its columns.
    #[expect(clippy::panic, reason = "the compiler runs it, and stops there")]
    pub(crate) const fn since(self, since: usize) -> Self {
        match self {
            Self::One(column) => Self::One(Column { since, ..column }),
            Self::Of(_) => panic!("say `since` of the columns themselves"),
        }
    }

    /// Shows every column, in order.
    pub(crate) fn each(columns: &[Self], show: &mut dyn FnMut(&Column)) {
        for column in columns {
            match column {
                Self::One(column) => show(column),
                Self::Of(columns) => Self::each(columns, show),
            }
        }
    }
}

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [Columns],
    /// The columns of its primary key, in order.
    pub(crate) key: &'static [&'static str],
}

/// A value of a column.
pub(crate) trait Stored: Sized {
    const IS_INT: bool;
    const DEFAULT: &'static str = if Self::IS_INT { "0" } else { "''" };

    fn arg(&self) -> Arg<'_>;

    /// `None`: a value that we never write.
    fn of(arg: Arg<'_>) -> Option<Self>;
}

/// A row, or a part of one, that is read and written whole.
pub(crate) trait Stores: Sized {
    const COLUMNS: &'static [Columns];

    /// Adds its values in the order of the columns.
    fn args<'a>(&'a self, args: &mut Vec<Arg<'a>>);

    /// Reads it from the reader's position.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Error>;
}

/// Reads a row's columns one after the other.
pub(crate) struct Reader<'a> {
    row: &'a dyn Row,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(row: &'a dyn Row) -> Self {
        Self { row, at: 0 }
    }

    /// Starts after these columns.
    pub(crate) fn behind(row: &'a dyn Row, columns: &[Columns]) -> Self {
        let mut at = 0;
        Columns::each(columns, &mut |_| at += 1);
        Self { row, at }
    }

    /// Reads the next column as a text.
    pub(crate) fn text(&mut self) -> Result<&'a str, Error> {
        self.at += 1;
        self.row.text(self.at - 1)
    }

    /// Reads the next column. An error names the column, and the row by its first column.
    pub(crate) fn next<T: Stored>(&mut self, row: &str, column: &str) -> Result<T, Error> {
        let arg =
            if T::IS_INT { Arg::Int(self.row.int(self.at)?) } else { Arg::Text(self.row.text(self.at)?) };
        self.at += 1;
        T::of(arg).ok_or_else(|| match self.row.value(0) {
            Ok(Arg::Int(number)) => Error::damaged(&format!("{row} {number}: wrong {column}")),
            _ => Error::damaged(&format!("{row}: wrong {column}")),
        })
    }
}

/// Reads a whole row.
pub(crate) fn read<T: Stores>(row: &dyn Row) -> Result<T, Error> {
    T::read(&mut Reader::new(row))
}

/// The arguments that insert a row of an account.
pub(crate) fn args(account: AccountId, row: &impl Stores) -> Vec<Arg<'_>> {
    let mut args = vec![account.0.into()];
    row.args(&mut args);
    args
}

/// Describes a row: its nested parts, and the column of each other field, in order.
macro_rules! row {
    ($row:ty: $noun:literal {
        $(..$first:ident: $first_type:ty,)*
        $($column:ident: $held:ty = $($field:ident).+ $(since $since:literal)?,)*
        $(; ..$last:ident: $last_type:ty)?
    }) => {
        impl $crate::table::Stores for $row {
            const COLUMNS: &'static [$crate::table::Columns] = &[
                $($crate::table::Columns::Of(<$first_type as $crate::table::Stores>::COLUMNS),)*
                $($crate::table::Columns::one::<$held>(stringify!($column))$(.since($since))?,)*
                $($crate::table::Columns::Of(<$last_type as $crate::table::Stores>::COLUMNS),)?
            ];

            fn args<'a>(&'a self, args: &mut Vec<$crate::Arg<'a>>) {
                $($crate::table::Stores::args(&self.$first, args);)*
                $(args.push($crate::table::Stored::arg(&self.$($field).+));)*
                $($crate::table::Stores::args(&self.$last, args);)?
            }

            fn read(reader: &mut $crate::table::Reader<'_>) -> Result<Self, $crate::Error> {
                let mut row = Self::default();
                $(row.$first = $crate::table::Stores::read(reader)?;)*
                $(row.$($field).+ = reader.next::<$held>($noun, stringify!($column))?;)*
                $(row.$last = $crate::table::Stores::read(reader)?;)?
                Ok(row)
            }
        }
    };
}

macro_rules! stored {
    ($($type:ty: $is_int:literal, |$value:ident| $arg:expr, $of:pat => $made:expr;)+) => {$(
        impl $crate::table::Stored for $type {
            const IS_INT: bool = $is_int;

            fn arg(&self) -> $crate::Arg<'_> {
                let $value = self;
                $arg.into()
            }

            fn of(arg: $crate::Arg<'_>) -> Option<Self> {
                match arg {
                    $of => $made,
                    _ => None,
                }
            }
        }
    )+};
}

stored! {
    i64: true, |number| *number, Arg::Int(number) => Some(number);
    u32: true, |number| i64::from(*number), Arg::Int(number) => number.try_into().ok();
    bool: true, |flag| *flag, Arg::Int(flag) => Some(flag != 0);
    OrderId: true, |id| id.0, Arg::Int(id) => Some(Self(id));
    GoodId: true, |id| id.0, Arg::Int(id) => Some(Self(id));
    Money: true, |sum| sum.kopecks(), Arg::Int(kopecks) => Some(Self::from_kopecks(kopecks));
    Percent: true, |share| share.hundredths(), Arg::Int(share) => Self::from_hundredths(share).ok();
    String: false, |text| text.as_str(), Arg::Text(text) => Some(text.to_owned());
    Option<Email>: false, |email| email.as_ref().map_or("", Email::as_str),
        Arg::Text(text) => if text.is_empty() { Some(None) } else { Email::parse(text).ok().map(Some) };
    Login: false, |login| login.as_str(), Arg::Text(text) => Self::parse(text).ok();
    Key: false, |key| key.reveal(), Arg::Text(text) => Self::parse(text).ok();
    Option<Key>: false, |key| key.as_ref().map_or("", Key::reveal),
        Arg::Text(text) => if text.is_empty() { Some(None) } else { Key::parse(text).ok().map(Some) };
    PayStatus: false, |word| word.as_str(), Arg::Text(word) => Self::parse(word);
    GoodType: false, |word| word.as_str(), Arg::Text(word) => Self::parse(word);
    TimerUnit: false, |word| word.as_str(), Arg::Text(word) => Self::parse(word);
}

pub(crate) use {row, stored};
