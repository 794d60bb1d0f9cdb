//! Kills servers between the commit of a change and the arrival of its event, many times. Every event must
//! arrive, none may be invented, and each keeps its id and its bytes. No server may send what another one has
//! leased while that one lives.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use billhook_drivers::{
    Result,
    billhook::{Billhook, KEY, signed},
};
use billhook_store::{
    self as store, AccountId, Location, accounts,
    outbox::{
        deliveries::{self, Filter, State},
        events::{self, Happened},
    },
};
use billhook_test_kit::{
    Cluster, Options as ClusterOptions, Running, Store,
    http::{Client, form},
    receiver::{Received, Receiver, Reply},
    within,
};
use billhook_wire::{Event, Key, Login, OrderId, signature};
use clap::Args;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::Value;

use crate::{
    crash::Engine,
    seller::{self, LOGIN},
    tally::Tally,
};

/// The longest time under load before a kill.
const LOAD_MAX: Duration = Duration::from_millis(600);
const CONNECTIONS: usize = 6;
/// How many servers share a database.
const NODES: usize = 3;
/// How long it may take until nothing waits any more: a killed server's leases last a minute.
const DRAIN_MAX: Duration = Duration::from_mins(4);
/// How long a server may take to write what it has sent.
const SETTLE_MAX: Duration = Duration::from_secs(5);
/// How many deliveries are read at once.
const PAGE: u32 = 500;
/// One event of so many is refused the first time, and one gets no answer.
const REFUSED_OF: i64 = 16;
const DAY: u64 = 24 * 60 * 60;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many rounds, each with a kill
    #[arg(long, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Where the store is
    #[arg(long, value_enum, default_value = "sqlite")]
    engine: Engine,
    /// The same seed gives the same rounds [default: random]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// After how many rounds everything must have arrived, and a new store begins
    #[arg(long, value_name = "N", default_value = "25", value_parser = clap::value_parser!(u32).range(1..))]
    life: u32,
}

/// Runs the rounds. Returns the report.
pub(crate) fn run(billhook: &Billhook, options: &Options) -> Result<String> {
    let seed = options.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let (begun, mut dice) = (Instant::now(), StdRng::seed_from_u64(seed));
    let cluster = match options.engine {
        Engine::Sqlite => None,
        Engine::Postgres => Some(Cluster::start(&ClusterOptions::default())?),
    };
    let (mut tally, mut sum) = (Tally::default(), Sum::default());
    let mut left = options.rounds;
    while left > 0 && !tally.is_wrong() {
        let rounds = left.min(options.life);
        let mut life = Life::begin(billhook, cluster.as_ref())?;
        for _ in 0..rounds {
            life.round(&mut dice)?;
        }
        life.end(&mut tally, &mut sum)?;
        left -= rounds;
        eprintln!("outbox: {left} rounds left, {} events arrived", sum.events);
    }
    let Sum { orders, events, again } = sum;
    let told = format!(
        "{}, seed {seed}, {:.0} s: {} rounds, {events} events of {orders} acknowledged orders arrived, {again} of \
         them once more after a kill",
        options.engine.name(),
        begun.elapsed().as_secs_f64(),
        options.rounds - left,
    );
    if events == 0 {
        return Err(format!("{told}\nno event was sent, so nothing was tested").into());
    }
    tally.judge().map_err(|findings| format!("{told}\n{findings}"))?;
    Ok(told)
}

#[derive(Debug, Default)]
struct Sum {
    orders: usize,
    events: usize,
    /// Events that arrived more than once because their server was killed.
    again: usize,
}

/// A store, with what is known of it.
struct Life<'a> {
    billhook: &'a Billhook,
    place: Store,
    folder: tempfile::TempDir,
    nodes: Vec<Running>,
    started: usize,
    receiver: Receiver,
    /// The acknowledged orders, each with whether its payment was acknowledged.
    made: BTreeMap<i64, bool>,
    kills: Vec<Instant>,
}

