//! Making orders and paying for them, each durable before its answer, beside the disk's own rate of `fdatasync`.

use std::cell::RefCell;

use billhook_store::{Location, Store};
use billhook_wire::{Key, query};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    Result,
    fresh::{self, Asked},
    parts::durable::Disk,
    process::Running,
    scene::Scene,
    shop,
    stores::{self, Seller},
    table::{Row, Target, median, whole},
};

/// Whose orders they are. A customer is drawn for each, and two products: so nearly no order is the same as another one (601).
pub(in crate::parts) const SELLER: Seller = Seller { orders: 0, customers: 250_000, products: 1000 };
pub(in crate::parts) const MANY: u32 = 64;
const FIRST_SEED: u64 = 1;

/// Requests to make orders.
pub(in crate::parts) struct NewOrders {
    login: String,
    key: Key,
    dice: StdRng,
    /// The number of the first product and of the first customer.
    first: u64,
}

impl NewOrders {
    /// In the account of [`SELLER`] of a number.
    pub(in crate::parts) fn of_seller(account: u64) -> Result<Self> {
        Ok(Self {
            login: stores::login(account),
            key: Key::parse(shop::KEY)?,
            dice: StdRng::seed_from_u64(FIRST_SEED),
            first: 0,
        })
    }

    /// In a generated store, which has at least as many customers and products.
    fn generated() -> Result<Self> {
        Ok(Self { login: shop::LOGIN.to_owned(), first: 1, ..Self::of_seller(0)? })
    }

    pub(in crate::parts) fn next(&mut self) -> Result<Vec<u8>> {
        let product = self.first + self.dice.random_range(0..SELLER.products);
        let other = self.first + self.dice.random_range(0..SELLER.products);
        let customer = self.first + self.dice.random_range(0..SELLER.customers);
        let mut form = Vec::with_capacity(512);
        for (name, text) in [
            ("goods%5B0%5D%5Bgood_name%5D", format!("good-{product}")),
            ("goods%5B1%5D%5Bgood_name%5D", format!("good-{other}")),
            ("bill_email", stores::email(customer)),
            ("bill_first_name", "Анна".to_owned()),
            ("bill_phone", "+79001234567".to_owned()),
            ("bill_domain", "shop.example.com".to_owned()),
            ("utm%5Butm_source%5D", "vk".to_owned()),
        ] {
            if !form.is_empty() {
                form.push(b'&');
            }
            form.extend_from_slice(name.as_bytes());
            form.push(b'=');
            query::encode(text.as_bytes(), &mut form);
        }
        shop::signed("CreateOrder", &self.login, form, &self.key, false)
    }
}

/// What came of one case: the disk's rate, and ours.
type Pairs = Vec<(f64, Asked)>;

pub(super) fn measure(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    let disk = Disk::new(&scene.path("overwritten"))?;
    let empty = scene.path("orders-store");
    let first = first_orders(&empty)?;
    let full = scene.path("orders-full");
    stores::copy(&scene.store()?, &full)?;
    let (server, full_server) = (scene.serve(&empty)?, scene.serve(&full)?);
    let new = RefCell::new(NewOrders::of_seller(0)?);
    let into_full = RefCell::new(NewOrders::generated()?);
    let create = |server: &Running, new: &RefCell<NewOrders>, connections| -> Result<(f64, Asked)> {
        let goal = (server.pid(), server.address()?);
        let syncs = disk.syncs_a_second(scene.time)?;
        Ok((syncs, fresh::run(goal, connections, scene.time, || new.borrow_mut().next().map(Some))?))
    };
    let mut payments = Payments { key: Key::parse(shop::KEY)?, next: first, end: first };
    let [mut one, mut many, mut full, mut paid]: [Pairs; 4] = Default::default();
    for _ in 0..scene.rounds {
        one.push(create(&server, &new, 1)?);
        many.push(create(&server, &new, MANY)?);
        full.push(create(&full_server, &into_full, MANY)?);
        payments.end = first + count(&one) + count(&many);
        paid.push(payments.run(scene, &disk, &server)?);
    }
    rows.push(row("CreateOrder, 1 connection", &one));
    rows.push(row(&format!("CreateOrder, {MANY} connections"), &many).target(Target::RatioAtLeast(1.2)));
    let orders = whole(scene.orders);
    rows.push(row(&format!("CreateOrder beside {orders} orders, {MANY} connections"), &full));
    rows.push(row(&format!("UpdateOrderStatus paid, {MANY} connections"), &paid));
    server.stop()?;
    full_server.stop()
}

/// Makes the seller's account, and orders of all its products: one that is sold for the first time costs more. Gives the next number.
fn first_orders(folder: &std::path::Path) -> Result<u64> {
    let store = Store::open(&Location::folder(folder))?;
    store.write(|tx| {
        let account = SELLER.add_account(tx, 0)?;
        (0..SELLER.products).try_for_each(|number| SELLER.add_order(tx, account, number))
    })?;
    Ok(1 + SELLER.products)
}

/// Payments for orders that were made before, each for another one.
struct Payments {
    key: Key,
    next: u64,
    end: u64,
}

impl Payments {
    fn run(&mut self, scene: &Scene, disk: &Disk, server: &Running) -> Result<(f64, Asked)> {
        let syncs = disk.syncs_a_second(scene.time)?;
        let paid = fresh::run((server.pid(), server.address()?), MANY, scene.time, || {
            if self.next == self.end {
                return Ok(None);
            }
            let form = format!("bill_id={}&status=paid&date=1767225600", self.next);
            self.next += 1;
            shop::signed("UpdateOrderStatus", &stores::login(0), form.into_bytes(), &self.key, false)
                .map(Some)
        });
        Ok((syncs, paid?))
    }
}

/// How many orders there are of it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of answers")]
fn count(pairs: &Pairs) -> u64 {
    pairs.iter().map(|(_, asked)| asked.answers as u64).sum()
}

fn row(name: &str, pairs: &Pairs) -> Row {
    let of = |figure: fn(&Asked) -> f64| median(pairs.iter().map(|(_, asked)| figure(asked)));
    let ratio = median(pairs.iter().map(|(syncs, asked)| asked.per_second / syncs));
    Row::new(name, of(|asked| asked.per_second), "requests/s")
        .with_ratio(median(pairs.iter().map(|(syncs, _)| *syncs)), ratio)
        .note(format!("beside the disk's fdatasync rate; {}", times(&of)))
}

/// What else is to be told of a run.
pub(in crate::parts) fn times(of: &dyn Fn(fn(&Asked) -> f64) -> f64) -> String {
    format!(
        "p50 {:.2} ms, p99 {:.2} ms; Billhook spends {:.0} µs on one",
        of(|asked| asked.p50_ms),
        of(|asked| asked.p99_ms),
        of(|asked| asked.cpu_us)
    )
}
