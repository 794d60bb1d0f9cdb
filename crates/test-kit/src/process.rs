//! The program as a process: commands, and servers with their addresses.

use std::{
    error::Error,
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// How long a server may take to print its addresses.
const START_MAX: Duration = Duration::from_mins(2);
/// How long a server may take to stop.
const STOP_MAX: Duration = Duration::from_secs(20);
/// Longer than any operation takes, even on a busy machine. A test that promises less measures it.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a process is polled.
const POLL: Duration = Duration::from_micros(500);

/// A store's location.
#[derive(Debug, Clone)]
pub enum Store {
    /// A data folder.
    Folder(PathBuf),
    /// A database, by its URL.
    Database(String),
}

impl Store {
    /// As options of the program.
    pub fn options(&self) -> [OsString; 2] {
        match self {
            Self::Folder(folder) => ["--data".into(), folder.into()],
            Self::Database(url) => ["--store".into(), url.into()],
        }
    }

    /// As an argument of `billhook copy`.
    pub fn shown(&self) -> String {
        match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::Database(url) => url.clone(),
        }
    }
}

impl From<&Path> for Store {
    fn from(folder: &Path) -> Self {
        Self::Folder(folder.to_owned())
    }
}

impl From<&PathBuf> for Store {
    fn from(folder: &PathBuf) -> Self {
        Self::Folder(folder.clone())
    }
}

impl From<&Self> for Store {
    fn from(store: &Self) -> Self {
        store.clone()
    }
}

/// A command without this process's own configuration.
pub fn command<A: AsRef<OsStr>>(program: &Path, arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("BILLHOOK_")) {
        command.env_remove(name);
    }
    command
}

/// The result of a command.
#[derive(Debug)]
pub struct Done {
    /// Its exit status; `None` if a signal ended it.
    pub status: Option<i32>,
    /// Whether it was killed because its time was over.
    pub is_cut_off: bool,
    /// How long it ran.
    pub took: Duration,
    /// What it printed.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    told: String,
}

/// Runs a command, and kills it with `SIGKILL` when its time is over.
pub fn run(command: &mut Command, time: Duration) -> io::Result<Done> {
    run_watched(command, time, |_| {})
}

/// The same, while `watch` is called repeatedly with its process id.
pub fn run_watched(command: &mut Command, time: Duration, mut watch: impl FnMut(u32)) -> io::Result<Done> {
    let begun = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (out, errors) = (whole(child.stdout.take()), whole(child.stderr.take()));
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        let left = time.saturating_sub(begun.elapsed());
        if left.is_zero() {
            end(&mut child);
            break None;
        }
        watch(child.id());
        thread::sleep(left.min(POLL));
    };
    let took = begun.elapsed();
    let ended = status.map_or_else(|| format!("it took longer than {time:?}"), |status| status.to_string());
    Ok(Done {
        status: status.and_then(|status| status.code()),
        is_cut_off: status.is_none(),
        took,
        stdout: out.join().unwrap_or_default(),
        stderr: errors.join().unwrap_or_default(),
        told: format!("{}: {ended}", shown(command)),
    })
}

impl Done {
    /// Its standard output, if it succeeded.
    pub fn result(self) -> Result<String> {
        if self.status == Some(0) { Ok(self.stdout) } else { Err(self.all().into()) }
    }

    /// The whole result as text, for messages.
    pub fn all(&self) -> String {
        format!("{}: {}{}", self.told, self.stdout, self.stderr)
    }

    /// Asserts that it succeeded without standard error. Returns its standard output.
    #[track_caller]
    pub fn succeeded(self) -> String {
        assert!(self.status == Some(0) && self.stderr.is_empty(), "{}", self.all());
        self.stdout
    }

