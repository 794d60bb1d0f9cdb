//! The contract with strangers' clients: the real program on a port of its own, spoken to over HTTP.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets a fault shall stop"
)]

mod backup;
mod bad_input;
mod bill_page;
mod catalogue;
mod clock;
mod create_order;
mod createorder;
mod damaged_log;
mod discounts;
mod disk;
mod durable;
mod get_bills;
mod idempotency;
mod isolation;
mod list_pages;
mod model;
mod moving;
mod order_details;
mod order_lists;
mod order_model;
mod order_status;
mod order_timers;
mod php;
mod php_orders;
mod program;
mod proxy;
mod python;
mod races;
mod readme;
mod reference;
mod running;
mod secrets;
mod shop;
mod smuggling;
mod tls;
mod typed_client;

/// Where the stores of these tests are: `on_postgres.rs` runs the same tests on the other engine.
const ON_POSTGRES: bool = false;
