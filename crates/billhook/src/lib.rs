//! The program: reads the command line, runs one command, and reports a failure in one line.
//!
//! It is a library only because the fuzzer needs one.

mod command_line;
mod commands;
mod failure;
#[cfg(fuzzing)]
pub mod fuzzing;
mod nearest;
mod options;
mod record;
mod terminal;
mod transfer;

use std::{env, process::ExitCode};

use crate::{
    command_line::{Action, ParseError, Parsed},
    failure::{Failure, say},
    options::everywhere::LogLevel,
};

/// Runs the program.
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|fault| {
        // The message of a panic may hold a customer's data; the place is enough.
        let place = fault.location().map(ToString::to_string).unwrap_or_default();
        say(&format!("an internal error at {place}: please report it, with what you did"));
    }));
    match std::panic::catch_unwind(run) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => failure.report(),
        // The panic hook has printed it.
        Err(_) => ExitCode::from(1),
    }
}

fn run() -> Result<(), Failure> {
    if command_line::answered().map_err(Failure::usage)? {
        return Ok(());
    }
    terminal::interrupt::outlive_limits()?;
    let mut warnings = Vec::new();
    let parsed = command_line::parse(env::args_os().collect(), &mut warnings);
    for warning in &warnings {
        say(warning);
    }
    let Parsed { command_line, sources } = match parsed {
        Ok(parsed) => parsed,
        Err(ParseError::Failure(failure)) => return Err(failure),
        Err(ParseError::Clap(error)) => return usage(&error),
    };
    let everywhere = command_line.everywhere;
    let usual = if matches!(command_line.action, Action::Serve(_)) { LogLevel::Info } else { LogLevel::Warn };
    terminal::logging::start(everywhere.log_level.unwrap_or(usual), everywhere.log_format);
    match command_line.action {
        Action::Serve(_) => {}
        Action::Listen(_) => terminal::interrupt::end_well()?,
        _ => terminal::interrupt::leave_nothing_unfinished()?,
    }
    match command_line.action {
        Action::Serve(serve) => serve.run(&everywhere),
        Action::Account(account) => account.run(&everywhere, &sources),
        Action::Order(order) => order.run(&everywhere),
        Action::Customer(customer) => customer.run(&everywhere),
        Action::Product(product) => product.run(&everywhere),
        Action::Coupon(coupon) => coupon.run(&everywhere),
        Action::Category(category) => category.run(&everywhere),
        Action::Partner(partner) => partner.run(&everywhere),
        Action::Manager(manager) => manager.run(&everywhere),
        Action::Contact(contact) => contact.run(&everywhere),
        Action::Group(group) => group.run(&everywhere),
        Action::Tag(tag) => tag.run(&everywhere),
        Action::Person(person) => person.run(&everywhere),
        Action::Webhook(webhook) => webhook.run(&everywhere),
        Action::Delivery(delivery) => delivery.run(&everywhere),
        Action::Outbox(outbox) => outbox.run(&everywhere),
        Action::Trigger(trigger) => trigger.run(&everywhere),
        Action::Report(report) => report.run(&everywhere),
        Action::Import(import) => import.run(&everywhere),
        Action::Export(export) => export.run(&everywhere),
        Action::Generate(generate) => generate.run(&everywhere),
        Action::Call(call) => call.run(&sources),
        Action::Log(log) => log.run(&sources),
        Action::Listen(listen) => listen.run(&sources),
        Action::Docs(docs) => docs.run(),
        Action::Explain(explain) => explain.run(&sources),
        Action::Backup(backup) => backup.run(&everywhere),
        Action::Restore(restore) => restore.run(&everywhere),
        Action::Check(check) => check.run(&everywhere),
        Action::Copy(copy) => copy.run(&everywhere),
        Action::Migrate(migrate) => migrate.run(&everywhere),
        Action::Completions(completions) => completions.run(),
    }
}

/// Prints help and version as answers. Anything else is a wrong command line, reported in one line.
fn usage(error: &clap::Error) -> Result<(), Failure> {
    use clap::error::ErrorKind;
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(error.print()?),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            error.print()?;
            Err(Failure::UsageShown)
        }
        _ => Err(Failure::usage(one_line(&error.render().to_string()))),
    }
}

/// clap's message without its frame: what is wrong, what it suggests, and the usage.
fn one_line(message: &str) -> String {
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let message = message.split("\nFor more information").next().unwrap_or(message);
    let lines: Vec<&str> = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let line = lines.join(" ");
    match line.split_once(" Usage: ") {
        Some((what, usage)) => format!("{what} (usage: {usage})"),
        None => format!("{line} (--help says more)"),
    }
}
