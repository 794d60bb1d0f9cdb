//! The cost of GetBills in other stores, with many accounts, and for a customer with very many orders.

use billhook_drivers::Result;
use billhook_test_kit::Running;
use rand::RngExt as _;

use crate::{
    requests::{self, Customer, Kind},
    scene::{Load, Scene},
    stores::{self, Seller},
    table::{Row, Target, figure, median, whole},
    wrk::{Goal, Sample},
};

const CONNECTIONS: u32 = 16;
/// The number of orders in the stores with one and with many accounts.
const SPREAD_ORDERS: u64 = 200_000;
const MANY_ACCOUNTS: u64 = 10_000;
const HUGE_ORDERS: u64 = 10_000_000;
/// The number of orders of the customer with very many.
const MANY_ORDERS: u64 = 10_000;

/// A server with its store and its load.
struct Served {
    orders_or_accounts: u64,
    server: Running,
    load: Load,
    samples: Vec<Sample>,
}

pub(crate) fn measure(scene: &Scene, huge: bool, rows: &mut Vec<Row>) -> Result<()> {
    by_orders(scene, huge, rows)?;
    by_accounts(scene, rows)?;
    many_orders(scene, rows)
}

fn by_orders(scene: &Scene, huge: bool, rows: &mut Vec<Row>) -> Result<()> {
    let mut sizes = vec![10_000, 100_000, 1_000_000];
    sizes.retain(|size| *size <= scene.orders);
    if huge {
        sizes.push(HUGE_ORDERS);
    }
    let mut served = Vec::new();
    for orders in sizes {
        let customers = orders / 4;
        served.push(Served::new(
            scene,
            orders,
            scene.serve(&scene.generated(orders, customers)?)?,
            &requests::generated(customers),
        )?);
    }
    run(scene, &mut served)?;
    report(&served, "orders in the store", HUGE_ORDERS, 1.5, rows)
}

fn by_accounts(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    let mut served = Vec::new();
    let orders = SPREAD_ORDERS.min(scene.orders);
    for accounts in [1, 1_000, MANY_ACCOUNTS] {
        let orders = (orders / accounts).max(2);
        let seller = Seller {
            orders,
            customers: (orders / 4).max(1),
            // A larger seller has more products.
            products: (orders / 2).clamp(1, 1_000),
        };
        let name = format!("accounts-{accounts}-{orders}");
        let store = scene.stores.made(&name, |folder| seller.fill(folder, accounts))?;
        let customers: Vec<Customer> = requests::drawn(|dice| {
            let account = stores::login(dice.random_range(0..accounts));
            (account, stores::email(dice.random_range(0..seller.customers)))
        });
        served.push(Served::new(scene, accounts, scene.serve(&store)?, &customers)?);
    }
    run(scene, &mut served)?;
    report(&served, "accounts in the store", MANY_ACCOUNTS, 1.1, rows)
}

fn many_orders(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    let store = scene.generated(MANY_ORDERS, 1)?;
    let mut of_one = [Served::new(scene, MANY_ORDERS, scene.serve(&store)?, &[requests::customer(1)])?];
    run(scene, &mut of_one)?;
    let [served] = of_one;
    let bytes = served.load.requests.answer_bytes;
    let floor = scene.floor(&[bytes])?;
    let floor_us = scene.closed_loop(Goal::of(&floor)?, &served.load, CONNECTIONS)?.cpu_us;
    let row = Row::new("GetBills for a customer with 10,000 orders", served.cpu_us(), "µs/request");
    let an_order = served.cpu_us() / figure(MANY_ORDERS);
    rows.push(row.beside(floor_us).note(format!("{bytes} bytes; {an_order:.2} µs an order")));
    Ok(())
}

/// Measures all of them in turns.
fn run(scene: &Scene, served: &mut [Served]) -> Result<()> {
    for _ in 0..scene.rounds {
        for store in &mut *served {
            store.samples.push(scene.closed_loop(Goal::of(&store.server)?, &store.load, CONNECTIONS)?);
        }
    }
    Ok(())
}

/// Compares each with the first. The target is for the one of size `aimed_at`.
fn report(
    served: &[Served],
    of_what: &str,
    aimed_at: u64,
    ratio_at_most: f64,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let first = served.first().ok_or("no store is small enough: give more --orders")?;
    for store in served {
        let name = format!("GetBills, {of_what}: {}", whole(store.orders_or_accounts));
        let row = Row::new(name, store.cpu_us(), "µs/request").beside(first.cpu_us());
        let row = row.note(format!("beside the smallest; {} bytes", store.load.requests.answer_bytes));
        let is_aimed_at = store.orders_or_accounts == aimed_at;
        rows.push(row.target(is_aimed_at.then_some(Target::RatioAtMost(ratio_at_most))));
    }
    Ok(())
}

impl Served {
    fn new(scene: &Scene, orders_or_accounts: u64, server: Running, customers: &[Customer]) -> Result<Self> {
        let load = scene.load(Kind::Right, customers, &server)?;
        Ok(Self { orders_or_accounts, server, load, samples: Vec::new() })
    }

    fn cpu_us(&self) -> f64 {
        median(self.samples.iter().map(|sample| sample.cpu_us))
    }
}
