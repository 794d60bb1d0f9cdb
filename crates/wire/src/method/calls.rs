//! `billhook.calls`: the last calls of an account, as one server remembers them (decision 94).
//!
//! A method of ours. It is no part of the protocol, and so stands in no list of methods.

use serde::{Deserialize, Serialize};

use super::{Access, Api, Example, Limit, Method};
use crate::Code;

/// The last calls of the account, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetCalls {
    /// Only calls with a higher number than this one, the first of them. Without it: the last ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// For how many seconds the server waits for a call, where there is none to show: [`WAIT_MAX`] at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<u32>,
    /// At most so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// Only calls that were answered with this `error_code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// Only calls of this method, in any letter case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
}

/// The longest wait, in seconds.
pub const WAIT_MAX: u32 = 25;

impl Method for GetCalls {
    const NAME: &'static str = "billhook.calls";
    const API: Api = Api::Keyed;
    const ACCESS: Access = Access::ReadOne;
    const REFUSALS: &'static [Code] = &[];
    const EXAMPLE: Example = &[];
    type Answer = Vec<CallInfo>;
}

/// A call that was answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallInfo {
    /// Its number: when it was answered, in unix microseconds. No two calls of an account have the same.
    pub number: i64,
    /// The method, or the path where there is no such method.
    pub method: String,
    /// The answer's `error_code`.
    pub code: u16,
    /// The answer's HTTP status.
    pub status: u16,
    /// The caller's address.
    pub caller: String,
    /// How long it took, in milliseconds.
    pub ms: f64,
    /// The request's id, as `X-Request-Id` and the log have it.
    pub request: String,
    /// Whether its credential was right.
    pub authentic: bool,
    /// Why it was refused, where that can be told.
    pub why: Option<WhyInfo>,
}

/// Why a call was refused. Keys, whole hashes and whole e-mail addresses never stand in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyInfo {
    /// One to three sentences.
    pub text: String,
    /// What the server read.
    pub signed: String,
    /// How the hash begins that the server expects over it, if a hash was sent.
    pub expected: Option<String>,
    /// How the hash begins that was sent.
    pub got: Option<String>,
}
