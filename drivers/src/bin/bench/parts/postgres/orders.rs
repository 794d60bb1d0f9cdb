//! Orders over HTTP from a store in PostgreSQL: made and read beside pgbench with the same statements, and listed.

use std::cell::{Cell, RefCell};

use billhook_store::{Location, Store};

use crate::{
    Result,
    fresh::{self, Asked},
    http::Client,
    parts::orders::{
        create::{MANY, NewOrders, SELLER, times},
        list, read,
    },
    process,
    scene::Scene,
    shop,
    stores::{self, Place},
    table::{Row, Target, median},
    wrk::{Goal, Sample},
};

use super::{
    Base, durable,
    pgbench::{Pgbench, Rate},
    statements::statement_of_orders,
};

pub(in crate::parts) fn measure(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    let (base, _) = Base::import(scene, 1)?;
    create(scene, &base, rows)?;
    read(scene, &base, rows)?;
    let server = scene.serve(Place::Database(&base.url))?;
    list::of_server(scene, &server, "PostgreSQL: ", rows)?;
    server.stop()
}

/// One pair of runs.
struct Created {
    asked: Asked,
    /// What the database spent on one, in microseconds.
    database_us: f64,
    /// Transactions that were taken back, for each order.
    rolled_back: f64,
    rate: Rate,
}

fn create(scene: &Scene, base: &Base, rows: &mut Vec<Row>) -> Result<()> {
    let store = Store::open(&Location::parse(&base.url)?)?;
    store.write(|tx| {
        let account = SELLER.add_account(tx, 0)?;
        // Products that are sold for the first time get a version, one after the other: a shop that is at work has them.
        (0..SELLER.products).try_for_each(|number| SELLER.add_order(tx, account, number))?;
        SELLER.add_account(tx, 1)?;
        Result::Ok(())
    })?;
    drop(store);
    let server = scene.serve(Place::Database(&base.url))?;
    let goal = (server.pid(), server.address()?);
    let new = RefCell::new(NewOrders::of_seller(0)?);
    let pgbench = Pgbench::new(scene, base, "new-orders.sql", &durable::script()?)?;
    // An account of its own: numbers and leaves of indexes are not those of the other side.
    let account = base.account(&stores::login(1))?;
    let first = Cell::new(0);
    let mut cases = [(1, None, Vec::new()), (MANY, Some(Target::RatioAtLeast(0.5)), Vec::new())];
    for round in 0..scene.rounds {
        for (connections, _, pairs) in &mut cases {
            let ours = || -> Result<(Asked, f64, f64)> {
                let (spent, rolled_back) = (process::family_cpu_us(base.cluster.pid())?, base.rolled_back()?);
                let asked = fresh::run(goal, *connections, scene.time, || new.borrow_mut().next().map(Some))?;
                let spent = process::family_cpu_us(base.cluster.pid())? - spent;
                let rolled_back = base.rolled_back()? - rolled_back;
                Ok((asked, spent / asked.answers, rolled_back / asked.answers))
            };
            let theirs = || {
                pgbench.run(*connections, || {
                    first.set(first.get() + durable::RUN_NUMBERS);
                    durable::variables(account, first.get(), *connections)
                })
            };
            let ((asked, database_us, rolled_back), rate) = if round % 2 == 0 {
                let rate = theirs()?;
                (ours()?, rate)
            } else {
                (ours()?, theirs()?)
            };
            pairs.push(Created { asked, database_us, rolled_back, rate });
        }
    }
    for (connections, target, pairs) in &cases {
        let of = |figure: fn(&Created) -> f64| median(pairs.iter().map(figure));
        let of_asked = |figure: fn(&Asked) -> f64| median(pairs.iter().map(|created| figure(&created.asked)));
        let row = Row::new(
            format!("PostgreSQL: CreateOrder, {}", counted(*connections)),
            of_asked(|asked| asked.per_second),
            "requests/s",
        )
        .with_ratio(
            of(|created| created.rate.per_second),
            of(|created| created.asked.per_second / created.rate.per_second),
        )
        .note(format!(
            "beside as many clients of pgbench with the same inserts, read committed; {}, the database {:.0} µs, \
             for pgbench {:.0}; {:.3} transactions taken back for each",
            times(&of_asked),
            of(|created| created.database_us),
            of(|created| created.rate.database_us),
            of(|created| created.rolled_back)
        ));
        rows.push(match target {
            Some(target) => row.target(*target),
            None => row,
        });
    }
    server.stop()
}

fn counted(connections: u32) -> String {
    format!("{connections} connection{}", if connections == 1 { "" } else { "s" })
}

fn read(scene: &Scene, base: &Base, rows: &mut Vec<Row>) -> Result<()> {
    let server = scene.serve(Place::Database(&base.url))?;
    let load = read::load(scene, &server)?;
    let asked = read::Asked::new(scene.orders);
    let script = format!(
        "\\set number 1 + {} * random(0, {})\n{}",
        asked.stride,
        asked.count - 1,
        statement_of_orders("orders.find", &[":account", ":number"].map(str::to_owned))?
    );
    let pgbench = Pgbench::new(scene, base, "one-order.sql", &script)?;
    let account = base.account(shop::LOGIN)?;
    let variables = || vec![("account", account.to_string())];
    let goal = Goal { pid: server.pid(), address: server.address()?, tls: false };
    for connections in read::CONNECTIONS {
        let mut pairs = Vec::new();
        for round in 0..scene.rounds {
            load.requests.check(Client::plain(server.address()?)?)?;
            let ours = || -> Result<(Sample, f64)> {
                let spent = process::family_cpu_us(base.cluster.pid())?;
                let sample = scene.closed_loop(goal, &load, connections)?;
                let spent = process::family_cpu_us(base.cluster.pid())? - spent;
                Ok((sample, spent / sample.requests))
            };
            let theirs = || pgbench.run(connections, variables);
            pairs.push(if round % 2 == 0 {
                let rate = theirs()?;
                (ours()?, rate)
            } else {
                (ours()?, theirs()?)
            });
        }
        let of = |figure: fn(&((Sample, f64), Rate)) -> f64| median(pairs.iter().map(figure));
        let row = Row::new(
            format!("PostgreSQL: getOrderDetails, {connections} connections: rate"),
            of(|((sample, _), _)| sample.per_second),
            "requests/s",
        );
        let row = row.with_ratio(
            of(|(_, rate)| rate.per_second),
            of(|((sample, _), rate)| sample.per_second / rate.per_second),
        );
        rows.push(row.note(format!(
            "beside as many clients of pgbench with the same statement; answers of {} bytes; Billhook spends {:.1} µs \
             on one, the database {:.1}, for pgbench {:.1}",
            load.requests.answer_bytes,
            of(|((sample, _), _)| sample.cpu_us),
            of(|((_, database_us), _)| *database_us),
            of(|(_, rate)| rate.database_us)
        )));
    }
    server.stop()
}

impl Base {
    /// How many transactions were taken back so far. The database notes it within a second.
    fn rolled_back(&self) -> Result<f64> {
        let count =
            self.query("SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()")?;
        Ok(f64::from(u32::try_from(count)?))
    }
}
