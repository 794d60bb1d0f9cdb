//! The state that all requests share.

use std::{sync::Arc, thread, time::Duration};

use billhook_store::{AccountId, Extent, Store, Tx};
use ipnet::IpNet;
use tokio::sync::{Semaphore, oneshot};

use crate::{
    Export, Options, StartError,
    cabinet::{passwords::Passwords, slowdown::Slowdown, visit::Reports},
    failure::Failure,
    gate::accounts::Directory,
    http::{answer, body, memory::Budget},
    methods::Methods,
    options::Certificate,
    pages::docs::Docs,
    telemetry::{access_log::AccessLog, metrics::Metrics, reporter::Reporter},
};

/// As many reports of the cabinet are kept.
const REPORTS_MAX: usize = 100;

pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) directory: Directory,
    pub(crate) methods: Methods,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) max_body_bytes: usize,
    pub(crate) body_timeout: Duration,
    pub(crate) body_budget: Arc<Budget>,
    pub(crate) answer_budget: Arc<Budget>,
    pub(crate) page_budget: Arc<Budget>,
    pub(crate) docs: Docs,
    pub(crate) passwords: Passwords,
    pub(crate) slowdown: Slowdown,
    pub(crate) reports: Arc<Reports>,
    /// One export is written at a time: it takes the disk's time, and its room until it is read.
    pub(crate) exports: Arc<Semaphore>,
    pub(crate) export: Option<Export>,
    /// Whether people may sign in to the cabinet over plain HTTP from other machines.
    pub(crate) cabinet_over_http: bool,
    /// Whether HTTPS is served with a certificate that clients can verify.
    pub(crate) has_certificate: bool,
    pub(crate) access_log: Option<AccessLog>,
    pub(crate) metrics: Metrics,
    pub(crate) reporter: Reporter,
}

impl State {
    /// Loads the accounts; fails if the store can't be read.
    pub(crate) fn new(options: &Options, store: Store, methods: Methods) -> Result<Self, StartError> {
        let directory = Directory::new(options, store.is_shared())?;
        // Store reads block, so they must not run on the runtime's threads.
        thread::scope(|scope| scope.spawn(|| directory.refresh(&store)).join())
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        if directory.lacks_default() {
            tracing::warn!("the default account does not exist yet; add it with `billhook account add`");
        }
        let metrics = Metrics::new();
        metrics.store_ready.set(1);
        let access_log = options.access_log.map(|format| AccessLog::start(format, std::io::stderr()));
        let certificate = options.tls.as_ref().map(|tls| &tls.certificate);
        let has_certificate = matches!(certificate, Some(Certificate::Files { .. }));
        Ok(Self {
            store,
            directory,
            methods,
            trusted_proxies: options.trusted_proxies.clone(),
            max_body_bytes: options.max_body_bytes,
            body_timeout: options.body_timeout,
            body_budget: Budget::new(body::MAX_BYTES_IN_ALL),
            answer_budget: Budget::new(answer::MAX_BYTES_IN_ALL),
            page_budget: Budget::new(answer::PAGES_BYTES_IN_ALL),
            docs: Docs::make(if has_certificate { "https" } else { "http" }),
            passwords: Passwords::default(),
            slowdown: Slowdown::default(),
            reports: Arc::new(Reports::new(REPORTS_MAX)),
            exports: Arc::new(Semaphore::new(1)),
            export: options.export,
            cabinet_over_http: options.cabinet_over_http,
            has_certificate,
            access_log: access_log.transpose().map_err(StartError::Thread)?,
            metrics,
            reporter: Reporter::default(),
        })
    }

    /// Runs a read transaction for a page, on a thread that steps back before the API's.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        account: AccountId,
        body: impl Fn(&mut Tx<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (send, result) = oneshot::channel();
        // Nobody waits any more if the connection has ended.
        let done = move |read| drop(send.send(read));
        self.store.begin_read(account, Extent::Transaction, body, || (done, || true));
        result.await.map_err(|_| Failure::Fault("the store dropped a transaction"))?
    }

    /// Runs a write transaction for a page; what it wrote is durable then.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        account: AccountId,
        body: impl Fn(&mut Tx<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (send, result) = oneshot::channel();
        self.store.write_then(Some(account), body, move |written| drop(send.send(written)));
        result.await.map_err(|_| Failure::Fault("the store dropped a transaction"))?
    }
}
