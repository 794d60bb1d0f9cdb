//! Durable orders: threads on the store's interface, each of which waits until its order is on the disk, beside the disk's own
//! rate of `fdatasync` after an overwrite of 4 KiB.

use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use billhook_store::{Location, Store};

use crate::{
    Result,
    parts::orders::create::SELLER,
    scene::Scene,
    stores,
    table::{Row, Target, figure, median},
};

const PAGE_BYTES: u64 = 4096;
/// The file that is overwritten.
const FILE_PAGES: u64 = 16_384;
const MANY: usize = 64;

pub(crate) fn measure(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    let folder = scene.path("durable-store");
    let disk = Disk::new(&scene.path("overwritten"))?;
    let store = Store::open(&Location::folder(&folder))?;
    let account = store.write(|tx| SELLER.add_account(tx, 0))?;
    let next = AtomicU64::new(0);
    let write = |writers: usize| -> Result<f64> {
        let before = next.load(Ordering::Relaxed);
        let begun = Instant::now();
        thread::scope(|scope| {
            let writers: Vec<_> = (0..writers)
                .map(|_| {
                    scope.spawn(|| -> Result<()> {
                        while begun.elapsed() < scene.time {
                            let number = next.fetch_add(1, Ordering::Relaxed);
                            store.write(move |tx| SELLER.add_order(tx, account, number))?;
                        }
                        Ok(())
                    })
                })
                .collect();
            writers.into_iter().try_for_each(|writer| writer.join().map_err(|_| "a writer panicked")?)
        })?;
        Ok(figure(next.load(Ordering::Relaxed) - before) / begun.elapsed().as_secs_f64())
    };
    let (mut one, mut many) = (Vec::new(), Vec::new());
    for _ in 0..scene.rounds {
        // The disk's own rate moves, so that each figure stands beside one of the same moment.
        one.push((disk.syncs_a_second(scene.time)?, write(1)?));
        many.push((disk.syncs_a_second(scene.time)?, write(MANY)?));
    }
    let row = |name, rounds: &[(f64, f64)], least| {
        let ratio = median(rounds.iter().map(|(syncs, orders)| orders / syncs));
        Row::new(name, median(rounds.iter().map(|(_, orders)| *orders)), "orders/s")
            .with_ratio(median(rounds.iter().map(|(syncs, _)| *syncs)), ratio)
            .target(Target::RatioAtLeast(least))
            .note("beside the disk's fdatasync rate")
    };
    rows.push(row("durable orders, 1 writer", &one, 0.35));
    rows.push(row("durable orders, 64 waiting writers", &many, 1.5));
    drop(store);
    stores::remove(&folder)
}

/// A file that is overwritten, page by page.
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
