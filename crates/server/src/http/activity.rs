//! The state of a connection and its deadlines, updated by its socket, its requests and its answers.
//!
//! hyper's time-out for heads also runs while a connection is idle, and it has none for a client that reads
//! no answer. So the deadlines are kept here, as a few atomic numbers. One timer per connection checks them
//! when it fires.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    task::Poll,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// How long a closing connection with an unread body is still read, so that its client reads the answer.
const LINGER_TIME: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    pub(crate) header: Duration,
    pub(crate) idle: Duration,
    pub(crate) write: Duration,
}

/// The state of a connection. Times are milliseconds since it was opened; 0 means "not".
#[derive(Debug)]
pub(crate) struct Activity {
    opened: Instant,
    timeouts: Timeouts,
    /// Whether bytes between requests begin a head. In HTTP/2 they may be anything.
    heads: bool,
    phase: AtomicU8,
    phase_since: AtomicU64,
    /// Requests whose answer has not been handed over completely.
    in_flight: AtomicU32,
    /// For each unfinished answer, when the client last read from it; 0 is a free slot. A client that reads
    /// one answer must not keep the others alive. HTTP/1.1 needs one slot, and its lock is uncontended.
    answers: Mutex<Vec<u64>>,
    /// Since when the socket has accepted no bytes.
    blocked: AtomicU64,
    unread: AtomicBool,
}

const IDLE: u8 = 0;
const HEAD: u8 = 1;
const LINGERING: u8 = 2;

impl Activity {
    /// A new connection. With `heads`, the first head's time starts at once.
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

    /// The end of the current wait for the client, if there is one.
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
            let longest = self.answers.lock().iter().copied().filter(|taken| *taken != 0).min();
            longest.map(|taken| at(taken, self.timeouts.write))
        };
        blocked.into_iter().chain(waiting).min()
    }

    /// Whether no request and no answer is in progress.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.load(Relaxed) == 0 && self.blocked.load(Relaxed) == 0
    }

    /// Since when nothing was received or had to be sent.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let idle = self.is_idle() && self.phase.load(Relaxed) == IDLE;
        idle.then(|| self.opened + Duration::from_millis(self.phase_since.load(Relaxed)))
    }

    /// How long the connection may be idle.
    pub(crate) fn idle_timeout(&self) -> Duration {
        self.timeouts.idle
    }

    /// A part of a body will not be read.
    pub(crate) fn leave_unread(&self) {
        self.unread.store(true, Relaxed);
    }

    /// At the connection's end: whether to keep reading for a while, since the client may still send a body.
    pub(super) fn lingers(&self) -> bool {
        let lingers = self.unread.load(Relaxed);
        if lingers {
            self.begin(LINGERING);
        }
        lingers
    }

    /// An answer is ready. Returns its slot, which it owns until [`Self::answer_gone`].
    pub(crate) fn answer_ready(&self) -> usize {
        let now = self.now();
        let mut answers = self.answers.lock();
        if let Some((place, taken)) = answers.iter_mut().enumerate().find(|(_, taken)| **taken == 0) {
            *taken = now;
            return place;
        }
        answers.push(now);
        answers.len() - 1
    }

    /// The client has read a part of an answer.
    pub(crate) fn answer_taken(&self, place: usize) {
        self.set_taken(place, self.now());
    }

    /// An answer was read completely, or dropped.
    pub(crate) fn answer_gone(&self, place: usize) {
        self.set_taken(place, 0);
    }

    fn set_taken(&self, place: usize, at: u64) {
        if let Some(taken) = self.answers.lock().get_mut(place) {
            *taken = at;
        }
    }

    fn begin(&self, phase: u8) {
        self.phase.store(phase, Relaxed);
        self.phase_since.store(self.now(), Relaxed);
    }

    pub(super) fn bytes_came(&self) {
        if self.heads && self.phase.load(Relaxed) == IDLE && self.is_idle() {
            self.begin(HEAD);
        }
    }

    pub(super) fn wrote<T>(&self, outcome: &Poll<T>) {
        match (outcome.is_pending(), self.blocked.load(Relaxed)) {
            (true, 0) => self.blocked.store(self.now(), Relaxed),
            (false, since) if since != 0 => self.blocked.store(0, Relaxed),
            _ => {}
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).map_or(u64::MAX, |ms| ms.max(1))
    }
}

/// A request in flight, from creation to drop.
#[derive(Debug)]
pub(crate) struct InFlight(pub(crate) Arc<Activity>);

impl InFlight {
    pub(crate) fn begin(of: Arc<Activity>) -> Self {
        of.in_flight.fetch_add(1, Relaxed);
        Self(of)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        // Set the start of the wait before others can see that it has begun.
        self.0.begin(IDLE);
        self.0.in_flight.fetch_sub(1, Relaxed);
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
