//! Finds the account and the caller, and checks whether the caller may call.

pub(crate) mod accounts;
pub(crate) mod caller;
pub(crate) mod host;
pub(crate) mod limiter;
pub(crate) mod network;

use std::{net::IpAddr, sync::Arc};

use http::request::Parts;

use self::accounts::Served;

/// A request's head, and the account and caller found from it.
pub(crate) struct Asked<'a> {
    pub(crate) head: &'a Parts,
    /// Whether the head names exactly one valid host, known or not (decisions 59 and 62).
    pub(crate) names_one_host: bool,
    pub(crate) account: Option<Arc<Served>>,
    pub(crate) caller: IpAddr,
    /// Whether links should use HTTPS: the server has a certificate, or the proxy says so.
    pub(crate) is_https: bool,
    /// Whether the caller's own connection is encrypted, as far as can be known.
    pub(crate) is_encrypted: bool,
    pub(crate) request_id: &'a str,
}
