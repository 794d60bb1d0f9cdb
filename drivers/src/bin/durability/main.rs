//! Whether the program keeps what it has acknowledged: it is killed at random moments (`crash`), and its store is on a disk that loses
//! power, fails, fills up, or gives back other bytes than were written. Each part ends with the lines that say what was done and found,
//! and with status 1 if anything is wrong.
//!
//! What happens is drawn from a seed, so a run can be repeated as far as its plan goes; at which instruction a process dies is up to the
//! machine. The disk is mounted in a mount namespace of this program's own, so that nothing is left of it however this ends.

mod broken;
mod crash;
mod disk;
mod export;
mod load;
mod old_store;
mod record;
mod seller;
mod tally;
mod verify;

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use billhook_drivers::{Result, billhook::Billhook};
use clap::{Parser, Subcommand};

use crate::broken::{damage, faults, power_loss};

/// What becomes of a store when its program is killed, or its disk loses power, fails, fills up or decays
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
    /// Kills Billhook at random moments, and looks whether anything acknowledged is lost, or anything is there twice
    Crash(crash::Options),
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
    let billhook = Billhook::find(options.program.as_deref())?;
    match &options.part {
        Part::Crash(options) => crash::run(billhook, options),
        Part::PowerLoss { rounds, seed } => power_loss::run(&billhook, *rounds, *seed),
        Part::DiskFaults { every } => faults::run(billhook, *every),
        Part::Damage { rounds, seed } => damage::run(billhook, *rounds, *seed),
    }
}
