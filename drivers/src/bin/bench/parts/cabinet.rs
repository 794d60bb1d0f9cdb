//! Pages of the cabinet: how long each takes, and what they leave to GetBills.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use billhook_drivers::Result;
use billhook_test_kit::{Running, http::Client};
use serde_json::Value;

use crate::{
    requests::{self, Kind},
    scene::Scene,
    table::{Pairs, Row, Target, figure, median},
    wrk::Goal,
};

/// The people who look at pages beside GetBills, and how often each opens one.
const PEOPLE: u64 = 10;
const EVERY: Duration = Duration::from_secs(5);
const CONNECTIONS: u32 = 16;

/// A page's name, its paths, and the most that its median may take, in milliseconds. A path that comes again
/// soon may come from memory, so reports are of many times. The orders' times are in the years 2021 to 2025.
type Page = (&'static str, fn(u64) -> String, f64);
const PAGES: [Page; 10] = [
    ("orders, all", |_| "/cabinet/orders?from=".to_owned(), 50.0),
    ("orders of 90 days", |n| format!("/cabinet/orders?from={}&to={}", day(n * 7), day(n * 7 + 89)), 50.0),
    ("orders by phone", |n| format!("/cabinet/orders?q={:04}", n * 37 % 10_000), 50.0),
    ("orders by surname", |_| "/cabinet/orders?q=%D0%98%D0%B2%D0%B0%D0%BD%D0%BE%D0%B2".to_owned(), 50.0),
    ("orders by e-mail", |n| format!("/cabinet/orders?q=customer{n}"), 50.0),
    ("orders of a product", |n| format!("/cabinet/orders?product={}", n % 1000 + 1), 50.0),
    ("order", |n| format!("/cabinet/orders/{}", n * 101 + 1), 50.0),
    ("customers", |_| "/cabinet/customers".to_owned(), 50.0),
    ("report of a month", |n| format!("/cabinet?from={}&to={}&step=day", day(n * 5), day(n * 5 + 30)), 150.0),
    (
        "report of a year",
        |n| format!("/cabinet?from={}&to={}&step=month", day(n * 3), day(n * 3 + 364)),
        1500.0,
    ),
];

pub(crate) fn measure(scene: &Scene, rows: &mut Vec<Row>) -> Result<()> {
    let server = scene.serve(&scene.store()?)?;
    let cookie = sign_in(scene, &server)?;
    for (name, path, most) in PAGES {
        let mut client = Client::connect(server.address()?)?;
        let (begun, mut times) = (Instant::now(), Vec::new());
        for n in 0.. {
            if begun.elapsed() > scene.time && !times.is_empty() {
                break;
            }
            let asked = Instant::now();
            open(&mut client, &cookie, &path(n))?;
            times.push(asked.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_unstable_by(f64::total_cmp);
        let p99 = times.get(times.len() * 99 / 100).copied().unwrap_or_default();
        let row = Row::new(format!("cabinet: {name}"), median(times.iter().copied()), "ms/page");
        let row = row.target(Target::ValueAtMost(most));
        rows.push(row.note(format!("p99 {p99:.1} ms; {} pages", times.len())));
    }
    beside_people(scene, &server, &cookie, rows)?;
    server.stop()
}

/// GetBills alone, and while people open pages.
fn beside_people(scene: &Scene, server: &Running, cookie: &str, rows: &mut Vec<Row>) -> Result<()> {
    let load = scene.usual_load(Kind::Right, server)?;
    let rate = || Ok(scene.closed_loop(Goal::of(server)?, &load, CONNECTIONS)?.per_second);
    let mut pairs = Pairs::new();
    for _ in 0..scene.rounds {
        let with_people = || {
            let is_over = &AtomicBool::new(false);
            thread::scope(|scope| {
                let people: Vec<_> = (0..PEOPLE)
                    .map(|person| scope.spawn(move || look(server, cookie, person, is_over)))
                    .collect();
                let rate = rate();
                is_over.store(true, Ordering::Relaxed);
                for person in people {
                    person.join().map_err(|_| "a person panicked")??;
                }
                rate
            })
        };
        pairs.round(with_people, rate)?;
    }
    let row = pairs.row(
        "GetBills beside ten people in the cabinet: rate",
        "requests/s",
        |rate| *rate,
        |rate| *rate,
    );
    rows.push(row.target(Target::RatioAtLeast(0.9)).note("beside GetBills alone"));
    Ok(())
}

/// Opens a page every few seconds, each time another one.
fn look(server: &Running, cookie: &str, person: u64, is_over: &AtomicBool) -> Result<()> {
    let mut client = Client::connect(server.address()?)?;
    // They don't all come at once.
    let mut next = Instant::now() + EVERY.mul_f64(figure(person) / figure(PEOPLE));
    for (n, (_, path, _)) in (person..).zip(PAGES.iter().cycle().skip(usize::try_from(person)?)) {
        while Instant::now() < next {
            if is_over.load(Ordering::Relaxed) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        next += EVERY;
        open(&mut client, cookie, &path(n))?;
    }
    Ok(())
}

/// The nth day from 2021 on, as 2021-01-31; after five years it begins anew.
fn day(n: u64) -> String {
    let first = jiff::civil::date(2021, 1, 1);
    let days = i64::try_from(n % 1460).unwrap_or_default();
    first.saturating_add(jiff::Span::new().days(days)).to_string()
}

/// Signs the account's owner in; the cookie.
fn sign_in(scene: &Scene, server: &Running) -> Result<String> {
    let link = scene.run(&scene.store()?, &["account", "login-link", requests::LOGIN, "--json"])?.result()?;
    let link: Value = serde_json::from_str(&link)?;
    let link = link.get("link").and_then(Value::as_str);
    let link = link.and_then(|link| Some(link.split_at(link.find("/cabinet/")?).1));
    let link = link.ok_or("login-link prints no link")?;
    let host = requests::HOST;
    let request = format!(
        "POST {link} HTTP/1.1\r\nHost: {host}\r\nSec-Fetch-Site: same-origin\r\nContent-Length: 0\r\n\r\n"
    );
    let answer = Client::connect(server.address()?)?.ask(request.as_bytes())?;
    let cookie = answer.header("set-cookie").and_then(|cookie| cookie.split(';').next());
    Ok(cookie.ok_or("the link signs nobody in")?.to_owned())
}

fn open(client: &mut Client, cookie: &str, path: &str) -> Result<()> {
    let host = requests::HOST;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n");
    let answer = client.ask(request.as_bytes())?;
    if answer.status == 200 { Ok(()) } else { Err(format!("{path}: {}", answer.status).into()) }
}
