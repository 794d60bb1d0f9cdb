//! The queue of writes. Accounts take turns, so an account's slow writes delay others by at most one.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use crate::{AccountId, Error, Kind, engine::Work};

/// The maximum length of the queue; more are refused at once.
const WAITING_MAX: usize = 10_000;
/// One account's share, so that others always have room.
const WAITING_OF_ONE_MAX: usize = WAITING_MAX / 2;

/// A participant in the turns: an account, or all writes that belong to none.
type Party = Option<AccountId>;

/// The waiting transactions.
#[derive(Default)]
pub(super) struct FairQueue {
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: HashMap<Party, VecDeque<Box<dyn Work>>>,
    /// The parties with waiting transactions, each once; the first is next.
    order: VecDeque<Party>,
    count: usize,
    is_closed: bool,
}

/// The result of waiting for a transaction.
pub(super) enum Next {
    Work(Box<dyn Work>),
    /// Nothing came in time.
    Nothing,
    /// The queue was closed.
    Closed,
}

impl FairQueue {
    /// Queues a transaction. If there is no room, returns it.
    pub(super) fn add(&self, work: Box<dyn Work>) -> Result<(), (Box<dyn Work>, Error)> {
        let mut queue = self.queue.lock();
        if queue.is_closed {
            return Err((work, Error::new(Kind::Closed, "store: the writer has ended")));
        }
        let party = work.account();
        let of_one = queue.waiting.get(&party).map_or(0, VecDeque::len);
        if queue.count >= WAITING_MAX || of_one >= WAITING_OF_ONE_MAX {
            return Err((work, Error::new(Kind::Busy, "store: too many writes are waiting; try again")));
        }
        queue.count += 1;
        queue.waiting.entry(party).or_default().push_back(work);
        if of_one == 0 {
            queue.order.push_back(party);
        }
        drop(queue);
        self.wake.notify_one();
        Ok(())
    }

    /// Takes the next transaction, and waits up to this long for one.
    pub(super) fn next(&self, time_max: Duration) -> Next {
        let mut queue = self.queue.lock();
        let until = Instant::now() + time_max;
        loop {
            if let Some(work) = queue.take(|_| true) {
                return Next::Work(work);
            }
            if queue.is_closed {
                return Next::Closed;
            }
            if Instant::now() >= until {
                return Next::Nothing;
            }
            self.wake.wait_until(&mut queue, until);
        }
    }

    /// Takes the next transaction of a party that `may` allows, if one waits.
    pub(super) fn next_of(&self, may: impl Fn(Party) -> bool) -> Option<Box<dyn Work>> {
        self.queue.lock().take(may)
    }

    /// Refuses new transactions; those that wait are still returned.
    pub(super) fn close(&self) {
        self.queue.lock().is_closed = true;
        self.wake.notify_all();
    }
}

impl Queue {
    fn take(&mut self, may: impl Fn(Party) -> bool) -> Option<Box<dyn Work>> {
        let at = self.order.iter().position(|party| may(*party))?;
        let party = self.order.remove(at)?;
        let waiting = self.waiting.get_mut(&party)?;
        let work = waiting.pop_front()?;
        self.count -= 1;
        if waiting.is_empty() {
            self.waiting.remove(&party);
        } else {
            self.order.push_back(party);
        }
        Some(work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tx;

    struct Waiting(Party);

    impl Work for Waiting {
        fn run(&mut self, _: Tx<'_>) -> bool {
            true
        }

        fn account(&self) -> Party {
            self.0
        }

        fn error(&self) -> Option<Error> {
            None
        }

        fn finish(self: Box<Self>, _: Result<(), Error>) {}
    }

    fn add(queue: &FairQueue, party: Option<i64>) -> Option<Kind> {
        queue.add(Box::new(Waiting(party.map(AccountId)))).err().map(|(_, error)| error.kind())
    }

    #[test]
    fn accounts_take_turns() {
        let queue = FairQueue::default();
        for party in [Some(1), Some(1), Some(1), Some(2), None, None, Some(2)] {
            assert_eq!(add(&queue, party), None);
        }
        let given: Vec<_> =
            std::iter::from_fn(|| queue.next_of(|_| true)).map(|work| work.account()).collect();
        let expected = [Some(1), Some(2), None, Some(1), Some(2), None, Some(1)];
        assert_eq!(given, expected.map(|party| party.map(AccountId)));
        assert!(matches!(queue.next(Duration::ZERO), Next::Nothing));

        add(&queue, Some(1));
        assert!(queue.next_of(|party| party != Some(AccountId(1))).is_none());
        queue.close();
        assert_eq!(add(&queue, Some(1)), Some(Kind::Closed));
        assert!(matches!(queue.next(Duration::ZERO), Next::Work(_)));
        assert!(matches!(queue.next(Duration::ZERO), Next::Closed));
    }

    #[test]
    fn one_account_leaves_room_for_others() {
        let queue = FairQueue::default();
        let fill = |party, room| {
            for _ in 0..room {
                assert_eq!(add(&queue, party), None);
            }
            assert_eq!(add(&queue, party), Some(Kind::Busy));
        };
        fill(Some(1), WAITING_OF_ONE_MAX);
        fill(Some(2), WAITING_MAX - WAITING_OF_ONE_MAX);
    }
}
