//! Events: what CreateOrder keeps while they are sent, how fast a backlog is worked off, how soon one arrives,
//! and what a long backlog costs.

use std::{
    cell::RefCell,
    path::Path,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use billhook_drivers::{
    Result,
    billhook::signed,
    folders,
    open_loop::{self, Plan},
    usage::peak,
};
use billhook_store::{
    AccountId, Location, Store, accounts, orders,
    outbox::{
        deliveries::{self, Node, Outcome, State},
        events,
        queues::Queue,
    },
};
use billhook_test_kit::{
    Running,
    http::Client,
    receiver::{Receiver, Reply},
    within,
};
use billhook_wire::{Event, Login, Money};
use rusqlite::Connection;

use super::{
    all,
    orders::create::{MANY, NewOrders, SELLER, first_orders, times},
};
use crate::{
    fresh,
    scene::Scene,
    stores::{self, Seller},
    table::{Pairs, Row, Target, figure, median, whole},
};

const ALLOW_LOOPBACK: [&str; 2] = ["--webhook-allow-net", "127.0.0.0/8"];
const DRAIN_MAX: Duration = Duration::from_mins(10);
/// The backlog's receivers, of which the first hangs: a twentieth of what waits.
const RECEIVERS: usize = 20;
const ACCOUNTS: u64 = 8;
const BACKLOG: u64 = 100_000;
const LONG_BACKLOG: u64 = 1_000_000;
const PAID_PER_SECOND: f64 = 300.0;
const CLAIMS: usize = 200;
const BATCH: u64 = 1_000;

pub(crate) fn measure(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    all([beside_sending(scene, rows), backlog(scene, rows), arrival(scene, rows), long_backlog(scene, rows)])
}

/// New orders with a webhook and without.
fn beside_sending(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    let receiver = Receiver::start(|_| Reply::Status(200, String::new()));
    let [told, quiet] = ["events-told", "events-quiet"].map(|name| scene.path(name));
    for folder in [&told, &quiet] {
        first_orders(folder)?;
    }
    add_webhook(scene, &told, &receiver, "created")?;
    let store = Store::open(&Location::folder(&told))?;
    let (server, quiet_server) = (scene.serve_with(&told, &ALLOW_LOOPBACK)?, scene.serve_with(&quiet, &[])?);
    let [new, quiet_new] = [(); 2].map(|()| RefCell::new(NewOrders::of_seller(0)));
    let create = |server: &Running, new: &RefCell<NewOrders>| {
        let goal = (server.pid(), server.address()?);
        fresh::run(goal, MANY, scene.time, || Some(new.borrow_mut().next()))
    };
    let (mut pairs, mut waited) = (Pairs::new(), Vec::new());
    for _ in 0..scene.rounds {
        let with_webhook = || {
            let asked = create(&server, &new)?;
            let begun = Instant::now();
            drained(&store)?;
            waited.push(begun.elapsed().as_secs_f64());
            Ok(asked)
        };
        pairs.round(with_webhook, || create(&quiet_server, &quiet_new))?;
    }
    let name = format!("CreateOrder with a webhook, {MANY} connections");
    let row = pairs.row(name, "requests/s", |asked| asked.per_second, |asked| asked.per_second);
    let note = format!(
        "beside the same without a webhook; {}; all was sent {:.1} s after the last order",
        times(&pairs),
        median(waited)
    );
    rows.push(row.target(Target::RatioAtLeast(0.8)).note(note));
    server.stop()?;
    quiet_server.stop()
}

/// A backlog of several accounts, a twentieth of it to a host that hangs.
fn backlog(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    let folder = scene.path("events-backlog");
    let receivers: Vec<_> = (0..RECEIVERS)
        .map(|at| {
            Receiver::start(move |_| if at == 0 { Reply::Hang } else { Reply::Status(200, String::new()) })
        })
        .collect();
    fill(&folder, &receivers)?;
    let server = scene.serve_with(&folder, &ALLOW_LOOPBACK)?;
    let begun = Instant::now();
    let expected = usize::try_from(BACKLOG)? / RECEIVERS * (RECEIVERS - 1);
    let arrived = || receivers.iter().skip(1).map(Receiver::count).sum::<usize>() >= expected;
    let (in_time, most) = peak(server.pid(), || within(DRAIN_MAX, arrived))?;
    if !in_time {
        return Err("the backlog was not worked off".into());
    }
    let rate = figure(u64::try_from(expected)?) / begun.elapsed().as_secs_f64();
    let row = Row::new(format!("a backlog of {} deliveries is sent", whole(BACKLOG)), rate, "deliveries/s");
    rows.push(row.target(Target::ValueAtLeast(1500.0)).note(format!(
        "{ACCOUNTS} accounts, {RECEIVERS} hosts on the same cores, one of which hangs; at most {} MiB of private memory",
        most >> 20
    )));
    // The tries that hang are left behind.
    drop(server);
    folders::remove(&folder)
}

/// Writes orders whose products' URLs are the receivers'.
fn fill(folder: &Path, receivers: &[Receiver]) -> Result<()> {
    let seller = Seller { orders: BACKLOG / 2 / ACCOUNTS, ..SELLER };
    let store = Store::open_for_bulk(&Location::folder(folder))?;
    let accounts = store.write(move |tx| {
        (0..ACCOUNTS).map(|account| seller.add_account(tx, account)).collect::<Result<Vec<_>>>()
    })?;
    let database = Connection::open(folder.join("billhook.db"))?;
    for (at, receiver) in receivers.iter().enumerate() {
        database.execute(
            "UPDATE products SET good_api_url_new_order = ?1 WHERE good_id % ?2 = ?3",
            (receiver.url("/"), i64::try_from(receivers.len())?, i64::try_from(at)?),
        )?;
    }
    drop(database);
    for account in accounts {
        for first in (0..seller.orders).step_by(usize::try_from(BATCH)?) {
            store.write(move |tx| -> Result<()> {
                for number in first..seller.orders.min(first + BATCH) {
                    let order = seller.order(number)?;
                    orders::add(tx, account, &order)?;
                    events::raise(tx, account, Event::Created, &order, Money::ZERO)?;
                }
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// How soon a receiver knows of a payment, where nothing fails.
fn arrival(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    let (folder, receiver) =
        (scene.path("events-paid"), Receiver::start(|_| Reply::Status(200, String::new())));
    let first = first_orders(&folder)?;
    add_webhook(scene, &folder, &receiver, "paid")?;
    let server = scene.serve_with(&folder, &ALLOW_LOOPBACK)?;
    let store = Store::open(&Location::folder(&folder))?;
    let goal = (server.pid(), server.address()?);
    // More than are paid for.
    let mut left = u32::try_from(scene.time.as_secs() + 2)? * 300;
    let mut new = NewOrders::of_seller(0);
    let made = fresh::run(goal, MANY, DRAIN_MAX, || {
        left = left.checked_sub(1)?;
        Some(new.next())
    })?;
    let pay = |order| {
        let form = format!("bill_id={order}&status=paid&date=1767225600");
        signed("UpdateOrderStatus", &stores::login(0), &form)
    };
    let requests: Vec<_> = (first..first + made.answers).map(pay).collect();
    let plan = Plan { per_second: PAID_PER_SECOND, time: scene.time, cold: true };
    let paid = open_loop::run(server.address()?, &requests, plan, true, &|| true)?;
    drained(&store)?;
    let (now, unix_now) = (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH)?);
    let mut times = Vec::new();
    for got in receiver.received() {
        let arrived = unix_now.saturating_sub(now.duration_since(got.at));
        // An event's number is when it was written, just before the commit.
        let number: u64 = got.header("webhook-id").trim_start_matches("evt_").parse()?;
        times.push(arrived.saturating_sub(Duration::from_micros(number)).as_secs_f64() * 1e3);
    }
    times.sort_unstable_by(f64::total_cmp);
    let p99 = times.get(times.len() * 99 / 100).copied().ok_or("nothing arrived")?;
    let name = format!("from a payment to its arrival, {PAID_PER_SECOND} a second: p99");
    rows.push(Row::new(name, p99, "ms").target(Target::ValueAtMost(100.0)).note(format!(
        "median {:.1} ms; {} events; UpdateOrderStatus p99 {:.2} ms",
        median(times.iter().copied()),
        times.len(),
        paid.p99
    )));
    server.stop()
}

/// What a lease and a start cost where much waits for a host that hangs.
fn long_backlog(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    let receiver = Receiver::start(|_| Reply::Hang);
    let [short, long] = ["events-short", "events-long"].map(|name| scene.path(name));
    let (url, mut milliseconds) = (receiver.url("/"), [[0.0; 2]; 2]);
    for ((folder, waiting), milliseconds) in
        [(&short, BATCH), (&long, LONG_BACKLOG)].into_iter().zip(&mut milliseconds)
    {
        first_orders(folder)?;
        insert(folder, waiting, &url)?;
        *milliseconds = [leases(folder, &url)?, starts(scene, folder)?];
    }
    let [[lease, start], [long_lease, long_start]] = milliseconds;
    let beside = format!("beside {} that wait", whole(BATCH));
    let name = |what: &str| format!("{what} where {} deliveries wait", whole(LONG_BACKLOG));
    rows.push(
        Row::new(name("lease of 32 deliveries, put off again,"), long_lease, "ms")
            .beside(lease)
            .note(&beside),
    );
    let row = Row::new(name("start to first answer"), long_start, "ms").beside(start);
    rows.push(row.target(Target::ValueAtMost(100.0)).note(beside));
    Ok(())
}

fn insert(folder: &Path, count: u64, url: &str) -> Result<()> {
    let count = count.cast_signed();
    let database = Connection::open(folder.join("billhook.db"))?;
    let numbers = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)";
    database.execute(
        &format!(
            "{numbers} INSERT INTO events (account_id, event_no, event, order_id, at, form, json)
             SELECT a.account_id, 1767225600000000 + n, 'paid', n, 1767225600, 'x=1', '' FROM n, accounts a"
        ),
        (count,),
    )?;
    database.execute(
        &format!(
            "{numbers} INSERT INTO deliveries
                 (account_id, event_no, target_no, event, order_id, endpoint_id, url, state, tries, due_at, ended, status,
                  reason, lease, leased_until)
             SELECT a.account_id, 1767225600000000 + n, 1, 'paid', n, 0, ?2, 'pending', 0, 0, 0, 0, '', '', 0
               FROM n, accounts a"
        ),
        (count, url),
    )?;
    Ok(())
}

/// The median time of a lease, in milliseconds.
fn leases(folder: &Path, url: &str) -> Result<f64> {
    let store = Store::open(&Location::folder(folder))?;
    let account = account(&store)?;
    let queue = Queue::of(account, url);
    let node = Node { name: "bench".to_owned(), is_alone: true };
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let mut times = Vec::new();
    for _ in 0..CLAIMS {
        let (from, of, begun) = (queue.clone(), node.clone(), Instant::now());
        let claimed = store.write(move |tx| deliveries::claim(tx, &from, &of, now, 32))?;
        let put_off: Vec<_> =
            claimed.iter().map(|delivery| (delivery.id, Outcome::Postponed(delivery.due_at))).collect();
        let of = node.clone();
        store.write(move |tx| deliveries::settle(tx, account, &of, &put_off, now))?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(times))
}

/// The median time from a start to the first answer, in milliseconds.
fn starts(scene: &Scene, folder: &Path) -> Result<f64> {
    let request = signed("GetBills", &stores::login(0), "email=a%40example.com");
    let mut times = Vec::new();
    for _ in 0..5 {
        let begun = Instant::now();
        let server = scene.serve_with(folder, &ALLOW_LOOPBACK)?;
        Client::connect(server.address()?)?.ask(&request)?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        drop(server);
    }
    Ok(median(times))
}

fn add_webhook(scene: &Scene, folder: &Path, receiver: &Receiver, events: &str) -> Result<()> {
    let login = stores::login(0);
    scene
        .run(folder, &["webhook", "add", &receiver.url("/"), "--events", events, "--account", &login])
        .map(drop)
}

/// Waits until nothing waits to be sent.
fn drained(store: &Store) -> Result<()> {
    let account = account(store)?;
    let pending = || store.read(move |tx| deliveries::count(tx, account, State::Pending));
    let is_drained = within(DRAIN_MAX, || pending().is_ok_and(|(count, _)| count == 0));
    if is_drained { Ok(()) } else { Err(format!("{} deliveries still wait", pending()?.0).into()) }
}

fn account(store: &Store) -> Result<AccountId> {
    let login = Login::parse(&stores::login(0))?;
    Ok(store.read(move |tx| accounts::find(tx, &login))?.ok_or("the account is gone")?.id)
}
