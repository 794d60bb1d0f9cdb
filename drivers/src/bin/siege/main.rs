//! Hostile clients against a real server that also serves honest ones. Measures for each attack what the
//! server does, its memory, what remains afterwards, and how long honest clients wait.
//!
//! It is not a part of `xtask` because the load must come from a release build.

mod attacks;
mod crowd;
mod frames;
mod scene;
mod target;

use std::{fmt::Write as _, io::Write as _, process::ExitCode, time::Duration};

use billhook_drivers::{Result, idle};
use clap::Parser;

use crate::{
    attacks::ATTACKS,
    scene::{Outcome, Scene},
};

/// Attacks Billhook with hostile clients; prints one table
#[derive(Debug, Parser)]
#[command(name = "cargo xtask siege")]
struct Options {
    /// How long floods and the honest load last, in seconds
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Only this attack; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Short time-outs, floods of two seconds, no long attacks, and no check of latencies
    #[arg(long)]
    quick: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("siege: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether every limit held.
fn run(options: &Options) -> Result<bool> {
    if let Some(unknown) = options.only.iter().find(|name| ATTACKS.iter().all(|attack| attack.name != *name))
    {
        let names: Vec<_> = ATTACKS.iter().map(|attack| attack.name).collect();
        return Err(format!("there is no attack {unknown}; there are: {}", names.join(", ")).into());
    }
    idle::allow_many_files()?;
    let seconds = Duration::from_secs(if options.quick { 2 } else { options.seconds });
    let scene = Scene::new(seconds, options.quick)?;
    let mut table =
        "| attack | what became of it | private MiB, peak | at most | p99 alone, ms | p99 | descriptors left |\n\
                     |---|---|--:|--:|--:|--:|--:|\n"
            .to_owned();
    let mut broken = Vec::new();
    let mut count = 0;
    for attack in ATTACKS {
        let chosen = if options.only.is_empty() {
            !options.quick || attack.is_quick
        } else {
            options.only.iter().any(|name| name == attack.name)
        };
        if !chosen {
            continue;
        }
        eprintln!("siege: {}: {}", attack.name, attack.what);
        let outcome = scene.suffer(attack)?;
        count += 1;
        let faults = outcome.faults(attack, !options.quick);
        for fault in &faults {
            eprintln!("siege: {}: {fault}", attack.name);
        }
        row(&mut table, attack.name, attack.private_mib_max, &outcome, !faults.is_empty());
        if !faults.is_empty() {
            broken.push(attack.name);
        }
    }
    let mut out = std::io::stdout();
    writeln!(out, "{table}")?;
    if !options.quick {
        let (rate, times, more) = (scene::PER_SECOND, scene::P99_TIMES, scene::P99_MORE_MS);
        writeln!(
            out,
            "p99 is that of {rate} honest requests/s, and may be {times} times what it is alone, and {more} ms"
        )?;
    }
    writeln!(out, "{count} attacks, {} broke a bound{}", broken.len(), list(&broken))?;
    out.flush()?;
    Ok(broken.is_empty())
}

fn row(table: &mut String, name: &str, private_mib_max: f64, outcome: &Outcome, is_broken: bool) {
    let Outcome { became, private_mib, p99, p99_alone, files_left } = outcome;
    let became = match became {
        Ok(became) => became.clone(),
        Err(fault) => format!("**{fault}**"),
    };
    let name = if is_broken { format!("**{name}**") } else { name.to_owned() };
    let p99 = p99.as_ref().map_or_else(|fault| format!("**{fault}**"), |p99| format!("{p99:.2}"));
    let _ = writeln!(
        table,
        "| {name} | {became} | {private_mib:.0} | {private_mib_max:.0} | {p99_alone:.2} | {p99} | {files_left} |"
    );
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) }
}
