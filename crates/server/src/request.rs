//! From a request to its answer: who is asked, who asks, whether they may, and what then.

use std::{
    net::IpAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use billhook_store::{self as store, Store};
use billhook_wire::{Api, Code, Credential, Request, TextCase, mistake};
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, Version, header, request::Parts};
use hyper::body::Incoming;
use ipnet::IpNet;
use tokio::sync::{Semaphore, oneshot};

use crate::{
    failure::Failure,
    gate::{
        accounts::{Directory, Served, WhichKey},
        caller, host,
    },
    http::{
        answer::{self, Answer},
        body::{self, Body, BodyError},
        connection::{AnswerBody, Answers, Open},
        memory::Budget,
    },
    methods::{Begun, Call, Envelope, Methods},
    pages::{
        Docs, Page,
        order::{self as bill_page, BillLink, Words},
    },
    request_id,
    telemetry::{
        access_log::{AccessLog, Line},
        metrics::Metrics,
        refusals::Refusals,
        reporter::Troubles,
        unserved::Unserved,
    },
};

/// What every request is answered from.
pub(crate) struct Service {
    pub(crate) store: Store,
    pub(crate) directory: Directory,
    pub(crate) methods: Methods,
    /// Who may read at length on a thread of its own.
    pub(crate) long_reads: Arc<Semaphore>,
    pub(crate) metrics: Metrics,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) max_body_bytes: usize,
    pub(crate) body_timeout: Duration,
    pub(crate) body_budget: Arc<Budget>,
    pub(crate) answer_budget: Arc<Budget>,
    /// The memory for orders' pages.
    pub(crate) page_budget: Arc<Budget>,
    pub(crate) docs: Docs,
    /// Whether HTTPS is served with a certificate that was given, and so that clients can check.
    pub(crate) has_certificate: bool,
    pub(crate) access_log: Option<AccessLog>,
    pub(crate) troubles: Troubles,
    pub(crate) unserved: Unserved,
    pub(crate) refusals: Refusals,
}

/// The API, as one peer sees it.
pub(crate) struct Peer {
    pub(crate) service: Arc<Service>,
    /// The other end of the connection: the caller, or a proxy.
    pub(crate) address: IpAddr,
    /// Whether the connection is encrypted.
    pub(crate) is_tls: bool,
    /// The memory for the bodies of its network; none where that is not counted.
    pub(crate) memory: Option<Arc<Budget>>,
}

/// A request, read to its end; what is known of it beside its body.
struct Asked<'a> {
    head: &'a Parts,
    /// Whether the head says which host is meant, however unknown (decisions 59 and 62).
    names_one_host: bool,
    account: Option<Arc<Served>>,
    caller: IpAddr,
    /// Whether it came by HTTPS as far as links are concerned: the server has a certificate, or the proxy before it says so.
    is_https: bool,
    request_id: &'a str,
}

/// For how long a browser that came by HTTPS comes by nothing else, in seconds: a year.
const HSTS: &str = "max-age=31536000";
/// What other nodes change in an account holds here after so long: beyond it nobody is answered from what is known.
const ACCOUNTS_AGE_MAX: Duration = Duration::from_secs(1);
/// How long a request waits for newer ones at most, and how often it looks.
const ACCOUNTS_WAIT_MAX: Duration = Duration::from_secs(2);
const ACCOUNTS_LOOK: Duration = Duration::from_millis(10);

