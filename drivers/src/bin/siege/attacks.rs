//! The attacks, one a line of a table, and what a server must do about each.

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
    /// Whether it is over soon where the time-outs are short.
    pub(crate) is_quick: bool,
    /// The most private memory that the server may take meanwhile, in MiB. Where what is held has a bound of its own, it is that one and
    /// the connections' buffers.
    pub(crate) private_mib_max: f64,
    /// Carries it out. Says what the server did; an error is how it misbehaved.
    pub(crate) run: fn(&Target) -> Result<String>,
}

/// What the server needs by itself.
const IDLE: f64 = 32.0;
/// The same with a thousand connections.
const LITTLE: f64 = 96.0;
/// Answers in all (decision 72), and again a quarter for what lies around them.
const BUDGET: f64 = 256.0 * 1.25;

/// What one address without a key may add to the idle server (decision 72).
const ONE_ADDRESS: f64 = 256.0;
/// What answers may take beside that.
const ANSWERS: f64 = 256.0;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack {
        name: "slow-heads",
        what: "1,000 heads that come a byte a second",
        is_quick: true,
        private_mib_max: LITTLE,
        run: slow::heads,
    },
    Attack {
        name: "fat-heads",
        what: "1,000 heads of 15 KiB that don't end",
        is_quick: true,
        private_mib_max: LITTLE + 64.0,
        run: slow::fat_heads,
    },
    Attack {
        name: "slow-bodies",
        what: "1,000 bodies that come a byte a second",
        is_quick: true,
        private_mib_max: LITTLE,
        run: slow::bodies,
    },
    Attack {
        name: "fat-bodies",
        what: "1,000 bodies of 1 MiB whose last byte does not come",
        is_quick: false,
        private_mib_max: IDLE + ONE_ADDRESS,
        run: slow::fat_bodies,
    },
    Attack {
        name: "deaf-strangers",
        what: "50 clients who ask for the reference 60 times each and never read it",
        is_quick: true,
        private_mib_max: LITTLE,
        run: slow::deaf_strangers,
    },
    Attack {
        name: "deaf-customers",
        what: "100 clients with a right key who ask for one customer's 10,000 orders and never read them",
        is_quick: false,
        private_mib_max: LITTLE + BUDGET,
        run: slow::deaf_customers,
    },
    Attack {
        name: "deaf-lists",
        what: "100 clients with a right key who ask for all orders and never read them",
        is_quick: false,
        // Four such answers are being made at a time.
        private_mib_max: LITTLE + BUDGET + 64.0,
        run: slow::deaf_lists,
    },
    Attack {
        name: "deaf-pipelines",
        what: "10 clients who send request after request and never read",
        is_quick: false,
        private_mib_max: LITTLE,
        run: slow::deaf_pipelines,
    },
    Attack {
        name: "half-closed",
        what: "500 clients who close their half within a head, and 500 behind a request",
        is_quick: true,
        private_mib_max: LITTLE,
        run: slow::half_closed,
    },
    Attack {
        name: "idle",
        what: "10,000 connections that say nothing, half of them since they spoke once",
        is_quick: false,
        private_mib_max: 128.0,
        run: slow::idle,
    },
    Attack {
        name: "connections",
        what: "1,100 connections from one address, then 1,000 new ones a second",
        is_quick: true,
        private_mib_max: LITTLE,
        run: floods::connections,
    },
    Attack {
        name: "gib-bodies",
        what: "bodies of 1 GiB, with a length and in chunks, 8 at a time",
        is_quick: true,
        private_mib_max: LITTLE,
        run: large::gib_bodies,
    },
    Attack {
        name: "parameters",
        what: "forms of up to a million parameters",
        is_quick: true,
        private_mib_max: LITTLE,
        run: large::parameters,
    },
    Attack {
        name: "collisions",
        what: "names that are one in PHP's hash",
        is_quick: true,
        private_mib_max: LITTLE,
        run: large::collisions,
    },
    Attack {
        name: "brackets",
        what: "a name of hundreds of thousands of brackets",
        is_quick: true,
        private_mib_max: LITTLE,
        run: large::brackets,
    },
    Attack {
        name: "huge-heads",
        what: "heads without an end, long fields, many fields, long targets",
        is_quick: true,
        private_mib_max: LITTLE,
        run: large::heads,
    },
    Attack {
        name: "signatures",
        what: "1,000 wrong signatures a second",
        is_quick: true,
        private_mib_max: LITTLE,
        run: floods::signatures,
    },
    Attack {
        name: "long-signatures",
        what: "wrong signatures under forms of 1 MiB, 20 a second",
        is_quick: true,
        private_mib_max: LITTLE,
        run: large::signatures,
    },
    Attack {
        name: "one-customer",
        what: "15 orders of 490 lines a second, for one customer who has 400 waiting, beside another account's orders",
        is_quick: false,
        private_mib_max: LITTLE,
        run: crowded::one_customer,
    },
    Attack {
        name: "h2-heads",
        what: "64 requests on each connection of HTTP/2, with heads of up to 15 KiB and bodies that don't come",
        is_quick: true,
        private_mib_max: IDLE + ONE_ADDRESS,
        run: http2::heads,
    },
    Attack {
        name: "h2-continuation",
        what: "heads in parts that don't end",
        is_quick: true,
        private_mib_max: IDLE + ONE_ADDRESS,
        run: http2::continuation,
    },
    Attack {
        name: "h2-resets",
        what: "2,000 requests a second that are thrown away at once",
        is_quick: true,
        private_mib_max: LITTLE,
        run: http2::resets,
    },
    Attack {
        name: "h2-settings",
        what: "settings and pings without end, whose answers nobody reads",
        is_quick: false,
        private_mib_max: LITTLE,
        run: http2::settings,
    },
    Attack {
        name: "h2-bodies",
        what: "16 bodies of 1 MiB on each connection whose last byte does not come",
        is_quick: true,
        private_mib_max: IDLE + ONE_ADDRESS,
        run: http2::bodies,
    },
    Attack {
        name: "h2-windows",
        what: "16 requests for the reference on each connection, of which nothing is taken",
        is_quick: true,
        private_mib_max: IDLE + ONE_ADDRESS,
        run: http2::windows,
    },
    Attack {
        name: "h2-tables",
        what: "fields for the connections' tables that each keep a buffer",
        is_quick: true,
        private_mib_max: IDLE + ONE_ADDRESS,
        run: http2::tables,
    },
    Attack {
        name: "h2-deaf-customers",
        what: "416 connections from 13 addresses with a right key, 16 calls for a hundred orders on each, of which nothing is taken",
        is_quick: false,
        private_mib_max: IDLE + ANSWERS + 13.0 * 8.0,
        run: http2::deaf,
    },
];
