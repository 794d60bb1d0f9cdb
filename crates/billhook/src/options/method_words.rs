//! Shell completion of methods and their parameters.

use std::{env, ffi::OsStr};

use billhook_reference::Entry;
use billhook_wire::method::MethodInfo;
use clap_complete::CompletionCandidate;

pub(crate) fn methods() -> Vec<CompletionCandidate> {
    let all = Entry::all().into_iter();
    all.map(|entry| CompletionCandidate::new(entry.method.name).help(Some(entry.summary.into()))).collect()
}

/// The parameters of the method on the command line, and the values of those that have a list of them.
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
