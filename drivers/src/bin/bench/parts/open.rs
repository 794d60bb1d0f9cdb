//! Open loop: latencies at half of the closed loop's rate, compared with the floor's at the same rate and
//! under the same disturbance. The cases: alone, during an import or a backup, with idle connections, from a
//! cold disk.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use billhook_drivers::{
    Result, folders, idle,
    open_loop::{self, Latency, Plan},
};
use billhook_test_kit::Running;

use crate::{
    requests::Kind,
    scene::{Load, Scene},
    table::{Pairs, Row, Target},
    wrk::Goal,
};

pub(crate) const IDLE_CONNECTIONS: usize = 10_000;
/// The pause between two checks whether a command has ended.
const PAUSE: Duration = Duration::from_millis(20);

/// Billhook's and the floor's.
type Latencies = Pairs<Latency, Latency>;
type Quantile = fn(&Latency) -> f64;

struct Set<'s> {
    scene: &'s Scene,
    store: PathBuf,
    load: Load,
    floor: Running,
    plan: Plan,
    /// How many commands have finished during the load.
    ran: AtomicUsize,
}

pub(crate) fn measure(scene: &mut Scene, rows: &mut Vec<Row>) -> Result<()> {
    let base = scene.store()?;
    let store = scene.path("open-store");
    folders::copy(&base, &store)?;
    let server = scene.serve(&store)?;
    let load = scene.usual_load(Kind::Right, &server)?;
    let reached = if let Some(rate) = scene.rate {
        rate
    } else {
        scene.closed_loop(Goal::of(&server)?, &load, 64)?.per_second
    };
    let plan = Plan { per_second: reached / 2.0, time: scene.time, cold: false };
    let floor = scene.floor(&[load.requests.answer_bytes])?;
    let set = Set { scene, store, load, floor, plan, ran: AtomicUsize::new(0) };
    let note = format!("{:.0} requests/s", plan.per_second);

    let alone = set.rounds(&server, |running| set.latency(running, plan))?;
    report(rows, "alone", &alone, None, Some(1.5), &note);
    let idle = set.rounds(&server, |running| set.with_idle(running))?;
    report(rows, "with 10,000 idle connections", &idle, Some(&alone), None, &note);
    let copy = scene.path("backup");
    let backup = set.rounds(&server, |running| {
        set.beside(running, || vec![vec!["backup".into(), shown(&copy)]], Some(&copy))
    })?;
    let backups = format!("{note}; {} backups", set.ran.swap(0, Ordering::Relaxed));
    report(rows, "while a backup runs", &backup, Some(&alone), Some(3.0), &backups);
    let file = scene.path("orders.jsonl");
    scene.export(&base, &shown(&file))?;
    let number = AtomicUsize::new(0);
    let import = set.rounds(&server, |running| {
        set.beside(running, || import(number.fetch_add(1, Ordering::Relaxed), &file), None)
    })?;
    let imports = format!("{note}; {} imports", set.ran.swap(0, Ordering::Relaxed));
    report(rows, "while an import runs", &import, Some(&alone), Some(3.0), &imports);
    server.stop()?;
    let mut cold = Pairs::new();
    let mut cleared = "";
    for _ in 0..scene.rounds {
        cold.round(
            || {
                cleared = clear_cache(&base)?;
                let server = scene.serve(&base)?;
                let latency = set.cold(&server)?;
                server.stop().map(|()| latency)
            },
            || {
                clear_cache(&base)?;
                set.cold(&scene.floor(&[set.load.requests.answer_bytes])?)
            },
        )?;
    }
    report(rows, "just started on a cold disk", &cold, Some(&alone), None, &format!("{note}; {cleared}"));
    Ok(())
}

/// An account, and the import into it.
fn import(number: usize, file: &Path) -> Vec<Vec<String>> {
    let login = format!("import{number}");
    let add = ["account", "add", &login].map(str::to_owned).to_vec();
    vec![add, vec!["import".into(), "--account".into(), login, shown(file)]]
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

impl Set<'_> {
    /// Measures server and floor in the same way.
    fn rounds(&self, server: &Running, measure: impl Fn(&Running) -> Result<Latency>) -> Result<Latencies> {
        let mut pairs = Pairs::new();
        for _ in 0..self.scene.rounds {
            pairs.round(|| measure(server), || measure(&self.floor))?;
        }
        Ok(pairs)
    }

    fn latency(&self, running: &Running, plan: Plan) -> Result<Latency> {
        open_loop::run(running.address()?, &self.load.requests.all, plan, false, &|| true)
    }

    /// The first requests after a start.
    fn cold(&self, running: &Running) -> Result<Latency> {
        self.latency(running, Plan { cold: true, ..self.plan })
    }

    fn with_idle(&self, running: &Running) -> Result<Latency> {
        let request = self.load.requests.all.first().map(Vec::as_slice);
        let connections = idle::open(running.address()?, IDLE_CONNECTIONS, request)?;
        let latency = self.latency(running, self.plan)?;
        idle::all_open(&connections)?;
        Ok(latency)
    }

    /// Runs commands on the store repeatedly during the load. Waits for the first one.
    fn beside(
        &self,
        running: &Running,
        commands: impl Fn() -> Vec<Vec<String>> + Sync,
        made: Option<&Path>,
    ) -> Result<Latency> {
        let end = AtomicBool::new(false);
        let done = AtomicUsize::new(0);
        thread::scope(|scope| {
            let beside = scope.spawn(|| {
                while !end.load(Ordering::Relaxed) {
                    for arguments in commands() {
                        self.run_until(&arguments, &end)?;
                    }
                    if let Some(made) = made
                        && made.exists()
                    {
                        fs::remove_file(made)?;
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
                Result::Ok(())
            });
            let enough = || done.load(Ordering::Relaxed) > 0 || beside.is_finished();
            let requests = &self.load.requests.all;
            let latency = open_loop::run(running.address()?, requests, self.plan, false, &enough);
            end.store(true, Ordering::Relaxed);
            self.ran.fetch_add(done.load(Ordering::Relaxed), Ordering::Relaxed);
            beside.join().map_err(|_| "a command's thread panicked")??;
            latency
        })
    }

    /// Runs a command to its end, or kills it when `end` is set.
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
}

/// Drops the kernel's file cache: all of it if possible, else that of the store.
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

/// A row for each quantile; the target is for p99.
fn report(
    rows: &mut Vec<Row>,
    name: &str,
    pairs: &Latencies,
    alone: Option<&Latencies>,
    p99_at_most: Option<f64>,
    note: &str,
) {
    let quantiles: [(&str, Quantile); 3] =
        [("p50", |latency| latency.p50), ("p99", |latency| latency.p99), ("p99.9", |latency| latency.p999)];
    for (quantile, figure) in quantiles {
        let row = Row::new(format!("latency {name}: {quantile}"), pairs.ours(figure), "ms");
        let target = p99_at_most.filter(|_| quantile == "p99").map(Target::RatioAtMost);
        let row = row.beside(pairs.theirs(figure)).target(target);
        let against_quiet =
            alone.map(|alone| format!("; {:.1} of the quiet floor's", row.value / alone.theirs(figure)));
        rows.push(row.note(format!("{note}{}", against_quiet.unwrap_or_default())));
    }
}
