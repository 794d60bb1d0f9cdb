//! What a connection is doing, and until when it may: one record that its socket, its requests and its answers all report to.
//!
//! hyper's own time-out for heads also runs while a connection is idle, and it has none for a client that takes no answer. So
//! the deadlines are kept here, as a few atomic numbers, and one timer a connection looks at them only when it fires.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http::stream::Stream;

/// For how long a connection that ends with an unread body is listened to, so that its client comes to read the answer.
const LINGER_TIME: Duration = Duration::from_secs(2);
/// How much is read meanwhile.
const LINGER_BYTES: usize = 16 * 1024 * 1024;

/// The time-outs of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    pub(crate) header: Duration,
    pub(crate) idle: Duration,
    pub(crate) write: Duration,
}

/// What a connection is doing. Times are milliseconds since it was opened; 0 stands for "not".
#[derive(Debug)]
pub(crate) struct Activity {
    opened: Instant,
    timeouts: Timeouts,
    /// Whether bytes that arrive between requests begin a head. In HTTP/2 they may be anything.
    heads: bool,
    phase: AtomicU8,
    phase_since: AtomicU64,
    /// Requests whose answer has not been handed over whole.
    in_flight: AtomicU32,
    /// The answers of which a part is still to be taken: when one of each was last taken, or 0 where a place is free. One
    /// that is taken must not keep the others alive. HTTP/1.1 needs a single place, and nobody else wants the lock.
    answers: Mutex<Vec<u64>>,
    /// Since when the socket takes nothing.
    blocked: AtomicU64,
    unread: AtomicBool,
}

// The phases between requests.
const IDLE: u8 = 0;
const HEAD: u8 = 1;
const LINGERING: u8 = 2;

impl Activity {
    /// A connection that was just opened. Where heads are looked for, the first one is due at once.
    pub(crate) fn new(timeouts: Timeouts, heads: bool) -> Self {
        Self {
            opened: Instant::now(),
            timeouts,
            heads,
            phase: AtomicU8::new(if heads { HEAD } else { IDLE }),
            phase_since: AtomicU64::new(0),
            in_flight: AtomicU32::new(0),
            answers: Mutex::default(),
            blocked: AtomicU64::new(0),
            unread: AtomicBool::new(false),
        }
    }

    /// The end of the present wait, if it is one for the client.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let at = |since: u64, allowed: Duration| self.opened + Duration::from_millis(since) + allowed;
        let blocked = match self.blocked.load(Relaxed) {
            0 => None,
            since => Some(at(since, self.timeouts.write)),
        };
        let waiting = if self.in_flight.load(Relaxed) == 0 {
            let since = self.phase_since.load(Relaxed);
            match self.phase.load(Relaxed) {
                HEAD => Some(at(since, self.timeouts.header)),
                LINGERING => Some(at(since, LINGER_TIME)),
                _ => Some(at(since, self.timeouts.idle)),
            }
        } else {
            let longest = self.answers().iter().copied().filter(|taken| *taken != 0).min();
            longest.map(|taken| at(taken, self.timeouts.write))
        };
        blocked.into_iter().chain(waiting).min()
    }

    /// Whether no request is being answered, and no answer waits to be sent.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.load(Relaxed) == 0 && self.blocked.load(Relaxed) == 0
    }

    /// Since when nothing has come and nothing is to be sent.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let idle = self.is_idle() && self.phase.load(Relaxed) == IDLE;
        idle.then(|| self.opened + Duration::from_millis(self.phase_since.load(Relaxed)))
    }

    /// How long the connection may stay without a request.
    pub(crate) fn idle_timeout(&self) -> Duration {
        self.timeouts.idle
    }

    /// A part of a body will never be read.
    pub(crate) fn leave_unread(&self) {
        self.unread.store(true, Relaxed);
    }

    /// An answer is ready to be taken. The place is the answer's own until it is gone.
    pub(crate) fn answer_ready(&self) -> usize {
        let now = self.now();
        let mut answers = self.answers();
        if let Some((place, taken)) = answers.iter_mut().enumerate().find(|(_, taken)| **taken == 0) {
            *taken = now;
            return place;
        }
        answers.push(now);
        answers.len() - 1
    }

    /// A part of an answer was taken.
    pub(crate) fn answer_taken(&self, place: usize) {
        self.set_taken(place, self.now());
    }

    /// An answer was taken whole, or given up.
    pub(crate) fn answer_gone(&self, place: usize) {
        self.set_taken(place, 0);
    }

    fn set_taken(&self, place: usize, at: u64) {
        if let Some(taken) = self.answers().get_mut(place) {
            *taken = at;
        }
    }

    fn answers(&self) -> MutexGuard<'_, Vec<u64>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, phase: u8) {
        self.phase.store(phase, Relaxed);
        self.phase_since.store(self.now(), Relaxed);
    }

    fn bytes_came(&self) {
        if self.heads && self.phase.load(Relaxed) == IDLE && self.is_idle() {
            self.begin(HEAD);
        }
    }

    fn wrote<T>(&self, outcome: &Poll<T>) {
        match (outcome.is_pending(), self.blocked.load(Relaxed)) {
            (true, 0) => self.blocked.store(self.now(), Relaxed),
            (false, since) if since != 0 => self.blocked.store(0, Relaxed),
            _ => {}
        }
    }

    fn now(&self) -> u64 {
        // Never 0, which stands for "not".
        u64::try_from(self.opened.elapsed().as_millis()).map_or(u64::MAX, |ms| ms.max(1))
    }
}

