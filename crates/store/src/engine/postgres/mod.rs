//! The engine for several nodes: PostgreSQL, or a database with its protocol. Any number of processes can
//! serve one store.
//!
//! Every write is a serializable transaction, and is retried after a conflict. A read of one statement is
//! sent without a transaction around it. The API's transactions are queued for threads with one connection
//! each (`workers`). Commands read on their own thread.
//!
//! The only data in memory are product versions. They can't become stale: a version never changes, and its
//! number is never used again, even after a restore or a failover that lost commits.

mod address;
mod connection;
mod failed;
mod migrations;
mod numbers;
mod pipeline;
mod pool;
mod shape;
mod transaction;
mod workers;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

pub(crate) use address::{Address, Database};

use super::{Engine, Purpose, Read, SchemaVersion, Work, older};
use crate::{
    AccountId, BackupReport, Error, Finding, Kind, Progress, Sql, Tx, check,
    products::product_versions::KnownVersions,
};
use connection::{ConnectOptions, Connection};
use numbers::Numbers;
use pipeline::Pipeline;
use pool::Pool;
use transaction::{BEGIN_READ, Open};
use workers::{QueuedRead, Workers};

/// How long the database may take for one statement of a request.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum number of connections for pipelined reads.
const LANES: usize = 2;

/// A read that always returns a row.
const HEALTH: Sql = Sql::new("health", "SELECT COUNT(*) FROM marks");

pub(crate) struct Postgres {
    address: Address,
    primary: Arc<Pool>,
    replica: Option<Arc<Pool>>,
    known_versions: Arc<KnownVersions>,
    // On drop, each waits for its queue.
    writers: Workers<Box<dyn Work>>,
    readers: Arc<Workers<QueuedRead>>,
    pipeline: Option<Arc<Pipeline>>,
}

impl Postgres {
    /// Opens the database's store, or creates it. An older one is refused.
    pub(crate) fn open(database: &Database, purpose: Purpose) -> Result<Self, Error> {
        let (timeout, connections) = match purpose {
            Purpose::Serving => (Some(STATEMENT_TIMEOUT), database.connections),
            // One transaction at a time, without a time-out.
            Purpose::Bulk => (None, 1),
        };
        // A standby may be exported or copied. For serving, its accounts and writes would be too old.
        let is_primary = purpose == Purpose::Serving;
        make(&database.address, is_primary)?;
        let primary = Arc::new(Pool::new(database.address.clone(), ConnectOptions { timeout, is_primary }));
        let options = ConnectOptions { timeout, is_primary: false };
        let replica = database.reads.clone().map(|address| Arc::new(Pool::new(address, options)));
        let known_versions = Arc::new(KnownVersions::default());
        let writers = Workers::start("writer", connections, &primary, {
            let numbers = Arc::new(Numbers::default());
            move |pool: &Pool, idle, since, work| workers::write(pool, &numbers, idle, since, work)
        })?;
        let known = known_versions.clone();
        let pool = replica.as_ref().unwrap_or(&primary);
        let readers = Workers::start("reader", connections, pool, {
            move |pool: &Pool, idle, since, job| workers::read(pool, idle, &known, since, job)
        })?;
        let pipeline = timeout.map(|timeout| {
            Arc::new(Pipeline::new(pool.clone(), connections.min(LANES), timeout, known_versions.clone()))
        });
        let (address, readers) = (database.address.clone(), Arc::new(readers));
        Ok(Self { address, primary, replica, known_versions, writers, readers, pipeline })
    }

