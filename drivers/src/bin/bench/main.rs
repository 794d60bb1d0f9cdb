//! Measures Billhook against the floor, the least that an HTTP server can do (`floor.rs`). Both servers run
//! side by side, and one table shows the results.
//!
//! It is not a part of `xtask` because the load and the store's writers must come from a release build.

mod fresh;
mod parts;
mod requests;
mod scene;
mod stores;
mod table;
mod wrk;

use std::{fs, io::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use billhook_drivers::{Result, idle};
use clap::{Parser, ValueEnum};
use serde::Serialize;

use crate::{scene::Scene, table::Row};

/// The same as Billhook's, because durable writes are measured in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Billhook beside the floor; prints one table
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Options {
    /// What to measure [default: everything; with --quick, closed]
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Short runs, two rounds, only the first part: two minutes
    #[arg(long)]
    quick: bool,
    /// Also write the figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where stores are made; a store of the same size and program is reused
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    data: PathBuf,
    /// How many orders the store has
    #[arg(long, value_name = "N", default_value = "1000000", value_parser = clap::value_parser!(u64).range(1000..))]
    orders: u64,
    /// How many customers the orders are spread over [default: a quarter of the orders]
    #[arg(long, value_name = "N")]
    customers: Option<u64>,
    /// Also measure what takes long: 10,000,000 orders
    #[arg(long)]
    huge: bool,
    /// How long one run takes [default: 8; with --quick, 3]
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: Option<u64>,
    /// How often each figure is measured; the table has medians [default: 3; with --quick, 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: Option<u32>,
}

/// A part of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Requests per second and processor time, as fast as answers come
    Closed,
    /// Latencies at a fixed rate: alone, during an import or a backup, with idle connections, from a cold
    /// disk
    Open,
    /// Private memory
    Memory,
    /// From start to the first answer
    Start,
    /// Rates of generate, export and import; the store's size
    Bulk,
    /// Durable orders per second, compared with the disk's own syncs
    Durable,
    /// Orders over HTTP, in a folder and in PostgreSQL: created, paid, read one by one, listed by time
    Orders,
    /// Events: what CreateOrder keeps while they are sent, how fast a backlog goes, how soon one arrives
    Events,
    /// Contacts: imported, looked up, counted, added, and GetBills beside them
    Contacts,
    /// Pages of the cabinet, and GetBills beside ten people who open them
    Cabinet,
    /// The cost of GetBills in stores of other sizes
    Growth,
    /// A store in PostgreSQL: import, GetBills and durable orders compared with pgbench, several nodes
    Postgres,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    idle::allow_many_files()?;
    let parts: &[Part] = match options.parts.as_slice() {
        [] if options.quick => &[Part::Closed],
        [] => Part::value_variants(),
        chosen => chosen,
    };
    let time = Duration::from_secs(options.seconds.unwrap_or(if options.quick { 3 } else { 8 }));
    let rounds = options.rounds.unwrap_or(if options.quick { 2 } else { 3 });
    let customers = options.customers.unwrap_or(options.orders / 4).max(1);
    let mut scene = Scene::new(&options.data, options.orders, customers, time, rounds)?;
    let machine = Machine::look()?;
    if machine.load > 0.5 {
        eprintln!(
            "bench: the machine is busy (load {}): figures of this run are not to be trusted",
            machine.load
        );
    }
    let mut rows = Vec::new();
    // One failed part must not lose half an hour's figures.
    let mut failures = Vec::new();
    for part in parts {
        eprintln!("bench: {part:?}");
        let done = match part {
            Part::Closed => parts::closed::measure(&mut scene, &mut rows),
            Part::Open => parts::open::measure(&mut scene, &mut rows),
            Part::Memory => parts::memory::measure(&scene, &mut rows),
            Part::Start => parts::start::measure(&scene, &mut rows),
            Part::Bulk => parts::bulk::measure(&scene, options.huge, &mut rows),
            Part::Durable => parts::durable::measure(&scene, &mut rows),
            Part::Orders => parts::orders::measure(&scene, &mut rows),
            Part::Events => parts::events::measure(&scene, &mut rows),
            Part::Contacts => parts::contacts::measure(&scene, &mut rows),
            Part::Cabinet => parts::cabinet::measure(&scene, &mut rows),
            Part::Growth => parts::growth::measure(&scene, options.huge, &mut rows),
            Part::Postgres => parts::postgres::measure(&scene, &mut rows),
        };
        if let Err(failure) = done {
            eprintln!("bench: {part:?}: {failure}");
            failures.push(format!("{part:?}"));
        }
    }
    report(options, &machine, &rows)?;
    if failures.is_empty() { Ok(()) } else { Err(format!("failed: {}", failures.join(", ")).into()) }
}

fn report(options: &Options, machine: &Machine, rows: &[Row]) -> Result<()> {
    if let Some(path) = &options.json {
        #[derive(Serialize)]
        struct Report<'a> {
            machine: &'a Machine,
            orders: u64,
            rows: &'a [Row],
        }
        let report = Report { machine, orders: options.orders, rows };
        fs::write(path, serde_json::to_vec_pretty(&report)?)
            .map_err(|cause| format!("{}: {cause}", path.display()))?;
    }
    let mut out = std::io::stdout();
    writeln!(out, "{} orders; {machine}\n\n{}", table::whole(options.orders), table::markdown(rows))?;
    Ok(out.flush()?)
}

/// The machine.
#[derive(Debug, Serialize)]
struct Machine {
    processor: String,
    cores: usize,
    memory_gib: u64,
    kernel: String,
    /// The load average of the last minute before the start.
    load: f64,
}

impl Machine {
    fn look() -> Result<Self> {
        let field = |path, name: &str| -> Result<String> {
            let text = fs::read_to_string(path)?;
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
            Ok(value.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned()))
        };
        let memory = field("/proc/meminfo", "MemTotal")?;
        let kib = memory.split(' ').next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0);
        let load = fs::read_to_string("/proc/loadavg")?;
        Ok(Self {
            processor: field("/proc/cpuinfo", "model name")?,
            cores: std::thread::available_parallelism()?.get(),
            memory_gib: kib >> 20,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            load: load.split(' ').next().unwrap_or_default().parse()?,
        })
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { processor, cores, memory_gib, kernel, load } = self;
        write!(f, "{cores} cores of {processor}, {memory_gib} GiB, Linux {kernel}, load before {load}")
    }
}
