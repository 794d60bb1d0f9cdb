//! One account's heavy writes beside another's light ones.

use std::thread;

use billhook_drivers::{
    Result,
    http::{self, Client},
    open_loop::{self, Plan},
};

use billhook_wire::{Key, query};

use crate::target::{self, CROWDED, CROWDED_LINES, KEY, SHOP, Target};

/// Orders a second of the one, …
const HEAVY_PER_SECOND: f64 = 15.0;
/// … and of the other, …
const LIGHT_PER_SECOND: f64 = 100.0;
/// … whose writes may take so long, in milliseconds.
const MEDIAN_MAX_MS: f64 = 5.0;
const P99_MAX_MS: f64 = 25.0;

pub(super) fn one_customer(target: &Target) -> Result<String> {
    // Each is a new order: not even the warm-up sends one twice.
    let seconds = target.seconds.as_secs() + 2;
    let count = |per_second: u64| 0..per_second * seconds;
    let heavy: Vec<_> =
        count(15).map(|number| order(CROWDED, number, CROWDED_LINES)).collect::<Result<_>>()?;
    let light: Vec<_> = count(100).map(|number| order(SHOP, number, 1)).collect::<Result<_>>()?;
    for (order, login) in
        [(order(CROWDED, u64::MAX >> 32, CROWDED_LINES)?, CROWDED), (order(SHOP, u64::MAX >> 32, 1)?, SHOP)]
    {
        match http::error_code(&Client::plain(target.address)?.ask(&order)?, &Key::parse(KEY)?)? {
            0 => {}
            code => return Err(format!("an order of {login} is answered with code {code}").into()),
        }
    }
    let run = |requests: &[Vec<u8>], per_second| {
        let plan = Plan { per_second, time: target.seconds, cold: false };
        open_loop::run_in_turn(target.address, requests, plan, &|| true)
            .map_err(|failure| failure.to_string())
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

/// An order of so many lines that no other equals.
fn order(login: &str, number: u64, lines: u64) -> Result<Vec<u8>> {
    let mut form = Vec::new();
    let email = if login == CROWDED {
        target::ONE_CUSTOMER.to_owned()
    } else {
        format!("writer{number}@example.com")
    };
    let mut pairs = vec![("bill_email".to_owned(), email)];
    for line in 0..lines {
        pairs.push((format!("goods[{line}][good_name]"), format!("good-{}", line + 1)));
        if login == CROWDED {
            pairs.push((format!("goods[{line}][good_sum]"), (number + 1000 + line).to_string()));
        }
    }
    query::build_pairs(pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())), &mut form);
    target::signed("CreateOrder", login, &form)
}
