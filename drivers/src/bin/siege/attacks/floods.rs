//! Floods of small things, at fixed rates. The flood uses the processors that server and honest clients need,
//! so at full speed it would measure the machine.

use std::{
    thread,
    time::{Duration, Instant},
};

use billhook_drivers::{
    Result,
    billhook::KEY,
    idle,
    open_loop::{self, Plan},
};
use billhook_test_kit::http::Client;

use crate::{
    crowd::Crowd,
    target::{self, SLACK, Target},
};

/// The maximum number of connections of one address (`--max-connections-per-address`).
const FROM_ONE_ADDRESS_MAX: usize = 1024;
const CONNECTIONS_PER_SECOND: u32 = 1000;
const SIGNATURES_PER_SECOND: f64 = 1000.0;

pub(super) fn connections(target: &Target) -> Result<String> {
    let mut crowd = Crowd::open_from_one(target.address, 1100)?;
    crowd.wait_until_open(FROM_ONE_ADDRESS_MAX, SLACK, |_| {})?;
    thread::sleep(Duration::from_millis(200));
    crowd.listen()?;
    let (_, refused_after) = crowd.closed_after();
    if crowd.open_now() != FROM_ONE_ADDRESS_MAX {
        return Err(format!("one address has {} connections", crowd.open_now()).into());
    }
    drop(crowd);
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < target.seconds {
        drop(idle::connect(target.address, 2)?);
        count += 1;
        thread::sleep(
            (Duration::from_secs(1) / CONNECTIONS_PER_SECOND * count).saturating_sub(begun.elapsed()),
        );
    }
    Ok(format!(
        "beyond {FROM_ONE_ADDRESS_MAX} closed at once (within {refused_after:.1?}); {count} came and went"
    ))
}

pub(super) fn signatures(target: &Target) -> Result<String> {
    let requests: Vec<_> = (1..=1000)
        .map(|number| target::post(&format!("email=customer{number}%40example.com&hash={number:032x}")))
        .collect();
    let mut client = Client::connect(target.address)?;
    for request in requests.iter().take(100) {
        match client.ask(request)?.verified(KEY)? {
            4 => {}
            code => return Err(format!("a wrong signature is answered with code {code}").into()),
        }
    }
    let plan = Plan { per_second: SIGNATURES_PER_SECOND, time: target.seconds, cold: false };
    let latency = open_loop::run(target.address, &requests, plan, true, &|| true)?;
    Ok(format!("200/4, p99 {:.2} ms", latency.p99))
}
