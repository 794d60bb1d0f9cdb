//! Durable orders in PostgreSQL: threads on the store's interface, each of which waits until its order is kept, beside pgbench
//! with the same inserts.

use std::{cell::Cell, sync::atomic::AtomicU64};

use billhook_drivers::Result;
use billhook_store::{AccountId, Location, Store, orders::TextField};

use crate::{
    parts::{
        durable::Writers,
        orders::create::{MANY, SELLER},
    },
    scene::Scene,
    stores,
    table::{Pairs, Row, Target},
};

use super::{Base, pgbench::Pgbench, statements::statement};

/// So many numbers are set aside for one run of pgbench.
const RUN_NUMBERS: u64 = 1_000_000_000;
/// The columns of an order before its texts, as [`TextField`] has them.
const BEFORE_TEXTS: [&str; 16] = [
    ":account", ":order", EMAIL, EMAIL, ":no", ":status", ":created", ":created", ":no",
    // Handling: only its delivery is a text.
    ":no", ":no", ":no", ":empty", ":no", ":no", ":no",
];
const EMAIL: &str = "('customer' || :customer || '@example.com')";

impl Base {
    /// Makes an account for us that sells already, and one for pgbench: numbers and leaves of indexes are not those of the other side.
    pub(super) fn sellers(&self) -> Result<(Store, AccountId, i64)> {
        let store = Store::open(&Location::parse(&self.url)?)?;
        let ours = store.write(|tx| {
            let account = SELLER.add_account(tx, 0)?;
            // Products that are sold for the first time get a version, one after the other: a shop that is at work has them.
            (0..SELLER.products).try_for_each(|number| SELLER.add_order(tx, account, number))?;
            SELLER.add_account(tx, 1)?;
            Result::Ok(account)
        })?;
        Ok((store, ours, self.account(&stores::login(1))?))
    }
}

pub(super) fn measure(scene: &Scene, base: &Base, rows: &mut Vec<Row>) -> Result<()> {
    let (store, account, theirs) = base.sellers()?;
    let shop = Writers { store, account, next: AtomicU64::new(SELLER.products) };
    let pgbench = Pgbench::new(scene, base, "orders.sql", &script()?)?;
    let first = Cell::new(0);
    let mut cases = [
        ("1 writer", 1, None, Pairs::new()),
        ("64 waiting writers", MANY, Some(Target::RatioAtLeast(0.6)), Pairs::new()),
    ];
    for _ in 0..scene.rounds {
        for (_, writers, _, pairs) in &mut cases {
            let clients = u32::try_from(*writers)?;
            pairs.round(
                || base.spent(|| shop.write(*writers, scene.time)),
                || pgbench.run(clients, || variables(theirs, &first, clients)),
            )?;
        }
    }
    for (name, _, target, pairs) in cases {
        let name = format!("PostgreSQL: durable orders, {name}");
        let row = pairs.row(name, "orders/s", |((rate, _), _)| *rate, |rate| rate.per_second);
        rows.push(row.target(target).note(format!(
            "beside as many clients of pgbench with the same inserts, read committed; the database spends {:.0} µs on \
             an order, on pgbench's {:.0}",
            pairs.ours(|((_, orders), spent)| spent / orders),
            pairs.theirs(|rate| rate.database_us)
        )));
    }
    Ok(())
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

/// The variables of a run, which has numbers of its own.
pub(super) fn variables(account: i64, first: &Cell<u64>, clients: u32) -> Vec<(&'static str, String)> {
    first.set(first.get() + RUN_NUMBERS);
    vec![
        ("account", account.to_string()),
        ("first", first.get().to_string()),
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
