//! The options' environment variables, and warnings about variables that look like ours but are not.

use std::{collections::BTreeMap, env};

use clap::{Arg, ArgAction, Command, builder::BoolishValueParser};

use crate::nearest::nearest;

const PREFIX: &str = "BILLHOOK_";

/// The switches with a variable in every command. Those of `serve` have one too. Others let a command
/// replace, remove or skip something, which a variable that was set long ago must not decide.
const SWITCHES: [&str; 3] = ["json", "pretty", "require-signature"];

/// Gives options their variables. A switch's variable is `true`, `1`, `yes`, or their opposites. An empty
/// variable counts as not set.
pub(crate) fn with_variables(command: Command) -> Command {
    let without_empty = |arg: Arg| match arg.get_env().and_then(env::var_os) {
        Some(value) if value.is_empty() => arg.env(None::<&str>),
        _ => arg,
    };
    let is_serve = command.get_name() == "serve";
    let with_variable = |arg: Arg| {
        let Some(long) = arg.get_long().filter(|_| arg.get_env().is_none()) else { return arg };
        let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
        if is_switch && !is_serve && !SWITCHES.contains(&long) {
            return arg;
        }
        let variable = variable(long);
        let arg = arg.env(variable).hide_env_values(true);
        if is_switch { arg.value_parser(BoolishValueParser::new()) } else { arg }
    };
    command.mut_args(with_variable).mut_args(without_empty).mut_subcommands(with_variables)
}

/// Warnings about variables that look like ours but are not read, such as misspelt ones.
pub(crate) fn warnings(command: &Command) -> Vec<String> {
    let mut known = BTreeMap::new();
    note_variables(command, &mut known);
    let set =
        env::vars_os().filter(|(_, value)| !value.is_empty()).filter_map(|(name, _)| name.into_string().ok());
    let mut unknown: Vec<String> =
        set.filter(|name| name.starts_with(PREFIX) && !is_of_kubernetes(name)).collect();
    unknown.sort();
    let read = || known.iter().filter(|(_, is_read)| **is_read).map(|(name, _)| name.as_str());
    let warning = |name: String| match known.get(&name) {
        Some(true) => None,
        Some(false) => {
            let option = name.trim_start_matches(PREFIX).replace('_', "-").to_lowercase();
            Some(format!("warning: {name} is not read: give --{option} with the command that it is for"))
        }
        None => {
            let near = nearest(&name, read())
                .map_or_else(String::new, |near| format!("; the nearest known name is {near}"));
            Some(format!("warning: {name} is unknown and not read{near}"))
        }
    };
    unknown.into_iter().filter_map(warning).collect()
}

fn variable(long: &str) -> String {
    format!("{PREFIX}{}", long.replace('-', "_").to_uppercase())
}

/// Collects each option's variable, and whether the command reads it.
fn note_variables(command: &Command, known: &mut BTreeMap<String, bool>) {
    for arg in command.get_arguments() {
        let (read, named) = (arg.get_env().and_then(|name| name.to_str()), arg.get_long().map(variable));
        if let Some(name) = read {
            known.insert(name.to_owned(), true);
        } else if let Some(name) = named {
            known.entry(name).or_insert(false);
        }
    }
    command.get_subcommands().for_each(|sub| note_variables(sub, known));
}

/// Whether Kubernetes sets this variable, as it does in every container beside a service called billhook.
fn is_of_kubernetes(name: &str) -> bool {
    name == "BILLHOOK_PORT" || name.starts_with("BILLHOOK_PORT_") || name.starts_with("BILLHOOK_SERVICE_")
}
