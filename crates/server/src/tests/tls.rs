//! HTTPS: HTTP/1.1 and HTTP/2, generated certificates, certificates from files.

use std::{path::Path, sync::Mutex, time::Duration};

use bytes::Bytes;
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{methods::test_methods, *};
use crate::{Certificate, StartError, TlsOptions};

/// Checks the name as curl does with VERIFYPEER off and VERIFYHOST 2, and keeps the certificate.
#[derive(Debug, Default)]
struct NameOnly {
    seen: Mutex<Vec<u8>>,
}

impl ServerCertVerifier for NameOnly {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.seen.lock().unwrap() = end_entity.to_vec();
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn client_config(
    alpn: &[&[u8]],
    version: &'static rustls::SupportedProtocolVersion,
    verifier: Arc<NameOnly>,
) -> ClientConfig {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    config
}

/// Connects. Also returns the server's certificate.
pub(super) async fn connect_tls(
    address: SocketAddr,
    name: &str,
    alpn: &[&[u8]],
    version: &'static rustls::SupportedProtocolVersion,
) -> std::io::Result<(TlsStream<tokio::net::TcpStream>, Vec<u8>)> {
    let verifier = Arc::new(NameOnly::default());
    let config = client_config(alpn, version, verifier.clone());
    let stream = tokio::net::TcpStream::connect(address).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let seen = verifier.seen.lock().unwrap().clone();
    Ok((stream, seen))
}

pub(super) fn tls(certificate: Certificate) -> impl FnOnce(&mut Options) {
    |options| {
        options.listen.clear();
        options.tls = Some(TlsOptions { listen: "127.0.0.1:0".parse().unwrap(), certificate });
    }
}

pub(super) fn on_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

async fn call_h2(
    client: &mut h2::client::SendRequest<Bytes>,
    authority: &str,
    host: Option<&str>,
    body: &str,
) -> (u16, Value) {
    let mut request = http::Request::post(format!("https://{authority}/api/GetBills"));
    if let Some(host) = host {
        request = request.header("host", host);
    }
    let (answer, mut sender) = client.send_request(request.body(()).unwrap(), false).unwrap();
    sender.send_data(Bytes::from(body.to_owned()), true).unwrap();
    let answer = answer.await.unwrap();
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    let mut stream = answer.into_body();
    while let Some(piece) = stream.data().await {
        let piece = piece.unwrap();
        stream.flow_control().release_capacity(piece.len()).unwrap();
        body.extend_from_slice(&piece);
    }
    (status, serde_json::from_slice(&body).unwrap())
}

#[test]
fn http_1_over_tls() {
    let server = TestServer::start(tls(Certificate::SelfSigned));
    let address = server.addresses.https.unwrap();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for alpn in [vec![], vec![b"http/1.1".as_slice()]] {
            let reply = on_runtime(async {
                use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
                let (mut stream, _) = connect_tls(address, "anna.localhost", &alpn, version).await.unwrap();
                stream.write_all(&post("GetBills", &sign(ASK, "anna", KEY))).await.unwrap();
                // The server answers the client's close, so everything has arrived when this ends.
                stream.shutdown().await.unwrap();
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).await.unwrap();
                answer
            });
            assert_eq!(read_reply(&mut reply.as_slice()).checked(Some(KEY)), (200, 0));
        }
    }
}

