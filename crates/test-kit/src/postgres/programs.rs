//! PostgreSQL's programs, and the user that runs them.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
};

use super::Error;

const VERSIONS_FOLDER: &str = "/usr/lib/postgresql";

/// The folder of the newest installed PostgreSQL.
///
/// `psql` is called there too: the one in `/usr/bin` is a Perl wrapper that costs 30 ms per call.
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

/// A program that runs as the server's user: PostgreSQL refuses to run as root.
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

/// Like [`as_server`], for a long-running program: it starts when its standard input gets a line.
///
/// If it started at once and this process died then, the program might still have another user and folder
/// when the watcher looks for processes to kill.
pub(crate) fn gated(program: &Path, folder: &Path) -> Command {
    let mut command = as_server("sh");
    command.args(["-c", r#"read -r _ && exec "$@" </dev/null >>log 2>&1"#, "sh"]).arg(program);
    command.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Removes the caller's `PGDATA`, `PGOPTIONS` and so on, and their language, from the environment.
pub(crate) fn forget_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("PG")) {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C");
}

/// Runs a program to its end, with a text as standard input.
pub(crate) fn feed(command: &mut Command, text: &str) -> io::Result<Output> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let input = child.stdin.take();
    thread::scope(|scope| {
        // In parallel with reading its output, or both sides could block on full pipes.
        scope.spawn(move || {
            if let Some(mut input) = input {
                // It may end before it has read everything, after an early error; its status shows that.
                let _ = input.write_all(text.as_bytes());
            }
        });
        child.wait_with_output()
    })
}

/// A program's error output; `None` if it succeeded.
pub(crate) fn complaint(output: &Output) -> Option<String> {
    (!output.status.success())
        .then(|| format!("{} ({})", String::from_utf8_lossy(&output.stderr).trim(), output.status))
}
