//! The processes that are measured: started, watched through /proc, and never left behind.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::Result;

/// How long a program may take until it says where it listens.
const START_MAX: Duration = Duration::from_mins(2);
/// How long a server may take to stop.
const STOP_MAX: Duration = Duration::from_secs(20);
/// How often a process's memory is looked at.
const MEMORY_EVERY: Duration = Duration::from_millis(5);
/// How often a command that may be cut off is looked at.
const END_EVERY: Duration = Duration::from_micros(500);

/// A server that runs. Dropped, it is killed.
pub struct Running {
    child: Child,
    /// Where it listens, in clear.
    pub http: Vec<SocketAddr>,
    /// Where it listens over TLS.
    pub https: Option<SocketAddr>,
    /// Where the operator asks.
    pub admin: Option<SocketAddr>,
    /// What it prints later has a reader.
    _out: BufReader<ChildStdout>,
}

/// A command line whose process dies with this one, however this one ends.
pub fn command<A: AsRef<OsStr>>(program: &Path, arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program).args(arguments).stdin(Stdio::null());
    // Only what is said here counts.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("BILLHOOK_")) {
        command.env_remove(name);
    }
    command
}

impl Running {
    /// Starts a server and waits until it has said `addresses` of them, the operator's among them. Its standard error goes to the file `log`.
    pub fn start(program: &Path, arguments: &[OsString], log: &Path, addresses: usize) -> Result<Self> {
        let mut child =
            command(program, arguments).stdout(Stdio::piped()).stderr(File::create(log)?).spawn()?;
        let Some(out) = child.stdout.take() else { return Err("a server without an output".into()) };
        let (send, said) = mpsc::channel();
        thread::spawn(move || {
            let mut out = BufReader::new(out);
            let mut found = Vec::new();
            let mut line = String::new();
            while found.len() < addresses && out.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
                let address = line.trim_end().strip_prefix("listening on ");
                let admin = line.trim_end().strip_prefix("admin on ").map(|url| format!("admin {url}"));
                found.extend(address.map(str::to_owned).or(admin));
                line.clear();
            }
            // Nobody waits any more if this took too long.
            let _ = send.send((found, out));
        });
        let said = said.recv_timeout(START_MAX);
        let failed = || {
            let log = fs::read_to_string(log).unwrap_or_default();
            format!("{} did not start: {}", program.display(), log.trim_end())
        };
        let (lines, out) = match said {
            Ok((lines, out)) if lines.len() == addresses => (lines, out),
            _ => {
                end(&mut child);
                return Err(failed().into());
            }
        };
        let mut running = Self { child, http: Vec::new(), https: None, admin: None, _out: out };
        for line in lines {
            match line.split_once("://") {
                Some(("http", address)) => running.http.push(address.parse()?),
                Some(("https", address)) => running.https = Some(address.parse()?),
                Some(("admin http", address)) => running.admin = Some(address.parse()?),
                _ => return Err(failed().into()),
            }
        }
        Ok(running)
    }

    /// The process's number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The first address in clear.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(*self.http.first().ok_or("a server without an address")?)
    }

    /// Stops it as an operator does, and waits for its end.
    pub fn stop(self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let status = self.wait()?;
        if status.success() { Ok(()) } else { Err(format!("a server ended with {status}").into()) }
    }

    /// Waits until it has ended by itself.
    pub fn wait(mut self) -> Result<ExitStatus> {
        let begun = Instant::now();
        while begun.elapsed() < STOP_MAX {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(2));
        }
        Err("a server did not stop".into())
    }

    /// Kills it with `SIGKILL`, and waits until it is gone.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

/// What one command took.
pub struct Took {
    /// From its start to its end.
    pub seconds: f64,
    /// The most private memory that was seen, in bytes.
    pub private_bytes_max: u64,
    /// What it printed.
    pub stdout: String,
}

/// Runs a command to its end, with an eye on its memory; one that fails is an error with what it said.
pub fn run<A: AsRef<OsStr>>(
    program: &Path,
    arguments: impl IntoIterator<Item = A>,
    time_max: Duration,
) -> Result<Took> {
    let out = tempfile::tempfile()?;
    let errors = tempfile::tempfile()?;
    let begun = Instant::now();
    let mut child =
        command(program, arguments).stdout(out.try_clone()?).stderr(errors.try_clone()?).spawn()?;
    let mut private_bytes_max = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begun.elapsed() > time_max {
            end(&mut child);
            return Err(format!("{} took longer than {time_max:?}", program.display()).into());
        }
        private_bytes_max = private_bytes_max.max(private_bytes(child.id()).unwrap_or(0));
        thread::sleep(MEMORY_EVERY);
    };
    let seconds = begun.elapsed().as_secs_f64();
    if !status.success() {
        return Err(format!("{}: {status}: {}", program.display(), whole(errors)?.trim_end()).into());
    }
    Ok(Took { seconds, private_bytes_max, stdout: whole(out)? })
}

