//! The loop that leases what is due, sends it, and writes what has become of it.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use billhook_store::{
    AccountId, Error, Tx,
    contacts::erasure,
    outbox::{
        deliveries::{self, DeliveryId, Node, Outcome, State as Settled, Try},
        endpoints::{self, Endpoint},
        queues::{self, Queue, Waiting},
    },
};
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use rand::RngExt as _;
use tokio::{
    sync::oneshot,
    task::{self, JoinError, JoinSet},
    time::{MissedTickBehavior, interval, sleep_until},
};

use super::{
    attempt::Poster,
    failing::Failing,
    leased::{GONE, Lease, Leased, Wanted, after},
    slots::{Sending, Slots},
    target::Target,
    transaction::{read, write},
    upkeep,
};
use crate::{clock::unix_now, state::State, telemetry::metrics::Sent};

/// How often the store is asked for what is due, at least.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often it is asked, at most: one lease for many deliveries costs less than many leases.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// How long results are gathered before they are written, and how many.
const SETTLE_INTERVAL: Duration = Duration::from_millis(20);
const SETTLE_MAX: usize = 100;
/// How long the store is left alone after it failed.
const REST: Duration = Duration::from_secs(1);
/// For how many accounts deliveries are leased at once.
const LEASES_AT_ONCE: usize = 16;
/// How many queues are looked at in one transaction.
const QUEUES_MAX: usize = 500;
/// How old a lease may be when its delivery is begun. The try must end before another node may take it.
const LEASE_AGE_MAX: Duration = Duration::from_secs(30);

/// What has become of a delivery, to be written.
#[derive(Debug, Clone)]
struct Ended {
    account: AccountId,
    id: DeliveryId,
    outcome: Outcome,
    /// The endpoint that wants no more events.
    gone: Option<i64>,
}

/// What a look at the store has found.
struct Looked {
    /// When somebody was last erased, as the store has it.
    erased: i64,
    /// `None`: there was no slot for more.
    due: Option<Due>,
}

/// What the store has to send.
enum Due {
    Paused {
        why: String,
        pending: u64,
    },
    /// The queues that have something due, and where to go on, if there are more to look at.
    Of(Vec<Waiting>, Option<Walk>),
}

/// A walk once around the queues of all accounts, in several steps.
#[derive(Debug, Clone)]
struct Walk {
    /// The account that had the last turn before.
    from: AccountId,
    /// The last queue; `None`: none yet, or none since the end.
    last: Option<Queue>,
    is_past_end: bool,
}

/// What a transaction of the sender has come to.
enum Stored {
    Looked(Result<Looked, Error>),
    Leased(AccountId, Vec<Wanted>, Result<Lease, Error>),
    Settled(Arc<Vec<Ended>>, Result<(), Error>),
}

pub(super) struct Sender {
    state: Arc<State>,
    poster: Poster,
    node: Node,
    /// Transactions under way. Tries go on meanwhile.
    storing: FuturesUnordered<BoxFuture<'static, Stored>>,
    /// The queues that have something due and are to be leased next, by account.
    due: VecDeque<Vec<Waiting>>,
    /// How many transactions of the present look for what is due are under way.
    looking: usize,
    /// Something may be due.
    looks: bool,
    looked: Instant,
    slots: Slots,
    /// All that is leased and not settled. After the clock was changed, a lease may find them due once more.
    held: HashSet<(AccountId, DeliveryId)>,
    /// Settled for good during the present look, and held until the next. A lease of this look may have found them due
    /// before they were settled.
    settled: Vec<(AccountId, DeliveryId)>,
    /// Leased, and waiting for slots to be sent in.
    waiting: VecDeque<Box<Leased>>,
    sending: Sending,
    tries: JoinSet<Try>,
    tried: HashMap<task::Id, (Box<Leased>, Instant)>,
    results: Vec<Ended>,
    results_since: Instant,
    /// The account that had the last turn.
    turn: AccountId,
    /// The walk that is not finished.
    walk: Option<Walk>,
    /// When somebody was last erased, as the last look found it.
    erased: i64,
    is_paused: bool,
    is_well: bool,
    /// The store is left alone until then.
    rests_until: Instant,
    failing: Failing,
}

impl Sender {
    pub(super) fn new(state: Arc<State>, poster: Poster) -> Self {
        let node =
            Node { name: format!("{:016x}", rand::random::<u64>()), is_alone: !state.store.is_shared() };
        let now = Instant::now();
        Self {
            state,
            poster,
            node,
            storing: FuturesUnordered::new(),
            due: VecDeque::new(),
            looking: 0,
            looks: true,
            looked: now,
            slots: Slots::leased(),
            held: HashSet::new(),
            settled: Vec::new(),
            waiting: VecDeque::new(),
            sending: Sending::new(),
            tries: JoinSet::new(),
            tried: HashMap::new(),
            results: Vec::new(),
            results_since: now,
            turn: AccountId(i64::MIN),
            walk: None,
            erased: 0,
            is_paused: false,
            is_well: true,
            rests_until: now,
            failing: Failing::default(),
        }
    }

