//! Nothing of a cluster remains after its end.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that meets a fault shall stop")]

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use billhook_test_kit::{Cluster, Options};

const OWNER_VARIABLE: &str = "BILLHOOK_TEST_OWNS_A_CLUSTER";
const PATIENCE: Duration = Duration::from_secs(20);

/// A cluster's processes and files.
#[derive(Debug)]
struct Holdings {
    folder: PathBuf,
    processes: BTreeSet<u32>,
    memory_files: BTreeSet<PathBuf>,
    memory_segment: String,
}

impl Holdings {
    fn of(folder: &Path) -> Self {
        let lock = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
        let postmaster: u32 = lock.lines().next().unwrap().parse().unwrap();
        let mut processes = BTreeSet::from([postmaster]);
        processes
            .extend(running().into_iter().filter(|process| process.parent == postmaster).map(|one| one.pid));
        let maps = maps(postmaster);
        let mapped = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
        let memory_files = mapped.filter(|path| path.starts_with("/dev/shm/")).map(PathBuf::from).collect();
        let memory_segment = lock.lines().nth(6).unwrap().split_whitespace().last().unwrap().to_owned();
        let holdings = Self { folder: folder.to_owned(), processes, memory_files, memory_segment };
        // Checks that the test finds them at all.
        assert!(holdings.processes.len() > 4 && !holdings.memory_files.is_empty(), "{holdings:?}");
        assert!(holdings.left().len() == 4, "{holdings:?}");
        holdings
    }

    fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        if self.folder.exists() {
            left.push(format!("folder {}", self.folder.display()));
        }
        let running: Vec<u32> =
            running().iter().map(|one| one.pid).filter(|pid| self.processes.contains(pid)).collect();
        if !running.is_empty() {
            left.push(format!("processes {running:?}"));
        }
        if self.memory_files.iter().any(|file| file.exists()) {
            left.push(format!("files {:?}", self.memory_files));
        }
        let segments = fs::read_to_string("/proc/sysvipc/shm").unwrap();
        if segments.lines().any(|line| line.split_whitespace().nth(1) == Some(&self.memory_segment)) {
            left.push(format!("segment {}", self.memory_segment));
        }
        left
    }
}

/// The files that a server has mapped, read as its user: in a container not even root may.
fn maps(pid: u32) -> String {
    let setpriv = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"];
    let prefix = if rustix::process::geteuid().is_root() { &setpriv[..] } else { &["env"] };
    let output =
        Command::new(prefix[0]).args(&prefix[1..]).arg("cat").arg(format!("/proc/{pid}/maps")).output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

struct Process {
    pid: u32,
    parent: u32,
}

/// All processes except zombies.
fn running() -> Vec<Process> {
    let read = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        let state = fields.next()?;
        (state != "Z").then_some(Process { pid, parent: fields.next()?.parse().ok()? })
    };
    fs::read_dir("/proc").unwrap().flatten().filter_map(read).collect()
}

/// The processes whose working directory or arguments name a folder.
fn at_work_in(folder: &Path) -> Vec<u32> {
    let name = folder.to_str().unwrap();
    let is_there = |pid: u32| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let place = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
        place.starts_with(folder) || String::from_utf8_lossy(&words).contains(name)
    };
    running().into_iter().map(|process| process.pid).filter(|pid| is_there(*pid)).collect()
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

fn folder_for_everybody() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    folder
}