/// A request in the same packet as the handshake's end, and another after a rest.
#[test]
fn a_request_that_comes_with_the_handshake_is_answered() {
    use std::io::{Read as _, Write as _};
    let server = TestServer::start(tls(Certificate::SelfSigned));
    let address = server.addresses.https.unwrap();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = client_config(&[], version, Arc::default());
        let name = ServerName::try_from("anna.localhost").unwrap();
        let mut tls = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        let mut socket = connect(address);
        tls.writer().write_all(&post("GetBills", &sign(ASK, "anna", KEY))).unwrap();
        // Sends all at once, so that the request is in the segment of the client's last handshake message.
        while tls.is_handshaking() || tls.wants_write() {
            let mut flight = Vec::new();
            while tls.wants_write() {
                tls.write_tls(&mut flight).unwrap();
            }
            socket.write_all(&flight).unwrap();
            if tls.is_handshaking() {
                tls.read_tls(&mut socket).unwrap();
                tls.process_new_packets().unwrap();
            }
        }
        let mut stream = rustls::StreamOwned::new(tls, socket);
        assert_eq!(read_reply(&mut stream).checked(Some(KEY)), (200, 0));
        std::thread::sleep(Duration::from_millis(500));
        stream.write_all(&post("GetBills", &sign(ASK, "anna", KEY))).unwrap();
        assert_eq!(read_reply(&mut stream).checked(Some(KEY)), (200, 0));
        stream.conn.send_close_notify();
        stream.flush().unwrap();
        assert_eq!(stream.read_to_end(&mut Vec::new()).unwrap(), 0);
    }
}

#[test]
fn http_2_finds_the_account_by_authority() {
    let server = TestServer::start(tls(Certificate::SelfSigned));
    let address = server.addresses.https.unwrap();
    add_account(&server.store, "boris");
    std::thread::sleep(Duration::from_millis(500));
    on_runtime(async {
        let (stream, _) =
            connect_tls(address, "anna.localhost", &[b"h2", b"http/1.1"], &rustls::version::TLS13)
                .await
                .unwrap();
        let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let (anna, boris) = (sign(ASK, "anna", KEY), sign(ASK, "boris", KEY));
        let (status, answer) =
            call_h2(&mut client, &format!("anna.localhost:{}", address.port()), None, &anna).await;
        assert_eq!((status, &answer["error_code"]), (200, &0.into()));
        assert_eq!(call_h2(&mut client, "boris.localhost", None, &boris).await.1["error_code"], 0);
        assert_eq!(call_h2(&mut client, "boris.localhost", None, &anna).await.1["error_code"], 4);
        assert_eq!(
            call_h2(&mut client, "anna.localhost", Some("ANNA.localhost:99"), &anna).await.1["error_code"],
            0
        );
        assert_eq!(call_h2(&mut client, "anna.localhost", Some("boris.localhost"), &anna).await.0, 400);
    });
}

/// An HTTP/2 connection has many bodies, so none is free.
#[test]
fn bodies_in_pieces_over_http_2_count_whole() {
    const MIB: usize = 1024 * 1024;
    let server = TestServer::start(|options| {
        options.max_body_bytes = 200 * MIB;
        // Without this, one network could not use up all the memory.
        options.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        let certificate = Certificate::SelfSigned;
        options.tls = Some(TlsOptions { listen: "127.0.0.1:0".parse().unwrap(), certificate });
    });
    // One body that uses the whole budget and its connection's own share.
    let mut held = server.connect();
    let begin = "POST /api/GetBills HTTP/1.1\r\nHost: anna.localhost\r\nContent-Length: 157286400\r\n\r\n";
    std::io::Write::write_all(&mut held, begin.as_bytes()).unwrap();
    std::io::Write::write_all(&mut held, &vec![b'x'; 128 * MIB + 16 * 1024]).unwrap();
    // The bytes that are still in the sockets are read.
    std::thread::sleep(Duration::from_millis(300));
    on_runtime(async {
        let address = server.addresses.https.unwrap();
        let (stream, _) =
            connect_tls(address, "anna.localhost", &[b"h2"], &rustls::version::TLS13).await.unwrap();
        let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        assert_eq!(call_h2(&mut client, "anna.localhost", None, &sign(ASK, "anna", KEY)).await.0, 200);
        let request = http::Request::post("https://anna.localhost/api/GetBills").body(()).unwrap();
        let (answer, mut sender) = client.send_request(request, false).unwrap();
        sender.send_data(Bytes::from(sign(ASK, "anna", KEY)), false).unwrap();
        assert_eq!(answer.await.unwrap().status(), 503);
    });
}

