//! Why a call was not done, and the one place that says how that is answered.
//!
//! A refusal is the caller's doing and is told in the protocol's words; a failure of ours is told in one fixed sentence, and
//! the log has its cause under the request id (decision 56). The two never share a variant.

use std::{net::IpAddr, panic::AssertUnwindSafe};

use billhook_store as store;
use billhook_wire::Code;
use futures_util::FutureExt as _;
use http::StatusCode;

/// Why a call was not done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The caller's doing, in the protocol's words.
    Refused {
        /// The entry of the table.
        code: Code,
        /// What completes its text, for those that end in a value.
        detail: Option<String>,
        /// The data that goes with it; `[]` where there is none.
        result: Option<Box<serde_json::Value>>,
    },
    /// The caller's doing, at the level of HTTP: code 3 under this status (decisions 4, 41, 50, 59).
    Http(StatusCode),
    /// The caller's address has used up its requests: code 8.
    TooOften {
        /// When the next one is allowed, in seconds.
        retry_after: u64,
    },
    /// The answer would be longer than one may be: the caller is to ask for less (decision 64).
    TooLong,
    /// There is no room for this call beside the others.
    NoRoom,
    /// The store's failure.
    Broken(store::Error),
    /// A fault in this program: what happened, for the log.
    Fault(&'static str),
}

/// How long a caller is asked to wait when it is our failure and will pass, in seconds.
const UNAVAILABLE_RETRY_AFTER: u64 = 2;

impl Failure {
    /// A refusal with the data that goes with it.
    pub(crate) fn refused(code: Code, result: serde_json::Value) -> Self {
        Self::Refused { code, detail: None, result: Some(Box::new(result)) }
    }

    /// The refusal of an address that the account does not allow: the address completes the text.
    pub(crate) fn ip_denied(caller: IpAddr) -> Self {
        Self::Refused { code: Code::IP_DENIED, detail: Some(caller.to_string()), result: None }
    }

    /// How it is answered: the HTTP status, the entry of the table, and in how many seconds to try again, where that helps.
    pub(crate) fn response(&self) -> (StatusCode, Code, Option<u64>) {
        let unavailable = (StatusCode::SERVICE_UNAVAILABLE, Code::UNAVAILABLE, Some(UNAVAILABLE_RETRY_AFTER));
        match self {
            Self::Refused { code, .. } => (StatusCode::OK, *code, None),
            Self::Http(status) => (*status, Code::WRONG_DATA, None),
            Self::TooOften { retry_after } => (StatusCode::OK, Code::RATE_LIMIT, Some(*retry_after)),
            Self::TooLong => (StatusCode::OK, Code::WRONG_DATA, None),
            Self::NoRoom => unavailable,
            Self::Broken(error) if error.is_unavailable() => unavailable,
            Self::Broken(_) | Self::Fault(_) => (StatusCode::INTERNAL_SERVER_ERROR, Code::UNAVAILABLE, None),
        }
    }

    /// What completes the code's text, and the data that goes with it.
    pub(crate) fn details(&self) -> (Option<&str>, Option<&serde_json::Value>) {
        match self {
            Self::Refused { detail, result, .. } => (detail.as_deref(), result.as_deref()),
            _ => (None, None),
        }
    }
}

/// Turns a panic into a failure, so that it ends neither the connection nor the other requests on it.
pub(crate) async fn caught<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let panicked = |_| Err(Failure::Fault("answering a request panicked"));
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(panicked)
}

impl From<Code> for Failure {
    fn from(code: Code) -> Self {
        Self::Refused { code, detail: None, result: None }
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        if error.kind() == store::Kind::TooLarge { Self::TooLong } else { Self::Broken(error) }
    }
}
