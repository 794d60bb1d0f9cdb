//! Pages for browsers: the reference of the methods, and a customer's order.

pub(crate) mod docs;
pub(crate) mod home;
pub(crate) mod order;

pub(crate) const HTML: &str = "text/html; charset=utf-8";
