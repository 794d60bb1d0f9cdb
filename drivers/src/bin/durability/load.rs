//! Many connections that create, change and read orders and contacts, until the server is killed or they are stopped.

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use billhook_drivers::{
    Result,
    billhook::{KEY, signed},
};
use billhook_test_kit::http::{Answer, Client, form};
use billhook_wire::{
    PayStatus,
    method::{OrderInfo, ShownStatus},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    contacts::{Contact, GROUPS, Write},
    record::{Change, Coupon, Draft, Edition, Hand, Order, Record},
    seller::{self, GOODS, LOGIN},
    tally::Tally,
};

/// The pause of a connection after code 9.
const REST: Duration = Duration::from_millis(20);
/// How many of a hundred steps are writes of contacts.
const OF_CONTACTS: u32 = 25;
/// How many attempts there are to find an order that can be changed.
const LOOKS: u32 = 8;
/// Status and code of a server that can't do it now (decision 56).
const PUT_OFF: (u16, i64) = (503, 9);
/// A repeated order (decision 17).
const EXISTS: i64 = 601;
const NOT_FOUND: i64 = 400;

/// A server under load.
pub(crate) struct Target {
    address: SocketAddr,
    is_killed: AtomicBool,
    acknowledged: AtomicU64,
}

impl Target {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, is_killed: AtomicBool::default(), acknowledged: AtomicU64::default() }
    }

    /// Call it before the kill: from now on connections may end without an answer.
    pub(crate) fn will_be_killed(&self) {
        self.is_killed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_killed(&self) -> bool {
        self.is_killed.load(Ordering::SeqCst)
    }

    /// How many writes it has acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }
}

/// The parameters of a load.
pub(crate) struct Plan<'a> {
    /// The prefix of every tag, unique among the store's loads.
    pub(crate) name: &'a str,
    pub(crate) connections: usize,
    pub(crate) coupons: &'a [Arc<Coupon>],
    pub(crate) seed: u64,
}

/// Loads servers while `during` runs, and records their answers.
pub(crate) fn run(
    plan: &Plan<'_>,
    targets: &[Target],
    record: &mut Record,
    tally: &mut Tally,
    during: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let mut dice = StdRng::seed_from_u64(plan.seed);
    let stop = AtomicBool::default();
    let mut workers = Vec::new();
    for (at, Hand { orders, contacts }) in record.deal(plan.connections, &mut dice).into_iter().enumerate() {
        workers.push(Worker {
            target: targets.get(at % targets.len()).ok_or("no servers")?,
            stop: &stop,
            coupons: plan.coupons,
            dice: StdRng::seed_from_u64(dice.random()),
            prefix: format!("{}c{at}n", plan.name),
            made: 0,
            orders,
            contacts,
            tally: Tally::default(),
        });
    }
    let (done, workers) = thread::scope(|scope| {
        let threads: Vec<_> = workers.into_iter().map(|worker| scope.spawn(|| worker.run())).collect();
        let done = during();
        stop.store(true, Ordering::SeqCst);
        let workers: Vec<_> = threads.into_iter().map(thread::ScopedJoinHandle::join).collect();
        (done, workers)
    });
    for worker in workers {
        let Ok((Hand { orders, contacts }, found)) = worker else {
            return Err("a connection's thread panicked".into());
        };
        tally.add(&found);
        record.contacts.extend(contacts);
        for number in record.put_back(orders) {
            tally.double(number);
        }
    }
    done
}

/// Why a connection stops.
#[derive(Debug)]
pub(crate) enum End {
    /// The server is gone.
    Gone(String),
    /// It gave a wrong answer.
    Wrong(String),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(why) | Self::Wrong(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for End {}

struct Worker<'a> {
    target: &'a Target,
    stop: &'a AtomicBool,
    coupons: &'a [Arc<Coupon>],
    dice: StdRng,
    prefix: String,
    made: u32,
    orders: Vec<Order>,
    contacts: Vec<Contact>,
    tally: Tally,
}

impl Worker<'_> {
    fn run(mut self) -> (Hand, Tally) {
        match self.work() {
            Ok(()) => {}
            Err(End::Gone(_)) if self.target.is_killed() => {}
            Err(End::Gone(why)) => {
                self.tally.wrong(format!("a connection ended, and nobody was killed: {why}"));
            }
            Err(End::Wrong(why)) => self.tally.wrong(why),
        }
        (Hand { orders: self.orders, contacts: self.contacts }, self.tally)
    }

    fn work(&mut self) -> std::result::Result<(), End> {
        let mut caller = Caller::connect(self.target.address)?;
        let repeats: Vec<_> = (0..)
            .zip(&self.orders)
            .filter(|(_, order)| order.is_to_repeat)
            .map(|(at, _): (usize, _)| at)
            .collect();
        for at in repeats {
            self.tally.repeated += 1;
            self.write(&mut caller, at, Change::Make)?;
        }
        while !self.stop.load(Ordering::SeqCst) {
            self.step(&mut caller)?;
        }
        Ok(())
    }

