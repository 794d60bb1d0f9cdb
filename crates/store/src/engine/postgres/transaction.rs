//! The statements of one transaction on a connection, and the handling of their failures.

use std::ops::ControlFlow;

use super::{
    connection::Connection,
    failed::{Failed, Why},
    numbers::Numbers,
    pool::Pool,
};
use crate::{
    Error, Kind, Row, Sql,
    tx::{Arg, Statements},
};

/// Bodies of writes read before they write, and rely on nobody writing between. So every write is
/// serializable. It does not say READ WRITE: operators may stop writes with `default_transaction_read_only`.
const BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE";
/// All statements of a read see one state.
pub(super) const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A transaction that begins with its first statement.
pub(super) struct Open<'a> {
    connection: &'a mut Connection,
    pool: &'a Pool,
    /// The numbers for new orders, if it may write.
    numbers: Option<&'a Numbers>,
    /// Sent before the first statement. `None`: each statement is a transaction by itself.
    begin: Option<&'static str>,
    state: State,
    failed: Option<Why>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Begun,
}

impl<'a> Open<'a> {
    pub(super) fn new(connection: &'a mut Connection, pool: &'a Pool, begin: Option<&'static str>) -> Self {
        Self { connection, pool, numbers: None, begin, state: State::New, failed: None }
    }

    pub(super) fn writing(connection: &'a mut Connection, pool: &'a Pool, numbers: &'a Numbers) -> Self {
        Self { numbers: Some(numbers), ..Self::new(connection, pool, Some(BEGIN_WRITE)) }
    }

    /// Why a statement failed, if one did.
    pub(super) fn failed(&self) -> Option<Why> {
        self.failed
    }

    /// Commits.
    pub(super) fn commit(self) -> Result<(), Failed> {
        self.end("COMMIT")
    }

    /// Rolls back. After an error the connection can't be used again.
    pub(super) fn roll_back(self) -> Result<(), Failed> {
        self.end("ROLLBACK")
    }

    fn end(self, text: &'static str) -> Result<(), Failed> {
        match (self.begin, self.state) {
            (None, _) | (_, State::New) => Ok(()),
            _ => self.connection.batch(text),
        }
    }

    /// Runs one statement. If the connection was lost before the transaction's first statement, for example
    /// by a restart of the database, that one is repeated on a new connection: nothing was done or shown yet.
    /// Any other failure needs the whole transaction to run again.
    fn run<T>(
        &mut self,
        mut statement: impl FnMut(&mut Connection, Option<&'static str>) -> Result<T, (Failed, bool)>,
    ) -> Result<T, Error> {
        if self.failed.is_some() {
            // BEGIN may not have been sent, and then each statement would be committed by itself.
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
    fn runs_alone(&self) -> bool {
        false
    }

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
            // Nothing was sent, so BEGIN must still be.
            return Ok(());
        }
        // The iterator is used up, so only the whole transaction can be repeated.
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
        // Rows are shown only once all have arrived.
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
        self.numbers.map_or(Ok(None), |numbers| numbers.next(self.pool, account))
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
