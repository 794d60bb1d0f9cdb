//! The server's options: addresses, domains and limits.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

use billhook_store::{Error, Store, accounts::Account};
use billhook_wire::{Key, Login};
use ipnet::IpNet;

use crate::telemetry::access_log::LogFormat;

/// All options. [`Options::default`] listens nowhere and serves `localhost`.
#[derive(Debug, Clone)]
pub struct Options {
    /// Addresses for plain HTTP. Port 0 lets the system pick.
    pub listen: Vec<SocketAddr>,
    /// How HTTPS is served, if at all.
    pub tls: Option<TlsOptions>,
    /// The address for health and metrics, in plain HTTP. Keep it private.
    pub admin_listen: Option<SocketAddr>,
    /// Host names that health and metrics answer to, besides addresses and `localhost`.
    pub admin_hosts: Vec<String>,
    /// The domains under which `LOGIN.DOMAIN` is an account (decision 49).
    pub domains: Vec<String>,
    /// The account of requests without a host name (decision 49).
    pub default_account: Option<Login>,
    /// A published key: accounts that have it are not served.
    pub refused_key: Option<Key>,
    /// The proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Networks that events may be sent to, besides public addresses.
    pub webhook_networks: Vec<IpNet>,
    /// Certificates (PEM) that receivers' certificates may lead to, besides the web's roots.
    pub webhook_ca: Option<PathBuf>,
    /// Whether people may sign in to the cabinet over plain HTTP from other machines, where anybody on the way can listen.
    pub cabinet_over_http: bool,
    /// The longest body, in bytes (decision 60).
    pub max_body_bytes: usize,
    /// The maximum number of open connections.
    pub max_connections: usize,
    /// The maximum number of open connections from one address; trusted proxies are exempt.
    pub max_connections_per_address: usize,
    /// How long a request's head may take, or a TLS handshake.
    pub header_timeout: Duration,
    /// How long a request's body may take.
    pub body_timeout: Duration,
    /// How long a connection may be idle between requests.
    pub idle_timeout: Duration,
    /// How long a client may go without reading any of its answer.
    pub write_timeout: Duration,
    /// The format of the access log on standard error; `None` turns it off.
    pub access_log: Option<LogFormat>,
    /// How long requests that have begun may take after the stop.
    pub stop_timeout: Duration,
    /// What writes an account's export; `None`: the cabinet has none.
    pub export: Option<Export>,
}

/// Writes an account as JSON Lines, with its settings or without. The inner error is the writer's.
pub type Export = fn(&Store, &Account, bool, &mut (dyn Write + Send)) -> Result<io::Result<()>, Error>;

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
            webhook_networks: Vec::new(),
            webhook_ca: None,
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
            export: None,
        }
    }
}

/// The options of HTTPS.
#[derive(Debug, Clone)]
pub struct TlsOptions {
    /// The address. Port 0 lets the system pick.
    pub listen: SocketAddr,
    /// The server's certificate.
    pub certificate: Certificate,
}

/// The server's certificate.
#[derive(Debug, Clone)]
pub enum Certificate {
    /// PEM files, read at start and again at each [`TlsReloader::reload`](crate::TlsReloader::reload).
    Files {
        /// The certificate, followed by those that lead to its issuer.
        cert: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// Self-signed certificates, generated for each name, for trials.
    SelfSigned,
}
