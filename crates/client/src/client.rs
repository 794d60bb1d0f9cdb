//! Sending a request and getting its answer back.

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use billhook_wire::{
    Api, Key, Login, Method, loose,
    method::{MethodInfo, NEXT_HEADER, Paged, TOTAL_HEADER},
    query, signature,
};
use rustls::CertificateError;
use serde_json::Value;
use ureq::{
    Agent,
    http::{HeaderMap, Uri},
    tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem},
    unversioned::transport::DefaultConnector,
};

use crate::{
    Answer, CallError, Error,
    address::{Address, is_loopback},
    answer::{self, Proof, start_of},
    resolver::LocalhostResolver,
};

/// The longest answer that is read, in bytes.
pub const MAX_ANSWER_BYTES: u64 = 64 * 1024 * 1024;

/// The server's address, the account, and how strictly to verify.
#[derive(Debug, Clone)]
pub struct Options {
    /// `scheme://host[:port]`, with or without `/api`.
    pub url: String,
    /// The account's login, a part of what is signed.
    pub login: Login,
    /// The account's key.
    pub key: Key,
    /// How long connecting may take, with name resolution and TLS.
    pub connect_timeout: Duration,
    /// How long the whole call may take.
    pub timeout: Duration,
    /// Whether to refuse answers without `Billhook-Signature`, of which only code and text can be verified.
    pub require_signature: bool,
    /// How much a signature's time may differ from this machine's clock.
    pub max_signature_age: Duration,
    /// Whether any certificate is accepted.
    pub insecure: bool,
    /// A PEM file with the only certificates to trust, instead of the public ones.
    pub ca_file: Option<PathBuf>,
}

impl Options {
    /// Ten seconds to connect, a minute in all, signatures at most five minutes old, public certificates.
    pub fn new(url: impl Into<String>, login: Login, key: Key) -> Self {
        Self {
            url: url.into(),
            login,
            key,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_mins(1),
            require_signature: false,
            max_signature_age: Duration::from_mins(5),
            insecure: false,
            ca_file: None,
        }
    }
}

/// A client of one account. It keeps connections open, and threads may share it.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    address: Address,
    options: Options,
}

impl Client {
    /// Checks the options; sends nothing.
    pub fn new(options: Options) -> Result<Self, Error> {
        let address = Address::parse(&options.url)?;
        let roots = options.ca_file.as_deref().map_or(Ok(RootCerts::WebPki), certificates)?;
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(options.connect_timeout))
            .timeout_global(Some(options.timeout))
            .user_agent(concat!("billhook/", env!("CARGO_PKG_VERSION")))
            .accept("application/json")
            .tls_config(
                TlsConfig::builder().disable_verification(options.insecure).root_certs(roots).build(),
            );
        if address.is_loopback {
            // A proxy can't reach this machine. For other hosts ureq takes it from the environment.
            config = config.proxy(None);
        }
        let agent = Agent::with_parts(config.build(), DefaultConnector::new(), LocalhostResolver::default());
        Ok(Self { agent, address, options })
    }

    /// Calls a method and returns its answer.
    pub fn call<M: Method>(&self, ask: &M) -> Result<M::Answer, CallError> {
        let mut form = Vec::new();
        if let Value::Object(parameters) = serde_json::to_value(ask).map_err(CallError::Parameters)? {
            query::build(&query::from_json(&parameters), &mut form);
        }
        let answer = self.exchange(M::NAME, M::API, form)?;
        if answer.error_code != 0 {
            return Err(CallError::Refused {
                code: answer.error_code,
                text: start_of(&answer.error_text, 200),
                result: answer.result,
            });
        }
        loose::from_str(&answer.result).map_err(CallError::Result)
    }

    /// Calls any method, even an unknown one, with parameters in this order and with names as in PHP
    /// (`utm[medium]`). A refusal is returned as an answer. Without `api`, the method's name decides the
    /// version; unknown methods are signed.
    pub fn send(
        &self,
        api: Option<Api>,
        method: &str,
        parameters: &[(String, String)],
    ) -> Result<Answer, CallError> {
        let known = || MethodInfo::named(method).map(|known| known.api);
        let api = api.or_else(known).unwrap_or(Api::Signed);
        let mut form = Vec::new();
        query::build_pairs(
            parameters.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())),
            &mut form,
        );
        self.exchange(method, api, form)
    }

    /// Posts a body to any URL, with TLS and in the time as in calls, and returns the answer's HTTP status. Headers without a
    /// value are left out.
    pub fn post(&self, url: &str, headers: &[(&'static str, String)], body: &[u8]) -> Result<u16, CallError> {
        let mut request = self.agent.post(url);
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, value);
        }
        let host = request.uri_ref().and_then(Uri::host).unwrap_or_default().to_owned();
        if is_loopback(&host) {
            request = request.config().proxy(None).build();
        }
        let response = request.send(body).map_err(|error| self.explain(host, error))?;
        Ok(response.status().as_u16())
    }

    /// The key that signs.
    pub fn key(&self) -> &Key {
        &self.options.key
    }

    /// `form` is the query of the parameters, which is signed and sent.
    fn exchange(&self, method: &str, api: Api, mut form: Vec<u8>) -> Result<Answer, CallError> {
        if method.is_empty()
            || !method.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        {
            return Err(CallError::MethodName(start_of(method, 80)));
        }
        let Options { login, key, .. } = &self.options;
        let hash = signature::request(&form, login, key);
        let (name, credential) = match api {
            Api::Signed => ("hash", hash.as_slice()),
            Api::Keyed => ("rpsKey", key.reveal().as_bytes()),
        };
        if !form.is_empty() {
            form.push(b'&');
        }
        query::build_pairs([(name.as_bytes(), credential)], &mut form);
        let raw = self.post_form(method, &form);
        raw.map_err(|error| self.explain(self.address.authority.clone(), error))?.verified(self)
    }

    fn post_form(&self, method: &str, form: &[u8]) -> Result<Raw, ureq::Error> {
        let mut response = self
            .agent
            .post(format!("{}{method}", self.address.base))
            .content_type("application/x-www-form-urlencoded")
            .send(form)?;
        let http_status = response.status().as_u16();
        let header = |name| response.headers().get(name).map(|value| value.as_bytes().to_vec());
        let (signature, location) = (header("Billhook-Signature"), header("Location"));
        let paged = paged(response.headers());
        let body = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec()?;
        Ok(Raw { http_status, signature, location, paged, body })
    }

    fn explain(&self, address: String, error: ureq::Error) -> CallError {
        match error {
            ureq::Error::HostNotFound => CallError::Host { address },
            ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
                CallError::Timeout { address, limit: self.options.connect_timeout }
            }
            ureq::Error::Timeout(_) => CallError::Timeout { address, limit: self.options.timeout },
            ureq::Error::BodyExceedsLimit(limit) => CallError::TooLong { limit },
            ureq::Error::Rustls(error) => tls(address, &error),
            ureq::Error::Io(error) => {
                match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                    Some(error) => tls(address, error),
                    None => io_error(address, &error),
                }
            }
            ureq::Error::ConnectionFailed | ureq::Error::ConnectProxyFailed(_) => {
                CallError::Connect { address, why: error.to_string() }
            }
            other => CallError::Broken { address, why: other.to_string() },
        }
    }
}