#[test]
fn a_stop_ends_http_2_too() {
    let mut server = TestServer::start_with(test_methods(), tls(Certificate::SelfSigned));
    let address = server.addresses.https.unwrap();
    on_runtime(async {
        let (stream, _) =
            connect_tls(address, "anna.localhost", &[b"h2"], &rustls::version::TLS13).await.unwrap();
        let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
        let connection = tokio::spawn(connection);
        let request = http::Request::post("https://anna.localhost/api/Slow").body(()).unwrap();
        let (answer, mut sender) = client.send_request(request, false).unwrap();
        sender.send_data(Bytes::from(sign("ms=500", "anna", KEY)), true).unwrap();
        // An idle connection whose client is never polled, and so never closes it.
        let (stream, _) =
            connect_tls(address, "anna.localhost", &[b"h2"], &rustls::version::TLS13).await.unwrap();
        let mute = h2::client::handshake(stream).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.begin_stop();
        assert_eq!(answer.await.unwrap().status(), 200);
        drop(client);
        // The server may have closed it before the client does.
        let _ = connection.await.unwrap();
        drop(mute);
    });
    let (ended, took) = server.wait_for_end();
    ended.unwrap();
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn an_http_2_client_that_never_reads_is_let_go() {
    let server = TestServer::start_with(test_methods(), |options| {
        tls(Certificate::SelfSigned)(options);
        options.write_timeout = Duration::from_millis(400);
    });
    let address = server.addresses.https.unwrap();
    on_runtime(async {
        let (stream, _) =
            connect_tls(address, "anna.localhost", &[b"h2"], &rustls::version::TLS13).await.unwrap();
        let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
        // The connection is polled, so pings are answered, but the client opens no window.
        let connection = tokio::spawn(connection);
        let request = http::Request::post("https://anna.localhost/api/Big").body(()).unwrap();
        let (answer, mut sender) = client.send_request(request, false).unwrap();
        sender.send_data(Bytes::from(sign("bytes=3000000", "anna", KEY)), true).unwrap();
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(
            tokio::time::timeout(Duration::from_secs(5), connection).await.is_ok(),
            "the connection is still held"
        );
        drop(answer);
    });
}

#[test]
fn certificates_are_made_for_names_that_lead_somewhere() {
    let server = TestServer::start(|options| {
        tls(Certificate::SelfSigned)(options);
        options.domains.push("justclick.ru".to_owned());
    });
    let id = account(&server.store, "anna");
    server.store.write(move |tx| accounts::bind(tx, id, "shop.example.com")).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let address = server.addresses.https.unwrap();
    let shown = |name: &str| {
        on_runtime(connect_tls(address, name, &[], &rustls::version::TLS13)).map(|(_, cert)| cert)
    };
    let mut seen = std::collections::HashSet::new();
    for name in
        ["anna.localhost", "anna.justclick.ru", "localhost", "justclick.ru", "shop.example.com", "127.0.0.1"]
    {
        assert!(seen.insert(shown(name).unwrap()), "{name} has a certificate of its own");
    }
    assert_eq!(shown("anna.localhost").unwrap(), shown("anna.localhost").unwrap());
    for name in ["nobody.localhost", "example.com", "a.anna.localhost"] {
        assert!(shown(name).is_err(), "{name}");
    }
}

#[test]
fn a_handshake_that_does_not_come_is_given_up() {
    let server = TestServer::start(|options| {
        tls(Certificate::SelfSigned)(options);
        options.header_timeout = Duration::from_millis(300);
    });
    let mut stream = connect(server.addresses.https.unwrap());
    assert!(is_closed_within(&mut stream, Duration::from_secs(3)));
}

pub(super) fn write_pair(folder: &Path, name: &str) {
    let pair = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), pair.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), pair.signing_key.serialize_pem()).unwrap();
}

pub(super) fn files(folder: &Path) -> Certificate {
    Certificate::Files { cert: folder.join("cert.pem"), key: folder.join("key.pem") }
}

