//! The reference of the API's methods: an OpenAPI description, a page, and text for a terminal.
//!
//! It is made from the table of methods. Names, codes and schemas come from
//! [`METHODS`](billhook_wire::method::METHODS), texts from the documentation of the types.

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
