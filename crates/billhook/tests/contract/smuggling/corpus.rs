//! Requests whose end two programs could see at different places, and Billhook's answers.
//!
//! After each case comes another request, `after`. An expected answer is a status and a customer, or a code,
//! or `-` if the HTTP library refuses the request. A list without `after` means that the connection was
//! closed. Some bodies hold a whole request for `smuggled`, which is never answered.

use crate::{
    program::signed,
    smuggling::{ATTACKER, KEY},
};

pub(super) struct Case {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) answers: &'static [&'static str],
}

/// Answered as one request; the connection stays open.
const ONE: &[&str] = &["200 outer", "200 after"];
/// Answered as one request; then the connection is closed, because the next one's start is uncertain.
const ONE_AND_CLOSED: &[&str] = &["200 outer"];
/// Refused by the HTTP library.
const REFUSED: &[&str] = &["400 -"];
/// Billhook refuses the body.
const BODY_REFUSED: &[&str] = &["400 3"];
/// A request without a body, which is no call. The bytes after it are no request.
const NO_BODY: &[&str] = &["200 2", "400 -"];

const START: &str = "POST /api/GetBills HTTP/1.1\r\nHost: three.localhost\r\n";

pub(super) fn all() -> Vec<Case> {
    [lengths(), codings(), both(), chunks(), trailers(), lines(), targets(), methods()]
        .into_iter()
        .flatten()
        .collect()
}

/// A form that asks for a customer's orders.
fn form(customer: &str) -> String {
    signed(ATTACKER, KEY, &[("email", &format!("{customer}@example.com"))])
}

/// An unambiguous request.
pub(super) fn plain(customer: &str) -> String {
    let form = form(customer);
    format!("{START}Content-Length: {}\r\n\r\n{form}", form.len())
}

fn case(name: impl Into<String>, answers: &'static [&'static str], bytes: impl Into<Vec<u8>>) -> Case {
    Case { name: name.into(), bytes: bytes.into(), answers }
}

fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

fn lengths() -> Vec<Case> {
    let body = form("outer");
    let n = body.len();
    let with =
        |head: &str, answers| case(format!("{head:?}"), answers, format!("{START}{head}\r\n\r\n{body}"));
    let mut cases = Vec::new();
    for value in [
        format!("+{n}"),
        format!("-{n}"),
        format!("{n} {n}"),
        format!("{n}, {n}"),
        format!("{n},"),
        format!(",{n}"),
        format!("{n};"),
        format!("{n}.0"),
        format!("{n}\u{b}"),
        format!("0x{n:x}"),
        format!("{n}a"),
        format!("\"{n}\""),
        "1e2".to_owned(),
        "18446744073709551616".to_owned(),
        format!("1844674407370955161600000000000000000{n}"),
        String::new(),
    ] {
        cases.push(with(&format!("Content-Length: {value}"), REFUSED));
    }
    for value in [format!("  {n}  "), format!("\t{n}\t"), format!("000{n}")] {
        cases.push(with(&format!("Content-Length:{value}"), ONE));
    }
    cases.extend([
        with("Content-Length: 18446744073709551615", &["431 -"]),
        with(&format!("Content-Length: {n}\r\nContent-Length: {n}"), ONE),
        with(&format!("Content-Length: {n}\r\nContent-Length: 0"), REFUSED),
        with(&format!("Content-Length: 0\r\nContent-Length: {n}"), REFUSED),
        with(&format!("content-length: {n}\r\nCONTENT-LENGTH: {}", n + 1), REFUSED),
        with(&format!("Content-Length : {n}"), REFUSED),
        with(&format!("Content_Length: {n}"), NO_BODY),
        with("X: y", NO_BODY),
    ]);
    let inner = format!("{body}&x={}", plain("smuggled"));
    cases.push(case(
        "a request within a body",
        &["200 4", "200 after"],
        format!("{START}Content-Length: {}\r\n\r\n{inner}", inner.len()),
    ));
    cases.push(case(
        "a body longer than its length",
        &["200 outer", "400 -"],
        format!("{START}Content-Length: {n}\r\n\r\n{body}&more=1"),
    ));
    cases
}

