//! A client of the JustClick API: signs, sends, verifies.
//!
//! It works with any server that speaks the protocol. The answer's `hash` (section 2.3) is always verified, but
//! covers only code and text. Billhook also signs the whole body in the header `Billhook-Signature`, which is
//! verified if present. Types are read leniently: null for an empty text, numbers as text.
//!
//! ```no_run
//! use billhook_client::{Client, Options};
//! use billhook_wire::{Email, Key, Login, method::GetBills};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = Key::parse("0123456789abcdef0123456789abcdef")?;
//! let client = Client::new(Options::new("http://shop.localhost:8080", Login::parse("shop")?, key))?;
//! let bills = client.call(&GetBills::of(Email::parse("anna@example.com")?))?;
//! for bill in bills.iter() {
//!     println!("{}: {}", bill.order, bill.names.good_title());
//! }
//! # Ok(())
//! # }
//! ```

mod address;
mod answer;
mod client;
mod error;
mod resolver;

pub use address::{login_in, names_localhost};
pub use answer::{Answer, SignatureFault};
pub use client::{Client, MAX_ANSWER_BYTES, Options};
pub use error::{CallError, Error};
