//! GetBills from a store in PostgreSQL: over HTTP, beside its one statement from pgbench; and from several nodes.

use std::thread;

use rand::{SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

use crate::{
    Result,
    http::Client,
    process::{self, Running},
    scene::{Load, Scene},
    shop::{self, Customer, Kind},
    stores::Place,
    table::{Row, Target, median},
    wrk::{self, Goal, Sample},
};

use super::{
    Base,
    pgbench::{Pgbench, Rate},
    statements::statement,
};

/// How many customers are asked about, if there are as many.
const ASKED: u64 = 20_000;
const NODES: u32 = 3;
/// How many connections all nodes together have.
const CONNECTIONS: u32 = 63;

/// The customers that both sides ask about. Generated ones have numbers from 1 on; these lie evenly among them, so that a
/// script of pgbench, which can draw numbers but no texts, draws from the same.
#[derive(Clone, Copy)]
struct Asked {
    count: u64,
    stride: u64,
}

/// One pair: wrk's with what the database spent on a request, pgbench's.
type Pair = (Sample, f64, Rate);

pub(super) fn measure(scene: &Scene, base: &Base, rows: &mut Vec<Row>) -> Result<()> {
    let server = scene.serve(Place::Database(&base.url))?;
    let asked = Asked::new(scene.customers);
    let load = scene.load(Kind::Right, &asked.customers(), &server)?;
    let values = [":account", "('customer' || :number || '@example.com')"].map(str::to_owned);
    let script = format!(
        "\\set number 1 + {} * random(0, {})\n{}",
        asked.stride,
        asked.count - 1,
        statement("orders.bills_of", &values)?
    );
    let pgbench = Pgbench::new(scene, base, "bills.sql", &script)?;
    let account = base.account(shop::LOGIN)?;
    let variables = || vec![("account", account.to_string())];
    let mut cases = [(16, Vec::new()), (64, Vec::new())];
    for round in 0..scene.rounds {
        for (connections, pairs) in &mut cases {
            load.requests.check(Client::plain(server.address()?)?)?;
            let ours = || ask(scene, base, &server, &load, *connections);
            let theirs = || pgbench.run(*connections, variables);
            let ((sample, database_us), rate) = if round % 2 == 0 {
                let rate = theirs()?;
                (ours()?, rate)
            } else {
                (ours()?, theirs()?)
            };
            pairs.push((sample, database_us, rate));
        }
    }
    for (connections, pairs) in &cases {
        report(*connections, pairs, asked, rows);
    }
    server.stop()
}

/// Loads the server; gives also what the database spent on a request, in microseconds.
fn ask(scene: &Scene, base: &Base, server: &Running, load: &Load, connections: u32) -> Result<(Sample, f64)> {
    let before = process::family_cpu_us(base.cluster.pid())?;
    let sample = scene.closed_loop(goal(server)?, load, connections)?;
    let spent = process::family_cpu_us(base.cluster.pid())? - before;
    Ok((sample, spent / sample.requests))
}

fn report(connections: u32, pairs: &[Pair], asked: Asked, rows: &mut Vec<Row>) {
    let name = format!("PostgreSQL: GetBills, {connections} connections");
    let of = |figure: fn(&Pair) -> f64| median(pairs.iter().map(figure));
    let rate = Row::new(format!("{name}: rate"), of(|(sample, ..)| sample.per_second), "requests/s")
        .with_ratio(
            of(|(_, _, rate)| rate.per_second),
            of(|(sample, _, rate)| sample.per_second / rate.per_second),
        )
        .target(Target::RatioAtLeast(0.7));
    rows.push(rate.note(format!(
        "beside as many clients of pgbench with the same statement (generic plans, e-mails put together by the \
         database from a number), both about {} customers; wrk leaves out those without orders",
        crate::table::whole(asked.count)
    )));
    rows.push(Row::new(
        format!("{name}: processor time of Billhook"),
        of(|(sample, ..)| sample.cpu_us),
        "µs/request",
    ));
    let database = Row::new(
        format!("{name}: processor time of the database"),
        of(|(_, database_us, _)| *database_us),
        "µs/request",
    );
    rows.push(
        database
            .with_ratio(
                of(|(_, _, rate)| rate.database_us),
                of(|(_, database_us, rate)| database_us / rate.database_us),
            )
            .note("all its processes; pgbench's without what connecting costs"),
    );
}

/// Measures several nodes of one store beside one.
pub(super) fn measure_nodes(scene: &Scene, base: &Base, rows: &mut Vec<Row>) -> Result<()> {
    let nodes = (0..NODES).map(|_| scene.serve(Place::Database(&base.url))).collect::<Result<Vec<_>>>()?;
    let first = nodes.first().ok_or("no node")?;
    let customers = Asked::new(scene.customers).customers();
    let load = scene.load(Kind::Right, &customers, first)?;
    let mut pairs = Vec::new();
    for round in 0..scene.rounds {
        for node in &nodes {
            load.requests.check(Client::plain(node.address()?)?)?;
        }
        let one = || Ok(scene.closed_loop(goal(first)?, &load, CONNECTIONS)?.per_second);
        let all = || together(scene, &nodes, &load);
        pairs.push(if round % 2 == 0 {
            let one: Result<f64> = one();
            (all()?, one?)
        } else {
            (all()?, one()?)
        });
    }
    let row = Row::new(
        format!("PostgreSQL: GetBills from {NODES} nodes, {CONNECTIONS} connections: rate"),
        median(pairs.iter().map(|(all, _)| *all)),
        "requests/s",
    );
    let one = median(pairs.iter().map(|(_, one)| *one));
    rows.push(row.with_ratio(one, median(pairs.iter().map(|(all, one)| all / one))).note(format!(
        "beside one node; a third of the connections to each, from one wrk of one thread each at the same time \
         (one node: {} threads); nodes, database and wrk share the processors",
        wrk::THREADS
    )));
    nodes.into_iter().try_for_each(Running::stop)
}

/// Loads all nodes at the same time; gives the sum of their rates.
fn together(scene: &Scene, nodes: &[Running], load: &Load) -> Result<f64> {
    thread::scope(|scope| {
        let loads: Vec<_> = nodes
            .iter()
            .map(|node| {
                scope.spawn(move || scene.closed_loop_from(1, goal(node)?, load, CONNECTIONS / NODES))
            })
            .collect();
        loads.into_iter().try_fold(0.0, |sum, load| {
            let sample = load.join().map_err(|_| "a load panicked")??;
            Ok(sum + sample.per_second)
        })
    })
}

fn goal(server: &Running) -> Result<Goal> {
    Ok(Goal { pid: server.pid(), address: server.address()?, tls: false })
}

impl Asked {
    fn new(customers: u64) -> Self {
        let count = customers.clamp(1, ASKED);
        Self { count, stride: (customers / count).max(1) }
    }

    /// All of them, in an order that is nobody's, the same every time.
    fn customers(self) -> Vec<Customer> {
        let mut places: Vec<u64> = (0..self.count).collect();
        places.shuffle(&mut StdRng::seed_from_u64(1));
        let customer =
            |place| (shop::LOGIN.to_owned(), format!("customer{}@example.com", 1 + self.stride * place));
        places.into_iter().map(customer).collect()
    }
}
