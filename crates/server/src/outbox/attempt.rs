//! One try: a POST over a connection to a checked address, and why it failed.

use std::{
    collections::HashSet,
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use billhook_store::outbox::deliveries::Try;
use billhook_wire::{Key, event};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use ipnet::IpNet;
use rustls::{
    CertificateError, ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio::time::{Instant, timeout_at};

use super::{
    address::{NotPublic, Reach, Resolver, Unresolved},
    target::Target,
};
use crate::{StartError, clock::unix_now};

/// How long a try may take, from the name's look-up to the answer's beginning.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long the addresses of a name may take in all to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// After this time the next address of a name is tried beside the first.
const NEXT_ADDRESS: Duration = Duration::from_millis(300);
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const IDLE_OF_HOST_MAX: usize = 4;
/// To how many hosts connections are kept. Beyond that all idle ones are closed.
const KEPT_HOSTS_MAX: usize = 64;
/// How much of an answer's body is kept.
const ANSWER_BYTES_MAX: usize = 1024;
/// The longest head of an answer.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// What is sent in every try.
#[derive(Debug, Clone)]
pub(super) struct Message {
    /// `webhook-id`.
    pub(super) id: String,
    pub(super) target: Target,
    pub(super) body: Bytes,
    pub(super) signed: Signed,
}

/// What signs a message.
#[derive(Debug, Clone)]
pub(super) enum Signed {
    /// A product's URL: the account's key.
    Key(Key),
    /// An endpoint: its secrets.
    Secrets(Vec<billhook_store::accounts::people::Secret>),
}

type Connector = HttpsConnector<HttpConnector<Resolver>>;
type Connections = Client<Connector, Full<Bytes>>;

/// Sends messages.
#[derive(Debug)]
pub(super) struct Poster {
    reach: Reach,
    connector: Connector,
    connections: Connections,
    /// The hosts that there may be connections to.
    kept: HashSet<String>,
}

impl Poster {
    /// Connects to public addresses and to these networks. Certificates lead to the web's roots or to those in
    /// the file.
    pub(super) fn new(allowed: &[IpNet], more_roots: Option<&PathBuf>) -> Result<Self, StartError> {
        let reach = Reach::new(allowed);
        let mut http = HttpConnector::new_with_resolver(Resolver(reach.clone()));
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        http.set_happy_eyeballs_timeout(Some(NEXT_ADDRESS));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| StartError::SelfSigned(error.to_string()))?
            .with_root_certificates(roots(more_roots.map(PathBuf::as_path))?)
            .with_no_client_auth();
        let connector = HttpsConnector::from((http, tls));
        let connections = connections(connector.clone());
        Ok(Self { reach, connector, connections, kept: HashSet::new() })
    }

    /// Tries once.
    pub(super) fn post(&mut self, message: Message) -> impl Future<Output = Try> + Send + use<> {
        if !self.kept.contains(&message.target.host) {
            if self.kept.len() >= KEPT_HOSTS_MAX {
                // What is idle ends with the old ones. What is in use lives as long as its try.
                self.connections = connections(self.connector.clone());
                self.kept.clear();
            }
            self.kept.insert(message.target.host.clone());
        }
        attempt(self.reach.clone(), self.connections.clone(), message)
    }
}

fn connections(connector: Connector) -> Connections {
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(IDLE_OF_HOST_MAX)
        .http1_max_buf_size(HEAD_BYTES_MAX)
        .build(connector)
}

async fn attempt(reach: Reach, connections: Connections, message: Message) -> Try {
    let (at, began) = (unix_now(), Instant::now());
    let until = began + TIMEOUT;
    let mut tried = Try { at, ..Try::default() };
    match timeout_at(until, answer(&reach, &connections, &message, at)).await {
        Err(_) => tried.reason = format!("no answer within {} seconds", TIMEOUT.as_secs()),
        Ok(Err(reason)) => tried.reason = reason,
        Ok(Ok(response)) => {
            let status = response.status();
            tried.status = status.as_u16().into();
            if status.is_redirection() {
                tried.reason = format!("answered {}: redirects are not followed", status.as_u16());
            } else if !status.is_success() {
                tried.reason = format!("answered {}", status.as_u16());
            }
            tried.answer = beginning(response.into_body(), until).await;
        }
    }
    tried.milliseconds = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
    tried
}

/// The head of the answer, or why there is none.
async fn answer(
    reach: &Reach,
    connections: &Connections,
    message: &Message,
    at: i64,
) -> Result<Response<Incoming>, String> {
    check_literal(reach, &message.target.uri).map_err(|refused| refused.to_string())?;
    let mut request = Request::post(message.target.uri.clone())
        .body(Full::new(message.body.clone()))
        .map_err(|error| error.to_string())?;
    *request.headers_mut() = headers(message, at).map_err(|error| error.to_string())?;
    connections.request(request).await.map_err(|error| reason(&error))
}

/// The connector takes an address in a URL as it is, without the resolver.
fn check_literal(reach: &Reach, uri: &Uri) -> Result<(), NotPublic> {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host.parse().map_or(Ok(()), |address| reach.check(address))
}

fn headers(message: &Message, at: i64) -> Result<HeaderMap, header::InvalidHeaderValue> {
    let Message { id, body, signed, .. } = message;
    let headers = match signed {
        Signed::Key(key) => event::form_headers(id, at, body, key),
        Signed::Secrets(secrets) => {
            event::json_headers(id, at, body, secrets.iter().map(|secret| secret.0.as_str()))
        }
    };
    let parsed = |(name, value): (&'static str, String)| Ok((HeaderName::from_static(name), value.parse()?));
    headers.into_iter().map(parsed).collect()
}

/// The beginning of an answer's body. The rest is not read.
async fn beginning(mut body: Incoming, until: Instant) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER_BYTES_MAX
        && let Ok(Some(Ok(frame))) = timeout_at(until, body.frame()).await
    {
        bytes.extend(frame.data_ref().into_iter().flatten().take(ANSWER_BYTES_MAX - bytes.len()));
    }
    // No engine keeps a NUL in every text.
    String::from_utf8_lossy(&bytes).replace('\0', "\u{fffd}")
}

/// The web's roots, and those in a file.
fn roots(file: Option<&Path>) -> Result<RootCertStore, StartError> {
    let mut roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
    let Some(file) = file else { return Ok(roots) };
    let unusable = |problem: String| StartError::Certificate { file: file.to_owned(), problem };
    let text = fs::read(file).map_err(|error| unusable(error.to_string()))?;
    let mut is_empty = true;
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
        is_empty = false;
    }
    if is_empty { Err(unusable("it holds no certificate".to_owned())) } else { Ok(roots) }
}

