//! Tests that the program keeps what it has acknowledged. `crash` kills it at random moments; the others put
//! its store on a disk that loses power, fails, fills up, or returns other bytes. Each prints a report, and
//! exits with status 1 if anything is wrong.
//!
//! A seed decides what happens, so the plan of a run can be repeated. The instruction at which a process dies
//! depends on the machine. The disk is mounted in this program's own mount namespace, so nothing of it
//! remains.

mod broken;
mod contacts;
mod crash;
mod disk;
mod export;
mod load;
mod old_store;
mod outbox;
mod record;
mod seller;
mod tally;
mod verify;

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use billhook_drivers::{Result, billhook::Billhook};
use clap::{Parser, Subcommand};

use crate::broken::{damage, faults, power_loss};

/// Tests what a store keeps when its program is killed, or its disk loses power, fails, fills up or decays
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Options {
    #[command(subcommand)]
    part: Part,
    /// The program to test [default: the one beside this]
    #[arg(long, global = true, value_name = "FILE")]
    program: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Kills Billhook at random moments, and checks that nothing acknowledged is lost or there twice
    Crash(crash::Options),
    /// Kills servers between a change and the arrival of its event, and checks that every event arrives
    Outbox(outbox::Options),
    /// Cuts the power while orders are made, and during start, backup, import, restore and migration
    PowerLoss {
        /// How many rounds
        #[arg(long, value_name = "N", default_value = "200")]
        rounds: u64,
        /// The first round's seed; each round adds one
        #[arg(long, value_name = "S", default_value = "1")]
        seed: u64,
    },
    /// Makes every write and every sync of a server's short run fail, or find no space
    DiskFaults {
        /// Only one of every N operations
        #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u64).range(1..))]
        every: u64,
    },
    /// Changes bytes of a store's files
    Damage {
        /// How many stores to damage, each in one place
        #[arg(long, value_name = "N", default_value = "400")]
        rounds: u64,
        /// The first round's seed; each round adds one
        #[arg(long, value_name = "S", default_value = "1")]
        seed: u64,
    },
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(told) => {
            // If nobody reads it, the exit status tells the result.
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
    let billhook = Billhook::find(options.program.as_deref())?;
    match &options.part {
        Part::Crash(options) => crash::run(billhook, options),
        Part::Outbox(options) => outbox::run(&billhook, options),
        Part::PowerLoss { rounds, seed } => power_loss::run(&billhook, *rounds, *seed),
        Part::DiskFaults { every } => faults::run(billhook, *every),
        Part::Damage { rounds, seed } => damage::run(billhook, *rounds, *seed),
    }
}
