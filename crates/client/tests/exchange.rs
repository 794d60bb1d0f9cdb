//! Whole exchanges with a test server: what is sent, what is accepted, and the errors.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers may fail as loudly as the test"
)]

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use billhook_client::{CallError, Client, Options, SignatureFault};
use billhook_wire::{
    Api, Code, Email, Key, Login, PayStatus, TextCase, envelope,
    method::{Bills, GetBills},
    signature::{self, SignatureError},
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn key() -> Key {
    Key::parse(KEY).unwrap()
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

fn options(port: u16) -> Options {
    Options::new(format!("http://demo.localhost:{port}"), Login::parse("demo").unwrap(), key())
}

fn client(port: u16) -> Client {
    Client::new(options(port)).unwrap()
}

/// A server for one connection: reads one request, sends `answer`, and returns the request.
struct OneAnswer {
    port: u16,
    server: JoinHandle<String>,
}

impl OneAnswer {
    fn start(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let request = read_request(&mut stream);
            // The client may have given up.
            let _ = stream.write_all(&answer);
            request
        });
        Self { port, server }
    }

    fn request(self) -> String {
        self.server.join().unwrap()
    }
}

fn read_request(stream: &mut impl Read) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        request.push(byte[0]);
    }
    let head = String::from_utf8(request.clone()).unwrap().to_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    request.extend(body);
    String::from_utf8(request).unwrap()
}

