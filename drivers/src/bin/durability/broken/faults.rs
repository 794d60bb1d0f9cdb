//! Makes every write and every sync of a short run fail once. In the run a server starts, takes orders and
//! payments, copies its log, and stops.
//!
//! After a failed sync, the next sync writes nothing, as on Linux (`disk`). So whatever is acknowledged
//! later, even after a restart, must survive a power cut.

use std::{
    fs,
    time::{Duration, Instant},
};

use billhook_drivers::{Result, billhook::Billhook};
use billhook_test_kit::Running;
use fuser::Errno;
use rand::{SeedableRng as _, rngs::StdRng};

use super::DataDisk;
use crate::{
    disk::{Fault, Operation, Picture},
    load::{Caller, End},
    record::{Change, Record},
    seller::PAID,
    tally::Tally,
};

/// How many orders are made and paid during a fault, and after it.
const ORDERS: u64 = 3;
/// How long a server may take to write again, or to end.
const AGAIN_MAX: Duration = Duration::from_secs(5);
/// How long a server may take to end.
const END_MAX: Duration = Duration::from_secs(20);
/// Nearly the length at which the log is copied, so that this happens in the run.
const LOG_BYTES: u64 = 990 * 4096;

/// A kind of fault.
#[derive(Debug, Clone, Copy)]
struct Way {
    name: &'static str,
    of: Operation,
    lasts: bool,
    error: Errno,
    /// Whether to kill the server after it has refused a call, so that its log stays.
    kills: bool,
}

const WAYS: [Way; 6] = [
    Way { name: "a write fails", ..Way::new(Operation::Change, Errno::EIO) },
    Way { name: "a write finds no room", ..Way::new(Operation::Change, Errno::ENOSPC) },
    Way { name: "the disk is full", lasts: true, ..Way::new(Operation::Change, Errno::ENOSPC) },
    Way { name: "a sync fails", ..Way::new(Operation::Sync, Errno::EIO) },
    Way { name: "a sync finds no room", ..Way::new(Operation::Sync, Errno::ENOSPC) },
    Way {
        name: "a sync fails and the server is killed",
        kills: true,
        ..Way::new(Operation::Sync, Errno::EIO)
    },
];

impl Way {
    const fn new(of: Operation, error: Errno) -> Self {
        Self { name: "", of, lasts: false, error, kills: false }
    }
}

/// The results of the runs.
#[derive(Default)]
struct Report {
    runs: u64,
    acknowledged: u64,
    refused: u64,
    /// Servers that did not start, went on, or ended.
    not_started: u64,
    went_on: u64,
    ended: u64,
    killed: u64,
    compared: u64,
}

/// Does all runs, or one of every `every`; the first violation is an error.
pub(crate) fn run(billhook: Billhook, every: u64) -> Result<String> {
    let begun = Instant::now();
    let mut shop = DataDisk::new(billhook)?;
    shop.add_account()?;
    shop.fill()?;
    fill_log(&mut shop)?;
    // From now on everything is durable.
    shop.compare(&mut Tally::default())?;
    let picture = shop.disk.picture();
    let record = shop.record.clone();
    let mut report = Report::default();
    for way in WAYS {
        let mut after = 0;
        loop {
            let happened = one(&mut shop, (&picture, &record), way, after, &mut report)
                .map_err(|failure| format!("disk-faults: {} after {after} others: {failure}", way.name))?;
            if !happened {
                break;
            }
            after += every;
        }
    }
    let Report { runs, acknowledged, refused, not_started, went_on, ended, killed, compared } = report;
    Ok(format!(
        "disk-faults: {runs} runs in {} s, a fault in each: {acknowledged} calls were acknowledged and {refused} refused with code 9; \
         {not_started} servers did not start, {went_on} went on by themselves, {ended} ended, {killed} were killed\nsound each time; 0 of {compared} orders \
         and payments were lost after the fault, a restart and a power cut; no server said it more than once",
        begun.elapsed().as_secs()
    ))
}

/// Makes orders until the log is long, and kills the server.
fn fill_log(shop: &mut DataDisk) -> Result<()> {
    let server = shop.serve()?;
    let mut caller = Caller::connect(server.address()?)?;
    while fs::metadata(shop.data().join("billhook.db-wal"))?.len() < LOG_BYTES {
        shop.order(&mut caller)?;
    }
    drop(server);
    shop.disk.settle();
    Ok(())
}

