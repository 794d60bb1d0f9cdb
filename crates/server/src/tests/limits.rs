//! Slow, silent, greedy and too many clients: none of them holds up others.

use std::{io::Write as _, time::Duration};

use super::{methods::test_methods, *};

const SOON: Duration = Duration::from_secs(3);

fn quick(options: &mut Options) {
    options.header_timeout = Duration::from_millis(300);
    options.body_timeout = Duration::from_millis(300);
    options.write_timeout = Duration::from_millis(500);
}

#[test]
fn a_silent_client_is_let_go() {
    let server = TestServer::start(quick);
    let mut stream = server.connect();
    assert!(is_closed_within(&mut stream, SOON));
    assert!(server.has_no_connections_within(SOON));
}

#[test]
fn a_head_that_trickles_in_is_given_up() {
    let server = TestServer::start(quick);
    let mut first = server.connect();
    let mut later = server.connect();
    // The second one is slow on a connection that was idle: the time for the head starts at its first byte.
    later.write_all(&post("GetBills", &sign(ASK, "anna", KEY))).unwrap();
    assert_eq!(read_reply(&mut later).code(), 0);
    std::thread::sleep(Duration::from_millis(600));
    for stream in [&mut first, &mut later] {
        let since = Instant::now();
        for byte in b"POST /api/GetBills HTTP/1.1\r\nHost: anna.localhost\r\nX-Slow: ".iter().cycle() {
            if stream.write_all(&[*byte]).is_err() || since.elapsed() > SOON {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(since.elapsed() < SOON);
    }
    assert!(server.has_no_connections_within(SOON));
}

#[test]
fn an_idle_connection_outlives_the_heads_time_but_not_its_own() {
    let server = TestServer::start(|options| {
        quick(options);
        options.idle_timeout = Duration::from_millis(1500);
    });
    let mut stream = server.connect();
    for _ in 0..2 {
        stream.write_all(&post("GetBills", &sign(ASK, "anna", KEY))).unwrap();
        assert_eq!(read_reply(&mut stream).code(), 0);
        std::thread::sleep(Duration::from_millis(800));
    }
    assert!(is_closed_within(&mut stream, SOON));
}

#[test]
fn a_body_that_does_not_come_is_answered() {
    let server = TestServer::start(quick);
    let mut stream = server.connect();
    stream
        .write_all(
            b"POST /api/GetBills HTTP/1.1\r\nHost: anna.localhost\r\nContent-Length: 50\r\n\r\nemail=a",
        )
        .unwrap();
    assert_eq!(read_reply(&mut stream).checked(Some(KEY)), (400, 3));
    assert!(is_closed_within(&mut stream, SOON));
}

#[test]
fn a_client_that_never_reads_is_let_go() {
    let server = TestServer::start_with(test_methods(), quick);
    let mut stream = server.connect();
    stream.write_all(&post("Big", &sign("bytes=16000000", "anna", KEY))).unwrap();
    // The answer has begun to arrive, and nobody reads it.
    stream.peek(&mut [0]).unwrap();
    assert_eq!(server.permits.taken(), 1);
    assert!(server.has_no_connections_within(SOON), "the connection is still held");
}

#[test]
fn a_client_that_asks_on_and_on_and_never_reads_is_let_go() {
    let server = TestServer::start(quick);
    let mut stream = server.connect();
    stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let requests = post("GetBills", &sign(ASK, "anna", KEY)).repeat(100);
    let since = Instant::now();
    // While the server works through its buffers it accepts no more, which is not yet the end.
    let is_cut_off = loop {
        match stream.write_all(&requests) {
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => break true,
            _ if since.elapsed() > Duration::from_secs(20) => break false,
            _ => {}
        }
    };
    assert!(is_cut_off && server.has_no_connections_within(SOON), "the connection is still held");
}

#[test]
fn a_client_that_reads_slowly_gets_everything() {
    let server = TestServer::start_with(test_methods(), quick);
    let mut stream = server.connect();
    stream.write_all(&post("Big", &sign("bytes=12000000", "anna", KEY))).unwrap();
    let since = Instant::now();
    let mut seen = 0;
    let mut space = vec![0; 256 * 1024];
    while seen < 12_000_000 {
        std::thread::sleep(Duration::from_millis(15));
        let read = stream.read(&mut space).unwrap();
        assert!(read > 0, "cut off after {seen} bytes");
        seen += read;
    }
    assert!(since.elapsed() > Duration::from_millis(600), "not slow enough to show anything");
}

#[test]
fn a_body_over_the_limit_is_read_on_and_answered() {
    let server = TestServer::start(|options| options.max_body_bytes = 10_000);
    let mut stream = server.connect();
    let long = "x".repeat(3_000_000);
    stream.write_all(&post("GetBills", &long)).unwrap();
    assert_eq!(read_reply(&mut stream).checked(Some(KEY)), (413, 3));
    // The body was read completely, so the connection can still be used.
    stream.write_all(&post("GetBills", &sign(ASK, "anna", KEY))).unwrap();
    assert_eq!(read_reply(&mut stream).checked(Some(KEY)), (200, 0));

    let mut chunked =
        b"POST /api/GetBills HTTP/1.1\r\nHost: anna.localhost\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..30 {
        chunked.extend_from_slice(format!("1000\r\n{}\r\n", "x".repeat(0x1000)).as_bytes());
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(server.send(&chunked).checked(Some(KEY)), (413, 3));
}

#[test]
fn an_endless_body_is_answered_and_not_reset() {
    let server = TestServer::start(|options| options.max_body_bytes = 10_000);
    let mut stream = server.connect();
    stream
        .write_all(
            b"POST /api/GetBills HTTP/1.1\r\nHost: anna.localhost\r\nContent-Length: 1000000000\r\n\r\n",
        )
        .unwrap();
    let mut sending = stream.try_clone().unwrap();
    // More than is drained before the answer. A client that is cut off while it sends never reads the answer.
    let piece = vec![b'x'; 64 * 1024];
    let sender = std::thread::spawn(move || (0..30 * 16).all(|_| sending.write_all(&piece).is_ok()));
    let reply = read_reply(&mut stream);
    assert_eq!(reply.checked(Some(KEY)), (413, 3));
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(sender.join().unwrap(), "cut off");
}

#[test]
fn a_body_that_is_announced_as_too_long_need_not_be_sent() {
    let server = TestServer::start(|options| options.max_body_bytes = 10_000);
    let mut stream = server.connect();
    let expect = |length: usize| {
        format!(
            "POST /api/GetBills HTTP/1.1\r\nHost: anna.localhost\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let body = sign(ASK, "anna", KEY);
    stream.write_all(expect(body.len()).as_bytes()).unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).unwrap();
    assert_eq!(read_reply(&mut stream).checked(Some(KEY)), (200, 0));
    stream.write_all(expect(10_001).as_bytes()).unwrap();
    let since = Instant::now();
    assert_eq!(read_reply(&mut stream).checked(Some(KEY)), (413, 3));
    assert!(since.elapsed() < Duration::from_secs(1));
    assert!(is_closed_within(&mut stream, SOON));
}

#[test]
fn connections_are_limited_by_address_and_in_all() {
    let server = TestServer::start(|options| {
        options.max_connections_per_address = 2;
        options.max_connections = 3;
        options.trusted_proxies = vec!["127.0.0.2/32".parse().unwrap()];
    });
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = server.connect();
        stream.write_all(&post("GetBills", &sign(ASK, "anna", KEY))).unwrap();
        assert_eq!(read_reply(&mut stream).code(), 0);
        held.push(stream);
    }
    assert!(is_closed_within(&mut server.connect(), SOON), "a third one from the same address");
    drop(held.pop());
    assert!(within(SOON, || server.permits.taken() == 1));
    assert_eq!(server.call("GetBills", ASK).code(), 0);
}

#[test]
fn a_trusted_proxy_tells_who_calls() {
    let server = TestServer::start(|options| options.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]);
    set(&server.store, "anna", "allow_ips", "192.0.2.7");
    let body = sign(ASK, "anna", KEY);
    let from = |address: &str| {
        let head = "POST /api/GetBills HTTP/1.1\r\nHost: anna.localhost";
        let request =
            format!("{head}\r\nX-Forwarded-For: {address}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        server.send(request.as_bytes()).code()
    };
    assert!(within(Duration::from_secs(1), || from("192.0.2.8") == 6));
    assert_eq!(from("1.1.1.1, 192.0.2.7"), 0);
    assert_eq!(from("192.0.2.7, 1.1.1.1"), 6);
}

#[test]
fn answers_that_nobody_takes_have_a_bound_together() {
    let server = TestServer::start_with(test_methods(), |_| {});
    let ask = post("Big", &sign("bytes=60000000", "anna", KEY));
    add_account(&server.store, "boris");
    let as_boris = |query| {
        let request = String::from_utf8(post("Big", &sign(query, "boris", KEY))).unwrap();
        request.replace("anna.localhost", "boris.localhost").into_bytes()
    };
    assert!(within(SOON, || server.send(&as_boris("bytes=1")).code() == 0));
    let begin = |ask: &[u8]| {
        let mut stream = server.connect();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        stream.write_all(ask).unwrap();
        assert_eq!(stream.peek(&mut [0]).unwrap(), 1);
        stream
    };
    let (boris, anna) = (as_boris("bytes=60000000"), ask.clone());
    let mut held = vec![begin(&anna), begin(&anna)];
    assert_eq!(server.send(&ask).checked(Some(KEY)), (503, 9), "one account has half of it");
    held.extend([begin(&boris), begin(&boris)]);
    held.rotate_left(2);
    let refused = server.send(&ask);
    assert_eq!(refused.checked(Some(KEY)), (503, 9));
    assert_eq!(refused.header("retry-after"), Some("2"));
    assert_eq!(server.call("Big", "bytes=5000").checked(Some(KEY)), (503, 9), "over 4 KiB all count");
    assert_eq!(server.call("GetBills", ASK).code(), 0, "short answers go on");
    for page in ["/docs", "/api/openapi.json"] {
        let request = format!("GET {page} HTTP/1.1\r\nHost: anna.localhost\r\n\r\n");
        assert_eq!(server.send(request.as_bytes()).status, 200, "there is one of it for all");
    }
    drop(held.pop());
    assert!(within(SOON, || server.permits.taken() == 3));
    assert_eq!(server.send(&ask).status, 200);
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Sends a part of a body.
fn begin_body(server: &TestServer, announced: usize, sent: usize) -> TcpStream {
    let mut stream = server.connect();
    let head = "POST /api/GetBills HTTP/1.1\r\nHost: anna.localhost\r\nContent-Length:";
    stream.write_all(format!("{head} {announced}\r\n\r\n").as_bytes()).unwrap();
    for piece in vec![b'x'; sent].chunks(MIB) {
        stream.write_all(piece).unwrap();
    }
    stream
}

#[test]
fn bodies_of_one_address_have_a_bound_together() {
    for (proxies, status) in [(vec![], 503), (vec!["127.0.0.1/32".parse().unwrap()], 413)] {
        let server = TestServer::start(|options| {
            options.max_body_bytes = 34 * MIB;
            options.trusted_proxies = proxies;
        });
        let held = begin_body(&server, 34 * MIB, 32 * MIB + 16 * KIB);
        std::thread::sleep(Duration::from_millis(300));
        // A body that is too long is refused once the limit was read.
        let mut next = server.connect();
        let chunked =
            "POST /api/GetBills HTTP/1.1\r\nHost: anna.localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
        next.write_all(chunked.as_bytes()).unwrap();
        let chunk = [b"100000\r\n".as_slice(), &vec![b'x'; MIB], b"\r\n"].concat();
        // The server may refuse it before all is sent.
        let _ = (0..35).all(|_| next.write_all(&chunk).is_ok());
        let _ = next.write_all(b"0\r\n\r\n");
        assert_eq!(read_reply(&mut next).status, status);
        assert_eq!(server.call("GetBills", ASK).code(), 0, "a short call goes on");
        drop(held);
    }
}

#[test]
fn bodies_in_pieces_have_a_bound_together_but_for_their_beginnings() {
    let server = TestServer::start(|options| {
        options.max_body_bytes = 200 * MIB;
        // Without this, one network could not use up all the memory.
        options.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    });
    let begin = |announced, sent| begin_body(&server, announced, sent);
    // The whole budget, and the connection's own share.
    let held = begin(150 * MIB, 128 * MIB + 16 * KIB);
    assert!(within(Duration::from_secs(20), || server.bodies.reserve(1).is_none()));
    // Not longer than what is drained after a refusal.
    let mut refused = begin(17 * MIB, 16 * MIB);
    assert_eq!(read_reply(&mut refused).checked(Some(KEY)), (503, 9));
    let mut call = server.connect();
    let request = post("GetBills", &sign(ASK, "anna", KEY));
    for piece in request.chunks(request.len() / 8) {
        call.write_all(piece).unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(read_reply(&mut call).code(), 0);
    drop((held, refused, call));
    assert!(server.has_no_connections_within(SOON));
    let mut whole = begin(100 * MIB, 100 * MIB);
    assert_eq!(read_reply(&mut whole).checked(Some(KEY)), (200, 1), "there is room again");
}