fn codings() -> Vec<Case> {
    let body = format!("{}0\r\n\r\n", chunk(&form("outer")));
    let with =
        |head: &str, answers| case(format!("{head:?}"), answers, format!("{START}{head}\r\n\r\n{body}"));
    let mut cases = Vec::new();
    for value in ["chunked", "Chunked", "CHUNKED", "\tchunked\t", "gzip, chunked", ", chunked"] {
        cases.push(with(&format!("Transfer-Encoding:{value}"), ONE));
    }
    for value in [
        "xchunked",
        "chunkedx",
        "chunked chunked",
        "chunked, identity",
        "chunked,",
        "chunked;q=1",
        "\"chunked\"",
        "chunked\u{b}",
        "\u{b}chunked",
        "chunked\0",
        "chu nked",
        "identity",
        "gzip",
        "",
    ] {
        cases.push(with(&format!("Transfer-Encoding: {value}"), REFUSED));
    }
    cases.extend([
        with("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", ONE),
        with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", ONE),
        with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", REFUSED),
        with("Transfer-Encoding : chunked", REFUSED),
        with(" Transfer-Encoding: chunked", REFUSED),
        with("Transfer-Encoding:\r\n chunked", REFUSED),
        with("X: y\r\n\tTransfer-Encoding: chunked", REFUSED),
        with("X: y\rTransfer-Encoding: chunked", REFUSED),
        with("X: y\nTransfer-Encoding: chunked", ONE),
        with("Transfer_Encoding: chunked", NO_BODY),
        with("Transfer-Encoding: chunked\r\nConnection: Transfer-Encoding", ONE),
    ]);
    let old = START.replace("HTTP/1.1", "HTTP/1.0");
    cases.push(case("chunks in HTTP/1.0", REFUSED, format!("{old}Transfer-Encoding: chunked\r\n\r\n{body}")));
    cases
}

/// Both a length and chunks: the chunks count, and the connection is closed.
fn both() -> Vec<Case> {
    let outer = format!("{}0\r\n\r\n", chunk(&form("outer")));
    let behind_the_end = format!("0\r\n\r\n{}", plain("smuggled"));
    let within = format!("{}0\r\n\r\n", chunk(&plain("smuggled")));
    let mut cases = Vec::new();
    for (name, body, length, answers) in [
        ("the length is that of all", &outer, outer.len(), ONE_AND_CLOSED),
        ("the length is 0", &outer, 0, ONE_AND_CLOSED),
        ("the length goes beyond the last chunk", &behind_the_end, behind_the_end.len(), &["200 2"]),
        ("the length ends before the chunk's data", &within, within.find("POST").unwrap_or(0), &["200 4"]),
    ] {
        let (length, coding) = (format!("Content-Length: {length}"), "Transfer-Encoding: chunked");
        cases.push(case(name, answers, format!("{START}{length}\r\n{coding}\r\n\r\n{body}")));
        cases.push(case(
            format!("{name}, and stands behind the coding"),
            answers,
            format!("{START}{coding}\r\n{length}\r\n\r\n{body}"),
        ));
    }
    cases.push(case(
        "a length that is none, before the coding",
        REFUSED,
        format!("{START}Content-Length: +5\r\nTransfer-Encoding: chunked\r\n\r\n{outer}"),
    ));
    cases.push(case(
        "a length, and a coding that is none",
        REFUSED,
        format!("{START}Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n\r\n{outer}"),
    ));
    cases
}