impl<'a> Life<'a> {
    fn begin(billhook: &'a Billhook, cluster: Option<&Cluster>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("billhook-outbox-").tempdir()?;
        let place = match cluster {
            None => Store::Folder(folder.path().join("data")),
            Some(cluster) => Store::Database(cluster.create_database()?),
        };
        let seen = Mutex::new(HashMap::<String, u32>::new());
        let receiver = Receiver::start(move |received| answer(&seen, received));
        seller::add_account(billhook, &place)?;
        let of = ["--account", LOGIN];
        billhook.run(&place, &["account", "set", LOGIN, "same_order_hours=0"])?;
        let add = ["product", "add", "course", "--title", "course", "--sum", "1000"];
        billhook.run(&place, &[&add[..], &of].concat())?;
        let [created, paid] =
            ["new_order", "notif"].map(|event| format!("good_api_url_{event}={}", receiver.url("/")));
        let set = ["product", "set", "course", &created, &paid];
        billhook.run(&place, &[&set[..], &of].concat())?;
        let (nodes, kills, made) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut life = Self { billhook, place, folder, nodes, started: 0, receiver, made, kills };
        let count = if cluster.is_some() { NODES } else { 1 };
        for _ in 0..count {
            life.start()?;
        }
        Ok(life)
    }

    fn start(&mut self) -> Result<()> {
        self.started += 1;
        let log: PathBuf = self.folder.path().join(format!("node-{}.log", self.started));
        let options = ["--webhook-allow-net", "127.0.0.0/8"];
        self.nodes.push(self.billhook.serve(&self.place, &options, &log)?);
        Ok(())
    }

    /// Makes and pays orders until a server is killed at a random moment, and starts another.
    fn round(&mut self, dice: &mut StdRng) -> Result<()> {
        let addresses = self.nodes.iter().map(Running::address).collect::<Result<Vec<_>>>()?;
        let victim = dice.random_range(0..self.nodes.len());
        let load = LOAD_MAX.mul_f64(dice.random_range(0.0..1.0));
        let (stop, name) = (AtomicBool::new(false), self.started);
        let made = thread::scope(|scope| {
            let stop = &stop;
            let threads: Vec<_> = (0..CONNECTIONS)
                .zip(addresses.iter().cycle())
                .map(|(at, address)| scope.spawn(move || orders(*address, &format!("r{name}c{at}"), stop)))
                .collect();
            thread::sleep(load);
            // Drop kills it.
            drop(self.nodes.remove(victim));
            self.kills.push(Instant::now());
            stop.store(true, Ordering::SeqCst);
            threads.into_iter().map(thread::ScopedJoinHandle::join).collect::<Vec<_>>()
        });
        for orders in made {
            self.made.extend(orders.map_err(|_| "a connection's thread panicked")?);
        }
        self.start()
    }

    /// Waits until nothing waits any more, and compares what arrived with the store.
    fn end(self, tally: &mut Tally, sum: &mut Sum) -> Result<()> {
        let location = match &self.place {
            Store::Folder(folder) => Location::folder(folder),
            Store::Database(url) => Location::parse(url)?,
        };
        let store = store::Store::open(&location)?;
        let login = Login::parse(LOGIN)?;
        let account = store.read(|tx| accounts::find(tx, &login))?.ok_or("the account is gone")?.id;
        let pending = || store.read(|tx| deliveries::count(tx, account, State::Pending));
        let mut failed = None;
        let is_sent = within(DRAIN_MAX, || match pending() {
            Ok((count, _)) => count == 0,
            Err(error) => {
                failed = Some(error);
                true
            }
        });
        if let Some(error) = failed {
            return Err(error.into());
        }
        if !is_sent {
            tally.wrong(format!("{} deliveries still wait after {DRAIN_MAX:?}", pending()?.0));
        }
        self.compare(&written(&store, account)?, tally, sum)
    }

