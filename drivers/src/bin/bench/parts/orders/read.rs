//! Reads of one order, beside the floor with answers of the same size.

use billhook_wire::Key;
use rand::{SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

use crate::{
    Result,
    http::Client,
    process::Running,
    scene::{Load, Scene},
    shop::{self, Requests},
    table::{Row, median},
    wrk::{Goal, Sample},
};

pub(in crate::parts) const CONNECTIONS: [u32; 2] = [16, 64];
/// How many orders are asked for, if there are as many.
const ASKED: u64 = 20_000;

/// The numbers that are asked for: they lie evenly among all, so that a script of pgbench can draw from the same.
#[derive(Clone, Copy)]
pub(in crate::parts) struct Asked {
    pub(in crate::parts) count: u64,
    pub(in crate::parts) stride: u64,
}

impl Asked {
    pub(in crate::parts) fn new(orders: u64) -> Self {
        let count = orders.clamp(1, ASKED);
        Self { count, stride: (orders / count).max(1) }
    }
}

/// Requests for these orders, in an order that is nobody's.
pub(in crate::parts) fn load(scene: &Scene, server: &Running) -> Result<Load> {
    let key = Key::parse(shop::KEY)?;
    let Asked { count, stride } = Asked::new(scene.orders);
    let mut requests = (0..count)
        .map(|place| {
            let form = format!("bill_id={}", 1 + stride * place).into_bytes();
            shop::signed("getOrderDetails", shop::LOGIN, form, &key, false)
        })
        .collect::<Result<Vec<_>>>()?;
    requests.shuffle(&mut StdRng::seed_from_u64(1));
    scene.load_of(Requests::asked_once(requests, 0, server.address()?)?)
}

pub(super) fn measure(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    let server = scene.serve(&scene.store()?)?;
    let load = load(scene, &server)?;
    let floor = scene.floor(&[load.requests.answer_bytes])?;
    let mut cases = CONNECTIONS.map(|connections| (connections, Vec::new()));
    for round in 0..scene.rounds {
        for (connections, pairs) in &mut cases {
            load.requests.check(Client::plain(server.address()?)?)?;
            let run = |running: &Running| {
                let goal = Goal { pid: running.pid(), address: running.address()?, tls: false };
                scene.closed_loop(goal, &load, *connections)
            };
            pairs.push(if round % 2 == 0 {
                let floor = run(&floor)?;
                (run(&server)?, floor)
            } else {
                (run(&server)?, run(&floor)?)
            });
        }
    }
    for (connections, pairs) in &cases {
        let name = format!("getOrderDetails, {connections} connections");
        let row = |what: &str, unit, figure: fn(&Sample) -> f64| {
            let ours = median(pairs.iter().map(|(ours, _)| figure(ours)));
            let floor = median(pairs.iter().map(|(_, floor)| figure(floor)));
            let ratio = median(pairs.iter().map(|(ours, floor)| figure(ours) / figure(floor)));
            Row::new(format!("{name}: {what}"), ours, unit).with_ratio(floor, ratio)
        };
        let rate = row("rate", "requests/s", |sample| sample.per_second);
        rows.push(rate.note(format!("answers of {} bytes", load.requests.answer_bytes)));
        rows.push(row("processor time", "µs/request", |sample| sample.cpu_us));
    }
    server.stop()
}
