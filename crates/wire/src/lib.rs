//! The JustClick API's protocol, pure: what travels and what it means, with no I/O, no clock and nothing asynchronous.
//!
//! Server, client, command line and documentation are all derived from what stands here:
//! form bodies as PHP reads them ([`form`]), PHP's `http_build_query` ([`query`]), every signature ([`signature`]),
//! PHP-flavoured JSON ([`json`]), the table of codes ([`Code`]), the signed answer ([`envelope`]) and every method ([`method`]).
//!
//! The sections and decisions that comments name are those of `docs/protocol.md`.

#[macro_use]
mod travel;

pub mod code;
pub mod email;
pub mod envelope;
pub mod form;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod id;
pub mod json;
pub mod key;
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
