//! The threads that run queued transactions, each on its own connection: some for reads, some for writes.

use std::{
    collections::VecDeque,
    hash::{BuildHasher as _, RandomState},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::{
    connection::Connection,
    failed::{Failed, Why},
    numbers::Numbers,
    pool::{Idle, Pool},
    transaction::{BEGIN_READ, Open},
};
use crate::{
    Error, Kind, Tx,
    engine::{Read, Work},
    products::product_versions::KnownVersions,
};

/// The maximum length of a queue; more are refused at once.
const WAITING_MAX: usize = 10_000;
/// How often a transaction is retried after conflicts; the pauses grow from about one to sixty milliseconds.
const CONFLICTS_MAX: u32 = 20;
/// How often a transaction is retried whose connection was lost before the commit. A read may have passed
/// rows by then; the last run's result counts.
const LOSSES_MAX: u32 = 2;
/// How often a transaction is retried after a taken key, in case a concurrent one has taken it.
const TAKEN_MAX: u32 = 2;

/// Threads that take jobs of one kind from one queue.
pub(super) struct Workers<J> {
    shared: Arc<Shared<J>>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared<J> {
    queue: Mutex<Queue<J>>,
    wake: Condvar,
}

struct Queue<J> {
    /// The waiting jobs, each with the time since when its caller waits.
    waiting: VecDeque<(Instant, J)>,
    is_closed: bool,
}

impl<J: Send + 'static> Workers<J> {
    pub(super) fn start(
        name: &str,
        count: usize,
        pool: &Arc<Pool>,
        run: impl Fn(&Pool, Option<Idle>, Instant, J) -> Option<Idle> + Clone + Send + 'static,
    ) -> Result<Self, Error> {
        let queue = Mutex::new(Queue { waiting: VecDeque::new(), is_closed: false });
        let shared = Arc::new(Shared { queue, wake: Condvar::new() });
        let mut workers = Self { shared, threads: Vec::new() };
        for _ in 0..count {
            let (shared, pool, run) = (workers.shared.clone(), pool.clone(), run.clone());
            let started = thread::Builder::new().name(format!("store-{name}")).spawn(move || {
                let mut idle = None;
                while let Some((since, job)) = shared.next() {
                    // A panic in a caller's callback must not end the thread.
                    let before = idle.take();
                    idle = catch_unwind(AssertUnwindSafe(|| run(&pool, before, since, job))).unwrap_or(None);
                }
            });
            let thread = started.map_err(|cause| {
                Error::new(Kind::Statement, format!("cannot start a thread of the store: {cause}"))
            })?;
            workers.threads.push(thread);
        }
        Ok(workers)
    }

    /// Queues a job whose caller waits since then. If the queue is full, returns the job.
    pub(super) fn submit(&self, since: Instant, job: J) -> Result<(), (J, Error)> {
        let mut queue = self.shared.queue.lock();
        if queue.waiting.len() >= WAITING_MAX {
            return Err((job, Error::new(Kind::Busy, "store: too many transactions are waiting; try again")));
        }
        queue.waiting.push_back((since, job));
        drop(queue);
        self.shared.wake.notify_one();
        Ok(())
    }
}

impl<J> Drop for Workers<J> {
    /// Waits until the queue is empty. If one of these threads drops the store's last handle, inside a
    /// callback, it can't wait for itself. It then ends when the queue is empty.
    fn drop(&mut self) {
        self.shared.queue.lock().is_closed = true;
        self.shared.wake.notify_all();
        for thread in self.threads.drain(..) {
            if thread.thread().id() != thread::current().id() {
                // The panic hook has reported a panic of that thread.
                let _ = thread.join();
            }
        }
    }
}

impl<J> Shared<J> {
    /// The next job; `None` at the end.
    fn next(&self) -> Option<(Instant, J)> {
        let mut queue = self.queue.lock();
        loop {
            if let Some(job) = queue.waiting.pop_front() {
                return Some(job);
            }
            if queue.is_closed {
                return None;
            }
            self.wake.wait(&mut queue);
        }
    }
}

/// A connection for a job, unless that has waited for so long that nobody may be there any more; and the idle one that it is left with.
fn connection_for(
    pool: &Pool,
    idle: Option<Idle>,
    since: Instant,
) -> (Result<Connection, Error>, Option<Idle>) {
    if let Err(error) = pool.in_time(since) {
        return (Err(error), idle);
    }
    match (pool.open(idle), pool.in_time(since)) {
        // Connecting took too long as well.
        (Ok(connection), Err(error)) => (Err(error), Some(Idle::new(connection))),
        (opened, _) => (opened, None),
    }
}

/// A queued read: the number of statements that it may run, and its body.
pub(super) type QueuedRead = (Option<u32>, Box<dyn Read>);

pub(super) fn read(
    pool: &Pool,
    idle: Option<Idle>,
    known: &KnownVersions,
    since: Instant,
    (statements, mut job): QueuedRead,
) -> Option<Idle> {
    let mut connection = match connection_for(pool, idle, since) {
        (Ok(connection), _) => connection,
        (Err(error), idle) => {
            job.fail(error);
            return idle;
        }
    };
    // One statement sees one state by itself, so no BEGIN is needed.
    let begin = if statements == Some(1) { None } else { Some(BEGIN_READ) };
    let mut retries = Retries::default();
    loop {
        let mut open = Open::new(&mut connection, pool, begin);
        job.run(&mut Tx::reading(&mut open, known, statements));
        let Some(why) = open.failed() else {
            job.finish();
            return open.commit().is_ok().then(|| Idle::new(connection));
        };
        // A replica cancels what blocks its replay.
        let is_again = retries.again(why);
        let is_sound = why.spares_the_connection() && open.roll_back().is_ok();
        if !is_again {
            job.finish();
            return is_sound.then(|| Idle::new(connection));
        }
        if !is_sound {
            match pool.connect() {
                Ok(fresh) => connection = fresh,
                Err(error) => {
                    job.fail(error);
                    return None;
                }
            }
        }
    }
}

/// The failed runs of a transaction.
#[derive(Default)]
struct Retries {
    conflicts: u32,
    losses: u32,
    taken: u32,
}

impl Retries {
    /// Whether to retry after such a failure. Waits for the pause.
    fn again(&mut self, why: Why) -> bool {
        let (count, most) = match why {
            Why::Conflict => (&mut self.conflicts, CONFLICTS_MAX),
            Why::Lost => (&mut self.losses, LOSSES_MAX),
            Why::Taken => (&mut self.taken, TAKEN_MAX),
            Why::Silent | Why::Final => return false,
        };
        *count += 1;
        if *count > most {
            return false;
        }
        if why != Why::Lost {
            // A random pause, or the same transactions would conflict again.
            let longest_us = 1000 << (*count).min(6);
            thread::sleep(Duration::from_micros(RandomState::new().hash_one(*count) % longest_us));
        }
        true
    }
}

/// Runs a queued write until it is done, refused, or has had too many conflicts.
pub(super) fn write(
    pool: &Pool,
    numbers: &Numbers,
    idle: Option<Idle>,
    since: Instant,
    mut work: Box<dyn Work>,
) -> Option<Idle> {
    let mut retries = Retries::default();
    let mut connection = match connection_for(pool, idle, since) {
        (Ok(connection), _) => connection,
        (Err(error), idle) => {
            work.finish(Err(error));
            return idle;
        }
    };
    loop {
        let mut open = Open::writing(&mut connection, pool, numbers);
        // A panic in the body must not end the thread. Its caller learns of it, because there is no result.
        let keep = catch_unwind(AssertUnwindSafe(|| work.run(Tx::writing(&mut open)))).unwrap_or(false);
        let ended = match open.failed() {
            // It was not committed, so nothing was kept.
            Some(why) if retries.again(why) => {
                if why == Why::Taken {
                    numbers.forget();
                }
                let is_sound = why.spares_the_connection() && open.roll_back().is_ok();
                Ended::Again { is_sound }
            }
            Some(why) => Ended::Done {
                outcome: Ok(()),
                is_sound: why.spares_the_connection() && open.roll_back().is_ok(),
            },
            None if !keep => Ended::Done { outcome: Ok(()), is_sound: open.roll_back().is_ok() },
            None => match open.commit() {
                Ok(()) => Ended::Done { outcome: Ok(()), is_sound: true },
                // The commit was refused, so nothing was kept.
                Err(Failed { why: Why::Conflict, error }) => {
                    if retries.again(Why::Conflict) {
                        Ended::Again { is_sound: true }
                    } else {
                        Ended::Done { outcome: Err(error), is_sound: true }
                    }
                }
                Err(failed) => Ended::Done { outcome: Err(unknown(&failed)), is_sound: false },
            },
        };
        match ended {
            Ended::Done { outcome, is_sound } => {
                // An unusable connection is closed before the caller gets its answer.
                let idle = is_sound.then(|| Idle::new(connection));
                work.finish(outcome);
                return idle;
            }
            Ended::Again { is_sound: true } => {}
            Ended::Again { is_sound: false } => match pool.connect() {
                Ok(fresh) => connection = fresh,
                Err(error) => {
                    work.finish(Err(error));
                    return None;
                }
            },
        }
    }
}

/// The result of one run of a write.
enum Ended {
    /// Final.
    Done { outcome: Result<(), Error>, is_sound: bool },
    /// To be repeated.
    Again { is_sound: bool },
}

/// A commit whose result is unknown.
fn unknown(failed: &Failed) -> Error {
    Error::new(
        Kind::Unknown,
        format!("{}; whether the transaction was kept is unknown: check before you repeat it", failed.error),
    )
}
