//! The program under test, with its data in the test's own folder or database.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

pub(crate) use billhook_test_kit::http::{Answer, keyed, signed};
use billhook_test_kit::{Cluster, Done, Running, command, http};
use expect_test::Expect;
use rustix::process::Signal;

/// The login of `--demo`.
pub(crate) const DEMO_LOGIN: &str = "username";
/// The key of `--demo`.
pub(crate) const DEMO_KEY: &str = "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX";
/// The file with the URL of a place's database.
pub(crate) const STORE_FILE: &str = "store-url";

const COMMAND_MAX: Duration = Duration::from_mins(2);

/// A running server with its data in its own folder. Drop kills it and removes the folder.
pub(crate) struct Billhook {
    server: Running,
    place: tempfile::TempDir,
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

    /// Starts a server on a folder that other commands have filled.
    pub(crate) fn start_over(place: tempfile::TempDir, arguments: &[&str]) -> Self {
        let command = program(place.path());
        Self::start_command(command, place, arguments)
    }

    /// Starts a server with the caller's command line.
    pub(crate) fn start_command(mut command: Command, place: tempfile::TempDir, arguments: &[&str]) -> Self {
        command.args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]).args(arguments);
        let listens = |argument: &&&str| matches!(**argument, "--listen" | "--tls-listen");
        let addresses = 2 + arguments.iter().filter(listens).count();
        let server = Running::start(command, &place.path().join("log"), addresses).unwrap();
        Self { server, place }
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.server.address().unwrap()
    }

    pub(crate) fn https(&self) -> SocketAddr {
        self.server.https.expect("started without TLS")
    }

    /// Ends it with a signal, and starts another on the same data.
    pub(crate) fn restarted(self, signal: Signal, arguments: &[&str]) -> Self {
        let Self { mut server, place } = self;
        server.signal(signal).unwrap();
        server.wait(COMMAND_MAX).unwrap();
        Self::start_over(place, arguments)
    }

    /// The folder that holds data and log.
    pub(crate) fn place(&self) -> &Path {
        self.place.path()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.server.signal(signal).unwrap();
    }

    pub(crate) fn log(&self) -> String {
        self.server.log().unwrap()
    }

    /// Runs another command on the same data, which must succeed.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        succeed(self.place.path(), arguments)
    }

    /// Sends a signed form to an account's host.
    pub(crate) fn call(&self, login: &str, key: &str, method: &str, form: &[(&str, &str)]) -> Answer {
        self.post(&format!("{login}.localhost"), method, &signed(login, key, form))
    }

    pub(crate) fn post(&self, host: &str, method: &str, body: &str) -> Answer {
        self.post_with("", host, method, body)
    }

    /// The same with more headers.
    pub(crate) fn post_with(&self, head: &str, host: &str, method: &str, body: &str) -> Answer {
        let head = format!("Host: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n{head}");
        self.send(&format!("POST /api/{method} HTTP/1.1"), &head, body.as_bytes())
    }

    /// Sends a request line and headers as they are, with a Content-Length, and reads the whole answer.
    pub(crate) fn send(&self, line: &str, head: &str, body: &[u8]) -> Answer {
        let length = body.len();
        let head = format!("{line}\r\n{head}Content-Length: {length}\r\nConnection: close\r\n\r\n");
        ask(self.http(), &[head.as_bytes(), body].concat())
    }

    /// Asks the admin listener.
    pub(crate) fn admin(&self, path: &str) -> Answer {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        ask(self.server.admin.unwrap(), request.as_bytes())
    }

    /// Waits until the process ends by itself. Returns the exit status.
    pub(crate) fn wait(&mut self, limit: Duration) -> Option<i32> {
        self.server.wait(limit).unwrap()
    }
}

/// Sends bytes on a new connection, and reads one answer.
pub(crate) fn ask(server: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = http::connect(server).unwrap();
    // A server that refuses early may close before it has read everything.
    let _ = std::io::Write::write_all(&mut stream, request);
    Answer::read(&mut stream).unwrap()
}

/// Calls a method of the demo account, and compares status and whole body. Every signature must be right.
pub(crate) fn check(billhook: &Billhook, method: &str, form: &[(&str, &str)], expected: &Expect) {
    let answer = billhook.call(DEMO_LOGIN, DEMO_KEY, method, form);
    answer.checked(Some(DEMO_KEY));
    expected.assert_eq(&format!("{} {}", answer.status, answer.body));
}

/// The program, with its data in `place`, or in the database that a file in it names.
pub(crate) fn program(place: &Path) -> Command {
    let mut command = command(Path::new(env!("CARGO_BIN_EXE_billhook")), [] as [&str; 0]);
    if crate::ON_POSTGRES {
        let file = place.join(STORE_FILE);
        if !file.exists() {
            std::fs::write(&file, Cluster::shared().create_database().unwrap()).unwrap();
        }
        command.arg("--store-file").arg(file);
    } else {
        command.arg("--data").arg(place.join("data"));
    }
    command
}

/// Runs a command that must succeed, and returns its output.
#[track_caller]
pub(crate) fn succeed(place: &Path, arguments: &[&str]) -> String {
    run(place, arguments).result().unwrap()
}

pub(crate) fn run(place: &Path, arguments: &[&str]) -> Done {
    billhook_test_kit::run(program(place).args(arguments), COMMAND_MAX).unwrap()
}

pub(crate) fn write(place: &Path, name: &str, text: &str) -> PathBuf {
    let path = place.join(name);
    std::fs::write(&path, text).unwrap();
    path
}
