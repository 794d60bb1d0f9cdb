//! Reads of one order, compared with a floor whose answers have the same size.

use billhook_drivers::{Result, billhook::signed};
use billhook_test_kit::Running;
use rand::{SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

use crate::{
    requests::{self, Requests},
    scene::{Load, Scene},
    table::{Pairs, Row},
    wrk::{Goal, Sample},
};

pub(in crate::parts) const CONNECTIONS: [u32; 2] = [16, 64];
/// How many orders are read, if there are as many.
const ASKED: u64 = 20_000;

/// The numbers of the orders to read, spread evenly from 1 on. A script of pgbench can draw random numbers
/// but no texts, so it can draw the same ones.
#[derive(Clone, Copy)]
pub(in crate::parts) struct Asked {
    pub(in crate::parts) count: u64,
    stride: u64,
}

impl Asked {
    pub(in crate::parts) fn new(all: u64) -> Self {
        let count = all.clamp(1, ASKED);
        Self { count, stride: (all / count).max(1) }
    }

    /// All of them in a random order, the same every time.
    pub(in crate::parts) fn numbers(self) -> impl Iterator<Item = u64> {
        let mut places: Vec<u64> = (0..self.count).collect();
        places.shuffle(&mut StdRng::seed_from_u64(1));
        places.into_iter().map(move |place| 1 + self.stride * place)
    }

    /// A script's expression that draws one.
    pub(in crate::parts) fn script(self) -> String {
        format!("\\set number 1 + {} * random(0, {})\n", self.stride, self.count - 1)
    }
}

/// Requests that read these orders.
pub(in crate::parts) fn load(scene: &Scene, server: &Running) -> Result<Load> {
    let request = |number| signed("getOrderDetails", requests::LOGIN, &format!("bill_id={number}"));
    let requests = Asked::new(scene.orders).numbers().map(request).collect();
    scene.load_of(Requests::asked_once(requests, 0, server.address()?)?)
}

pub(super) fn measure(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    let server = scene.serve(&scene.store()?)?;
    let load = load(scene, &server)?;
    let floor = scene.floor(&[load.requests.answer_bytes])?;
    let mut cases = CONNECTIONS.map(|connections| (connections, Pairs::new()));
    for _ in 0..scene.rounds {
        for (connections, pairs) in &mut cases {
            load.requests.check(server.address()?)?;
            let run = |running| scene.closed_loop(Goal::of(running)?, &load, *connections);
            pairs.round(|| run(&server), || run(&floor))?;
        }
    }
    for (connections, pairs) in &cases {
        let row = |what: &str, unit, figure: fn(&Sample) -> f64| {
            pairs.row(format!("getOrderDetails, {connections} connections: {what}"), unit, figure, figure)
        };
        let rate = row("rate", "requests/s", |sample| sample.per_second);
        rows.push(rate.note(format!("answers of {} bytes", load.requests.answer_bytes)));
        rows.push(row("processor time", "µs/request", |sample| sample.cpu_us));
    }
    server.stop()
}
