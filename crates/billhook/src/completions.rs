//! `billhook completions`: what a shell needs to complete our command line, and the words that are completed.
//!
//! The shell asks the program itself, which knows its methods and their parameters.

use std::{env, ffi::OsStr, io::Write as _};

use billhook_reference::Entry;
use billhook_wire::method::MethodInfo;
use clap::Args;
use clap_complete::{
    CompletionCandidate, Shell,
    env::{CompleteEnv, Shells},
};

use crate::{command_line, failure::Failure, output::stdout};

/// The variable that has the program complete instead of anything else. Its value is the shell.
const VARIABLE: &str = "COMPLETE";

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

/// Answers a shell that asks for completions. Whether one did.
pub(crate) fn answered() -> Result<bool, clap::Error> {
    CompleteEnv::with_factory(command_line::command).var(VARIABLE).try_complete(env::args_os(), None)
}

/// The names of the methods.
pub(crate) fn methods() -> Vec<CompletionCandidate> {
    let all = Entry::all().into_iter();
    all.map(|entry| CompletionCandidate::new(entry.method.name).help(Some(entry.summary.into()))).collect()
}

/// The parameters of the method that is being called, and the words that one of them takes.
pub(crate) fn parameters(begun: &OsStr) -> Vec<CompletionCandidate> {
    let Some(method) =
        env::args_os().skip_while(|word| word != "call").find_map(|word| MethodInfo::named(word.to_str()?))
    else {
        return Vec::new();
    };
    let Some(begun) = begun.to_str() else { return Vec::new() };
    let mut candidates = Vec::new();
    for parameter in Entry::of(method).parameters {
        let name = format!("{}=", parameter.name);
        if begun.starts_with(&name) {
            candidates
                .extend(parameter.words.iter().map(|word| CompletionCandidate::new(format!("{name}{word}"))));
        } else if name.starts_with(begun) {
            candidates.push(CompletionCandidate::new(name).help(Some(parameter.meaning.into())));
        }
    }
    candidates.retain(|candidate| candidate.get_value().to_str().is_some_and(|text| text.starts_with(begun)));
    candidates
}