/// Counts a request as in flight for as long as it lives.
#[derive(Debug)]
pub(crate) struct InFlight<A: AsRef<Activity>>(pub(crate) A);

impl<A: AsRef<Activity>> InFlight<A> {
    /// Begins one.
    pub(crate) fn begin(of: A) -> Self {
        of.as_ref().in_flight.fetch_add(1, Relaxed);
        Self(of)
    }
}

impl<A: AsRef<Activity>> Drop for InFlight<A> {
    fn drop(&mut self) {
        // The wait that this may begin has its time before anybody can see that it has begun.
        let activity = self.0.as_ref();
        activity.begin(IDLE);
        activity.in_flight.fetch_sub(1, Relaxed);
    }
}

/// A socket, or the TLS over it, that reports to the connection's [`Activity`].
///
/// A client that takes its answer slowly is not cut off: each time the kernel's buffer has emptied by about a third, the wait
/// begins anew.
///
/// What is to be written waits until the worker has looked after the other connections that it has to: so requests that came
/// together are answered together. Each write wakes its reader, and where answers leave one by one, every one of them costs a
/// change of threads, here or on the way.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    io: S,
    activity: Arc<Activity>,
    lingered: usize,
    /// The others have had their turn.
    may_write: bool,
    /// What was read already and is to be read again.
    ahead: Bytes,
}

impl<S> Watched<S> {
    /// Watches a stream.
    pub(crate) fn new(io: S, activity: Arc<Activity>) -> Self {
        Self { io, activity, lingered: 0, may_write: false, ahead: Bytes::new() }
    }

    /// Gives back what was read and not used.
    pub(crate) fn put_back(&mut self, bytes: Bytes) {
        // Of no bytes, too, their whole buffer would be kept.
        self.ahead = if bytes.is_empty() { Bytes::new() } else { bytes };
    }

    /// Whether the others have had their turn since the last answer left; else the task comes again behind them.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.may_write {
            return Poll::Ready(());
        }
        self.may_write = true;
        cx.waker().wake_by_ref();
        // hyper is done with the answer, so this alone tells that there is still one.
        self.activity.wrote(&Poll::<()>::Pending);
        Poll::Pending
    }
}

