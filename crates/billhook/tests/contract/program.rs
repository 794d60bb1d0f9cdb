//! The program under test, and a plain HTTP client that sends exactly what it is told.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use billhook_postgres_cluster::Cluster;
use billhook_wire::{Key, Login, query, signature};
use expect_test::Expect;

/// The login of `--demo`.
pub(crate) const DEMO_LOGIN: &str = "username";
/// The key of `--demo`.
pub(crate) const DEMO_KEY: &str = "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX";

/// A running server, its data in a folder of its own. Dropped, it is killed and leaves nothing behind.
pub(crate) struct Billhook {
    child: Child,
    place: tempfile::TempDir,
    http: SocketAddr,
    https: Option<SocketAddr>,
    admin: Option<SocketAddr>,
}

/// An answer, as it came over the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Billhook {
    /// Starts a server with demo data.
    pub(crate) fn demo() -> Self {
        Self::start(&["--demo"])
    }

    /// Starts a server over an empty folder.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_over(tempfile::tempdir().unwrap(), arguments)
    }

    /// Starts a server over a folder that other commands have filled.
    pub(crate) fn start_over(place: tempfile::TempDir, arguments: &[&str]) -> Self {
        let command = program(place.path());
        Self::start_command(command, place, arguments)
    }

    /// Starts a server by a command line of the caller's.
    pub(crate) fn start_command(mut command: Command, place: tempfile::TempDir, arguments: &[&str]) -> Self {
        let log = File::create(place.path().join("log")).unwrap();
        let mut child = command
            .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut billhook =
            Self { child, place, http: SocketAddr::from(([0, 0, 0, 0], 0)), https: None, admin: None };
        while billhook.http.port() == 0 || billhook.admin.is_none() {
            let Some(line) = lines.next() else {
                panic!("the server did not start: {}", billhook.log());
            };
            let line = line.unwrap();
            let address = |scheme: &str| line.split_once(scheme).and_then(|(_, rest)| rest.parse().ok());
            if line.starts_with("admin") {
                billhook.admin = address("http://");
            } else if let Some(address) = address("https://") {
                billhook.https = Some(address);
            } else if let Some(address) = address("http://") {
                billhook.http = address;
            }
        }
        // Whatever else it prints must find a reader.
        std::thread::spawn(move || lines.for_each(drop));
        billhook
    }

    /// The address of the plain HTTP listener.
    pub(crate) fn http(&self) -> SocketAddr {
        self.http
    }

    /// The address of the TLS listener.
    pub(crate) fn https(&self) -> SocketAddr {
        self.https.expect("started without TLS")
    }

    /// The folder that holds data and log.
    pub(crate) fn place(&self) -> &Path {
        self.place.path()
    }

    /// The server's process.
    pub(crate) fn process(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    /// All that the server has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.place.path().join("log")).unwrap()
    }

    /// Runs another command of the program over the same data, and expects it to succeed.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        succeed(self.place.path(), arguments)
    }

    /// Sends a form, signed for an account, to its host.
    pub(crate) fn call(&self, login: &str, key: &str, method: &str, form: &[(&str, &str)]) -> Answer {
        self.post(&format!("{login}.localhost"), method, &signed(login, key, form))
    }

    /// Sends a body to a method of a host.
    pub(crate) fn post(&self, host: &str, method: &str, body: &str) -> Answer {
        self.post_with("", host, method, body)
    }

    /// The same with more of a head.
    pub(crate) fn post_with(&self, head: &str, host: &str, method: &str, body: &str) -> Answer {
        let head = format!("Host: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n{head}");
        self.send(&format!("POST /api/{method} HTTP/1.1"), &head, body.as_bytes())
    }

    /// Sends a request as it stands, with a Content-Length, and reads the answer to its end.
    pub(crate) fn send(&self, line: &str, head: &str, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.http).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let length = body.len();
        write!(stream, "{line}\r\n{head}Content-Length: {length}\r\nConnection: close\r\n\r\n").unwrap();
        // A server that refuses early may close before it has all.
        let _ = stream.write_all(body);
        read_answer(&mut stream)
    }

    /// Asks the admin listener.
    pub(crate) fn admin(&self, path: &str) -> Answer {
        let mut stream = TcpStream::connect(self.admin.unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        read_answer(&mut stream)
    }

    /// Waits for the process to end by itself; gives its exit status.
    pub(crate) fn wait(&mut self, limit: Duration) -> Option<i32> {
        let until = Instant::now() + limit;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the server still runs after {limit:?}: {}", self.log());
    }
}

