//! An attack's setting: a new server, an honest load, and measurements of memory and files.

use std::{
    fmt::Write as _,
    fs,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use billhook_drivers::{
    Result,
    billhook::{Billhook, KEY},
    open_loop::{self, Latency, Plan},
    usage::{open_files, peak},
};
use billhook_test_kit::{Running, http::Client};
use tempfile::TempDir;

use crate::{
    attacks::Attack,
    target::{self, CROWDED, CROWDED_LINES, CROWDED_ORDERS, ONE_CUSTOMER, Target, Terms},
};

/// During an attack, the p99 may be this many times that of the honest load just before, …
pub(crate) const P99_TIMES: f64 = 3.0;
/// … plus this many milliseconds: attackers, honest clients and server share the processors.
pub(crate) const P99_MORE_MS: f64 = 5.0;
/// Honest requests per second: many for a shop, few for the server.
pub(crate) const PER_SECOND: f64 = 200.0;
/// How many orders the shop has, and the whale's one customer.
const ORDERS: &str = "10000";
const CUSTOMERS: u32 = 2500;
/// Longer than any attack, so that the honest load's connections stay open while the server's are counted.
const LOAD_MAX: Duration = Duration::from_secs(95);
/// How long the server may take to close what an attack has left.
const SETTLE_MAX: Duration = Duration::from_secs(20);
/// The store's folder, within the siege's.
const DATA: &str = "data";

pub(crate) struct Scene {
    billhook: Billhook,
    work: TempDir,
    honest: Vec<Vec<u8>>,
    seconds: Duration,
    terms: Terms,
    options: &'static [&'static str],
}

/// The result of an attack.
pub(crate) struct Outcome {
    /// What the server did, or what was wrong.
    pub(crate) became: std::result::Result<String, String>,
    /// The peak of its private memory, in MiB.
    pub(crate) private_mib: f64,
    /// The honest load's p99 in milliseconds, or why it was not served.
    pub(crate) p99: std::result::Result<f64, String>,
    /// The same just before the attack.
    pub(crate) p99_alone: f64,
    /// File descriptors that were not closed.
    pub(crate) files_left: usize,
}

impl Outcome {
    /// The limits that were exceeded.
    pub(crate) fn faults(&self, attack: &Attack, judges_time: bool) -> Vec<String> {
        let p99_max = self.p99_alone * P99_TIMES + P99_MORE_MS;
        let mut faults = Vec::new();
        faults.extend(self.became.as_ref().err().cloned());
        if self.private_mib > attack.private_mib_max {
            faults.push(format!("{:.0} MiB of private memory", self.private_mib));
        }
        match &self.p99 {
            Err(fault) => faults.push(format!("the honest load: {fault}")),
            Ok(p99) if judges_time && *p99 > p99_max => {
                faults.push(format!("p99 of {p99:.2} ms, more than {p99_max:.2}"));
            }
            Ok(_) => {}
        }
        if self.files_left > 0 {
            faults.push(format!("{} descriptors are left", self.files_left));
        }
        faults
    }
}

impl Scene {
    pub(crate) fn new(seconds: Duration, quick: bool) -> Result<Self> {
        let (terms, options) = if quick { Terms::short() } else { (Terms::usual(), &[][..]) };
        let (billhook, work) = (Billhook::find(None)?, tempfile::tempdir()?);
        let mut scene = Self { billhook, work, honest: Vec::new(), seconds, terms, options };
        let customers = CUSTOMERS.to_string();
        for (login, customers) in
            [(target::SHOP, customers.as_str()), (target::WHALE, "1"), (target::REGULARS, "100")]
        {
            scene.run(&["account", "add", login, "--key", KEY])?;
            scene.run(&["generate", "--account", login, "--orders", ORDERS, "--customers", customers])?;
        }
        scene.crowd()?;
        scene.ask_honestly()?;
        Ok(scene)
    }

    fn run(&self, arguments: &[&str]) -> Result<()> {
        self.billhook.run(&self.data().as_path().into(), arguments).map(drop)
    }

