//! Billhook's HTTP face: who is calling, whether they may, and what they are answered.
//!
//! The way of one request: `listener` takes its connection in if `slots` has a place for it; `connection` serves that
//! through hyper, within the time-outs of `activity`; `dispatch` reads the `body`, finds the account by `host` in
//! `accounts`, makes the checks in their order, and calls the method that `methods` has for the path; `answer` puts
//! envelope and headers around what came out. A method is one function over a `cx::Cx`, such as those in `orders`.
//!
//! Beside that way stand `tls` (certificates), `admin` (health and metrics), `watch` (the thread that keeps the accounts
//! up to date) and `server`, which joins everything.
//!
//! **Invariant:** there is no SQL here, and nothing of the protocol's formats: the one is `billhook-store`'s, the other
//! `billhook-wire`'s. A request's raw form is looked at once.
//!
//! Decisions that comments name are those of `docs/protocol.md`.

mod access_log;
mod accounts;
mod activity;
mod admin;
mod answer;
mod bill_page;
mod body;
mod caller;
mod connection;
mod cx;
mod dispatch;
mod failure;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod goods;
mod host;
mod idempotency;
mod listener;
mod memory;
mod methods;
mod metrics;
mod new_order;
mod options;
mod order_info;
mod orders;
mod pages;
mod rate;
mod refusals;
mod request_id;
mod server;
mod shop;
mod slots;
mod start_error;
mod stop;
mod stream;
#[cfg(test)]
mod tests;
mod timers;
mod tls;
mod troubles;
mod unserved;
mod watch;

pub use access_log::LogFormat;
pub use options::{Certificate, Options, TlsOptions};
pub use server::{Addresses, Server};
pub use start_error::StartError;
pub use tls::TlsReloader;
