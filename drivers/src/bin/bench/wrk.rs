//! Closed loop: wrk with prepared requests, and the server's processor time for them.

use std::{fmt::Write as _, fs, net::SocketAddr, path::Path, time::Duration};

use billhook_drivers::{Result, billhook::command, usage::cpu_ns};
use billhook_test_kit::{Running, run as run_for};

use crate::table::figure;

/// Reads the requests in `init`, so that `request` only returns the next. Threads start at different ones.
const SCRIPT: &str = r#"
local requests, count, place = {}, 0, 0
local threads = 0
function setup(thread) thread:set("number", threads); threads = threads + 1 end
function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  while true do
    local length = file:read("*n")
    if not length then break end
    file:read(1)
    count = count + 1
    requests[count] = file:read(length)
  end
  file:close()
  place = math.floor(count / 2) * number % count
end
function request()
  place = place % count + 1
  return requests[place]
end
function done(summary)
  local errors = summary.errors
  print(string.format("figures %d %d %d", summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"#;

/// wrk's threads.
pub(crate) const THREADS: u32 = 2;

/// The target of a load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal {
    pub(crate) pid: u32,
    pub(crate) address: SocketAddr,
    pub(crate) tls: bool,
}

impl Goal {
    /// A server's first HTTP address.
    pub(crate) fn of(server: &Running) -> Result<Self> {
        Ok(Self { pid: server.pid(), address: server.address()?, tls: false })
    }
}

/// The result of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// The number of answered requests.
    pub(crate) requests: f64,
    pub(crate) per_second: f64,
    /// The server's processor time per request, in microseconds.
    pub(crate) cpu_us: f64,
}

pub(crate) fn write_script(path: &Path) -> Result<()> {
    Ok(fs::write(path, SCRIPT)?)
}

/// Writes requests in the script's format: a length, a line end, the bytes.
pub(crate) fn write_requests<'a>(path: &Path, requests: impl Iterator<Item = &'a [u8]>) -> Result<()> {
    let mut file = Vec::new();
    for request in requests {
        let mut length = String::new();
        writeln!(length, "{}", request.len())?;
        file.extend_from_slice(length.as_bytes());
        file.extend_from_slice(request);
    }
    Ok(fs::write(path, file)?)
}

/// Loads a server at its maximum rate.
pub(crate) fn run(
    goal: Goal,
    script: &Path,
    requests: &Path,
    threads: u32,
    connections: u32,
    time: Duration,
) -> Result<Sample> {
    let seconds = time.as_secs().max(1);
    let scheme = if goal.tls { "https" } else { "http" };
    let arguments = [
        "--threads".to_owned(),
        threads.min(connections).to_string(),
        "--connections".to_owned(),
        connections.to_string(),
        "--duration".to_owned(),
        format!("{seconds}s"),
        "--timeout".to_owned(),
        "10s".to_owned(),
        "--script".to_owned(),
        script.display().to_string(),
        format!("{scheme}://{}/api/GetBills", goal.address),
        "--".to_owned(),
        requests.display().to_string(),
    ];
    let before = cpu_ns(goal.pid)?;
    let told =
        run_for(&mut command(Path::new("wrk"), &arguments), time + Duration::from_mins(1))?.result()?;
    let spent = cpu_ns(goal.pid)? - before;
    let figures = told.lines().find_map(|line| line.strip_prefix("figures ")).map(|line| {
        line.split(' ').filter_map(|number| number.parse::<u32>().ok()).map(f64::from).collect::<Vec<_>>()
    });
    match figures.as_deref() {
        Some(&[requests, micros, 0.0]) if requests > 0.0 => Ok(Sample {
            requests,
            per_second: requests / (micros / 1e6),
            cpu_us: figure(spent) / 1000.0 / requests,
        }),
        _ => Err(format!("wrk reports errors:\n{told}").into()),
    }
}
