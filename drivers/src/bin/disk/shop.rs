//! A store on a disk that can fail: the program's commands over it, its server, and customers who order, pay and cancel.

use std::{
    ffi::OsString,
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use billhook_drivers::{
    Result,
    disk::Disk,
    http::{self, Client},
    process::{self, Running},
};
use billhook_wire::{Key, Login, envelope, query, signature};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;

use crate::ledger::{Change, GOOD, Ledger, PRICE, Tally, email};

pub(crate) const LOGIN: &str = "shop";
pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef";
const COMMAND_MAX: Duration = Duration::from_mins(2);
const CUSTOMERS: u64 = 4;
/// The most faults of one comparison that are told.
const FAULTS_TOLD: usize = 20;

/// A store's data folder on a disk.
pub(crate) struct Shop {
    program: PathBuf,
    pub(crate) disk: Disk,
    /// A folder that does not fail.
    place: tempfile::TempDir,
    pub(crate) ledger: Ledger,
}

/// An answer of the API.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) code: i64,
    /// The order's number, if it made one.
    pub(crate) number: Option<u64>,
}

impl Shop {
    /// Over a new disk, without a store.
    pub(crate) fn new(program: &Path) -> Result<Self> {
        let place = tempfile::tempdir()?;
        let mounted = place.path().join("mounted");
        fs::create_dir(&mounted)?;
        let disk = Disk::new(&mounted)?;
        Ok(Self { program: program.to_owned(), disk, place, ledger: Ledger::default() })
    }

    /// A name on the disk.
    pub(crate) fn on_disk(&self, name: &str) -> PathBuf {
        self.disk.path().join(name)
    }

    /// A name in a folder that does not fail.
    pub(crate) fn elsewhere(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.on_disk("data")
    }

    /// Runs a command over the store, and gives what it printed.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String> {
        self.run_over(&self.data(), arguments)
    }

    /// Runs a command over another data folder.
    pub(crate) fn run_over(&self, data: &Path, arguments: &[&str]) -> Result<String> {
        let arguments =
            arguments.iter().map(OsString::from).chain(["--data".into(), data.as_os_str().to_owned()]);
        Ok(process::run(&self.program, arguments, COMMAND_MAX)?.stdout)
    }

    /// The log of the server that was started last.
    pub(crate) fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.elsewhere("log"))?)
    }

    /// Starts the server.
    pub(crate) fn serve(&self) -> Result<Running> {
        self.serve_over(&self.data())
    }

    /// Starts a server over another data folder.
    pub(crate) fn serve_over(&self, data: &Path) -> Result<Running> {
        let mut arguments = vec![OsString::from("serve"), "--data".into(), data.as_os_str().to_owned()];
        arguments.extend(
            ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-level", "warn"]
                .map(OsString::from),
        );
        Running::start(&self.program, &arguments, &self.elsewhere("log"), 2)
    }

    /// Makes the account, and its product by an order of the ledger's.
    pub(crate) fn fill(&self) -> Result<()> {
        self.run(&["account", "add", LOGIN, "--key", KEY])?;
        self.import(1)?;
        self.disk.settle();
        Ok(())
    }

    /// Imports so many orders of the ledger's.
    pub(crate) fn import(&self, orders: u64) -> Result<()> {
        /// Numbers that the server gives are below.
        const FIRST: u64 = 1_000_000_000;
        let file = self.elsewhere("orders.jsonl");
        let mut lines = String::new();
        let mut tags = Vec::new();
        for _ in 0..orders {
            let tag = self.ledger.ask();
            let number = FIRST - tag.trim_start_matches('t').parse::<u64>()?;
            let item = json!({"id": 7, "good_name": GOOD, "sum": PRICE});
            let order = json!({"id": number, "email": email(&tag), "tag": tag, "items": [item]});
            writeln!(lines, "{order}")?;
            tags.push((tag, number));
        }
        fs::write(&file, lines)?;
        self.run(&["import", "--account", LOGIN, &file.display().to_string()])?;
        for (tag, number) in tags {
            self.ledger.made(&tag, number);
        }
        Ok(())
    }

    /// The store as a file.
    pub(crate) fn export(&self) -> Result<String> {
        self.run(&["export", "--account", LOGIN])
    }

    /// Has the store checked, and compares it with the ledger.
    pub(crate) fn compare(&self) -> Result<Tally> {
        self.run(&["check"])?;
        let export = self.export()?;
        self.ledger.compare(&export).map_err(|faults| {
            let told: Vec<_> = faults.iter().take(FAULTS_TOLD).map(String::as_str).collect();
            format!("{} faults: {}", faults.len(), told.join("; ")).into()
        })
    }

    /// Has customers order, pay and cancel at once until they are told to stop, or are answered no more; says how many calls were
    /// acknowledged.
    pub(crate) fn trade(&self, server: SocketAddr, stop: &AtomicBool, seed: u64) -> Result<u64> {
        let acknowledged = AtomicU64::new(0);
        thread::scope(|scope| {
            let customers: Vec<_> = (0..CUSTOMERS)
                .map(|number| {
                    let acknowledged = &acknowledged;
                    scope.spawn(move || {
                        let mut dice = StdRng::seed_from_u64(seed ^ (number << 32));
                        let mut customer = Customer::new(server, &self.ledger)?;
                        while !stop.load(Ordering::Relaxed) {
                            // Without power it is not answered, or with code 9: then the round is over.
                            let Ok(done) = customer.visit(&mut dice) else { break };
                            acknowledged.fetch_add(done, Ordering::Relaxed);
                        }
                        Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
                    })
                })
                .collect();
            for customer in customers {
                // One that never came in has nothing to tell.
                let _ = customer.join().map_err(|_| "a customer panicked")?;
            }
            Ok(acknowledged.load(Ordering::Relaxed))
        })
    }
}

