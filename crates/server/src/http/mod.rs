//! HTTP: connections and their time-outs, TLS, bodies, answers, memory budgets.

pub(crate) mod activity;
pub(crate) mod admin;
pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod connection;
pub(crate) mod listener;
pub(crate) mod memory;
pub(crate) mod permits;
pub(crate) mod shutdown;
mod stream;
pub(crate) mod tls;
