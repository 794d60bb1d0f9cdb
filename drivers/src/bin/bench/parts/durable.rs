//! Durable orders: threads add orders through the store's interface, and each waits until its order is on
//! disk. Compared with the disk's rate of `fdatasync` after an overwrite of 4 KiB.

use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use billhook_drivers::{Result, folders};
use billhook_store::{AccountId, Location, Store};

use crate::{
    parts::orders::create::{MANY, SELLER},
    scene::Scene,
    table::{Pairs, Row, Target, figure},
};

const PAGE_BYTES: u64 = 4096;
/// The length of the file that is overwritten.
const FILE_PAGES: u64 = 16_384;

pub(crate) fn measure(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    let folder = scene.path("durable-store");
    let disk = Disk::new(&scene.path("overwritten"))?;
    let store = Store::open(&Location::folder(&folder))?;
    let account = store.write(|tx| SELLER.add_account(tx, 0))?;
    let shop = Writers { store, account, next: AtomicU64::new(0) };
    // The disk's rate varies, so each figure is compared with one from the same moment.
    let mut cases = [
        ("durable orders, 1 writer", 1, 0.35, Pairs::new()),
        ("durable orders, 64 waiting writers", MANY, 1.5, Pairs::new()),
    ];
    for _ in 0..scene.rounds {
        for (_, writers, _, pairs) in &mut cases {
            pairs.round(|| shop.write(*writers, scene.time), || disk.syncs_a_second(scene.time))?;
        }
    }
    for (name, _, least, pairs) in cases {
        let row = pairs.row(name, "orders/s", |(rate, _)| *rate, |syncs| *syncs);
        rows.push(row.target(Target::RatioAtLeast(least)).note("beside the disk's fdatasync rate"));
    }
    drop(shop);
    folders::remove(&folder)
}

/// Threads that add orders through the store's interface, and wait until each is durable.
pub(super) struct Writers {
    pub(super) store: Store,
    pub(super) account: AccountId,
    /// The number of the next order.
    pub(super) next: AtomicU64,
}

impl Writers {
    /// The rate of orders with this many writers, and their number.
    pub(super) fn write(&self, writers: usize, time: Duration) -> Result<(f64, f64)> {
        let (before, begun) = (self.next.load(Ordering::Relaxed), Instant::now());
        let write = || -> Result<()> {
            while begun.elapsed() < time {
                let (account, number) = (self.account, self.next.fetch_add(1, Ordering::Relaxed));
                self.store.write(move |tx| SELLER.add_order(tx, account, number))?;
            }
            Ok(())
        };
        thread::scope(|scope| {
            let writers: Vec<_> = (0..writers).map(|_| scope.spawn(write)).collect();
            writers.into_iter().try_for_each(|writer| writer.join().map_err(|_| "a writer panicked")?)
        })?;
        let orders = figure(self.next.load(Ordering::Relaxed) - before);
        Ok((orders / begun.elapsed().as_secs_f64(), orders))
    }
}

/// A file that is overwritten page by page.
pub(super) struct Disk(File);

impl Disk {
    pub(super) fn new(path: &Path) -> Result<Self> {
        let file = File::options().write(true).create(true).truncate(true).open(path)?;
        for page in 0..FILE_PAGES {
            file.write_all_at(&[1; 4096], page * PAGE_BYTES)?;
        }
        file.sync_all()?;
        Ok(Self(file))
    }

    pub(super) fn syncs_a_second(&self, time: Duration) -> Result<f64> {
        let begun = Instant::now();
        let mut done: u64 = 0;
        while begun.elapsed() < time {
            let page = u8::try_from(done % 251)?;
            self.0.write_all_at(&[page; 4096], done % FILE_PAGES * PAGE_BYTES)?;
            self.0.sync_data()?;
            done += 1;
        }
        Ok(figure(done) / begun.elapsed().as_secs_f64())
    }
}
