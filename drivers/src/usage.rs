//! The memory, processor time and files of processes, from `/proc`.

use std::{
    fs,
    path::Path,
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use crate::Result;

/// How often memory is read.
const MEMORY_EVERY: Duration = Duration::from_millis(5);

/// Runs `work`, and returns the peak of a process's private memory meanwhile, in bytes.
pub fn peak<T>(pid: u32, work: impl FnOnce() -> T) -> Result<(T, u64)> {
    // However the work ends, its end of the channel is dropped.
    let (end, ended) = channel::<()>();
    thread::scope(|scope| {
        let watcher = scope.spawn(move || {
            let mut most = 0;
            while ended.recv_timeout(MEMORY_EVERY) == Err(RecvTimeoutError::Timeout) {
                most = most.max(private_bytes(pid).unwrap_or(0));
            }
            most
        });
        let done = work();
        drop(end);
        match watcher.join() {
            Ok(most) if most > 0 => Ok((done, most)),
            _ => Err("the server's memory could not be read".into()),
        }
    })
}

/// The processor time of a process's threads, in nanoseconds.
pub fn cpu_ns(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may have ended meanwhile.
        let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        let nanoseconds = text.split_whitespace().next().and_then(|number| number.parse::<u64>().ok());
        sum += nanoseconds.ok_or("/proc: schedstat is not as expected")?;
    }
    Ok(sum)
}

/// The processor time of a process and its children, ended ones included, in microseconds.
pub fn family_cpu_us(pid: u32) -> Result<f64> {
    let parent = pid.to_string();
    let folder = Path::new("/proc").join(&parent);
    let mut itself = Times::read(&folder)?;
    let ticks = loop {
        let mut children = 0;
        for entry in fs::read_dir("/proc")? {
            // A process may have ended meanwhile.
            let Ok(times) = Times::read(&entry?.path()) else { continue };
            if times.parent == parent {
                children += times.own;
            }
        }
        let now = Times::read(&folder)?;
        // A child that ended meanwhile may be in neither sum, or in both.
        if now.ended == itself.ended {
            break now.own + now.ended + children;
        }
        itself = now;
    };
    let ticks_a_second = u32::try_from(rustix::param::clock_ticks_per_second())?;
    Ok(f64::from(u32::try_from(ticks)?) * 1e6 / f64::from(ticks_a_second))
}

/// A process's processor times from `/proc/PID/stat`, in ticks.
struct Times {
    parent: String,
    own: u64,
    /// Of children that have ended.
    ended: u64,
}

impl Times {
    fn read(folder: &Path) -> Result<Self> {
        let text = fs::read_to_string(folder.join("stat"))?;
        // The program's name before the bracket may contain anything.
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

/// The number of a process's file descriptors, without files in `but_in`: a store opens a limited number of
/// files when it needs them, and keeps them open.
pub fn open_files(pid: u32, but_in: &Path) -> Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        // It may have been closed meanwhile.
        let Ok(file) = fs::read_link(entry?.path()) else { continue };
        count += usize::from(!file.starts_with(but_in));
    }
    Ok(count)
}