/// One who orders.
pub(crate) struct Customer<'a> {
    client: Client,
    ledger: &'a Ledger,
}

impl<'a> Customer<'a> {
    pub(crate) fn new(server: SocketAddr, ledger: &'a Ledger) -> Result<Self> {
        Ok(Self { client: Client::plain(server)?, ledger })
    }

    /// Orders once, and mostly pays or cancels then; looks at the order in between. Says how many calls were acknowledged.
    fn visit(&mut self, dice: &mut StdRng) -> Result<u64> {
        let (tag, answer) = self.order()?;
        let number = answer.number.ok_or_else(|| format!("no order was made: code {}", answer.code))?;
        if dice.random_bool(0.3) {
            return Ok(1);
        }
        let found = self.look(&email(&tag))?;
        // Whether it finds an order that nobody has paid is the account's setting.
        if found.status != 200 {
            return Err(format!("an order can't be read: code {}", found.code).into());
        }
        let change = if dice.random_bool(0.6) { Change::Paid } else { Change::Cancelled };
        let answer = self.change(&tag, number, change)?;
        if answer.code == 0 { Ok(2) } else { Err(format!("no change: code {}", answer.code).into()) }
    }

    /// Orders once.
    pub(crate) fn order(&mut self) -> Result<(String, Answer)> {
        let tag = self.ledger.ask();
        let form = [
            ("goods[0][good_name]", GOOD),
            ("goods[0][good_sum]", PRICE),
            ("bill_email", &email(&tag)),
            ("bill_tag", &tag),
        ];
        let answer = self.ask("CreateOrder", &form)?;
        if let Some(number) = answer.number {
            self.ledger.made(&tag, number);
        }
        Ok((tag, answer))
    }

    /// Asks for a customer's orders.
    pub(crate) fn look(&mut self, email: &str) -> Result<Answer> {
        self.ask("GetBills", &[("email", email)])
    }

    /// Pays or cancels an order.
    pub(crate) fn change(&mut self, tag: &str, number: u64, change: Change) -> Result<Answer> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().to_string();
        self.ledger.ask_change(tag, change);
        let form = [("bill_id", number.to_string()), ("status", change.status().to_owned()), ("date", now)];
        let answer =
            self.ask("UpdateOrderStatus", &form.each_ref().map(|(name, text)| (*name, text.as_str())))?;
        if answer.code == 0 {
            self.ledger.changed(tag);
        }
        Ok(answer)
    }

    fn ask(&mut self, method: &str, form: &[(&str, &str)]) -> Result<Answer> {
        let key = Key::parse(KEY)?;
        let mut body = Vec::new();
        query::build_pairs(form.iter().map(|(name, text)| (name.as_bytes(), text.as_bytes())), &mut body);
        let hash = signature::request(&body, &Login::parse(LOGIN)?, &key);
        body.extend_from_slice(b"&hash=");
        body.extend_from_slice(&hash);
        let (status, body) =
            self.client.ask_for_any(&http::request(method, &format!("{LOGIN}.localhost"), &body))?;
        let answer = envelope::Answer::read(&body)?;
        if !answer.verify(&key) {
            return Err("an answer's hash is wrong".into());
        }
        let result =
            answer.result.as_ref().map(|result| serde_json::from_str::<serde_json::Value>(result.get()));
        let number = match result.transpose()?.as_ref().and_then(|result| result.get("bill_id")) {
            Some(serde_json::Value::String(text)) => Some(text.parse()?),
            Some(number) => number.as_u64(),
            None => None,
        };
        Ok(Answer { status, code: answer.error_code, number })
    }
}
