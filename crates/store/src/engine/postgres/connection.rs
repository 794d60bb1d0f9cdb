//! One connection, and how a thread runs statements on it and waits for them.
//!
//! Each connection has its own event loop, which runs only while its thread waits. So it must not be used on
//! a thread of another event loop, such as an asynchronous server's.

use std::{collections::HashMap, future::Future, pin::pin, task::Poll, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{FutureExt as _, SinkExt as _, Stream as _, TryStreamExt as _, future};
use tokio::{
    runtime::{self, Runtime},
    task::AbortHandle,
};
use tokio_postgres::{
    Client, RowStream, Statement,
    types::{IsNull, ToSql, Type},
};

use super::{
    address::Address,
    failed::{BEGIN, Failed, NAME_THE_PRIMARY, Why, failure, not_begun, silent},
};
use crate::{Error, Kind, Sql, tx::Arg};

/// The maximum number of rows taken at once.
const ROWS_AT_ONCE: usize = 512;
/// The maximum number of rows sent before waiting for the first one's result.
const SENT_AT_ONCE: usize = 256;
/// Bytes of a COPY sent together.
const COPY_BYTES: usize = 256 * 1024;
/// From this many rows on, COPY is used.
const COPY_ROWS_MIN: usize = 64;

/// The settings of every session. An acknowledged commit must be on disk, whatever the server's default.
/// Generic plans do not depend on arguments, so no statement is planned twice.
const SESSION: &str = "
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
    SET plan_cache_mode = force_generic_plan;
    SET client_min_messages = warning";

/// How often a busy server checks whether the client is still connected. Otherwise an abandoned statement
/// would go on and keep its locks. PostgreSQL before 14 and some systems do not support it.
const LOOK_FOR_US: &str = "
    SELECT set_config('client_connection_check_interval', '2s', false)
     WHERE current_setting('client_connection_check_interval', true) IS NOT NULL";

/// The checks of a new connection.
const LOOK: &str = "SELECT current_setting('server_encoding'), current_setting('transaction_read_only')";

/// How long TLS, password and session may take, beyond the socket's time-out in the URL.
const GREETING_MAX: Duration = Duration::from_secs(5);

/// How a connection will be used.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ConnectOptions {
    /// The time-out of a statement; `None`: no limit.
    pub(super) timeout: Option<Duration>,
    /// Whether to refuse a database that takes no writes: a standby's data may be old.
    pub(super) is_primary: bool,
}

pub(super) struct Connection {
    client: Client,
    _task: ConnectionTask,
    runtime: EventLoop,
    statements: HashMap<&'static str, Statement>,
    timeout: Option<Duration>,
}

/// A connection's event loop. Drop does not wait for its tasks, so it may happen on any thread.
struct EventLoop(Option<Runtime>);

