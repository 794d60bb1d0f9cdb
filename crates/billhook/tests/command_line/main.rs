//! The program as its users see it: every command, its help, and at least one failure.
//!
//! Each test runs the real program in its own folder with its own environment. Servers get a port from the
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
mod contact;
mod contact_files;
mod copy;
mod explain;
mod families;
mod help;
mod interrupt;
mod order;
mod orders;
mod product;
mod serve;
mod trigger;
mod webhook;

use std::{
    io::{Seek as _, Write as _},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use billhook_test_kit::{Done, Running, command, run, until};
use tempfile::{NamedTempFile, TempDir};

/// Longer than any test should take, even on a busy machine: some commands run only on an idle processor.
const PATIENCE: Duration = Duration::from_secs(150);

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
        let mut command = command(Path::new(env!("CARGO_BIN_EXE_billhook")), arguments);
        command.current_dir(self.0.path()).env_clear();
        command
    }

    fn run(&self, arguments: &[&str]) -> Done {
        self.run_with(arguments, &[])
    }

    fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Done {
        run(self.command(arguments).envs(environment.iter().copied()), PATIENCE).unwrap()
    }

    fn run_with_input(&self, arguments: &[&str], input: &str) -> Done {
        let mut given = tempfile::tempfile().unwrap();
        given.write_all(input.as_bytes()).unwrap();
        given.rewind().unwrap();
        run(self.command(arguments).stdin(given), PATIENCE).unwrap()
    }

    /// Starts a server on a free port, and waits until it listens.
    fn serve(&self, arguments: &[&str]) -> Serving {
        let serve = [&["serve", "--listen", "127.0.0.1:0"], arguments].concat();
        Serving::start(self.command(&serve))
    }

    /// Adds an account and returns its key.
    fn account(&self, login: &str) -> String {
        let added = self.run(&["account", "add", login, "--json"]).succeeded();
        serde_json::from_str::<serde_json::Value>(&added).unwrap()["key"].as_str().unwrap().to_owned()
    }
}

/// Asserts that the text contains every part.
#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

/// A server of one test, killed on drop.
struct Serving {
    server: Running,
    // Dropped after the server that writes to it.
    _log: NamedTempFile,
}

impl Serving {
    /// Starts a server, and waits until it has printed its addresses.
    fn start(command: Command) -> Self {
        let listens = |argument: &&std::ffi::OsStr| argument.to_string_lossy().ends_with("listen");
        Self::with_addresses(command.get_args().filter(listens).count(), command)
    }

    fn with_addresses(addresses: usize, command: Command) -> Self {
        let log = NamedTempFile::new().unwrap();
        let server = Running::start(command, log.path(), addresses).unwrap();
        Self { server, _log: log }
    }

    /// What it prints at its start, up to this text.
    fn greeting(&self, until_it_says: &str) -> String {
        until(|| self.server.said().iter().any(|line| line.contains(until_it_says)));
        self.server.said().join("\n")
    }

    fn port(&self) -> u16 {
        self.server.address().unwrap().port()
    }

    /// `http://127.0.0.1:PORT`.
    fn url(&self) -> String {
        format!("http://{}", self.server.address().unwrap())
    }

    fn signal(&self, signal: rustix::process::Signal) {
        self.server.signal(signal).unwrap();
    }

    /// Waits for its end. Returns the exit status and standard error.
    fn end(&mut self) -> (Option<i32>, String) {
        (self.server.wait(PATIENCE).unwrap(), self.server.log().unwrap())
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
