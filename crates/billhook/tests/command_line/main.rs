//! The program as its users meet it: every command, its help, and at least one way in which it fails.
//!
//! Each test runs the real program in a folder of its own, with an environment of its own; servers get their port from the
//! system and are killed with the test.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers may fail as loudly as the test"
)]

mod account;
mod backup;
mod call;
mod config;
mod copy;
mod explain;
mod help;
mod interrupt;
mod order;
mod orders;
mod product;
mod serve;
mod shop;

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Longer than anything here takes, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder in which commands run.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_billhook"));
        command.args(arguments).current_dir(self.0.path()).env_clear().stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Done {
        self.run_with(arguments, &[])
    }

    fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Done {
        let output = self.command(arguments).envs(environment.iter().copied()).output().unwrap();
        Done {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn run_with_input(&self, arguments: &[&str], input: &str) -> Done {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        Done {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Starts a server on a port that the system picks, and waits until it listens.
    fn serve(&self, arguments: &[&str]) -> Serving {
        let serve = [&["serve", "--listen", "127.0.0.1:0"], arguments].concat();
        Serving::start(self.command(&serve))
    }

    /// Adds an account and gives its key.
    fn account(&self, login: &str) -> String {
        let added = self.run(&["account", "add", login, "--json"]).succeeded();
        serde_json::from_str::<serde_json::Value>(&added).unwrap()["key"].as_str().unwrap().to_owned()
    }
}

/// What a command left behind.
#[derive(Debug)]
struct Done {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Done {
    /// It was done, and nothing was said on standard error. Its output.
    #[track_caller]
    fn succeeded(self) -> String {
        assert_eq!((self.status, self.stderr.as_str()), (Some(0), ""), "{self:?}");
        self.stdout
    }

    /// It ended with this status and one line on standard error. The line, without the program's name.
    #[track_caller]
    fn failed(self, status: i32) -> String {
        assert_eq!(self.status, Some(status), "{self:?}");
        let line = self.stderr.strip_prefix("billhook: ").and_then(|line| line.strip_suffix('\n'));
        let line = line.unwrap_or_else(|| panic!("{self:?}"));
        assert!(!line.contains('\n') && !line.contains("panicked"), "{self:?}");
        line.to_owned()
    }
}

/// Everything that is asked for stands in the text.
#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

/// A server of the test's own. Dropped, it is gone.
struct Serving {
    child: Child,
    /// What it has said on standard output while it started.
    greeting: Vec<String>,
    stderr: Receiver<String>,
}

impl Serving {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = lines(child.stdout.take().unwrap());
        let stderr = lines(child.stderr.take().unwrap());
        let mut serving = Self { child, greeting: Vec::new(), stderr };
        let first = stdout.recv_timeout(PATIENCE);
        serving.greeting.push(first.unwrap_or_else(|_| panic!("it did not start: {}", serving.log())));
        // The rest comes in the same breath, before it serves.
        while let Ok(line) = stdout.recv_timeout(Duration::from_millis(300)) {
            serving.greeting.push(line);
        }
        serving
    }

    /// `http://127.0.0.1:PORT`, from the first line.
    fn url(&self) -> &str {
        self.greeting[0].strip_prefix("listening on ").unwrap()
    }

    fn port(&self) -> &str {
        self.url().rsplit(':').next().unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end: exit status, and what it has said on standard error.
    fn end(&mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.code(), self.log());
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("it did not end: {}", self.log());
    }

    fn log(&self) -> String {
        let mut log = String::new();
        while let Ok(line) = self.stderr.recv_timeout(Duration::from_millis(200)) {
            log.push_str(&line);
            log.push('\n');
        }
        log
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    receive
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
