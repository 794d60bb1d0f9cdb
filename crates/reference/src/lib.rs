//! The reference of the API's methods, made from their table: an OpenAPI description, a page, text for a terminal.
//!
//! Nothing of a method is said here. Names, codes and schemas come from [`METHODS`](billhook_wire::method::METHODS), the words from
//! the documentation of the types behind them.

mod entry;
mod field;
mod openapi;
mod page;
mod schema;
mod text;

pub use entry::Entry;
pub use field::Field;
pub use openapi::openapi;
pub use page::page;
pub use text::of_method;
