//! The loop that leases what is due, sends it, and writes what has become of it.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use billhook_store::{
    AccountId, Error, Tx,
    deliveries::{self, DeliveryId, Node, Outcome, State as Settled, Try},
    endpoints::{self, Endpoint},
};
use futures_util::future::join_all;
use tokio::{
    sync::oneshot,
    task::{self, JoinError, JoinSet},
    time::{MissedTickBehavior, interval, sleep_until, timeout_at},
};

use super::{
    attempt::Poster,
    failing::Failing,
    leased::{GONE, Lease, Leased, after},
    schedule,
    slots::{Room, Slots},
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
/// How many accounts are looked at in one transaction.
const ACCOUNTS_MAX: usize = 500;
/// How many leased deliveries wait for a host that is to answer soon.
const WAITING_FOR_HOST_MAX: usize = 12;
/// How long an account rests after all that was leased of it was put off.
const ACCOUNT_REST: Duration = Duration::from_secs(1);
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

/// What the store has to send.
enum Due {
    Paused {
        why: String,
        pending: u64,
    },
    /// The accounts that have something due, and where to go on, if there are more to look at.
    Of(Vec<AccountId>, Option<Walk>),
}

/// A walk once around all accounts, in several steps.
#[derive(Debug, Clone, Copy)]
struct Walk {
    /// The account that had the last turn before.
    from: AccountId,
    last: AccountId,
    is_past_end: bool,
}

impl Walk {
    fn from(turn: AccountId) -> Self {
        Self { from: turn, last: turn, is_past_end: false }
    }
}

pub(super) struct Sender {
    state: Arc<State>,
    poster: Poster,
    node: Node,
    slots: Slots,
    /// All that is leased and not settled. After the clock was changed, a lease may find them due once more.
    held: HashSet<(AccountId, DeliveryId)>,
    /// Leased, and waiting for their hosts.
    waiting: VecDeque<Leased>,
    tries: JoinSet<Try>,
    sending: HashMap<task::Id, (Leased, Instant)>,
    results: Vec<Ended>,
    results_since: Instant,
    /// The account that had the last turn.
    turn: AccountId,
    /// The walk that is not finished.
    walk: Option<Walk>,
    /// Something leased could not be sent at all, so no try's end asks for more.
    asks_again: bool,
    is_paused: bool,
    is_well: bool,
    /// The store is left alone until then.
    rests_until: Instant,
    /// Accounts whose hosts are all busy, until then.
    resting: HashMap<AccountId, Instant>,
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
            slots: Slots::default(),
            held: HashSet::new(),
            waiting: VecDeque::new(),
            tries: JoinSet::new(),
            sending: HashMap::new(),
            results: Vec::new(),
            results_since: now,
            turn: AccountId(i64::MIN),
            walk: None,
            asks_again: false,
            is_paused: false,
            is_well: true,
            rests_until: now,
            resting: HashMap::new(),
            failing: Failing::default(),
        }
    }

    /// Sends until it is stopped.
    pub(super) async fn run(mut self, mut stopped: oneshot::Receiver<Duration>) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut looks, mut looked) = (true, Instant::now());
        let within = loop {
            let settles_at = (self.results_since + SETTLE_INTERVAL).max(self.rests_until);
            let looks_at = (looked + LOOK_INTERVAL).max(self.rests_until);
            tokio::select! {
                within = &mut stopped => break within.unwrap_or_default(),
                Some(ended) = self.tries.join_next_with_id() => {
                    self.end(ended);
                    looks = true;
                }
                () = deliveries::raised() => looks = true,
                _ = ticks.tick() => looks = true,
                () = sleep_until(settles_at.into()), if !self.results.is_empty() => {}
                () = sleep_until(looks_at.into()), if looks => {}
            }
            self.begin_waiting();
            let now = Instant::now();
            if (now >= settles_at || self.results.len() >= SETTLE_MAX) && now >= self.rests_until {
                self.settle().await;
            }
            if looks && now >= looks_at {
                looks = self.look().await;
                looked = Instant::now();
            }
        };
        self.stop(Instant::now() + within).await;
    }

    /// Leases what is due and begins to send it. Returns whether there may be more.
    async fn look(&mut self) -> bool {
        if self.slots.free_in_all() == 0 {
            return false;
        }
        let (walk, now) = (self.walk.take().unwrap_or_else(|| Walk::from(self.turn)), unix_now());
        let counts = !self.is_paused;
        let due = read(&self.state.store, move |tx| due(tx, walk, now, counts)).await;
        let accounts = match self.well(due) {
            Some(Due::Of(accounts, more)) => {
                if std::mem::take(&mut self.is_paused) {
                    tracing::info!("the outbox is not paused any more: what waits is sent");
                }
                self.walk = more;
                accounts
            }
            Some(Due::Paused { why, pending }) => {
                if !std::mem::replace(&mut self.is_paused, true) {
                    tracing::warn!(
                        why,
                        pending,
                        "the outbox is paused: nothing is sent until `billhook outbox resume`"
                    );
                }
                return false;
            }
            None => return false,
        };
        let began = Instant::now();
        self.resting.retain(|_, until| *until > began);
        for some in accounts.chunks(LEASES_AT_ONCE) {
            let Some(leased) = self.lease(some).await else { return false };
            let put_off = self.begin_waiting();
            for (account, count) in leased {
                if count > 0 && put_off.get(&account).is_some_and(|put_off| *put_off >= count) {
                    self.resting.insert(account, Instant::now() + ACCOUNT_REST);
                }
            }
            while let Some(ended) = self.tries.try_join_next_with_id() {
                self.end(ended);
            }
            if self.results.len() >= SETTLE_MAX {
                self.settle().await;
            }
        }
        std::mem::take(&mut self.asks_again) || self.walk.is_some()
    }

    /// Leases what is due of these accounts. Returns how much of each; `None`: the store failed.
    async fn lease(&mut self, accounts: &[AccountId]) -> Option<Vec<(AccountId, usize)>> {
        let share = (self.slots.free_in_all() / accounts.len().max(1)).max(1);
        let mut asked = Vec::new();
        for &account in accounts {
            let most = self.slots.free(account).min(share);
            if most > 0 && !self.resting.contains_key(&account) {
                self.slots.take(account, most);
                self.turn = account;
                asked.push((account, most));
            }
        }
        let leases =
            asked.iter().map(|&(account, most)| Lease::take(&self.state.store, account, &self.node, most));
        let leases = join_all(leases).await;
        let (mut counts, mut is_well) = (Vec::new(), true);
        for ((account, most), lease) in asked.into_iter().zip(leases) {
            let lease = self.well(lease);
            let count = lease.as_ref().map_or(0, |lease| lease.claimed.len());
            self.slots.give_back(account, most.saturating_sub(count));
            counts.push((account, count));
            is_well &= lease.is_some_and(|lease| self.prepare(account, lease));
        }
        is_well.then_some(counts)
    }

    /// Prepares what was leased. Returns whether the store could be read.
    fn prepare(&mut self, account: AccountId, lease: Lease) -> bool {
        let Lease { since, claimed, sources } = lease;
        let sources = self.well(sources);
        let (served, now) = (self.state.directory.by_id(account), unix_now());
        for delivery in claimed {
            if !self.held.insert((account, delivery.id)) {
                self.slots.give_back(account, 1);
                continue;
            }
            let (Some(sources), Some(served)) = (&sources, &served) else {
                // An account that was just added is known within a second.
                self.leave(account, delivery.id, Outcome::Postponed(now + 1), None);
                continue;
            };
            match sources.message(&delivery, &served.key, now) {
                Ok(message) => self.waiting.push_back(Leased { account, delivery, message, since }),
                Err((settled, reason)) => {
                    self.asks_again = true;
                    self.state.metrics.count_sent(Sent::Failed);
                    let tried = Try { at: now, reason, ..Try::default() };
                    self.leave(account, delivery.id, Outcome::Tried(tried, Ok(settled)), None);
                }
            }
        }
        sources.is_some()
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

    /// Begins to send what waits for its host, if that has room. Returns how many of each account were put off.
    fn begin_waiting(&mut self) -> HashMap<AccountId, usize> {
        let now = Instant::now();
        let (mut put_off, mut waiting) = (HashMap::new(), HashMap::<String, usize>::new());
        for leased in std::mem::take(&mut self.waiting) {
            let host = &leased.message.target.host;
            let room = self.slots.room(host, now);
            if room != Room::Late && now.saturating_duration_since(leased.since) <= LEASE_AGE_MAX {
                if room == Room::Now {
                    self.begin(leased, now);
                    continue;
                }
                let before = waiting.entry(host.clone()).or_default();
                if *before < WAITING_FOR_HOST_MAX {
                    *before += 1;
                    self.waiting.push_back(leased);
                    continue;
                }
            }
            *put_off.entry(leased.account).or_default() += 1;
            self.put_off(&leased, unix_now() + schedule::put_off(room == Room::Late));
        }
        put_off
    }

    fn begin(&mut self, leased: Leased, now: Instant) {
        self.slots.begin(&leased.message.target.host, now);
        let handle = self.tries.spawn(self.poster.post(leased.message.clone()));
        self.sending.insert(handle.id(), (leased, now));
    }

    fn put_off(&mut self, leased: &Leased, until: i64) {
        self.leave(leased.account, leased.delivery.id, Outcome::Postponed(until), None);
    }

    /// Notes how a try has ended.
    fn end(&mut self, ended: Result<(task::Id, Try), JoinError>) {
        let (id, tried) = ended.unwrap_or_else(|panic| {
            let reason = "an internal error; please report it".to_owned();
            (panic.id(), Try { at: unix_now(), reason, ..Try::default() })
        });
        let Some((leased, began)) = self.sending.remove(&id) else { return };
        let Leased { account, delivery, message, .. } = leased;
        self.slots.end(&message.target.host, began);
        self.failing.note(account, delivery.endpoint, &message.target, &tried.reason);
        let next = after(delivery.tries, &tried, unix_now());
        self.state.metrics.count_sent(match next {
            Ok(Settled::Delivered) => Sent::Delivered,
            Ok(_) => Sent::Failed,
            Err(_) => Sent::TriedAgain,
        });
        let gone = (tried.status == GONE && delivery.endpoint != 0).then_some(delivery.endpoint);
        self.leave(account, delivery.id, Outcome::Tried(tried, next), gone);
    }

    /// Frees a delivery's slot, and keeps what has become of it until that is written.
    fn leave(&mut self, account: AccountId, id: DeliveryId, outcome: Outcome, gone: Option<i64>) {
        self.slots.give_back(account, 1);
        if self.results.is_empty() {
            self.results_since = Instant::now();
        }
        self.results.push(Ended { account, id, outcome, gone });
    }

    /// Writes what has become of deliveries. What the store does not take is kept for the next time.
    async fn settle(&mut self) {
        let mut of_accounts = BTreeMap::<AccountId, Vec<Ended>>::new();
        for result in std::mem::take(&mut self.results) {
            of_accounts.entry(result.account).or_default().push(result);
        }
        let writes = of_accounts.into_iter().map(|(account, results)| {
            let (store, node, now, results) =
                (&self.state.store, self.node.clone(), unix_now(), Arc::new(results));
            async move {
                let of_write = results.clone();
                let body = move |tx: &mut Tx<'_>| settle(tx, account, &node, &of_write, now);
                (results, write(store, account, body).await)
            }
        });
        for (results, written) in join_all(writes).await {
            if self.well(written).is_some() {
                for result in results.iter() {
                    self.held.remove(&(result.account, result.id));
                }
            } else {
                self.results.extend(results.iter().cloned());
            }
        }
    }

    /// Waits for the tries that have begun, and gives the others back.
    async fn stop(mut self, until: Instant) {
        for leased in std::mem::take(&mut self.waiting) {
            self.put_off(&leased, unix_now());
        }
        while let Ok(Some(ended)) = timeout_at(until.into(), self.tries.join_next_with_id()).await {
            self.end(ended);
        }
        self.tries.abort_all();
        for (_, (leased, _)) in std::mem::take(&mut self.sending) {
            self.put_off(&leased, unix_now());
        }
        self.rests_until = Instant::now();
        self.settle().await;
    }
}

/// The accounts of the walk's next step that have something due.
fn due(tx: &mut Tx<'_>, mut walk: Walk, now: i64, counts: bool) -> Result<Due, Error> {
    if let Some(why) = deliveries::paused(tx)? {
        return Ok(Due::Paused { why, pending: if counts { upkeep::pending(tx)? } else { 0 } });
    }
    let mut accounts = Vec::new();
    for _ in 0..ACCOUNTS_MAX {
        match deliveries::next_due(tx, walk.last)? {
            Some((account, _)) if walk.is_past_end && account > walk.from => {
                return Ok(Due::Of(accounts, None));
            }
            Some((account, due_at)) => {
                walk.last = account;
                if due_at <= now {
                    accounts.push(account);
                }
            }
            None if walk.is_past_end => return Ok(Due::Of(accounts, None)),
            None => (walk.last, walk.is_past_end) = (AccountId(i64::MIN), true),
        }
    }
    Ok(Due::Of(accounts, Some(walk)))
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
