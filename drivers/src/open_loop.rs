//! Open loop: requests begin at a fixed rate, whatever the answers do. Latency counts from when a request
//! should have begun, so a stalled server is charged for all who had to wait.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    num::NonZeroU64,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use rustix::thread::set_current_timer_slack;

use crate::{Result, pool::Pool};

/// Connections for requests. A request that finds none free waits, and its time runs.
pub const CONNECTIONS: usize = 64;
/// The first requests on new connections, which are not counted.
const WARM_UP: Duration = Duration::from_millis(500);
/// How long the answers to the last requests may take.
const TAIL_MAX: Duration = Duration::from_secs(10);
/// The longest measured latency, in nanoseconds.
const LATENCY_MAX_NS: u64 = 60_000_000_000;

/// A rate, and how long to hold it.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Requests a second.
    pub per_second: f64,
    /// Without the warm-up.
    pub time: Duration,
    /// Whether the first requests matter, so that there is no warm-up.
    pub cold: bool,
}

/// Latencies of one run, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Latency {
    /// The median.
    pub p50: f64,
    /// One in a hundred is longer.
    pub p99: f64,
    /// One in a thousand is longer.
    pub p999: f64,
}

/// Holds the rate for the plan's time, and longer until `enough`, at most ten times as long. With `in_turn`
/// all connections are used, so the server closes none as idle. Without it, at a low rate, a few do all the
/// work.
pub fn run(
    address: SocketAddr,
    requests: &[Vec<u8>],
    plan: Plan,
    in_turn: bool,
    enough: &dyn Fn() -> bool,
) -> Result<Latency> {
    // Otherwise the kernel may end a pause 50 µs late.
    set_current_timer_slack(NonZeroU64::new(1))?;
    let mut generator = Generator::new(address, requests, in_turn)?;
    let warm_up = if plan.cold { Duration::ZERO } else { WARM_UP };
    let begin = Instant::now() + Duration::from_millis(1);
    let (counted_from, end) = (begin + warm_up, begin + warm_up + plan.time);
    let last = end + plan.time * 9;
    let mut number: u64 = 0;
    loop {
        let now = Instant::now();
        let mut next = begin + at(number, plan.per_second);
        while next <= now {
            generator.waiting.push_back(next);
            number += 1;
            next = begin + at(number, plan.per_second);
        }
        if now >= last || (now >= end && enough()) {
            break;
        }
        generator.send()?;
        generator.receive(next.saturating_duration_since(Instant::now()), counted_from)?;
    }
    let tail = Instant::now();
    while generator.is_busy() {
        if tail.elapsed() > TAIL_MAX {
            return Err("an answer did not come within ten seconds".into());
        }
        generator.send()?;
        generator.receive(Duration::from_millis(10), counted_from)?;
    }
    let latency = |quantile| milliseconds(generator.latencies.value_at_quantile(quantile));
    Ok(Latency { p50: latency(0.5), p99: latency(0.99), p999: latency(0.999) })
}

#[expect(clippy::cast_precision_loss, reason = "a run has far fewer than 2^53 requests")]
fn at(number: u64, per_second: f64) -> Duration {
    Duration::from_secs_f64(number as f64 / per_second)
}

#[expect(clippy::cast_precision_loss, reason = "latencies are below 2^53 nanoseconds")]
fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

struct Generator<'r> {
    requests: std::iter::Cycle<std::slice::Iter<'r, Vec<u8>>>,
    pool: Pool,
    /// When the request in flight on each connection should have begun.
    intended: Vec<Instant>,
    /// Connections without a request in flight; the first is used next.
    free: VecDeque<usize>,
    /// Whether a connection that is free again goes to the end of the list.
    in_turn: bool,
    /// When the requests that are not sent yet should have begun.
    waiting: VecDeque<Instant>,
    latencies: Histogram<u64>,
}

impl<'r> Generator<'r> {
    fn new(address: SocketAddr, requests: &'r [Vec<u8>], in_turn: bool) -> Result<Self> {
        Ok(Self {
            requests: requests.iter().cycle(),
            pool: Pool::open(address, CONNECTIONS)?,
            intended: vec![Instant::now(); CONNECTIONS],
            free: (0..CONNECTIONS).collect(),
            in_turn,
            waiting: VecDeque::new(),
            latencies: Histogram::new_with_max(LATENCY_MAX_NS, 3)?,
        })
    }

    fn is_busy(&self) -> bool {
        !self.waiting.is_empty() || self.free.len() < CONNECTIONS
    }

    /// Sends due requests on free connections.
    fn send(&mut self) -> Result<()> {
        while let (Some(&intended), Some(&place)) = (self.waiting.front(), self.free.front()) {
            self.pool.send(place, self.requests.next().ok_or("there are no requests")?)?;
            if let Some(begun) = self.intended.get_mut(place) {
                *begun = intended;
            }
            self.waiting.pop_front();
            self.free.pop_front();
        }
        Ok(())
    }

    /// Waits at most this long for answers, and takes those that have arrived.
    fn receive(&mut self, time_max: Duration, counted_from: Instant) -> Result<()> {
        for place in self.pool.answered(time_max, b"")? {
            if self.in_turn {
                self.free.push_back(place);
            } else {
                self.free.push_front(place);
            }
            if let Some(intended) = self.intended.get(place).filter(|intended| **intended >= counted_from) {
                let latency = u64::try_from(intended.elapsed().as_nanos())?;
                self.latencies.record(latency.clamp(1, LATENCY_MAX_NS))?;
            }
        }
        Ok(())
    }
}