impl Answers for Peer {
    async fn answer(&self, request: hyper::Request<Incoming>, open: Open) -> hyper::Response<AnswerBody> {
        let arrived = Instant::now();
        let service = &*self.service;
        let request_id = request_id::new();
        let (head, body) = request.into_parts();
        let (max, time) = (service.max_body_bytes, service.body_timeout);
        let body =
            body::read(&head, body, max, time, [Some(&service.body_budget), self.memory.as_ref()]).await;
        let ends_connection = !body::end_is_certain(&body);
        let page = Page::at(head.uri.path());
        let fresh = if page.is_some() { Ok(()) } else { service.fresh_accounts().await };
        let host = host::of_request(&head);
        let asked = Asked {
            head: &head,
            names_one_host: host.is_ok(),
            account: host.ok().and_then(|host| service.directory.find(host.as_ref())),
            caller: caller::address(self.address, &head.headers, &service.trusted_proxies),
            is_https: service.has_certificate
                || caller::came_by_https(self.address, &head.headers, &service.trusted_proxies),
            request_id: &request_id,
        };
        let mut key = WhichKey::Current;
        let outcome = match (page, BillLink::at(head.uri.path())) {
            (Some(page), _) if asked.names_one_host => page
                .answer(&head, &service.docs)
                .ok_or(Failure::Fault("an order's page is made of the order")),
            (None, Some(link)) if asked.names_one_host => guarded(service.bill(&asked, fresh, link)).await,
            _ => service.call(&asked, body, fresh, &mut key).await,
        };

        let account = asked.account.as_deref();
        let signer = account.map(|account| account.key(key));
        let case = account.map_or(TextCase::default(), |account| account.settings.text_case);
        let is_refused = outcome.as_ref().map_or(true, |answer| answer.code != Code::OK);
        let is_told = !is_refused || service.refusals.is_told(asked.caller);
        let answer = outcome.unwrap_or_else(|failure| {
            if is_told || !matches!(failure, Failure::NoRoom) {
                service.troubles.tell(&failure, service.store.place(), &request_id);
            }
            Answer::refusal(&failure, case, signer)
        });
        service.note(&asked, &answer, arrived.elapsed(), is_told);

        let mut response = answer.head(signer, unix_now(), &request_id);
        if self.is_tls && service.has_certificate {
            response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
        }
        if ends_connection {
            open.0.leave_unread();
            if head.version < Version::HTTP_2 {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
        }
        // An answer to HEAD says how long it would be, and is empty.
        let body = if head.method == Method::HEAD {
            response.headers_mut().insert(header::CONTENT_LENGTH, answer.body.len().into());
            Bytes::new()
        } else {
            answer.body
        };
        response.map(|()| AnswerBody::new(body, open))
    }
}

impl Service {
    /// Answers a call of the API, if it is one.
    async fn call(
        &self,
        asked: &Asked<'_>,
        body: Result<Body, BodyError>,
        fresh: Result<(), Failure>,
        key: &mut WhichKey,
    ) -> Result<Answer, Failure> {
        let envelope = guarded(async move {
            fresh?;
            let begun = self.begin(asked, &body, key)?;
            // Its memory is for others while the store is waited for.
            drop(body);
            match begun {
                Begun::Done(envelope) => Ok(envelope),
                Begun::Waits(envelope) => envelope.await,
            }
        });
        let Envelope { body, paged } = envelope.await?;
        let of_account = asked.account.as_ref().map(|account| account.answers());
        Ok(Answer { paged, ..Answer::done(body, [Some(&self.answer_budget), of_account])? })
    }

    /// Answers a customer who looks at an order. Whether the account lets this address call its API does not matter here.
    async fn bill(
        &self,
        asked: &Asked<'_>,
        fresh: Result<(), Failure>,
        link: BillLink,
    ) -> Result<Answer, Failure> {
        if Page::is_wrong_way(asked.head) {
            return Ok(Page::Bill.wrong_way());
        }
        fresh?;
        let words = Words::for_reader(&asked.head.headers);
        let page = match asked.account.as_ref().filter(|account| !account.disabled) {
            None => None,
            Some(account) => {
                let (send, page) = oneshot::channel();
                let id = account.id;
                // Nobody waits any more if the connection has ended.
                self.store.read_then(move |tx| link.page(tx, id, words), move |page| drop(send.send(page)));
                page.await.map_err(|_| Failure::Fault("the store dropped a transaction"))??
            }
        };
        if let Some(page) = page {
            return Ok(Page::Bill.shown(
                StatusCode::OK,
                Code::OK,
                answer::hold(page.into_bytes(), [Some(&self.page_budget), None])?,
            ));
        }
        let told = bill_page::not_found(words);
        Ok(Page::Bill.shown(StatusCode::NOT_FOUND, Code::ORDER_NOT_FOUND, told.into()))
    }

    /// Whether what is known of the accounts is too old to be relied upon.
    pub(crate) fn accounts_are_old(&self) -> bool {
        self.store.is_shared() && self.directory.age() > ACCOUNTS_AGE_MAX
    }

    /// Waits until what is known of the accounts is new enough, where others may change them: a busy machine may be late, and one that
    /// can't read the store is told at once.
    async fn fresh_accounts(&self) -> Result<(), Failure> {
        let asked = Instant::now();
        while self.accounts_are_old() {
            if self.directory.is_cut_off() || asked.elapsed() > ACCOUNTS_WAIT_MAX {
                let text = "store: the accounts could not be read for more than a second: a key may have been changed";
                return Err(Failure::Broken(store::Error::new(store::Kind::Unreachable, text)));
            }
            tokio::time::sleep(ACCOUNTS_LOOK).await;
        }
        Ok(())
    }