    /// Sends until it is stopped.
    pub(super) async fn run(mut self, mut stopped: oneshot::Receiver<Duration>) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let within = loop {
            let settles_at = (self.results_since + SETTLE_INTERVAL).max(self.rests_until);
            let looks_at = (self.looked + LOOK_INTERVAL).max(self.rests_until);
            let may_look = self.looks && self.looking == 0;
            tokio::select! {
                within = &mut stopped => break within.unwrap_or_default(),
                Some(ended) = self.tries.join_next_with_id() => self.end(ended),
                Some(stored) = self.storing.next() => self.stored(stored),
                () = deliveries::raised() => self.looks = true,
                _ = ticks.tick() => self.looks = true,
                () = sleep_until(settles_at.into()), if !self.results.is_empty() => {}
                () = sleep_until(looks_at.into()), if may_look => {}
            }
            while let Some(ended) = self.tries.try_join_next_with_id() {
                self.end(ended);
            }
            self.begin_waiting();
            let now = Instant::now();
            if (now >= settles_at || self.results.len() >= SETTLE_MAX) && now >= self.rests_until {
                self.settle();
            }
            if self.looks && self.looking == 0 && now >= looks_at {
                self.look();
            }
        };
        self.stop(Instant::now() + within).await;
    }

    /// Begins to look for what is due, if there are slots for it, and whether somebody was erased.
    fn look(&mut self) {
        self.looks = false;
        for settled in std::mem::take(&mut self.settled) {
            self.held.remove(&settled);
        }
        (self.looking, self.looked) = (1, Instant::now());
        let from = || Walk { from: self.turn, last: None, is_past_end: false };
        let walk = (self.slots.free_in_all() > 0).then(|| self.walk.take().unwrap_or_else(from));
        let (now, counts) = (unix_now(), !self.is_paused);
        let look = move |tx: &mut Tx<'_>| {
            let erased = erasure::last(tx)?;
            Ok(Looked { erased, due: walk.map(|walk| due(tx, walk, now, counts)).transpose()? })
        };
        let store = self.state.store.clone();
        self.storing.push(async move { Stored::Looked(read(&store, look).await) }.boxed());
    }

    /// Goes on after a transaction.
    fn stored(&mut self, stored: Stored) {
        match stored {
            Stored::Looked(looked) => {
                self.looking -= 1;
                if let Some(Looked { erased, due }) = self.well(looked) {
                    self.forget(erased);
                    if let Some(due) = due {
                        self.take_due(due);
                    }
                }
                self.lease();
            }
            Stored::Leased(account, wanted, lease) => {
                self.looking -= 1;
                let lease = self.well(lease);
                self.prepare(account, wanted, lease);
                self.lease();
            }
            Stored::Settled(results, written) => {
                if self.well(written).is_some() {
                    for Ended { account, id, outcome, .. } in results.iter() {
                        if self.looking > 0 && matches!(outcome, Outcome::Tried(_, Ok(_))) {
                            self.settled.push((*account, *id));
                        } else {
                            self.held.remove(&(*account, *id));
                        }
                    }
                } else {
                    self.results.extend(results.iter().cloned());
                }
            }
        }
    }

    /// Gives what waits in memory back after an erasure, since it may be of that person. What is leased anew is read
    /// anew. Nothing is leased while the store is looked at, so no older text comes later.
    fn forget(&mut self, erased: i64) {
        if std::mem::replace(&mut self.erased, erased) != erased {
            for leased in std::mem::take(&mut self.waiting) {
                self.give_back(&leased);
            }
            self.looks = true;
        }
    }

    fn take_due(&mut self, due: Due) {
        match due {
            Due::Of(queues, walk) => {
                if std::mem::take(&mut self.is_paused) {
                    tracing::info!("the outbox is not paused any more: what waits is sent");
                }
                self.walk = walk;
                self.looks |= self.walk.is_some();
                let of_accounts = queues.chunk_by(|one, next| one.queue.account == next.queue.account);
                self.due = of_accounts.map(<[_]>::to_vec).collect();
            }
            Due::Paused { why, pending } => {
                if !std::mem::replace(&mut self.is_paused, true) {
                    tracing::warn!(
                        why,
                        pending,
                        "the outbox is paused: nothing is sent until `billhook outbox resume`"
                    );
                }
            }
        }
    }

    /// Begins to lease what is due, of so many accounts at once.
    fn lease(&mut self) {
        let now = Instant::now();
        while self.looking < LEASES_AT_ONCE
            && let Some(mut queues) = self.due.pop_front()
            && let Some(account) = queues.first().map(|first| first.queue.account)
        {
            let (mut share, mut wanted) =
                ((self.slots.free_in_all() / (self.due.len() + 1)).max(1), Vec::new());
            // Each queue comes first in its turn.
            let first = rand::rng().random_range(0..queues.len());
            queues.rotate_left(first);
            for Waiting { queue, url, .. } in queues {
                let host: Arc<str> =
                    Target::parse(&url).map_or_else(|_| "".into(), |target| target.host.into());
                let most = self.slots.free(account, &host).min(share);
                if most > 0 && !self.sending.is_late(&host, now) {
                    self.slots.take(account, &host, most);
                    share -= most;
                    self.turn = account;
                    wanted.push(Wanted { queue, host, most });
                }
            }
            if !wanted.is_empty() {
                self.looking += 1;
                let (store, node, of) = (self.state.store.clone(), self.node.clone(), wanted.clone());
                let lease = async move {
                    Stored::Leased(account, wanted, Lease::take(store, account, node, of).await)
                };
                self.storing.push(lease.boxed());
            }
        }
    }

    /// Prepares what was leased.
    fn prepare(&mut self, account: AccountId, wanted: Vec<Wanted>, lease: Option<Lease>) {
        let (since, claimed, sources) = match lease {
            Some(Lease { since, claimed, sources }) => (since, claimed, self.well(sources)),
            None => (Instant::now(), Vec::new(), None),
        };
        let (served, now) = (self.state.directory.by_id(account), unix_now());
        let mut claimed = claimed.into_iter();
        for Wanted { host, most, .. } in wanted {
            let claimed = claimed.next().unwrap_or_default();
            self.slots.give_back(account, &host, most.saturating_sub(claimed.len()));
            for delivery in claimed {
                let (id, host) = (delivery.id, host.clone());
                if !self.held.insert((account, id)) {
                    self.slots.give_back(account, &host, 1);
                    continue;
                }
                let (Some(sources), Some(served)) = (&sources, &served) else {
                    // An account that was just added is known within a second.
                    self.leave(account, &host, id, Outcome::Postponed(now + 1), None);
                    continue;
                };
                match sources.message(&delivery, &served.key, now) {
                    Ok(message) => {
                        self.waiting.push_back(Box::new(Leased { account, host, delivery, message, since }));
                    }
                    Err((settled, reason)) => {
                        // No try's end asks for more.
                        self.looks = true;
                        self.state.metrics.count_sent(Sent::Failed);
                        let tried = Try { at: now, reason, ..Try::default() };
                        self.leave(account, &host, id, Outcome::Tried(tried, Ok(settled)), None);
                    }
                }
            }
        }
    }

    /// Notes whether the store works.
    fn well<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(done) => {
                if !std::mem::replace(&mut self.is_well, true) {
                    tracing::info!("the outbox goes on");
                }
                Some(done)
            }
            Err(error) => {
                self.rests_until = Instant::now() + REST;
                if std::mem::take(&mut self.is_well) {
                    tracing::error!(%error, "the outbox can't be read or written; trying again");
                }
                None
            }
        }
    }

    /// Begins to send what has a slot. What would wait too long goes back to the store.
    fn begin_waiting(&mut self) {
        let now = Instant::now();
        for leased in std::mem::take(&mut self.waiting) {
            let host = &leased.message.target.host;
            let is_old = now.saturating_duration_since(leased.since) > LEASE_AGE_MAX;
            if is_old || self.sending.is_late(host, now) {
                self.give_back(&leased);
            } else if self.sending.has_room(leased.account, host) {
                self.sending.begin(leased.account, host, now);
                let handle = self.tries.spawn(self.poster.post(leased.message.clone()));
                self.tried.insert(handle.id(), (leased, now));
            } else {
                self.waiting.push_back(leased);
            }
        }
    }

    /// Gives a delivery back that was not tried. It keeps its place.
    fn give_back(&mut self, leased: &Leased) {
        let Leased { account, host, delivery, .. } = leased;
        self.leave(*account, host, delivery.id, Outcome::Postponed(delivery.due_at), None);
    }

    /// Notes how a try has ended.
    fn end(&mut self, ended: Result<(task::Id, Try), JoinError>) {
        self.looks = true;
        let (id, tried) = ended.unwrap_or_else(|panic| {
            let reason = "an internal error; please report it".to_owned();
            (panic.id(), Try { at: unix_now(), reason, ..Try::default() })
        });
        let Some((leased, began)) = self.tried.remove(&id) else { return };
        let Leased { account, host, delivery, message, .. } = *leased;
        self.sending.end(account, &message.target.host, began);
        self.failing.note(account, delivery.endpoint, &message.target, &tried.reason);
        let next = after(delivery.tries, &tried, unix_now());
        self.state.metrics.count_sent(match next {
            Ok(Settled::Delivered) => Sent::Delivered,
            Ok(_) => Sent::Failed,
            Err(_) => Sent::TriedAgain,
        });
        let gone = (tried.status == GONE && delivery.endpoint != 0).then_some(delivery.endpoint);
        self.leave(account, &host, delivery.id, Outcome::Tried(tried, next), gone);
    }

    /// Frees a delivery's slot, and keeps what has become of it until that is written.
    fn leave(&mut self, account: AccountId, host: &str, id: DeliveryId, outcome: Outcome, gone: Option<i64>) {
        self.slots.give_back(account, host, 1);
        if self.results.is_empty() {
            self.results_since = Instant::now();
        }
        self.results.push(Ended { account, id, outcome, gone });
    }

    /// Begins to write what has become of deliveries. What the store does not take is kept for the next time.
    fn settle(&mut self) {
        let mut of_accounts = BTreeMap::<AccountId, Vec<Ended>>::new();
        for result in std::mem::take(&mut self.results) {
            of_accounts.entry(result.account).or_default().push(result);
        }
        for (account, results) in of_accounts {
            let (store, node, now, results) =
                (self.state.store.clone(), self.node.clone(), unix_now(), Arc::new(results));
            let of_write = results.clone();
            let body = move |tx: &mut Tx<'_>| settle(tx, account, &node, &of_write, now);
            let written = async move { Stored::Settled(results, write(&store, account, body).await) };
            self.storing.push(written.boxed());
        }
    }

    /// Waits for the tries that have begun, and gives the others back.
    async fn stop(mut self, until: Instant) {
        while !(self.tries.is_empty() && self.storing.is_empty()) {
            tokio::select! {
                Some(ended) = self.tries.join_next_with_id() => self.end(ended),
                Some(stored) = self.storing.next() => self.stored(stored),
                () = sleep_until(until.into()) => break,
            }
            // Of a look under way only what it has leased comes, to be given back.
            self.due.clear();
        }
        self.tries.abort_all();
        for leased in std::mem::take(&mut self.waiting) {
            self.give_back(&leased);
        }
        for (_, (leased, _)) in std::mem::take(&mut self.tried) {
            self.give_back(&leased);
        }
        self.settle();
        while let Some(stored) = self.storing.next().await {
            self.stored(stored);
        }
    }
}

