//! Closed loop whose requests are all different, as those must be that write: each is made when it is sent, and of each answer the
//! code is looked at.
//!
//! One thread for all connections: answers that leave together, after one commit, are taken together, and cost the machine little.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use rustix::event::{Timespec, epoll};

use crate::{Result, http::Parts, process, table::figure};

/// How every answer that is wanted begins.
const SUCCESS: &[u8] = b"{\"error_code\":0,";
/// How long answers may take.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// The longest time that is told apart, in microseconds.
const MICROSECONDS_MAX: u64 = 60_000_000;

/// What one run gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) answers: f64,
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// What the server's processors spent on one request, in microseconds.
    pub(crate) cpu_us: f64,
}

struct Connection {
    stream: TcpStream,
    sent: Instant,
    received: Vec<u8>,
}

/// Asks a server on so many connections, each of which waits for its answer, until the time is over or there is no other request.
pub(crate) fn run(
    (pid, address): (u32, SocketAddr),
    connections: u32,
    time: Duration,
    mut next: impl FnMut() -> Result<Option<Vec<u8>>>,
) -> Result<Asked> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut open = Vec::new();
    for place in 0..u64::from(connections) {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(&epoll, &stream, epoll::EventData::new_u64(place), epoll::EventFlags::IN)?;
        open.push(Connection { stream, sent: Instant::now(), received: Vec::new() });
    }
    let mut times = Histogram::<u64>::new_with_max(MICROSECONDS_MAX, 3)?;
    let spent_before = process::cpu_ns(pid)?;
    let begun = Instant::now();
    let mut waiting = 0;
    for connection in &mut open {
        waiting += u32::from(connection.send(next()?)?);
    }
    let timeout = Timespec::try_from(SILENCE_MAX)?;
    let mut events =
        vec![
            epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) };
            open.len()
        ];
    while waiting > 0 {
        let ready = match epoll::wait(&epoll, &mut events[..], Some(&timeout)) {
            Ok(0) => return Err(format!("no answer came within {SILENCE_MAX:?}").into()),
            Ok(ready) => ready,
            Err(rustix::io::Errno::INTR) => 0,
            Err(error) => return Err(error.into()),
        };
        for event in events.iter().take(ready) {
            let connection = open.get_mut(usize::try_from(event.data.u64())?).ok_or("no such connection")?;
            if !connection.is_answered()? {
                continue;
            }
            times.record(u64::try_from(connection.sent.elapsed().as_micros())?.clamp(1, MICROSECONDS_MAX))?;
            let request = if begun.elapsed() < time { next()? } else { None };
            waiting -= u32::from(!connection.send(request)?);
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let answers = figure(times.len());
    let milliseconds = |quantile| figure(times.value_at_quantile(quantile)) / 1e3;
    Ok(Asked {
        answers,
        per_second: answers / seconds,
        p50_ms: milliseconds(0.5),
        p99_ms: milliseconds(0.99),
        cpu_us: figure(process::cpu_ns(pid)? - spent_before) / 1e3 / answers,
    })
}

impl Connection {
    /// Sends the next request, if there is one; says whether it did.
    fn send(&mut self, request: Option<Vec<u8>>) -> Result<bool> {
        let Some(request) = request else { return Ok(false) };
        // A request is far smaller than a socket's buffer, which is empty here.
        self.stream.write_all(&request)?;
        self.sent = Instant::now();
        Ok(true)
    }

    /// Reads what is there; says whether the answer is whole. One that is no success is an error.
    fn is_answered(&mut self) -> Result<bool> {
        let mut piece = [0; 16 * 1024];
        match self.stream.read(&mut piece) {
            Ok(0) => return Err("the server closed a connection".into()),
            Ok(read) => self.received.extend_from_slice(piece.get(..read).unwrap_or_default()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        }
        let Some(parts) = Parts::of(&self.received)? else { return Ok(false) };
        if self.received.len() < parts.bytes() {
            return Ok(false);
        }
        let body = self.received.get(parts.head_bytes..).unwrap_or_default();
        if parts.status != 200 || !body.starts_with(SUCCESS) {
            let body = String::from_utf8_lossy(body);
            return Err(format!("HTTP status {}, answer {body}", parts.status).into());
        }
        self.received.clear();
        Ok(true)
    }
}
