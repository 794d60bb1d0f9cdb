//! Creates and pays orders, each durable before its answer. Compared with the disk's rate of `fdatasync`.

use std::cell::RefCell;

use billhook_drivers::{Result, billhook::signed, folders};
use billhook_store::{Location, Store};
use billhook_test_kit::{Running, http::form};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    fresh::{self, Asked},
    parts::durable::Disk,
    requests,
    scene::Scene,
    stores::{self, Seller},
    table::{Pairs, Row, Target, whole},
};

/// The account for new orders, with random customers and products, so that hardly any repeats another (601).
pub(in crate::parts) const SELLER: Seller = Seller { orders: 0, customers: 250_000, products: 1000 };
pub(in crate::parts) const MANY: usize = 64;
const FIRST_SEED: u64 = 1;

/// Requests that make orders.
pub(in crate::parts) struct NewOrders {
    login: String,
    dice: StdRng,
    /// The number of the first product and of the first customer.
    first: u64,
}

impl NewOrders {
    /// In the account of [`SELLER`] with this number.
    pub(in crate::parts) fn of_seller(account: u64) -> Self {
        Self { login: stores::login(account), dice: StdRng::seed_from_u64(FIRST_SEED), first: 0 }
    }

    /// In a generated store, which has at least as many customers and products.
    fn generated() -> Self {
        Self { login: requests::LOGIN.to_owned(), first: 1, ..Self::of_seller(0) }
    }

    pub(in crate::parts) fn next(&mut self) -> Vec<u8> {
        let product = self.first + self.dice.random_range(0..SELLER.products);
        let other = self.first + self.dice.random_range(0..SELLER.products);
        let customer = self.first + self.dice.random_range(0..SELLER.customers);
        let form = form([
            ("goods[0][good_name]", format!("good-{product}").as_str()),
            ("goods[1][good_name]", &format!("good-{other}")),
            ("bill_email", &stores::email(customer)),
            ("bill_first_name", "Анна"),
            ("bill_phone", "+79001234567"),
            ("bill_domain", "shop.example.com"),
            ("utm[utm_source]", "vk"),
        ]);
        signed("CreateOrder", &self.login, &form)
    }
}

pub(super) fn measure(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    let disk = Disk::new(&scene.path("overwritten"))?;
    let empty = scene.path("orders-store");
    let first = first_orders(&empty)?;
    let full = scene.path("orders-full");
    folders::copy(&scene.store()?, &full)?;
    let (server, full_server) = (scene.serve(&empty)?, scene.serve(&full)?);
    let new = RefCell::new(NewOrders::of_seller(0));
    let into_full = RefCell::new(NewOrders::generated());
    let create = |server: &Running, new: &RefCell<NewOrders>, connections| -> Result<Asked> {
        let goal = (server.pid(), server.address()?);
        fresh::run(goal, connections, scene.time, || Some(new.borrow_mut().next()))
    };
    let syncs = || disk.syncs_a_second(scene.time);
    // Each payment is for another of the existing orders.
    let (mut next, mut end) = (first, first);
    let [mut one, mut many, mut full, mut paid] = std::array::from_fn(|_| Pairs::new());
    for _ in 0..scene.rounds {
        one.round(|| create(&server, &new, 1).inspect(|asked| end += asked.answers), syncs)?;
        many.round(|| create(&server, &new, MANY).inspect(|asked| end += asked.answers), syncs)?;
        full.round(|| create(&full_server, &into_full, MANY), syncs)?;
        let pay = || {
            let form = format!("bill_id={next}&status=paid&date=1767225600");
            next += 1;
            (next <= end).then(|| signed("UpdateOrderStatus", &stores::login(0), &form))
        };
        let goal = (server.pid(), server.address()?);
        paid.round(|| fresh::run(goal, MANY, scene.time, pay), syncs)?;
    }
    let mut row = |name: &str, pairs: &Pairs<Asked, f64>, target: Option<Target>| {
        let row = pairs.row(name, "requests/s", |asked| asked.per_second, |syncs| *syncs);
        rows.push(row.target(target).note(format!("beside the disk's fdatasync rate; {}", times(pairs))));
    };
    row("CreateOrder, 1 connection", &one, None);
    row(&format!("CreateOrder, {MANY} connections"), &many, Some(Target::RatioAtLeast(1.2)));
    row(&format!("CreateOrder beside {} orders, {MANY} connections", whole(scene.orders)), &full, None);
    row(&format!("UpdateOrderStatus paid, {MANY} connections"), &paid, None);
    server.stop()?;
    full_server.stop()
}

/// Makes the account and its products' first orders, which cost more. Returns the next number.
pub(in crate::parts) fn first_orders(folder: &std::path::Path) -> Result<u64> {
    let store = Store::open(&Location::folder(folder))?;
    store.write(|tx| {
        let account = SELLER.add_account(tx, 0)?;
        (0..SELLER.products).try_for_each(|number| SELLER.add_order(tx, account, number))
    })?;
    Ok(1 + SELLER.products)
}

/// More figures of the runs.
pub(in crate::parts) fn times<B>(pairs: &Pairs<Asked, B>) -> String {
    format!(
        "p50 {:.2} ms, p99 {:.2} ms; Billhook spends {:.0} µs on one",
        pairs.ours(|asked| asked.p50_ms),
        pairs.ours(|asked| asked.p99_ms),
        pairs.ours(|asked| asked.cpu_us)
    )
}
