//! The server as the program sees it: bind, run, stop.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    thread,
    time::Duration,
};

use billhook_store::{self as store, Store};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Mutex, Semaphore, oneshot},
    task::JoinSet,
    time::timeout,
};

use crate::{
    StartError,
    background::{
        timers::{self, Timers},
        watch::{self, Watch},
    },
    gate::{accounts::Directory, caller, host},
    http::{
        activity::Timeouts,
        admin::Admin,
        answer, body,
        connection::{self, Protocol, Terms},
        listener,
        memory::Budget,
        shutdown::Stop,
        slots::{Full, Slot, Slots},
        tls::{self, Acceptors, TlsReloader},
    },
    methods::{self, Methods},
    options::{Certificate, Options},
    pages::Docs,
    request::{Peer, Service},
    telemetry::{
        access_log::AccessLog, metrics::Metrics, refusals::Refusals, reporter::Troubles, unserved::Unserved,
    },
};

/// How many connections the admin listener takes.
const ADMIN_CONNECTIONS: usize = 64;
/// How many callers at once read what may be long on threads of their own.
const LONG_READS_MAX: usize = 4;
/// How long after the last deadline of the connections the server waits for them to be gone.
const GRACE: Duration = Duration::from_secs(1);

/// A server that is bound and not yet running.
pub struct Server {
    service: Arc<Service>,
    terms: Arc<Terms>,
    pub(crate) slots: Arc<Slots>,
    http: Vec<TcpListener>,
    https: Option<(TcpListener, Acceptors, TlsReloader)>,
    admin: Option<TcpListener>,
    admin_hosts: Arc<[String]>,
    addresses: Addresses,
    failed: oneshot::Receiver<store::Error>,
    _watch: Watch,
    _timers: Timers,
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
        let name =
            |text: &String| host::name(text).ok_or_else(|| StartError::Domain { domain: text.clone() });
        let domains = options.domains.iter().map(name).collect::<Result<_, _>>()?;
        let admin_hosts = options.admin_hosts.iter().map(name).collect::<Result<_, _>>()?;
        let directory = Directory::new(domains, options.default_account).refusing(options.refused_key);
        // The runtime's own threads must not wait for a store.
        thread::scope(|scope| scope.spawn(|| directory.refresh(&store)).join())
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let metrics = Metrics::new();
        metrics.store_ready.set(1);
        if directory.lacks_default() {
            tracing::warn!("the default account does not exist yet; add it with `billhook account add`");
        }
        let access_log = options.access_log.map(|format| AccessLog::start(format, std::io::stderr()));
        let has_certificate =
            options.tls.as_ref().is_some_and(|tls| matches!(tls.certificate, Certificate::Files { .. }));
        let service = Arc::new(Service {
            store,
            directory,
            methods,
            long_reads: Arc::new(Semaphore::new(LONG_READS_MAX)),
            metrics,
            trusted_proxies: options.trusted_proxies,
            max_body_bytes: options.max_body_bytes,
            body_timeout: options.body_timeout,
            body_budget: Budget::new(body::MAX_BYTES_IN_ALL),
            answer_budget: Budget::new(answer::MAX_BYTES_IN_ALL),
            page_budget: Budget::new(answer::PAGES_BYTES_IN_ALL),
            has_certificate,
            docs: Docs::make(if has_certificate { "https" } else { "http" }),
            access_log: access_log.transpose().map_err(StartError::Thread)?,
            troubles: Troubles::default(),
            unserved: Unserved::default(),
            refusals: Refusals::default(),
        });
        let timeouts = Timeouts {
            header: options.header_timeout,
            idle: options.idle_timeout,
            write: options.write_timeout,
        };
        let terms = Terms { timeouts, stop: Stop::new(), stop_timeout: options.stop_timeout };

