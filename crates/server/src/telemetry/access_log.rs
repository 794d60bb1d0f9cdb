//! One line for each request. It never holds a key, a hash or an e-mail.
//!
//! Lines gather in memory and are written together, a few times a second, by a thread of its own: a write for each request would
//! cost as much as finding the request's orders. A process that is killed loses what it had not yet written, a tenth of a second's
//! lines at most. A reader that takes nothing loses lines too, which are counted and told, and holds nobody up.

use std::{
    fmt::Write as _,
    io::{self, Write},
    mem,
    net::IpAddr,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::StatusCode;
use jiff::Timestamp;

/// How long a line may wait.
const INTERVAL: Duration = Duration::from_millis(100);
/// As soon as this much has gathered it is written.
const FULL_BYTES: usize = 64 << 10;
/// How long the end of the server waits for the last lines.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// What may gather while nothing can be written.
const WAITING_BYTES_MAX: usize = 4 << 20;

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// As the other lines of a text log.
    Text,
    /// A JSON object.
    Json,
}

/// What is told of a request.
pub(crate) struct Line<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) account: Option<&'a str>,
    /// The method's name in the table's spelling; what a caller made up is not repeated.
    pub(crate) method: Option<&'static str>,
    pub(crate) code: u16,
    pub(crate) status: StatusCode,
    pub(crate) took: Duration,
    /// The answer's body.
    pub(crate) bytes: usize,
    pub(crate) caller: IpAddr,
}

/// Where lines gather. Dropped, it writes what is left.
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
    /// Somebody waits until all is written.
    hurry: bool,
    /// Lines are with the thread, on their way out.
    writing: bool,
    /// The second that `stamp` is of, and its text without the `Z`.
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

    /// Adds a line.
    pub(crate) fn add(&self, line: &Line<'_>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut lines = self.gathered.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.text.len() > WAITING_BYTES_MAX {
            lines.lost += 1;
            return;
        }
        let before = lines.text.len();
        lines.add(self.format, now, line);
        // Once, when the mark is passed: the thread looks by itself soon enough.
        if before < FULL_BYTES && lines.text.len() >= FULL_BYTES {
            self.gathered.wake.notify_one();
        }
    }
}

impl AccessLog {
    /// Waits until the lines so far are written, for a second at most.
    pub(crate) fn flush(&self) {
        let mut lines = self.gathered.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.hurry = true;
        self.gathered.wake.notify_one();
        let waits = |lines: &mut Lines| lines.writing || !lines.text.is_empty();
        // A reader that is too slow for that loses the rest, as everywhere here.
        drop(self.gathered.written.wait_timeout_while(lines, FLUSH_TIMEOUT, waits));
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.gathered.lines.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        self.gathered.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has been reported by the panic hook.
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
        // No value needs escaping: logins, methods' names, addresses and ids of our own. Writing to a string can't fail.
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

/// Writes what has gathered, again and again, until the log has ended.
fn write_out(gathered: &Gathered, mut sink: impl Write) {
    let mut text = String::new();
    loop {
        let lines = gathered.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = gathered.wake.wait_timeout_while(lines, INTERVAL, |lines| {
            !lines.ended && !lines.hurry && lines.text.len() < FULL_BYTES
        });
        let (mut lines, _) = waited.unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut text, &mut lines.text);
        let (lost, ended) = (mem::take(&mut lines.lost), lines.ended);
        (lines.hurry, lines.writing) = (false, true);
        drop(lines);
        // Where nobody reads the log any more, the server goes on without.
        let _ = sink.write_all(text.as_bytes());
        gathered.lines.lock().unwrap_or_else(PoisonError::into_inner).writing = false;
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
                self.0.lock().unwrap().extend_from_slice(text);
                Ok(text.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let written = Arc::new(Mutex::new(Vec::new()));
        let log = AccessLog::start(LogFormat::Text, Stuck(written.clone())).unwrap();
        let stuck = written.lock().unwrap();
        for _ in 0..100_000 {
            log.add(&line("1f"));
        }
        assert!(log.gathered.lines.lock().unwrap().lost > 0);
        drop(stuck);
        drop(log);
        let written = written.lock().unwrap();
        assert!(written.ends_with(b"127.0.0.1\n") && written.len() > WAITING_BYTES_MAX);
    }
}
