//! `billhook completions`: the script that makes a shell complete our command line.
//!
//! The script asks the program itself, which knows its methods and their parameters.

use std::io::Write as _;

use clap::Args;
use clap_complete::{Shell, env::Shells};

use crate::{failure::Failure, terminal::output::stdout};

/// With this variable set, the program only answers a request for completions. Its value is the shell's name.
pub(crate) const VARIABLE: &str = "COMPLETE";

/// Print the completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook completions bash > ~/.local/share/bash-completion/completions/billhook
  billhook completions zsh > \"${fpath[1]}/_billhook\"
  billhook completions fish > ~/.config/fish/completions/billhook.fish")]
pub(crate) struct Arguments {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Arguments {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let shells = Shells::builtins();
        let shell = shells
            .completer(&self.shell.to_string())
            .ok_or_else(|| Failure::failed(format!("{} is not known here", self.shell)))?;
        let mut script = Vec::new();
        shell.write_registration(VARIABLE, "billhook", "billhook", "billhook", &mut script)?;
        let mut out = stdout();
        out.write_all(&script)?;
        Ok(out.flush()?)
    }
}
