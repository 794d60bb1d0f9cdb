//! Lists of orders by time: one after another, and the memory that several take at once.

use std::{thread, time::Instant};

use billhook_drivers::{
    Result,
    billhook::signed,
    usage::{cpu_ns, peak, private_bytes},
};
use billhook_test_kit::{Running, http::Client};
use serde::Deserialize;

use crate::{
    requests,
    scene::Scene,
    table::{Row, figure, median, whole},
};

/// How many of the largest lists are requested at once.
const AT_ONCE: usize = 4;
/// Months with 31 days, requested whole; the orders' times are in the years 2021 to 2025.
const LONG_MONTHS: [u32; 7] = [1, 3, 5, 7, 8, 10, 12];
const YEARS: [u32; 5] = [2021, 2022, 2023, 2024, 2025];

/// The cost of one answer.
struct Listed {
    milliseconds: f64,
    /// The server's processor time for it.
    cpu_ms: f64,
    orders: f64,
    bytes: f64,
}

pub(super) fn measure(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    let server = scene.serve(&scene.store()?)?;
    of_server(scene, &server, "", rows)?;
    server.stop()
}

pub(in crate::parts) fn of_server(
    scene: &Scene,
    server: &Running,
    engine: &str,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let years = || YEARS.into_iter().flat_map(|year| LONG_MONTHS.map(|month| (year, month)));
    let day = |(year, month)| format!("begin_date=15.{month:02}.{year}&end_date=15.{month:02}.{year}");
    let month = |(year, month)| format!("begin_date=01.{month:02}.{year}&end_date=31.{month:02}.{year}");
    let days = years().map(day).collect::<Vec<_>>();
    let months = years().map(month).collect::<Vec<_>>();
    let mut cases = [("one day", &days, Vec::new()), ("31 days", &months, Vec::new())];
    let each = scene.time / 2;
    for _ in 0..scene.rounds {
        for (_, windows, listed) in &mut cases {
            let begun = Instant::now();
            let mut client = Client::connect(server.address()?)?;
            for window in windows.iter().cycle() {
                if begun.elapsed() > each {
                    break;
                }
                listed.push(list(server, &mut client, window)?);
            }
        }
    }
    for (name, _, listed) in &cases {
        let of = |figure: fn(&Listed) -> f64| median(listed.iter().map(figure));
        let row = Row::new(
            format!("{engine}getOrdersWithGoods of {name}"),
            of(|listed| listed.milliseconds),
            "ms/answer",
        );
        rows.push(row.note(format!(
            "{:.0} orders, {:.1} µs an order; {:.2} MB; {:.1} ms of processor time of Billhook",
            of(|listed| listed.orders),
            of(|listed| listed.milliseconds * 1e3 / listed.orders),
            of(|listed| listed.bytes / 1e6),
            of(|listed| listed.cpu_ms)
        )));
    }
    let before = private_bytes(server.pid())?;
    let (asked, most) = peak(server.pid(), || ask_many(server, &months))?;
    asked?;
    let row = Row::new(
        format!("{engine}private memory while {AT_ONCE} lists of 31 days are made"),
        figure(most) / MIB,
        "MiB",
    );
    rows.push(row.note(format!("{} MiB before", whole(before >> 20))));
    Ok(())
}

const MIB: f64 = 1024.0 * 1024.0;

fn request(window: &str) -> Vec<u8> {
    signed("getOrdersWithGoods", requests::LOGIN, window)
}

fn list(server: &Running, client: &mut Client, window: &str) -> Result<Listed> {
    #[derive(Deserialize)]
    struct Answer {
        error_code: i64,
        result: Vec<serde::de::IgnoredAny>,
    }
    let request = request(window);
    let spent = cpu_ns(server.pid())?;
    let begun = Instant::now();
    let body = client.ask(&request)?.body;
    let milliseconds = begun.elapsed().as_secs_f64() * 1e3;
    let cpu_ms = figure(cpu_ns(server.pid())? - spent) / 1e6;
    let answer: Answer = serde_json::from_str(&body)?;
    if answer.error_code != 0 || answer.result.is_empty() {
        return Err(format!("a list has the code {} and no order: {window}", answer.error_code).into());
    }
    let orders = figure(answer.result.len() as u64);
    Ok(Listed { milliseconds, cpu_ms, orders, bytes: figure(body.len() as u64) })
}

/// Requests several lists at the same time.
fn ask_many(server: &Running, windows: &[String]) -> Result<()> {
    thread::scope(|scope| {
        let ask = |window: &String| -> Result<()> {
            let mut client = Client::connect(server.address()?)?;
            // The first may be finished before the last begins.
            (0..3).try_for_each(|_| Ok(client.ask(&request(window)).map(drop)?))
        };
        let asking: Vec<_> =
            windows.iter().take(AT_ONCE).map(|window| scope.spawn(move || ask(window))).collect();
        asking.into_iter().try_for_each(|asking| asking.join().map_err(|_| "an asker panicked")?)
    })
}
