//! Health and metrics.

use std::{io::Write as _, time::Duration};

use super::{methods::test_methods, *};

fn look(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = connect(address);
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes())
        .unwrap();
    let reply = read_reply(&mut stream);
    (reply.status, reply.body)
}

fn with_admin(options: &mut Options) {
    options.admin_listen = Some("127.0.0.1:0".parse().unwrap());
}

#[test]
fn health_and_metrics_have_a_listener_of_their_own() {
    let server = TestServer::start(with_admin);
    let admin = server.addresses.admin.unwrap();
    assert_eq!(look(admin, "/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(look(admin, "/readyz"), (200, "ready\n".to_owned()));
    assert_eq!(look(admin, "/api/GetBills").0, 404);
    assert_eq!(server.call("GetBills", ASK).code(), 0);
    assert_eq!(server.call("no-such\"method", ASK).status, 404);
    assert_eq!(server.send(b"GET /healthz HTTP/1.1\r\nHost: anna.localhost\r\n\r\n").status, 404);
    let metrics = look(admin, "/metrics").1;
    for line in [
        "billhook_requests_total{method=\"GetBills\",code=\"0\"} 1\n",
        "billhook_requests_total{method=\"unknown\",code=\"3\"} 2\n",
        "billhook_accounts 1\n",
        "billhook_store_ready 1\n",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}

#[test]
fn it_is_asked_by_a_name_of_its_own() {
    let server = TestServer::start(|options| {
        with_admin(options);
        options.admin_hosts = vec!["metrics.example".to_owned()];
    });
    let asked = |version: &str, host: &str| {
        let mut stream = connect(server.addresses.admin.unwrap());
        stream.write_all(format!("GET /metrics HTTP/{version}\r\n{host}\r\n").as_bytes()).unwrap();
        read_reply(&mut stream).status
    };
    for host in
        ["127.0.0.1:9090", "[::1]", "192.0.2.1", "localhost:9090", "LocalHost.", "Metrics.Example:9090"]
    {
        assert_eq!(asked("1.1", &format!("Host: {host}\r\n")), 200, "{host}");
    }
    assert_eq!(asked("1.0", ""), 200);
    // A stranger's page may give this machine a name of its own.
    for host in ["evil.example", "localhost.evil.example", "anna.localhost", "a b"] {
        assert_eq!(asked("1.1", &format!("Host: {host}\r\n")), 421, "{host}");
    }
}

#[test]
fn a_stopping_server_is_not_ready() {
    let mut server = TestServer::start_with(test_methods(), with_admin);
    let admin = server.addresses.admin.unwrap();
    let mut busy = server.connect();
    busy.write_all(&post("Slow", &sign("ms=2000", "anna", KEY))).unwrap();
    assert!(within(Duration::from_secs(2), || server.permits.taken() == 1));
    std::thread::sleep(Duration::from_millis(100));
    server.begin_stop();
    assert!(within(Duration::from_secs(1), || look(admin, "/readyz").0 == 503));
    assert_eq!(look(admin, "/healthz").0, 200);
    assert_eq!(read_reply(&mut busy).code(), 0);
}
