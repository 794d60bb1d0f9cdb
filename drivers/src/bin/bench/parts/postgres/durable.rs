//! Durable orders in PostgreSQL: threads on the store's interface, each of which waits until its order is kept, beside pgbench
//! with the same inserts.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

use billhook_store::{AccountId, Location, Store, orders::TextField};

use crate::{
    Result,
    parts::orders::create::SELLER,
    process,
    scene::Scene,
    stores,
    table::{Row, Target, figure, median},
};

use super::{
    Base,
    pgbench::{Pgbench, Rate},
    statements::statement,
};

/// So many numbers are set aside for one run of pgbench.
pub(super) const RUN_NUMBERS: u64 = 1_000_000_000;
/// The columns of an order before its texts, as [`TextField`] has them.
const BEFORE_TEXTS: [&str; 16] = [
    ":account", ":order", EMAIL, EMAIL, ":no", ":status", ":created", ":created", ":no",
    // Handling: only its delivery is a text.
    ":no", ":no", ":no", ":empty", ":no", ":no", ":no",
];
const EMAIL: &str = "('customer' || :customer || '@example.com')";

/// Ours, and what the database spent on an order; pgbench's.
type Pair = (f64, f64, Rate);

pub(super) fn measure(scene: &Scene, base: &Base, rows: &mut Vec<Row>) -> Result<()> {
    let store = Store::open(&Location::parse(&base.url)?)?;
    let account = store.write(|tx| {
        let account = SELLER.add_account(tx, 0)?;
        // Products that are sold for the first time get a version, one after the other: a shop that is at work has them.
        (0..SELLER.products).try_for_each(|number| SELLER.add_order(tx, account, number))?;
        SELLER.add_account(tx, 1)?;
        Result::Ok(account)
    })?;
    let ours = Ours { store, account, next: AtomicU64::new(SELLER.products) };
    let pgbench = Pgbench::new(scene, base, "orders.sql", &script()?)?;
    // An account of its own: numbers and leaves of indexes are not those of the other side.
    let account = base.account(&stores::login(1))?;
    let first = Cell::new(0);
    let mut cases = [
        ("1 writer", 1, None, Vec::new()),
        ("64 waiting writers", 64, Some(Target::RatioAtLeast(0.6)), Vec::new()),
    ];
    for round in 0..scene.rounds {
        for (_, writers, _, pairs) in &mut cases {
            let ours = || ours.write(scene, base, *writers);
            let theirs = || {
                pgbench.run(*writers, || {
                    first.set(first.get() + RUN_NUMBERS);
                    variables(account, first.get(), *writers)
                })
            };
            let ((per_second, database_us), rate) = if round % 2 == 0 {
                let rate = theirs()?;
                (ours()?, rate)
            } else {
                (ours()?, theirs()?)
            };
            pairs.push((per_second, database_us, rate));
        }
    }
    for (name, _, target, pairs) in &cases {
        report(name, *target, pairs, rows);
    }
    Ok(())
}

fn report(name: &str, target: Option<Target>, pairs: &[Pair], rows: &mut Vec<Row>) {
    let of = |figure: fn(&Pair) -> f64| median(pairs.iter().map(figure));
    let row = Row::new(format!("PostgreSQL: durable orders, {name}"), of(|pair| pair.0), "orders/s")
        .with_ratio(of(|pair| pair.2.per_second), of(|pair| pair.0 / pair.2.per_second))
        .note(format!(
            "beside as many clients of pgbench with the same inserts, read committed; the database spends {:.0} µs on \
             an order, on pgbench's {:.0}",
            of(|pair| pair.1),
            of(|pair| pair.2.database_us)
        ));
    rows.push(match target {
        Some(target) => row.target(target),
        None => row,
    });
}

/// Writers on the store's interface, in an account of their own.
struct Ours {
    store: Store,
    account: AccountId,
    next: AtomicU64,
}

impl Ours {
    /// Orders a second from so many writers, and what the database spent on each, in microseconds.
    fn write(&self, scene: &Scene, base: &Base, writers: u32) -> Result<(f64, f64)> {
        let account = self.account;
        let spent_before = process::family_cpu_us(base.cluster.pid())?;
        let before = self.next.load(Ordering::Relaxed);
        let begun = Instant::now();
        thread::scope(|scope| {
            let writers: Vec<_> = (0..writers)
                .map(|_| {
                    scope.spawn(|| -> Result<()> {
                        while begun.elapsed() < scene.time {
                            let number = self.next.fetch_add(1, Ordering::Relaxed);
                            self.store.write(move |tx| SELLER.add_order(tx, account, number))?;
                        }
                        Ok(())
                    })
                })
                .collect();
            writers.into_iter().try_for_each(|writer| writer.join().map_err(|_| "a writer panicked")?)
        })?;
        let seconds = begun.elapsed().as_secs_f64();
        let orders = figure(self.next.load(Ordering::Relaxed) - before);
        let spent = process::family_cpu_us(base.cluster.pid())? - spent_before;
        Ok((orders / seconds, spent / orders))
    }
}

/// One order as `Seller::add_order` makes it. Numbers of all clients grow together, as those of one shop do.
pub(super) fn script() -> Result<String> {
    let order = BEFORE_TEXTS.map(str::to_owned).into_iter().chain(TextField::ALL.map(|field| {
        let value = match field {
            TextField::FirstName => ":name",
            TextField::Phone => ":phone",
            TextField::UtmSource => ":source",
            _ => ":empty",
        };
        value.to_owned()
    }));
    let line = |position, version| {
        [":account", EMAIL, ":order", position, ":status", version, ":sum", ":sum", ":empty", ":no", ":no"]
            .map(str::to_owned)
    };
    let settings = "\\set order :first + :done * :clients + :client_id\n\
                    \\set done :done + 1\n\
                    \\set customer random(0, 249999)\n\
                    \\set version random(1, 999)\n\
                    \\set other :version + 1\n\
                    \\if :done = 1\nSELECT '' AS empty \\gset\n\\endif\n";
    let order = statement("orders.add_order", &order.collect::<Vec<_>>())?;
    let one = statement("orders.add_line", &line(":no", ":version"))?;
    let other = statement("orders.add_line", &line(":yes", ":other"))?;
    Ok(format!("{settings}BEGIN;\n{order}{one}{other}COMMIT;\n"))
}

pub(super) fn variables(account: i64, first: u64, clients: u32) -> Vec<(&'static str, String)> {
    vec![
        ("account", account.to_string()),
        ("first", first.to_string()),
        ("clients", clients.to_string()),
        ("done", "0".to_owned()),
        ("status", "paid".to_owned()),
        ("created", "1767225600".to_owned()),
        ("no", "0".to_owned()),
        ("yes", "1".to_owned()),
        ("sum", "390000".to_owned()),
        ("name", "Анна".to_owned()),
        ("phone", "+79001234567".to_owned()),
        ("source", "vk".to_owned()),
    ]
}
