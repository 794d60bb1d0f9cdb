//! The command line: every command and option, and how their values come together.
//!
//! An option's value is its flag, else its environment variable, else its key in the configuration file, else its default.
//! The variable is `BILLHOOK_` and the option's name in capitals; clap knows flags, variables and defaults, and the
//! configuration file's values are put into the place of the defaults before the real parse.

use std::{env, ffi::OsString};

use clap::{
    Arg, ArgAction, ArgMatches, Args, Command, CommandFactory as _, Parser, Subcommand, ValueEnum,
    builder::BoolishValueParser, error::ErrorKind,
};
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

use crate::{
    account, backup, call, category, check, completions, config_file, copy, coupon, docs, explain, export,
    failure::Failure, generate, import, managers, migrate, order, partner, product, restore, serve,
    store_option::StoreOption,
};

/// A self-hosted order backend that speaks the JustClick API.
#[derive(Debug, Parser)]
#[command(name = "billhook", version, about, subcommand_required = true, arg_required_else_help = true)]
#[command(after_help = "\
Examples:
  billhook serve --demo                       try it, with a curl line that works
  billhook account add shop                   an account of your own
  billhook import --account shop orders.csv   its orders
  billhook serve                              answer at http://shop.localhost:8080

Every option can also be set by an environment variable (BILLHOOK_ and its name in capitals, such as \
BILLHOOK_DATA) and by a key in the file that --config names, a TOML file with a table for each command:

  data = \"/var/lib/billhook\"
  [serve]
  listen = [\"127.0.0.1:8080\"]

The order is: flag, environment, file, default. Exit status: 0 done, 1 failed, 2 wrong usage.")]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) everywhere: Everywhere,
    #[command(subcommand)]
    pub(crate) action: Action,
}

/// Lets everybody else go first: a long command must not take the processor from the server that runs beside it.
pub(crate) fn step_back() {
    // Where that is not allowed it runs as it is.
    let _ = rustix::process::nice(10);
}

/// The same for a command that only reads: it runs where the processor would be idle. One that writes must not, for it holds up all
/// other writers while it waits.
pub(crate) fn step_far_back() {
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    if set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle).is_err() {
        step_back();
    }
}

/// The options that every command has.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Everywhere {
    #[command(flatten)]
    pub(crate) store: StoreOption,
    /// A configuration file (TOML)
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<std::path::PathBuf>,
    /// How much is logged, to standard error [default: info for serve, warn for the others]
    #[arg(long, global = true, value_name = "LEVEL")]
    pub(crate) log_level: Option<LogLevel>,
    /// How a log line looks
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    Serve(Box<serve::Arguments>),
    #[command(subcommand)]
    Account(account::Action),
    #[command(subcommand)]
    Order(order::Action),
    #[command(subcommand)]
    Product(product::Action),
    #[command(subcommand)]
    Coupon(coupon::Action),
    #[command(subcommand)]
    Category(category::Action),
    #[command(subcommand)]
    Partner(partner::Action),
    #[command(subcommand)]
    Manager(managers::Action),
    Import(import::Arguments),
    Export(export::Arguments),
    Generate(generate::Arguments),
    Call(call::Arguments),
    Docs(docs::Arguments),
    Explain(explain::Arguments),
    Backup(backup::Arguments),
    Restore(restore::Arguments),
    Check(check::Arguments),
    Copy(copy::Arguments),
    Migrate(migrate::Arguments),
    Completions(completions::Arguments),
}

/// What was asked for.
pub(crate) struct Parsed {
    pub(crate) command_line: CommandLine,
    /// Where the values of the command's own options come from.
    pub(crate) sources: ArgMatches,
    /// What to tell before anything is done: files with secrets in them that others can read.
    pub(crate) warnings: Vec<String>,
}

/// Why the command line was not read.
pub(crate) enum ParseError {
    /// clap's own: it prints itself, help and version among them.
    Clap(clap::Error),
    /// The configuration file's.
    Failure(Failure),
}

/// Reads the command line, the environment and the configuration file.
pub(crate) fn parse(arguments: Vec<OsString>) -> Result<Parsed, ParseError> {
    let mut command = command();
    // Help is to be had whatever the configuration file says.
    if let Err(error) = command.clone().try_get_matches_from(&arguments)
        && matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion)
    {
        return Err(ParseError::Clap(error));
    }
    let mut warnings = Vec::new();
    if let Some(path) = config_file::named_in(&arguments) {
        let file = config_file::ConfigFile::read(&path).map_err(ParseError::Failure)?;
        command = file.apply(command).map_err(ParseError::Failure)?;
        warnings.extend(file.warning());
    }
    let matches = command.try_get_matches_from(arguments).map_err(ParseError::Clap)?;
    let mut command_line =
        <CommandLine as clap::FromArgMatches>::from_arg_matches(&matches).map_err(ParseError::Clap)?;
    let mut sources = matches;
    while let Some((_, inner)) = sources.remove_subcommand() {
        sources = inner;
    }
    command_line.everywhere.store.choose(&sources).map_err(ParseError::Failure)?;
    warnings.extend(command_line.everywhere.store.warnings());
    Ok(Parsed { command_line, sources, warnings })
}

/// The whole command line, with environment variables and the help that is made of tables.
pub(crate) fn command() -> Command {
    let command = CommandLine::command()
        .mut_subcommand("account", |account| {
            account.mut_subcommand("set", |set| set.after_help(account::settings_help()))
        })
        .mut_subcommand("product", |product| {
            product.mut_subcommand("set", |set| set.after_help(product::fields_help()))
        })
        .mut_subcommand("call", |call| call.after_help(call::methods_help()));
    with_environment(command)
}

/// Gives every option its variable; a switch's variable is `true`, `1`, `yes`, or their opposites. An empty variable is one that
/// was not set.
fn with_environment(command: Command) -> Command {
    let without_empty = |arg: Arg| match arg.get_env().and_then(env::var_os) {
        Some(value) if value.is_empty() => arg.env(None::<&str>),
        _ => arg,
    };
    command
        .mut_args(|arg| match arg.get_long() {
            Some(long) if arg.get_env().is_none() => {
                let variable = format!("BILLHOOK_{}", long.replace('-', "_").to_uppercase());
                let arg = arg.env(variable).hide_env_values(true);
                match arg.get_action() {
                    ArgAction::SetTrue => arg.value_parser(BoolishValueParser::new()),
                    _ => arg,
                }
            }
            _ => arg,
        })
        .mut_args(without_empty)
        .mut_subcommands(with_environment)
}