/// An answer that is not verified yet.
struct Raw {
    http_status: u16,
    signature: Option<Vec<u8>>,
    location: Option<Vec<u8>>,
    paged: Option<Paged>,
    body: Vec<u8>,
}

impl Raw {
    fn verified(self, client: &Client) -> Result<Answer, CallError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let proof = Proof {
            key: &client.options.key,
            required: client.options.require_signature,
            max_age: client.options.max_signature_age,
            now: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
        };
        let http_status = self.http_status;
        let answer = answer::read(http_status, self.signature.as_deref(), self.body, &proof);
        let answer = answer.map_err(|error| match (error, self.location) {
            (CallError::NotJson { .. } | CallError::NotEnvelope { .. }, Some(to))
                if (300..400).contains(&http_status) =>
            {
                CallError::Redirect { http_status, to: start_of(&String::from_utf8_lossy(&to), 200) }
            }
            (error, _) => error,
        })?;
        Ok(Answer { paged: self.paged, ..answer })
    }
}

/// The headers of a list's page.
fn paged(headers: &HeaderMap) -> Option<Paged> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let total = text(TOTAL_HEADER)?.parse().ok()?;
    Some(Paged { next: text(NEXT_HEADER).and_then(|next| next.parse().ok()), total })
}

fn tls(address: String, error: &rustls::Error) -> CallError {
    match error {
        rustls::Error::InvalidCertificate(why) => CallError::Certificate { address, why: distrust(why) },
        rustls::Error::InvalidMessage(_) => {
            CallError::Tls { address, why: "this is not a TLS port".to_owned() }
        }
        other => CallError::Tls { address, why: other.to_string() },
    }
}

/// Why a certificate is not trusted, in plain words: rustls mostly prints Rust names.
fn distrust(why: &CertificateError) -> String {
    let words = match why {
        CertificateError::UnknownIssuer => "its issuer is not known",
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "it is not valid yet",
        CertificateError::NotValidForName => "it is for another host name",
        CertificateError::NotValidForNameContext { .. } => return why.to_string(),
        CertificateError::Revoked => "it was revoked",
        // The verifier's error type is private.
        CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity" => {
            "it is an authority's (CA:TRUE), not a server's"
        }
        _ => "it cannot be verified",
    };
    words.to_owned()
}

fn io_error(address: String, error: &io::Error) -> CallError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::InvalidData => CallError::Broken { address, why: error.to_string() },
        _ => CallError::Connect { address, why: error.to_string() },
    }
}

fn certificates(path: &Path) -> Result<RootCerts, Error> {
    let pem = std::fs::read(path).map_err(|source| Error::CaFile { path: path.to_owned(), source })?;
    let certificates: Vec<Certificate<'static>> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(Error::NoCertificate { path: path.to_owned() });
    }
    Ok(RootCerts::new_with_certs(&certificates))
}