/// One run with one fault. Returns whether the run was long enough for it.
fn one(
    shop: &mut DataDisk,
    (picture, record): (&Picture, &Record),
    way: Way,
    after: u64,
    report: &mut Report,
) -> Result<bool> {
    shop.disk.put_back(picture)?;
    shop.record = record.clone();
    let before = shop.disk.faults();
    shop.disk.set_fault(Some(Fault { of: way.of, after, lasts: way.lasts, error: way.error }));
    let outcome = match shop.serve() {
        Ok(server) => served(shop, server, way, report)?,
        Err(failure) => {
            told_once(&shop.log()?, 1).map_err(|why| format!("{why}: {failure}"))?;
            report.not_started += 1;
            Outcome::Over
        }
    };
    let happened = shop.disk.faults() > before;
    shop.disk.set_fault(None);
    if let Outcome::Runs(server) = outcome {
        goes_on_or_ends(shop, server, report)?;
    }
    // On the same disk and cache. If a log was left, no command may copy it before the server uses it.
    if !way.kills {
        shop.compare(&mut Tally::default())?;
    }
    let server = shop.serve()?;
    let mut caller = Caller::connect(server.address()?)?;
    for _ in 0..ORDERS {
        if !shop.order(&mut caller)?.1 {
            return Err("on a sound disk an order is put off".into());
        }
    }
    shop.disk.cut();
    drop(server);
    shop.disk.come_back(&mut StdRng::seed_from_u64(after))?;
    report.compared += shop.compare(&mut Tally::default())?;
    report.runs += u64::from(happened);
    Ok(happened)
}

enum Outcome {
    Runs(Running),
    Over,
}

/// Makes orders and payments during the fault.
fn served(shop: &mut DataDisk, server: Running, way: Way, report: &mut Report) -> Result<Outcome> {
    let Ok(mut caller) = Caller::connect(server.address()?) else { return ended(shop, server, report) };
    for _ in 0..ORDERS {
        let order = match shop.order(&mut caller) {
            Ok((order, true)) => order,
            Ok((_, false)) => {
                report.refused += 1;
                if way.kills {
                    report.killed += 1;
                    return Ok(Outcome::Over);
                }
                continue;
            }
            Err(End::Gone(_)) => return ended(shop, server, report),
            Err(wrong) => return Err(wrong.into()),
        };
        report.acknowledged += 1;
        match caller.change(order, Change::Pay(PAID)) {
            Ok(true) => report.acknowledged += 1,
            Ok(false) => report.refused += 1,
            Err(End::Gone(_)) => return ended(shop, server, report),
            Err(wrong) => return Err(wrong.into()),
        }
    }
    Ok(Outcome::Runs(server))
}

/// Once the disk works again, the server writes again and stops normally, or it has ended with a message.
fn goes_on_or_ends(shop: &mut DataDisk, server: Running, report: &mut Report) -> Result<()> {
    let begun = Instant::now();
    loop {
        let connected = Caller::connect(server.address()?);
        match connected.and_then(|mut caller| shop.order(&mut caller).map(|(_, is_made)| is_made)) {
            Ok(true) => break,
            Ok(false) if begun.elapsed() < AGAIN_MAX => std::thread::sleep(Duration::from_millis(50)),
            Ok(false) => return Err(format!("it neither writes nor ends: {}", shop.log()?).into()),
            Err(End::Gone(_)) => return ended(shop, server, report).map(drop),
            Err(wrong) => return Err(wrong.into()),
        }
    }
    server.stop()?;
    told_once(&shop.log()?, 0)?;
    report.went_on += 1;
    Ok(())
}

fn ended(shop: &DataDisk, mut server: Running, report: &mut Report) -> Result<Outcome> {
    let status = server.wait(END_MAX)?;
    if status != Some(1) {
        return Err(format!("a server ended with {status:?}: {}", shop.log()?).into());
    }
    told_once(&shop.log()?, 1)?;
    report.ended += 1;
    Ok(Outcome::Over)
}

/// A fault is reported in one line, and again in a program's last line: what, where, and how to mend it.
fn told_once(log: &str, last_words: usize) -> Result<()> {
    let (last, lines): (Vec<&str>, Vec<&str>) =
        log.lines().filter(|line| !line.is_empty()).partition(|line| line.starts_with("billhook: "));
    let says_all = |line: &str| line.contains("/data") && line.contains("disk");
    if lines.len() > 1 || last.len() != last_words || !last.iter().chain(&lines).all(|line| says_all(line)) {
        return Err(format!("it is not told in one line with the place and the disk: {log}").into());
    }
    if log.contains("panicked") {
        return Err(format!("a panic: {log}").into());
    }
    Ok(())
}
