//! HTTP/1.1: which requests are accepted, and their answers.

use std::{io::Write as _, net::Shutdown, time::Duration};

use super::*;

const BILLS: &str = r#"{"1":{"1":{"good_name":"good-1","good_title":"\u0422\u043e\u0432\u0430\u0440 1"}}}"#;

#[test]
fn get_bills_is_answered() {
    let server = TestServer::start(|_| {});
    for method in ["GetBills", "getbills", "GETBILLS/", "GetBills?x=1&email=b%40c"] {
        let reply = server.call(method, ASK);
        assert_eq!(reply.checked(Some(KEY)), (200, 0), "{method}");
        assert!(reply.body.contains(BILLS));
    }
    assert_eq!(server.call("GetBills", "email=nobody%40example.com").checked(Some(KEY)), (200, 400));
    set(&server.store, "anna", "getbills_empty", "ok");
    assert!(
        within(Duration::from_secs(1), || server.call("GetBills", "email=nobody%40example.com").code() == 0)
    );
}

/// Longer than an idle connection stays in hyper.
const REST: Duration = Duration::from_millis(500);

#[test]
fn a_connection_that_rested_goes_on() {
    let server = TestServer::start(|_| {});
    let mut client = server.connect();
    let request = post("GetBills", &sign(ASK, "anna", KEY));
    std::thread::sleep(REST);
    // Each time a part of the next head comes with a request, and the rest later.
    for part in [0, 1, 20, request.len() - 1] {
        client.write_all(&[&request, &request[..part]].concat()).unwrap();
        assert_eq!(read_reply(&mut client).checked(Some(KEY)), (200, 0), "{part}");
        std::thread::sleep(REST);
        client.write_all(&request[part..]).unwrap();
        assert_eq!(read_reply(&mut client).checked(Some(KEY)), (200, 0), "{part}");
        std::thread::sleep(REST);
    }
    assert_eq!(server.permits.taken(), 1);
    client.shutdown(Shutdown::Write).unwrap();
    assert!(is_closed_within(&mut client, Duration::from_secs(1)));
}

#[test]
fn the_order_of_the_checks() {
    let server = TestServer::start(|options| options.max_body_bytes = 1000);
    let ask = |head: &str, body: &str| {
        server.send(format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes())
    };
    let long = format!("x={}", "y".repeat(1000));
    let anna = "POST /api/GetBills HTTP/1.1\r\nHost: anna.localhost";
    let nobody = "POST /api/GetBills HTTP/1.1\r\nHost: nobody.localhost";
    assert_eq!(ask("GET /api/GetBills HTTP/1.1\r\nHost: nobody.localhost", &long).checked(None), (405, 3));
    assert_eq!(ask("PUT /nowhere HTTP/1.1\r\nHost: anna.localhost", "").checked(Some(KEY)), (405, 3));
    assert_eq!(ask("OPTIONS * HTTP/1.1\r\nHost: anna.localhost", "").checked(Some(KEY)), (405, 3));
    assert_eq!(ask(nobody, &long).checked(None), (200, 5));
    assert_eq!(ask(anna, &long).checked(Some(KEY)), (413, 3));
    assert_eq!(ask(anna, "").checked(Some(KEY)), (200, 2));
    assert_eq!(ask(anna, "&&&").checked(Some(KEY)), (200, 2));
    assert_eq!(
        ask(&format!("{anna}\r\nContent-Type: application/json"), "{\"email\":1}").checked(Some(KEY)),
        (200, 2)
    );
    assert_eq!(ask(anna, &format!("a{}=1", "[]".repeat(65))).checked(Some(KEY)), (200, 3));
    assert_eq!(ask(anna, ASK).checked(Some(KEY)), (200, 1));
    assert_eq!(ask(anna, &format!("{ASK}&hash={}", "0".repeat(32))).checked(Some(KEY)), (200, 4));
    assert_eq!(ask(anna, "rpsKey=wrong").checked(Some(KEY)), (200, 4));
    for path in ["/api/Nothing", "/", "/api/", "/GetBills"] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: anna.localhost");
        assert_eq!(ask(&head, &sign(ASK, "anna", KEY)).checked(Some(KEY)), (404, 3), "{path}");
        assert_eq!(ask(&head, ASK).checked(Some(KEY)), (200, 1), "{path}");
    }
    assert_eq!(ask(anna, &sign("", "anna", KEY)).checked(Some(KEY)), (200, 3));
    assert_eq!(ask(anna, &format!("{ASK}&rpsKey={KEY}")).checked(Some(KEY)), (200, 0));
    let refused = ask("GET /api/ HTTP/1.1\r\nHost: anna.localhost", "");
    assert_eq!(refused.header("allow"), Some("POST"));
}

