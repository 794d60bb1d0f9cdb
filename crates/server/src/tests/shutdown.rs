//! The shutdown: requests that have begun are finished, idle connections are closed, and the server ends.

use std::{io::Write as _, time::Duration};

use super::{methods::test_methods, *};

#[test]
fn a_request_in_flight_is_finished_and_idle_connections_are_dropped() {
    let mut server = TestServer::start_with(test_methods(), |_| {});
    let mut idle = server.connect();
    idle.write_all(&post("GetBills", &sign(ASK, "anna", KEY))).unwrap();
    assert_eq!(read_reply(&mut idle).code(), 0);
    let mut silent = server.connect();
    let mut busy = server.connect();
    busy.write_all(&post("Slow", &sign("ms=2000", "anna", KEY))).unwrap();
    assert!(within(Duration::from_secs(2), || server.permits.taken() == 3));
    std::thread::sleep(Duration::from_millis(100));
    server.begin_stop();
    assert!(is_closed_within(&mut idle, Duration::from_secs(1)));
    assert!(is_closed_within(&mut silent, Duration::from_millis(500)));
    assert!(within(Duration::from_secs(1), || TcpStream::connect(server.addresses.http[0]).is_err()));
    let reply = read_reply(&mut busy);
    assert_eq!(reply.checked(Some(KEY)), (200, 0));
    assert!(is_closed_within(&mut busy, Duration::from_secs(1)));
    let (ended, took) = server.wait_for_end();
    ended.unwrap();
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn the_stop_ends_even_if_a_client_does_not() {
    let mut server =
        TestServer::start_with(test_methods(), |options| options.stop_timeout = Duration::from_millis(500));
    let mut body = server.connect();
    body.write_all(
        b"POST /api/GetBills HTTP/1.1\r\nHost: anna.localhost\r\nContent-Length: 50\r\n\r\nemail=a",
    )
    .unwrap();
    let mut head = server.connect();
    head.write_all(b"POST /api/GetBills HTTP/1.1\r\n").unwrap();
    let mut unread = server.connect();
    unread.write_all(&post("Big", &sign("bytes=16000000", "anna", KEY))).unwrap();
    unread.peek(&mut [0]).unwrap();
    assert!(within(Duration::from_secs(2), || server.permits.taken() == 3));
    std::thread::sleep(Duration::from_millis(300));
    server.begin_stop();
    let (ended, took) = server.wait_for_end();
    ended.unwrap();
    assert!(took < Duration::from_secs(3), "{took:?}");
}
