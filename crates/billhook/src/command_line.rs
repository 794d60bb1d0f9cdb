//! The command line: every command and option.
//!
//! An option's value comes from its flag, else its environment variable, else its key in the configuration
//! file, else its default. The variable is `BILLHOOK_` and the option's name in capitals ([`environment`]).
//! clap knows flags, variables and defaults. The configuration file's values become clap's defaults before it
//! parses.

use std::{env, ffi::OsString};

use clap::{ArgMatches, Command, CommandFactory as _, Parser, Subcommand, error::ErrorKind};
use clap_complete::CompleteEnv;

use crate::{
    commands::{
        account, backup, call, category, check, completions, contact, copy, coupon, customer, delivery, docs,
        explain, group, listen, log, managers, migrate, order, outbox, partner, person, product, report,
        restore, serve, tag, trigger, webhook,
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
  billhook serve --demo                       try it; prints a curl line that works
  billhook account add shop                   add an account
  billhook import --account shop orders.csv   import its orders
  billhook serve                              answer at http://shop.localhost:8080

An option can also be set by an environment variable, BILLHOOK_ and its name in capitals (BILLHOOK_DATA); switches \
like --replace have none. Or set it in a TOML file that --config names, with a table for each command:

  data = \"/var/lib/billhook\"
  [serve]
  listen = [\"127.0.0.1:8080\"]

A flag overrides the environment, which overrides the file. Exit status: 0 done, 1 failed, 2 wrong usage.")]
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
    Customer(customer::Action),
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
    Contact(contact::Action),
    #[command(subcommand)]
    Group(group::Action),
    #[command(subcommand)]
    Tag(tag::Action),
    #[command(subcommand)]
    Person(person::Action),
    #[command(subcommand)]
    Webhook(webhook::Action),
    #[command(subcommand)]
    Delivery(delivery::Action),
    #[command(subcommand)]
    Outbox(outbox::Action),
    Trigger(trigger::Arguments),
    Report(report::Arguments),
    Import(import::Arguments),
    Export(export::Arguments),
    Generate(generate::Arguments),
    Call(call::Arguments),
    Docs(docs::Arguments),
    Explain(explain::Arguments),
    Log(log::Arguments),
    Listen(listen::Arguments),
    Backup(backup::Arguments),
    Restore(restore::Arguments),
    Check(check::Arguments),
    Copy(copy::Arguments),
    Migrate(migrate::Arguments),
    Completions(completions::Arguments),
}

/// The parsed command line.
pub(crate) struct Parsed {
    pub(crate) command_line: CommandLine,
    /// Where each value of the command's own options came from.
    pub(crate) sources: ArgMatches,
}

/// Why the command line could not be parsed.
pub(crate) enum ParseError {
    /// clap's error, which prints itself. Help and version are such errors too.
    Clap(clap::Error),
    /// An error in the configuration file.
    Failure(Failure),
}

/// Parses the command line, the environment and the configuration file. Adds to `warnings` what the operator
/// must know even if the command fails: unknown variables, and files with secrets that others can read.
pub(crate) fn parse(arguments: Vec<OsString>, warnings: &mut Vec<String>) -> Result<Parsed, ParseError> {
    let mut command = command();
    // Help must work even with a broken configuration file.
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

/// The clap command, with environment variables and the help texts that are generated from tables.
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

/// Answers a shell's request for completions. Returns whether there was one.
pub(crate) fn answered() -> Result<bool, clap::Error> {
    CompleteEnv::with_factory(command).var(completions::VARIABLE).try_complete(env::args_os(), None)
}
