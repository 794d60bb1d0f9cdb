//! The contract with strangers' clients, with the stores in PostgreSQL: the tests of `main.rs`, and those that only a database asks for.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets a fault shall stop"
)]

mod bad_input;
mod bill_page;
mod catalogue;
mod create_order;
mod createorder;
mod database;
mod discounts;
mod get_bills;
mod idempotency;
mod isolation;
mod list_pages;
mod model;
mod moving;
mod node_races;
mod nodes;
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
mod running;
mod secrets;
mod shop;
mod tls;
mod typed_client;

/// Where the stores of these tests are.
const ON_POSTGRES: bool = true;
