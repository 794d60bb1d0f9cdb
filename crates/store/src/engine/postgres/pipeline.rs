//! Pipelines reads of one statement over a few connections. Most API requests are such reads.
//!
//! A thread that waits for its answer costs two thread switches per request, and as many in the database.
//! Here no thread waits. The body of a read is run once to learn its statement, which is sent behind those
//! already on their way. When the rows arrive, the body is run again with them. All this happens on the
//! server's event loop.
//!
//! Only the normal case is handled here. Anything else goes to the workers: no connection yet, a lost
//! connection, very many rows, a product version that is not in memory. They can wait, reconnect, and report
//! errors.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::TryStreamExt as _;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio_postgres::{Client, Statement};

use super::{
    connection::{self, Bound, ConnectionTask},
    failed,
    pool::Pool,
    transaction::Columns,
};
use crate::{
    Error, Kind, Row, Sql, Tx,
    engine::Read,
    products::product_versions::KnownVersions,
    tx::{Arg, Statements, Value},
};

/// The maximum number of rows of an answer, all held in memory. The workers take longer ones row by row.
const ROWS_MAX: usize = 4096;
/// The maximum number of their bytes.
const BYTES_MAX: usize = 4 << 20;

pub(super) struct Pipeline {
    pool: Arc<Pool>,
    timeout: Duration,
    known: Arc<KnownVersions>,
    lanes: Vec<Lane>,
    next: AtomicUsize,
}

/// A connection, or the slot for one.
#[derive(Default)]
struct Lane {
    open: Mutex<Option<Arc<Open>>>,
    is_opening: AtomicBool,
}

struct Open {
    client: Client,
    task: ConnectionTask,
    statements: Mutex<HashMap<&'static str, Statement>>,
}

/// The one who opens a connection for a slot.
struct Opening {
    pipeline: Arc<Pipeline>,
    at: usize,
}

/// A read's statement and its arguments.
struct Question {
    sql: &'static Sql,
    args: Vec<Value>,
}

impl Pipeline {
    pub(super) fn new(pool: Arc<Pool>, lanes: usize, timeout: Duration, known: Arc<KnownVersions>) -> Self {
        let lanes = (0..lanes).map(|_| Lane::default()).collect();
        Self { pool, timeout, known, lanes, next: AtomicUsize::new(0) }
    }

    /// Takes a read of one statement, if the caller is on an event loop and a connection is open. `leave`
    /// gets it back if it can't be done here.
    pub(super) fn take(
        self: &Arc<Self>,
        mut read: Box<dyn Read>,
        leave: impl FnOnce(Box<dyn Read>) + Send + 'static,
    ) {
        let Some((handle, open)) = Handle::try_current().ok().and_then(|handle| Some((handle, self.lane()?)))
        else {
            return leave(read);
        };
        let mut script = Script::default();
        read.run(&mut Tx::reading(&mut script, &self.known, Some(1)));
        let Some(question) = script.question else { return leave(read) };
        let pipeline = Arc::clone(self);
        handle.spawn(async move {
            let rows = match tokio::time::timeout(pipeline.timeout, open.rows(&question)).await {
                Ok(Ok(Some(rows))) => rows,
                Ok(_) => return leave(read),
                Err(_) => {
                    // Close it, so that the database notices. The other reads on it go to the workers.
                    open.task.end();
                    return read.fail(failed::silent(question.sql.name, pipeline.timeout));
                }
            };
            let mut script = Script { question: Some(question), rows: Some(rows), is_short: false };
            read.run(&mut Tx::reading(&mut script, &pipeline.known, Some(1)));
            if script.is_short { leave(read) } else { read.finish() }
        });
    }

    #[cfg(test)]
    pub(super) fn is_open(&self) -> bool {
        self.lanes.iter().any(|lane| lane.open.lock().as_ref().is_some_and(|open| !open.client.is_closed()))
    }

    /// An open connection. If there is none, starts to open one.
    fn lane(self: &Arc<Self>) -> Option<Arc<Open>> {
        let at = self.next.fetch_add(1, Ordering::Relaxed) % self.lanes.len().max(1);
        let lane = self.lanes.get(at)?;
        let open = lane.open.lock().clone().filter(|open| !open.client.is_closed());
        if open.is_none()
            && let Some(opening) = Opening::begin(self, at)
        {
            tokio::spawn(opening.open());
        }
        open
    }
}