/// Runs this test again, as the process that owns a cluster in `place`.
fn owner(test: &str, place: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(OWNER_VARIABLE, "1").env("TMPDIR", place);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// Options of a durable cluster, which is in `TMPDIR`.
fn durable() -> Options {
    Options { durable: true, ..Options::default() }
}

fn is_owner() -> bool {
    std::env::var_os(OWNER_VARIABLE).is_some()
}

#[test]
fn a_dropped_cluster_leaves_nothing() {
    let cluster = Cluster::start(&Options::default()).unwrap();
    let other = Cluster::start(&Options::default()).unwrap();
    let folder = cluster.socket_folder().to_owned();
    let holdings = Holdings::of(&folder);
    assert!(!at_work_in(&folder).is_empty());
    drop(cluster);
    assert_eq!(holdings.left(), [""; 0]);
    assert_eq!(at_work_in(&folder), [0; 0]);
    assert_eq!(other.sql("postgres", "SELECT 1").unwrap(), "1\n");
}

#[test]
fn a_killed_cluster_leaves_nothing_either() {
    let cluster = Cluster::start(&durable()).unwrap();
    let folder = cluster.socket_folder().to_owned();
    let first = Holdings::of(&folder);
    cluster.kill().unwrap();
    let running = first.left();
    assert!(!running.iter().any(|left| left.contains("processes")), "{running:?}");
    cluster.start_again().unwrap();
    let second = Holdings::of(&folder);
    cluster.kill().unwrap();
    drop(cluster);
    assert_eq!((first.left(), second.left()), (vec![], vec![]));
}

#[test]
fn a_server_that_hangs_is_ended_too() {
    let cluster = Cluster::start(&Options::default()).unwrap();
    let holdings = Holdings::of(cluster.socket_folder());
    let pid = cluster.pid().to_string();
    assert!(Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
    drop(cluster);
    assert_eq!(holdings.left(), [""; 0]);
}

#[test]
fn nothing_is_left_when_the_owner_is_killed() {
    if is_owner() {
        let one = Cluster::start(&durable()).unwrap();
        println!("\nserves {}", one.socket_folder().display());
        // A cluster that nobody drops; its folder may be in memory.
        let shared = Cluster::shared();
        println!("\nserves {}", shared.socket_folder().display());
        thread::sleep(PATIENCE * 2);
        return;
    }
    let place = folder_for_everybody();
    let mut child = owner("nothing_is_left_when_the_owner_is_killed", place.path()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let folders = lines.filter_map(|line| line.strip_prefix("serves ").map(PathBuf::from)).take(2);
    let holdings: Vec<Holdings> = folders.map(|folder| Holdings::of(&folder)).collect();
    assert_eq!(holdings.len(), 2);
    child.kill().unwrap();
    child.wait().unwrap();
    let limit = Instant::now() + PATIENCE;
    let left = || holdings.iter().flat_map(Holdings::left).collect::<Vec<_>>();
    while !left().is_empty() {
        assert!(Instant::now() < limit, "{:?}", left());
        thread::sleep(Duration::from_millis(20));
    }
    assert!(is_empty(place.path()));
}

#[test]
fn nothing_is_left_when_the_owner_is_killed_at_the_start() {
    if is_owner() {
        let _cluster = Cluster::start(&durable()).unwrap();
        thread::sleep(PATIENCE * 2);
        return;
    }
    let test = "nothing_is_left_when_the_owner_is_killed_at_the_start";
    let mut began = 0;
    for delay in [5, 10, 20, 40, 150, 300, 450, 600, 750, 900] {
        let place = folder_for_everybody();
        let mut child = owner(test, place.path()).spawn().unwrap();
        thread::sleep(Duration::from_millis(delay));
        began += u32::from(!is_empty(place.path()));
        child.kill().unwrap();
        child.wait().unwrap();
        let limit = Instant::now() + PATIENCE;
        // A watcher may still be creating the folder, so it must be quiet for a while.
        let mut quiet = 0;
        while quiet < 10 {
            let working = at_work_in(place.path());
            quiet = if is_empty(place.path()) && working.is_empty() { quiet + 1 } else { 0 };
            let entries: Vec<_> =
                fs::read_dir(place.path()).unwrap().flatten().map(|entry| entry.path()).collect();
            assert!(Instant::now() < limit, "after {delay} ms: {entries:?} {working:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }
    assert!(began > 4, "{began}");
}
