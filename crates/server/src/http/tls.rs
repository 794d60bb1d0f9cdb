//! HTTPS: the certificate for each client, and its reload while the server runs.

use std::{
    collections::HashMap,
    fmt,
    fs::File,
    io::{self, Read as _},
    net::{Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, SanType};
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer,
        pem::{self, PemObject as _},
    },
    server::{ClientHello, ResolvesServerCert},
    sign::{CertifiedKey, SigningKey},
    version::{TLS12, TLS13},
};
use tokio_rustls::TlsAcceptor;

use crate::{StartError, gate::host, options::Certificate, state::State};

/// The protocols' ALPN names.
pub(crate) const HTTP_2: &[u8] = b"h2";
const HTTP_1: &[u8] = b"http/1.1";
/// The maximum number of generated certificates in memory.
const MAX_MADE: usize = 4096;
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Reloads the certificate files while connections stay open.
#[derive(Debug, Clone)]
pub struct TlsReloader {
    files: Option<Arc<Files>>,
}

impl TlsReloader {
    /// Reads the files again. If they can't be used, the old certificate stays in use. Generated certificates
    /// need no reload. Blocks while the disk does.
    pub fn reload(&self) -> Result<(), StartError> {
        self.files.as_ref().map_or(Ok(()), |files| files.reload())
    }
}

/// The acceptors, by the protocols that they offer.
#[derive(Clone)]
pub(crate) struct Acceptors {
    pub(crate) both: TlsAcceptor,
    /// For networks with too many HTTP/2 connections.
    pub(crate) http1: TlsAcceptor,
}

/// The acceptors, and the reloader.
pub(crate) fn set_up(
    certificate: &Certificate,
    state: Arc<State>,
) -> Result<(Acceptors, TlsReloader), StartError> {
    let provider = Arc::new(ring::default_provider());
    let (resolver, files): (Arc<dyn ResolvesServerCert>, _) = match certificate {
        Certificate::Files { cert, key } => {
            let files = Arc::new(Files::read(cert, key, provider.clone())?);
            (files.clone(), Some(files))
        }
        Certificate::SelfSigned => (Arc::new(SelfSigned::new(state, &provider)?), None),
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|error| StartError::SelfSigned(error.to_string()))?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![HTTP_1.to_vec()];
    let http1 = TlsAcceptor::from(Arc::new(config.clone()));
    config.alpn_protocols.insert(0, HTTP_2.to_vec());
    Ok((Acceptors { both: Arc::new(config).into(), http1 }, TlsReloader { files }))
}

#[derive(Debug)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    present: ArcSwap<CertifiedKey>,
}

impl Files {
    fn read(cert: &Path, key: &Path, provider: Arc<CryptoProvider>) -> Result<Self, StartError> {
        let present = ArcSwap::from_pointee(certified(cert, key, &provider)?);
        Ok(Self { cert: cert.to_owned(), key: key.to_owned(), provider, present })
    }

    fn reload(&self) -> Result<(), StartError> {
        self.present.store(Arc::new(certified(&self.cert, &self.key, &self.provider)?));
        Ok(())
    }
}

impl ResolvesServerCert for Files {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.present.load_full())
    }
}

fn certified(cert: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, StartError> {
    let problem = |file: &Path, problem: String| StartError::Certificate { file: file.to_owned(), problem };
    let unreadable = |file: &Path, what: &str, error: &pem::Error| {
        problem(
            file,
            match error {
                pem::Error::Io(error) => format!("{error}; check the path and that this user may read it"),
                pem::Error::NoItemsFound => format!("there is no {what} in it; it must be a PEM file"),
                error => format!("it is not a valid PEM file ({error})"),
            },
        )
    };
    let chain = read_file(cert)
        .map_err(pem::Error::Io)
        .and_then(|text| CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>())
        .map_err(|error| unreadable(cert, "certificate", &error))?;
    if chain.is_empty() {
        return Err(unreadable(cert, "certificate", &pem::Error::NoItemsFound));
    }
    let secret = read_file(key)
        .map_err(pem::Error::Io)
        .and_then(|text| PrivateKeyDer::from_pem_slice(&text))
        .map_err(|error| unreadable(key, "private key", &error))?;
    CertifiedKey::from_der(chain, secret, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            problem(key, format!("it is not the key of the certificate in {}; give the pair", cert.display()))
        }
        rustls::Error::InvalidCertificate(_) => {
            problem(cert, format!("its certificate can't be read ({error})"))
        }
        _ => problem(key, format!("its key can't be used ({error}); ECDSA, Ed25519 and RSA keys can")),
    })
}

/// Reads a certificate or key file. Only a regular file is read; reading anything else may block.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let refused = |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    if !std::fs::metadata(path)?.is_file() {
        return refused("it is not a regular file");
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return refused("it is longer than 1 MiB");
    }
    Ok(bytes)
}

/// Generated certificates, one per name: curl accepts no wildcard directly under `localhost`.
struct SelfSigned {
    state: Arc<State>,
    pair: KeyPair,
    signer: Arc<dyn SigningKey>,
    /// For clients that send no name, or an unknown one.
    default: Arc<CertifiedKey>,
    made: Mutex<HashMap<Box<str>, Arc<CertifiedKey>>>,
}

impl SelfSigned {
    fn new(state: Arc<State>, provider: &CryptoProvider) -> Result<Self, StartError> {
        let failed = |error: rcgen::Error| StartError::SelfSigned(error.to_string());
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let signer = provider
            .key_provider
            .load_private_key(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.serialize_der())))
            .map_err(|error| StartError::SelfSigned(error.to_string()))?;
        let names = vec![
            SanType::DnsName("localhost".try_into().map_err(failed)?),
            SanType::IpAddress(Ipv4Addr::LOCALHOST.into()),
            SanType::IpAddress(Ipv6Addr::LOCALHOST.into()),
        ];
        let default = make(names, &pair, &signer).map_err(failed)?;
        Ok(Self { state, pair, signer, default, made: Mutex::default() })
    }

    fn of(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let name = host::name(name)?;
        if !self.state.directory.leads_somewhere(&name) {
            return None;
        }
        let mut made = self.made.lock();
        if let Some(known) = made.get(name.as_str()) {
            return Some(known.clone());
        }
        let san = SanType::DnsName(name.as_str().try_into().ok()?);
        let new = make(vec![san], &self.pair, &self.signer)
            .inspect_err(|error| tracing::error!(%error, name, "cannot make a certificate"))
            .ok()?;
        if made.len() >= MAX_MADE {
            made.clear();
        }
        made.insert(name.into(), new.clone());
        Some(new)
    }
}

impl ResolvesServerCert for SelfSigned {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(hello.server_name().and_then(|name| self.of(name)).unwrap_or_else(|| self.default.clone()))
    }
}

impl fmt::Debug for SelfSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelfSigned").finish_non_exhaustive()
    }
}

/// A certificate for these names. curl finds no issuer if the subject is empty.
fn make(
    names: Vec<SanType>,
    pair: &KeyPair,
    signer: &Arc<dyn SigningKey>,
) -> Result<Arc<CertifiedKey>, rcgen::Error> {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, "Billhook, self-signed");
    let mut params = CertificateParams::default();
    params.distinguished_name = subject;
    params.subject_alt_names = names;
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2049, 12, 31);
    let certificate = params.self_signed(pair)?;
    Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], signer.clone())))
}
