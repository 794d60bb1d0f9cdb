//! The HTTP server: identifies account and caller, checks them, and answers.
//!
//! The path of a request: `http` accepts its connection and serves it through hyper. `request` reads the body
//! and has `gate` identify account and caller. The request is then a call of the API, a page, or an order's
//! link. A call passes the checks of `gate`; `methods` finds its method and runs it in a transaction. `http`
//! adds envelope and headers, and `telemetry` counts and logs it.
//!
//! Besides that, `background` has the periodic threads, and `server` joins everything.
//!
//! **Invariant:** no SQL, which is in `billhook-store`, and no format of the protocol, which is in
//! `billhook-wire`. A request is parsed once.
//!
//! Comments cite the decisions of `docs/protocol.md`.

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
mod outbox;
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
pub use methods::new_order::HandMade;
pub use options::{Certificate, Export, Options, TlsOptions};
pub use outbox::check_webhook_url;
pub use server::{Addresses, Server};
pub use start_error::StartError;
pub use telemetry::access_log::LogFormat;
