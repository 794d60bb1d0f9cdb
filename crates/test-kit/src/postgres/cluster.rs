//! A PostgreSQL cluster: created, started, queried, killed, started again.

use std::{
    fmt::{self, Write as _},
    fs,
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{Error, port::HeldPort, programs, watcher::Watcher};

/// Enough for the recovery of a database that was killed under a benchmark's load.
const START_TIME_MAX: Duration = Duration::from_mins(5);
const STOP_TIME_MAX: Duration = Duration::from_mins(1);
const POLL_INTERVAL: Duration = Duration::from_millis(5);
const PORT_TRIES_MAX: u32 = 5;
const LOG_LINES_SHOWN: usize = 6;

/// More than PostgreSQL's default of 100, since all tests of a process share one cluster.
const CONNECTIONS_MAX: &str = "max_connections=200";

/// For a server whose data need not survive. The log is short because it may be in memory.
const UNDURABLE: [&str; 5] = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "min_wal_size=32MB",
    "max_wal_size=128MB",
];

/// A file system in memory, which PostgreSQL uses for shared memory anyway.
const MEMORY_FOLDER: &str = "/dev/shm";

/// The free space needed there: a database takes 7 MB, and some hundred tests make one each.
const MEMORY_BYTES_MIN: u64 = 4 << 30;

/// A running server with its data, removed on drop or when the process ends.
pub struct Cluster {
    // Dropped first: it ends the server, whose end can then be awaited.
    watcher: Watcher,
    server: Mutex<Server>,
    port: HeldPort,
    password: Option<String>,
    durable: bool,
    programs: PathBuf,
    arguments: Vec<String>,
}

/// The postmaster; drop waits for it, so that no zombie remains.
#[derive(Default)]
struct Server(Option<Child>);

/// The options of a cluster.
#[derive(Clone, Default)]
pub struct Options {
    /// Whether the server is durable: with PostgreSQL's default settings, in the folder for temporary files.
    /// If not, it never syncs, and keeps its data in memory if there is enough.
    pub durable: bool,
    /// More settings for the server's command line. They override the cluster's own.
    pub settings: Vec<(String, String)>,
    /// The password of user `postgres` over TCP (scram-sha-256). Without one, nobody needs a password.
    pub password: Option<String>,
    /// The server's TLS certificate. Without it the server has no TLS.
    pub tls: Option<Tls>,
}

/// A server's certificate and key.
#[derive(Clone)]
pub struct Tls {
    /// The certificate and its intermediates, in PEM.
    pub certificate: String,
    /// Its private key, in PEM.
    pub key: String,
}

impl Cluster {
    /// Creates a cluster and starts its server; returns when it answers.
    pub fn start(options: &Options) -> Result<Self, Error> {
        Self::start_from(None, options)
    }

    /// Creates a standby of this server; returns when it answers. `SELECT pg_promote()` makes it a primary.
    pub fn start_standby(&self, options: &Options) -> Result<Self, Error> {
        Self::start_from(Some(self), options)
    }

    fn start_from(primary: Option<&Self>, options: &Options) -> Result<Self, Error> {
        let mut tries = 1;
        loop {
            match Self::start_on(HeldPort::find()?, primary, options) {
                Err(error) if error.is_port_taken() && tries < PORT_TRIES_MAX => tries += 1,
                result => return result,
            }
        }
    }

