//! Open loop: latencies at half of the rate that the closed loop reached, beside the floor's at the same rate and beside the same
//! disturbance: alone, while an import or a backup runs, with idle connections, from a cold disk.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use crate::{
    Result, idle,
    open_loop::{self, Latency, Plan},
    process::Running,
    scene::{Load, Scene},
    shop::{self, Kind},
    stores,
    table::{Row, Target, median},
    wrk::Goal,
};

pub(crate) const IDLE_CONNECTIONS: usize = 10_000;
/// Between a look at a command's end and the next.
const PAUSE: Duration = Duration::from_millis(20);

/// One pair a round: Billhook's, the floor's.
type Pairs = Vec<(Latency, Latency)>;
type Quantile = fn(&Latency) -> f64;

struct Set<'s> {
    scene: &'s Scene,
    store: PathBuf,
    load: Load,
    floor: Running,
    plan: Plan,
    /// How many commands have run to their end beside the load.
    ran: AtomicUsize,
}

pub(crate) fn measure(scene: &mut Scene, rows: &mut Vec<Row>) -> Result<()> {
    let base = scene.store()?;
    let store = scene.path("open-store");
    stores::copy(&base, &store)?;
    let server = scene.serve(&store)?;
    let load = scene.usual_load(Kind::Right, &server)?;
    let reached = if let Some(rate) = scene.rate {
        rate
    } else {
        let goal = Goal { pid: server.pid(), address: server.address()?, tls: false };
        scene.closed_loop(goal, &load, 64)?.per_second
    };
    let plan = Plan { per_second: reached / 2.0, time: scene.time, cold: false };
    let floor = scene.floor(&[load.requests.answer_bytes])?;
    let set = Set { scene, store, load, floor, plan, ran: AtomicUsize::new(0) };
    let note = format!("{:.0} requests/s", plan.per_second);

    let alone = set.rounds(|| Ok((set.latency(&server)?, set.latency(&set.floor)?)))?;
    report(rows, "alone", &alone, None, Some(1.5), &note);
    let idle = set.rounds(|| Ok((set.with_idle(&server)?, set.with_idle(&set.floor)?)))?;
    report(rows, "with 10,000 idle connections", &idle, Some(&alone), None, &note);
    let copy = scene.path("backup");
    let backup = set.rounds(|| {
        let beside =
            |running| set.beside(running, |_| vec![vec!["backup".into(), shown(&copy)]], Some(&copy));
        Ok((beside(&server)?, beside(&set.floor)?))
    })?;
    let backups = format!("{note}; {} backups", set.ran.swap(0, Ordering::Relaxed));
    report(rows, "while a backup runs", &backup, Some(&alone), Some(3.0), &backups);
    let file = scene.path("orders.jsonl");
    scene.run(&base, &["export", "--account", shop::LOGIN, &shown(&file)])?;
    let numbers = AtomicUsize::new(0);
    let import = set.rounds(|| {
        let first = numbers.fetch_add(1000, Ordering::Relaxed);
        let beside = |running, first| set.beside(running, |done| import(first + done, &file), None);
        Ok((beside(&server, first)?, beside(&set.floor, first + 500)?))
    })?;
    let imports = format!("{note}; {} imports", set.ran.swap(0, Ordering::Relaxed));
    report(rows, "while an import runs", &import, Some(&alone), Some(3.0), &imports);
    server.stop()?;
    let mut cleared = "";
    let cold = set.rounds(|| {
        let (ours, floor);
        (ours, floor, cleared) = set.cold(&base)?;
        Ok((ours, floor))
    })?;
    report(rows, "just started on a cold disk", &cold, Some(&alone), None, &format!("{note}; {cleared}"));
    Ok(())
}

