//! One connection: how it is made, and how statements run on it from a thread that waits for them.
//!
//! Each connection has an event loop of its own that runs only while its thread waits. So it must not be used on a thread of
//! another one: that of an asynchronous server, say.

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

/// Rows taken over at once, at most.
const ROWS_AT_ONCE: usize = 512;
/// Rows sent at once without waiting for what the first of them did, at most.
const SENT_AT_ONCE: usize = 256;
/// Bytes of a copy sent together.
const COPY_BYTES: usize = 256 * 1024;
/// From this many rows on they are copied.
const COPY_ROWS_MIN: usize = 64;

/// What every session is told. An answer that a commit was done must mean that it is on the disk, whatever the server's own
/// default; plans don't depend on what is bound, so that no statement is planned twice.
const SESSION: &str = "
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
    SET plan_cache_mode = force_generic_plan;
    SET client_min_messages = warning";

/// How often a server that is at work looks whether it is still waited for. Else a statement that was given up would go on, with what it
/// has locked. Servers before PostgreSQL 14 don't know it, nor do all systems.
const LOOK_FOR_US: &str = "
    SELECT set_config('client_connection_check_interval', '2s', false)
     WHERE current_setting('client_connection_check_interval', true) IS NOT NULL";

/// What is looked at when a connection has been made.
const LOOK: &str = "SELECT current_setting('server_encoding'), current_setting('transaction_read_only')";

/// So long a connection may take to be made beyond what its URL gives the sockets: TLS, password, session.
const GREETING_MAX: Duration = Duration::from_secs(5);

/// What a connection is made for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ConnectOptions {
    /// How long the database may take for one statement; none: as long as it likes.
    pub(super) timeout: Option<Duration>,
    /// Whether a database that takes no writes is refused: what a standby shows may be old.
    pub(super) is_primary: bool,
}

pub(super) struct Connection {
    client: Client,
    _task: ConnectionTask,
    runtime: EventLoop,
    statements: HashMap<&'static str, Statement>,
    timeout: Option<Duration>,
}

/// The event loop of a connection. It may be dropped on any thread, also on one that must not wait for what is left in it.
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
    /// Connects, and looks whether the database can be used.
    pub(super) fn connect(address: &Address, options: ConnectOptions) -> Result<Self, Failed> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(|cause| {
            let text = format!("store: cannot begin a connection: {cause}");
            Failed { error: Error::new(Kind::Statement, text), why: Why::Final }
        })?;
        let runtime = EventLoop(Some(runtime));
        let (client, task) = runtime.block_on(open(address, options))?;
        Ok(Self { client, _task: task, runtime, statements: HashMap::new(), timeout: options.timeout })
    }

    /// From now on waits so long for a statement, at most; gives what it was before. The database goes by what the connection was made with.
    pub(super) fn set_timeout(&mut self, timeout: Option<Duration>) -> Option<Duration> {
        std::mem::replace(&mut self.timeout, timeout)
    }

    /// Runs a statement, after `begin` if that is to be sent before it, and gives its rows one by one.
    pub(super) fn rows(
        &mut self,
        begin: Option<&'static str>,
        sql: &'static Sql,
        args: &[Arg<'_>],
        each: &mut dyn FnMut(&tokio_postgres::Row) -> bool,
    ) -> Result<(), Failed> {
        // Both leave together, but not where the statement writes: if no transaction can begin it would be one by itself.
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
            // What nobody wants is waited for all the same: a failure among it must be known, for a transaction that has failed answers
            // its COMMIT with a ROLLBACK, and no error.
            for row in taken.drain(..) {
                is_wanted = is_wanted && each(&row);
            }
            if is_end {
                return Ok(());
            }
        }
    }

    /// Runs a statement that gives no rows, after `begin` if that is to be done before it; says how many rows it touched.
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

    /// Runs a statement that gives no rows once for each row of arguments. A plain `INSERT` of many rows becomes a `COPY`.
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

    /// Runs a statement once for each row of arguments, without waiting for one answer before the next is asked; gives each one's rows.
    /// `begin` is sent before, as in [`Self::rows`].
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

    /// Runs statements that give no rows, each sent without waiting for what the one before did.
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
            // Whichever fails first, what follows it is refused by the database.
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
            // The head of the format: its signature, no flags, no extension.
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

    /// Runs a text of statements that take nothing and give nothing.
    pub(super) fn batch(&self, text: &'static str) -> Result<(), Failed> {
        self.wait(text, self.client.batch_execute(text))
    }

    /// Runs a text of statements and gives all that they answer.
    #[cfg(test)]
    pub(super) fn simple(&self, text: &str) -> Result<Vec<tokio_postgres::SimpleQueryMessage>, Failed> {
        self.wait("simple", self.client.simple_query(text))
    }

    /// Whether the database had ended the connection when last was waited for it: what happened since is learned by the next statement,
    /// which then runs again on another connection.
    pub(super) fn was_lost(&self) -> bool {
        self.client.is_closed()
    }

    /// A statement as the database knows it. Numbers and texts are told apart by what is bound at its first use.
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
        // The database takes them in this order.
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
                // What it does about it is not known: the connection is of no use any more.
                Some(timeout) => tokio::time::timeout(timeout, answer)
                    .await
                    .map_err(|_| Failed { error: silent(name, timeout), why: Why::Silent })?,
            };
            answered.map_err(|error| failure(name, &error))
        })
    }
}