    /// Asserts this status and one line on standard error; returns the line without the program's name.
    #[track_caller]
    pub fn failed(self, status: i32) -> String {
        assert!(self.status == Some(status), "{}", self.all());
        let line = self.stderr.strip_prefix("billhook: ").and_then(|line| line.strip_suffix('\n'));
        let line = line.unwrap_or_else(|| panic!("{}", self.all()));
        assert!(!line.contains('\n') && !line.contains("panicked"), "{line}");
        line.to_owned()
    }
}

/// Reads everything on a thread: an unread pipe would block its writer.
fn whole(from: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before an error is returned.
        let _ = from.map(|mut from| from.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn shown(command: &Command) -> String {
    let arguments: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    format!("{} {}", command.get_program().display(), arguments.join(" "))
}

fn end(child: &mut Child) {
    // It may have ended already.
    let _ = child.kill();
    let _ = child.wait();
}

/// A running server, killed on drop.
#[derive(Debug)]
pub struct Running {
    child: Child,
    log: PathBuf,
    /// Its HTTP addresses.
    pub http: Vec<SocketAddr>,
    /// Its HTTPS address.
    pub https: Option<SocketAddr>,
    /// Its admin address.
    pub admin: Option<SocketAddr>,
    said: Arc<Mutex<Vec<String>>>,
}

impl Running {
    /// Starts a server and waits until it has printed `addresses` addresses, the admin's included. Its
    /// standard error goes to the file `log`.
    pub fn start(mut command: Command, log: &Path, addresses: usize) -> Result<Self> {
        let child = command.stdout(Stdio::piped()).stderr(File::create(log)?).spawn()?;
        let (http, said) = (Vec::new(), Arc::default());
        let mut running = Self { child, log: log.to_owned(), http, https: None, admin: None, said };
        let out = BufReader::new(running.child.stdout.take().ok_or("a server without an output")?);
        let (send, lines) = mpsc::channel();
        let said = running.said.clone();
        thread::spawn(move || {
            // Later output must be read as well.
            for line in out.lines().map_while(io::Result::ok) {
                said.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
                let _ = send.send(line);
            }
        });
        let begun = Instant::now();
        for _ in 0..addresses {
            match lines.recv_timeout(START_MAX.saturating_sub(begun.elapsed())) {
                Ok(line) => running.note(&line)?,
                Err(_) => return Err(format!("{} did not start: {}", shown(&command), running.log()?).into()),
            }
        }
        Ok(running)
    }

    fn note(&mut self, line: &str) -> Result<()> {
        match line.split_once("://") {
            Some(("listening on http", address)) => self.http.push(address.parse()?),
            Some(("listening on https", address)) => self.https = Some(address.parse()?),
            Some(("admin on http", address)) => self.admin = Some(address.parse()?),
            _ => return Err(format!("no address: {line}").into()),
        }
        Ok(())
    }

    /// The process's number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The first HTTP address.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(*self.http.first().ok_or("a server without an address")?)
    }

    /// Its standard output so far.
    pub fn said(&self) -> Vec<String> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its log so far.
    pub fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.log)?).into_owned())
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// Stops it with a signal, and waits for its end.
    pub fn stop(mut self) -> Result<()> {
        self.signal(Signal::TERM)?;
        match self.wait(STOP_MAX)? {
            Some(0) => Ok(()),
            status => Err(format!("a server ended with {status:?}: {}", self.log()?).into()),
        }
    }

    /// Waits until it ends by itself; returns its exit status.
    pub fn wait(&mut self, time: Duration) -> Result<Option<i32>> {
        let begun = Instant::now();
        loop {
            match self.child.try_wait()? {
                Some(status) => return Ok(status.code()),
                None if begun.elapsed() < time => thread::sleep(POLL * 4),
                None => return Err(format!("a server still runs after {time:?}: {}", self.log()?).into()),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Whether a condition becomes true within some time.
pub fn within(time: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while !holds() {
        if begun.elapsed() > time {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Waits until a condition is true, and returns how long it took.
#[track_caller]
pub fn until(holds: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    assert!(within(PATIENCE, holds), "not within {PATIENCE:?}");
    begun.elapsed()
}
