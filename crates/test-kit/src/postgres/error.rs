//! Errors of a cluster, in one line.

use std::fmt;

/// A failure: what was done, and PostgreSQL's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    text: Box<str>,
    port_taken: bool,
}

impl Error {
    pub(crate) fn new(text: &str) -> Self {
        // PostgreSQL's messages have several lines (`LINE 1:`, `HINT:`), some of them indented.
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        Self { text: lines.join(" | ").into_boxed_str(), port_taken: false }
    }

    /// A failed call to the system.
    pub(crate) fn system(doing: &str, cause: &std::io::Error) -> Self {
        Self::new(&format!("can't {doing}: {cause}"))
    }

    /// Marks that another process has the server's port, so that another port may work.
    pub(crate) fn with_port_taken(self, port_taken: bool) -> Self {
        Self { port_taken, ..self }
    }

    pub(crate) fn is_port_taken(&self) -> bool {
        self.port_taken
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}
