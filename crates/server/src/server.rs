//! The server as the program sees it: bind, run, stop.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use billhook_store::{self as store, Store};
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet, time::timeout};

use crate::{
    StartError,
    background::{Repeating, timers, watch},
    gate::host,
    http::{
        activity::Timeouts,
        admin::Admin,
        connection::ConnectionConfig,
        listener::{self, Intake},
        permits::Permits,
        shutdown::Shutdown,
        tls::{self, Acceptors, TlsReloader},
    },
    methods::{self, Methods},
    options::Options,
    state::State,
};

/// How long after the last deadline of the connections the server waits for them to be gone.
const GRACE: Duration = Duration::from_secs(1);

/// A server that is bound and not yet running.
pub struct Server {
    pub(crate) intake: Intake,
    http: Vec<TcpListener>,
    https: Option<(TcpListener, Acceptors, TlsReloader)>,
    admin: Option<(TcpListener, Admin)>,
    addresses: Addresses,
    failed: oneshot::Receiver<store::Error>,
    _background: [Repeating; 2],
}

/// Where a server listens, as really bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// Plain HTTP.
    pub http: Vec<SocketAddr>,
    /// HTTPS.
    pub https: Option<SocketAddr>,
    /// Health and metrics.
    pub admin: Option<SocketAddr>,
}

impl Server {
    /// Reads the accounts and the certificate, and binds every address. Nothing is answered before [`Server::run`], but
    /// connections may already wait.
    pub async fn bind(options: Options, store: Store) -> Result<Self, StartError> {
        Self::bind_with(options, store, methods::table()).await
    }

    /// As [`Server::bind`], with a table of one's own: for tests.
    #[expect(clippy::unused_async, reason = "binding needs the runtime, which being async makes sure of")]
    pub(crate) async fn bind_with(
        options: Options,
        store: Store,
        methods: Methods,
    ) -> Result<Self, StartError> {
        if options.listen.is_empty() && options.tls.is_none() {
            return Err(StartError::NoAddress);
        }
        let hosts = host::names(&options.admin_hosts)?;
        let state = Arc::new(State::new(&options, store, methods)?);
        let timeouts = Timeouts {
            header: options.header_timeout,
            idle: options.idle_timeout,
            write: options.write_timeout,
        };
        let config =
            ConnectionConfig { timeouts, shutdown: Shutdown::new(), shutdown_timeout: options.stop_timeout };
        let permits = Permits::new(options.max_connections, options.max_connections_per_address);
        let intake = Intake { state: state.clone(), config: Arc::new(config), permits };

        let mut addresses = Addresses { http: Vec::new(), https: None, admin: None };
        let mut http = Vec::new();
        for &address in &options.listen {
            let beside_ipv4 =
                options.listen.iter().any(|other| other.is_ipv4() && other.port() == address.port());
            let (listener, bound) = listener::bind(address, beside_ipv4)?;
            http.push(listener);
            addresses.http.push(bound);
        }
        let mut https = None;
        if let Some(tls) = options.tls {
            let (acceptors, reloader) = tls::set_up(&tls.certificate, state.clone())?;
            let (listener, bound) = listener::bind(tls.listen, false)?;
            https = Some((listener, acceptors, reloader));
            addresses.https = Some(bound);
        }
        let mut admin = None;
        if let Some(address) = options.admin_listen {
            let (listener, bound) = listener::bind(address, false)?;
            let Intake { state, config, permits } = intake.clone();
            admin = Some((listener, Admin { state, config, permits, looking: Arc::default(), hosts }));
            addresses.admin = Some(bound);
        }
        let (watch, failed) = watch::start(state.clone()).map_err(StartError::Thread)?;
        let timers = timers::start(state).map_err(StartError::Thread)?;
        Ok(Self { intake, http, https, admin, addresses, failed, _background: [watch, timers] })
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses.clone()
    }

    /// What takes over new certificate files, if HTTPS is served.
    pub fn tls_reloader(&self) -> Option<TlsReloader> {
        self.https.as_ref().map(|(_, _, reloader)| reloader.clone())
    }

    /// Serves until `stop` is done, then finishes what has begun, for [`Options::stop_timeout`] at most. An error is the
    /// store's, which has failed and ended the server.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), store::Error> {
        let Self { intake, http, https, admin, failed, _background, .. } = self;
        let Intake { state, config, permits } = intake.clone();
        let mut listeners = JoinSet::new();
        for listener in http {
            listeners.spawn(intake.clone().plain(listener));
        }
        if let Some((listener, acceptors, _)) = https {
            listeners.spawn(intake.tls(listener, acceptors));
        }
        // Health is told until the last connection is gone.
        let admin_config = Arc::new(ConnectionConfig {
            timeouts: config.timeouts,
            shutdown: Shutdown::new(),
            shutdown_timeout: Duration::ZERO,
        });
        if let Some((listener, admin)) = admin {
            tokio::spawn(listener::take_admin(listener, admin_config.clone(), admin));
        }

        let failed = async {
            match failed.await {
                Ok(error) => error,
                // The watching thread is gone without a word: only the other end can stop the server now.
                Err(_) => std::future::pending().await,
            }
        };
        let failure = tokio::select! {
            biased;
            error = failed => Some(error),
            () = stop => None,
        };
        config.shutdown.begin();
        state.directory.calls.stop.begin();
        while listeners.join_next().await.is_some() {}
        if timeout(config.shutdown_timeout + GRACE, permits.all_free()).await.is_err() {
            tracing::warn!(connections = permits.taken(), "stopped with requests in flight");
        }
        admin_config.shutdown.begin();
        state.reporter.report_left_out();
        if let Some(log) = &state.access_log {
            log.flush();
        }
        failure.or_else(|| state.store.failed()).map_or(Ok(()), Err)
    }
}