    fn step(&mut self, caller: &mut Caller) -> std::result::Result<(), End> {
        if self.dice.random_ratio(OF_CONTACTS, 100) {
            return self.write_contact(caller);
        }
        let drawn = self.dice.random_range(0..100);
        let is_waiting = |status| status == PayStatus::Waiting;
        let (at, change) = match drawn {
            0..30 => (self.one(is_waiting), Change::Pay(seller::PAID + i64::from(self.made))),
            // Also cancelled orders, and those already paid.
            30..33 => (self.one(|_| true), Change::Pay(seller::PAID - 1)),
            33..40 => (self.one(|_| true), Change::Cancel),
            40..46 => (self.one(|_| true), Change::Delete),
            46..55 => {
                let Some(order) = self.one(|_| true).and_then(|at| self.orders.get(at)) else {
                    return Ok(());
                };
                return caller.read(order);
            }
            _ => (None, Change::Make),
        };
        let (at, change) = at.map_or_else(|| (self.draft(), Change::Make), |at| (at, change));
        self.write(caller, at, change)
    }

    /// A random order that can be changed and has a suitable status.
    fn one(&mut self, will_do: impl Fn(PayStatus) -> bool) -> Option<usize> {
        if self.orders.is_empty() {
            return None;
        }
        (0..LOOKS).find_map(|_| {
            let at = self.dice.random_range(0..self.orders.len());
            self.orders.get(at)?.open_state().is_some_and(|state| will_do(state.status)).then_some(at)
        })
    }

    /// Makes up an order; returns its index.
    fn draft(&mut self) -> usize {
        self.made += 1;
        let dice = &mut self.dice;
        let mut good = || GOODS.get(dice.random_range(0..GOODS.len())).map(|(name, _)| *name);
        let goods = [good(), good()]
            .into_iter()
            .flatten()
            .take(1 + usize::from(self.made.is_multiple_of(3)))
            .collect();
        let coupon = self.dice.random_bool(0.4).then(|| self.dice.random_range(0..self.coupons.len().max(1)));
        let edition = if self.dice.random_bool(0.3) { Edition::Two } else { Edition::One };
        self.orders.push(Order::new(Draft {
            edition,
            tag: format!("{}{}", self.prefix, self.made),
            goods,
            coupon: coupon.and_then(|at| self.coupons.get(at).cloned()),
            is_paid: edition == Edition::Two && self.dice.random_bool(0.3),
        }));
        self.orders.len() - 1
    }

    /// Requests a change, and records the result.
    fn write(&mut self, caller: &mut Caller, at: usize, change: Change) -> std::result::Result<(), End> {
        let Some(order) = self.orders.get_mut(at) else { return Ok(()) };
        let is_acknowledged = caller.change(order, change)?;
        self.count(is_acknowledged);
        Ok(())
    }

    /// Changes a contact, or adds one if the one drawn can't be changed like this.
    fn write_contact(&mut self, caller: &mut Caller) -> std::result::Result<(), End> {
        self.made += 1;
        let one = self.dice.random_range(0..GROUPS.len());
        let join = Write::Join([one, (one + 1) % GROUPS.len()]);
        let write = match self.dice.random_range(0..5) {
            0 => Write::Leave(one),
            1 => Write::Rename(self.made),
            2 => Write::Tag(self.made),
            _ => join,
        };
        let is_new = self.dice.random_bool(0.3) || self.contacts.is_empty();
        let drawn = if is_new { usize::MAX } else { self.dice.random_range(0..self.contacts.len()) };
        let can = |contact: &&mut Contact| contact.pending.is_none() && contact.after(write).is_some();
        let is_acknowledged = if let Some(contact) = self.contacts.get_mut(drawn).filter(can) {
            caller.change_contact(contact, write)?
        } else {
            let mut contact = Contact::new(&format!("{}{}", self.prefix, self.made));
            // It is noted even if no answer comes.
            let done = caller.change_contact(&mut contact, join);
            self.contacts.push(contact);
            done?
        };
        self.tally.of_contacts += u64::from(is_acknowledged);
        self.count(is_acknowledged);
        Ok(())
    }

    fn count(&mut self, is_acknowledged: bool) {
        if is_acknowledged {
            self.tally.acknowledged += 1;
            self.target.acknowledged.fetch_add(1, Ordering::SeqCst);
        } else {
            self.tally.put_off += 1;
            thread::sleep(REST);
        }
    }
}

/// A connection of the seller.
pub(crate) struct Caller(Client);