    fn compare(&self, written: &BTreeMap<String, Happened>, tally: &mut Tally, sum: &mut Sum) -> Result<()> {
        let key = Key::parse(KEY)?;
        let received = self.receiver.received();
        let mut arrived = BTreeMap::<&str, Vec<&Received>>::new();
        for got in &received {
            arrived.entry(got.header("webhook-id")).or_default().push(got);
        }
        for (id, tries) in &arrived {
            let Some(event) = written.get(*id) else {
                tally.wrong(format!("{id} arrived, and no such event happened"));
                continue;
            };
            for got in tries {
                let time = got.header("webhook-timestamp").parse()?;
                let signed = got.header("billhook-signature");
                let is_signed = signature::verify_body(signed, &key, got.body.as_bytes(), time, DAY).is_ok();
                if got.body != event.form || !is_signed {
                    tally.wrong(format!("{id} arrived with other bytes, or a wrong signature"));
                }
            }
            sum.again += self.repeats(id, tries, tally);
        }
        for id in written.keys().filter(|id| !arrived.contains_key(id.as_str())) {
            tally.lost(format!("{id} did not arrive"));
        }
        let mut of_orders = HashMap::<(OrderId, &str), u32>::new();
        for event in written.values() {
            *of_orders.entry((event.order, event.event.as_str())).or_default() += 1;
        }
        for (&order, &is_paid) in &self.made {
            let count = |event: Event| of_orders.get(&(OrderId(order), event.as_str())).copied().unwrap_or(0);
            // A payment without an answer may have been made.
            if count(Event::Created) != 1 || count(Event::Paid) > 1 || (is_paid && count(Event::Paid) == 0) {
                tally.lost(format!("order {order} has not the events that it should have"));
            }
        }
        sum.orders += self.made.len();
        sum.events += arrived.len();
        Ok(())
    }

    /// How often an event was sent again that its receiver had taken. Each time a server must have been killed
    /// before it could write that.
    fn repeats(&self, id: &str, tries: &[&Received], tally: &mut Tally) -> usize {
        let taken = tries.get(usize::from(fails_first(id))..).unwrap_or_default();
        for (taken, _) in taken.iter().zip(taken.iter().skip(1)) {
            let until = taken.at + SETTLE_MAX;
            if !self.kills.iter().any(|kill| *kill + SETTLE_MAX >= taken.at && *kill <= until) {
                tally.double(format!("{id} was sent once more, and its server had not been killed"));
            }
        }
        taken.len().saturating_sub(1)
    }
}

/// Whether the first try of an event fails.
fn fails_first(id: &str) -> bool {
    id.trim_start_matches("evt_").parse::<i64>().is_ok_and(|number| number % REFUSED_OF < 2)
}

fn answer(seen: &Mutex<HashMap<String, u32>>, received: &Received) -> Reply {
    let id = received.header("webhook-id").to_owned();
    let fails = fails_first(&id);
    let is_odd = id.ends_with(['1', '3', '5', '7', '9']);
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let before = seen.entry(id).or_default();
    *before += 1;
    match (fails && *before == 1, is_odd) {
        (true, true) => Reply::Close,
        (true, false) => Reply::Status(500, String::new()),
        (false, _) => Reply::Status(200, String::new()),
    }
}

/// Makes orders and pays every other one, until the server is gone or it is to stop. Returns those that were
/// acknowledged, and whether their payment was.
fn orders(address: SocketAddr, name: &str, stop: &AtomicBool) -> Vec<(i64, bool)> {
    let mut made = Vec::new();
    let Ok(mut client) = Client::connect(address) else { return made };
    let mut ask = |method: &str, pairs: &[(&str, &str)]| {
        let answer = client.ask(&signed(method, LOGIN, &form(pairs.iter().copied()))).ok()?;
        (answer.verified(KEY) == Ok(0)).then(|| answer.json())
    };
    for number in 0_u32.. {
        let email = format!("{name}n{number}@example.com");
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let Some(answer) =
            ask("CreateOrder", &[("goods[0][good_name]", "course"), ("bill_email", email.as_str())])
        else {
            break;
        };
        let Some(order) = answer.pointer("/result/bill_id").and_then(Value::as_i64) else { break };
        let id = order.to_string();
        let pay = [("bill_id", id.as_str()), ("status", "paid"), ("date", "1700000000")];
        let is_paid = number.is_multiple_of(2) && ask("UpdateOrderStatus", &pay).is_some();
        made.push((order, is_paid));
    }
    made
}

/// The events that have deliveries, by their ids.
fn written(store: &store::Store, account: AccountId) -> Result<BTreeMap<String, Happened>> {
    let (mut written, mut last) = (BTreeMap::new(), None);
    loop {
        let page = store.read(|tx| deliveries::list(tx, account, &Filter::default(), last, PAGE))?;
        let Some(oldest) = page.last() else { return Ok(written) };
        last = Some(oldest.id);
        for delivery in &page {
            let number = delivery.id.event;
            let event = store.read(|tx| events::find(tx, account, number))?;
            written.insert(events::id(number), event.ok_or("a delivery without its event")?);
        }
    }
}
