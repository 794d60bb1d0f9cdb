//! A transaction as the domain functions see it: static SQL, arguments, rows. No engine shows through.

use std::ops::ControlFlow;

use crate::{Error, Kind, engine};

/// A statement: its name for messages, and its text in the dialect that all engines share.
///
/// Parameters are `$1`, `$2`, … in the order of their first appearance; engines check that.
#[derive(Debug)]
pub struct Sql {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

impl Sql {
    /// Names a statement after the function that runs it.
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
#[derive(Debug, Clone, Copy)]
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

/// One row of an answer, its columns counted from 0.
pub trait Row {
    /// A number.
    fn int(&self, column: usize) -> Result<i64, Error>;
    /// A text.
    fn text(&self, column: usize) -> Result<&str, Error>;

    /// A flag.
    fn flag(&self, column: usize) -> Result<bool, Error> {
        Ok(self.int(column)? != 0)
    }
}

/// A transaction that is open.
pub struct Tx<'a> {
    engine: &'a mut dyn engine::Statements,
    on_commit: Vec<Box<dyn FnOnce() + Send>>,
    broken: bool,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(engine: &'a mut dyn engine::Statements) -> Self {
        Self { engine, on_commit: Vec::new(), broken: false }
    }

    /// Runs a statement and shows each row to `each`, which may stop with an error of its own.
    pub fn rows<E: From<Error>>(
        &mut self,
        sql: &'static Sql,
        args: &[Arg<'_>],
        mut each: impl FnMut(&dyn Row) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut stopped = None;
        let outcome = self.engine.rows(sql, args, &mut |row| match each(row) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                stopped = Some(error);
                ControlFlow::Break(())
            }
        });
        self.note(outcome)?;
        stopped.map_or(Ok(()), Err)
    }

    /// Runs a statement that gives one row at most.
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

    /// Runs a statement that gives no rows; says how many rows it touched.
    pub fn execute(&mut self, sql: &'static Sql, args: &[Arg<'_>]) -> Result<u64, Error> {
        let outcome = self.engine.execute(sql, args);
        self.note(outcome)
    }

    /// Has `act` done once the transaction is durable, and never if it is not: the one way out of a transaction, whose body
    /// may run twice.
    pub fn on_commit(&mut self, act: impl FnOnce() + Send + 'static) {
        self.on_commit.push(Box::new(act));
    }

    fn note<T>(&mut self, outcome: Result<T, Error>) -> Result<T, Error> {
        self.broken |= outcome.is_err();
        outcome
    }

    /// What is to be done after the commit, unless a statement failed: such a transaction is not to be kept, even if its body
    /// overlooked the failure.
    pub(crate) fn finish(self) -> Result<Vec<Box<dyn FnOnce() + Send>>, Error> {
        if self.broken {
            return Err(Error::new(Kind::Statement, "a statement of the transaction failed"));
        }
        Ok(self.on_commit)
    }
}
