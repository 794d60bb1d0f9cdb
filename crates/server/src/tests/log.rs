//! What the log says about a request, and what it must never contain.

use std::{
    io,
    sync::{Arc, Mutex, OnceLock},
};

use super::{methods::test_methods, *};

/// Everything that this process has logged since the first call, at debug level.
fn log() -> Arc<Mutex<Vec<u8>>> {
    static LOG: OnceLock<Arc<Mutex<Vec<u8>>>> = OnceLock::new();
    LOG.get_or_init(|| {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Lines(lines.clone());
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_ansi(false)
            .with_writer(move || sink.clone())
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        lines
    })
    .clone()
}

#[derive(Clone)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn about(reply: &Answer) -> String {
    let id = reply.header("x-request-id").unwrap();
    let log = String::from_utf8(log().lock().unwrap().clone()).unwrap();
    log.lines().filter(|line| line.contains(id)).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_panic_is_an_error_line() {
    log();
    let server = TestServer::start_with(test_methods(), |_| {});
    assert!(about(&server.call("Panic", "")).contains("ERROR"));
}

#[test]
fn a_wrong_hash_is_explained_without_telling_secrets() {
    log();
    let server = TestServer::start(|_| {});
    let right = sign(ASK, "anna", KEY);
    let right = right.split_once("hash=").unwrap().1;
    let reply = server.send(&post("GetBills", &format!("{ASK}&hash={}", right.to_uppercase())));
    assert_eq!(reply.code(), 4);
    let lines = about(&reply);
    assert!(lines.contains("upper-case hex") && lines.contains("a…"), "{lines}");
    assert!(lines.contains(&right[..6]) && lines.contains(&right.to_uppercase()[..6]), "{lines}");
    for secret in [KEY, &right[..8], &right.to_uppercase()[..8], "anna@example", "anna%40example"] {
        assert!(!lines.contains(secret), "{secret} in {lines}");
    }
    let reply = server.send(&post("GetBills", &format!("{ASK}&rpsKey=a-wrong-secret")));
    assert!(!about(&reply).contains("a-wrong-secret"));
}

#[test]
fn a_content_type_is_logged_by_a_known_name_only() {
    log();
    let server = TestServer::start(|_| {});
    let logged = |content_type: &str| {
        let head = "POST /api/GetBills HTTP/1.1\r\nHost: anna.localhost";
        let request = format!("{head}\r\nContent-Type: {content_type}\r\nContent-Length: 2\r\n\r\n{{}}");
        about(&server.send(request.as_bytes()))
    };
    for content_type in [format!("Application/JSON; key={KEY}"), format!("text/{KEY}"), KEY.to_owned()] {
        let lines = logged(&content_type);
        assert!(lines.contains("no parameters") && !lines.contains(&KEY[..8]), "{lines}");
        let is_json = content_type.starts_with("App");
        assert!(lines.contains(if is_json { "\"application/json\"" } else { "\"another\"" }), "{lines}");
    }
}

/// An operator who migrates clients learns which methods they need. Unauthenticated callers log nothing.
#[test]
fn a_method_that_is_not_served_is_told_by_its_name() {
    log();
    let server = TestServer::start(|_| {});
    let told = |method: &str| {
        let reply = server.call(method, ASK);
        assert_eq!((reply.status, reply.code()), (404, 3), "{method}");
        about(&reply).lines().find(|line| line.contains("does not have")).map(str::to_owned)
    };
    let line = told("GetWebinars").unwrap();
    assert!(line.contains("INFO") && line.contains("account=\"anna\" method=\"GetWebinars\""), "{line}");
    assert_eq!(told("getwebinars"), None);
    let line = told("delete/from%20it").unwrap();
    assert!(line.contains("method=\"?\""), "{line}");
    // No key is logged, whatever the path contains.
    for method in [KEY, &"X".repeat(41), "a1", ""] {
        assert_eq!(told(method), None, "{method}");
    }
    let wrong = server.send(&post("GetSegments", &sign(ASK, "anna", "another-key-0123456789")));
    assert_eq!(wrong.code(), 4);
    assert!(!about(&wrong).contains("GetSegments"));
}
