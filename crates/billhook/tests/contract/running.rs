//! A running server: it sees what commands change; its log; how it stops.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use billhook_test_kit::until;
use rustix::process::Signal;

use crate::program::{Answer, Billhook, DEMO_KEY, DEMO_LOGIN, signed, write};

const ANNA: &[(&str, &str)] = &[("email", "anna@example.com")];

#[test]
fn a_rotated_key_counts_within_a_second() {
    let shop = Billhook::demo();
    assert_eq!(shop.call(DEMO_LOGIN, DEMO_KEY, "GetBills", ANNA).code(), 0);
    let rotate = |more: &[&str]| {
        let printed = shop.run(&[&["account", "rotate-key", DEMO_LOGIN], more].concat());
        printed.lines().find_map(|line| line.strip_prefix("key: ")).unwrap().to_owned()
    };
    let fresh = &rotate(&["--keep-old", "10"]);
    let took = until(|| shop.call(DEMO_LOGIN, fresh, "GetBills", ANNA).code() == 0);
    assert!(took < Duration::from_secs(1), "{took:?}");
    // The old key still works, and signs its holder's answers. The new one signs all others.
    let old = shop.call(DEMO_LOGIN, DEMO_KEY, "GetBills", ANNA);
    assert_eq!(old.code(), 0);
    old.checked(Some(DEMO_KEY));
    shop.call(DEMO_LOGIN, fresh, "GetBills", ANNA).checked(Some(fresh));
    shop.call(DEMO_LOGIN, "wrong-key", "GetBills", ANNA).checked(Some(fresh));

    let last = &rotate(&[]);
    until(|| shop.call(DEMO_LOGIN, last, "GetBills", ANNA).code() == 0);
    assert_eq!(shop.call(DEMO_LOGIN, fresh, "GetBills", ANNA).code(), 4);
    assert_eq!(shop.call(DEMO_LOGIN, DEMO_KEY, "GetBills", ANNA).code(), 4);
}

#[test]
fn accounts_come_and_go_within_a_second() {
    let shop = Billhook::demo();
    shop.run(&["account", "disable", DEMO_LOGIN]);
    until(|| shop.call(DEMO_LOGIN, DEMO_KEY, "GetBills", ANNA).code() == 7);
    shop.run(&["account", "enable", DEMO_LOGIN]);
    until(|| shop.call(DEMO_LOGIN, DEMO_KEY, "GetBills", ANNA).code() == 0);

    let key = "second-key-0123456789";
    assert_eq!(shop.call("second", key, "GetBills", ANNA).code(), 5);
    shop.run(&["account", "add", "second", "--key", key]);
    until(|| shop.call("second", key, "GetBills", ANNA).code() == 400);

    shop.run(&["account", "set", DEMO_LOGIN, "allow_ips=10.0.0.0/8"]);
    until(|| shop.call(DEMO_LOGIN, DEMO_KEY, "GetBills", ANNA).code() == 6);
    let denied = shop.call(DEMO_LOGIN, DEMO_KEY, "GetBills", ANNA);
    assert_eq!(denied.json()["error_text"], "Permission denied for ip 127.0.0.1");
    denied.checked(Some(DEMO_KEY));
    shop.run(&["account", "set", DEMO_LOGIN, "allow_ips="]);
    shop.run(&["account", "set", DEMO_LOGIN, "rate=5"]);
    until(|| shop.call(DEMO_LOGIN, DEMO_KEY, "GetBills", ANNA).code() == 8);
}

