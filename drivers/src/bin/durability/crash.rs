//! Kills Billhook at random moments, many times, and checks each time that the store holds what was
//! acknowledged, once.
//!
//! A seed decides what happens, so the plan of a run can be repeated. The instruction at which a process dies
//! depends on the machine.

mod archive;
mod backups;
mod copies;
mod imports;
mod life;
mod migrations;
mod rounds;
mod serving;

use std::time::Instant;

use billhook_drivers::{Result, billhook::Billhook};
use clap::{Args, ValueEnum};

use self::rounds::{Kind, Rounds};
use crate::tally::Tally;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many rounds, each with a kill
    #[arg(long, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Where the store is
    #[arg(long, value_enum, default_value = "sqlite")]
    engine: Engine,
    /// The same seed gives the same rounds [default: random]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Connections that create and change orders
    #[arg(long, value_name = "N", default_value = "16", value_parser = clap::value_parser!(u32).range(1..=256))]
    connections: u32,
    /// After how many rounds a new store begins
    #[arg(long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u32).range(1..))]
    life: u32,
    /// Only rounds of this kind
    #[arg(long, value_enum, value_name = "KIND")]
    only: Option<Kind>,
}

/// The store's engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// A data folder.
    Sqlite,
    /// A PostgreSQL of this run, with several nodes.
    Postgres,
}

impl Engine {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// Rounds between two reports of progress.
const TOLD_EVERY: u32 = 50;

/// Runs the rounds until one finds something. Returns the report.
pub(crate) fn run(billhook: Billhook, options: &Options) -> Result<String> {
    let seed = options.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let begun = Instant::now();
    let mut tally = Tally::default();
    let mut rounds = Rounds::new(billhook, options, seed)?;
    let mut is_loaded = false;
    for round in 1..=options.rounds {
        let kind = rounds.draw();
        let mut done = rounds.run(round, kind, &mut tally);
        tally.count(kind.name());
        is_loaded |= kind.is_of_servers();
        if round == options.rounds && done.is_ok() && !tally.is_wrong() {
            done = rounds.end_life(&mut tally);
        }
        if let Err(failure) = done {
            tally.wrong(failure.to_string());
        }
        if tally.is_wrong() {
            eprintln!("crash: round {round} ({}), --seed {seed}:", kind.name());
            for finding in tally.findings() {
                eprintln!("crash:   {finding}");
            }
            eprintln!("crash: what there is of the stores is kept in {}", rounds.keep().display());
            break;
        }
        if round.is_multiple_of(TOLD_EVERY) {
            eprintln!("crash: {round} of {} rounds, {} acknowledged", options.rounds, tally.acknowledged);
        }
    }
    let engine = options.engine.name();
    let told = format!("{engine}, seed {seed}, {:.0} s:\n{tally}", begun.elapsed().as_secs_f64());
    if tally.is_wrong() {
        return Err(told.into());
    }
    if tally.acknowledged == 0 && is_loaded {
        return Err(format!("{told}\nno write was acknowledged, so nothing was tested").into());
    }
    Ok(told)
}
