//! Requests that a proxy and Billhook could split differently. Each is answered as exactly one, or refused
//! and the connection closed; bytes of one request are never taken for another. Tested alone, and behind
//! proxies that reuse connections.

mod corpus;
mod proxies;

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use crate::program::{Billhook, succeed, write};

/// The account that sends the corpus.
const ATTACKER: &str = "three";
/// The attacker's key.
const KEY: &str = "key-of-three-0123456789";
/// Longer than any of the server's time-outs in these tests.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server with accounts whose customers each have one order. The order names the account and the customer.
fn shop(accounts: &[(&str, &str)], customers: &[String]) -> Billhook {
    let place = tempfile::tempdir().unwrap();
    for (login, key) in accounts {
        succeed(place.path(), &["account", "add", login, "--key", key]);
        let lines = customers.iter().enumerate().map(|(at, customer)| {
            let (id, good) = (at + 1, at + 101);
            format!(
                r#"{{"id":{id},"email":"{customer}@example.com","items":[{{"id":{good},"good_name":"of-{login}-{customer}.","good_title":"x","sum":"1.00"}}]}}"#
            ) + "\n"
        });
        let file = write(place.path(), "orders.jsonl", &lines.collect::<String>());
        succeed(place.path(), &["import", "--account", login, file.to_str().unwrap()]);
    }
    Billhook::start_over(place, &["--body-timeout", "1", "--header-timeout", "1"])
}

/// The answers on a connection, each as its status and its customer.
fn answers(bytes: &[u8]) -> Vec<String> {
    let mut rest = bytes;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let text = String::from_utf8_lossy(rest);
        let head_end = text.find("\r\n\r\n").unwrap_or_else(|| panic!("a piece of an answer: {text:?}")) + 4;
        let head = text[..head_end].to_ascii_lowercase();
        let length: usize = head
            .split_once("\r\ncontent-length: ")
            .map_or(0, |(_, value)| value.split("\r\n").next().unwrap().parse().unwrap());
        let body = String::from_utf8_lossy(&rest[head_end..head_end + length]).into_owned();
        rest = &rest[head_end + length..];
        let status = &head[9..12];
        if status != "100" {
            found.push(format!("{status} {}", whose(&body)));
        }
    }
    found
}

/// The customer of `three` in an answer, else its code.
fn whose(body: &str) -> String {
    if let Some((_, rest)) = body.split_once("of-three-") {
        return rest.split('.').next().unwrap().to_owned();
    }
    match serde_json::from_str::<serde_json::Value>(body) {
        Ok(answer) => answer["error_code"].to_string(),
        Err(_) if body.contains("<title>") => "page".to_owned(),
        Err(_) => "-".to_owned(),
    }
}

/// Reads until the request after the case is answered, or the connection ends.
fn read_all(stream: &mut TcpStream, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut piece = [0; 16 * 1024];
    let mut is_told = false;
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return bytes,
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return bytes,
            Err(error) => {
                panic!("{name}: neither answered nor closed: {error}: {}", String::from_utf8_lossy(&bytes))
            }
        }
        if !is_told && bytes.ends_with(b"\"}") && String::from_utf8_lossy(&bytes).contains("of-three-after") {
            // Answers to anything else that the server took for a request come before the end.
            is_told = stream.shutdown(std::net::Shutdown::Write).is_ok();
        }
    }
}

/// Sends a case and the request after it, `piece` bytes at a time.
fn send(shop: &Billhook, case: &corpus::Case, piece: usize) -> Vec<String> {
    let bytes = [&case.bytes, corpus::plain("after").as_bytes()].concat();
    answers(&exchange(shop, &case.name, &bytes, piece))
}

fn exchange(shop: &Billhook, name: &str, bytes: &[u8], piece: usize) -> Vec<u8> {
    let mut stream = TcpStream::connect(shop.http()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in bytes.chunks(piece) {
        // The server may have refused it already.
        let _ = stream.write_all(piece);
        if bytes.len() > piece.len() {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    read_all(&mut stream, name)
}

#[test]
fn a_request_is_one_or_is_refused() {
    let customers = ["outer", "smuggled", "after"].map(str::to_owned);
    let shop = shop(&[(ATTACKER, KEY)], &customers);
    let cases = corpus::all();
    let mut faults = Vec::new();
    for case in &cases {
        let found = send(&shop, case, usize::MAX);
        if found != case.answers {
            faults.push(format!("{}: {found:?}, not {:?}", case.name, case.answers));
        }
    }
    assert!(faults.is_empty(), "of {} cases:\n{}", cases.len(), faults.join("\n"));
}

/// Where the bytes are split on their way makes no difference. Only a refusal may be lost, since its
/// connection is closed while more bytes arrive.
#[test]
fn pieces_make_no_difference() {
    let customers = ["outer", "smuggled", "after"].map(str::to_owned);
    let shop = shop(&[(ATTACKER, KEY)], &customers);
    let cases: Vec<_> = corpus::all().into_iter().filter(|case| case.bytes.len() < 4000).collect();
    let mut faults = Vec::new();
    for case in &cases {
        let found = send(&shop, case, 23);
        let goes_on = case.answers.last() == Some(&"200 after");
        let as_expected = if goes_on {
            found == case.answers
        } else {
            case.answers[..].iter().take(found.len()).eq(found.iter())
        };
        if !as_expected {
            faults.push(format!("{}: {found:?}, not {:?}", case.name, case.answers));
        }
    }
    assert!(faults.is_empty(), "of {} cases:\n{}", cases.len(), faults.join("\n"));
}

/// HTTP/2 needs TLS here. Its preface is refused, with or without an answer, and what follows is ignored.
#[test]
fn http_2_in_clear_is_refused() {
    let shop = shop(&[(ATTACKER, KEY)], &["after".to_owned()]);
    let bytes = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", corpus::plain("after").as_bytes()].concat();
    for piece in [usize::MAX, 23] {
        let told = answers(&exchange(&shop, "HTTP/2", &bytes, piece));
        assert!(told.is_empty() || told == ["400 -"], "{told:?}");
    }
}
