//! One store, from its creation through many kills.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use billhook_drivers::{Result, billhook::Billhook, folders};
use billhook_test_kit::{Running, Store};
use rand::{RngExt as _, rngs::StdRng};

use crate::{
    export::Shown,
    load::{self, Plan, Target},
    record::{Coupon, Record},
    seller::{self, FOR_ALL},
    tally::Tally,
    verify,
};

/// The number of a store's pin codes, and how many must be left: a paid order without one counts as wrong.
const PINCODES: usize = 10_000;
const PINCODES_LEFT_MIN: usize = 3000;
/// Coupons for the next load, besides the one for all.
const COUPONS_IN_USE: usize = 4;
/// The maximum number of orders with a coupon.
const USES_MAX: u32 = 30;
/// Orders that are also read over HTTP, once a server runs again.
const READ: usize = 20;

/// A store with all that is known of it.
pub(crate) struct Life {
    pub(crate) billhook: Billhook,
    pub(crate) place: Store,
    /// For logs and temporary files.
    pub(crate) folder: PathBuf,
    /// The running servers.
    pub(crate) nodes: Vec<Node>,
    pub(crate) record: Record,
    coupons: Vec<Arc<Coupon>>,
    loads: u32,
    started: u32,
    pincodes_left: usize,
    connections: usize,
}

/// A server, with its name in the database.
pub(crate) struct Node {
    pub(crate) server: Running,
    pub(crate) name: String,
}

impl Life {
    /// Makes the store, and starts this many servers.
    pub(crate) fn begin(
        billhook: &Billhook,
        place: Store,
        folder: PathBuf,
        nodes: usize,
        connections: usize,
    ) -> Result<Self> {
        seller::add_account(billhook, &place)?;
        seller::add_products(billhook, &place, PINCODES, &folder)?;
        let mut life = Self {
            billhook: billhook.clone(),
            place,
            folder,
            nodes: Vec::new(),
            record: Record::default(),
            coupons: Vec::new(),
            loads: 0,
            started: 0,
            pincodes_left: PINCODES,
            connections,
        };
        life.add_coupon(FOR_ALL, 0)?;
        for _ in 0..nodes {
            let node = life.start()?;
            life.nodes.push(node);
        }
        Ok(life)
    }

    /// Whether another load would use up the pin codes.
    pub(crate) fn is_used_up(&self) -> bool {
        self.pincodes_left < PINCODES_LEFT_MIN
    }

    fn add_coupon(&mut self, code: &str, uses: u32) -> Result<()> {
        if self.coupons.len() > COUPONS_IN_USE {
            self.coupons.remove(1);
        }
        self.coupons.push(Arc::new(Coupon::add(&self.billhook, &self.place, code, uses)?));
        Ok(())
    }

    pub(crate) fn start(&mut self) -> Result<Node> {
        self.started += 1;
        let name = format!("node-{}", self.started);
        let place = match &self.place {
            Store::Database(url) => Store::Database(format!("{url}?application_name={name}")),
            folder @ Store::Folder(_) => folder.clone(),
        };
        let server = self.billhook.serve(&place, &[], &self.folder.join(format!("{name}.log")))?;
        Ok(Node { server, name })
    }

    pub(crate) fn addresses(&self) -> Result<Vec<SocketAddr>> {
        self.nodes.iter().map(|node| node.server.address()).collect()
    }

    /// Keeps connections busy while `during` runs, which can kill the servers.
    pub(crate) fn load(
        &mut self,
        dice: &mut StdRng,
        tally: &mut Tally,
        during: impl FnOnce(&mut Nodes<'_>) -> Result<()>,
    ) -> Result<()> {
        self.loads += 1;
        let name = format!("l{}", self.loads);
        self.add_coupon(&name, dice.random_range(1..=USES_MAX))?;
        let targets: Vec<_> = self.addresses()?.into_iter().map(Target::new).collect();
        let coupons = self.coupons.clone();
        let plan =
            Plan { name: &name, connections: self.connections, coupons: &coupons, seed: dice.random() };
        let mut record = std::mem::take(&mut self.record);
        let done = load::run(&plan, &targets, &mut record, tally, || {
            during(&mut Nodes { life: self, targets: &targets })
        });
        self.record = record;
        done
    }

    pub(crate) fn verify(&mut self, tally: &mut Tally) -> Result<()> {
        let shown = Shown::of(&self.billhook, &self.place)?;
        self.pincodes_left = shown.pincodes_left;
        verify::compare(&mut self.record, &shown, tally)
    }

    /// Reads the latest orders from every server.
    pub(crate) fn read(&self, tally: &mut Tally) -> Result<()> {
        for address in self.addresses()? {
            load::read_some(address, &self.record, READ, tally)?;
        }
        Ok(())
    }

    /// Stops the servers normally, and compares the store once more.
    pub(crate) fn end(mut self, tally: &mut Tally) -> Result<()> {
        for node in self.nodes.drain(..) {
            node.server.stop()?;
        }
        self.verify(tally)
    }

    /// The path of a new folder.
    pub(crate) fn fresh(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        folders::remove(&folder)?;
        Ok(folder)
    }
}

/// The servers under load.
pub(crate) struct Nodes<'a> {
    life: &'a mut Life,
    pub(crate) targets: &'a [Target],
}

impl Nodes<'_> {
    /// Kills one, and returns its name.
    pub(crate) fn kill(&mut self, at: usize) -> Result<String> {
        let target = self.targets.get(at).ok_or("there is no such server")?;
        target.will_be_killed();
        // Drop kills it.
        Ok(self.life.nodes.remove(at).name)
    }
}

/// A random time up to `most`.
pub(crate) fn moment(dice: &mut StdRng, most: Duration) -> Duration {
    most.mul_f64(dice.random_range(0.0..1.0))
}