    fn read_some(
        &self,
        pool: &Pool,
        statements: Option<u32>,
        body: &mut dyn FnMut(&mut Tx<'_>),
    ) -> Result<(), Error> {
        let mut connection = pool.borrow()?;
        let begin = if statements == Some(1) { None } else { Some(BEGIN_READ) };
        let mut open = Open::new(&mut connection, pool, begin);
        let mut tx = Tx::reading(&mut open, &self.known_versions, statements);
        body(&mut tx);
        // The body knows of a failed statement; its connection is not used again.
        if tx.finish().is_ok() && open.commit().is_ok() {
            pool.give_back(connection);
        }
        Ok(())
    }

    fn health_of(&self, pool: &Pool) -> Result<(), Error> {
        let mut found = Ok(None);
        self.read_some(pool, Some(1), &mut |tx| found = tx.row(&HEALTH, &[], |row| row.int(0)))?;
        found.map(drop)
    }

    fn tools_of_its_own(&self, doing: &str, tools: &str) -> Error {
        Error::new(
            Kind::Location,
            format!("{doing} is not for a store in PostgreSQL ({}): {tools}", self.address),
        )
    }
}

impl Engine for Postgres {
    fn read_one(&self, body: &mut dyn FnMut(&mut Tx<'_>)) -> Result<(), Error> {
        self.read_some(&self.primary, Some(1), body)
    }

    fn read(&self, body: &mut dyn FnMut(&mut Tx<'_>)) -> Result<(), Error> {
        self.read_some(&self.primary, None, body)
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn queue_read(&self, _: AccountId, statements: Option<u32>, read: Box<dyn Read>) {
        let (readers, since) = (self.readers.clone(), Instant::now());
        let leave = move |read| {
            if let Err(((_, read), error)) = readers.submit(since, (statements, read)) {
                read.fail(error);
            }
        };
        match &self.pipeline {
            Some(pipeline) if statements == Some(1) => pipeline.take(read, leave),
            _ => leave(read),
        }
    }

    fn submit(&self, work: Box<dyn Work>) {
        if let Err((work, error)) = self.writers.submit(Instant::now(), work) {
            work.finish(Err(error));
        }
    }

    fn health(&self) -> Result<(), Error> {
        let Some(replica) = &self.replica else { return self.health_of(&self.primary) };
        for (name, pool) in
            [("the primary (--store)", &self.primary), ("the replica (--store-read)", replica)]
        {
            self.health_of(pool)
                .map_err(|error| Error::new(error.kind(), format!("{name} fails: {error}")))?;
        }
        Ok(())
    }

    fn failed(&self) -> Option<Error> {
        // Whatever fails, the database may come back.
        None
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn backup(&self, _: &Path, _: &mut dyn FnMut(Progress)) -> Result<BackupReport, Error> {
        Err(self.tools_of_its_own(
            "`billhook backup`",
            "use pg_dump, or continuous archiving (pg_basebackup); `billhook copy` makes a data folder of it",
        ))
    }

    fn check(&self, progress: &mut dyn FnMut(Progress)) -> Result<Vec<Finding>, Error> {
        // pg_amcheck checks pages and indexes.
        let mut connection = connect(&self.address, false)?;
        let differences = shape::differences(&mut connection).map_err(|failed| failed.error)?;
        if !differences.is_empty() {
            return Ok(differences);
        }
        let mut found = Ok(Vec::new());
        self.read(&mut |tx| found = check::findings(tx, progress))?;
        found
    }
}

pub(crate) fn is_in(database: &Database) -> Result<bool, Error> {
    let mut connection = connect(&database.address, false)?;
    let version = migrations::version(&mut connection, &database.address, migrations::STEPS.len());
    Ok(version.map_err(|failed| failed.error)?.is_some())
}

/// The version of a database's store, and its missing steps.
pub(crate) fn version(database: &Database) -> Result<SchemaVersion, Error> {
    let mut connection = connect(&database.address, false)?;
    migrations::plan(&mut connection, &database.address).map_err(|failed| failed.error)
}

/// Creates the tables, if there are none.
fn make(address: &Address, is_primary: bool) -> Result<(), Error> {
    let mut connection = connect(address, is_primary)?;
    let version = migrations::plan(&mut connection, address).map_err(|failed| failed.error)?;
    if version.is_older() { Err(older_than(address, &version)) } else { take_steps(&mut connection, address) }
}

/// Takes a database's missing steps, if the operator agreed: only its administrator can make a copy first.
pub(crate) fn migrate(database: &Database, is_agreed: bool) -> Result<(), Error> {
    let address = &database.address;
    let mut connection = connect(address, true)?;
    let version = migrations::plan(&mut connection, address).map_err(|failed| failed.error)?;
    match version.is_older() {
        false => Ok(()),
        true if is_agreed => take_steps(&mut connection, address),
        true => Err(older_than(address, &version)),
    }
}

fn older_than(address: &Address, version: &SchemaVersion) -> Error {
    let mend = "there is no way back, so make a backup (pg_dump) and stop the older nodes, then run `billhook migrate --yes`";
    older(address, version, mend)
}

fn take_steps(connection: &mut Connection, address: &Address) -> Result<(), Error> {
    migrations::run(connection, address, migrations::STEPS).map_err(|failed| failed.error)
}

fn connect(address: &Address, is_primary: bool) -> Result<Connection, Error> {
    // A migration may wait for locks, and has no time-out. Everything else must be answered in time.
    let options = ConnectOptions { timeout: None, is_primary };
    let mut connection = Connection::connect(address, options).map_err(|failed| failed.error)?;
    connection.set_timeout(Some(STATEMENT_TIMEOUT));
    Ok(connection)
}

#[cfg(test)]
mod tests;
