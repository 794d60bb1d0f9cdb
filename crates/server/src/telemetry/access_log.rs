//! The access log: one line per request, without keys, hashes or e-mails.
//!
//! Lines are buffered, and a separate thread writes them several times a second. A write per request would
//! cost as much as finding the request's orders. A killed process loses at most a tenth of a second's lines.
//! If the reader is too slow, lines are dropped and counted, and no request waits.

use std::{
    fmt::Write as _,
    io::{self, Write},
    mem,
    net::IpAddr,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::StatusCode;
use jiff::Timestamp;
use parking_lot::{Condvar, Mutex};

/// The longest time that a line is buffered.
const INTERVAL: Duration = Duration::from_millis(100);
/// A buffer of this size is written at once.
const FULL_BYTES: usize = 64 << 10;
/// How long the server's end waits for the last lines.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// The maximum size of the buffer if nothing can be written.
const WAITING_BYTES_MAX: usize = 4 << 20;

/// The format of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Like the other lines of a text log.
    Text,
    /// A JSON object.
    Json,
}

/// The data of a request's line.
pub(crate) struct Line<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) account: Option<&'a str>,
    /// The method's name as in the table, never the caller's own text.
    pub(crate) method: Option<&'static str>,
    pub(crate) code: u16,
    pub(crate) status: StatusCode,
    pub(crate) took: Duration,
    pub(crate) bytes: usize,
    pub(crate) caller: IpAddr,
}

/// Collects lines. On drop it writes the rest.
pub(crate) struct AccessLog {
    format: LogFormat,
    gathered: Arc<Gathered>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Gathered {
    lines: Mutex<Lines>,
    wake: Condvar,
    written: Condvar,
}

#[derive(Default)]
struct Lines {
    text: String,
    lost: u64,
    ended: bool,
    /// Whether a flush is waiting.
    hurry: bool,
    /// Whether the thread is writing lines.
    writing: bool,
    /// The second that `stamp` was formatted for, without the `Z`.
    second: u64,
    stamp: String,
}

impl AccessLog {
    /// Starts the thread that writes to `sink`.
    pub(crate) fn start(format: LogFormat, sink: impl Write + Send + 'static) -> io::Result<Self> {
        let gathered = Arc::new(Gathered::default());
        let thread = thread::Builder::new().name("access-log".into()).spawn({
            let gathered = gathered.clone();
            move || write_out(&gathered, sink)
        })?;
        Ok(Self { format, gathered, thread: Some(thread) })
    }

    pub(crate) fn add(&self, line: &Line<'_>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut lines = self.gathered.lines.lock();
        if lines.text.len() > WAITING_BYTES_MAX {
            lines.lost += 1;
            return;
        }
        let before = lines.text.len();
        lines.add(self.format, now, line);
        // Notify only when the mark is passed; otherwise the thread wakes up soon enough.
        if before < FULL_BYTES && lines.text.len() >= FULL_BYTES {
            self.gathered.wake.notify_one();
        }
    }
}

impl AccessLog {
    /// Waits until all lines so far are written, for at most a second.
    pub(crate) fn flush(&self) {
        let mut lines = self.gathered.lines.lock();
        lines.hurry = true;
        self.gathered.wake.notify_one();
        let waits = |lines: &mut Lines| lines.writing || !lines.text.is_empty();
        // A reader that is too slow loses the rest.
        self.gathered.written.wait_while_for(&mut lines, waits, FLUSH_TIMEOUT);
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.gathered.lines.lock().ended = true;
        self.gathered.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // The panic hook has reported a panic of that thread.
            let _ = thread.join();
        }
    }
}