impl Caller {
    pub(crate) fn connect(address: SocketAddr) -> std::result::Result<Self, End> {
        Client::connect(address).map(Self).map_err(|why| End::Gone(why.to_string()))
    }

    /// Requests a change of an order, and records the result. Returns whether it was acknowledged or put off.
    pub(crate) fn change(&mut self, order: &mut Order, change: Change) -> std::result::Result<bool, End> {
        let is_repeat = change == Change::Make && order.state.is_some();
        order.pending = Some(change);
        order.is_touched = true;
        order.is_to_repeat = false;
        let (code, answer) = self.ask(&seller::request(order, change))?;
        let tag = &order.draft.tag;
        let wrong = |why: &dyn fmt::Display| End::Wrong(format!("{tag}: {change:?}: {why}"));
        match (answer.status, code) {
            PUT_OFF => return Ok(false),
            (200, 0) if is_repeat => return Err(wrong(&"it is there and was made once more")),
            (200, 0) => {}
            (200, EXISTS) if is_repeat => {}
            _ => return Err(wrong(&answer.body)),
        }
        if change == Change::Make {
            let id = number(&answer).ok_or_else(|| wrong(&"an answer without a number"))?;
            if let Some(known) = order.id.replace(id)
                && known != id
            {
                return Err(wrong(&format!("it has the number {known} and was told to have {id}")));
            }
        }
        order.acknowledge(change);
        Ok(true)
    }

    /// The same of a contact.
    pub(crate) fn change_contact(
        &mut self,
        contact: &mut Contact,
        write: Write,
    ) -> std::result::Result<bool, End> {
        contact.pending = Some(write);
        let (code, answer) = self.ask(&contact.request(write))?;
        match (answer.status, code) {
            PUT_OFF => Ok(false),
            (200, 0) => {
                contact.acknowledge(write);
                Ok(true)
            }
            _ => Err(End::Wrong(format!("{}: {write:?}: {}", contact.email, answer.body))),
        }
    }

    /// Reads an order whose state is certain, and checks that the answer matches.
    pub(crate) fn read(&mut self, order: &Order) -> std::result::Result<(), End> {
        let (Some(id), Some(state), None) = (order.id, order.state, order.pending) else { return Ok(()) };
        let (code, answer) =
            self.ask(&signed("getOrderDetails", LOGIN, &form([("bill_id", id.to_string())])))?;
        let wrong = || {
            let tag = &order.draft.tag;
            End::Wrong(format!("{tag}, order {id}: {state:?}, and read over HTTP: {}", answer.body))
        };
        match (answer.status, code) {
            PUT_OFF => return Ok(()),
            (200, NOT_FOUND) if state.is_deleted => return Ok(()),
            (200, 0) if !state.is_deleted => {}
            _ => return Err(wrong()),
        }
        let result = answer.json().get_mut("result").map(serde_json::Value::take);
        let info: OrderInfo =
            serde_json::from_value(result.unwrap_or_default()).map_err(|why| End::Wrong(why.to_string()))?;
        // The time of payment is shown only for orders that are paid or refunded (decision 13).
        let paid = if matches!(state.status, PayStatus::Paid | PayStatus::Return) { state.paid } else { 0 };
        let is_right = info.id.0 == id
            && info.tag.as_deref() == Some(&order.draft.tag)
            && (&info.pay_status, info.paid) == (&ShownStatus::Known(state.status), paid);
        if is_right { Ok(()) } else { Err(wrong()) }
    }

    /// Requests a customer's orders, and ignores the answer.
    pub(crate) fn look(&mut self, email: &str) -> std::result::Result<(), End> {
        self.ask(&signed("GetBills", LOGIN, &form([("email", email)]))).map(drop)
    }

    /// The answer to a request, and its code.
    pub(crate) fn ask(&mut self, request: &[u8]) -> std::result::Result<(i64, Answer), End> {
        let answer = self.0.ask(request).map_err(|why| End::Gone(why.to_string()))?;
        let code = answer.verified(KEY).map_err(End::Wrong)?;
        Ok((code, answer))
    }
}

/// The number in the answer to a new or a repeated order.
fn number(answer: &Answer) -> Option<i64> {
    let answer = answer.json();
    let number = answer.pointer("/result/bill_id")?;
    number.as_i64().or_else(|| number.as_str()?.parse().ok())
}

/// Reads some orders of the record from a server, deleted ones too.
pub(crate) fn read_some(address: SocketAddr, record: &Record, count: usize, tally: &mut Tally) -> Result<()> {
    let mut caller = Caller::connect(address)?;
    for order in record.orders.iter().rev().take(count) {
        match caller.read(order) {
            Err(End::Wrong(why)) => tally.lost(why),
            done => done?,
        }
    }
    Ok(())
}
