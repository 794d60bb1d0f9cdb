//! The commands, each in a file or a folder of its own.

pub(crate) mod account;
pub(crate) mod backup;
pub(crate) mod call;
pub(crate) mod category;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod copy;
pub(crate) mod coupon;
pub(crate) mod customer;
pub(crate) mod delivery;
mod demo;
pub(crate) mod docs;
pub(crate) mod explain;
pub(crate) mod log;
pub(crate) mod managers;
pub(crate) mod migrate;
pub(crate) mod order;
pub(crate) mod outbox;
pub(crate) mod partner;
pub(crate) mod person;
pub(crate) mod product;
pub(crate) mod report;
mod resource;
pub(crate) mod restore;
pub(crate) mod serve;
pub(crate) mod trigger;
pub(crate) mod webhook;
