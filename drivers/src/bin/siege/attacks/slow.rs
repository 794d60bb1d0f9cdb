//! Clients that make the server wait, because they send or read slowly.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use billhook_drivers::{Result, billhook::signed};

use crate::{
    crowd::{Crowd, shown},
    target::{self, SHOP, SLACK, Target, WHALE},
};

/// Nearly as many as one address may have.
const FROM_ONE_ADDRESS: usize = 1000;
/// How much older the first connection may be than the last, from which time counts.
const OPENED_WITHIN: Duration = Duration::from_millis(1500);
/// How long the server reads on after it has refused a body.
const LINGER: Duration = Duration::from_secs(2);

pub(super) fn heads(target: &Target) -> Result<String> {
    let mut crowd = Crowd::open(target.address, FROM_ONE_ADDRESS)?;
    crowd.send(b"POST /api/GetBills HTTP/1.1\r\nX: ");
    end_of_heads(target, &mut crowd)
}

pub(super) fn fat_heads(target: &Target) -> Result<String> {
    let mut crowd = Crowd::open(target.address, FROM_ONE_ADDRESS)?;
    let head = format!("POST /api/GetBills HTTP/1.1\r\nX: {}", "y".repeat(15 * 1024));
    crowd.send_whole(head.as_bytes(), 4)?;
    end_of_heads(target, &mut crowd)
}

fn end_of_heads(target: &Target, crowd: &mut Crowd) -> Result<String> {
    crowd.wait_until_open(0, target.terms.header + SLACK, |crowd| crowd.send(b"y"))?;
    all_told(crowd, &["nothing"])?;
    closed(crowd, target.terms.header)
}

pub(super) fn bodies(target: &Target) -> Result<String> {
    let mut crowd = Crowd::open(target.address, FROM_ONE_ADDRESS)?;
    crowd.send(&target::head("Content-Length: 1000\r\n"));
    crowd.wait_until_open(0, target.terms.body + LINGER + SLACK, |crowd| crowd.send(b"y"))?;
    all_told(&crowd, &["400/3"])?;
    closed(&crowd, target.terms.body)
}

pub(super) fn fat_bodies(target: &Target) -> Result<String> {
    let mut crowd = Crowd::open(target.address, FROM_ONE_ADDRESS)?;
    let body_bytes = 1024 * 1024;
    let mut request = target::head(&format!("Content-Length: {body_bytes}\r\n"));
    request.resize(request.len() + body_bytes - 1, b'a');
    crowd.send_whole(&request, 60)?;
    crowd.wait_until_open(0, target.terms.body * 2 + LINGER + SLACK, |_| {})?;
    let told = all_told(&crowd, &["400/3", "503/9"])?;
    if told.len() < 2 {
        return Err(format!("there was room for all: {}", shown(&told)).into());
    }
    closed(&crowd, Duration::ZERO)
}

pub(super) fn deaf_strangers(target: &Target) -> Result<String> {
    // More than the kernel buffers for a connection.
    let request = b"GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(60);
    deaf(target, 50, &request, 10)
}

pub(super) fn deaf_customers(target: &Target) -> Result<String> {
    deaf(target, 100, &target::bills(WHALE, "customer1@example.com"), 10)
}

pub(super) fn deaf_lists(target: &Target) -> Result<String> {
    deaf(target, 100, &signed("GetOrders", WHALE, ""), 10)
}