#[test]
fn disabled_denied_and_limited_accounts() {
    let server = TestServer::start(|_| {});
    let code_within = |code| within(Duration::from_secs(1), || server.call("GetBills", ASK).code() == code);
    set(&server.store, "anna", "rate", "1");
    assert!(code_within(8));
    let limited = server.call("GetBills", ASK);
    assert_eq!(limited.checked(Some(KEY)), (200, 8));
    assert!((1..=60).contains(&limited.header("retry-after").unwrap().parse().unwrap()));
    set(&server.store, "anna", "allow_ips", "192.0.2.0/24");
    assert!(code_within(6));
    assert_eq!(server.call("GetBills", ASK).json()["error_text"], "Permission denied for ip 127.0.0.1");
    let id = account(&server.store, "anna");
    server.store.write(move |tx| accounts::set_disabled(tx, id, true)).unwrap();
    assert!(code_within(7));
    assert_eq!(server.call("GetBills", ASK).checked(Some(KEY)), (200, 7));
}

#[test]
fn a_rotated_key_and_the_one_before() {
    let server = TestServer::start(|_| {});
    let id = account(&server.store, "anna");
    let rotate = move |keep: Option<i64>| {
        move |tx: &mut store::Tx<'_>| accounts::rotate_key(tx, id, &Key::parse("new-key").unwrap(), keep)
    };
    server.store.write(rotate(Some(i64::MAX))).unwrap();
    let with = |key: &str| server.send(&post("GetBills", &sign(ASK, "anna", key)));
    assert!(within(Duration::from_secs(1), || with("new-key").code() == 0));
    assert_eq!(with("new-key").checked(Some("new-key")), (200, 0));
    assert_eq!(with(KEY).checked(Some(KEY)), (200, 0));
    assert_eq!(with("third").checked(Some("new-key")), (200, 4));
    server.store.write(rotate(None)).unwrap();
    assert!(within(Duration::from_secs(1), || with(KEY).code() == 4));
}

#[test]
fn one_connection_carries_many_requests() {
    let server = TestServer::start(|_| {});
    let mut stream = server.connect();
    let mut ids = std::collections::HashSet::new();
    let requests = [
        post("GetBills", &sign(ASK, "anna", KEY)),
        post("Nothing", "a=b"),
        b"GET /api/ HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
    ];
    stream.write_all(&requests.concat().repeat(20)).unwrap();
    for _ in 0..20 {
        for (status, code) in [(200, 0), (200, 1), (405, 3)] {
            let reply = read_reply(&mut stream);
            assert_eq!((reply.status, reply.code()), (status, code));
            assert!(ids.insert(reply.header("x-request-id").unwrap().to_owned()));
        }
    }
}

#[test]
fn chunked_bodies() {
    let server = TestServer::start(|_| {});
    let body = sign(ASK, "anna", KEY);
    let (one, two) = body.split_at(7);
    let head = "POST /api/GetBills HTTP/1.1\r\nHost: anna.localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunks = format!("{head}{:x}\r\n{one}\r\n{:X};ext=1\r\n{two}\r\n0\r\n", one.len(), two.len());
    let mut stream = server.connect();
    stream.write_all(format!("{chunks}\r\n").repeat(2).as_bytes()).unwrap();
    assert_eq!(read_reply(&mut stream).checked(Some(KEY)), (200, 0));
    assert_eq!(read_reply(&mut stream).checked(Some(KEY)), (200, 0));
    // What follows trailers may not be a request.
    stream.write_all(format!("{chunks}Trailer: x\r\n\r\n{chunks}\r\n").as_bytes()).unwrap();
    let last = read_reply(&mut stream);
    assert_eq!((last.checked(Some(KEY)), last.header("connection")), ((200, 0), Some("close")));
    assert!(is_closed_within(&mut stream, Duration::from_secs(5)));
    assert_eq!(server.send(format!("{head}zz\r\nabc").as_bytes()).status, 400);
}

