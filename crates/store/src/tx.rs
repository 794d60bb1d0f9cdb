//! A transaction for the domain functions: static SQL, arguments, rows. It hides the engine.

use std::ops::ControlFlow;

use crate::{
    Error, Kind,
    products::product_versions::{KnownVersions, UsedVersions},
};

/// A statement: its name for messages, and its text in the dialect that all engines share.
///
/// Parameters are `$1`, `$2`, … in the order of their first appearance; engines check that.
#[derive(Debug)]
pub struct Sql {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

impl Sql {
    /// A statement, named after the function that runs it.
    pub const fn new(name: &'static str, text: &'static str) -> Self {
        Self { name, text }
    }

    /// The name, for messages and tests.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The text.
    pub const fn text(&self) -> &'static str {
        self.text
    }
}

/// An argument of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arg<'a> {
    /// A number, a time, a sum in kopecks, or a flag.
    Int(i64),
    /// A text.
    Text(&'a str),
}

impl From<i64> for Arg<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Arg<'_> {
    fn from(flag: bool) -> Self {
        Self::Int(flag.into())
    }
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Arg<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

/// A value of its own: it outlives its row, or the call that it is an argument of.
pub(crate) enum Value {
    Int(i64),
    Text(Box<str>),
}

impl Value {
    pub(crate) fn arg(&self) -> Arg<'_> {
        match self {
            Self::Int(number) => Arg::Int(*number),
            Self::Text(text) => Arg::Text(text),
        }
    }
}

impl From<Arg<'_>> for Value {
    fn from(arg: Arg<'_>) -> Self {
        match arg {
            Arg::Int(number) => Self::Int(number),
            Arg::Text(text) => Self::Text(text.into()),
        }
    }
}

/// One row of a result, with columns counted from 0.
pub trait Row {
    /// A number.
    fn int(&self, column: usize) -> Result<i64, Error>;
    /// A text.
    fn text(&self, column: usize) -> Result<&str, Error>;

    /// How many columns it has.
    fn width(&self) -> usize;
    /// A number or a text.
    fn value(&self, column: usize) -> Result<Arg<'_>, Error>;

    /// A flag.
    fn flag(&self, column: usize) -> Result<bool, Error> {
        Ok(self.int(column)? != 0)
    }
}

/// The statements of one open transaction.
pub(crate) trait Statements: Send {
    /// Runs a statement and passes each row to `each`, until the end or until `each` stops it.
    fn rows(
        &mut self,
        sql: &'static Sql,
        args: &[Arg<'_>],
        each: &mut dyn FnMut(&dyn Row) -> ControlFlow<()>,
    ) -> Result<(), Error>;

    /// Runs a statement without rows; returns how many rows it changed.
    fn execute(&mut self, sql: &'static Sql, args: &[Arg<'_>]) -> Result<u64, Error>;

    /// Runs a statement without rows, once for each row of arguments.
    fn execute_each(
        &mut self,
        sql: &'static Sql,
        rows: &mut dyn Iterator<Item = Vec<Arg<'_>>>,
    ) -> Result<(), Error>;

    /// Runs a statement with rows once for each row of arguments. Each row comes with its arguments' index.
    fn rows_each(
        &mut self,
        sql: &'static Sql,
        all: &[Vec<Arg<'_>>],
        each: &mut dyn FnMut(usize, &dyn Row) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        for (at, args) in all.iter().enumerate() {
            self.rows(sql, args, &mut |row| each(at, row))?;
        }
        Ok(())
    }

    /// Runs a few statements without rows, one after the other.
    fn execute_all(&mut self, statements: &[(&'static Sql, Vec<Arg<'_>>)]) -> Result<(), Error> {
        statements.iter().try_for_each(|(sql, args)| self.execute(sql, args).map(drop))
    }

    /// Whether write transactions run one at a time.
    fn runs_alone(&self) -> bool {
        true
    }

    /// A reserved number for a new order of the account. `None` if the transaction must find one itself:
    /// transactions run one at a time, or hardly any numbers are left.
    fn order_number(&mut self, account: i64) -> Result<Option<i64>, Error> {
        let _ = account;
        Ok(None)
    }
}

/// An open transaction.
pub struct Tx<'a> {
    engine: &'a mut dyn Statements,
    on_commit: Vec<Box<dyn FnOnce() + Send>>,
    broken: Option<Error>,
    /// How many more statements may run; `None`: any number.
    left: Option<u32>,
    /// How many more rows may come; `None`: any number.
    rows_left: Option<u32>,
    /// Whether there were more rows.
    is_cut: bool,
    known_versions: Option<&'a KnownVersions>,
    used_versions: UsedVersions,
    events_are_muted: bool,
}