/// Sends requests on this many connections a second, and never reads.
fn deaf(target: &Target, count: usize, request: &[u8], per_second: u32) -> Result<String> {
    let begun = Instant::now();
    let mut crowd = Crowd::open_and_send(target.address, count, request, per_second)?;
    // With short time-outs, the first may be gone when the last one asks.
    let (asked, held) = (begun.elapsed(), target.held()?);
    if held < count / 4 {
        return Err(
            format!("only {held} were kept waiting: the answers are too short to show anything").into()
        );
    }
    thread::sleep(target.terms.write / 2);
    crowd.glance();
    let told = all_told(&crowd, &["200/-", "200/0", "503/9"])?;
    // Clients that were refused for lack of memory have nothing to read, and are only idle.
    let refused = told.get("503/9").copied().unwrap_or(0);
    let Some(let_go) = target.wait_until_held(refused, begun, asked + target.terms.write + SLACK)? else {
        return Err(format!("{} are still held, {refused} of them with an answer", target.held()?).into());
    };
    Ok(format!("let go {:.1?} after the last one asked; told {}", let_go.saturating_sub(asked), shown(&told)))
}

pub(super) fn deaf_pipelines(target: &Target) -> Result<String> {
    let many = target::bills(SHOP, "customer1@example.com").repeat(100);
    let mut crowd = Crowd::open(target.address, 10)?;
    let mut sent = vec![0; crowd.open_now()];
    let begun = Instant::now();
    let mut most_held = 0;
    while most_held < sent.len() || target.held()? > 0 {
        most_held = most_held.max(target.held()?);
        if begun.elapsed() > target.terms.write * 2 + SLACK {
            return Err(format!("{} are still held after {:?}", target.held()?, begun.elapsed()).into());
        }
        crowd.send_on(&many, &mut sent);
        thread::sleep(Duration::from_millis(1));
    }
    let most = sent.iter().max().copied().unwrap_or(0) >> 20;
    Ok(format!("let go after {:.1?}, with at most {most} MiB taken", begun.elapsed()))
}

pub(super) fn half_closed(target: &Target) -> Result<String> {
    let mut within = Crowd::open(target.address, FROM_ONE_ADDRESS)?;
    let mut behind = within.split_off(FROM_ONE_ADDRESS / 2);
    within.send(b"POST /api/GetBills HTTP/1.1\r\nHost: ");
    within.half_close();
    behind.send(&target::bills(SHOP, "customer1@example.com"));
    behind.half_close();
    for crowd in [&mut within, &mut behind] {
        crowd.wait_until_open(0, SLACK, |_| {})?;
    }
    all_told(&behind, &["200/0", "200/400"])?;
    let told = shown(&within.told());
    Ok(format!(
        "within a head told {told}, {}; behind a request answered, {}",
        closed(&within, Duration::ZERO)?,
        closed(&behind, Duration::ZERO)?
    ))
}

pub(super) fn idle(target: &Target) -> Result<String> {
    let mut silent = Crowd::open(target.address, 10_000)?;
    let mut spoke = silent.split_off(5000);
    spoke.send(&target::bills(SHOP, "customer1@example.com"));
    silent.wait_until_open(0, target.terms.header + SLACK, |_| {})?;
    all_told(&silent, &["nothing"])?;
    spoke.listen()?;
    all_told(&spoke, &["200/0", "200/400"])?;
    spoke.wait_until_open(0, target.terms.idle + SLACK, |_| {})?;
    Ok(format!(
        "the silent {}; the others {}",
        closed(&silent, target.terms.header)?,
        closed(&spoke, target.terms.idle)?
    ))
}

/// The answers on the connections, which must all be in this list.
fn all_told(crowd: &Crowd, allowed: &[&str]) -> Result<BTreeMap<String, usize>> {
    let told = crowd.told();
    if told.keys().any(|what| !allowed.contains(&what.as_str())) {
        return Err(format!("told {}", shown(&told)).into());
    }
    Ok(told)
}

/// When they were closed: none before its time.
fn closed(crowd: &Crowd, time: Duration) -> Result<String> {
    let (first, last) = crowd.closed_after();
    if first + OPENED_WITHIN < time {
        return Err(format!("closed after {first:.1?}, before {time:?} were over").into());
    }
    Ok(format!("closed after {first:.1?} to {last:.1?}, told {}", shown(&crowd.told())))
}
