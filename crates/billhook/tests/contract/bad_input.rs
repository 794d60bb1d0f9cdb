//! Everything that parses as HTTP gets an answer of the protocol: never a dropped connection, never a 500.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::program::{Answer, Billhook, DEMO_KEY, DEMO_LOGIN, signed};

const HOST: &str = "Host: username.localhost\r\n";

fn raw(shop: &Billhook, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(shop.http()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(request).unwrap();
    Answer::read(&mut stream).unwrap()
}

#[test]
fn odd_bodies() {
    let shop = Billhook::demo();
    let many = |pairs: usize| (0..pairs).map(|n| format!("a{n}=1")).collect::<Vec<_>>().join("&");
    let deep = |levels: usize| format!("a{}=1&email=anna%40example.com", "[b]".repeat(levels));
    for (body, code) in [
        ("%".to_owned(), 1),
        ("%zz=%4&email=anna%40example.com".to_owned(), 1),
        ("email=%ff%fe&hash=0".to_owned(), 4),
        ("a%00b=1&hash=%00".to_owned(), 4),
        ("hash[a][b]=1".to_owned(), 4),
        ("[=1&]=2&a[=3&=4".to_owned(), 1),
        (many(1001), 3),
        (deep(65), 3),
        (format!("a{}=1&x=1", "[".repeat(500_000)), 1),
        ("=".repeat(100_000), 2),
        ("a=1;b=2".to_owned(), 1),
    ] {
        let answer = shop.post("username.localhost", "GetBills", &body);
        answer.checked(Some(DEMO_KEY));
        assert_eq!((answer.status, answer.code()), (200, code), "{body:.80}");
    }
    // Signed, but with bytes that are not UTF-8 or hold NUL.
    for email in ["%FF%FE@example.com", "a%00@example.com"] {
        let query = format!("email={email}");
        let hash = billhook_wire::signature::request(
            query.as_bytes(),
            &billhook_wire::Login::parse(DEMO_LOGIN).unwrap(),
            &billhook_wire::Key::parse(DEMO_KEY).unwrap(),
        );
        let body = format!("{query}&hash={}", String::from_utf8_lossy(&hash));
        assert_eq!(shop.post("username.localhost", "GetBills", &body).code(), 3, "{email}");
    }
    // Such bytes in an unknown parameter do no harm.
    assert_eq!(
        shop.call(DEMO_LOGIN, DEMO_KEY, "GetBills", &[("email", "anna@example.com"), ("x[]", "\u{7f}\0")])
            .code(),
        0
    );
}

#[test]
fn content_types() {
    let shop = Billhook::demo();
    let form = signed(DEMO_LOGIN, DEMO_KEY, &[("email", "anna@example.com")]);
    let hash = form.rsplit_once('=').unwrap().1;
    let part = |name: &str, value: &str| {
        format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let multipart = format!("{}{}--X--\r\n", part("email", "anna@example.com"), part("hash", hash));
    for (content_type, body, code) in [
        ("application/x-www-form-urlencoded; charset=windows-1251", &form, 0),
        ("APPLICATION/X-WWW-FORM-URLENCODED", &form, 0),
        ("text/plain", &form, 0),
        ("multipart/form-data; boundary=X", &multipart, 0),
        ("multipart/form-data; boundary=Y", &multipart, 2),
        ("multipart/form-data", &multipart, 2),
        ("application/json", &form, 2),
        ("application/octet-stream", &form, 2),
    ] {
        let head = format!("{HOST}Content-Type: {content_type}\r\n");
        let answer = shop.send("POST /api/GetBills HTTP/1.1", &head, body.as_bytes());
        answer.checked(Some(DEMO_KEY));
        assert_eq!((answer.status, answer.code()), (200, code), "{content_type}");
    }
    assert_eq!(shop.send("POST /api/GetBills HTTP/1.1", HOST, form.as_bytes()).code(), 0);
}

#[test]
fn methods_and_paths() {
    let shop = Billhook::demo();
    let form = signed(DEMO_LOGIN, DEMO_KEY, &[("email", "anna@example.com")]);
    for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
        let answer = shop.send(&format!("{method} /api/GetBills HTTP/1.1"), HOST, b"");
        answer.checked(Some(DEMO_KEY));
        assert_eq!(
            (answer.status, answer.code(), answer.header("allow")),
            (405, 3, Some("POST")),
            "{method}"
        );
    }
    for (path, status, code) in [
        ("/api/GetBills/", 200, 0),
        ("/api/GETBILLS?a=b", 200, 0),
        ("/api/", 404, 3),
        ("/api", 404, 3),
        ("/", 404, 3),
        ("/GetBills", 404, 3),
        ("/api/GetBills/x", 404, 3),
        ("/api/..%2fGetBills", 404, 3),
    ] {
        let answer = shop.send(&format!("POST {path} HTTP/1.1"), HOST, form.as_bytes());
        answer.checked(Some(DEMO_KEY));
        assert_eq!((answer.status, answer.code()), (status, code), "{path}");
    }
    // Only a verified caller learns whether a method exists.
    assert_eq!(shop.post("username.localhost", "Other", "a=1&hash=0").code(), 4);
    let unknown = shop.post("nobody.localhost", "GetBills", &form);
    assert_eq!((unknown.status, unknown.code(), unknown.header("billhook-signature")), (200, 5, None));
    assert_eq!(shop.send("GET /api/ HTTP/1.1", "Host: nobody.localhost\r\n", b"").code(), 3);
    assert_eq!(shop.send("POST /api/GetBills HTTP/1.1", "", form.as_bytes()).status, 400);
}

#[test]
fn too_much() {
    let shop = Billhook::demo();
    let big = vec![b'a'; (1 << 20) + 1];
    let answer = shop.send("POST /api/GetBills HTTP/1.1", HOST, &big);
    answer.checked(Some(DEMO_KEY));
    assert_eq!((answer.status, answer.code()), (413, 3));
    let fits = shop.send("POST /api/GetBills HTTP/1.1", HOST, &big[..1 << 20]);
    assert_eq!((fits.status, fits.code()), (200, 1));

    let mut chunked =
        format!("POST /api/GetBills HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..20 {
        chunked.extend_from_slice(b"10000\r\n");
        chunked.extend(vec![b'a'; 0x10000]);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(raw(&shop, &chunked).status, 413);

    // A client that sends `Expect` gets the refusal before it sends the body.
    let asks = format!(
        "POST /api/GetBills HTTP/1.1\r\n{HOST}Content-Length: 9000000\r\nExpect: 100-continue\r\n\r\n"
    );
    let started = Instant::now();
    assert_eq!(raw(&shop, asks.as_bytes()).status, 413);
    assert!(started.elapsed() < Duration::from_secs(3));
    assert_eq!(shop.call(DEMO_LOGIN, DEMO_KEY, "GetBills", &[("email", "anna@example.com")]).code(), 0);
}

#[test]
fn http_as_clients_send_it() {
    let shop = Billhook::demo();
    let form = signed(DEMO_LOGIN, DEMO_KEY, &[("email", "anna@example.com")]);
    // Two requests in one packet are answered in order, and the connection stays usable.
    let one = |method: &str| {
        format!("POST /api/{method} HTTP/1.1\r\n{HOST}Content-Length: {}\r\n\r\n{form}", form.len())
    };
    let mut stream = TcpStream::connect(shop.http()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(format!("{}{}", one("GetBills"), one("Other")).as_bytes()).unwrap();
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while text.matches("\"hash\"").count() < 2 {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    assert!(text.find("200 OK").unwrap() < text.find("404 Not Found").unwrap());
    stream.write_all(one("GetBills").as_bytes()).unwrap();
    assert_eq!(Answer::read(&mut stream).unwrap().code(), 0);

    // In pieces, chunked, with a pause.
    let mut stream = TcpStream::connect(shop.http()).unwrap();
    write!(stream, "POST /api/GetBills HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n").unwrap();
    for piece in form.as_bytes().chunks(7) {
        write!(stream, "{:x}\r\n", piece.len()).unwrap();
        stream.write_all(piece).unwrap();
        stream.write_all(b"\r\n").unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    assert_eq!(Answer::read(&mut stream).unwrap().code(), 0);

    // Half-closed behind its request: it still gets its answer.
    let mut stream = TcpStream::connect(shop.http()).unwrap();
    stream.write_all(one("GetBills").as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(Answer::read(&mut stream).unwrap().code(), 0);

    // No HTTP: a bare 400.
    assert_eq!(raw(&shop, b"HELLO\r\n\r\n").status, 400);
    assert_eq!(shop.call(DEMO_LOGIN, DEMO_KEY, "GetBills", &[("email", "anna@example.com")]).code(), 0);
}

/// Slow and silent clients, and those that do not read, hold up nobody and are dropped in time.
#[test]
fn clients_that_stall() {
    let shop = Billhook::start(&[
        "--demo",
        "--header-timeout",
        "1",
        "--body-timeout",
        "1",
        "--idle-timeout",
        "1",
        "--write-timeout",
        "1",
    ]);
    let connect = || {
        let stream = TcpStream::connect(shop.http()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    };
    let mut head = connect();
    head.write_all(b"POST /api/GetBills HT").unwrap();
    let mut body = connect();
    write!(body, "POST /api/GetBills HTTP/1.1\r\n{HOST}Content-Length: 100\r\n\r\nemail=").unwrap();
    let mut silent = connect();
    let started = Instant::now();
    for _ in 0..50 {
        assert_eq!(shop.call(DEMO_LOGIN, DEMO_KEY, "GetBills", &[("email", "anna@example.com")]).code(), 0);
    }
    assert!(started.elapsed() < Duration::from_secs(3));
    let mut rest = Vec::new();
    for stalled in [&mut head, &mut silent] {
        // With or without an answer, the connection must end.
        stalled.read_to_end(&mut rest).unwrap_or_else(|error| panic!("not dropped: {error}"));
    }
    let answer = Answer::read(&mut body).unwrap();
    assert_eq!(answer.code(), 3);
}
