//! The server's life: bind, run, stop.

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
    outbox::{self, Outbox},
    state::State,
};

/// How long the server waits for connections to end after their last deadline.
const GRACE: Duration = Duration::from_secs(1);

/// A bound server that does not run yet.
pub struct Server {
    pub(crate) intake: Intake,
    http: Vec<TcpListener>,
    https: Option<(TcpListener, Acceptors, TlsReloader)>,
    admin: Option<(TcpListener, Admin)>,
    addresses: Addresses,
    failed: oneshot::Receiver<store::Error>,
    outbox: Outbox,
    _background: [Repeating; 2],
}

/// The addresses that a server is bound to.
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
    /// Loads the accounts and the certificate, and binds every address. Nothing is answered before
    /// [`Server::run`], but connections are already queued.
    pub async fn bind(options: Options, store: Store) -> Result<Self, StartError> {
        Self::bind_with(options, store, methods::table()).await
    }

    /// Like [`Server::bind`], with another table of methods, for tests.
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
        if let Some(tls) = &options.tls {
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
        let timers = timers::start(state.clone()).map_err(StartError::Thread)?;
        let outbox = outbox::start(state, &options)?;
        Ok(Self { intake, http, https, admin, addresses, failed, outbox, _background: [watch, timers] })
    }

    /// The addresses that it is bound to.
    pub fn addresses(&self) -> Addresses {
        self.addresses.clone()
    }

    /// The certificate's reloader, if HTTPS is served.
    pub fn tls_reloader(&self) -> Option<TlsReloader> {
        self.https.as_ref().map(|(_, _, reloader)| reloader.clone())
    }

    /// Serves until `stop` completes. Then finishes requests that have begun, for at most
    /// [`Options::stop_timeout`]. An error means that the store failed and ended the server.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), store::Error> {
        let Self { intake, http, https, admin, failed, outbox, _background, .. } = self;
        let Intake { state, config, permits } = intake.clone();
        let mut listeners = JoinSet::new();
        for listener in http {
            listeners.spawn(intake.clone().plain(listener));
        }
        if let Some((listener, acceptors, _)) = https {
            listeners.spawn(intake.tls(listener, acceptors));
        }
        // Health is served until the last connection has ended.
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
                // The watching thread ended without a failure, so only `stop` can end the server now.
                Err(_) => std::future::pending().await,
            }
        };
        let failure = tokio::select! {
            biased;
            error = failed => Some(error),
            () = stop => None,
        };
        config.shutdown.begin();
        let outbox = tokio::spawn(outbox.stop(config.shutdown_timeout));
        state.directory.calls.stop.begin();
        while listeners.join_next().await.is_some() {}
        if timeout(config.shutdown_timeout + GRACE, permits.all_free()).await.is_err() {
            tracing::warn!(connections = permits.taken(), "stopped with requests in flight");
        }
        // It ends by itself in that time.
        let _ = outbox.await;
        admin_config.shutdown.begin();
        state.reporter.refusals.report_left_out();
        if let Some(log) = &state.access_log {
            log.flush();
        }
        failure.or_else(|| state.store.failed()).map_or(Ok(()), Err)
    }
}
