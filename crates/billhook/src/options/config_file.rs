//! The configuration file: TOML whose keys are the options' names, with a table for each command.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use billhook_wire::Key;
use clap::{Arg, ArgAction, Command};
use toml::{Table, Value};

use crate::{
    failure::Failure,
    nearest::nearest,
    options::{small_file, store::has_password},
};

/// A parsed file, whose keys are not checked yet.
#[derive(Debug)]
pub(crate) struct ConfigFile {
    path: PathBuf,
    table: Table,
    readable_by_others: bool,
}

/// The file that `--config` or `BILLHOOK_CONFIG` names. It must be known before clap can parse the rest.
pub(crate) fn named_in(arguments: &[OsString]) -> Option<PathBuf> {
    let mut named = None;
    let mut rest = arguments.iter().skip(1).take_while(|argument| *argument != "--");
    while let Some(argument) = rest.next() {
        if argument == "--config" {
            named = rest.next().map(PathBuf::from);
        } else if let Some(path) = argument.to_str().and_then(|text| text.strip_prefix("--config=")) {
            named = Some(PathBuf::from(path));
        }
    }
    named.or_else(|| env::var_os("BILLHOOK_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from))
}

impl ConfigFile {
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let fault = |error: std::io::Error| {
            Failure::usage(format!("cannot read the configuration file {}: {error}", path.display()))
        };
        let text = small_file::read(path).map_err(fault)?;
        let file = Self::parse(path, &text)?;
        Ok(Self { readable_by_others: small_file::is_readable_by_others(path), ..file })
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Failure> {
        let table = text.parse::<Table>().map_err(|error| {
            let line = error
                .span()
                .map_or(1, |span| 1 + text.bytes().take(span.start).filter(|b| *b == b'\n').count());
            Failure::usage(format!("{}, line {line}: {}", path.display(), error.message()))
        })?;
        Ok(Self { readable_by_others: false, path: path.to_owned(), table })
    }

    /// Replaces the options' defaults by the file's values.
    pub(crate) fn apply(&self, command: Command) -> Result<Command, Failure> {
        self.apply_table(command, &self.table, "")
    }

    /// A warning, if the file holds a secret and others can read it.
    pub(crate) fn warning(&self) -> Option<String> {
        (self.readable_by_others && holds_secret(&self.table)).then(|| small_file::warning(&self.path))
    }

    /// `place` is the table's full name with a dot at the end: `account.add.`
    fn apply_table(&self, mut command: Command, table: &Table, place: &str) -> Result<Command, Failure> {
        for (key, value) in table {
            let long = key.replace('_', "-");
            if let Value::Table(inner) = value {
                let Some(sub) = command.find_subcommand(&long) else {
                    return Err(self.unknown(&command, place, key));
                };
                let sub = self.apply_table(sub.clone(), inner, &format!("{place}{key}."))?;
                command = command.mut_subcommand(long, |_| sub);
                continue;
            }
            let Some(arg) = option(&command, &long) else { return Err(self.unknown(&command, place, key)) };
            let values = self.values(arg, value, &format!("{place}{key}"))?;
            let id = arg.get_id().clone();
            command = command.mut_arg(id, |arg| arg.required(false).default_values(values));
        }
        Ok(command)
    }

    /// The texts of a value; fails if the option does not accept one of them.
    fn values(&self, arg: &Arg, value: &Value, name: &str) -> Result<Vec<String>, Failure> {
        let fault = |why: &str| Failure::usage(format!("{}: {name}: {why}", self.path.display()));
        let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
        let values = match value {
            Value::Array(list) if matches!(arg.get_action(), ArgAction::Append) => list
                .iter()
                .map(scalar)
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| fault("a list of texts is needed"))?,
            Value::Array(_) => return Err(fault("one value is needed, not a list")),
            Value::Boolean(on) if is_switch => vec![on.to_string()],
            _ if is_switch => return Err(fault("true or false is needed")),
            Value::Boolean(_) => return Err(fault("a text or a number is needed, not true or false")),
            other => vec![scalar(other).ok_or_else(|| fault("a text or a number is needed"))?],
        };
        if is_switch {
            return Ok(values);
        }
        for text in &values {
            if arg.get_long() == Some("key") {
                Key::parse(text).map_err(|error| fault(&error.to_string()))?;
            }
            // clap's own message would name the flag, but the file must be mended.
            let trial = Command::new("trial").no_binary_name(true).arg(arg.clone().required(false));
            let flag = format!("--{}={text}", arg.get_long().unwrap_or_default());
            if let Err(error) = trial.try_get_matches_from([flag]) {
                let why = std::error::Error::source(&error).map_or_else(|| allowed(arg), ToString::to_string);
                return Err(fault(&format!("{text:?}: {why}")));
            }
        }
        Ok(values)
    }

    fn unknown(&self, command: &Command, place: &str, key: &str) -> Failure {
        let options = command.get_arguments().filter_map(Arg::get_long).filter(|long| is_key(long));
        let known: Vec<_> = options.chain(command.get_subcommands().map(Command::get_name)).collect();
        let shown = |name: &str| match command.find_subcommand(name) {
            Some(_) => format!("[{place}{name}]"),
            None => name.to_owned(),
        };
        let hint = match nearest(&key.replace('_', "-"), known.iter().copied()) {
            Some(near) => format!("did you mean {}?", shown(near)),
            None => format!("known are {}", known.into_iter().map(shown).collect::<Vec<_>>().join(", ")),
        };
        Failure::usage(format!("{}: unknown key {place}{key}: {hint}", self.path.display()))
    }
}

fn option<'a>(command: &'a Command, long: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|arg| arg.get_long() == Some(long) && is_key(long))
}

/// Whether the file may set this option. It cannot name another configuration file.
fn is_key(long: &str) -> bool {
    !matches!(long, "config" | "help" | "version")
}

/// Whether the file holds a key, a webhook's secret, or a store's URL with a password.
fn holds_secret(table: &Table) -> bool {
    table.iter().any(|(name, value)| match (name.replace('_', "-").as_str(), value) {
        (_, Value::Table(inner)) => holds_secret(inner),
        ("key" | "secret", _) => true,
        ("store" | "store-read", Value::String(url)) => has_password(url),
        _ => false,
    })
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

fn allowed(arg: &Arg) -> String {
    let names: Vec<String> =
        arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    if names.is_empty() {
        "this value is not accepted".to_owned()
    } else {
        format!("one of {} is needed", names.join(", "))
    }
}