        let mut http = Vec::new();
        let mut addresses = Addresses { http: Vec::new(), https: None, admin: None };
        for &address in &options.listen {
            let beside_ipv4 =
                options.listen.iter().any(|other| other.is_ipv4() && other.port() == address.port());
            let (listener, bound) = listen(address, beside_ipv4)?;
            http.push(listener);
            addresses.http.push(bound);
        }
        let mut https = None;
        if let Some(tls) = options.tls {
            let (acceptors, reloader) = tls::set_up(&tls.certificate, service.clone())?;
            let (listener, bound) = listen(tls.listen, false)?;
            https = Some((listener, acceptors, reloader));
            addresses.https = Some(bound);
        }
        let mut admin = None;
        if let Some(address) = options.admin_listen {
            let (listener, bound) = listen(address, false)?;
            admin = Some(listener);
            addresses.admin = Some(bound);
        }
        let (watch, failed) = watch::start(service.clone()).map_err(StartError::Thread)?;
        let timers = timers::start(service.clone()).map_err(StartError::Thread)?;
        Ok(Self {
            service,
            terms: Arc::new(terms),
            slots: Slots::new(options.max_connections, options.max_connections_per_address),
            http,
            https,
            admin,
            admin_hosts,
            addresses,
            failed,
            _watch: watch,
            _timers: timers,
        })
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
        let Self { service, terms, slots, http, https, admin, admin_hosts, failed, _watch, _timers, .. } =
            self;
        let door = Door { service: service.clone(), terms: terms.clone(), slots: slots.clone() };
        let mut listeners = JoinSet::new();
        for listener in http {
            listeners.spawn(door.clone().take_plain(listener));
        }
        if let Some((listener, acceptors, _)) = https {
            listeners.spawn(door.take_tls(listener, acceptors));
        }
        let admin_terms =
            Arc::new(Terms { timeouts: terms.timeouts, stop: Stop::new(), stop_timeout: Duration::ZERO });
        if let Some(listener) = admin {
            let looking = Arc::new(Mutex::new(()));
            let admin = Admin {
                service: service.clone(),
                terms: terms.clone(),
                slots: slots.clone(),
                looking,
                hosts: admin_hosts,
            };
            tokio::spawn(take_admin(listener, admin_terms.clone(), admin));
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
        terms.stop.begin();
        while listeners.join_next().await.is_some() {}
        if timeout(terms.stop_timeout + GRACE, slots.all_free()).await.is_err() {
            tracing::warn!(connections = slots.taken(), "stopped with requests in flight");
        }
        admin_terms.stop.begin();
        service.refusals.tell_rest();
        if let Some(log) = &service.access_log {
            log.flush();
        }
        failure.or_else(|| service.store.failed()).map_or(Ok(()), Err)
    }
}

fn listen(address: SocketAddr, beside_ipv4: bool) -> Result<(TcpListener, SocketAddr), StartError> {
    let bound = listener::bind(address, beside_ipv4).and_then(|listener| {
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    });
    bound.map_err(|source| StartError::Listen { address, source })
}

/// Where connections come in.
#[derive(Clone)]
struct Door {
    service: Arc<Service>,
    terms: Arc<Terms>,
    slots: Arc<Slots>,
}

impl Door {
    async fn take_plain(self, listener: TcpListener) {
        let stop = &self.terms.stop;
        listener::accept(listener, stop, |stream, address| {
            let Some(slot) = self.admit(address) else { return };
            let (terms, peer) = (self.terms.clone(), self.peer(address, false, &slot));
            tokio::spawn(async move {
                connection::serve(stream, Protocol::Http1, &terms, None, peer).await;
                drop(slot);
            });
        })
        .await;
    }

    async fn take_tls(self, listener: TcpListener, acceptors: Acceptors) {
        let stop = &self.terms.stop;
        listener::accept(listener, stop, |stream, address| {
            let Some(slot) = self.admit(address) else { return };
            let (terms, peer, acceptors) =
                (self.terms.clone(), self.peer(address, true, &slot), acceptors.clone());
            tokio::spawn(serve_tls(stream, acceptors, terms, peer, slot));
        })
        .await;
    }

    /// A place for a connection from this address, if there is one.
    fn admit(&self, address: IpAddr) -> Option<Slot> {
        let is_proxy = caller::is_trusted(address, &self.service.trusted_proxies);
        match self.slots.take((!is_proxy).then_some(address)) {
            Ok(slot) => Some(slot),
            Err(full) => {
                self.service.metrics.refused_connections.inc();
                match full {
                    Full::All => tracing::debug!(%address, "a connection was refused: all places are taken"),
                    Full::Network => {
                        tracing::debug!(%address, "a connection was refused: its address has its share");
                    }
                }
                None
            }
        }
    }

    fn peer(&self, address: IpAddr, is_tls: bool, slot: &Slot) -> Peer {
        Peer { service: self.service.clone(), address, is_tls, memory: slot.memory() }
    }
}

async fn serve_tls(stream: TcpStream, acceptors: Acceptors, terms: Arc<Terms>, peer: Peer, mut slot: Slot) {
    let acceptor = if slot.take_http2() { acceptors.both } else { acceptors.http1 };
    let handshake = tokio::select! {
        biased;
        () = terms.stop.begun() => return,
        handshake = timeout(terms.timeouts.header, acceptor.accept(stream)) => handshake,
    };
    let stream = match handshake {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => return tracing::debug!("a TLS handshake timed out"),
    };
    let protocol = match stream.get_ref().1.alpn_protocol() {
        Some(tls::HTTP_2) => Protocol::Http2,
        _ => Protocol::Http1,
    };
    if protocol == Protocol::Http1 {
        slot.leave_http2();
    }
    connection::serve(stream, protocol, &terms, slot.memory(), peer).await;
}

async fn take_admin(listener: TcpListener, terms: Arc<Terms>, admin: Admin) {
    let slots = Slots::new(ADMIN_CONNECTIONS, ADMIN_CONNECTIONS);
    listener::accept(listener, &terms.stop, |stream, _| {
        let Ok(slot) = slots.take(None) else { return };
        let (terms, admin) = (terms.clone(), admin.clone());
        tokio::spawn(async move {
            connection::serve(stream, Protocol::Http1, &terms, None, admin).await;
            drop(slot);
        });
    })
    .await;
}