/// Readers keep their read transaction open until something is committed. So the very next request after a
/// command must see its commit, under load and at rest.
#[test]
fn what_an_import_wrote_is_in_the_next_answer() {
    /// Ends the load, even if the test fails.
    struct End<'a>(&'a AtomicBool);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let shop = Billhook::demo();
    let done = AtomicBool::new(false);
    let ask = |email: &str| {
        shop.call(DEMO_LOGIN, DEMO_KEY, "GetBills", &[("email", email), ("pay_status", "paid")])
    };
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(ask("anna@example.com").code(), 0);
                }
            });
        }
        let mut load = Some(End(&done));
        let import = |text: &str| {
            let file = write(shop.place(), "more.jsonl", text);
            shop.run(&["import", "--account", DEMO_LOGIN, file.to_str().unwrap()]);
        };
        for id in 700_001..700_013 {
            let email = format!("customer{id}@example.com");
            let order = |status: &str| {
                format!(
                    r#"{{"id":{id},"email":"{email}","pay_status":"{status}","items":[{{"id":7,"good_name":"book"}}]}}"#
                )
            };
            assert_eq!(ask(&email).code(), 400, "{id}");
            import(&order("waiting"));
            assert_eq!(ask(&email).code(), 400, "{id}");
            import(&order("paid"));
            assert_eq!(ask(&email).json()["result"][id.to_string()]["7"]["good_name"], "book", "{id}");
            if id == 700_006 {
                load = None;
            }
        }
        drop(load);
    });
}

