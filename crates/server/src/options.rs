//! What the server is told at start: where it listens, whom it serves, and its limits.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use billhook_wire::{Key, Login};
use ipnet::IpNet;

use crate::telemetry::access_log::LogFormat;

/// Everything that can be set. [`Options::default`] listens nowhere and serves `localhost`.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where plain HTTP is served. Port 0 lets the system pick.
    pub listen: Vec<SocketAddr>,
    /// Where HTTPS is served, if anywhere.
    pub tls: Option<TlsOptions>,
    /// Where health and metrics are served, if anywhere: plain HTTP, not for strangers.
    pub admin_listen: Option<SocketAddr>,
    /// The names that health and metrics may be asked by, beside addresses and `localhost`.
    pub admin_hosts: Vec<String>,
    /// The domains under which `LOGIN.DOMAIN` is an account (decision 49).
    pub domains: Vec<String>,
    /// The account of requests whose host names none (decision 49).
    pub default_account: Option<Login>,
    /// A key that is known to everybody: accounts that have it are not served.
    pub refused_key: Option<Key>,
    /// The proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether people may sign in to the cabinet over plain HTTP from other machines, where anybody on the way can listen.
    pub cabinet_over_http: bool,
    /// The longest body that is read, in bytes (decision 60).
    pub max_body_bytes: usize,
    /// How many connections are open at once, in all.
    pub max_connections: usize,
    /// How many of them may come from one address; trusted proxies are exempt.
    pub max_connections_per_address: usize,
    /// How long a request's head may take, and a TLS handshake.
    pub header_timeout: Duration,
    /// How long a request's body may take.
    pub body_timeout: Duration,
    /// How long a connection may stay without a request.
    pub idle_timeout: Duration,
    /// How long a client may take none of its answer.
    pub write_timeout: Duration,
    /// How each request's line looks, which is written to standard error; none: no line is written.
    pub access_log: Option<LogFormat>,
    /// How long requests that have begun may go on after the stop.
    pub stop_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            tls: None,
            admin_listen: None,
            admin_hosts: Vec::new(),
            domains: vec!["localhost".to_owned()],
            default_account: None,
            refused_key: None,
            trusted_proxies: Vec::new(),
            cabinet_over_http: false,
            max_body_bytes: 1024 * 1024,
            max_connections: 16_384,
            max_connections_per_address: 1024,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            access_log: None,
            stop_timeout: Duration::from_secs(10),
        }
    }
}

/// How HTTPS is served.
#[derive(Debug, Clone)]
pub struct TlsOptions {
    /// The address. Port 0 lets the system pick.
    pub listen: SocketAddr,
    /// What the server proves its name with.
    pub certificate: Certificate,
}

/// What the server proves its name with.
#[derive(Debug, Clone)]
pub enum Certificate {
    /// PEM files, read at start and again at each [`TlsReloader::reload`](crate::TlsReloader::reload).
    Files {
        /// The certificate, and behind it those that lead to its issuer.
        cert: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// Certificates made on the spot, one a name, signed by nobody: for trials.
    SelfSigned,
}
