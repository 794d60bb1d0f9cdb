//! PostgreSQL's programs, and whom they run as.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
};

use super::Error;

const VERSIONS_FOLDER: &str = "/usr/lib/postgresql";

/// The folder of the newest PostgreSQL that is installed.
///
/// Its `psql` is called from there too: the one in `/usr/bin` is a wrapper in Perl that costs 30 ms a call.
pub(crate) fn folder() -> Result<PathBuf, Error> {
    let versions = fs::read_dir(VERSIONS_FOLDER).into_iter().flatten().flatten();
    let usable = versions.filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        let folder = entry.path().join("bin");
        folder.join("initdb").exists().then_some((version, folder))
    });
    let newest = usable.max().map(|(_, folder)| folder);
    newest.ok_or_else(|| {
        Error::new(&format!(
            "there is no initdb in {VERSIONS_FOLDER}/*/bin: install Debian's package `postgresql`"
        ))
    })
}

/// A program that runs as the user of the server: PostgreSQL refuses to be root.
pub(crate) fn as_server(program: &str) -> Command {
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--", program]);
        command
    } else {
        Command::new(program)
    };
    forget_settings(&mut command);
    command
}

/// Like [`as_server`], for a program that stays: it starts on a line at its standard input.
///
/// Were it to start at once, and this process to die at that moment, it could have another user and another folder still
/// when the watcher looks for what to kill.
pub(crate) fn gated(program: &Path, folder: &Path) -> Command {
    let mut command = as_server("sh");
    command.args(["-c", r#"read -r _ && exec "$@" </dev/null >>log 2>&1"#, "sh"]).arg(program);
    command.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Keeps the caller's `PGDATA`, `PGOPTIONS` and the like, and their language, out of a program.
pub(crate) fn forget_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("PG")) {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C");
}

/// Runs a program to its end, with a text for its standard input.
pub(crate) fn feed(command: &mut Command, text: &str) -> io::Result<Output> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let input = child.stdin.take();
    thread::scope(|scope| {
        // Beside the reading of its answer, or both sides could wait for each other over full pipes.
        scope.spawn(move || {
            if let Some(mut input) = input {
                // It may end before it has read all, after an error in the first line; its status tells.
                let _ = input.write_all(text.as_bytes());
            }
        });
        child.wait_with_output()
    })
}

/// What a program said, or nothing if it succeeded.
pub(crate) fn complaint(output: &Output) -> Option<String> {
    (!output.status.success())
        .then(|| format!("{} ({})", String::from_utf8_lossy(&output.stderr).trim(), output.status))
}