impl Lines {
    fn add(&mut self, format: LogFormat, now: Duration, line: &Line<'_>) {
        if self.second != now.as_secs() || self.stamp.is_empty() {
            self.second = now.as_secs();
            let second = Timestamp::from_second(i64::try_from(self.second).unwrap_or(0)).unwrap_or_default();
            second.to_string().trim_end_matches('Z').clone_into(&mut self.stamp);
        }
        let Line { request_id, account, method, code, status, took, bytes, caller } = line;
        let (account, method, status) = (account.unwrap_or("-"), method.unwrap_or("-"), status.as_u16());
        let (ms, us) = (took.as_millis(), took.subsec_micros() % 1000);
        let (stamp, micros) = (&self.stamp, now.subsec_micros());
        // No value needs escaping: all are logins, method names, addresses and our ids. Writing can't fail.
        let _ = match format {
            LogFormat::Text => writeln!(
                self.text,
                "{stamp}.{micros:06}Z  INFO billhook::access: request=\"{request_id}\" account=\"{account}\" \
                 method=\"{method}\" code={code} status={status} ms={ms}.{us:03} bytes={bytes} caller={caller}"
            ),
            LogFormat::Json => writeln!(
                self.text,
                "{{\"timestamp\":\"{stamp}.{micros:06}Z\",\"level\":\"INFO\",\"request\":\"{request_id}\",\
                 \"account\":\"{account}\",\"method\":\"{method}\",\"code\":{code},\"status\":{status},\
                 \"ms\":{ms}.{us:03},\"bytes\":{bytes},\"caller\":\"{caller}\",\"target\":\"billhook::access\"}}"
            ),
        };
    }
}

/// Writes buffered lines until the log is dropped.
fn write_out(gathered: &Gathered, mut sink: impl Write) {
    let mut text = String::new();
    loop {
        let mut lines = gathered.lines.lock();
        let waits = |lines: &mut Lines| !lines.ended && !lines.hurry && lines.text.len() < FULL_BYTES;
        gathered.wake.wait_while_for(&mut lines, waits, INTERVAL);
        mem::swap(&mut text, &mut lines.text);
        let (lost, ended) = (mem::take(&mut lines.lost), lines.ended);
        (lines.hurry, lines.writing) = (false, true);
        drop(lines);
        // If nobody reads the log, the server goes on.
        let _ = sink.write_all(text.as_bytes());
        gathered.lines.lock().writing = false;
        gathered.written.notify_all();
        text.clear();
        text.shrink_to(2 * FULL_BYTES);
        if lost > 0 {
            tracing::warn!(lines = lost, "lines of the access log were lost: whatever reads it is too slow");
        }
        if ended {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(request_id: &str) -> Line<'_> {
        Line {
            request_id,
            account: Some("anna"),
            method: None,
            code: 4,
            status: StatusCode::OK,
            took: Duration::from_micros(12_034),
            bytes: 99,
            caller: IpAddr::from([127, 0, 0, 1]),
        }
    }

    #[test]
    fn both_formats() {
        let mut lines = Lines::default();
        let now = Duration::new(1_700_000_000, 1_002_000);
        lines.add(LogFormat::Text, now, &line("1f"));
        lines.add(LogFormat::Json, now, &line("1f"));
        let [text, json] = lines.text.lines().collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(
            text,
            "2023-11-14T22:13:20.001002Z  INFO billhook::access: request=\"1f\" account=\"anna\" method=\"-\" code=4 \
             status=200 ms=12.034 bytes=99 caller=127.0.0.1"
        );
        let json: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(
            (&json["code"], &json["ms"], &json["caller"]),
            (&4.into(), &12.034.into(), &"127.0.0.1".into())
        );
    }

    #[test]
    fn a_sink_that_takes_nothing_holds_nobody_up() {
        #[derive(Clone)]
        struct Stuck(Arc<Mutex<Vec<u8>>>);
        impl Write for Stuck {
            fn write(&mut self, text: &[u8]) -> io::Result<usize> {
                self.0.lock().extend_from_slice(text);
                Ok(text.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let written = Arc::new(Mutex::new(Vec::new()));
        let log = AccessLog::start(LogFormat::Text, Stuck(written.clone())).unwrap();
        let stuck = written.lock();
        for _ in 0..100_000 {
            log.add(&line("1f"));
        }
        drop(stuck);
        drop(log);
        let written = written.lock();
        assert!(written.ends_with(b"127.0.0.1\n") && written.len() > WAITING_BYTES_MAX);
        // What the thread held, and what waited behind it: not all of the lines.
        assert!(written.len() < 3 * WAITING_BYTES_MAX, "{}", written.len());
    }
}
