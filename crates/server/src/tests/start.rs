//! Errors at the server's start, and their messages.

use super::*;
use crate::{Certificate, StartError, TlsOptions};

fn refusal(change: impl FnOnce(&mut Options)) -> StartError {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&Location::folder(folder.path())).unwrap();
    let mut options = Options { listen: vec!["127.0.0.1:0".parse().unwrap()], ..Options::default() };
    change(&mut options);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let started = runtime.block_on(Server::bind(options, store));
    started.err().expect("the server started")
}

#[test]
fn a_busy_port() {
    let server = TestServer::start(|_| {});
    let busy = server.addresses.http[0];
    let error = refusal(|options| options.listen.push(busy));
    assert!(matches!(error, StartError::Listen { address, .. } if address == busy));
    assert!(
        error.to_string().starts_with(&format!("cannot listen on {busy}: another program listens there;"))
    );
}

#[test]
fn options_that_make_no_sense() {
    assert!(matches!(refusal(|options| options.listen.clear()), StartError::NoAddress));
    let error = refusal(|options| options.domains.push("http://justclick.ru".to_owned()));
    assert!(error.to_string().starts_with("\"http://justclick.ru\" is no domain:"), "{error}");
}

#[test]
fn certificate_files_that_are_not_there() {
    let certificate = Certificate::Files { cert: "/no/such/cert.pem".into(), key: "/no/such/key.pem".into() };
    let tls = TlsOptions { listen: "127.0.0.1:0".parse().unwrap(), certificate };
    let error = refusal(|options| options.tls = Some(tls)).to_string();
    assert_eq!(
        error,
        "cannot use /no/such/cert.pem: No such file or directory (os error 2); check the path and that this user may read it"
    );
}

#[test]
fn both_wildcards_on_one_port() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return; // This machine has no IPv6.
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = TestServer::start(|options| {
        options.listen =
            vec![format!("0.0.0.0:{free}").parse().unwrap(), format!("[::]:{free}").parse().unwrap()];
    });
    for address in ["127.0.0.1", "[::1]"] {
        let mut stream = connect(format!("{address}:{free}").parse().unwrap());
        stream.write_all(&post("GetBills", &sign(ASK, "anna", KEY))).unwrap();
        assert_eq!(read_reply(&mut stream).code(), 0, "{address}");
    }
    drop(server);
}