/// What came of a command that had so much time and no more.
pub struct Cut {
    /// How it ended; none: it was killed.
    pub status: Option<ExitStatus>,
    /// From its start to its end.
    pub took: Duration,
    /// What it printed.
    pub stdout: String,
    /// What it said beside that.
    pub stderr: String,
}

/// Runs a command, and kills it with `SIGKILL` when its time is over.
pub fn cut_off<A: AsRef<OsStr>>(
    program: &Path,
    arguments: impl IntoIterator<Item = A>,
    time: Duration,
) -> Result<Cut> {
    let out = tempfile::tempfile()?;
    let errors = tempfile::tempfile()?;
    let begun = Instant::now();
    let mut child =
        command(program, arguments).stdout(out.try_clone()?).stderr(errors.try_clone()?).spawn()?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        let left = time.saturating_sub(begun.elapsed());
        if left.is_zero() {
            end(&mut child);
            break None;
        }
        thread::sleep(left.min(END_EVERY));
    };
    Ok(Cut { status, took: begun.elapsed(), stdout: whole(out)?, stderr: whole(errors)? })
}

fn whole(file: File) -> Result<String> {
    use std::io::{Read as _, Seek as _};
    let mut file = file;
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// What a process's threads have spent on processors, in nanoseconds.
pub fn cpu_ns(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may have ended since.
        let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        let nanoseconds = text.split_whitespace().next().and_then(|number| number.parse::<u64>().ok());
        sum += nanoseconds.ok_or("/proc: schedstat is not as expected")?;
    }
    Ok(sum)
}

/// What a process and its children have spent on processors, in microseconds, with those of them that have ended.
pub fn family_cpu_us(pid: u32) -> Result<f64> {
    let parent = pid.to_string();
    let folder = Path::new("/proc").join(&parent);
    let mut itself = Times::read(&folder)?;
    let ticks = loop {
        let mut children = 0;
        for entry in fs::read_dir("/proc")? {
            // A process may have ended since.
            let Ok(times) = Times::read(&entry?.path()) else { continue };
            if times.parent == parent {
                children += times.own;
            }
        }
        let now = Times::read(&folder)?;
        // If a child ended meanwhile, it may be in neither sum, or in both.
        if now.ended == itself.ended {
            break now.own + now.ended + children;
        }
        itself = now;
    };
    let ticks_a_second = u32::try_from(rustix::param::clock_ticks_per_second())?;
    Ok(f64::from(u32::try_from(ticks)?) * 1e6 / f64::from(ticks_a_second))
}

/// A process's use of processors as `/proc/PID/stat` has it, in ticks.
struct Times {
    parent: String,
    own: u64,
    /// Of children that have ended.
    ended: u64,
}

impl Times {
    fn read(folder: &Path) -> Result<Self> {
        let text = fs::read_to_string(folder.join("stat"))?;
        // Before the bracket is the program's name, which may hold anything.
        let (_, text) = text.rsplit_once(')').ok_or("/proc: stat is not as expected")?;
        let mut fields = text.split_whitespace();
        let parent = fields.nth(1).unwrap_or_default().to_owned();
        let ticks: Vec<u64> =
            fields.skip(9).take(4).map(str::parse).collect::<std::result::Result<_, _>>()?;
        match *ticks {
            [user, system, ended_user, ended_system] => {
                Ok(Self { parent, own: user + system, ended: ended_user + ended_system })
            }
            _ => Err("/proc: stat is not as expected".into()),
        }
    }
}

/// A process's private memory (`RssAnon`), in bytes.
pub fn private_bytes(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|number| number.trim().parse::<u64>().ok())
        .ok_or("/proc: no RssAnon")?;
    Ok(kib * 1024)
}

/// How many file descriptors a process has, but for those of files in a folder: a store opens more of these as it needs them, up to a
/// bound, and keeps them.
pub fn open_files(pid: u32, but_in: &Path) -> Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        // It may have been closed since.
        let Ok(file) = fs::read_link(entry?.path()) else { continue };
        count += usize::from(!file.starts_with(but_in));
    }
    Ok(count)
}
