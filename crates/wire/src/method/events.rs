//! `billhook.events`: what happened to an account's orders (decision 96).
//!
//! A method of ours. It is no part of the protocol, and so stands in no list of methods.

use serde::{Deserialize, Serialize};

use super::{Access, Api, Example, Limit, Method};
use crate::Code;

/// The events of the account, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetEvents {
    /// Only events with a higher number than this one. Without it: none of the past, only the newest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// For how many seconds the server waits for an event, where there is none to show:
    /// [`WAIT_MAX`](super::WAIT_MAX) at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<u32>,
    /// At most so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
}

impl Method for GetEvents {
    const NAME: &'static str = "billhook.events";
    const API: Api = Api::Keyed;
    const ACCESS: Access = Access::Read;
    const REFUSALS: &'static [Code] = &[];
    const EXAMPLE: Example = &[];
    type Answer = EventList;
}

/// Some events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventList {
    /// What to send as `after` in the next call.
    pub last: i64,
    /// What happens that an endpoint asks for. Nothing else is in the list.
    pub asked: Vec<String>,
    /// The events.
    pub events: Vec<EventInfo>,
}

/// An event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventInfo {
    /// Its number. A later event of the same order has a higher one.
    pub number: i64,
    /// Its id, which each of its deliveries carries as `webhook-id`.
    pub id: String,
    /// What happened: `created`, `paid`, `cancelled`, `prepaid`, `moneyback`, or `test`.
    pub event: String,
    /// The order; 0: none.
    pub order: i64,
    /// When, unix seconds.
    pub at: i64,
    /// The body that webhook endpoints get.
    pub json: String,
    /// The body that products' URLs get; empty: nobody asked for it.
    pub form: String,
}
