//! What a connection is doing, and until when it may: one record that its socket, its requests and its answers all report to.
//!
//! hyper's own time-out for heads also runs while a connection is idle, and it has none for a client that takes no answer. So
//! the deadlines are kept here, as a few atomic numbers, and one timer a connection looks at them only when it fires.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    task::Poll,
    time::{Duration, Instant},
};

/// For how long a connection that ends with an unread body is listened to, so that its client comes to read the answer.
const LINGER_TIME: Duration = Duration::from_secs(2);

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

    /// The connection ends. Whether its client is listened to for a while, since it may still send a body.
    pub(super) fn lingers(&self) -> bool {
        let lingers = self.unread.load(Relaxed);
        if lingers {
            self.begin(LINGERING);
        }
        lingers
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

    /// Something was read.
    pub(super) fn bytes_came(&self) {
        if self.heads && self.phase.load(Relaxed) == IDLE && self.is_idle() {
            self.begin(HEAD);
        }
    }

    /// Something was to be written.
    pub(super) fn wrote<T>(&self, outcome: &Poll<T>) {
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

/// A request that is being answered: it counts as in flight for as long as this lives.
#[derive(Debug)]
pub(crate) struct InFlight(pub(crate) Arc<Activity>);

impl InFlight {
    /// Begins one.
    pub(crate) fn begin(of: Arc<Activity>) -> Self {
        of.in_flight.fetch_add(1, Relaxed);
        Self(of)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        // The wait that this may begin has its time before anybody can see that it has begun.
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
