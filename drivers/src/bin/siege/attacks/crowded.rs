//! One account's heavy writes, concurrent with another account's light ones.

use std::thread;

use billhook_drivers::{
    Result,
    billhook::{KEY, signed},
    open_loop::{self, Plan},
};
use billhook_test_kit::http::{Client, form};

use crate::target::{CROWDED, CROWDED_LINES, ONE_CUSTOMER, SHOP, Target};

/// The first account's orders per second, …
const HEAVY_PER_SECOND: f64 = 15.0;
/// … those of the other, …
const LIGHT_PER_SECOND: f64 = 100.0;
/// … and the other's maximum median latency, in milliseconds.
const MEDIAN_MAX_MS: f64 = 5.0;
const P99_MAX_MS: f64 = 25.0;

pub(super) fn one_customer(target: &Target) -> Result<String> {
    // Each is a new order, even in the warm-up.
    let seconds = target.seconds.as_secs() + 2;
    let count = |per_second: u64| 0..per_second * seconds;
    let heavy: Vec<_> = count(15).map(|number| order(CROWDED, number, CROWDED_LINES)).collect();
    let light: Vec<_> = count(100).map(|number| order(SHOP, number, 1)).collect();
    for (login, lines) in [(CROWDED, CROWDED_LINES), (SHOP, 1)] {
        let order = order(login, u64::MAX >> 32, lines);
        match Client::connect(target.address)?.ask(&order)?.verified(KEY)? {
            0 => {}
            code => return Err(format!("an order of {login} is answered with code {code}").into()),
        }
    }
    let run = |requests: &[Vec<u8>], per_second| {
        let plan = Plan { per_second, time: target.seconds, cold: false };
        open_loop::run(target.address, requests, plan, true, &|| true).map_err(|failure| failure.to_string())
    };
    let (heavy, light) = thread::scope(|scope| {
        let heavy = scope.spawn(|| run(&heavy, HEAVY_PER_SECOND));
        let light = run(&light, LIGHT_PER_SECOND);
        Ok::<_, String>((heavy.join().map_err(|_| "a thread panicked".to_owned())??, light?))
    })?;
    let told = format!(
        "another account's writes took {:.2} ms in the median and {:.2} at p99, its own {:.2} and {:.2}",
        light.p50, light.p99, heavy.p50, heavy.p99
    );
    if light.p50 > MEDIAN_MAX_MS || light.p99 > P99_MAX_MS {
        return Err(told.into());
    }
    Ok(told)
}

/// A unique order with this many lines.
fn order(login: &str, number: u64, lines: u64) -> Vec<u8> {
    let is_crowded = login == CROWDED;
    let email = if is_crowded { ONE_CUSTOMER.to_owned() } else { format!("writer{number}@example.com") };
    let mut pairs = vec![("bill_email".to_owned(), email)];
    for line in 0..lines {
        pairs.push((format!("goods[{line}][good_name]"), format!("good-{}", line + 1)));
        if is_crowded {
            pairs.push((format!("goods[{line}][good_sum]"), (number + 1000 + line).to_string()));
        }
    }
    signed("CreateOrder", login, &form(pairs))
}
