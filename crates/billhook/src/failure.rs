//! How a command fails: one line on standard error, and an exit status.

use std::{fmt, io, path::Path, process::ExitCode};

/// Why a command failed. Its text is one line: what, where, and how to mend it.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The operation failed: exit status 1.
    Failed(String),
    /// The command line or the configuration is wrong: exit status 2.
    Usage(String),
    /// The command line is wrong and the help was shown: exit status 2.
    UsageShown,
    /// The reader of our output is gone (`billhook export … | head`): no message, exit status 0.
    OutputClosed,
}

impl Failure {
    pub(crate) fn failed(text: impl fmt::Display) -> Self {
        Self::Failed(text.to_string())
    }

    pub(crate) fn usage(text: impl fmt::Display) -> Self {
        Self::Usage(text.to_string())
    }

    /// A file that cannot be used: `doing` completes "cannot … FILE".
    pub(crate) fn file(doing: &str, path: &Path, error: &io::Error) -> Self {
        let mend = match error.kind() {
            io::ErrorKind::FileTooLarge => {
                ": it has reached the limit of this process; raise it with `ulimit -f`"
            }
            _ => "",
        };
        Self::Failed(format!("cannot {doing} {}: {error}{mend}", path.display()))
    }

    /// Prints the message on standard error and returns the exit status.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Self::Failed(text) => {
                say(text);
                ExitCode::from(1)
            }
            Self::Usage(text) => {
                say(text);
                ExitCode::from(2)
            }
            Self::UsageShown => ExitCode::from(2),
            Self::OutputClosed => ExitCode::SUCCESS,
        }
    }
}

impl From<billhook_store::Error> for Failure {
    fn from(error: billhook_store::Error) -> Self {
        Self::failed(error)
    }
}

impl From<io::Error> for Failure {
    /// For standard output only. Errors of files go through [`Failure::file`], which names the file.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::Failed(format!("cannot write to standard output: {error}")),
        }
    }
}

/// Prints one line on standard error, with the program's name in front. Line ends become spaces, and control
/// characters are left out, because some texts come from strangers.
pub(crate) fn say(text: &str) {
    use io::Write as _;
    let line: Vec<&str> = text.split_whitespace().collect();
    let line: String = line.join(" ").chars().filter(|c| !c.is_control()).collect();
    // If standard error is closed, there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "billhook: {line}");
}