/// The task of a client's connection. It ends with this, whatever is still to be answered: the database must learn that nobody waits.
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

/// Connects on the event loop of the caller, and looks whether the database can be used.
pub(super) async fn open(
    address: &Address,
    options: ConnectOptions,
) -> Result<(Client, ConnectionTask), Failed> {
    let connect = async {
        let (client, connection) = address.config.connect(address.tls.clone()).await?;
        // What it has to say of an error, the client says too.
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
    // Who has taken the connection may never say a word: the time-out of the sockets is over then.
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

/// Has the database give up what nobody waits for any more.
async fn limit(client: &Client, timeout: Duration) -> Result<(), tokio_postgres::Error> {
    // Else a node that vanished without a word would hold what its transaction has locked until TCP gives it up, hours later. Who waits for
    // a lock is told by the database, a little before it would give up by itself.
    let text = format!(
        "SET idle_in_transaction_session_timeout = {}; SET lock_timeout = {}",
        timeout.as_millis(),
        timeout.as_millis() * 9 / 10
    );
    client.batch_execute(&text).await?;
    match client.batch_execute(LOOK_FOR_US).await {
        // One that can't do it is no worse than it was.
        Err(error) if error.as_db_error().is_none() => Err(error),
        _ => Ok(()),
    }
}

/// How long a connection may take to be made, whichever of its hosts answers.
fn connect_max(address: &Address) -> Duration {
    let config = &address.config;
    let hosts = config.get_hosts().len().max(config.get_hostaddrs().len());
    let sockets = config.get_connect_timeout().copied().unwrap_or_default();
    sockets.saturating_mul(u32::try_from(hosts).unwrap_or(u32::MAX)).saturating_add(GREETING_MAX)
}

/// Waits for the next rows, and takes what else is there already; true at the end.
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

/// The `COPY` that does what a plain `INSERT` of one row does for many.
pub(super) fn copy_text(insert: &str) -> Option<String> {
    let (table, values) = insert.strip_prefix("INSERT INTO ")?.split_once(" VALUES (")?;
    let values = values.trim_end().strip_suffix(')')?;
    let is_plain = (1..).zip(values.split(',')).all(|(n, value)| value.trim() == format!("${n}"));
    is_plain.then(|| format!("COPY {} FROM STDIN (FORMAT binary)", table.trim()))
}

/// The type that an argument has in the database.
pub(super) fn type_of(arg: Arg<'_>) -> Type {
    match arg {
        Arg::Int(_) => Type::INT8,
        Arg::Text(_) => Type::TEXT,
    }
}

/// An argument as the database's library takes it.
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
