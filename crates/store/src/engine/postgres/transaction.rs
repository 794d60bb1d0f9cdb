//! The statements of one transaction on a connection, and what is to be done when one of them fails.

use std::ops::ControlFlow;

use super::{
    connection::Connection,
    failed::{Failed, Why},
    pool::Pool,
};
use crate::{Error, Kind, Row, Sql, engine::Statements, tx::Arg};

/// The bodies of writes read before they write and count on nobody writing between: so every write is serializable.
/// Whether it may write is left to the server's own `default_transaction_read_only`, by which operators stop writes.
pub(super) const BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE";
/// All statements of a read see one state.
pub(super) const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A transaction that begins with its first statement.
pub(super) struct Open<'a> {
    connection: &'a mut Connection,
    pool: &'a Pool,
    /// What is sent before the first statement; none: it is a transaction by itself, and so is every other.
    begin: Option<&'static str>,
    state: State,
    failed: Option<Why>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing has been sent.
    New,
    /// Statements have been run.
    Begun,
}

impl<'a> Open<'a> {
    pub(super) fn new(connection: &'a mut Connection, pool: &'a Pool, begin: Option<&'static str>) -> Self {
        Self { connection, pool, begin, state: State::New, failed: None }
    }

    /// Why a statement failed, if one has.
    pub(super) fn failed(&self) -> Option<Why> {
        self.failed
    }

    /// Makes everything durable.
    pub(super) fn commit(self) -> Result<(), Failed> {
        self.end("COMMIT")
    }

    /// Takes everything back; an error means that the connection can't be used again.
    pub(super) fn roll_back(self) -> Result<(), Failed> {
        self.end("ROLLBACK")
    }

    fn end(self, text: &'static str) -> Result<(), Failed> {
        match (self.begin, self.state) {
            (None, _) | (_, State::New) => Ok(()),
            _ => self.connection.batch(text),
        }
    }

    /// Runs one statement. The first one of a transaction runs again, on a new connection, if its own had been lost meanwhile (the
    /// database was restarted, say): nothing has been done or shown yet. All else is for those who can run the whole transaction again.
    fn run<T>(
        &mut self,
        mut statement: impl FnMut(&mut Connection, Option<&'static str>) -> Result<T, (Failed, bool)>,
    ) -> Result<T, Error> {
        if self.failed.is_some() {
            // What began it may never have been sent, and then each statement would be kept by itself.
            return Err(Error::new(
                Kind::Statement,
                "store: a statement of this transaction has failed before",
            ));
        }
        let is_first = self.state == State::New;
        let begin = if is_first { self.begin } else { None };
        self.state = State::Begun;
        let (failed, is_shown) = match statement(self.connection, begin) {
            Ok(done) => return Ok(done),
            Err(failed) => failed,
        };
        let failed = match failed.why {
            Why::Lost if is_first && !is_shown && failed.error.kind() == Kind::Unreachable => {
                *self.connection = self.pool.connect().inspect_err(|_| self.failed = Some(Why::Lost))?;
                match statement(self.connection, begin) {
                    Ok(done) => return Ok(done),
                    Err((failed, _)) => failed,
                }
            }
            _ => failed,
        };
        self.failed.get_or_insert(failed.why);
        Err(failed.error)
    }
}

impl Statements for Open<'_> {
    fn rows(
        &mut self,
        sql: &'static Sql,
        args: &[Arg<'_>],
        each: &mut dyn FnMut(&dyn Row) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.run(|connection, begin| {
            let mut is_shown = false;
            let done = connection.rows(begin, sql, args, &mut |row| {
                is_shown = true;
                each(&Columns { row, sql }).is_continue()
            });
            done.map_err(|failed| (failed, is_shown))
        })
    }

    fn execute(&mut self, sql: &'static Sql, args: &[Arg<'_>]) -> Result<u64, Error> {
        self.run(|connection, begin| connection.execute(begin, sql, args).map_err(|failed| (failed, false)))
    }

    fn execute_each(
        &mut self,
        sql: &'static Sql,
        rows: &mut dyn Iterator<Item = Vec<Arg<'_>>>,
    ) -> Result<(), Error> {
        let mut rows = rows.peekable();
        if rows.peek().is_none() {
            // Nothing is sent, so the beginning of the transaction is still to be.
            return Ok(());
        }
        // What the iterator has given is gone: only the whole transaction can be run again.
        self.run(|connection, begin| {
            connection.execute_each(begin, sql, &mut rows).map_err(|failed| (failed, true))
        })
    }

    fn rows_each(
        &mut self,
        sql: &'static Sql,
        all: &[Vec<Arg<'_>>],
        each: &mut dyn FnMut(usize, &dyn Row) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        if all.is_empty() {
            return Ok(());
        }
        // They are shown once all are there.
        let answers = self.run(|connection, begin| {
            connection.rows_each(begin, sql, all).map_err(|failed| (failed, false))
        })?;
        for (at, rows) in answers.iter().enumerate() {
            for row in rows {
                if each(at, &Columns { row, sql }).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn execute_all(&mut self, statements: &[(&'static Sql, Vec<Arg<'_>>)]) -> Result<(), Error> {
        if statements.is_empty() {
            return Ok(());
        }
        self.run(|connection, begin| {
            connection.execute_all(begin, statements).map_err(|failed| (failed, false))
        })
    }

    fn order_number(&mut self, account: i64) -> Result<Option<i64>, Error> {
        self.pool.numbers.next(self.pool, account)
    }
}

pub(super) struct Columns<'a> {
    pub(super) row: &'a tokio_postgres::Row,
    pub(super) sql: &'static Sql,
}

impl Columns<'_> {
    fn wrong(&self, error: &tokio_postgres::Error) -> Error {
        Error::new(Kind::Statement, format!("store: {}: {error}", self.sql.name))
    }
}

impl Row for Columns<'_> {
    fn int(&self, column: usize) -> Result<i64, Error> {
        self.row.try_get(column).map_err(|error| self.wrong(&error))
    }

    fn text(&self, column: usize) -> Result<&str, Error> {
        self.row.try_get(column).map_err(|error| self.wrong(&error))
    }

    fn width(&self) -> usize {
        self.row.len()
    }

    fn value(&self, column: usize) -> Result<Arg<'_>, Error> {
        use tokio_postgres::types::Type;
        match self.row.columns().get(column).map(|column| column.type_().clone()) {
            Some(Type::INT8) => self.int(column).map(Arg::Int),
            _ => self.text(column).map(Arg::Text),
        }
    }
}
