//! `billhook completions`: what a shell needs to complete our command line.
//!
//! The shell asks the program itself, which knows its methods and their parameters.

use std::io::Write as _;

use clap::Args;
use clap_complete::{Shell, env::Shells};

use crate::{failure::Failure, terminal::output::stdout};

/// The variable that has the program complete instead of anything else. Its value is the shell.
pub(crate) const VARIABLE: &str = "COMPLETE";

/// Print a shell's completions
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
    /// Does it.
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
