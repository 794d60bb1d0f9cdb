//! What every part shares: the programs, the stores, the certificate, a temporary folder.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use billhook_drivers::{
    Result,
    billhook::{Billhook, KEY, command},
    usage::private_bytes,
};
use billhook_test_kit::{Done, Running, Store, run_watched};
use tempfile::TempDir;

use crate::{
    requests::{self, Kind, Requests},
    stores::Stores,
    wrk::{self, Goal, Sample},
};

/// The prefix of a running bench's temporary folder; its process id follows.
const WORK: &str = "work-";
/// How long one of Billhook's commands may take.
const COMMAND_MAX: Duration = Duration::from_mins(30);
/// Every how many checks of a command its memory is read as well.
const LOOKS: u32 = 10;

pub(crate) struct Scene {
    billhook: Billhook,
    pub(crate) stores: Stores,
    pub(crate) orders: u64,
    pub(crate) customers: u64,
    /// How long one run takes.
    pub(crate) time: Duration,
    pub(crate) rounds: u32,
    /// The closed loop's rate with 64 connections, per second, once measured.
    pub(crate) rate: Option<f64>,
    work: TempDir,
}

/// Requests, and the file with them for wrk.
pub(crate) struct Load {
    pub(crate) requests: Requests,
    file: PathBuf,
}

impl Scene {
    pub(crate) fn new(data: &Path, orders: u64, customers: u64, time: Duration, rounds: u32) -> Result<Self> {
        fs::create_dir_all(data)?;
        let billhook = Billhook::find(None)?;
        remove_leftovers(data)?;
        let prefix = format!("{WORK}{}-", std::process::id());
        let work = tempfile::Builder::new().prefix(&prefix).tempdir_in(data)?;
        let certified = rcgen::generate_simple_self_signed([requests::HOST.to_owned()])?;
        fs::write(work.path().join("cert.pem"), certified.cert.pem())?;
        fs::write(work.path().join("key.pem"), certified.signing_key.serialize_pem())?;
        wrk::write_script(&work.path().join("load.lua"))?;
        Ok(Self {
            stores: Stores::new(data, billhook.file())?,
            billhook,
            orders,
            customers,
            time,
            rounds,
            rate: None,
            work,
        })
    }

    /// A path in the temporary folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.path("cert.pem")
    }

    /// The store for most measurements.
    pub(crate) fn store(&self) -> Result<PathBuf> {
        self.generated(self.orders, self.customers)
    }

    /// A store that `billhook generate` made, with one account.
    pub(crate) fn generated(&self, orders: u64, customers: u64) -> Result<PathBuf> {
        self.stores.made(&format!("store-{orders}-{customers}"), |folder| {
            self.add_account(folder, requests::LOGIN)?;
            self.generate(folder, orders, customers)?;
            Ok(())
        })
    }

    pub(crate) fn add_account(&self, store: impl Into<Store>, login: &str) -> Result<()> {
        self.run(store, &["account", "add", login, "--key", KEY]).map(drop)
    }

    pub(crate) fn generate(&self, store: &Path, orders: u64, customers: u64) -> Result<Done> {
        let (orders, customers) = (orders.to_string(), customers.to_string());
        self.run(
            store,
            &["generate", "--account", requests::LOGIN, "--orders", &orders, "--customers", &customers],
        )
    }

    pub(crate) fn export(&self, store: impl Into<Store>, file: &str) -> Result<Done> {
        self.run(store, &["export", "--account", requests::LOGIN, file])
    }

    /// Runs one of Billhook's commands.
    pub(crate) fn run(&self, store: impl Into<Store>, arguments: &[&str]) -> Result<Done> {
        self.run_watched(store, arguments).map(|(done, _)| done)
    }

    /// The same. Also returns the peak of its private memory, in bytes.
    pub(crate) fn run_watched(&self, store: impl Into<Store>, arguments: &[&str]) -> Result<(Done, u64)> {
        let (mut looks, mut most) = (0_u32, 0);
        let done = run_watched(&mut self.billhook.command(&store.into(), arguments), COMMAND_MAX, |pid| {
            looks += 1;
            if looks.is_multiple_of(LOOKS) {
                most = most.max(private_bytes(pid).unwrap_or(0));
            }
        })?;
        if done.status == Some(0) { Ok((done, most)) } else { Err(done.all().into()) }
    }

    pub(crate) fn command(&self, store: &Path, arguments: &[&str]) -> Command {
        self.billhook.command(&store.into(), arguments)
    }

    /// Starts Billhook's server with default settings, over HTTP and TLS; its log goes to a file.
    pub(crate) fn serve(&self, store: impl Into<Store>) -> Result<Running> {
        let [cert, key] = ["cert.pem", "key.pem"].map(|name| self.path(name).display().to_string());
        self.serve_with(store, &["--tls-listen", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &key])
    }

    /// The same over HTTP alone, with options.
    pub(crate) fn serve_with(&self, store: impl Into<Store>, options: &[&str]) -> Result<Running> {
        self.billhook.serve(&store.into(), options, &self.path("serve.log"))
    }

    /// Starts the floor: an HTTP address for each size of answer, and a TLS address with the first size.
    pub(crate) fn floor(&self, sizes: &[usize]) -> Result<Running> {
        let mut arguments = ["cert.pem", "key.pem"].map(|name| self.path(name).into_os_string()).to_vec();
        arguments.extend(sizes.iter().map(|size| OsString::from(size.to_string())));
        let floor = command(&self.billhook.file().with_file_name("floor"), arguments);
        Running::start(floor, &self.path("floor.log"), sizes.len() + 1)
    }

    /// Makes requests for customers, after asking the server each once.
    pub(crate) fn load(
        &self,
        kind: Kind,
        customers: &[requests::Customer],
        server: &Running,
    ) -> Result<Load> {
        self.load_of(Requests::new(kind, customers, server.address()?)?)
    }

    /// Writes requests for wrk.
    pub(crate) fn load_of(&self, requests: Requests) -> Result<Load> {
        // Several stores are loaded side by side.
        let (_, file) = tempfile::Builder::new().prefix("requests-").tempfile_in(self.work.path())?.keep()?;
        wrk::write_requests(&file, requests.all.iter().map(Vec::as_slice))?;
        Ok(Load { requests, file })
    }

    /// Requests of a kind for the generated store's customers.
    pub(crate) fn usual_load(&self, kind: Kind, server: &Running) -> Result<Load> {
        self.load(kind, &requests::generated(self.customers), server)
    }

    /// Loads a server at its maximum rate.
    pub(crate) fn closed_loop(&self, goal: Goal, load: &Load, connections: u32) -> Result<Sample> {
        self.closed_loop_from(wrk::THREADS, goal, load, connections)
    }

    /// The same with this many threads of wrk.
    pub(crate) fn closed_loop_from(
        &self,
        threads: u32,
        goal: Goal,
        load: &Load,
        connections: u32,
    ) -> Result<Sample> {
        wrk::run(goal, &self.path("load.lua"), &load.file, threads, connections, self.time)
    }
}

/// Removes the folders of benches that were killed.
fn remove_leftovers(data: &Path) -> Result<()> {
    for entry in fs::read_dir(data)? {
        let entry = entry?;
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(WORK)?.split('-').next());
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}