#[test]
fn files_are_read_again_and_broken_ones_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    write_pair(folder.path(), "one.example");
    let server = TestServer::start(tls(files(folder.path())));
    let address = server.addresses.https.unwrap();
    let shows = |name: &str| on_runtime(connect_tls(address, name, &[], &rustls::version::TLS13)).is_ok();
    let reloader = server.reloader.clone().unwrap();
    assert!(shows("one.example") && !shows("two.example"));
    write_pair(folder.path(), "two.example");
    assert!(shows("one.example"), "nothing changes before the reload");
    reloader.reload().unwrap();
    assert!(shows("two.example") && !shows("one.example"));

    std::fs::write(folder.path().join("cert.pem"), "nothing").unwrap();
    let error = reloader.reload().unwrap_err().to_string();
    assert!(error.ends_with("cert.pem: there is no certificate in it; it must be a PEM file"), "{error}");
    assert!(shows("two.example"));
    std::fs::remove_file(folder.path().join("cert.pem")).unwrap();
    assert!(reloader.reload().unwrap_err().to_string().contains("check the path"));
    let key = std::fs::read(folder.path().join("key.pem")).unwrap();
    write_pair(folder.path(), "three.example");
    std::fs::write(folder.path().join("key.pem"), key).unwrap();
    let error = reloader.reload().unwrap_err();
    assert!(matches!(error, StartError::Certificate { .. }));
    assert!(error.to_string().contains("not the key of the certificate"), "{error}");
    assert!(shows("two.example"));
}

#[test]
fn what_is_no_file_or_too_long_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    write_pair(folder.path(), "one.example");
    let server = TestServer::start(tls(files(folder.path())));
    let reloader = server.reloader.clone().unwrap();
    for name in ["cert.pem", "key.pem"] {
        let path = folder.path().join(name);
        let good = std::fs::read(&path).unwrap();
        // Trailing spaces after a good PEM are no error.
        std::fs::write(&path, [good.as_slice(), &vec![b'\n'; 1024 * 1024]].concat()).unwrap();
        let error = reloader.reload().unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("longer than 1 MiB"), "{error}");
        std::fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let error = reloader.reload().unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("not a regular file"), "{error}");
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, good).unwrap();
        reloader.reload().unwrap();
    }
}

#[test]
fn a_trickling_http_2_stream_does_not_keep_a_stalled_one_alive() {
    let server = TestServer::start_with(test_methods(), |options| {
        tls(Certificate::SelfSigned)(options);
        options.write_timeout = Duration::from_millis(800);
    });
    let address = server.addresses.https.unwrap();
    on_runtime(async {
        let (stream, _) =
            connect_tls(address, "anna.localhost", &[b"h2"], &rustls::version::TLS13).await.unwrap();
        let (client, connection) = h2::client::Builder::new()
            .initial_connection_window_size(8 * 1024 * 1024)
            .handshake::<_, Bytes>(stream)
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        let ask = async |mut client: h2::client::SendRequest<Bytes>| {
            let request = http::Request::post("https://anna.localhost/api/Big").body(()).unwrap();
            let (answer, mut sender) = client.send_request(request, false).unwrap();
            sender.send_data(Bytes::from(sign("bytes=8000000", "anna", KEY)), true).unwrap();
            answer.await.unwrap().into_body()
        };
        let stalled = ask(client.clone()).await;
        let mut trickling = ask(client.clone()).await;
        let since = Instant::now();
        let mut seen = 0;
        while let Some(Ok(piece)) = trickling.data().await {
            seen += piece.len();
            let _ = trickling.flow_control().release_capacity(piece.len());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let ended = tokio::time::timeout(Duration::from_secs(2), connection).await;
        assert!(ended.is_ok(), "the connection is still held");
        let took = since.elapsed();
        assert!(seen > 64 * 1024 && seen < 8_000_000 && took < Duration::from_secs(4), "{seen} in {took:?}");
        drop((stalled, client));
    });
}
