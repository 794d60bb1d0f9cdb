//! A store on a disk that can fail, and its seller.

pub(crate) mod damage;
pub(crate) mod faults;
pub(crate) mod power_loss;

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use billhook_drivers::{Result, billhook::Billhook};
use billhook_test_kit::{Running, Store};
use serde_json::json;

use crate::{
    disk::Disk,
    export::{self, Shown},
    load::{Caller, End},
    record::{Change, Coupon, Draft, Edition, Order, Record},
    seller::{self, FOR_ALL, GOODS, LOGIN},
    tally::Tally,
    verify,
};

/// The number of a store's pin codes.
const PINCODES: usize = 5000;

/// A data folder on a disk.
pub(crate) struct DataDisk {
    billhook: Billhook,
    pub(crate) disk: Disk,
    /// A folder that does not fail.
    place: tempfile::TempDir,
    pub(crate) record: Record,
    pub(crate) coupons: Vec<Arc<Coupon>>,
    asked: u32,
}

impl DataDisk {
    /// On a new disk, without a store.
    pub(crate) fn new(billhook: Billhook) -> Result<Self> {
        let place = tempfile::tempdir()?;
        let mounted = place.path().join("mounted");
        fs::create_dir(&mounted)?;
        let disk = Disk::new(&mounted)?;
        Ok(Self { billhook, disk, place, record: Record::default(), coupons: Vec::new(), asked: 0 })
    }

    /// A path on the disk.
    pub(crate) fn on_disk(&self, name: &str) -> PathBuf {
        self.disk.path().join(name)
    }

    /// A path in a folder that does not fail.
    pub(crate) fn elsewhere(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.on_disk("data")
    }

    fn store(&self) -> Store {
        Store::Folder(self.data())
    }

    /// Runs a command on the store, and returns its output.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String> {
        self.billhook.run(&self.store(), arguments)
    }

    /// Runs a command on another data folder.
    pub(crate) fn run_over(&self, data: &Path, arguments: &[&str]) -> Result<String> {
        self.billhook.run(&data.into(), arguments)
    }

    /// The log of the last server.
    pub(crate) fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.elsewhere("log"))?)
    }

    pub(crate) fn serve(&self) -> Result<Running> {
        self.serve_over(&self.data())
    }

    /// Starts a server on another data folder.
    pub(crate) fn serve_over(&self, data: &Path) -> Result<Running> {
        let options = ["--admin-listen", "127.0.0.1:0", "--log-level", "warn"];
        self.billhook.serve(&data.into(), &options, &self.elsewhere("log"))
    }

    pub(crate) fn add_account(&self) -> Result<()> {
        seller::add_account(&self.billhook, &self.store())
    }

    /// Makes the products with their coupon and pin codes.
    pub(crate) fn fill(&mut self) -> Result<()> {
        seller::add_products(&self.billhook, &self.store(), PINCODES, self.place.path())?;
        self.coupons = vec![Arc::new(Coupon::add(&self.billhook, &self.store(), FOR_ALL, 0)?)];
        self.import(1)?;
        self.disk.settle();
        Ok(())
    }

    pub(crate) fn import(&mut self, orders: usize) -> Result<()> {
        let file = self.elsewhere("orders.jsonl");
        let mut lines = String::new();
        let from = self.record.orders.len();
        let (good, sum) = GOODS.first().copied().ok_or("nothing is sold")?;
        // A number that an order has would change that order.
        let highest = self.record.orders.iter().filter_map(|order| order.id).max().unwrap_or(0);
        for id in (highest + 1..).take(orders) {
            let order = Order::imported(id, good);
            let item = json!({"id": 1, "good_name": good, "sum": sum});
            let tag = &order.draft.tag;
            let line = json!({"id": order.id, "email": order.draft.email(), "tag": tag, "items": [item]});
            writeln!(lines, "{line}")?;
            self.record.orders.push(order);
        }
        fs::write(&file, lines)?;
        self.run(&["import", "--account", LOGIN, &file.display().to_string()])?;
        self.record.orders.iter_mut().skip(from).for_each(|order| order.acknowledge(Change::Make));
        Ok(())
    }

    /// A new number for an order's tag.
    fn ask(&mut self) -> u32 {
        self.asked += 1;
        self.asked
    }

    /// Makes up an order.
    pub(crate) fn draft(&mut self) -> Order {
        let goods = GOODS.iter().map(|(name, _)| *name).take(2).collect();
        let tag = format!("s{}", self.ask());
        Order::new(Draft { edition: Edition::One, tag, goods, coupon: None, is_paid: false })
    }

    /// Makes an order over HTTP. Returns it, and whether it was acknowledged.
    pub(crate) fn order(&mut self, caller: &mut Caller) -> std::result::Result<(&mut Order, bool), End> {
        let order = self.draft();
        self.record.orders.push(order);
        let Some(order) = self.record.orders.last_mut() else { return Err(End::Wrong(String::new())) };
        let is_acknowledged = caller.change(order, Change::Make)?;
        Ok((order, is_acknowledged))
    }

    pub(crate) fn export(&self) -> Result<String> {
        export::text(&self.billhook, &self.store(), LOGIN)
    }

    /// Checks the store and compares it with the record. Returns how many orders and contacts are right.
    pub(crate) fn compare(&mut self, tally: &mut Tally) -> Result<u64> {
        let shown = Shown::of(&self.billhook, &self.store())?;
        verify::compare(&mut self.record, &shown, tally)?;
        tally.judge()?;
        Ok(u64::try_from(shown.orders.len() + shown.contacts.len())?)
    }
}