impl<'a> Tx<'a> {
    pub(crate) fn writing(engine: &'a mut dyn Statements) -> Self {
        Self {
            engine,
            on_commit: Vec::new(),
            broken: None,
            left: None,
            rows_left: None,
            is_cut: false,
            known_versions: None,
            used_versions: UsedVersions::default(),
            events_are_muted: false,
        }
    }

    pub(crate) fn reading(
        engine: &'a mut dyn Statements,
        known: &'a KnownVersions,
        statements: Option<u32>,
    ) -> Self {
        Self { known_versions: Some(known), left: statements, ..Self::writing(engine) }
    }

    /// Whether write transactions run one at a time, so that none can be overtaken.
    pub(crate) fn runs_alone(&self) -> bool {
        self.engine.runs_alone()
    }

    /// Makes statements fail that return more rows than this in all.
    pub(crate) fn limit_rows(&mut self, most: u32) {
        self.rows_left = Some(most);
    }

    /// Whether there were more rows than [`Self::limit_rows`] allows.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Runs a statement and passes each row to `each`, which may stop with an error of its own.
    pub fn rows<E: From<Error>>(
        &mut self,
        sql: &'static Sql,
        args: &[Arg<'_>],
        mut each: impl FnMut(&dyn Row) -> Result<(), E>,
    ) -> Result<(), E> {
        self.count(sql)?;
        let mut stopped = None;
        let (rows_left, is_cut) = (&mut self.rows_left, &mut self.is_cut);
        let outcome = self.engine.rows(sql, args, &mut |row| {
            match rows_left {
                None => {}
                Some(0) => {
                    *is_cut = true;
                    let text = format!("store: {}: more rows than a brief read takes", sql.name);
                    stopped = Some(Error::new(Kind::TooLarge, text).into());
                    return ControlFlow::Break(());
                }
                Some(left) => *left -= 1,
            }
            match each(row) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    stopped = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        self.note(outcome)?;
        stopped.map_or(Ok(()), Err)
    }

    /// Runs a statement that returns at most one row.
    pub fn row<T>(
        &mut self,
        sql: &'static Sql,
        args: &[Arg<'_>],
        read: impl Fn(&dyn Row) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let mut found = None;
        self.rows(sql, args, |row| {
            found = Some(read(row)?);
            Ok::<(), Error>(())
        })?;
        Ok(found)
    }

    /// Runs a statement that gives one number, which counts something.
    pub(crate) fn counted(&mut self, sql: &'static Sql, args: &[Arg<'_>]) -> Result<u64, Error> {
        Ok(self.row(sql, args, |row| row.int(0))?.unwrap_or(0).unsigned_abs())
    }

    /// Every row of a statement.
    pub(crate) fn all<T>(
        &mut self,
        sql: &'static Sql,
        args: &[Arg<'_>],
        read: impl Fn(&dyn Row) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        self.rows(sql, args, |row| read(row).map(|read| all.push(read)))?;
        Ok(all)
    }

    /// Runs a statement that adds one row, and returns its number.
    pub(crate) fn added(&mut self, sql: &'static Sql, args: &[Arg<'_>]) -> Result<i64, Error> {
        self.row(sql, args, |row| row.int(0))?
            .ok_or_else(|| Error::new(Kind::Statement, format!("store: {}: no number was given", sql.name)))
    }

    /// Runs a statement without rows; returns how many rows it changed.
    pub fn execute(&mut self, sql: &'static Sql, args: &[Arg<'_>]) -> Result<u64, Error> {
        self.count(sql)?;
        let outcome = self.engine.execute(sql, args);
        self.note(outcome)
    }

    /// Runs a statement without rows once for each row of arguments.
    pub(crate) fn execute_each(
        &mut self,
        sql: &'static Sql,
        rows: &mut dyn Iterator<Item = Vec<Arg<'_>>>,
    ) -> Result<(), Error> {
        self.count(sql)?;
        let outcome = self.engine.execute_each(sql, rows);
        self.note(outcome)
    }

    /// Runs a statement for each row of arguments, maybe pipelined. Passes rows with their arguments' index.
    pub(crate) fn rows_each(
        &mut self,
        sql: &'static Sql,
        all: &[Vec<Arg<'_>>],
        mut each: impl FnMut(usize, &dyn Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for _ in all {
            self.count(sql)?;
        }
        let mut stopped = None;
        let outcome = self.engine.rows_each(sql, all, &mut |at, row| match each(at, row) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                stopped = Some(error);
                ControlFlow::Break(())
            }
        });
        self.note(outcome)?;
        stopped.map_or(Ok(()), Err)
    }

    /// Runs a few statements without rows. An engine may pipeline them.
    pub(crate) fn execute_all(&mut self, statements: &[(&'static Sql, Vec<Arg<'_>>)]) -> Result<(), Error> {
        for (sql, _) in statements {
            self.count(sql)?;
        }
        let outcome = self.engine.execute_all(statements);
        self.note(outcome)
    }

    /// Calls `act` once the transaction is durable, and never if it is not. It is the only side effect that a
    /// body, which may run twice, can have.
    pub fn on_commit(&mut self, act: impl FnOnce() + Send + 'static) {
        self.on_commit.push(Box::new(act));
    }

    /// Runs a statement whose rows never change. It does not count towards the limits of statements and rows,
    /// because its result is cached.
    pub(crate) fn rows_that_never_change(
        &mut self,
        sql: &'static Sql,
        args: &[Arg<'_>],
        each: impl FnMut(&dyn Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (left, rows_left) = (self.left.take(), self.rows_left.take());
        let done = self.rows(sql, args, each);
        (self.left, self.rows_left) = (left, rows_left);
        done
    }

    /// A reserved number for a new order of the account, if the engine reserves numbers.
    pub(crate) fn order_number(&mut self, account: i64) -> Result<Option<i64>, Error> {
        let outcome = self.engine.order_number(account);
        self.note(outcome)
    }

    /// From here on, nobody is told of what this transaction changes.
    pub fn mute_events(&mut self) {
        self.events_are_muted = true;
    }

    /// Whether nobody is told of what this transaction does.
    pub fn events_are_muted(&self) -> bool {
        self.events_are_muted
    }

    /// The cache of product versions in read transactions; `None` in a write transaction.
    pub(crate) fn known_versions(&self) -> Option<&'a KnownVersions> {
        self.known_versions
    }

    /// The product versions that this write transaction has used.
    pub(crate) fn used_versions(&mut self) -> &mut UsedVersions {
        &mut self.used_versions
    }

    fn count(&mut self, sql: &Sql) -> Result<(), Error> {
        match &mut self.left {
            None => Ok(()),
            Some(0) => Err(Error::new(
                Kind::Statement,
                format!("store: {}: this transaction takes one statement only", sql.name),
            )),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    fn note<T>(&mut self, outcome: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &outcome {
            self.broken.get_or_insert_with(|| error.clone());
        }
        outcome
    }

    /// The actions to run after the commit. Fails if a statement failed, even if the body ignored that.
    pub(crate) fn finish(self) -> Result<Vec<Box<dyn FnOnce() + Send>>, Error> {
        self.broken.map_or(Ok(self.on_commit), Err)
    }
}
