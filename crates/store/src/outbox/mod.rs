//! The outbox: what happened to orders and contacts, who is told of it, and what has become of each delivery.

pub mod deliveries;
pub mod endpoints;
pub mod events;
pub mod queues;
