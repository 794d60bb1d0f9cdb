//! The JustClick API's protocol: formats and meanings, without I/O, clock or async code.
//!
//! Server, client, command line and documentation all use it. It has form bodies as PHP reads them
//! ([`form`]), PHP's `http_build_query` ([`query`]), every signature ([`signature`]) and PHP's JSON
//! ([`json`]). It also has the table of codes ([`Code`]), the signed answer ([`envelope`]) and every method
//! ([`method`]).
//!
//! Comments cite the sections and decisions of `docs/protocol.md`.

#[macro_use]
mod travel;

pub mod code;
pub mod email;
pub mod envelope;
pub mod event;
pub mod form;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod id;
pub mod json;
pub mod key;
pub mod lead_event;
pub mod login;
pub mod loose;
pub mod method;
pub mod mistake;
pub mod money;
pub mod pay_status;
pub mod percent;
pub mod query;
pub mod request;
pub mod signature;
pub mod text;
pub mod unix_time;

pub use code::{Code, TextCase};
pub use email::Email;
pub use event::Event;
pub use form::Form;
pub use id::{GoodId, OrderId};
pub use key::Key;
pub use login::Login;
pub use method::{Access, Api, Method};
pub use money::{Money, Price};
pub use pay_status::PayStatus;
pub use percent::Percent;
pub use request::{Credential, Request};
pub use text::{Name, Text};
pub use unix_time::{Day, LocalTime, UnixTime};
