//! Durable orders in PostgreSQL: threads add orders through the store's interface, and each waits until its
//! order is durable. Compared with pgbench and the same inserts.

use std::{cell::Cell, sync::atomic::AtomicU64};

use billhook_drivers::Result;
use billhook_store::{
    AccountId, Location, Store,
    orders::{ADD_LINE, ADD_ORDER},
};

use crate::{
    parts::{
        durable::Writers,
        orders::create::{MANY, SELLER},
    },
    scene::Scene,
    stores,
    table::{Pairs, Row, Target},
};

use super::{Base, pgbench::Pgbench, statements::insert};

/// How many order numbers one run of pgbench gets.
const RUN_NUMBERS: u64 = 1_000_000_000;
impl Base {
    /// Makes an account for Billhook and one for pgbench, so that they share no numbers and index pages.
    pub(super) fn sellers(&self) -> Result<(Store, AccountId, i64)> {
        let store = Store::open(&Location::parse(&self.url)?)?;
        let ours = store.write(|tx| {
            let account = SELLER.add_account(tx, 0)?;
            // A product's first order makes a version, one after another. A real shop has them already.
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
    let pgbench = Pgbench::new(scene, base, "orders.sql", &script(base)?)?;
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

/// One order as `Seller::add_order` makes it. All clients share one sequence of numbers, as in one shop.
pub(super) fn script(base: &Base) -> Result<String> {
    let texts = "SELECT column_name FROM information_schema.columns \
                 WHERE data_type = 'text' AND table_name IN ('orders', 'order_lines')";
    let texts = base.cluster.sql(&base.url, texts)?;
    let value = |column: &str| match column {
        "account_id" => ":account",
        "order_id" => ":order",
        "email" | "email_key" => "('customer' || :customer || '@example.com')",
        "pay_status" => ":status",
        "created" | "paid" => ":created",
        "first_name" => ":name",
        "phone" => ":phone",
        "utm_source" => ":source",
        "sum" | "price" => ":sum",
        text if texts.lines().any(|known| known == text) => ":empty",
        _ => ":no",
    };
    let line = |position: &'static str, version: &'static str| {
        insert(&ADD_LINE, |column| match column {
            "position" => position,
            "version_id" => version,
            other => value(other),
        })
    };
    let settings = "\\set order :first + :done * :clients + :client_id\n\
                    \\set done :done + 1\n\
                    \\set customer random(0, 249999)\n\
                    \\set version random(1, 999)\n\
                    \\set other :version + 1\n\
                    \\if :done = 1\nSELECT '' AS empty \\gset\n\\endif\n";
    let order = insert(&ADD_ORDER, value)?;
    let (one, other) = (line(":no", ":version")?, line(":yes", ":other")?);
    Ok(format!("{settings}BEGIN;\n{order}{one}{other}COMMIT;\n"))
}

/// The variables of a run, with its own range of numbers.
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
