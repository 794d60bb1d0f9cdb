//! Orders over HTTP from PostgreSQL: created and read, compared with pgbench, and listed.

use std::cell::{Cell, RefCell};

use billhook_drivers::Result;
use billhook_store::orders::FIND;

use crate::{
    fresh::{self, Asked},
    parts::orders::{
        create::{MANY, NewOrders},
        list, read,
    },
    requests,
    scene::Scene,
    table::{Pairs, Row, Target, figure},
    wrk::Goal,
};

use super::{
    Base,
    bills::{database_of, rate_of},
    durable,
    pgbench::Pgbench,
    statements::with_values,
};

pub(in crate::parts) fn measure(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    let (base, _) = Base::import(scene, 1)?;
    create(scene, &base, rows)?;
    read(scene, &base, rows)?;
    let server = scene.serve(base.store())?;
    list::of_server(scene, &server, "PostgreSQL: ", rows)?;
    server.stop()
}

/// One run of Billhook.
struct Created {
    asked: Asked,
    /// The database's processor time per order, in microseconds.
    database_us: f64,
    /// Transactions rolled back, per order.
    rolled_back: f64,
}

fn create(scene: &Scene, base: &Base, rows: &mut Vec<Row>) -> Result<()> {
    let (store, _, theirs) = base.sellers()?;
    drop(store);
    let server = scene.serve(base.store())?;
    let goal = (server.pid(), server.address()?);
    let new = RefCell::new(NewOrders::of_seller(0));
    let pgbench = Pgbench::new(scene, base, "new-orders.sql", &durable::script(base)?)?;
    let first = Cell::new(0);
    let ours = |connections| -> Result<Created> {
        let before = base.rolled_back()?;
        let next = || Some(new.borrow_mut().next());
        let (asked, spent) = base.spent(|| fresh::run(goal, connections, scene.time, next))?;
        let (rolled_back, answers) = (base.rolled_back()? - before, figure(asked.answers));
        Ok(Created { asked, database_us: spent / answers, rolled_back: rolled_back / answers })
    };
    let mut cases = [
        ("1 connection", 1, None, Pairs::new()),
        ("64 connections", MANY, Some(Target::RatioAtLeast(0.5)), Pairs::new()),
    ];
    for _ in 0..scene.rounds {
        for (_, connections, _, pairs) in &mut cases {
            let clients = u32::try_from(*connections)?;
            let variables = || durable::variables(theirs, &first, clients);
            pairs.round(|| ours(*connections), || pgbench.run(clients, variables))?;
        }
    }
    for (name, _, target, pairs) in cases {
        let name = format!("PostgreSQL: CreateOrder, {name}");
        let row = pairs.row(name, "requests/s", |ours| ours.asked.per_second, |rate| rate.per_second);
        rows.push(row.target(target).note(format!(
            "beside as many clients of pgbench with the same inserts, read committed; p50 {:.2} ms, p99 {:.2} ms; \
             Billhook spends {:.0} µs on one, the database {:.0} µs, for pgbench {:.0}; {:.3} transactions taken back \
             for each",
            pairs.ours(|ours| ours.asked.p50_ms),
            pairs.ours(|ours| ours.asked.p99_ms),
            pairs.ours(|ours| ours.asked.cpu_us),
            pairs.ours(|ours| ours.database_us),
            pairs.theirs(|rate| rate.database_us),
            pairs.ours(|ours| ours.rolled_back)
        )));
    }
    server.stop()
}

fn read(scene: &Scene, base: &Base, rows: &mut Vec<Row>) -> Result<()> {
    let server = scene.serve(base.store())?;
    let load = read::load(scene, &server)?;
    let find = with_values(&FIND, &[":account", ":number"])?;
    let script = read::Asked::new(scene.orders).script() + &find;
    let pgbench = Pgbench::new(scene, base, "one-order.sql", &script)?;
    let account = base.account(requests::LOGIN)?;
    let variables = || vec![("account", account.to_string())];
    let goal = Goal::of(&server)?;
    for connections in read::CONNECTIONS {
        let mut pairs = Pairs::new();
        for _ in 0..scene.rounds {
            load.requests.check(goal.address)?;
            pairs.round(
                || base.spent(|| scene.closed_loop(goal, &load, connections)),
                || pgbench.run(connections, variables),
            )?;
        }
        let name = format!("PostgreSQL: getOrderDetails, {connections} connections: rate");
        rows.push(pairs.row(name, "requests/s", rate_of, |rate| rate.per_second).note(format!(
            "beside as many clients of pgbench with the same statement; answers of {} bytes; Billhook spends {:.1} µs \
             on one, the database {:.1}, for pgbench {:.1}",
            load.requests.answer_bytes,
            pairs.ours(|(sample, _)| sample.cpu_us),
            pairs.ours(database_of),
            pairs.theirs(|rate| rate.database_us)
        )));
    }
    server.stop()
}

impl Base {
    /// The number of transactions rolled back so far. The database updates it within a second.
    fn rolled_back(&self) -> Result<f64> {
        let count =
            self.query("SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()")?;
        Ok(f64::from(u32::try_from(count)?))
    }
}