/// An account of its own, and the import into it.
fn import(number: usize, file: &Path) -> Vec<Vec<String>> {
    let login = format!("import{number}");
    let add = ["account", "add", &login].map(str::to_owned).to_vec();
    vec![add, vec!["import".into(), "--account".into(), login, shown(file)]]
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

impl Set<'_> {
    fn rounds(&self, mut measure: impl FnMut() -> Result<(Latency, Latency)>) -> Result<Pairs> {
        (0..self.scene.rounds).map(|_| measure()).collect()
    }

    fn latency(&self, running: &Running) -> Result<Latency> {
        open_loop::run(running.address()?, &self.load.requests.all, self.plan, &|| true)
    }

    fn with_idle(&self, running: &Running) -> Result<Latency> {
        let request = self.load.requests.all.first().map(Vec::as_slice);
        let connections = idle::open(running.address()?, IDLE_CONNECTIONS, request)?;
        let latency = self.latency(running)?;
        idle::all_open(&connections)?;
        Ok(latency)
    }

    /// While commands run on the store, again and again; the first time they are waited for.
    fn beside(
        &self,
        running: &Running,
        commands: impl Fn(usize) -> Vec<Vec<String>> + Sync,
        made: Option<&Path>,
    ) -> Result<Latency> {
        let end = AtomicBool::new(false);
        let done = AtomicUsize::new(0);
        thread::scope(|scope| {
            let beside = scope.spawn(|| {
                while !end.load(Ordering::Relaxed) {
                    for arguments in commands(done.load(Ordering::Relaxed)) {
                        self.run_until(&arguments, &end)?;
                    }
                    if let Some(made) = made
                        && made.exists()
                    {
                        fs::remove_file(made)?;
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
            });
            let latency = open_loop::run(running.address()?, &self.load.requests.all, self.plan, &|| {
                done.load(Ordering::Relaxed) > 0 || beside.is_finished()
            });
            end.store(true, Ordering::Relaxed);
            self.ran.fetch_add(done.load(Ordering::Relaxed), Ordering::Relaxed);
            beside.join().map_err(|_| "a command's thread panicked")??;
            latency
        })
    }

    /// Runs a command to its end, or kills it at the given one.
    fn run_until(&self, arguments: &[String], end: &AtomicBool) -> Result<()> {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = self.scene.command(&self.store, &arguments);
        let mut child = command.stdout(std::process::Stdio::null()).spawn()?;
        loop {
            match child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("{}: {status}", arguments.join(" ")).into()),
                None if end.load(Ordering::Relaxed) => {
                    child.kill()?;
                    child.wait()?;
                    return Ok(());
                }
                None => thread::sleep(PAUSE),
            }
        }
    }

    /// The first requests after a start with nothing of the store in memory.
    fn cold(&self, store: &Path) -> Result<(Latency, Latency, &'static str)> {
        let plan = Plan { cold: true, ..self.plan };
        let latency =
            |running: &Running| open_loop::run(running.address()?, &self.load.requests.all, plan, &|| true);
        let cleared = clear_cache(store)?;
        let server = self.scene.serve(store)?;
        let ours = latency(&server)?;
        server.stop()?;
        clear_cache(store)?;
        let floor = self.scene.floor(&[self.load.requests.answer_bytes])?;
        Ok((ours, latency(&floor)?, cleared))
    }
}

/// Drops what the kernel has in memory of files: all of it if it lets us, else of the store's.
fn clear_cache(store: &Path) -> Result<&'static str> {
    rustix::fs::sync();
    if fs::write("/proc/sys/vm/drop_caches", "3").is_ok() {
        return Ok("all caches dropped");
    }
    for entry in fs::read_dir(store)? {
        let file = fs::File::open(entry?.path())?;
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
    }
    Ok("the store's pages dropped")
}

/// A row for each quantile. The target is for p99.
fn report(
    rows: &mut Vec<Row>,
    name: &str,
    pairs: &Pairs,
    alone: Option<&Pairs>,
    p99_at_most: Option<f64>,
    note: &str,
) {
    let quantiles: [(&str, Quantile); 3] =
        [("p50", |latency| latency.p50), ("p99", |latency| latency.p99), ("p99.9", |latency| latency.p999)];
    for (quantile, figure) in quantiles {
        let floor_of = |pairs: &Pairs| median(pairs.iter().map(|(_, floor)| figure(floor)));
        let ours = median(pairs.iter().map(|(ours, _)| figure(ours)));
        let row = Row::new(format!("latency {name}: {quantile}"), ours, "ms").beside(floor_of(pairs));
        let row = match (quantile, p99_at_most) {
            ("p99", Some(most)) => row.target(Target::RatioAtMost(most)),
            _ => row,
        };
        let against_quiet =
            alone.map(|alone| format!("; {:.1} of the quiet floor's", ours / floor_of(alone)));
        rows.push(row.note(format!("{note}{}", against_quiet.unwrap_or_default())));
    }
}
