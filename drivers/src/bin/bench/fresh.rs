//! Closed loop with different requests, as writes need. Each request is made when it is sent, and each
//! answer's code is checked.
//!
//! One thread serves all connections: answers that leave together, after one commit, are read together at
//! little cost.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use billhook_drivers::{Result, pool::Pool, usage::cpu_ns};
use hdrhistogram::Histogram;

use crate::table::figure;

/// The start of a successful answer.
const SUCCESS: &[u8] = b"{\"error_code\":0,";
/// How long answers may take.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// The longest measured time, in microseconds.
const MICROSECONDS_MAX: u64 = 60_000_000;

/// The result of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) answers: u64,
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// The server's processor time per request, in microseconds.
    pub(crate) cpu_us: f64,
}

/// Keeps one request in flight on each connection, until the time is over or there are no more requests.
pub(crate) fn run(
    (pid, address): (u32, SocketAddr),
    connections: usize,
    time: Duration,
    mut next: impl FnMut() -> Option<Vec<u8>>,
) -> Result<Asked> {
    let mut pool = Pool::open(address, connections)?;
    let mut sent = vec![Instant::now(); connections];
    let mut times = Histogram::<u64>::new_with_max(MICROSECONDS_MAX, 3)?;
    let (spent_before, begun) = (cpu_ns(pid)?, Instant::now());
    let mut free: Vec<usize> = (0..connections).collect();
    let mut waiting = 0;
    loop {
        for place in free {
            let request = if begun.elapsed() < time { next() } else { None };
            if let (Some(request), Some(sent)) = (request, sent.get_mut(place)) {
                pool.send(place, &request)?;
                *sent = Instant::now();
                waiting += 1;
            }
        }
        if waiting == 0 {
            break;
        }
        let asked = Instant::now();
        free = pool.answered(SILENCE_MAX, SUCCESS)?;
        if free.is_empty() && asked.elapsed() > SILENCE_MAX {
            return Err(format!("no answer came within {SILENCE_MAX:?}").into());
        }
        waiting -= free.len();
        for sent in free.iter().filter_map(|place| sent.get(*place)) {
            times.record(u64::try_from(sent.elapsed().as_micros())?.clamp(1, MICROSECONDS_MAX))?;
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let answers = figure(times.len());
    let milliseconds = |quantile| figure(times.value_at_quantile(quantile)) / 1e3;
    Ok(Asked {
        answers: times.len(),
        per_second: answers / seconds,
        p50_ms: milliseconds(0.5),
        p99_ms: milliseconds(0.99),
        cpu_us: figure(cpu_ns(pid)? - spent_before) / 1e3 / answers,
    })
}