fn chunks() -> Vec<Case> {
    let data = form("outer");
    let n = data.len();
    let with = |body: &str, answers| {
        let name = format!("{:.60}", format!("chunks {body:?}"));
        case(name, answers, format!("{START}Transfer-Encoding: chunked\r\n\r\n{body}"))
    };
    let sized = |size: &str, answers| with(&format!("{size}\r\n{data}\r\n0\r\n\r\n"), answers);
    let mut cases = Vec::new();
    for size in [
        format!("{n:x};a=b"),
        format!("{n:x};a=\"b\";c"),
        format!("{n:x} ;a"),
        format!("{n:x}  "),
        format!("{n:X}"),
        format!("0000000{n:x}"),
    ] {
        cases.push(sized(&size, ONE));
    }
    for size in [
        format!("+{n:x}"),
        format!("-{n:x}"),
        format!("0x{n:x}"),
        format!(" {n:x}"),
        format!("{n:x},"),
        format!("{n:x} {n:x}"),
        format!("{n:x}.0"),
        format!("{n:x}\0"),
        format!("{n:x}\u{b}"),
        format!("{n:x};a\n"),
        format!("{n:x};a\rb"),
        format!("\"{n:x}\""),
        format!("{:x}", n - 1),
        format!("{:x}", n + 1),
        format!("1000000000000000{n:02x}"),
        "fffffffffffffffff".to_owned(),
        // These two lengths are valid, but the data does not come in time.
        "ffffffffffffffff".to_owned(),
        "fffff".to_owned(),
        String::new(),
    ] {
        cases.push(sized(&size, BODY_REFUSED));
    }
    cases.extend([
        with(&format!("{n:x}\n{data}\r\n0\r\n\r\n"), BODY_REFUSED),
        with(&format!("{n:x}\r\n{data}\n0\r\n\r\n"), BODY_REFUSED),
        with(&format!("{n:x}\r\n{data}0\r\n\r\n"), BODY_REFUSED),
        with(&format!("{n:x}\r\n{data}\r\n0\n\r\n"), BODY_REFUSED),
        with(&format!("{n:x}\r\n{data}\r\n00;a=b\r\n\r\n"), ONE),
    ]);
    cases
}

fn trailers() -> Vec<Case> {
    let body = chunk(&form("outer"));
    let with = |trailers: &str, answers| {
        let bytes = format!("{START}Transfer-Encoding: chunked\r\n\r\n{body}0\r\n{trailers}");
        case(format!("{:.60}", format!("trailers {trailers:?}")), answers, bytes)
    };
    vec![
        with("X: y\r\n\r\n", ONE_AND_CLOSED),
        with("Content-Length: 5\r\nTransfer-Encoding: identity\r\n\r\n", ONE_AND_CLOSED),
        with("Host: one.localhost\r\nConnection: keep-alive\r\n\r\n", ONE_AND_CLOSED),
        with("no colon\r\n\r\n", BODY_REFUSED),
        with(" X: y\r\n\r\n", BODY_REFUSED),
        with("X : y\r\n\r\n", BODY_REFUSED),
        with(&format!("X: {}\r\n\r\n", "y".repeat(40_000)), BODY_REFUSED),
        with(&"X: y\r\n".repeat(200), BODY_REFUSED),
        // The next request would be trailers, and its request line is no valid one.
        with("", BODY_REFUSED),
        // Some programs end the trailers at the line feed. hyper takes the next head for trailers.
        with("\n", ONE_AND_CLOSED),
    ]
}

