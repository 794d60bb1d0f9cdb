//! Errors, each in one line that says how to mend it.

use std::path::PathBuf;
use std::time::Duration;

use crate::SignatureFault;

/// Why the options are not usable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL is not of the form `scheme://host[:port]`.
    #[error("the URL {url:?} cannot be used: {why} (an example: http://shop.localhost:8080)")]
    Url {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The file of certificates cannot be read.
    #[error("cannot read the certificates in {}: {source}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file of certificates holds none.
    #[error("{} holds no certificate: a PEM file is needed, with lines BEGIN CERTIFICATE", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The server refused, in the protocol's words.
    #[error("the server refused: {code} {text}")]
    Refused {
        /// `error_code`.
        code: i64,
        /// `error_text`, without control characters.
        text: String,
        /// `result` as JSON: for 601 it names the existing order, for 604 the missing product.
        result: String,
    },
    /// The server redirects.
    #[error(
        "the server redirects to {to} (HTTP {http_status}); it is not followed, since the form would be lost on the way: give the right address as the URL"
    )]
    Redirect {
        /// The HTTP status.
        http_status: u16,
        /// The target, without control characters.
        to: String,
    },
    /// A method's name that can't be in a URL.
    #[error("{0:?} is no method's name: letters, digits, -, _ and . make one")]
    MethodName(String),
    /// The parameters cannot be written as a form.
    #[error("the parameters cannot be written as a form: {0}")]
    Parameters(#[source] serde_json::Error),
    /// The host's name is unknown.
    #[error("cannot find the host of {address}: check its spelling, or add it to the hosts file")]
    Host {
        /// Host and port.
        address: String,
    },
    /// Nobody listens there.
    #[error(
        "cannot connect to {address}: {why}; check that the server is running and that host and port are right"
    )]
    Connect {
        /// Host and port.
        address: String,
        /// The system's error.
        why: String,
    },
    /// No answer in time.
    #[error("{address} did not answer within {} seconds; try again, or allow more time", limit.as_secs_f64())]
    Timeout {
        /// Host and port.
        address: String,
        /// The time limit.
        limit: Duration,
    },
    /// The server's certificate is not trusted.
    #[error(
        "the certificate of {address} is not trusted: {why}; for a self-signed one give --ca-file FILE, or --insecure on a trial"
    )]
    Certificate {
        /// Host and port.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// TLS failed.
    #[error("no TLS with {address}: {why}; check that this port speaks https")]
    Tls {
        /// Host and port.
        address: String,
        /// What went wrong.
        why: String,
    },
    /// The connection ended, or the answer was no HTTP.
    #[error("the connection to {address} broke before the answer was whole: {why}")]
    Broken {
        /// Host and port.
        address: String,
        /// What went wrong.
        why: String,
    },
    /// The answer is longer than [`crate::MAX_ANSWER_BYTES`].
    #[error("the answer is longer than {limit} bytes; ask for less")]
    TooLong {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The answer is not JSON.
    #[error("the answer is not JSON (HTTP {http_status}): {start}")]
    NotJson {
        /// The HTTP status.
        http_status: u16,
        /// The start of the body, without control characters.
        start: String,
    },
    /// The answer is JSON, but not of the protocol.
    #[error("the answer is JSON, but not of this protocol (HTTP {http_status}; {why}): {start}")]
    NotEnvelope {
        /// The HTTP status.
        http_status: u16,
        /// What is missing.
        #[source]
        why: serde_json::Error,
        /// The start of the body, without control characters.
        start: String,
    },
    /// `hash` is wrong for code, text and key.
    #[error(
        "the answer's hash does not fit: the key is wrong, or the answer was changed on its way (it says, unproven: {code} {text})"
    )]
    Hash {
        /// The unverified `error_code`.
        code: i64,
        /// The unverified `error_text`, without control characters.
        text: String,
    },
    /// `Billhook-Signature` is missing, old or wrong.
    #[error("the answer's body is not proven: {fault} (it says: {code} {text})")]
    Signature {
        /// What is wrong.
        fault: SignatureFault,
        /// The unverified `error_code`.
        code: i64,
        /// The unverified `error_text`, without control characters.
        text: String,
    },
    /// The call succeeded, but its `result` does not match the method's answer.
    #[error("the server's result has another shape than expected: {0}")]
    Result(#[source] serde_json::Error),
}
