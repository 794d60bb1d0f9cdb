//! The address of a database, and the TLS that a connection to it needs.

use std::{fmt, fs, io, path::Path, sync::Arc, time::Duration};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};
use tokio_postgres::{
    Socket,
    config::{Config, Host},
    tls::MakeTlsConnect,
};
use tokio_postgres_rustls_improved::MakeRustlsConnect;

use crate::{Error, Kind};

/// The folder of the Unix socket, if the URL names no host.
const SOCKET_FOLDER: &str = "/var/run/postgresql";
/// How long connecting may take, if the URL has no setting for it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long sent data may stay unacknowledged before the connection is closed.
const TCP_TIMEOUT: Duration = Duration::from_secs(10);

/// A database's address, parsed from a URL.
#[derive(Clone)]
pub(crate) struct Address {
    pub(super) config: Config,
    pub(super) tls: Tls,
    shown: String,
}

/// A database, and how it is used.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(crate) address: Address,
    /// The replica for reads, if there is one.
    pub(crate) reads: Option<Address>,
    /// The maximum number of connections for reads, and again for writes.
    pub(crate) connections: usize,
}

/// Makes TLS for any connection. A Unix socket never uses it. But the library prepares it for every
/// connection, and `rustls` refuses the socket's empty host name.
#[derive(Clone)]
pub(super) struct Tls(MakeRustlsConnect);

impl MakeTlsConnect<Socket> for Tls {
    type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;
    type TlsConnect = <MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect;
    type Error = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Error;

    fn make_tls_connect(&mut self, name: &str) -> Result<Self::TlsConnect, Self::Error> {
        let name = if name.is_empty() { "localhost" } else { name };
        MakeTlsConnect::<Socket>::make_tls_connect(&mut self.0, name)
    }
}

/// The `sslmode`, as in libpq.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SslMode {
    /// No TLS.
    Disable,
    /// TLS if the server has it; nothing is verified.
    Prefer,
    /// TLS; nothing is verified, unless a root certificate is named.
    Require,
    /// The certificate must come from a trusted root.
    VerifyCa,
    /// It must also be for this host.
    VerifyFull,
}

impl Address {
    /// Parses a URL. Without `sslmode`, other hosts than this machine need a certificate for their name.
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut root, mut others) = (None, None, Vec::new());
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslmode", word)) => mode = Some(SslMode::parse(word)?),
                Some(("sslrootcert", path)) => root = Some(decoded(path)),
                _ => others.push(parameter),
            }
        }
        if !base.contains("://") {
            return Err(refused("it has to begin with postgres://"));
        }
        // The parser's message names parameters, but never repeats their values.
        let url = if others.is_empty() { base.to_owned() } else { format!("{base}?{}", others.join("&")) };
        let mut config: Config = url.parse().map_err(|error| refused(&described(&error)))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            config.host_path(SOCKET_FOLDER);
        }
        if config.get_hosts().is_empty() {
            // For a host given only as an address, the certificate must be for that address.
            for address in config.get_hostaddrs().to_vec() {
                config.host(address.to_string());
            }
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(TCP_TIMEOUT);
        }
        if config.get_application_name().is_none() {
            config.application_name("billhook");
        }
        let usual = if is_local(&config) { SslMode::Disable } else { SslMode::VerifyFull };
        let mode = mode.unwrap_or(usual);
        config.ssl_mode(match mode {
            // Like libpq: a Unix socket never uses TLS, whatever the URL says.
            _ if config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_))) => {
                tokio_postgres::config::SslMode::Disable
            }
            SslMode::Disable => tokio_postgres::config::SslMode::Disable,
            SslMode::Prefer => tokio_postgres::config::SslMode::Prefer,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => {
                tokio_postgres::config::SslMode::Require
            }
        });
        if mode == SslMode::VerifyCa && root.is_none() {
            // Otherwise any certificate of the web, for any name, would do.
            return Err(refused("sslmode=verify-ca needs sslrootcert=FILE: name it, or use verify-full"));
        }
        let tls = Tls(MakeRustlsConnect::new(client_config(mode, root.as_deref().map(Path::new))?));
        Ok(Self { shown: shown(&config), config, tls })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Address").field(&self.shown).finish()
    }
}

impl SslMode {
    fn parse(word: &str) -> Result<Self, Error> {
        Ok(match word {
            "disable" => Self::Disable,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => {
                return Err(refused("sslmode is one of disable, prefer, require, verify-ca and verify-full"));
            }
        })
    }
}

fn refused(why: &str) -> Error {
    Error::new(Kind::Location, format!("the store's URL can't be used: {why}"))
}

/// An error and its causes, in one line.
pub(super) fn described(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// A value from the query with its `%XX` decoded.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(escaped) if byte == b'%' => {
                bytes.push(escaped);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether all the URL's hosts are on this machine.
fn is_local(config: &Config) -> bool {
    let names = config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost"
                || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
        }
    });
    names && config.get_hostaddrs().iter().all(|address| address.to_canonical().is_loopback())
}

