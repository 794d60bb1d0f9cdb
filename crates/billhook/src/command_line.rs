//! The command line: every command and option, and how their values come together.
//!
//! An option's value is its flag, else its environment variable, else its key in the configuration file, else its default.
//! The variable is `BILLHOOK_` and the option's name in capitals ([`environment`]); clap knows flags, variables and defaults, and the
//! configuration file's values are put into the place of the defaults before the real parse.

use std::{env, ffi::OsString};

use clap::{ArgMatches, Command, CommandFactory as _, Parser, Subcommand, error::ErrorKind};
use clap_complete::CompleteEnv;

use crate::{
    commands::{
        account, backup, call, category, check, completions, copy, coupon, docs, explain, log, managers,
        migrate, order, partner, person, product, restore, serve,
    },
    failure::Failure,
    options::{config_file, environment, everywhere::Everywhere},
    transfer::{export, generate, import},
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

An option can also be set by an environment variable (BILLHOOK_ and its name in capitals, such as \
BILLHOOK_DATA; not so switches like --replace) and by a key in the file that --config names, a TOML file with a table for each command:

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
    #[command(subcommand)]
    Person(person::Action),
    Import(import::Arguments),
    Export(export::Arguments),
    Generate(generate::Arguments),
    Call(call::Arguments),
    Docs(docs::Arguments),
    Explain(explain::Arguments),
    Log(log::Arguments),
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
}

/// Why the command line was not read.
pub(crate) enum ParseError {
    /// clap's own: it prints itself, help and version among them.
    Clap(clap::Error),
    /// The configuration file's.
    Failure(Failure),
}

/// Reads the command line, the environment and the configuration file. What to tell before anything is done, or fails, is added to
/// `warnings`: variables that are not read, files with secrets in them that others can read.
pub(crate) fn parse(arguments: Vec<OsString>, warnings: &mut Vec<String>) -> Result<Parsed, ParseError> {
    let mut command = command();
    // Help is to be had whatever the configuration file says.
    if let Err(error) = command.clone().try_get_matches_from(&arguments)
        && matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion)
    {
        return Err(ParseError::Clap(error));
    }
    warnings.extend(environment::warnings(&command));
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
    if matches!(&command_line.action, Action::Serve(serve) if serve.demo) {
        command_line.everywhere.store.for_demo();
    }
    warnings.extend(command_line.everywhere.store.warnings());
    Ok(Parsed { command_line, sources })
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
    environment::with_variables(command)
}

/// Answers a shell that asks for completions. Whether one did.
pub(crate) fn answered() -> Result<bool, clap::Error> {
    CompleteEnv::with_factory(command).var(completions::VARIABLE).try_complete(env::args_os(), None)
}
