//! A configuration file is accepted or refused as a whole, with a one-line message that repeats no secret.

#![expect(clippy::panic, reason = "what is checked for a test fails by panicking")]

use std::sync::LazyLock;

use super::*;
use crate::command_line::command;

/// Checks one configuration file.
///
/// An accepted file must mean the same after it is written again. A refusal must not contain the key.
#[cfg_attr(test, expect(unreachable_pub, reason = "the fuzzer calls it"))]
pub fn config(text: &[u8]) {
    static COMMAND: LazyLock<Command> = LazyLock::new(command);
    let Ok(text) = std::str::from_utf8(text) else { return };
    let parsed = ConfigFile::parse(Path::new("FILE"), text);
    let table = text.parse::<Table>().ok();
    let mut secrets = table.as_ref().map(secrets).unwrap_or_default();
    // A secret that is also a name in the file may appear in a message.
    let names = table.as_ref().map(names).unwrap_or_default();
    secrets.retain(|secret| !names.iter().any(|name| name.contains(secret)));
    let file = match parsed {
        Ok(file) => file,
        Err(failure) => return is_one_line(&failure, &secrets),
    };
    let command = match file.apply(COMMAND.clone()) {
        Ok(command) => command,
        Err(failure) => return is_one_line(&failure, &secrets),
    };
    let anew = file.table.to_string();
    let again = match ConfigFile::parse(Path::new("FILE"), &anew) {
        Ok(again) => again,
        Err(failure) => panic!("{failure:?}\n{anew}"),
    };
    match again.apply(COMMAND.clone()) {
        Ok(again) => assert_eq!(defaults(&again), defaults(&command), "{anew}"),
        Err(failure) => panic!("{failure:?}\n{anew}"),
    }
}

/// The secrets in a file that are long enough not to appear in a message by chance.
fn secrets(table: &Table) -> Vec<String> {
    let mut found = Vec::new();
    for (name, value) in table {
        match value {
            Value::Table(inner) => found.extend(secrets(inner)),
            Value::String(key) if name == "key" && key.len() >= 12 => found.push(key.clone()),
            _ => {}
        }
    }
    found
}

fn names(table: &Table) -> Vec<String> {
    let inner = table.values().filter_map(Value::as_table).flat_map(names);
    table.keys().cloned().chain(inner).collect()
}

fn is_one_line(failure: &Failure, secrets: &[String]) {
    let Failure::Usage(text) = failure else { panic!("{failure:?}") };
    assert!(text.starts_with("FILE"), "{text}");
    for secret in secrets {
        assert!(!text.contains(secret.as_str()), "a key in {text}");
    }
}

/// The defaults of all options of all commands.
fn defaults(command: &Command) -> Vec<String> {
    let own = command.get_arguments().map(|arg| format!("{} {:?}", arg.get_id(), arg.get_default_values()));
    own.chain(command.get_subcommands().flat_map(defaults)).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn configuration_files() {
        billhook_test_kit::replay("config", super::config);
    }
}