/// The address as a URL without secrets.
fn shown(config: &Config) -> String {
    let user = config.get_user().map(|user| format!("{user}@")).unwrap_or_default();
    let ports = config.get_ports();
    let host = |(at, host): (usize, &Host)| {
        let name = match host {
            Host::Tcp(name) if name.contains(':') => format!("[{name}]"),
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string().replace('/', "%2F"),
        };
        match ports.get(at).or(ports.first()) {
            Some(port) => format!("{name}:{port}"),
            None => name,
        }
    };
    let hosts = match config.get_hosts() {
        [Host::Unix(path)] if path == Path::new(SOCKET_FOLDER) && ports.is_empty() => String::new(),
        hosts => hosts.iter().enumerate().map(host).collect::<Vec<_>>().join(","),
    };
    format!("postgres://{user}{hosts}/{}", config.get_dbname().unwrap_or_default())
}

fn client_config(mode: SslMode, root: Option<&Path>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(&error.to_string()))?;
    let is_verified = match mode {
        SslMode::VerifyCa | SslMode::VerifyFull => true,
        // Like libpq.
        SslMode::Require => root.is_some(),
        SslMode::Disable | SslMode::Prefer => false,
    };
    if mode == SslMode::VerifyFull {
        return Ok(builder.with_root_certificates(roots(root)?).with_no_client_auth());
    }
    let authority = if is_verified {
        let roots = Arc::new(roots(root)?);
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build();
        Some(verifier.map_err(|error| refused(&error.to_string()))?)
    } else {
        None
    };
    let verifier = Arc::new(AnyName { authority, provider });
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// The root certificates in a file, or those of the web.
fn roots(file: Option<&Path>) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    let Some(path) = file else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(roots);
    };
    let text = fs::read(path).map_err(|cause| unusable(path, &cause))?;
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate =
            certificate.map_err(|error| unusable(path, &io::Error::other(error.to_string())))?;
        roots.add(certificate).map_err(|error| unusable(path, &io::Error::other(error)))?;
    }
    if roots.is_empty() {
        return Err(unusable(path, &io::Error::other("it holds no certificate")));
    }
    Ok(roots)
}

fn unusable(path: &Path, cause: &io::Error) -> Error {
    refused(&format!("sslrootcert: {}: {cause}", path.display()))
}

/// Verifies certificates for any name: from a trusted root, or, without roots, from anybody.
#[derive(Debug)]
struct AnyName {
    authority: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(authority) = &self.authority else { return Ok(ServerCertVerified::assertion()) };
        match authority.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // Everything else was verified before the name.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::SslMode as Asked;

    use super::*;

    #[test]
    fn tls_is_asked_for_where_the_way_leaves_the_machine() {
        for (url, asked) in [
            ("postgres://localhost/shop", Asked::Disable),
            ("postgres://127.0.0.1/shop", Asked::Disable),
            ("postgres://[::1]/shop", Asked::Disable),
            ("postgres:///shop?host=/tmp", Asked::Disable),
            ("postgres:///shop", Asked::Disable),
            ("postgres://db.example/shop", Asked::Require),
            ("postgres://10.0.0.7/shop", Asked::Require),
            ("postgres://localhost,db.example/shop", Asked::Require),
            ("postgres://localhost/shop?hostaddr=10.0.0.7", Asked::Require),
            ("postgres://db.example/shop?sslmode=disable", Asked::Disable),
            ("postgres://db.example/shop?sslmode=prefer", Asked::Prefer),
            ("postgres://localhost/shop?sslmode=verify-full", Asked::Require),
            ("postgres:///shop?sslmode=require", Asked::Disable),
            ("postgres:///shop?host=/tmp&sslmode=prefer", Asked::Disable),
            ("postgres:///shop?hostaddr=127.0.0.1", Asked::Disable),
            ("postgres:///shop?hostaddr=10.0.0.7", Asked::Require),
        ] {
            assert_eq!(Address::parse(url).unwrap().config.get_ssl_mode(), asked, "{url}");
        }
    }

    #[test]
    fn what_is_shown_leads_to_the_same_place() {
        for (url, shown) in [
            ("postgres:///shop", "postgres:///shop"),
            ("postgres://anna:sesame@/shop", "postgres://anna@/shop"),
            ("postgres:///shop?host=/tmp", "postgres://%2Ftmp/shop"),
            ("postgres:///shop?port=5433", "postgres://%2Fvar%2Frun%2Fpostgresql:5433/shop"),
            ("postgres:///shop?hostaddr=10.0.0.7", "postgres://10.0.0.7/shop"),
            ("postgres://[::1],b/shop", "postgres://[::1]:5432,b:5432/shop"),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!(address.to_string(), shown, "{url}");
            let again = Address::parse(shown).unwrap();
            assert_eq!(again.config.get_hosts(), address.config.get_hosts(), "{url}");
        }
    }

    #[test]
    fn a_url_that_can_not_be_used_says_why() {
        for (url, why) in [
            ("postgres://localhost/shop?sslmode=always", "sslmode is one of disable"),
            ("postgres://localhost/shop?colour=red", "colour"),
            ("postgres://db.example/shop?sslrootcert=/no/such%2Ffile", "sslrootcert: /no/such/file"),
            ("postgres:shop", "it has to begin with postgres://"),
        ] {
            let error = Address::parse(url).unwrap_err();
            assert_eq!(error.kind(), Kind::Location);
            assert!(error.to_string().contains(why), "{url}: {error}");
        }
    }
}
