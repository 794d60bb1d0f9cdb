//! Billhook's HTTP face: who is calling, whether they may, and what they are answered.
//!
//! The way of one request: `http` takes its connection in and serves it through hyper; `request` reads the body and asks
//! `gate` who is asked and who asks; then it is a call of the API, a page, or the link of an order. A call passes the checks
//! of `gate`, `methods` finds the method in its table and runs it in a transaction, and `http` puts envelope and headers
//! around what came out. `telemetry` counts it and writes its line.
//!
//! Beside that way stand `background` (what runs by the clock) and `server`, which joins everything.
//!
//! **Invariant:** there is no SQL here, and nothing of the protocol's formats: the one is `billhook-store`'s, the other
//! `billhook-wire`'s. A request's raw form is looked at once.
//!
//! Decisions that comments name are those of `docs/protocol.md`.

mod api;
mod background;
mod cabinet;
mod clock;
mod failure;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod gate;
mod http;
mod methods;
mod options;
mod pages;
mod request;
mod server;
mod start_error;
mod state;
mod telemetry;
#[cfg(test)]
mod tests;

pub use crate::http::tls::TlsReloader;
pub use cabinet::{
    routes::{Who, cabinet_routes},
    sign_in::add_login_link,
};
pub use options::{Certificate, Options, TlsOptions};
pub use server::{Addresses, Server};
pub use start_error::StartError;
pub use telemetry::access_log::LogFormat;