impl<S: Stream> Watched<S> {
    /// Ready once there may be something to read, or the end.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.ahead.is_empty() { self.io.poll_readable(cx) } else { Poll::Ready(()) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let outcome = if self.ahead.is_empty() {
            Pin::new(&mut self.io).poll_read(cx, buf)
        } else {
            let bytes = self.ahead.len().min(buf.remaining());
            buf.put_slice(&self.ahead.split_to(bytes));
            Poll::Ready(Ok(()))
        };
        if buf.filled().len() > before {
            self.activity.bytes_came();
        }
        outcome
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        ready!(self.poll_turn(cx));
        let outcome = Pin::new(&mut self.io).poll_write(cx, buf);
        self.activity.wrote(&outcome);
        outcome
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        ready!(self.poll_turn(cx));
        let outcome = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.activity.wrote(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        // Asked for only once everything was written: so this tells of a block and of its end as well as a write does.
        let outcome = Pin::new(&mut self.io).poll_flush(cx);
        self.activity.wrote(&outcome);
        self.may_write = outcome.is_pending();
        outcome
    }

    /// Closing a socket with unread bytes resets it, and the client may lose the answer: so those are read first.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let this = &mut *self;
        if this.lingered == 0 {
            let outcome = Pin::new(&mut this.io).poll_shutdown(cx);
            this.activity.wrote(&outcome);
            if outcome.is_pending() || !this.activity.unread.load(Relaxed) {
                return outcome;
            }
            this.activity.begin(LINGERING);
            this.lingered = 1;
        }
        let mut space = [0; 4096];
        while this.lingered < LINGER_BYTES {
            let mut buf = ReadBuf::new(&mut space);
            match Pin::new(&mut this.io).poll_read(cx, &mut buf) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => this.lingered += buf.filled().len(),
                Poll::Ready(_) => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUTS: Timeouts = Timeouts {
        header: Duration::from_secs(10),
        idle: Duration::from_secs(75),
        write: Duration::from_secs(30),
    };

    fn seconds_left(activity: &Activity) -> Option<u64> {
        let left = activity.deadline()?.saturating_duration_since(activity.opened);
        Some(left.as_secs())
    }

    #[test]
    fn each_wait_has_its_own_end() {
        let activity = Arc::new(Activity::new(TIMEOUTS, true));
        assert_eq!(seconds_left(&activity), Some(10), "the first head");
        let first = InFlight::begin(activity.clone());
        assert_eq!(seconds_left(&activity), None, "the server's own work");
        let place = activity.answer_ready();
        assert_eq!(seconds_left(&activity), Some(30), "the answer");
        activity.answer_gone(place);
        drop(first);
        assert_eq!(seconds_left(&activity), Some(75), "idle");
        activity.bytes_came();
        assert_eq!(seconds_left(&activity), Some(10), "the next head");
        activity.wrote(&Poll::<()>::Pending);
        let second = InFlight::begin(activity.clone());
        assert_eq!(seconds_left(&activity), Some(30), "the socket is blocked");
        activity.wrote(&Poll::Ready(()));
        assert_eq!(seconds_left(&activity), None);
        drop(second);
    }

    #[test]
    fn an_answer_that_is_taken_does_not_keep_another_one_alive() {
        let mut activity = Activity::new(TIMEOUTS, false);
        let _request = activity.in_flight.fetch_add(1, Relaxed);
        let (stalled, trickling) = (activity.answer_ready(), activity.answer_ready());
        activity.opened = activity.opened.checked_sub(Duration::from_secs(20)).unwrap();
        activity.answer_taken(trickling);
        assert_eq!(seconds_left(&activity), Some(30));
        activity.answer_gone(stalled);
        assert_eq!(seconds_left(&activity), Some(50));
        assert_eq!(activity.answer_ready(), stalled, "a place is used again");
    }

    #[test]
    fn in_http_2_bytes_begin_no_head() {
        let activity = Activity::new(TIMEOUTS, false);
        assert_eq!(seconds_left(&activity), Some(75));
        activity.bytes_came();
        assert_eq!(seconds_left(&activity), Some(75));
    }
}
