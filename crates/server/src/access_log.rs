//! One line of the log for each request. It never holds a key, a hash or an e-mail.

use std::{net::IpAddr, time::Duration};

use http::StatusCode;

/// What is told of a request.
pub(crate) struct Line<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) account: Option<&'a str>,
    /// The method's name in the table's spelling; what a caller made up is not repeated.
    pub(crate) method: Option<&'static str>,
    pub(crate) code: u16,
    pub(crate) status: StatusCode,
    pub(crate) took: Duration,
    /// The answer's body.
    pub(crate) bytes: usize,
    pub(crate) caller: IpAddr,
}

/// Writes the line, under the target `billhook::access`.
pub(crate) fn write(line: &Line<'_>) {
    let micros = u32::try_from(line.took.as_micros()).unwrap_or(u32::MAX);
    tracing::info!(
        target: "billhook::access",
        request = line.request_id,
        account = line.account.unwrap_or("-"),
        method = line.method.unwrap_or("-"),
        code = line.code,
        status = line.status.as_u16(),
        ms = f64::from(micros) / 1000.0,
        bytes = line.bytes,
        caller = %line.caller,
    );
}