impl Opening {
    /// The opener of a slot, unless there is one already.
    fn begin(pipeline: &Arc<Pipeline>, at: usize) -> Option<Self> {
        let is_opening = pipeline.lanes.get(at)?.is_opening.swap(true, Ordering::AcqRel);
        (!is_opening).then(|| Self { pipeline: Arc::clone(pipeline), at })
    }

    async fn open(self) {
        let pool = &self.pipeline.pool;
        // If another attempt runs or has just failed, the next read tries again. The workers report the
        // error.
        let Ok(_attempt) = pool.attempt() else { return };
        let made = connection::open(&pool.address, pool.options).await.map_err(|failed| failed.error);
        pool.found(made.as_ref().err());
        if let (Ok((client, task)), Some(lane)) = (made, self.pipeline.lanes.get(self.at)) {
            let open = Open { client, task, statements: Mutex::default() };
            *lane.open.lock() = Some(Arc::new(open));
        }
    }
}

impl Drop for Opening {
    /// Allows the next opener, however this one ended, even with its event loop.
    fn drop(&mut self) {
        if let Some(lane) = self.pipeline.lanes.get(self.at) {
            lane.is_opening.store(false, Ordering::Release);
        }
    }
}

impl Open {
    /// The rows; `None` if there are too many.
    async fn rows(
        &self,
        question: &Question,
    ) -> Result<Option<Vec<tokio_postgres::Row>>, tokio_postgres::Error> {
        let args = || question.args.iter().map(Value::arg);
        let known = self.statements.lock().get(question.sql.name).cloned();
        let statement = if let Some(statement) = known {
            statement
        } else {
            let types: Vec<_> = args().map(connection::type_of).collect();
            let statement = self.client.prepare_typed(question.sql.text, &types).await?;
            self.statements.lock().insert(question.sql.name, statement.clone());
            statement
        };
        let mut stream = pin!(self.client.query_raw(&statement, args().map(Bound)).await?);
        let mut rows = Vec::new();
        let mut bytes = 0;
        while let Some(row) = stream.try_next().await? {
            bytes += row.raw_size_bytes();
            if rows.len() == ROWS_MAX || bytes > BYTES_MAX {
                return Ok(None);
            }
            rows.push(row);
        }
        Ok(Some(rows))
    }
}

impl Question {
    fn new(sql: &'static Sql, args: &[Arg<'_>]) -> Self {
        Self { sql, args: args.iter().map(|arg| Value::from(*arg)).collect() }
    }

    fn is(&self, sql: &Sql, args: &[Arg<'_>]) -> bool {
        self.sql.name == sql.name && self.args.iter().map(Value::arg).eq(args.iter().copied())
    }
}

/// The statements for a body. The first run only records what it asks for, and ends. The second run gets the
/// rows. Any other statement fails.
#[derive(Default)]
struct Script {
    question: Option<Question>,
    rows: Option<Vec<tokio_postgres::Row>>,
    /// Whether the body asked for something else.
    is_short: bool,
}

impl Script {
    fn refuse<T>(&mut self, sql: &Sql) -> Result<T, Error> {
        self.is_short = true;
        Err(Error::new(Kind::Statement, format!("store: {}: left to a worker", sql.name)))
    }
}

impl Statements for Script {
    fn runs_alone(&self) -> bool {
        false
    }

    fn rows(
        &mut self,
        sql: &'static Sql,
        args: &[Arg<'_>],
        each: &mut dyn FnMut(&dyn Row) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let question = self.question.get_or_insert_with(|| Question::new(sql, args));
        match self.rows.take() {
            Some(rows) if question.is(sql, args) => {
                for row in &rows {
                    if each(&Columns { row, sql }).is_break() {
                        break;
                    }
                }
                Ok(())
            }
            _ => self.refuse(sql),
        }
    }

    fn execute(&mut self, sql: &'static Sql, _: &[Arg<'_>]) -> Result<u64, Error> {
        self.refuse(sql)
    }

    fn execute_each(
        &mut self,
        sql: &'static Sql,
        _: &mut dyn Iterator<Item = Vec<Arg<'_>>>,
    ) -> Result<(), Error> {
        self.refuse(sql)
    }
}
