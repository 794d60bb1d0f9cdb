//! The table of attacks, and the limits that a server must keep.

mod crowded;
mod floods;
mod http2;
mod large;
mod slow;

use billhook_drivers::Result;

use crate::target::Target;

/// An attack.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    /// Whether it is over soon with short time-outs.
    pub(crate) is_quick: bool,
    /// The server's maximum private memory during the attack, in MiB. It follows from the limit on what is
    /// held, and the connections' buffers.
    pub(crate) private_mib_max: f64,
    /// Runs the attack. Returns what the server did; an error says what was wrong.
    pub(crate) run: fn(&Target) -> Result<String>,
}

/// The memory of an idle server.
const IDLE: f64 = 32.0;
/// The same with a thousand connections.
const LITTLE: f64 = 96.0;
/// The budget for answers (decision 72), and a quarter more for overhead.
const BUDGET: f64 = 256.0 * 1.25;

/// What one address without a key may add to the idle server (decision 72).
const ONE_ADDRESS: f64 = 256.0;
/// The memory for answers besides that.
const ANSWERS: f64 = 256.0;

macro_rules! attacks {
    ($($name:literal, $is_quick:ident, $private_mib_max:expr, $run:path: $what:literal;)+) => {
        pub(crate) const ATTACKS: &[Attack] =
            &[$(Attack { name: $name, what: $what, is_quick: $is_quick, private_mib_max: $private_mib_max, run: $run }),+];
    };
}

/// Whether it is over soon with short time-outs.
const QUICK: bool = true;
const LONG: bool = false;

attacks! {
    "slow-heads", QUICK, LITTLE, slow::heads:
        "1,000 heads that come a byte a second";
    "fat-heads", QUICK, LITTLE + 64.0, slow::fat_heads:
        "1,000 heads of 15 KiB that don't end";
    "slow-bodies", QUICK, LITTLE, slow::bodies:
        "1,000 bodies that come a byte a second";
    "fat-bodies", LONG, IDLE + ONE_ADDRESS, slow::fat_bodies:
        "1,000 bodies of 1 MiB whose last byte does not come";
    "deaf-strangers", QUICK, LITTLE, slow::deaf_strangers:
        "50 clients who ask for the reference 60 times each and never read it";
    "deaf-customers", LONG, LITTLE + BUDGET, slow::deaf_customers:
        "100 clients with a right key who ask for one customer's 10,000 orders and never read them";
    // Four such answers are made at a time.
    "deaf-lists", LONG, LITTLE + BUDGET + 64.0, slow::deaf_lists:
        "100 clients with a right key who ask for all orders and never read them";
    "deaf-pipelines", LONG, LITTLE, slow::deaf_pipelines:
        "10 clients who send request after request and never read";
    "half-closed", QUICK, LITTLE, slow::half_closed:
        "500 clients who close their half within a head, and 500 behind a request";
    "idle", LONG, 128.0, slow::idle:
        "10,000 connections that say nothing, half of them since they spoke once";
    "connections", QUICK, LITTLE, floods::connections:
        "1,100 connections from one address, then 1,000 new ones a second";
    "gib-bodies", QUICK, LITTLE, large::gib_bodies:
        "bodies of 1 GiB, with a length and in chunks, 8 at a time";
    "parameters", QUICK, LITTLE, large::parameters:
        "forms of up to a million parameters";
    "collisions", QUICK, LITTLE, large::collisions:
        "names that are one in PHP's hash";
    "brackets", QUICK, LITTLE, large::brackets:
        "a name of hundreds of thousands of brackets";
    "huge-heads", QUICK, LITTLE, large::heads:
        "heads without an end, long fields, many fields, long targets";
    "signatures", QUICK, LITTLE, floods::signatures:
        "1,000 wrong signatures a second";
    "long-signatures", QUICK, LITTLE, large::signatures:
        "wrong signatures under forms of 1 MiB, 20 a second";
    "one-customer", LONG, LITTLE, crowded::one_customer:
        "15 orders of 490 lines a second, for one customer who has 400 waiting, beside another account's orders";
    "h2-heads", QUICK, IDLE + ONE_ADDRESS, http2::heads:
        "64 requests on each connection of HTTP/2, with heads of up to 15 KiB and bodies that don't come";
    "h2-continuation", QUICK, IDLE + ONE_ADDRESS, http2::continuation:
        "heads in parts that don't end";
    "h2-resets", QUICK, LITTLE, http2::resets:
        "2,000 requests a second that are thrown away at once";
    "h2-settings", LONG, LITTLE, http2::settings:
        "settings and pings without end, whose answers nobody reads";
    "h2-bodies", QUICK, IDLE + ONE_ADDRESS, http2::bodies:
        "16 bodies of 1 MiB on each connection whose last byte does not come";
    "h2-windows", QUICK, IDLE + ONE_ADDRESS, http2::windows:
        "16 requests for the reference on each connection, of which nothing is taken";
    "h2-tables", QUICK, IDLE + ONE_ADDRESS, http2::tables:
        "fields for the connections' tables that each keep a buffer";
    "h2-deaf-customers", LONG, IDLE + ANSWERS + 13.0 * 8.0, http2::deaf:
        "416 connections from 13 addresses with a right key, 16 calls for a hundred orders on each, of which nothing is taken";
}
