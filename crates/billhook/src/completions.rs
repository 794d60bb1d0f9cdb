//! `billhook completions`: what a shell needs to complete our command line.

use std::io::Write as _;

use clap::Args;
use clap_complete::Shell;

use crate::{command_line, failure::Failure, output::stdout};

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
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command_line::command(), "billhook", &mut script);
        let mut out = stdout();
        out.write_all(&script)?;
        Ok(out.flush()?)
    }
}
