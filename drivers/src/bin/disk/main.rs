//! The store in a folder, through the real program, on disks that lose power, fail, fill up, or give back other bytes than were
//! written. Each part ends with the lines that say what was done and found, and with status 1 if anything is wrong.
//!
//! The disk is `billhook_drivers::disk`. It is mounted in a mount namespace of this program's own, so that nothing is left of it however this ends.

mod damage;
mod faults;
mod ledger;
mod power_loss;
mod shop;

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

pub(crate) use billhook_drivers::Result;

/// What becomes of a store when its disk loses power, fails, fills up or decays
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Options {
    #[command(subcommand)]
    part: Part,
    /// The program to be tried [default: the one beside this]
    #[arg(long, global = true, value_name = "FILE")]
    program: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Power is lost while orders are made, and within start, backup, import, restore and migration
    PowerLoss {
        /// How often
        #[arg(long, value_name = "N", default_value = "200")]
        rounds: u64,
        /// The first round's seed; each has the next one
        #[arg(long, value_name = "S", default_value = "1")]
        seed: u64,
    },
    /// Every write and every sync of a server's short run fails, or finds no room
    DiskFaults {
        /// Only one of so many of them
        #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u64).range(1..))]
        every: u64,
    },
    /// Bytes of a store's files are other ones than were written
    Damage {
        /// How many stores are damaged, each in one place
        #[arg(long, value_name = "N", default_value = "400")]
        rounds: u64,
        /// The first round's seed; each has the next one
        #[arg(long, value_name = "S", default_value = "1")]
        seed: u64,
    },
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(told) => {
            // Who does not read it has the status.
            let _ = writeln!(std::io::stdout(), "{told}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<String> {
    let program = match &options.program {
        Some(program) => program.clone(),
        None => std::env::current_exe()?.with_file_name("billhook"),
    };
    match options.part {
        Part::PowerLoss { rounds, seed } => power_loss::run(&program, rounds, seed),
        Part::DiskFaults { every } => faults::run(&program, every),
        Part::Damage { rounds, seed } => damage::run(&program, rounds, seed),
    }
}