impl Drop for Billhook {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body, which must be JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The envelope's code.
    pub(crate) fn code(&self) -> i64 {
        self.json()["error_code"].as_i64().unwrap_or_else(|| panic!("no error_code: {self:?}"))
    }
}

/// Calls a method of the demo account and compares status and whole body; every signature must hold.
pub(crate) fn check(billhook: &Billhook, method: &str, form: &[(&str, &str)], expected: &Expect) {
    let answer = billhook.call(DEMO_LOGIN, DEMO_KEY, method, form);
    check_signed(&answer, DEMO_KEY);
    expected.assert_eq(&format!("{} {}", answer.status, answer.body));
}

/// Every signature of an answer holds under `key`, and its headers are as promised.
pub(crate) fn check_signed(answer: &Answer, key: &str) {
    let key = Key::parse(key).unwrap();
    let json = answer.json();
    let text = format!("{}::{}::{}", json["error_code"], json["error_text"].as_str().unwrap(), key.reveal());
    assert_eq!(json["hash"].as_str().unwrap(), md5_hex(text.as_bytes()), "{answer:?}");
    assert!(json["result"].is_array() || json["result"].is_object(), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    assert!(answer.header("x-request-id").is_some_and(|id| !id.is_empty()));
    let header = answer.header("billhook-signature").unwrap_or_else(|| panic!("not signed: {answer:?}"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let now = i64::try_from(now).unwrap();
    signature::verify_body(header, &key, answer.body.as_bytes(), now, 60).unwrap();
}

fn md5_hex(text: &[u8]) -> String {
    use md5::Digest;
    format!("{:032x}", u128::from_be_bytes(md5::Md5::digest(text).into()))
}

/// A form's body with the hash behind it.
pub(crate) fn signed(login: &str, key: &str, form: &[(&str, &str)]) -> String {
    let mut query = Vec::new();
    query::build_pairs(form.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())), &mut query);
    let hash = signature::request(&query, &Login::parse(login).unwrap(), &Key::parse(key).unwrap());
    let query = String::from_utf8(query).unwrap();
    let joint = if query.is_empty() { "" } else { "&" };
    format!("{query}{joint}hash={}", String::from_utf8_lossy(&hash))
}

/// A form's body with the key itself, as API 2.0 has it.
pub(crate) fn keyed(key: &str, form: &[(&str, &str)]) -> String {
    let mut query = Vec::new();
    let pairs = form.iter().copied().chain([("rpsKey", key)]);
    query::build_pairs(pairs.map(|(name, value)| (name.as_bytes(), value.as_bytes())), &mut query);
    String::from_utf8(query).unwrap()
}

/// The program, with its data in `place`, or in the database that a file there names.
pub(crate) fn program(place: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_billhook"));
    command.stdin(Stdio::null());
    if crate::ON_POSTGRES {
        let file = place.join(STORE_FILE);
        if !file.exists() {
            std::fs::write(&file, Cluster::shared().create_database().unwrap()).unwrap();
        }
        command.arg("--store-file").arg(file);
    } else {
        command.arg("--data").arg(place.join("data"));
    }
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("BILLHOOK_")) {
            command.env_remove(name);
        }
    }
    command
}

/// What names the database of a place.
pub(crate) const STORE_FILE: &str = "store-url";

/// Runs a command that must succeed; gives what it printed.
pub(crate) fn succeed(place: &Path, arguments: &[&str]) -> String {
    let output = run(place, arguments);
    let shown = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {shown}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command.
pub(crate) fn run(place: &Path, arguments: &[&str]) -> Output {
    program(place).args(arguments).output().unwrap()
}

/// Writes a file of the test's own.
pub(crate) fn write(place: &Path, name: &str, text: &str) -> PathBuf {
    let path = place.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Reads one answer: head and Content-Length, or to the end.
pub(crate) fn read_answer(stream: &mut impl Read) -> Answer {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "no answer, only {head:?}");
    }
    let status =
        head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{head:?}"));
    let mut answer = Answer { status, head, body: String::new() };
    match answer.header("content-length").map(|length| length.parse().unwrap()) {
        Some(length) => {
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            answer.body = String::from_utf8(body).unwrap();
        }
        None => drop(reader.read_to_string(&mut answer.body).unwrap()),
    }
    answer
}