/// The queues of the walk's next step that have something due.
fn due(tx: &mut Tx<'_>, mut walk: Walk, now: i64, counts: bool) -> Result<Due, Error> {
    if let Some(why) = deliveries::paused(tx)? {
        return Ok(Due::Paused { why, pending: if counts { upkeep::pending(tx)? } else { 0 } });
    }
    let mut due = Vec::new();
    for _ in 0..QUEUES_MAX {
        let found = match &walk.last {
            Some(last) => queues::next(tx, last)?,
            None if walk.is_past_end => queues::next_account(tx, AccountId(i64::MIN))?,
            None => queues::next_account(tx, walk.from)?,
        };
        match found {
            Some(found) if !walk.is_past_end || found.queue.account <= walk.from => {
                walk.last = Some(found.queue.clone());
                if found.due_at <= now {
                    due.push(found);
                }
            }
            _ if walk.is_past_end => return Ok(Due::Of(due, None)),
            _ => (walk.last, walk.is_past_end) = (None, true),
        }
    }
    Ok(Due::Of(due, Some(walk)))
}

/// Writes results of an account, and disables its endpoints that want no more events.
fn settle(
    tx: &mut Tx<'_>,
    account: AccountId,
    node: &Node,
    results: &[Ended],
    now: i64,
) -> Result<(), Error> {
    let outcomes: Vec<_> = results.iter().map(|result| (result.id, result.outcome.clone())).collect();
    deliveries::settle(tx, account, node, &outcomes, now)?;
    for id in results.iter().filter_map(|result| result.gone) {
        if let Some(endpoint) = endpoints::find(tx, account, id)?.filter(|found| found.disabled == 0) {
            let reason = endpoints::GONE.to_owned();
            endpoints::put(tx, account, &Endpoint { disabled: now, reason, ..endpoint })?;
        }
    }
    Ok(())
}