fn http(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// An answer of a server that knows `key`.
fn body(code: Code, result: &str, key: Option<&Key>) -> Vec<u8> {
    let result: serde_json::Value = serde_json::from_str(result).unwrap();
    envelope::write(code, None, TextCase::Sentence, &result, key).unwrap()
}

fn get_bills() -> GetBills {
    GetBills {
        pay_status: Some(PayStatus::Paid),
        ..GetBills::of(Email::parse("Anna+1@example.com").unwrap())
    }
}

const RESULT: &str = r#"{"258367":{"12549":{"good_name":"oplata","good_title":"Оплата"}}}"#;

#[test]
fn a_typed_call_signs_sends_and_verifies() {
    let server = OneAnswer::start(http("200 OK", "", &body(Code::OK, RESULT, Some(&key()))));
    let port = server.port;
    let bills: Bills = client(port).call(&get_bills()).unwrap();
    let bills: Vec<_> =
        bills.iter().map(|bill| (bill.order.0, bill.good.0, bill.names.good_title().to_owned())).collect();
    assert_eq!(bills, [(258_367, 12549, "Оплата".to_owned())]);

    let request = server.request();
    let (head, form) = request.split_once("\r\n\r\n").unwrap();
    // The hash is a vector of docs/protocol.md, section 2.5.
    assert_eq!(form, "email=Anna%2B1%40example.com&pay_status=paid&hash=9abaa24bc9afbfc0c9b0c5d04f897e2d");
    assert!(head.starts_with("POST /api/GetBills HTTP/1.1\r\n"), "{head}");
    let head = head.to_lowercase();
    assert!(head.contains(&format!("\r\nhost: demo.localhost:{port}")), "{head}");
    assert!(head.contains("\r\ncontent-type: application/x-www-form-urlencoded"), "{head}");
}

#[test]
fn no_parameters_are_signed_too() {
    let server = OneAnswer::start(http("200 OK", "", &body(Code::OK, "[]", Some(&key()))));
    let answer = client(server.port).send(None, "GetAllGroups", &[]).unwrap();
    assert_eq!((answer.error_code, answer.result.as_str(), answer.signed), (0, "[]", false));
    assert!(server.request().ends_with("\r\n\r\nhash=ed31b39025adc0f052625c4e1f76e8c5"));
}

#[test]
fn names_are_sent_as_they_stand() {
    let server = OneAnswer::start(http("200 OK", "", &body(Code::OK, "[]", Some(&key()))));
    let pairs = [("rid[0]", "super"), ("lead_name", "Анна К"), ("rid[1]", "~")];
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    client(server.port).send(None, "AddLeadToGroup", &pairs).unwrap();
    let request = server.request();
    let form = "rid%5B0%5D=super&lead_name=%D0%90%D0%BD%D0%BD%D0%B0+%D0%9A&rid%5B1%5D=%7E&hash=";
    assert!(request.contains(form), "{request}");
}

#[test]
fn a_refusal_is_an_error_of_a_typed_call_and_an_answer_of_an_untyped_one() {
    let refusal = || http("200 OK", "", &body(Code::ORDER_NOT_FOUND, "[]", Some(&key())));
    let error = client(OneAnswer::start(refusal()).port).call(&get_bills()).unwrap_err();
    assert_eq!(error.to_string(), "the server refused: 400 Order not found");
    let repeat = body(Code::ORDER_EXISTS, r#"{"bill_id":17}"#, Some(&key()));
    let error = client(OneAnswer::start(http("200 OK", "", &repeat)).port).call(&get_bills()).unwrap_err();
    let CallError::Refused { code: 601, result, .. } = error else { panic!("{error:?}") };
    assert_eq!(result, r#"{"bill_id":17}"#);
    let answer = client(OneAnswer::start(refusal()).port).send(None, "GetBills", &[]).unwrap();
    assert_eq!(
        (answer.error_code, answer.error_text.as_str(), answer.keyless),
        (400, "Order not found", false)
    );
}

#[test]
fn the_http_status_decides_nothing_and_redirects_are_not_followed() {
    for status in ["302 Found", "307 Temporary Redirect", "404 Not Found", "500 Internal Server Error"] {
        let headers = "Location: http://127.0.0.1:1/elsewhere\r\n";
        let server = OneAnswer::start(http(status, headers, &body(Code::OK, "[]", Some(&key()))));
        let answer = client(server.port).send(None, "GetAllGroups", &[]).unwrap();
        assert_eq!(answer.error_code, 0, "{status}");
        assert!(status.starts_with(&answer.http_status.to_string()));
    }
}

#[test]
fn a_redirect_is_told_as_one() {
    let headers = "Location: https://demo.example/api/GetBills\r\n";
    for (status, page) in
        [("301 Moved Permanently", "<html>"), ("307 Temporary Redirect", ""), ("302 Found", "{}")]
    {
        let server = OneAnswer::start(http(status, headers, page.as_bytes()));
        let error = client(server.port).send(None, "GetBills", &[]).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, CallError::Redirect { .. }), "{text}");
        assert!(text.contains(&status[..3]) && text.contains("redirects to https://demo.example/"), "{text}");
    }
    // A redirect without a target.
    let server = OneAnswer::start(http("304 Not Modified", "", b""));
    let error = client(server.port).send(None, "GetBills", &[]).unwrap_err();
    assert!(matches!(error, CallError::NotJson { .. }), "{error:?}");
}

/// A method's credential is that of its API version, in any letter case, unless the caller chooses.
#[test]
fn a_call_by_hand_is_of_the_edition_that_is_meant() {
    let (signed, keyed) = (Some(Api::Signed), Some(Api::Keyed));
    for (api, method, field) in [
        (None, "GetBills", "hash"),
        (None, "getbills", "hash"),
        (None, "GetCoupons", "rpsKey"),
        (None, "CreateOrder", "hash"),
        (None, "createorder", "rpsKey"),
        (keyed, "CreateOrder", "rpsKey"),
        (signed, "createorder", "hash"),
        (None, "AddUpdateLead", "rpsKey"),
        (None, "getallgroups", "hash"),
        (None, "somethingnew", "hash"),
        (keyed, "somethingnew", "rpsKey"),
    ] {
        let server = OneAnswer::start(http("200 OK", "", &body(Code::OK, "[]", Some(&key()))));
        client(server.port).send(api, method, &[("a".to_owned(), "1".to_owned())]).unwrap();
        let request = server.request();
        let (_, form) = request.split_once("\r\n\r\n").unwrap();
        assert!(form.starts_with(&format!("a=1&{field}=")), "{api:?} {method}: {form}");
    }
}

#[test]
fn answers_of_other_servers_are_read_as_they_are_meant() {
    let result = r#"{"9":{"2":{"good_name":222,"good_title":null}},"10":[]}"#;
    let server = OneAnswer::start(http("200 OK", "", &body(Code::OK, result, Some(&key()))));
    let bills: Bills = client(server.port).call(&get_bills()).unwrap();
    let lines: Vec<_> =
        bills.iter().map(|bill| (bill.order.0, bill.names.good_name(), bill.names.good_title())).collect();
    assert_eq!(lines, [(9, "222", "")]);
}

#[test]
fn servers_in_php_may_send_numbers_as_text_and_no_result() {
    let hash = signature::answer(Code::OK, "OK", Some(&key()));
    let text = format!(r#"{{"error_code":"0","error_text":"OK","hash":"{hash}"}}"#);
    let answer = client(OneAnswer::start(http("200 OK", "", text.as_bytes())).port)
        .send(None, "GetGoods", &[])
        .unwrap();
    assert_eq!((answer.error_code, answer.result.as_str()), (0, "[]"));
}

#[test]
fn an_answer_of_another_key_is_not_believed() {
    let other = Key::parse("another key".replace(' ', "-").as_str()).unwrap();
    for code in [Code::OK, Code::WRONG_HASH] {
        let server = OneAnswer::start(http("200 OK", "", &body(code, "[]", Some(&other))));
        let error = client(server.port).send(None, "GetBills", &[]).unwrap_err();
        assert!(matches!(error, CallError::Hash { .. }), "{error}");
        assert!(
            error.to_string().contains("the key is wrong") && error.to_string().contains(code.text()),
            "{error}"
        );
    }
    // Without a key, a refusal may come (no account at this host), but never a success.
    let server = OneAnswer::start(http("200 OK", "", &body(Code::NO_USER, "[]", None)));
    assert!(client(server.port).send(None, "GetBills", &[]).unwrap().keyless);
    let server = OneAnswer::start(http("200 OK", "", &body(Code::OK, "[]", None)));
    assert!(matches!(client(server.port).send(None, "GetBills", &[]).unwrap_err(), CallError::Hash { .. }));
}

#[test]
fn the_signature_of_the_body_is_verified_where_there_is_one() {
    let body = body(Code::OK, RESULT, Some(&key()));
    let forged = String::from_utf8(body.clone()).unwrap().replace("oplata", "oplat4").into_bytes();
    let header = |time| format!("Billhook-Signature: {}\r\n", signature::body(&key(), time, &body));
    let ask = |headers: &str, body: &[u8], required| {
        let server = OneAnswer::start(http("200 OK", headers, body));
        let options = Options { require_signature: required, ..options(server.port) };
        Client::new(options).unwrap().send(None, "GetBills", &[])
    };
    assert!(ask(&header(now()), &body, true).unwrap().signed);
    assert!(!ask("", &body, false).unwrap().signed);

    let fault = |answer: Result<_, CallError>| match answer {
        Err(CallError::Signature { fault, .. }) => fault,
        other => panic!("{other:?}"),
    };
    assert_eq!(fault(ask("", &body, true)), SignatureFault::Missing);
    assert_eq!(fault(ask(&header(now()), &forged, false)), SignatureFault::Invalid(SignatureError::Wrong));
    let odd = fault(ask("Billhook-Signature: sesame\r\n", &body, false));
    assert_eq!(odd, SignatureFault::Invalid(SignatureError::Malformed));
    let old = fault(ask(&header(now() - 400), &body, false));
    assert!(matches!(old, SignatureFault::Invalid(SignatureError::TooOld { seconds: 400.. })), "{old:?}");
    let early = fault(ask(&header(now() + 400), &body, false));
    assert!(matches!(early, SignatureFault::Invalid(SignatureError::InTheFuture { .. })), "{early:?}");
}

#[test]
fn what_is_no_answer_is_shown_by_its_beginning() {
    let page = format!("<html>\r\n<title>\u{1b}[31mBad gateway</title>{}", "x".repeat(200));
    let server = OneAnswer::start(http("502 Bad Gateway", "", page.as_bytes()));
    let error = client(server.port).send(None, "GetBills", &[]).unwrap_err().to_string();
    assert!(
        error.starts_with("the answer is not JSON (HTTP 502): <html> <title>[31mBad gateway</title>x"),
        "{error}"
    );
    assert!(error.ends_with("x…") && error.chars().count() < 130, "{error}");

    let error = client(OneAnswer::start(http("200 OK", "", b"")).port)
        .send(None, "GetBills", &[])
        .unwrap_err()
        .to_string();
    assert_eq!(error, "the answer is not JSON (HTTP 200): it is empty");
    let error = client(OneAnswer::start(http("200 OK", "", b"{\"ok\":1}")).port)
        .send(None, "GetBills", &[])
        .unwrap_err();
    assert!(matches!(error, CallError::NotEnvelope { http_status: 200, .. }), "{error}");
    assert!(!error.to_string().contains('\n'));
}

#[test]
fn broken_connections_say_so() {
    for answer in ["", "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"] {
        let error = client(OneAnswer::start(answer.into()).port).send(None, "GetBills", &[]).unwrap_err();
        assert!(matches!(error, CallError::Broken { .. }), "{answer:?}: {error:?}");
    }
}

#[test]
fn nobody_there() {
    // A port that was free a moment ago, so nobody listens on it.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let error = client(port).send(None, "GetBills", &[]).unwrap_err();
    assert!(matches!(error, CallError::Connect { .. }), "{error:?}");
    assert!(error.to_string().starts_with(&format!("cannot connect to demo.localhost:{port}: ")), "{error}");
}

#[test]
fn a_server_that_never_answers_is_left() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let options = Options { timeout: Duration::from_millis(200), ..options(port) };
    let error = Client::new(options).unwrap().send(None, "GetBills", &[]).unwrap_err();
    assert!(matches!(error, CallError::Timeout { .. }), "{error:?}");
    assert!(error.to_string().contains("within 0.2 seconds"), "{error}");
}

#[test]
fn odd_method_names_are_not_sent() {
    for name in ["", "a/b", "a b", "../x", "имя"] {
        assert!(matches!(client(1).send(None, name, &[]), Err(CallError::MethodName(_))), "{name:?}");
    }
}

/// A TLS server for one connection, with a self-signed certificate.
fn tls_server(answer: Vec<u8>, is_ca: rcgen::IsCa) -> (SocketAddr, String, JoinHandle<()>) {
    let mut params = rcgen::CertificateParams::new(["demo.localhost".to_owned()]).unwrap();
    params.is_ca = is_ca;
    let signing_key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&signing_key).unwrap();
    let pem = certificate.pem();
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, stream);
        let mut first = [0];
        // A client that does not trust the certificate ends the handshake.
        if stream.read(&mut first).is_ok_and(|read| read == 1) {
            read_request(&mut stream);
            stream.write_all(&answer).unwrap();
        }
    });
    (address, pem, server)
}