    /// Makes the account whose one customer has many long orders, each with other sums.
    fn crowd(&self) -> Result<()> {
        let mut lines = String::new();
        for order in 1..=CROWDED_ORDERS {
            let item = |good| {
                let sum = good * 1000 + order;
                format!(r#"{{"id":{good},"good_name":"good-{good}","sum":{sum}}}"#)
            };
            let items: Vec<_> = (1..=CROWDED_LINES).map(item).collect();
            writeln!(
                lines,
                r#"{{"id":{order},"email":"{ONE_CUSTOMER}","pay_status":"waiting","created":{},"items":[{}]}}"#,
                SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
                items.join(",")
            )?;
        }
        let orders = self.work.path().join("crowded.jsonl");
        fs::write(&orders, lines)?;
        self.run(&["account", "add", CROWDED, "--key", KEY])?;
        self.run(&["import", "--account", CROWDED, &orders.to_string_lossy()])
    }

    /// Sends a request for each customer of the shop; those without orders are left out later.
    fn ask_honestly(&mut self) -> Result<()> {
        let server = self.serve()?;
        let mut client = Client::connect(server.address()?)?;
        for number in 1..=CUSTOMERS {
            let request = target::bills(target::SHOP, &format!("customer{number}@example.com"));
            match client.ask(&request)?.verified(KEY)? {
                0 => self.honest.push(request),
                400 => {}
                code => return Err(format!("an honest request is answered with code {code}").into()),
            }
        }
        if self.honest.len() < 1000 {
            return Err("most requests find nothing: the store is not as it was made".into());
        }
        drop(client);
        server.stop()
    }

    fn serve(&self) -> Result<Running> {
        let options = [&["--tls-listen", "127.0.0.1:0", "--tls-self-signed"][..], self.options].concat();
        self.billhook.serve(&self.data().as_path().into(), &options, &self.work.path().join("serve.log"))
    }

    fn load(&self, server: &Running, time: Duration, enough: &dyn Fn() -> bool) -> Result<Latency> {
        let plan = Plan { per_second: PER_SECOND, time, cold: false };
        open_loop::run(server.address()?, &self.honest, plan, true, enough)
    }

    /// Runs one attack on a new server, because freed memory may not go back to the system.
    pub(crate) fn suffer(&self, attack: &Attack) -> Result<Outcome> {
        let server = self.serve()?;
        // This also opens the files that the server opens at its first requests, before they are counted.
        let alone = self.load(&server, self.seconds / 2, &|| true)?;
        let pid = server.pid();
        let before = self.settled(pid, 0)?;
        let target = Target {
            address: server.address()?,
            tls: server.https.ok_or("a server without HTTPS")?,
            pid,
            data: self.data(),
            files: before,
            terms: self.terms,
            seconds: self.seconds,
        };
        let over = AtomicBool::new(false);
        let begun = Instant::now();
        let enough = || over.load(Relaxed) || begun.elapsed() > LOAD_MAX;
        let suffer = || {
            thread::scope(|scope| {
                let load = scope
                    .spawn(|| self.load(&server, self.seconds, &enough).map_err(|fault| fault.to_string()));
                let became = (attack.run)(&target).map_err(|fault| fault.to_string());
                over.store(true, Relaxed);
                let p99 = load.join().map_err(|_| "its thread panicked".to_owned()).flatten();
                (became, p99.map(|latency| latency.p99))
            })
        };
        let ((became, p99), most) = peak(pid, suffer)?;
        let files_left = self.settled(pid, before)?.saturating_sub(before);
        server.stop()?;
        let private_mib = f64::from(u32::try_from(most >> 10)?) / 1024.0;
        Ok(Outcome { became, private_mib, p99, p99_alone: alone.p99, files_left })
    }

    /// The number of the server's descriptors, once it is at most `most` or no longer changes.
    fn settled(&self, pid: u32, most: usize) -> Result<usize> {
        let begun = Instant::now();
        let mut count = open_files(pid, &self.data())?;
        let mut since = Instant::now();
        while count > most && begun.elapsed() < SETTLE_MAX {
            // With a reachable goal, only reaching it ends the wait early.
            if most == 0 && since.elapsed() > Duration::from_secs(1) {
                break;
            }
            thread::sleep(Duration::from_millis(20));
            let now = open_files(pid, &self.data())?;
            if now != count {
                (count, since) = (now, Instant::now());
            }
        }
        Ok(count)
    }

    fn data(&self) -> PathBuf {
        self.work.path().join(DATA)
    }
}
