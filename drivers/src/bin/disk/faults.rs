//! Every write and every sync of a short run fails once: a server is started, takes orders and payments, copies its log, and stops.
//!
//! A sync that failed leaves nothing to be written by the next one, as on Linux (`billhook_drivers::disk`). So what is acknowledged later, after a
//! restart too, has to survive a power cut by itself.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use billhook_drivers::{
    Result,
    disk::{Failure, Fault, Operation, Picture},
    process::Running,
};
use rand::{SeedableRng as _, rngs::StdRng};

use crate::{
    ledger::{Change, Ledger},
    shop::{Customer, Shop},
};

/// How many orders are made and paid while there is a fault, and after it.
const ORDERS: u64 = 3;
/// How long a server may take until it writes again, or has ended.
const AGAIN_MAX: Duration = Duration::from_secs(5);
/// The log is nearly as long as it may get: it is copied within the run.
const LOG_BYTES: u64 = 990 * 4096;
/// What an answer is when the store can't be written (decision 56).
const UNAVAILABLE: (u16, i64) = (503, 9);

/// A way to fail.
#[derive(Debug, Clone, Copy)]
struct Way {
    name: &'static str,
    of: Operation,
    lasts: bool,
    error: Failure,
    /// Whether the server is killed when it has refused a call: then its log stays as it is.
    kills: bool,
}

const WAYS: [Way; 6] = [
    Way { name: "a write fails", ..Way::new(Operation::Change, Failure::Io) },
    Way { name: "a write finds no room", ..Way::new(Operation::Change, Failure::Full) },
    Way { name: "the disk is full", lasts: true, ..Way::new(Operation::Change, Failure::Full) },
    Way { name: "a sync fails", ..Way::new(Operation::Sync, Failure::Io) },
    Way { name: "a sync finds no room", ..Way::new(Operation::Sync, Failure::Full) },
    Way {
        name: "a sync fails and the server is killed",
        kills: true,
        ..Way::new(Operation::Sync, Failure::Io)
    },
];

impl Way {
    const fn new(of: Operation, error: Failure) -> Self {
        Self { name: "", of, lasts: false, error, kills: false }
    }
}

/// What came of the runs.
#[derive(Default)]
struct Report {
    runs: u64,
    acknowledged: u64,
    refused: u64,
    /// Servers that did not start, went on, and ended.
    not_started: u64,
    went_on: u64,
    ended: u64,
    killed: u64,
    compared: u64,
}

/// Does the runs, or one of every so many; an error is the first that is wrong.
pub(crate) fn run(program: &Path, every: u64) -> Result<String> {
    let begun = Instant::now();
    let mut shop = Shop::new(program)?;
    shop.fill()?;
    fill_log(&shop)?;
    let picture = shop.disk.picture();
    let ledger = shop.ledger.copy();
    let mut report = Report::default();
    for way in WAYS {
        let mut after = 0;
        loop {
            let happened = one(&mut shop, (&picture, &ledger), way, after, &mut report)
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
fn fill_log(shop: &Shop) -> Result<()> {
    let server = shop.serve()?;
    let mut customer = Customer::new(server.address()?, &shop.ledger)?;
    while fs::metadata(shop.data().join("billhook.db-wal"))?.len() < LOG_BYTES {
        customer.order()?;
    }
    drop(server);
    shop.disk.settle();
    Ok(())
}

/// One run with one fault; says whether the run was long enough for it.
fn one(
    shop: &mut Shop,
    (picture, ledger): (&Picture, &Ledger),
    way: Way,
    after: u64,
    report: &mut Report,
) -> Result<bool> {
    shop.disk.put_back(picture)?;
    shop.ledger = ledger.copy();
    let before = shop.disk.counts().faults;
    shop.disk.set_fault(Some(Fault { of: way.of, after, lasts: way.lasts, error: way.error }));
    let outcome = match shop.serve() {
        Ok(server) => served(shop, server, way, report)?,
        Err(failure) => {
            told_once(&shop.log()?, 1).map_err(|why| format!("{why}: {failure}"))?;
            report.not_started += 1;
            Outcome::Over
        }
    };
    let happened = shop.disk.counts().faults > before;
    shop.disk.set_fault(None);
    if let Outcome::Runs(server) = outcome {
        goes_on_or_ends(shop, server, report)?;
    }
    // On the same disk, with the same pages in the kernel's memory. Where a log was left, no command is to copy it before the server
    // goes on with it.
    if !way.kills {
        shop.compare()?;
    }
    let server = shop.serve()?;
    let mut customer = Customer::new(server.address()?, &shop.ledger)?;
    for _ in 0..ORDERS {
        let (_, answer) = customer.order()?;
        if answer.code != 0 {
            return Err(format!("on a sound disk an order is answered with code {}", answer.code).into());
        }
    }
    shop.disk.cut();
    drop(server);
    shop.disk.come_back(&mut StdRng::seed_from_u64(after))?;
    report.compared += shop.compare()?.kept;
    report.runs += u64::from(happened);
    Ok(happened)
}

enum Outcome {
    Runs(Running),
    Over,
}

/// Orders and pays while there is the fault.
fn served(shop: &Shop, server: Running, way: Way, report: &mut Report) -> Result<Outcome> {
    let Ok(mut customer) = Customer::new(server.address()?, &shop.ledger) else {
        return ended(shop, server, report);
    };
    for _ in 0..ORDERS {
        let Ok((tag, answer)) = customer.order() else { return ended(shop, server, report) };
        let Some(number) = answer.number else {
            if (answer.status, answer.code) != UNAVAILABLE {
                return Err(
                    format!("an order is answered with {} and code {}", answer.status, answer.code).into()
                );
            }
            report.refused += 1;
            if way.kills {
                report.killed += 1;
                return Ok(Outcome::Over);
            }
            continue;
        };
        report.acknowledged += 1;
        let Ok(answer) = customer.change(&tag, number, Change::Paid) else {
            return ended(shop, server, report);
        };
        match (answer.status, answer.code) {
            (200, 0) => report.acknowledged += 1,
            UNAVAILABLE => report.refused += 1,
            (status, code) => {
                return Err(format!("a payment is answered with {status} and code {code}").into());
            }
        }
    }
    Ok(Outcome::Runs(server))
}

/// With a disk that is sound again a server writes by itself, and stops in order; or it has ended and said why.
fn goes_on_or_ends(shop: &Shop, server: Running, report: &mut Report) -> Result<()> {
    let begun = Instant::now();
    loop {
        let answered =
            Customer::new(server.address()?, &shop.ledger).and_then(|mut customer| customer.order());
        match answered {
            Ok((_, answer)) if answer.code == 0 => break,
            Ok(_) if begun.elapsed() < AGAIN_MAX => std::thread::sleep(Duration::from_millis(50)),
            Ok((_, answer)) => {
                return Err(
                    format!("it neither writes nor ends; code {}: {}", answer.code, shop.log()?).into()
                );
            }
            Err(_) => return ended(shop, server, report).map(drop),
        }
    }
    server.stop()?;
    told_once(&shop.log()?, 0)?;
    report.went_on += 1;
    Ok(())
}

fn ended(shop: &Shop, server: Running, report: &mut Report) -> Result<Outcome> {
    let status = server.wait()?;
    if status.code() != Some(1) {
        return Err(format!("a server ended with {status}: {}", shop.log()?).into());
    }
    told_once(&shop.log()?, 1)?;
    report.ended += 1;
    Ok(Outcome::Over)
}

/// A fault is told in one line, of which the last words of a program that ends are another: what, where, and how to mend it.
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
