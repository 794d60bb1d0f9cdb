//! Health and metrics, on a plain HTTP listener of their own for the operator.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use hyper::body::Incoming;
use tokio::{sync::Mutex, time::timeout};

use crate::{
    gate::host::{self, Host},
    http::{
        connection::{ConnectionConfig, Handler, Reply},
        permits::Permits,
    },
    state::State,
};

/// How long the store's health check may take.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);

/// The state of the admin listener.
#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) state: Arc<State>,
    /// The configuration of the API's connections: their shutdown ends readiness.
    pub(crate) config: Arc<ConnectionConfig>,
    pub(crate) permits: Arc<Permits>,
    /// Allows one health check at a time: if the store hangs, probes must not pile up threads.
    pub(crate) looking: Arc<Mutex<()>>,
    /// Accepted host names besides addresses and `localhost`. Others are refused, because any name can be
    /// made to lead a browser here.
    pub(crate) hosts: Arc<[String]>,
}

impl Handler for Admin {
    async fn handle(&self, request: hyper::Request<Incoming>) -> Reply {
        let is_look = matches!(*request.method(), Method::GET | Method::HEAD);
        let (head, _) = request.into_parts();
        if !self.is_named(&head) {
            let text =
                "unknown host: use an IP address, localhost, or a name given with --admin-host\n".to_owned();
            return reply(StatusCode::MISDIRECTED_REQUEST, "text/plain; charset=utf-8", text);
        }
        let (status, text) = match head.uri.path() {
            "/healthz" if is_look => (StatusCode::OK, "ok\n".to_owned()),
            "/readyz" if is_look => match self.not_ready().await {
                None => (StatusCode::OK, "ready\n".to_owned()),
                Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")),
            },
            "/metrics" if is_look => {
                return reply(
                    StatusCode::OK,
                    "application/openmetrics-text; version=1.0.0; charset=utf-8",
                    self.metrics(),
                );
            }
            _ => (StatusCode::NOT_FOUND, "here are /healthz, /readyz and /metrics\n".to_owned()),
        };
        reply(status, "text/plain; charset=utf-8", text)
    }
}

impl Admin {
    /// Whether the request's host is an accepted name.
    fn is_named(&self, head: &Parts) -> bool {
        match host::of_request(head) {
            Ok(None | Some(Host::Address(_))) => true,
            Ok(Some(Host::Name(name))) => name == "localhost" || self.hosts.iter().any(|host| *host == name),
            Err(_) => false,
        }
    }

    /// Why the server is not ready, if it is not.
    async fn not_ready(&self) -> Option<String> {
        if self.config.shutdown.has_begun() {
            return Some("the server is stopping".to_owned());
        }
        let looked = timeout(HEALTH_TIMEOUT, async {
            let turn = self.looking.clone().lock_owned().await;
            let store = self.state.store.clone();
            tokio::task::spawn_blocking(move || {
                let health = store.health();
                drop(turn);
                health
            })
            .await
        })
        .await;
        match looked {
            Ok(Ok(Ok(()))) => {
                let is_stale = self.state.directory.is_stale();
                is_stale
                    .then(|| "the accounts could not be read for more than a second: see the log".to_owned())
            }
            Ok(Ok(Err(error))) => Some(error.to_string()),
            Ok(Err(_)) => Some("the health check of the store panicked".to_owned()),
            Err(_) => Some("the store does not answer".to_owned()),
        }
    }

    fn metrics(&self) -> String {
        let metrics = &self.state.metrics;
        metrics.connections.set(i64::try_from(self.permits.taken()).unwrap_or(i64::MAX));
        metrics.accounts.set(i64::try_from(self.state.directory.len()).unwrap_or(i64::MAX));
        metrics.text()
    }
}

fn reply(status: StatusCode, content_type: &'static str, text: String) -> Reply {
    let mut response = hyper::Response::new((Bytes::from(text), None));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    Reply { response, ends_connection: false }
}