/// Why there was no answer, from the first cause that says so.
fn reason(error: &(dyn Error + 'static)) -> String {
    let (mut cause, mut broken) = (Some(error), None);
    while let Some(error) = cause {
        if let Some(unresolved) = error.downcast_ref::<Unresolved>() {
            return unresolved.to_string();
        }
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return tls_reason(error);
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            if error.is_parse() {
                return "the answer is not HTTP, or its head is too long".to_owned();
            }
            if error.is_incomplete_message() {
                return CLOSED.to_owned();
            }
        }
        cause = match error.downcast_ref::<io::Error>() {
            // What is wrapped in such an error is not its source, but the error itself.
            Some(error) => {
                broken = Some(error);
                error.get_ref().map(|inner| inner as &(dyn Error + 'static))
            }
            None => error.source(),
        };
    }
    broken.map_or_else(|| format!("the connection failed: {error}"), connection_reason)
}

const CLOSED: &str = "the connection was closed before an answer came";

fn connection_reason(error: &io::Error) -> String {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused => "the connection was refused".to_owned(),
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe | Kind::UnexpectedEof => {
            CLOSED.to_owned()
        }
        Kind::HostUnreachable | Kind::NetworkUnreachable => "the host cannot be reached".to_owned(),
        Kind::TimedOut => "the connection was not answered".to_owned(),
        _ => format!("the connection failed: {error}"),
    }
}

fn tls_reason(error: &rustls::Error) -> String {
    use CertificateError as Problem;
    let rustls::Error::InvalidCertificate(problem) = error else {
        return format!("no TLS connection came about: {error}");
    };
    let problem = match problem {
        Problem::Expired | Problem::ExpiredContext { .. } => "it has expired".to_owned(),
        Problem::NotValidYet | Problem::NotValidYetContext { .. } => "it is not valid yet".to_owned(),
        Problem::UnknownIssuer => "its issuer is not known".to_owned(),
        Problem::NotValidForName | Problem::NotValidForNameContext { .. } => {
            "it is for another name".to_owned()
        }
        other => other.to_string(),
    };
    format!("the certificate is not valid: {problem}")
}