    /// The checks, in their order (decision 2), and then the method. `key` becomes the one that the caller used.
    fn begin(
        &self,
        asked: &Asked<'_>,
        body: &Result<Body, BodyError>,
        key: &mut WhichKey,
    ) -> Result<Begun, Failure> {
        if !asked.names_one_host {
            return Err(Failure::Http(StatusCode::BAD_REQUEST));
        }
        if asked.head.method != Method::POST {
            return Err(Failure::Http(StatusCode::METHOD_NOT_ALLOWED));
        }
        let account = asked.account.as_ref().ok_or(Code::NO_USER)?;
        if account.disabled {
            return Err(Code::DISABLED.into());
        }
        if !account.allows(asked.caller) {
            return Err(Failure::ip_denied(asked.caller));
        }
        if let Some(limit) = account.limit() {
            limit.count(asked.caller).map_err(|retry_after| Failure::TooOften { retry_after })?;
        }
        let body = match body {
            Ok(body) => &*body.bytes,
            Err(BodyError::TooLarge { .. }) => return Err(Failure::Http(StatusCode::PAYLOAD_TOO_LARGE)),
            Err(BodyError::Broken) => return Err(Failure::Http(StatusCode::BAD_REQUEST)),
            Err(BodyError::NoMemory) => return Err(Failure::NoRoom),
        };
        let content_type = asked.head.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        let request = Request::read(content_type, body);
        if request.is_empty() {
            let media_type = media_type(content_type);
            tracing::debug!(request = asked.request_id, media_type, bytes = body.len(), "no parameters");
            return Err(Code::NO_DATA.into());
        }
        if request.over_limit() {
            return Err(Code::WRONG_DATA.into());
        }
        let edition = match request.credential() {
            Credential::Absent => return Err(Code::NO_HASH.into()),
            Credential::Hash => Api::Signed,
            Credential::Key(_) => Api::Keyed,
        };
        *key = which_key(&request, account).ok_or_else(|| {
            log_mistake(asked.request_id, account, content_type, body);
            Code::WRONG_HASH
        })?;
        let path = asked.head.uri.path();
        let Some(method) = self.methods.find(path, edition) else {
            self.unserved.tell(account, path, asked.request_id);
            return Err(Failure::Http(StatusCode::NOT_FOUND));
        };
        method.begin(&Call {
            store: &self.store,
            account,
            key: *key,
            request: &request,
            headers: &asked.head.headers,
            request_id: asked.request_id,
            is_https: asked.is_https,
            long_reads: &self.long_reads,
        })
    }

    /// Counts, and writes the log's line if the request has one.
    fn note(&self, asked: &Asked<'_>, answer: &Answer, took: Duration, is_told: bool) {
        let method = self.methods.name_of(asked.head.uri.path());
        self.metrics.count(method, answer.code.number(), took.as_secs_f64());
        let Some(log) = self.access_log.as_ref().filter(|_| is_told) else { return };
        log.add(&Line {
            request_id: asked.request_id,
            account: asked.account.as_ref().map(|account| account.login.as_str()),
            method,
            code: answer.code.number(),
            status: answer.status,
            took,
            bytes: answer.body.len(),
            caller: asked.caller,
        });
    }
}

/// Which of the account's keys the credential fits.
fn which_key(request: &Request<'_>, account: &Served) -> Option<WhichKey> {
    let current = account.key(WhichKey::Current);
    let fitting = match account.old_key(unix_now()) {
        Some(old) => request.verify(&account.login, &[current, old]),
        None => request.verify(&account.login, &[current]),
    };
    fitting.map(|at| if at == 0 { WhichKey::Current } else { WhichKey::Old })
}

/// Tells, at debug level only, what the caller did wrong in signing. Of each hash the log has the first digits and no more: with
/// a whole right one, the request could be sent.
fn log_mistake(request_id: &str, account: &Served, content_type: Option<&[u8]>, body: &[u8]) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let diagnosis = mistake::diagnose(&account.login, account.key(WhichKey::Current), content_type, body);
    let sent = diagnosis.sent.as_deref().map(mistake::first_digits);
    tracing::debug!(
        request = request_id,
        account = account.login.as_str(),
        verdict = %diagnosis.verdict,
        text = diagnosis.encoded.text_for_log,
        expected = mistake::first_digits(&diagnosis.encoded.hash),
        sent,
        "a credential was refused"
    );
}

/// What a log may have of a `Content-Type`: anything may stand in it, a secret too.
fn media_type(content_type: Option<&[u8]>) -> &'static str {
    const KNOWN: [&str; 8] = [
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/json",
        "application/octet-stream",
        "application/xml",
        "text/html",
        "text/plain",
        "text/xml",
    ];
    let Some(content_type) = content_type else { return "none" };
    let named = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    KNOWN.into_iter().find(|known| named.eq_ignore_ascii_case(known.as_bytes())).unwrap_or("another")
}

/// Turns a panic into a failure, so that it ends neither the connection nor the other requests on it.
async fn guarded<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut work = pin!(work);
    std::future::poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)))
            .unwrap_or(Poll::Ready(Err(Failure::Fault("answering a request panicked"))))
    })
    .await
}

pub(crate) fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
