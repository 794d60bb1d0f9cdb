//! What an attack meets: a server of its own over a generated store, an honest load on it, and eyes on its memory and its files.

use std::{
    ffi::OsString,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use billhook_drivers::{
    Result,
    http::{self, Client},
    open_loop::{self, Latency, Plan},
    process::{self, Running, open_files, private_bytes},
};
use billhook_wire::Key;
use tempfile::TempDir;

use crate::{
    attacks::Attack,
    target::{self, CROWDED, CROWDED_LINES, CROWDED_ORDERS, ONE_CUSTOMER, Target, Terms},
};

/// One attack's p99 may be so many times that of the honest load alone just before, …
pub(crate) const P99_TIMES: f64 = 3.0;
/// … and so much more, in milliseconds: attackers and honest clients share the machine's processors with the server, so that some of
/// the wait is for them.
pub(crate) const P99_MORE_MS: f64 = 5.0;
/// Honest requests a second: a busy shop's, and little for the server.
pub(crate) const PER_SECOND: f64 = 200.0;
/// How many orders the shop has, and the whale: one customer's.
const ORDERS: &str = "10000";
/// How many customers the shop has.
const CUSTOMERS: u32 = 2500;
/// Longer than any attack lasts: what the server holds is counted beside the honest load's connections.
const LOAD_MAX: Duration = Duration::from_secs(95);
/// How long the server may take to close what an attack has left.
const SETTLE_MAX: Duration = Duration::from_secs(20);
/// How often memory is looked at.
const MEMORY_EVERY: Duration = Duration::from_millis(5);
/// The store's folder, within that of the siege.
const DATA: &str = "data";
const COMMAND_MAX: Duration = Duration::from_mins(2);

pub(crate) struct Scene {
    billhook: PathBuf,
    work: TempDir,
    honest: Vec<Vec<u8>>,
    seconds: Duration,
    terms: Terms,
    arguments: Vec<OsString>,
}

/// What came of an attack.
pub(crate) struct Outcome {
    /// What the server did, or in which way it misbehaved.
    pub(crate) became: std::result::Result<String, String>,
    /// The most private memory, in MiB.
    pub(crate) private_mib: f64,
    /// Of the honest load, in milliseconds; or why it was not served.
    pub(crate) p99: std::result::Result<f64, String>,
    /// The same just before the attack.
    pub(crate) p99_alone: f64,
    /// Descriptors beyond those of before.
    pub(crate) files_left: usize,
}

impl Outcome {
    /// The bounds that are broken.
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
    /// Makes the store.
    pub(crate) fn new(seconds: Duration, quick: bool) -> Result<Self> {
        let programs = std::env::current_exe()?;
        let billhook = programs.parent().ok_or("this program is in no folder")?.join("billhook");
        let work = tempfile::tempdir()?;
        let customers = CUSTOMERS.to_string();
        for (login, customers) in
            [(target::SHOP, customers.as_str()), (target::WHALE, "1"), (target::REGULARS, "100")]
        {
            let add = ["account", "add", login, "--key", target::KEY];
            let fill = ["generate", "--account", login, "--orders", ORDERS, "--customers", customers];
            for command in [&add[..], &fill] {
                let data = ["--data".into(), work.path().join(DATA).into_os_string()];
                let all = data.into_iter().chain(command.iter().map(OsString::from));
                process::run(&billhook, all, COMMAND_MAX)?;
            }
        }
        crowd(&billhook, work.path())?;
        let (terms, arguments) = if quick { Terms::short() } else { (Terms::usual(), Vec::new()) };
        let honest = (1..=CUSTOMERS)
            .map(|number| target::bills(target::SHOP, &format!("customer{number}@example.com")))
            .collect::<Result<_>>()?;
        let mut scene = Self { billhook, work, honest, seconds, terms, arguments };
        scene.leave_out_those_without_orders()?;
        Ok(scene)
    }

    /// Asks each honest request once.
    fn leave_out_those_without_orders(&mut self) -> Result<()> {
        let server = self.serve()?;
        let mut client = Client::plain(server.address()?)?;
        let key = Key::parse(target::KEY)?;
        let mut kept = Vec::new();
        for request in self.honest.drain(..) {
            match http::error_code(&client.ask(&request)?, &key)? {
                0 => kept.push(request),
                400 => {}
                code => return Err(format!("an honest request is answered with code {code}").into()),
            }
        }
        if kept.len() < 1000 {
            return Err("most requests find nothing: the store is not as it was made".into());
        }
        self.honest = kept;
        drop(client);
        server.stop()
    }

    fn serve(&self) -> Result<Running> {
        let mut arguments = vec!["--data".into(), self.data().into_os_string()];
        let listen = ["--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--tls-self-signed"];
        arguments.extend(["serve"].into_iter().chain(listen).map(OsString::from));
        arguments.extend(self.arguments.iter().cloned());
        Running::start(&self.billhook, &arguments, &self.work.path().join("serve.log"), 2)
    }

    fn load(&self, server: &Running, time: Duration, enough: &dyn Fn() -> bool) -> Result<Latency> {
        let plan = Plan { per_second: PER_SECOND, time, cold: false };
        open_loop::run_in_turn(server.address()?, &self.honest, plan, enough)
    }

    /// One attack on a server of its own: memory that was used once may stay taken.
    pub(crate) fn suffer(&self, attack: &Attack) -> Result<Outcome> {
        let server = self.serve()?;
        // In this way, too, what the server opens once, at its first requests, is open before the count.
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
        let (end, over, peak) = (AtomicBool::new(false), AtomicBool::new(false), AtomicU64::new(0));
        let begun = Instant::now();
        let enough = || over.load(Relaxed) || begun.elapsed() > LOAD_MAX;
        let (became, p99) = thread::scope(|scope| {
            scope.spawn(|| {
                while !end.load(Relaxed) {
                    peak.fetch_max(private_bytes(pid).unwrap_or(0), Relaxed);
                    thread::sleep(MEMORY_EVERY);
                }
            });
            let load = scope
                .spawn(|| self.load(&server, self.seconds, &enough).map_err(|failure| failure.to_string()));
            let became = (attack.run)(&target).map_err(|fault| fault.to_string());
            over.store(true, Relaxed);
            let p99 = load.join().map_err(|_| "its thread panicked".to_owned()).flatten();
            end.store(true, Relaxed);
            (became, p99.map(|latency| latency.p99))
        });
        let files_left = self.settled(pid, before)?.saturating_sub(before);
        server.stop()?;
        if peak.load(Relaxed) == 0 {
            return Err("the server's memory could not be read".into());
        }
        let mib = u32::try_from(peak.load(Relaxed) >> 10)?;
        Ok(Outcome { became, private_mib: f64::from(mib) / 1024.0, p99, p99_alone: alone.p99, files_left })
    }

    /// The server's descriptors once there are at most so many, or once their number has been the same for a while.
    fn settled(&self, pid: u32, most: usize) -> Result<usize> {
        let begun = Instant::now();
        let mut count = open_files(pid, &self.data())?;
        let mut since = Instant::now();
        while count > most && begun.elapsed() < SETTLE_MAX {
            // With a goal that can be reached, only that ends the wait early.
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

/// Makes the account whose one customer has many long orders, each of other sums.
fn crowd(billhook: &Path, work: &Path) -> Result<()> {
    let mut lines = String::new();
    for order in 1..=CROWDED_ORDERS {
        let items: Vec<_> = (1..=CROWDED_LINES)
            .map(|good| format!(r#"{{"id":{good},"good_name":"good-{good}","sum":{}}}"#, good * 1000 + order))
            .collect();
        // Writing to a String can't fail.
        let _ = writeln!(
            lines,
            r#"{{"id":{order},"email":"{ONE_CUSTOMER}","pay_status":"waiting","created":{},"items":[{}]}}"#,
            SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
            items.join(",")
        );
    }
    let orders = work.join("crowded.jsonl");
    fs::write(&orders, lines)?;
    for command in [
        &["account", "add", CROWDED, "--key", target::KEY][..],
        &["import", "--account", CROWDED, &orders.to_string_lossy()],
    ] {
        let data = ["--data".into(), work.join(DATA).into_os_string()];
        process::run(billhook, data.into_iter().chain(command.iter().map(OsString::from)), COMMAND_MAX)?;
    }
    Ok(())
}
