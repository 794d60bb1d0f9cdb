//! The path of one request: routing, answer, log and metrics.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use billhook_wire::{Code, TextCase};
use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header, request::Parts};
use hyper::body::Incoming;

use crate::{
    api::{self, Called},
    cabinet,
    clock::unix_now,
    failure::Failure,
    gate::{Asked, caller, host},
    http::{
        answer::{Answer, Rest},
        body,
        connection::{Handler, Reply},
        memory::Budget,
    },
    pages::{
        docs::Reference,
        home,
        order::{self, OrderLink},
    },
    state::State,
    telemetry::access_log::Line,
};

/// How long a browser that used HTTPS uses nothing else: a year, in seconds.
const HSTS: &str = "max-age=31536000";

/// The server as one peer sees it.
pub(crate) struct Peer {
    pub(crate) state: Arc<State>,
    /// The other end of the connection: the caller or a proxy.
    pub(crate) address: IpAddr,
    pub(crate) is_tls: bool,
    /// The memory for the bodies of its network; `None` if it is not counted.
    pub(crate) memory: Option<Arc<Budget>>,
}

/// The target of a path.
enum Route {
    Reference(Reference),
    Order(OrderLink),
    Cabinet,
    Home,
    /// Everything else; the API refuses unknown methods.
    Api,
}

impl Route {
    fn of(head: &Parts) -> Self {
        let path = head.uri.path();
        let is_read = matches!(head.method, Method::GET | Method::HEAD);
        match (Reference::at(path), OrderLink::at(path)) {
            (Some(reference), _) => Self::Reference(reference),
            (None, Some(link)) => Self::Order(link),
            (None, None) if cabinet::is_path(path) => Self::Cabinet,
            (None, None) if is_read && !path.starts_with("/api/") => Self::Home,
            (None, None) => Self::Api,
        }
    }
}

impl Handler for Peer {
    async fn handle(&self, request: hyper::Request<Incoming>) -> Reply {
        let arrived = Instant::now();
        let state = &*self.state;
        // Random digits, so that nobody learns from those he gets how many calls there were.
        let request_id = format!("{:016x}", rand::random::<u64>());
        let (head, body) = request.into_parts();
        let (max, time) = (state.max_body_bytes, state.body_timeout);
        let budgets = [Some(&state.body_budget), self.memory.as_ref()];
        let body = body::read(&head, body, max, time, budgets).await;
        let ends_connection = !body::end_is_certain(&body);

        let route = Route::of(&head);
        let (asked, fresh) = self.asked(&head, &request_id, &route).await;
        let (outcome, called) = match route {
            _ if !asked.names_one_host => (fresh.and(Err(Failure::Http(StatusCode::BAD_REQUEST))), None),
            Route::Reference(reference) => {
                let budgets = [Some(&state.page_budget), None];
                (state.docs.answer(reference, &asked, budgets), None)
            }
            Route::Order(link) => (order::answer(state, &asked, fresh, link).await, None),
            Route::Cabinet => (cabinet::answer(&self.state, &asked, fresh, body).await, None),
            Route::Home => (home::answer(state, &asked, fresh), None),
            Route::Api => {
                let (outcome, called) = api::answer(state, &asked, fresh, body).await;
                (outcome, Some(called))
            }
        };
        Reply { response: self.respond(&asked, outcome, called, arrived), ends_connection }
    }
}

impl Peer {
    /// Finds the caller and the account, and whether the accounts are fresh, where the route needs them to be.
    async fn asked<'a>(
        &self,
        head: &'a Parts,
        request_id: &'a str,
        route: &Route,
    ) -> (Asked<'a>, Result<(), Failure>) {
        let State { directory, trusted_proxies, has_certificate, .. } = &*self.state;
        let host = host::of_request(head);
        let came_by_https = caller::came_by_https(self.address, &head.headers, trusted_proxies);
        let caller = caller::address(self.address, &head.headers, trusted_proxies);
        let fresh = match route {
            Route::Reference(_) => Ok(()),
            Route::Order(_) | Route::Cabinet | Route::Home | Route::Api => directory.fresh().await,
        };
        let asked = Asked {
            head,
            names_one_host: host.is_ok(),
            account: host.ok().and_then(|host| directory.find(host.as_ref())),
            caller,
            is_encrypted: self.is_tls || came_by_https,
            is_https: *has_certificate || came_by_https,
            request_id,
        };
        (asked, fresh)
    }

    /// Builds the response, and counts and logs it.
    fn respond(
        &self,
        asked: &Asked<'_>,
        outcome: Result<Answer, Failure>,
        called: Option<Called>,
        arrived: Instant,
    ) -> Response<(Bytes, Option<Rest>)> {
        let state = &*self.state;
        let account = asked.account.as_deref();
        let (key, trace) = called.map_or((None, None), |Called { key, trace }| (key, Some(trace)));
        let signer = key.as_ref().or(account.map(|account| &account.key));
        let case = account.map_or(TextCase::default(), |account| account.settings.text_case);
        let is_refused = outcome.as_ref().map_or(true, |answer| answer.code != Code::OK);
        let has_line = !is_refused || state.reporter.refusals.has_line(asked.caller);
        let answer = outcome.unwrap_or_else(|failure| {
            if has_line || !matches!(failure, Failure::NoRoom) {
                state.reporter.failed(&failure, state.store.place(), asked.request_id);
            }
            Answer::refusal(&failure, case, signer)
        });
        let took = arrived.elapsed();
        let method = state.methods.name_of(asked.head.uri.path());
        note(state, asked, method, &answer, took, has_line);
        if let (Some(account), Some(trace)) = (account, trace) {
            api::keep(state, account, asked, method, &answer, took, trace);
        }

        let mut response = answer.head(signer, unix_now(), asked.request_id);
        let headers = response.headers_mut();
        if self.is_tls && state.has_certificate {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
        }
        // An answer to HEAD has the length in its headers, but no body.
        let is_head = asked.head.method == Method::HEAD;
        if is_head && answer.rest.is_none() {
            headers.insert(header::CONTENT_LENGTH, answer.body.len().into());
        }
        response.map(|()| if is_head { (Bytes::new(), None) } else { (answer.body, answer.rest) })
    }
}

/// Counts a request, and logs it if the access log is on.
fn note(
    state: &State,
    asked: &Asked<'_>,
    method: Option<&'static str>,
    answer: &Answer,
    took: Duration,
    has_line: bool,
) {
    state.metrics.count(method, answer.code.number(), took.as_secs_f64());
    let Some(log) = state.access_log.as_ref().filter(|_| has_line) else { return };
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