#[test]
fn a_self_signed_certificate_needs_a_word() {
    let answer = || http("200 OK", "", &body(Code::OK, "[]", Some(&key())));
    let ask = |address: SocketAddr, change: &dyn Fn(&mut Options)| {
        let mut options = options(0);
        options.url = format!("https://demo.localhost:{}", address.port());
        change(&mut options);
        Client::new(options).unwrap().send(None, "GetBills", &[])
    };

    let (address, _, server) = tls_server(answer(), rcgen::IsCa::NoCa);
    let error = ask(address, &|_| {}).unwrap_err();
    assert!(matches!(error, CallError::Certificate { .. }), "{error:?}");
    assert!(error.to_string().contains("--insecure") && error.to_string().contains("--ca-file"), "{error}");
    assert!(error.to_string().contains("is not trusted: its issuer is not known;"), "{error}");
    server.join().unwrap();

    // As `openssl req -x509` makes it.
    let is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let (address, _, server) = tls_server(answer(), is_ca);
    let error = ask(address, &|_| {}).unwrap_err().to_string();
    assert!(error.contains("is not trusted: it is an authority's (CA:TRUE), not a server's;"), "{error}");
    server.join().unwrap();

    let (address, _, server) = tls_server(answer(), rcgen::IsCa::NoCa);
    assert_eq!(ask(address, &|options| options.insecure = true).unwrap().error_code, 0);
    server.join().unwrap();

    let (address, pem, server) = tls_server(answer(), rcgen::IsCa::NoCa);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pem).unwrap();
    assert_eq!(
        ask(address, &|options| options.ca_file = Some(file.path().to_owned())).unwrap().error_code,
        0
    );
    server.join().unwrap();
}

