//! Why a call failed, and how each failure is answered.
//!
//! A refusal is the caller's mistake and has a code of the protocol. An internal failure is answered with one
//! fixed sentence, and its cause is logged with the request id (decision 56).

use std::{net::IpAddr, panic::AssertUnwindSafe};

use billhook_store as store;
use billhook_wire::Code;
use futures_util::FutureExt as _;
use http::StatusCode;

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The caller's mistake, as a code of the protocol.
    Refused {
        code: Code,
        /// The value that completes the code's text, if the text needs one.
        detail: Option<String>,
        /// The answer's `result`; `[]` if `None`.
        result: Option<Box<serde_json::Value>>,
    },
    /// The caller's mistake in HTTP: code 3 with this status (decisions 4, 41, 50, 59).
    Http(StatusCode),
    /// The caller's address has exceeded its rate: code 8.
    TooOften {
        /// Seconds until the next request is allowed.
        retry_after: u64,
    },
    /// The answer would be too long: the caller must ask for less (decision 64).
    TooLong,
    /// There is no memory for this call at the moment.
    NoRoom,
    Broken(store::Error),
    /// A bug, described for the log.
    Fault(&'static str),
}

/// Seconds that a caller is told to wait after a temporary failure of ours.
const UNAVAILABLE_RETRY_AFTER: u64 = 2;

impl Failure {
    /// A refusal with a `result`.
    pub(crate) fn refused(code: Code, result: serde_json::Value) -> Self {
        Self::Refused { code, detail: None, result: Some(Box::new(result)) }
    }

    /// A refusal whose text a value completes.
    pub(crate) fn detailed(code: Code, detail: String) -> Self {
        Self::Refused { code, detail: Some(detail), result: None }
    }

    /// The refusal of an address that the account does not allow. The text ends in the address.
    pub(crate) fn ip_denied(caller: IpAddr) -> Self {
        Self::detailed(Code::IP_DENIED, caller.to_string())
    }

    /// The HTTP status, the code, and after how many seconds a retry may help.
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

    /// The value that completes the code's text, and the `result`.
    pub(crate) fn details(&self) -> (Option<&str>, Option<&serde_json::Value>) {
        match self {
            Self::Refused { detail, result, .. } => (detail.as_deref(), result.as_deref()),
            _ => (None, None),
        }
    }
}

/// Turns a panic into a failure, so that neither the connection nor its other requests end.
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
