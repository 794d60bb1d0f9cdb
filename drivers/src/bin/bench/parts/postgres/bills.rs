//! GetBills from PostgreSQL: over HTTP, compared with its statement in pgbench, and from several nodes.

use std::thread;

use billhook_drivers::Result;
use billhook_store::orders::BILLS_OF;
use billhook_test_kit::Running;

use crate::{
    parts::orders::read::{Asked, CONNECTIONS},
    requests::{self, Customer, Kind},
    scene::{Load, Scene},
    table::{Pairs, Row, Target, whole},
    wrk::{self, Goal, Sample},
};

use super::{Base, pgbench::Pgbench, statements::with_values};

const NODES: u32 = 3;
/// The number of connections of all nodes together.
const OF_NODES: u32 = 63;

pub(super) fn measure(scene: &Scene, base: &Base, rows: &mut Vec<Row>) -> Result<()> {
    let server = scene.serve(base.store())?;
    let asked = Asked::new(scene.customers);
    let load = scene.load(Kind::Right, &customers(asked), &server)?;
    let values = [":account", "('customer' || :number || '@example.com')"];
    let script = asked.script() + &with_values(&BILLS_OF, &values)?;
    let pgbench = Pgbench::new(scene, base, "bills.sql", &script)?;
    let account = base.account(requests::LOGIN)?;
    let variables = || vec![("account", account.to_string())];
    let mut cases = CONNECTIONS.map(|connections| (connections, Pairs::new()));
    for _ in 0..scene.rounds {
        for (connections, pairs) in &mut cases {
            load.requests.check(server.address()?)?;
            let goal = Goal::of(&server)?;
            pairs.round(
                || base.spent(|| scene.closed_loop(goal, &load, *connections)),
                || pgbench.run(*connections, variables),
            )?;
        }
    }
    for (connections, pairs) in &cases {
        let name = format!("PostgreSQL: GetBills, {connections} connections");
        let rate = pairs.row(format!("{name}: rate"), "requests/s", rate_of, |rate| rate.per_second);
        rows.push(rate.target(Target::RatioAtLeast(0.7)).note(format!(
            "beside as many clients of pgbench with the same statement (generic plans, e-mails put together by the \
             database from a number), both about {} customers; wrk leaves out those without orders",
            whole(asked.count)
        )));
        let ours = pairs.ours(|(sample, _)| sample.cpu_us);
        rows.push(Row::new(format!("{name}: processor time of Billhook"), ours, "µs/request"));
        let name = format!("{name}: processor time of the database");
        let database = pairs.row(name, "µs/request", database_of, |rate| rate.database_us);
        rows.push(database.note("all its processes; pgbench's without what connecting costs"));
    }
    server.stop()
}

/// A run of wrk, and the database's processor time.
pub(super) type Ours = (Sample, f64);

pub(super) fn rate_of((sample, _): &Ours) -> f64 {
    sample.per_second
}

/// The database's processor time per request.
pub(super) fn database_of((sample, spent): &Ours) -> f64 {
    spent / sample.requests
}

/// Compares several nodes on one store with a single node.
pub(super) fn measure_nodes(scene: &Scene, base: &Base, rows: &mut Vec<Row>) -> Result<()> {
    let nodes = (0..NODES).map(|_| scene.serve(base.store())).collect::<Result<Vec<_>>>()?;
    let first = nodes.first().ok_or("no node")?;
    let load = scene.load(Kind::Right, &customers(Asked::new(scene.customers)), first)?;
    let mut pairs = Pairs::new();
    for _ in 0..scene.rounds {
        for node in &nodes {
            load.requests.check(node.address()?)?;
        }
        pairs.round(
            || together(scene, &nodes, &load),
            || Ok(scene.closed_loop(Goal::of(first)?, &load, OF_NODES)?.per_second),
        )?;
    }
    let name = format!("PostgreSQL: GetBills from {NODES} nodes, {OF_NODES} connections: rate");
    rows.push(pairs.row(name, "requests/s", |all| *all, |one| *one).note(format!(
        "beside one node; a third of the connections to each, from one wrk of one thread each at the same time \
         (one node: {} threads); nodes, database and wrk share the processors",
        wrk::THREADS
    )));
    nodes.into_iter().try_for_each(Running::stop)
}

/// Loads all nodes at the same time, and returns the sum of their rates.
fn together(scene: &Scene, nodes: &[Running], load: &Load) -> Result<f64> {
    thread::scope(|scope| {
        let run = |node| scene.closed_loop_from(1, Goal::of(node)?, load, OF_NODES / NODES);
        let loads: Vec<_> = nodes.iter().map(|node| scope.spawn(move || run(node))).collect();
        loads
            .into_iter()
            .try_fold(0.0, |sum, load| Ok(sum + load.join().map_err(|_| "a load panicked")??.per_second))
    })
}

fn customers(asked: Asked) -> Vec<Customer> {
    asked.numbers().map(requests::customer).collect()
}
