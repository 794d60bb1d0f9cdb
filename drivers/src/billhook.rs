//! The program under test: its commands and servers, as processes that die with this one.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use billhook_test_kit::{Done, Running, Store, http, run};

use crate::Result;

/// The key of every account.
pub const KEY: &str = "0123456789abcdef0123456789abcdef";
/// How long a command may take that is not killed.
const COMMAND_MAX: Duration = Duration::from_mins(30);

/// A request of an account, signed with [`KEY`].
pub fn signed(method: &str, login: &str, form: &str) -> Vec<u8> {
    http::post(method, &format!("{login}.localhost"), &http::hashed(form, login, KEY))
}

/// A command whose process dies with this one, however this one ends.
pub fn command<A: AsRef<OsStr>>(program: &Path, arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = billhook_test_kit::command(Path::new("setpriv"), ["--pdeathsig", "KILL", "--"]);
    command.arg(program).args(arguments);
    command
}

/// The program.
#[derive(Debug, Clone)]
pub struct Billhook(PathBuf);

impl Billhook {
    /// The program in this file, or the one built with this driver.
    pub fn find(file: Option<&Path>) -> Result<Self> {
        let beside = std::env::current_exe()?.with_file_name("billhook");
        let file = file.map_or(beside, Path::to_owned);
        if file.is_file() { Ok(Self(file)) } else { Err(format!("{} is missing", file.display()).into()) }
    }

    /// Its file.
    pub fn file(&self) -> &Path {
        &self.0
    }

    /// A command of the program.
    pub fn command(&self, store: &Store, arguments: &[&str]) -> Command {
        let mut command = command(&self.0, store.options());
        command.args(arguments);
        command
    }

    /// Runs a command and returns its output. If it fails, the error has all that it printed.
    pub fn run(&self, store: &Store, arguments: &[&str]) -> Result<String> {
        run(&mut self.command(store, arguments), COMMAND_MAX)?.result()
    }

    /// How long a command takes without interruption.
    pub fn timed(&self, store: &Store, arguments: &[&str]) -> Result<Duration> {
        let done = run(&mut self.command(store, arguments), COMMAND_MAX)?;
        let took = done.took;
        done.result().map(|_| took)
    }

    /// Runs a command that may be refused; `None` if it is.
    pub fn try_run(&self, store: &Store, arguments: &[&str]) -> Result<Option<String>> {
        let done = run(&mut self.command(store, arguments), COMMAND_MAX)?;
        if done.status == Some(1) { Ok(None) } else { done.result().map(Some) }
    }

    /// Runs a command, and kills it after some time. If it fails by itself, that is an error.
    pub fn kill_after(&self, store: &Store, arguments: &[&str], time: Duration) -> Result<Done> {
        let done = run(&mut self.command(store, arguments), time)?;
        if done.is_cut_off || done.status == Some(0) { Ok(done) } else { Err(done.all().into()) }
    }

    /// Starts a server with an HTTP address and more options; its log goes to a file.
    pub fn serve(&self, store: &Store, options: &[&str], log: &Path) -> Result<Running> {
        let addresses = 1 + options.iter().filter(|option| option.ends_with("-listen")).count();
        let mut command = self.command(store, SERVE);
        command.args(options);
        Running::start(command, log, addresses)
    }

    /// Starts a server and kills it after this time.
    pub fn kill_at_start(&self, store: &Store, time: Duration) -> Result<()> {
        let done = self.kill_after(store, SERVE, time)?;
        if done.is_cut_off { Ok(()) } else { Err(done.all().into()) }
    }
}

const SERVE: &[&str] = &["serve", "--listen", "127.0.0.1:0"];