#[test]
fn a_plain_port_speaks_no_tls() {
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = server.local_addr().unwrap().port();
    let answering = thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let options = Options { url: format!("https://demo.localhost:{port}"), ..options(port) };
    let error = Client::new(options).unwrap().send(None, "GetBills", &[]).unwrap_err();
    assert!(matches!(error, CallError::Tls { .. }), "{error:?}");
    assert!(error.to_string().contains(": this is not a TLS port;"), "{error}");
    answering.join().unwrap();
}

#[test]
fn a_file_without_certificates_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for path in [file.path().to_owned(), "/nowhere/ca.pem".into()] {
        let options = Options { ca_file: Some(path.clone()), ..options(1) };
        let error = Client::new(options).unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
    }
}

#[test]
fn an_answer_without_end_is_not_read() {
    let body = vec![b' '; usize::try_from(billhook_client::MAX_ANSWER_BYTES).unwrap() + 1];
    let error =
        client(OneAnswer::start(http("200 OK", "", &body)).port).send(None, "GetBills", &[]).unwrap_err();
    assert!(matches!(error, CallError::TooLong { .. }), "{error:?}");
}

#[test]
fn a_result_of_another_shape_is_an_error_of_a_typed_call() {
    let server = OneAnswer::start(http("200 OK", "", &body(Code::OK, "[1]", Some(&key()))));
    let error = client(server.port).call(&get_bills()).unwrap_err();
    assert!(matches!(error, CallError::Result(_)), "{error:?}");
}