fn lines() -> Vec<Case> {
    let body = form("outer");
    let n = body.len();
    let start = |line: &str| format!("{line}\r\nHost: three.localhost\r\nContent-Length: {n}\r\n\r\n{body}");
    let with =
        |head: &str, answers| case(format!("{head:?}"), answers, format!("{START}{head}\r\n\r\n{body}"));
    let good = plain("outer");
    let mut cases = Vec::new();
    for line in [
        "POST  /api/GetBills HTTP/1.1",
        "POST /api/GetBills  HTTP/1.1",
        "POST\t/api/GetBills\tHTTP/1.1",
        "POST /api/GetBills HTTP/1.1 x",
        "POST /api/Get Bills HTTP/1.1",
        "POST /api/GetBills",
        "POST /api/GetBills http/1.1",
        "POST /api/GetBills HTTP/1.2",
        "POST /api/GetBills HTTP/2.0",
        "POST /api/GetBills HTTP/01.1",
        "POST /api/GetBills\0 HTTP/1.1",
        " POST /api/GetBills HTTP/1.1",
    ] {
        cases.push(case(format!("{line:?}"), REFUSED, start(line)));
    }
    cases.extend([
        case("empty lines before it", ONE, format!("\r\n\r\n{good}")),
        case("a line feed before it", ONE, format!("\n{good}")),
        case("line feeds alone", ONE, good.replace("\r\n", "\n")),
        case("carriage returns alone", REFUSED, good.replace("\r\n", "\r")),
        with(&format!("X: a\nContent-Length: {n}"), ONE),
        with(&format!("X: a\rContent-Length: {n}"), REFUSED),
        with(&format!("X: a\0\r\nContent-Length: {n}"), REFUSED),
        with(&format!("X: a\r\n Content-Length: {n}"), REFUSED),
        with(&format!("Content-Length:\r\n {n}"), REFUSED),
        with(&format!("no colon\r\nContent-Length: {n}"), REFUSED),
        with(&format!(": no name\r\nContent-Length: {n}"), REFUSED),
        with(&format!("X-\u{e9}: a\r\nContent-Length: {n}"), REFUSED),
        with(&format!("Content-Length: {n}\r\nConnection: Content-Length"), ONE),
        with(&format!("Content-Length: {n}\r\nConnection: close, Host"), ONE_AND_CLOSED),
        with(&format!("Content-Length: {n}\r\nExpect: 100-continue"), ONE),
        with(&format!("{}Content-Length: {n}", "X: y\r\n".repeat(150)), &["431 -"]),
    ]);
    cases
}

/// The host does not change where a request ends. Two hosts are refused, and the connection stays open.
fn targets() -> Vec<Case> {
    let body = form("outer");
    let n = body.len();
    let with = |start: &str, answers| {
        case(format!("{start:?}"), answers, format!("{start}\r\nContent-Length: {n}\r\n\r\n{body}"))
    };
    let refused = &["400 3", "200 after"];
    vec![
        with("POST http://three.localhost/api/GetBills HTTP/1.1\r\nHost: three.localhost", ONE),
        with("POST http://three.localhost/api/GetBills HTTP/1.1\r\nHost: one.localhost", refused),
        with("POST http://one.localhost/api/GetBills HTTP/1.1\r\nHost: three.localhost", refused),
        with(
            "POST http://three.localhost@one.localhost/api/GetBills HTTP/1.1\r\nHost: three.localhost",
            refused,
        ),
        with("POST /api/GetBills HTTP/1.1\r\nHost: three.localhost\r\nHost: three.localhost", refused),
        with("POST /api/GetBills HTTP/1.1\r\nHost: three.localhost\r\nHost: one.localhost", refused),
        with("POST /api/GetBills HTTP/1.1\r\nHost: three.localhost, one.localhost", refused),
        with("POST /api/GetBills HTTP/1.1\r\nHost: three.localhost/api", refused),
        with(
            "POST /api/GetBills%0d%0aHost:%20one.localhost HTTP/1.1\r\nHost: three.localhost",
            &["404 3", "200 after"],
        ),
        with("POST api/GetBills HTTP/1.1\r\nHost: three.localhost", REFUSED),
    ]
}

/// Methods that need no body, and unknown ones: a body is read all the same.
fn methods() -> Vec<Case> {
    let inner = plain("smuggled");
    let n = inner.len();
    let mut cases: Vec<_> =
        ["GET /docs", "GET /api/GetBills", "DELETE /api/GetBills", "TRACE /api/GetBills", "OPTIONS *"]
            .into_iter()
            .map(|line| {
                let answers: &[&str] =
                    if line == "GET /docs" { &["200 page", "200 after"] } else { &["405 3", "200 after"] };
                let head = format!("{line} HTTP/1.1\r\nHost: three.localhost\r\nContent-Length: {n}");
                case(line, answers, format!("{head}\r\n\r\n{inner}"))
            })
            .collect();
    cases.extend([
        case(
            "CONNECT",
            &["405 3", "200 after"],
            format!("CONNECT three.localhost:80 HTTP/1.1\r\nHost: three.localhost\r\nContent-Length: {n}\r\n\r\n{inner}"),
        ),
        case(
            "an upgrade to HTTP/2",
            ONE,
            plain("outer").replacen("Content", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nContent", 1),
        ),
    ]);
    cases
}