impl EventLoop {
    fn block_on<T>(&self, answer: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
        match &self.0 {
            Some(runtime) => runtime.block_on(answer),
            None => Err(Failed {
                error: Error::new(Kind::Closed, "store: the connection was closed"),
                why: Why::Lost,
            }),
        }
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Connection {
    /// Connects, and checks that the database can be used.
    pub(super) fn connect(address: &Address, options: ConnectOptions) -> Result<Self, Failed> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(|cause| {
            let text = format!("store: cannot begin a connection: {cause}");
            Failed { error: Error::new(Kind::Statement, text), why: Why::Final }
        })?;
        let runtime = EventLoop(Some(runtime));
        let (client, task) = runtime.block_on(open(address, options))?;
        Ok(Self { client, _task: task, runtime, statements: HashMap::new(), timeout: options.timeout })
    }

    /// Changes how long this thread waits for a statement, and returns the previous value. The database keeps
    /// the time-out from when the connection was made.
    pub(super) fn set_timeout(&mut self, timeout: Option<Duration>) -> Option<Duration> {
        std::mem::replace(&mut self.timeout, timeout)
    }

    /// Runs a statement, after `begin` if given, and passes its rows one by one.
    pub(super) fn rows(
        &mut self,
        begin: Option<&'static str>,
        sql: &'static Sql,
        args: &[Arg<'_>],
        each: &mut dyn FnMut(&tokio_postgres::Row) -> bool,
    ) -> Result<(), Failed> {
        // Both are sent together, unless the statement writes: without BEGIN it would be committed by itself.
        let begin = match begin {
            Some(_) if !sql.text.starts_with("SELECT") => {
                self.begin(begin)?;
                None
            }
            begin => begin,
        };
        let statement = self.prepared(sql, args)?;
        let sent = self.client.query_raw(&statement, args.iter().copied().map(Bound));
        let mut rows = pin!(self.wait_after(begin, sql.name, sent)?);
        let mut taken = Vec::new();
        let mut is_wanted = true;
        loop {
            let is_end = self.wait(sql.name, next_rows(rows.as_mut(), &mut taken))?;
            // Unwanted rows are awaited as well, because an error among them must be known: COMMIT of a
            // failed transaction rolls back and reports no error.
            for row in taken.drain(..) {
                is_wanted = is_wanted && each(&row);
            }
            if is_end {
                return Ok(());
            }
        }
    }

    /// Runs a statement without rows, after `begin` if given. Returns how many rows it changed.
    pub(super) fn execute(
        &mut self,
        begin: Option<&'static str>,
        sql: &'static Sql,
        args: &[Arg<'_>],
    ) -> Result<u64, Failed> {
        self.begin(begin)?;
        let statement = self.prepared(sql, args)?;
        self.wait(sql.name, self.client.execute_raw(&statement, args.iter().copied().map(Bound)))
    }

    /// Runs a statement without rows for each row of arguments. A plain `INSERT` of many becomes a `COPY`.
    pub(super) fn execute_each(
        &mut self,
        begin: Option<&'static str>,
        sql: &'static Sql,
        rows: &mut dyn Iterator<Item = Vec<Arg<'_>>>,
    ) -> Result<(), Failed> {
        self.begin(begin)?;
        loop {
            let some: Vec<Vec<Arg<'_>>> = rows.take(SENT_AT_ONCE).collect();
            let Some(first) = some.first() else { return Ok(()) };
            if some.len() >= COPY_ROWS_MIN
                && let Some(copy) = copy_text(sql.text)
            {
                return self.copy(sql, &copy, &mut some.into_iter().chain(rows));
            }
            let statement = self.prepared(sql, first)?;
            let client = &self.client;
            let sent =
                some.iter().map(|args| client.execute_raw(&statement, args.iter().copied().map(Bound)));
            self.wait(sql.name, future::try_join_all(sent))?;
        }
    }

    /// Runs a statement once for each row of arguments, pipelined, and passes each one's rows. `begin` is
    /// sent first, as in [`Self::rows`].
    pub(super) fn rows_each(
        &mut self,
        begin: Option<&'static str>,
        sql: &'static Sql,
        all: &[Vec<Arg<'_>>],
    ) -> Result<Vec<Vec<tokio_postgres::Row>>, Failed> {
        let mut begin = begin;
        let mut answers = Vec::with_capacity(all.len());
        for some in all.chunks(SENT_AT_ONCE) {
            let statement = self.prepared(sql, some.first().map_or(&[], Vec::as_slice))?;
            let (client, statement) = (&self.client, &statement);
            let asked = future::try_join_all(some.iter().map(|args| async move {
                client.query_raw(statement, args.iter().copied().map(Bound)).await?.try_collect().await
            }));
            answers.append(&mut self.wait_after(begin.take(), sql.name, asked)?);
        }
        Ok(answers)
    }

    /// Runs statements without rows, pipelined.
    pub(super) fn execute_all(
        &mut self,
        begin: Option<&'static str>,
        statements: &[(&'static Sql, Vec<Arg<'_>>)],
    ) -> Result<(), Failed> {
        self.begin(begin)?;
        for some in statements.chunks(SENT_AT_ONCE) {
            let mut prepared = Vec::with_capacity(some.len());
            for (sql, args) in some {
                prepared.push((sql.name, self.prepared(sql, args)?, args));
            }
            let client = &self.client;
            let sent = prepared.iter().map(|(name, statement, args)| async move {
                let done = client.execute_raw(statement, args.iter().copied().map(Bound)).await;
                done.map_err(|error| failure(name, &error))
            });
            // After the first failure, the database refuses the others.
            self.wait("", future::try_join_all(sent).map(Ok))??;
        }
        Ok(())
    }

    fn copy(
        &mut self,
        sql: &'static Sql,
        copy: &str,
        rows: &mut dyn Iterator<Item = Vec<Arg<'_>>>,
    ) -> Result<(), Failed> {
        let client = &self.client;
        self.wait(sql.name, async {
            let sink = client.copy_in::<_, Bytes>(copy).await?;
            let mut sink = pin!(sink);
            let mut buffer = BytesMut::with_capacity(COPY_BYTES + COPY_BYTES / 4);
            // The format's header: signature, no flags, no extension.
            buffer.put_slice(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
            for args in rows {
                buffer.put_i16(i16::try_from(args.len()).unwrap_or(i16::MAX));
                for arg in args {
                    match arg {
                        Arg::Int(number) => {
                            buffer.put_i32(8);
                            buffer.put_i64(number);
                        }
                        Arg::Text(text) => {
                            buffer.put_i32(i32::try_from(text.len()).unwrap_or(i32::MAX));
                            buffer.put_slice(text.as_bytes());
                        }
                    }
                }
                if buffer.len() >= COPY_BYTES {
                    sink.send(buffer.split().freeze()).await?;
                }
            }
            buffer.put_i16(-1);
            sink.send(buffer.freeze()).await?;
            sink.finish().await.map(drop)
        })
    }

    /// Runs a text of statements without arguments and rows.
    pub(super) fn batch(&self, text: &'static str) -> Result<(), Failed> {
        self.wait(text, self.client.batch_execute(text))
    }

    /// Runs a text of statements and returns all rows.
    #[cfg(test)]
    pub(super) fn simple(&self, text: &str) -> Result<Vec<tokio_postgres::SimpleQueryMessage>, Failed> {
        self.wait("simple", self.client.simple_query(text))
    }

    /// Whether the database had closed the connection at the last wait. The next statement finds out about a
    /// later loss, and is then repeated on another connection.
    pub(super) fn was_lost(&self) -> bool {
        self.client.is_closed()
    }

    /// The prepared statement. The types of its parameters follow from the arguments of its first use.
    fn prepared(&mut self, sql: &'static Sql, args: &[Arg<'_>]) -> Result<Statement, Failed> {
        if let Some(known) = self.statements.get(sql.name) {
            return Ok(known.clone());
        }
        let types: Vec<Type> = args.iter().copied().map(type_of).collect();
        let statement = self.wait(sql.name, self.client.prepare_typed(sql.text, &types))?;
        self.statements.insert(sql.name, statement.clone());
        Ok(statement)
    }

    fn begin(&self, begin: Option<&'static str>) -> Result<(), Failed> {
        let Some(text) = begin else { return Ok(()) };
        self.wait(BEGIN, self.client.batch_execute(text).map(Ok))?.map_err(|error| not_begun(&error))
    }

    /// The same, after `begin` if that is to be sent before.
    fn wait_after<T>(
        &self,
        begin: Option<&'static str>,
        name: &str,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Failed> {
        let Some(text) = begin else { return self.wait(name, answer) };
        // The database runs them in this order.
        let both = future::join(self.client.batch_execute(text), answer);
        let (ready, answered) = self.wait(name, both.map(Ok))?;
        ready.map_err(|error| not_begun(&error))?;
        answered.map_err(|error| failure(name, &error))
    }

    /// Waits for what the database answers, no longer than the time-out.
    fn wait<T>(
        &self,
        name: &str,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Failed> {
        self.runtime.block_on(async {
            let answered = match self.timeout {
                None => answer.await,
                // Whether the statement was done is unknown, so the connection can't be used any more.
                Some(timeout) => tokio::time::timeout(timeout, answer)
                    .await
                    .map_err(|_| Failed { error: silent(name, timeout), why: Why::Silent })?,
            };
            answered.map_err(|error| failure(name, &error))
        })
    }
}

/// The task of a client's connection. Drop aborts it, whatever is pending, so that the database notices.
pub(super) struct ConnectionTask(AbortHandle);

impl ConnectionTask {
    pub(super) fn end(&self) {
        self.0.abort();
    }
}

impl Drop for ConnectionTask {
    fn drop(&mut self) {
        self.end();
    }
}

/// Connects on the caller's event loop, and checks that the database can be used.
pub(super) async fn open(
    address: &Address,
    options: ConnectOptions,
) -> Result<(Client, ConnectionTask), Failed> {
    let connect = async {
        let (client, connection) = address.config.connect(address.tls.clone()).await?;
        // The client reports the same errors.
        let connection = tokio::spawn(async move { drop(connection.await) });
        let task = ConnectionTask(connection.abort_handle());
        client.batch_execute(SESSION).await?;
        if let Some(timeout) = options.timeout {
            limit(&client, timeout).await?;
        }
        let row = client.query_one(LOOK, &[]).await?;
        let [encoding, is_read_only] = [row.try_get::<_, String>(0)?, row.try_get(1)?];
        Ok::<_, tokio_postgres::Error>((client, task, encoding, is_read_only))
    };
    // The server may accept the connection and then never answer, which the socket's time-out does not cover.
    let Ok(made) = tokio::time::timeout(connect_max(address), connect).await else {
        let text = format!("{address}: store: connect: the database did not answer");
        return Err(Failed { error: Error::new(Kind::Unreachable, text), why: Why::Silent });
    };
    let (client, task, encoding, is_read_only) = made.map_err(|error| {
        let mut failed = failure("connect", &error);
        failed.error = Error::new(failed.error.kind(), format!("{address}: {}", failed.error));
        failed
    })?;
    if encoding != "UTF8" {
        let text = format!(
            "{address}: its encoding is {encoding}: make the database with `createdb --encoding=UTF8 --template=template0`"
        );
        return Err(Failed { error: Error::new(Kind::Foreign, text), why: Why::Final });
    }
    if options.is_primary && is_read_only == "on" {
        let text = format!("{address}: {NAME_THE_PRIMARY}");
        return Err(Failed { error: Error::new(Kind::Unreachable, text), why: Why::Lost });
    }
    Ok((client, task))
}

/// Makes the database give up abandoned statements.
async fn limit(client: &Client, timeout: Duration) -> Result<(), tokio_postgres::Error> {
    // Otherwise a vanished node's transaction would keep its locks until TCP gives up, hours later. The lock
    // time-out is a little shorter than the client's, so that the database reports it.
    let text = format!(
        "SET idle_in_transaction_session_timeout = {}; SET lock_timeout = {}",
        timeout.as_millis(),
        timeout.as_millis() * 9 / 10
    );
    client.batch_execute(&text).await?;
    match client.batch_execute(LOOK_FOR_US).await {
        // A database without these settings works as before.
        Err(error) if error.as_db_error().is_none() => Err(error),
        _ => Ok(()),
    }
}

/// How long connecting may take, whichever host answers.
fn connect_max(address: &Address) -> Duration {
    let config = &address.config;
    let hosts = config.get_hosts().len().max(config.get_hostaddrs().len());
    let sockets = config.get_connect_timeout().copied().unwrap_or_default();
    sockets.saturating_mul(u32::try_from(hosts).unwrap_or(u32::MAX)).saturating_add(GREETING_MAX)
}

/// Waits for the next rows, and takes all that have arrived; true at the end.
async fn next_rows(
    mut stream: std::pin::Pin<&mut RowStream>,
    taken: &mut Vec<tokio_postgres::Row>,
) -> Result<bool, tokio_postgres::Error> {
    future::poll_fn(|cx| {
        while taken.len() < ROWS_AT_ONCE {
            match stream.as_mut().poll_next(cx) {
                Poll::Ready(Some(row)) => taken.push(row?),
                Poll::Ready(None) => return Poll::Ready(Ok(true)),
                Poll::Pending if taken.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(Ok(false))
    })
    .await
}

/// The `COPY` that replaces a plain `INSERT` for many rows.
pub(super) fn copy_text(insert: &str) -> Option<String> {
    let (table, values) = insert.strip_prefix("INSERT INTO ")?.split_once(" VALUES (")?;
    let values = values.trim_end().strip_suffix(')')?;
    let is_plain = (1..).zip(values.split(',')).all(|(n, value)| value.trim() == format!("${n}"));
    is_plain.then(|| format!("COPY {} FROM STDIN (FORMAT binary)", table.trim()))
}

/// The database type of an argument.
pub(super) fn type_of(arg: Arg<'_>) -> Type {
    match arg {
        Arg::Int(_) => Type::INT8,
        Arg::Text(_) => Type::TEXT,
    }
}

/// An argument for the database's library.
#[derive(Debug)]
pub(super) struct Bound<'a>(pub(super) Arg<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self.0 {
            Arg::Int(number) if *ty == Type::INT8 => number.to_sql(ty, out),
            Arg::Text(text) if *ty == Type::TEXT => text.to_sql(ty, out),
            _ => Err(format!("a parameter is bound to {ty} that was another type before").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::copy_text;

    #[test]
    fn only_a_plain_insert_can_be_copied() {
        let copied = copy_text("INSERT INTO orders (account_id, email)\n     VALUES ($1, $2)");
        assert_eq!(copied.as_deref(), Some("COPY orders (account_id, email) FROM STDIN (FORMAT binary)"));
        for other in [
            "INSERT INTO a (b, c) VALUES ($2, $1)",
            "INSERT INTO a (b) VALUES ($1) ON CONFLICT (b) DO NOTHING",
            "INSERT INTO a (b, c) VALUES ($1, 'x')",
            "UPDATE a SET b = $1",
        ] {
            assert_eq!(copy_text(other), None, "{other}");
        }
    }
}
