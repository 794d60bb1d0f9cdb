//! Why a call was not done, and the one place that says how that is answered.
//!
//! A refusal is the caller's doing and is told in the protocol's words; a failure of ours is told in one fixed sentence, and
//! the log has its cause under the request id (decision 56). The two never share a variant.

use std::net::IpAddr;

use billhook_store as store;
use billhook_wire::Code;
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
    /// The refusal of an address that the account does not allow: the address completes the text.
    pub(crate) fn ip_denied(caller: IpAddr) -> Self {
        Self::Refused { code: Code::IP_DENIED, detail: Some(caller.to_string()), result: None }
    }

    /// The entry of the table that it is answered with.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Refused { code, .. } => *code,
            Self::Http(_) | Self::TooLong => Code::WRONG_DATA,
            Self::TooOften { .. } => Code::RATE_LIMIT,
            Self::NoRoom | Self::Broken(_) | Self::Fault(_) => Code::UNAVAILABLE,
        }
    }

    /// The HTTP status that it is answered with.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Refused { .. } | Self::TooOften { .. } | Self::TooLong => StatusCode::OK,
            Self::Http(status) => *status,
            Self::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken(error) if error.is_unavailable() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken(_) | Self::Fault(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What completes the code's text.
    pub(crate) fn detail(&self) -> Option<&str> {
        match self {
            Self::Refused { detail, .. } => detail.as_deref(),
            _ => None,
        }
    }

    /// The data that goes with it.
    pub(crate) fn result(&self) -> Option<&serde_json::Value> {
        match self {
            Self::Refused { result, .. } => result.as_deref(),
            _ => None,
        }
    }

    /// When to try again, in seconds, where that helps.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooOften { retry_after } => Some(*retry_after),
            Self::NoRoom => Some(UNAVAILABLE_RETRY_AFTER),
            Self::Broken(error) if error.is_unavailable() => Some(UNAVAILABLE_RETRY_AFTER),
            _ => None,
        }
    }
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