    /// A cluster with default options that all tests of this process can share.
    ///
    /// # Panics
    ///
    /// If it can't be started; the message says why.
    pub fn shared() -> &'static Self {
        // The failure is stored, so that every test shows it, not only the first.
        static SHARED: OnceLock<Result<Cluster, Error>> = OnceLock::new();
        match SHARED.get_or_init(|| Self::start(&Options::default())) {
            Ok(cluster) => cluster,
            Err(error) => panic!("{error}"),
        }
    }

    /// The server's port on 127.0.0.1, which stays the same after restarts.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The folder of the server's Unix socket, over which no password is needed.
    pub fn socket_folder(&self) -> &Path {
        self.watcher.folder()
    }

    /// A database's URL: `postgres://postgres:PASSWORD@127.0.0.1:PORT/DATABASE`.
    pub fn url(&self, database: &str) -> String {
        let password = self.password.as_deref().map(|password| format!(":{}", in_url(password)));
        let password = password.unwrap_or_default();
        format!("postgres://postgres{password}@127.0.0.1:{}/{}", self.port(), in_url(database))
    }

    /// Creates an empty UTF-8 database with a unique name; returns its [`url`](Self::url).
    pub fn create_database(&self) -> Result<String, Error> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let name = format!("bh_{}", LAST.fetch_add(1, Ordering::Relaxed) + 1);
        // Measured: in memory copying files takes 25 ms and the log 40 ms; on a disk, with a copy's two
        // checkpoints, 50 and 35. Nobody may be connected to template0, which would block both.
        let strategy = if self.durable { "wal_log" } else { "file_copy" };
        self.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0 STRATEGY {strategy}"))?;
        Ok(self.url(&name))
    }

    /// Runs statements through `psql` until one fails. Returns the rows, one per line, with `|` between
    /// columns. `database` is a name or a [`url`](Self::url).
    pub fn sql(&self, database: &str, text: &str) -> Result<String, Error> {
        let database = database_of(database);
        let mut command = Command::new(self.programs.join("psql"));
        programs::forget_settings(&mut command);
        command.args(["-XAtqw", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database]);
        command.arg("-h").arg(self.socket_folder()).arg("-p").arg(self.port().to_string());
        let output = programs::feed(&mut command, text).map_err(|cause| Error::system("run psql", &cause))?;
        match programs::complaint(&output) {
            None => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            Some(complaint) => Err(Error::new(&complaint)),
        }
    }

    /// Removes a database, even if clients are connected to it.
    pub fn drop_database(&self, url: &str) -> Result<(), Error> {
        self.sql("postgres", &format!("DROP DATABASE {} WITH (FORCE)", database_of(url))).map(drop)
    }

    /// The folder of PostgreSQL's programs, such as `psql` and `pgbench`.
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// The process id of the postmaster, or of the last one if none is running.
    pub fn pid(&self) -> u32 {
        self.server().0.as_ref().map_or(0, Child::id)
    }

    /// Kills all processes of the server; returns when they are gone. The data files stay: it is a crash of
    /// the server, not of the machine.
    pub fn kill(&self) -> Result<(), Error> {
        let mut server = self.server();
        self.watcher.kill_members()?;
        if let Some(child) = server.0.as_mut() {
            child.wait().map_err(|cause| Error::system("wait for the killed server", &cause))?;
        }
        Ok(())
    }

    /// Stops the server normally, which closes its connections; returns when it is gone. The data stays.
    pub fn stop(&self) -> Result<(), Error> {
        let mut server = self.server();
        let Some(child) = server.0.as_mut() else { return Ok(()) };
        if has_ended(child)? {
            return Ok(());
        }
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            kill_process(pid, Signal::INT)
                .map_err(|cause| Error::system("stop the server", &cause.into()))?;
        }
        let limit = Instant::now() + STOP_TIME_MAX;
        while !has_ended(child)? {
            if Instant::now() > limit {
                return Err(self.failure("the server has not stopped in time"));
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// Starts a killed or stopped server again, on the same port and data; returns when it answers.
    pub fn start_again(&self) -> Result<(), Error> {
        let mut server = self.server();
        if let Some(child) = server.0.as_mut()
            && !has_ended(child)?
        {
            return Err(Error::new("the server runs still: kill or stop it first"));
        }
        let program = self.programs.join("postgres");
        let child = server.0.insert(self.spawn(&program, &self.arguments)?);
        let limit = Instant::now() + START_TIME_MAX;
        while !self.is_ready(child.id()) {
            if has_ended(child)? {
                let taken = self.log_end().contains("could not bind IPv4 address");
                return Err(self.failure("the server ended at its start").with_port_taken(taken));
            }
            if Instant::now() > limit {
                return Err(self.failure("the server does not answer in time"));
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    fn start_on(port: HeldPort, primary: Option<&Self>, options: &Options) -> Result<Self, Error> {
        let cluster = Self {
            programs: programs::folder()?,
            watcher: Watcher::start(&place_for_data(options.durable))?,
            durable: options.durable,
            password: options.password.clone(),
            arguments: Vec::new(),
            server: Mutex::default(),
            port,
        };
        match primary {
            None => cluster.make_data()?,
            Some(primary) => cluster.copy_data(primary)?,
        }
        let cluster = cluster.with_arguments(options)?;
        cluster.start_again()?;
        Ok(cluster)
    }

    fn make_data(&self) -> Result<(), Error> {
        let mut arguments = vec!["--pgdata=data", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"];
        arguments.extend(["--username=postgres", "--auth-local=trust"]);
        if let Some(password) = &self.password {
            self.put("password", password)?;
            arguments.extend(["--auth-host=scram-sha-256", "--pwfile=password"]);
        } else {
            arguments.push("--auth-host=trust");
        }
        self.run("initdb", &arguments)
    }

    /// Runs `pg_basebackup`, which also configures the standby.
    fn copy_data(&self, primary: &Self) -> Result<(), Error> {
        let (host, port) =
            (format!("--host={}", primary.socket_folder().display()), format!("--port={}", primary.port()));
        let mut arguments = vec!["--pgdata=data", "--no-sync", "--checkpoint=fast", "--write-recovery-conf"];
        arguments.extend(["--username=postgres", &host, &port]);
        self.run("pg_basebackup", &arguments)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<(), Error> {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let mut child = self.spawn(&self.programs.join(program), &arguments)?;
        let status = child.wait().map_err(|cause| Error::system(&format!("wait for {program}"), &cause))?;
        if status.success() { Ok(()) } else { Err(self.failure(&format!("{program} failed ({status})"))) }
    }

    /// Builds the server's command line, and writes the files that it names.
    fn with_arguments(mut self, options: &Options) -> Result<Self, Error> {
        let mut settings = vec![
            format!("unix_socket_directories={}", self.socket_folder().display()),
            "listen_addresses=127.0.0.1".to_owned(),
            CONNECTIONS_MAX.to_owned(),
        ];
        if !options.durable {
            settings.extend(UNDURABLE.map(str::to_owned));
        }
        if let Some(tls) = &options.tls {
            for (setting, name, text) in [
                ("ssl_cert_file", "certificate.pem", &tls.certificate),
                ("ssl_key_file", "key.pem", &tls.key),
            ] {
                self.put(name, text)?;
                settings.push(format!("{setting}={}", self.socket_folder().join(name).display()));
            }
            settings.push("ssl=on".to_owned());
        }
        settings.extend(options.settings.iter().map(|(name, value)| format!("{name}={value}")));
        self.arguments = ["-D", "data", "-p", &self.port().to_string()].map(str::to_owned).into();
        self.arguments.extend(settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]));
        Ok(self)
    }

    /// Starts a program in the cluster's folder, as the server's user. Its output goes to the log.
    fn spawn(&self, program: &Path, arguments: &[String]) -> Result<Child, Error> {
        let doing = format!("start {}", program.display());
        let mut command = programs::gated(program, self.socket_folder());
        // A terminal's signals end the test, and that ends the server.
        let child = command.args(arguments).process_group(0).spawn();
        let mut child = child.map_err(|cause| Error::system(&doing, &cause))?;
        if let Some(mut gate) = child.stdin.take()
            && let Err(cause) = gate.write_all(b"\n")
        {
            drop(gate);
            let _ = child.wait();
            return Err(Error::system(&doing, &cause));
        }
        Ok(child)
    }

    /// Writes a file that only the server's user can read.
    fn put(&self, name: &str, text: &str) -> Result<(), Error> {
        let mut command = programs::as_server("sh");
        command.args(["-c", r#"umask 077 && cat >"$1""#, "sh", name]).current_dir(self.socket_folder());
        let output = programs::feed(&mut command, text)
            .map_err(|cause| Error::system(&format!("write the file {name}"), &cause))?;
        match programs::complaint(&output) {
            None => Ok(()),
            Some(complaint) => Err(Error::new(&format!("can't write the file {name}: {complaint}"))),
        }
    }

    /// Whether the server with this process id accepts clients, from the file that `pg_ctl` uses too.
    fn is_ready(&self, pid: u32) -> bool {
        let file = self.socket_folder().join("data/postmaster.pid");
        let text = fs::read_to_string(file).unwrap_or_default();
        let is = |line: usize, wanted: &str| text.lines().nth(line).is_some_and(|line| line.trim() == wanted);
        // A killed server leaves its file.
        is(0, &pid.to_string()) && is(7, "ready")
    }

    fn failure(&self, what: &str) -> Error {
        Error::new(&format!("{what}; its log ends:\n{}", self.log_end()))
    }

    fn log_end(&self) -> String {
        let log = fs::read(self.socket_folder().join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(LOG_LINES_SHOWN)..).unwrap_or_default().join("\n")
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Cluster {
    /// Leaves out the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = self.socket_folder();
        f.debug_struct("Cluster").field("port", &self.port()).field("folder", &folder).finish_non_exhaustive()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // Only if somebody killed the watcher: drop must not wait for ever.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A cluster's folder. Under load, a database of 300 files takes 25 ms in memory, and 250 ms on any disk.
fn place_for_data(durable: bool) -> PathBuf {
    let free = rustix::fs::statvfs(MEMORY_FOLDER).map_or(0, |space| space.f_bavail * space.f_frsize);
    if !durable && free >= MEMORY_BYTES_MIN { PathBuf::from(MEMORY_FOLDER) } else { std::env::temp_dir() }
}

fn has_ended(child: &mut Child) -> Result<bool, Error> {
    let status = child.try_wait().map_err(|cause| Error::system("look after the server", &cause))?;
    Ok(status.is_some())
}

/// The name of a database, from a name or a URL.
fn database_of(url: &str) -> &str {
    let path = url.strip_prefix("postgres://").and_then(|rest| rest.rsplit_once('/'));
    path.map_or(url, |(_, name)| name.split('?').next().unwrap_or(name))
}

/// A text, encoded for a URL.
fn in_url(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn a_port_that_is_taken_meanwhile_is_known_as_such() {
        let port = HeldPort::find().unwrap();
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port.number())).unwrap();
        let error = Cluster::start_on(port, None, &Options::default()).unwrap_err();
        assert!(error.is_port_taken(), "{error}");
        assert!(error.to_string().contains("Address already in use"), "{error}");
    }

    #[test]
    fn other_failures_are_not_of_the_port() {
        let settings = vec![("work_mem".to_owned(), "much".to_owned())];
        let error = Cluster::start(&Options { settings, ..Options::default() }).unwrap_err();
        assert!(!error.is_port_taken(), "{error}");
        assert!(error.to_string().contains(r#"invalid value for parameter "work_mem": "much""#), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }

    #[test]
    fn passwords_are_written_for_urls() {
        assert_eq!(in_url("a-Z_0.~"), "a-Z_0.~");
        assert_eq!(in_url("p@s/:%я"), "p%40s%2F%3A%25%D1%8F");
    }
}