#[test]
fn who_says_the_host() {
    let server = TestServer::start(|options| options.domains.push("justclick.ru".to_owned()));
    let body = sign(ASK, "anna", KEY);
    let ask = |start: &str| {
        let request = format!("POST {start}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        server.send(request.as_bytes())
    };
    for start in [
        "http://anna.justclick.ru/api/GetBills HTTP/1.1\r\nHost: anna.justclick.ru",
        "http://ANNA.localhost:80/api/GetBills HTTP/1.1\r\nHost: anna.localhost.",
        "/api/GetBills HTTP/1.1\r\nHost: 127.0.0.1",
        "/api/GetBills HTTP/1.1\r\nHost: localhost:8080",
        "/api/GetBills HTTP/1.0",
    ] {
        assert_eq!(ask(start).checked(Some(KEY)), (200, 0), "{start}");
    }
    for start in [
        "http://anna.localhost/api/GetBills HTTP/1.1\r\nHost: other.localhost",
        "/api/GetBills HTTP/1.1\r\nHost: anna.localhost\r\nHost: anna.localhost",
        "/api/GetBills HTTP/1.1",
        "/api/GetBills HTTP/1.1\r\nHost: a b",
    ] {
        assert_eq!(ask(start).checked(None), (400, 3), "{start}");
    }
}

#[test]
fn a_head_request_gets_no_body() {
    let server = TestServer::start(|_| {});
    let as_long = server.send(b"GET /api/GetBills HTTP/1.1\r\nHost: anna.localhost\r\n\r\n").body.len();
    let mut stream = server.connect();
    stream.write_all(b"HEAD /api/GetBills HTTP/1.1\r\nHost: anna.localhost\r\n\r\n").unwrap();
    stream.write_all(&post("GetBills", &sign(ASK, "anna", KEY))).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 405 "), "{head}");
    assert!(head.contains(&format!("\r\ncontent-length: {as_long}\r\n")), "{head}");
    assert_eq!(read_reply(&mut stream).checked(Some(KEY)), (200, 0));
}

#[test]
fn a_half_closed_client_gets_its_answer() {
    let server = TestServer::start(|_| {});
    let mut stream = server.connect();
    stream.write_all(&post("GetBills", &sign(ASK, "anna", KEY))).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_reply(&mut stream).checked(Some(KEY)), (200, 0));
    assert!(is_closed_within(&mut stream, Duration::from_secs(2)));
}

#[test]
fn a_body_that_breaks_off_is_told_so() {
    let server = TestServer::start(|_| {});
    let mut stream = server.connect();
    stream
        .write_all(
            b"POST /api/GetBills HTTP/1.1\r\nHost: anna.localhost\r\nContent-Length: 50\r\n\r\nemail=a",
        )
        .unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_reply(&mut stream).checked(Some(KEY)), (400, 3));
}

#[test]
fn what_is_no_http_gets_a_bare_400() {
    let server = TestServer::start(|_| {});
    for request in [
        "hello\r\n\r\n",
        "POST / HTTP/9.9\r\n\r\n",
        "POST /\u{1} HTTP/1.1\r\nHost: x\r\n\r\n",
        "P\0 / HTTP/1.1\r\n\r\n",
    ] {
        assert_eq!(server.send(request.as_bytes()).status, 400, "{request:?}");
    }
    let huge = format!("POST / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(100_000));
    assert_eq!(server.send(huge.as_bytes()).status, 431);
}