/// A caller who is refused again and again gets a few log lines, then a count.
#[test]
fn refused_calls_do_not_fill_the_log() {
    const CALLS: u64 = 1000;
    let shop = Billhook::start(&["--demo", "--log-format", "json"]);
    let request = |connection| {
        format!("GET /api/made/up HTTP/1.1\r\nHost: nobody.localhost\r\nConnection: {connection}\r\n\r\n")
    };
    for _ in 0..CALLS / 100 {
        let mut stream = TcpStream::connect(shop.http()).unwrap();
        stream.write_all((request("keep-alive").repeat(99) + &request("close")).as_bytes()).unwrap();
        let mut answers = String::new();
        stream.read_to_string(&mut answers).unwrap();
        assert_eq!(answers.matches("HTTP/1.1 405").count(), 100);
    }
    let lines = || -> Vec<serde_json::Value> {
        shop.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    let counted = |lines: &[serde_json::Value]| {
        let told = lines.iter().filter(|line| line["status"] == 405).count() as u64;
        let left_out: u64 = lines
            .iter()
            .filter_map(|line| line["fields"].get("lines").or(line.get("lines")))
            .filter_map(serde_json::Value::as_u64)
            .sum();
        (told, left_out)
    };
    until(|| {
        let (told, left_out) = counted(&lines());
        told + left_out == CALLS
    });
    let (told, left_out) = counted(&lines());
    assert!(told >= 100 && left_out > 0, "{told} lines, {left_out} left out");
    // A served call gets its line.
    let good = shop.call(DEMO_LOGIN, DEMO_KEY, "GetBills", ANNA);
    until(|| shop.log().contains(good.header("x-request-id").unwrap()));
}

#[test]
fn the_log_has_a_line_a_request_and_no_secrets() {
    let shop = Billhook::start(&["--demo", "--log-level", "debug", "--log-format", "json"]);
    let good = shop.call(DEMO_LOGIN, DEMO_KEY, "GetBills", ANNA);
    let body = signed(DEMO_LOGIN, "another-key-of-40-characters-another-key", ANNA);
    let bad = shop.post("username.localhost", "GetBills", &body);
    let keyed =
        shop.post("username.localhost", "GetBills", &format!("email=anna%40example.com&rpsKey={DEMO_KEY}"));
    let hash = body.rsplit_once('=').unwrap().1;
    for (answer, code) in [(&good, 0), (&bad, 4), (&keyed, 0)] {
        let id = answer.header("x-request-id").unwrap();
        let is_access = |line: &&str| line.contains(id) && line.contains("billhook::access");
        until(|| shop.log().lines().any(|line| is_access(&line)));
        let log = shop.log();
        let line = log.lines().find(is_access).unwrap();
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["account"], DEMO_LOGIN);
        assert_eq!(line["code"], code);
        assert_eq!(line["method"], "GetBills");
        assert!(line["ms"].is_number() && line["bytes"].is_number(), "{line}");
    }
    // Text that a caller made up is not logged.
    let nobody = shop.send("GET /api/made/up HTTP/1.1", "Host: nobody.localhost\r\n", b"");
    let id = nobody.header("x-request-id").unwrap();
    until(|| shop.log().contains(id));
    let log = shop.log();
    let line = log.lines().find(|line| line.contains(id)).unwrap();
    assert!(line.contains(r#""account":"-""#) && line.contains(r#""status":405"#), "{line}");
    assert!(!log.contains("made/up") && !log.contains("nobody"), "{log}");
    let right = signed(DEMO_LOGIN, DEMO_KEY, ANNA);
    let right = right.rsplit_once('=').unwrap().1;
    for secret in [
        DEMO_KEY,
        hash,
        right,
        &hash[..7],
        &right[..7],
        "another-key",
        "anna@example.com",
        "anna%40example.com",
    ] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    // At debug level the log names the likely mistake, with six digits of each hash.
    assert!(log.contains(&hash[..6]) && log.contains(&right[..6]), "{log}");
}

#[test]
fn health_is_told_apart() {
    let shop = Billhook::demo();
    shop.call(DEMO_LOGIN, DEMO_KEY, "GetBills", ANNA);
    assert_eq!(shop.admin("/healthz").status, 200);
    assert_eq!(shop.admin("/readyz").status, 200);
    let metrics = shop.admin("/metrics");
    assert_eq!(metrics.status, 200);
    assert!(metrics.body.contains("GetBills"), "{}", metrics.body);
    assert_eq!(shop.admin("/other").status, 404);
    // The API's listener does not answer these paths.
    let outside = shop.send("GET /metrics HTTP/1.1", "Host: username.localhost\r\n", b"");
    assert_eq!(outside.status, 404);
}

#[test]
fn a_stop_finishes_what_has_begun() {
    let mut shop = Billhook::demo();
    let body = signed(DEMO_LOGIN, DEMO_KEY, ANNA);
    let idle = TcpStream::connect(shop.http()).unwrap();
    let mut begun = TcpStream::connect(shop.http()).unwrap();
    write!(
        begun,
        "POST /api/GetBills HTTP/1.1\r\nHost: username.localhost\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .unwrap();
    let (first, rest) = body.as_bytes().split_at(10);
    begun.write_all(first).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    shop.signal(Signal::TERM);
    std::thread::sleep(Duration::from_millis(300));
    assert!(TcpStream::connect(shop.http()).is_err(), "still listening");
    begun.write_all(rest).unwrap();
    let answer = Answer::read(&mut begun).unwrap();
    assert_eq!(answer.code(), 0);
    drop(idle);
    assert_eq!(shop.wait(Duration::from_secs(3)), Some(0));
    // The line is in the log, although lines are written in batches.
    assert!(shop.log().contains(answer.header("x-request-id").unwrap()), "{}", shop.log());
}

#[test]
fn idle_connections_do_not_hold_a_stop_up() {
    let mut shop = Billhook::demo();
    let connections: Vec<_> = (0..50)
        .map(|n| {
            let mut stream = TcpStream::connect(shop.http()).unwrap();
            if n % 2 == 0 {
                let body = signed(DEMO_LOGIN, DEMO_KEY, ANNA);
                write!(stream, "POST /api/GetBills HTTP/1.1\r\nHost: username.localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
                assert_eq!(Answer::read(&mut stream).unwrap().code(), 0);
            }
            stream
        })
        .collect();
    shop.signal(Signal::INT);
    assert_eq!(shop.wait(Duration::from_secs(2)), Some(0));
    drop(connections);
}

/// An account that gets the public key while the server is reachable from outside is not served.
#[test]
fn a_public_key_that_comes_later_is_not_served_to_strangers() {
    let shop = Billhook::start(&["--listen", "0.0.0.0:0"]);
    shop.run(&["account", "add", "open", "--key", DEMO_KEY]);
    until(|| shop.call("open", DEMO_KEY, "GetBills", ANNA).code() == 7);
    shop.run(&["account", "rotate-key", "open"]);
    until(|| shop.call("open", DEMO_KEY, "GetBills", ANNA).code() == 4);
}

#[test]
fn a_public_key_is_served_on_loopback_only() {
    let place = tempfile::tempdir().unwrap();
    let output = crate::program::run(place.path(), &["serve", "--demo", "--listen", "0.0.0.0:0"]);
    assert_eq!(output.status, Some(1));
    let text = output.stderr;
    assert!(text.contains("127.0.0.1 only") && text.lines().count() == 1, "{text}");
}
