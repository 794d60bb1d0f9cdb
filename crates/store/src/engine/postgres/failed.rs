//! Classifies failures: the kind for the operator, and whether a retry helps.

use std::time::Duration;

use tokio_postgres::error::SqlState;

use super::address::described;
use crate::{Error, Kind};

/// The hint for a database that takes no writes.
pub(super) const NAME_THE_PRIMARY: &str = "it is read-only, as a standby is: name the primary with --store, \
                                or all its servers and target_session_attrs=read-write";
/// The name of BEGIN in messages.
pub(super) const BEGIN: &str = "BEGIN";

/// The failure of a statement or a connection.
#[derive(Debug, Clone)]
pub(super) struct Failed {
    pub(super) error: Error,
    pub(super) why: Why,
}

/// Whether and how to retry after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// The connection is lost, or can't be used any more.
    Lost,
    /// No answer in time. The connection can't be used any more, and there is no time for a retry.
    Silent,
    /// The transaction conflicted with another one and was rolled back (40001, 40P01).
    Conflict,
    /// A key is taken (23505), by an existing row or by a concurrent transaction.
    Taken,
    /// A retry would not help.
    Final,
}

impl Why {
    /// Whether the connection can still be used.
    pub(super) fn spares_the_connection(self) -> bool {
        !matches!(self, Self::Lost | Self::Silent)
    }
}

/// The error for a database that did not answer in time.
pub(super) fn silent(name: &str, timeout: Duration) -> Error {
    Error::new(Kind::Unreachable, format!("store: {name}: the database did not answer within {timeout:?}"))
}

/// If no transaction can begin, the server has a problem: the retry uses a new connection.
pub(super) fn not_begun(error: &tokio_postgres::Error) -> Failed {
    Failed { why: Why::Lost, ..failure(BEGIN, error) }
}

/// The failure of a statement, or of a step with a name.
pub(super) fn failure(name: &str, error: &tokio_postgres::Error) -> Failed {
    let name = name.split_whitespace().next().unwrap_or(name);
    let Some(told) = error.as_db_error() else {
        let (kind, why) = if error.is_closed() || is_of_the_way(error) {
            (Kind::Unreachable, Why::Lost)
        } else {
            (Kind::Statement, Why::Final)
        };
        return Failed { error: Error::new(kind, format!("store: {name}: {}", described(error))), why };
    };
    let code = told.code();
    let class = code.code().get(..2).unwrap_or_default();
    let (kind, why, mend) = match class {
        // Whether it was committed is unknown.
        "40" if *code == SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN => (Kind::Unreachable, Why::Lost, ""),
        "40" => (Kind::Busy, Why::Conflict, ""),
        "23" if *code == SqlState::UNIQUE_VIOLATION => (Kind::Conflict, Why::Taken, ""),
        "23" => (Kind::Conflict, Why::Final, ""),
        "08" => (Kind::Unreachable, Why::Lost, ""),
        // The server is starting, shutting down, or has crashed.
        "57" if *code != SqlState::QUERY_CANCELED => (Kind::Unreachable, Why::Lost, ""),
        "57" => (Kind::Busy, Why::Final, "it took too long"),
        "55" if *code == SqlState::LOCK_NOT_AVAILABLE => {
            (Kind::Busy, Why::Final, "another session holds a lock that it needs, see pg_locks; try again")
        }
        // This process stalled in the middle of a transaction.
        "25" if *code == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => (Kind::Unreachable, Why::Lost, ""),
        "25" if *code == SqlState::READ_ONLY_SQL_TRANSACTION => {
            (Kind::Unreachable, Why::Lost, NAME_THE_PRIMARY)
        }
        // A standby supports no serializable transactions.
        "0A" if name == BEGIN => (Kind::Unreachable, Why::Lost, NAME_THE_PRIMARY),
        "28" => (Kind::Unreachable, Why::Lost, "check user and password of the store's URL, and pg_hba.conf"),
        "3D" => {
            (Kind::Unreachable, Why::Lost, "make it with `createdb --encoding=UTF8 --template=template0`")
        }
        "53" if *code == SqlState::DISK_FULL => (Kind::Full, Why::Final, "free space on the database's disk"),
        "53" => (Kind::Unreachable, Why::Lost, "raise its max_connections, or lower --store-connections"),
        "58" => (Kind::Io, Why::Lost, "look into the database's log"),
        "XX" => (Kind::Damaged, Why::Final, "look into the database's log"),
        "42" if *code == SqlState::INSUFFICIENT_PRIVILEGE => (
            Kind::Foreign,
            Why::Final,
            "give the user of the store's URL the right to make tables in its schema",
        ),
        _ => (Kind::Statement, Why::Final, ""),
    };
    let colon = if mend.is_empty() { "" } else { ": " };
    let text = format!("store: {name}: {} ({}){colon}{mend}", told.message(), code.code());
    Failed { error: Error::new(kind, text), why }
}

/// Whether the connection failed, rather than a statement.
fn is_of_the_way(error: &tokio_postgres::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<std::io::Error>() || cause.is::<tokio::time::error::Elapsed>() {
            return true;
        }
        source = cause.source();
    }
    // Errors while connecting have no finer code.
    error.to_string().contains("connect")
}
