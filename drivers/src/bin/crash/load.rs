//! Many connections that create, pay, cancel, delete and read orders until the server is killed under them, or they are told to stop.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use billhook_wire::{PayStatus, method::ShownStatus};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    Result,
    http::Client,
    record::{Change, Coupon, Draft, Edition, Order, Record},
    shop::{self, GOODS, Seller},
    tally::Tally,
};

/// How long a connection rests that was put off.
const REST: Duration = Duration::from_millis(20);
/// An order is looked for so often that can be changed.
const LOOKS: u32 = 8;
/// The status and the code of a server that can't do it now (decision 56).
const PUT_OFF: (u16, i64) = (503, 9);
/// A repeat of an order that is there (decision 17).
const EXISTS: i64 = 601;
const NOT_FOUND: i64 = 400;

/// A server that is under load.
pub(crate) struct Target {
    address: SocketAddr,
    is_killed: AtomicBool,
    acknowledged: AtomicU64,
}

impl Target {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, is_killed: AtomicBool::default(), acknowledged: AtomicU64::default() }
    }

    /// To be said before it is killed: from now on connections may end without an answer.
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

/// What a load is made of.
pub(crate) struct Plan<'a> {
    /// The beginning of every tag, which no other load of the store has.
    pub(crate) name: &'a str,
    pub(crate) connections: usize,
    pub(crate) coupons: &'a [Arc<Coupon>],
    pub(crate) seed: u64,
}

/// Loads servers while `during` is at work, and takes down what they said.
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
    for (at, orders) in record.deal(plan.connections, &mut dice).into_iter().enumerate() {
        workers.push(Worker {
            target: targets.get(at % targets.len()).ok_or("no servers")?,
            stop: &stop,
            coupons: plan.coupons,
            seller: Seller::new()?,
            dice: StdRng::seed_from_u64(dice.random()),
            prefix: format!("{}c{at}n", plan.name),
            made: 0,
            orders,
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
        let Ok((orders, found)) = worker else { return Err("a connection's thread panicked".into()) };
        tally.add(&found);
        for number in record.put_back(orders) {
            tally.double(number);
        }
    }
    done
}

/// Why a connection does not go on.
enum End {
    /// The server is gone.
    Gone(String),
    /// It said what it must not say.
    Wrong(String),
}

struct Worker<'a> {
    target: &'a Target,
    stop: &'a AtomicBool,
    coupons: &'a [Arc<Coupon>],
    seller: Seller,
    dice: StdRng,
    prefix: String,
    made: u32,
    orders: Vec<Order>,
    tally: Tally,
}

