//! Threads for reads that may be long: a range of time, or a customer, may have a million orders. On the
//! server's own threads such a read would block other connections.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{self, JoinHandle},
};

use parking_lot::{Condvar, Mutex};
use rustix::process::setpriority_process;

use super::Inner;
use crate::{AccountId, Error, Kind, engine::Read};

const THREADS_MAX: usize = 4;
/// The maximum number of threads that one account may keep busy, so that others need not wait for it.
const OF_ONE_ACCOUNT_MAX: usize = 2;
const WAITING_MAX: usize = 10_000;
/// The threads' niceness: short requests have priority.
const NICE: i32 = 10;

#[derive(Default)]
pub(super) struct LongReads {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(AccountId, Box<dyn Read>)>,
    /// The accounts of the running reads.
    running: Vec<AccountId>,
    threads: usize,
    idle: usize,
    is_closed: bool,
}

impl LongReads {
    /// Queues a read. Starts a thread if all are busy or will be.
    pub(super) fn submit(&self, store: &Arc<Inner>, account: AccountId, read: Box<dyn Read>) {
        let mut queue = self.shared.queue.lock();
        if queue.waiting.len() >= WAITING_MAX {
            drop(queue);
            return read.fail(Error::new(Kind::Busy, "store: too many reads are waiting; try again"));
        }
        queue.waiting.push_back((account, read));
        let starts = queue.waiting.len() > queue.idle && queue.threads < THREADS_MAX;
        queue.threads += usize::from(starts);
        drop(queue);
        self.shared.wake.notify_one();
        if starts {
            self.start(store);
        }
    }

    fn start(&self, store: &Arc<Inner>) {
        let (shared, store) = (self.shared.clone(), store.clone());
        let started = thread::Builder::new().name("store-long-read".into()).spawn(move || {
            // For this thread only. If it fails, the priority stays the same.
            let _ = setpriority_process(None, NICE);
            while let Some((account, mut read)) = shared.next() {
                // A panic in one read must not end the thread. The missing result tells its caller.
                let _ =
                    catch_unwind(AssertUnwindSafe(|| match store.read_some(None, &mut |tx| read.run(tx)) {
                        Ok(()) => read.finish(),
                        Err(error) => read.fail(error),
                    }));
                shared.has_ended(account);
            }
        });
        match started {
            Ok(thread) => self.threads.lock().push(thread),
            Err(cause) => {
                tracing::warn!(%cause, "no thread for a long read could be started");
                let failed = self.shared.give_up();
                for (_, read) in failed {
                    read.fail(Error::new(Kind::Busy, "store: no thread for a long read; try again"));
                }
            }
        }
    }
}

impl Drop for LongReads {
    /// Waits for the idle threads, so that the store is closed when its last handle is dropped. It does not
    /// wait for a running read, which may be long and may itself drop the last handle.
    fn drop(&mut self) {
        let mut queue = self.shared.queue.lock();
        queue.is_closed = true;
        let is_at_work = !queue.running.is_empty();
        drop(queue);
        self.shared.wake.notify_all();
        for thread in self.threads.lock().drain(..).filter(|_| !is_at_work) {
            // The panic hook has reported a panic.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// The next read whose account has a thread left; `None` once the store is closed.
    fn next(&self) -> Option<(AccountId, Box<dyn Read>)> {
        let mut queue = self.queue.lock();
        loop {
            if queue.is_closed {
                return None;
            }
            let Queue { waiting, running, .. } = &mut *queue;
            let may_run =
                |account| running.iter().filter(|running| *running == account).count() < OF_ONE_ACCOUNT_MAX;
            if let Some(next) =
                waiting.iter().position(|(account, _)| may_run(account)).and_then(|at| waiting.remove(at))
            {
                running.push(next.0);
                return Some(next);
            }
            queue.idle += 1;
            self.wake.wait(&mut queue);
            queue.idle -= 1;
        }
    }

    fn has_ended(&self, account: AccountId) {
        let mut queue = self.queue.lock();
        if let Some(at) = queue.running.iter().position(|running| *running == account) {
            queue.running.swap_remove(at);
        }
        drop(queue);
        // Another read of this account may be waiting for that.
        self.wake.notify_all();
    }

    /// Records that a thread could not be started. Returns the queue if there is no other thread.
    fn give_up(&self) -> VecDeque<(AccountId, Box<dyn Read>)> {
        let mut queue = self.queue.lock();
        queue.threads -= 1;
        if queue.threads == 0 { std::mem::take(&mut queue.waiting) } else { VecDeque::new() }
    }
}