impl Worker<'_> {
    fn run(mut self) -> (Vec<Order>, Tally) {
        match self.work() {
            Ok(()) => {}
            Err(End::Gone(_)) if self.target.is_killed() => {}
            Err(End::Gone(why)) => {
                self.tally.wrong(format!("a connection ended, and nobody was killed: {why}"));
            }
            Err(End::Wrong(why)) => self.tally.wrong(why),
        }
        (self.orders, self.tally)
    }

    fn work(&mut self) -> std::result::Result<(), End> {
        let mut client = Client::plain(self.target.address).map_err(|why| End::Gone(why.to_string()))?;
        let repeats: Vec<_> = (0..)
            .zip(&self.orders)
            .filter(|(_, order)| order.is_to_repeat)
            .map(|(at, _): (usize, _)| at)
            .collect();
        for at in repeats {
            self.tally.repeated += 1;
            self.write(&mut client, at, Change::Make)?;
        }
        while !self.stop.load(Ordering::SeqCst) {
            self.step(&mut client)?;
        }
        Ok(())
    }

    fn step(&mut self, client: &mut Client) -> std::result::Result<(), End> {
        let drawn = self.dice.random_range(0..100);
        let is_waiting = |status| status == PayStatus::Waiting;
        let (at, change) = match drawn {
            0..30 => (self.one(is_waiting), Change::Pay(shop::PAID + i64::from(self.made))),
            // Also what was cancelled, and what is paid already.
            30..33 => (self.one(|_| true), Change::Pay(shop::PAID - 1)),
            33..40 => (self.one(|_| true), Change::Cancel),
            40..46 => (self.one(|_| true), Change::Delete),
            46..55 => {
                let Some(order) = self.one(|_| true).and_then(|at| self.orders.get(at)) else {
                    return Ok(());
                };
                return read(client, &self.seller, order);
            }
            _ => (None, Change::Make),
        };
        let (at, change) = at.map_or_else(|| (self.draft(), Change::Make), |at| (at, change));
        self.write(client, at, change)
    }

    /// An order that can be changed, of a status that will do.
    fn one(&mut self, will_do: impl Fn(PayStatus) -> bool) -> Option<usize> {
        if self.orders.is_empty() {
            return None;
        }
        (0..LOOKS).find_map(|_| {
            let at = self.dice.random_range(0..self.orders.len());
            self.orders.get(at)?.open_state().is_some_and(|state| will_do(state.status)).then_some(at)
        })
    }

    /// Thinks up an order; gives its place.
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

    /// Asks for a change, and takes down what comes of it.
    fn write(&mut self, client: &mut Client, at: usize, change: Change) -> std::result::Result<(), End> {
        let Some(order) = self.orders.get_mut(at) else { return Ok(()) };
        let is_repeat = change == Change::Make && order.state.is_some();
        order.pending = Some(change);
        order.is_touched = true;
        order.is_to_repeat = false;
        let asked = client.ask_for_any(&self.seller.write(order, change));
        let (status, body) = asked.map_err(|why| End::Gone(why.to_string()))?;
        let tag = &order.draft.tag;
        let wrong = |why: &dyn std::fmt::Display| End::Wrong(format!("{tag}: {change:?}: {why}"));
        let answer = self.seller.read(&body).map_err(|why| wrong(&why))?;
        match (status, answer.error_code) {
            PUT_OFF => {
                self.tally.put_off += 1;
                thread::sleep(REST);
                return Ok(());
            }
            (200, 0) if is_repeat => return Err(wrong(&"it is there and was made once more")),
            (200, 0) => {}
            (200, EXISTS) if is_repeat => {}
            (status, code) => {
                return Err(wrong(&format!("status {status}, code {code}: {}", answer.error_text)));
            }
        }
        if change == Change::Make {
            let id = shop::number(&answer).map_err(|why| wrong(&why))?;
            if let Some(known) = order.id.replace(id)
                && known != id
            {
                return Err(wrong(&format!("it has the number {known} and was told to have {id}")));
            }
        }
        order.state = order.after(change);
        order.pending = None;
        self.tally.acknowledged += 1;
        self.target.acknowledged.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// Reads an order whose state is certain, which must be what is shown.
fn read(client: &mut Client, seller: &Seller, order: &Order) -> std::result::Result<(), End> {
    let (Some(id), Some(state), None) = (order.id, order.state, order.pending) else { return Ok(()) };
    let (status, body) = client.ask_for_any(&seller.details(id)).map_err(|why| End::Gone(why.to_string()))?;
    let wrong = |why: &str| End::Wrong(format!("{}, order {id}, read over HTTP: {why}", order.draft.tag));
    let answer = seller.read(&body).map_err(|why| wrong(&why.to_string()))?;
    match (status, answer.error_code) {
        PUT_OFF => return Ok(()),
        (200, NOT_FOUND) if state.is_deleted => return Ok(()),
        (200, 0) if !state.is_deleted => {}
        (status, code) => {
            return Err(wrong(&format!("status {status}, code {code}, and it should be {state:?}")));
        }
    }
    let info = shop::info(&answer).map_err(|why| wrong(&why.to_string()))?;
    // The time of a payment is shown of orders that are paid or were given back alone (decision 13).
    let paid = if matches!(state.status, PayStatus::Paid | PayStatus::Return) { state.paid } else { 0 };
    let is_right = info.id.0 == id
        && info.tag.as_deref() == Some(&order.draft.tag)
        && (&info.pay_status, info.paid) == (&ShownStatus::Known(state.status), paid);
    if is_right {
        return Ok(());
    }
    Err(wrong(&format!("{:?}, paid {}, and it should be {state:?}", info.pay_status, info.paid)))
}

/// Asks a server for some orders of the record, deleted ones too.
pub(crate) fn read_some(address: SocketAddr, record: &Record, count: usize, tally: &mut Tally) -> Result<()> {
    let seller = Seller::new()?;
    let mut client = Client::plain(address)?;
    for order in record.orders.iter().rev().take(count) {
        match read(&mut client, &seller, order) {
            Ok(()) => {}
            Err(End::Wrong(why)) => tally.lost(why),
            Err(End::Gone(why)) => return Err(why.into()),
        }
    }
    Ok(())
}
