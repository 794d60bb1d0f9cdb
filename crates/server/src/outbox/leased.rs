//! Leased deliveries with what is sent.

use std::{collections::HashMap, sync::Arc, time::Instant};

use billhook_store::{
    AccountId, Error, Store, Tx,
    outbox::{
        deliveries::{self, Delivery, Node, State, Try},
        endpoints::{self, Endpoint},
        events::{self, Happened},
        queues::Queue,
    },
};
use billhook_wire::Key;

use super::{
    attempt::{Message, Signed},
    schedule,
    target::Target,
    transaction::{read, write},
};
use crate::clock::unix_now;

/// A delivery that this node has leased.
#[derive(Debug)]
pub(super) struct Leased {
    pub(super) account: AccountId,
    /// The host that it holds a slot of.
    pub(super) host: Arc<str>,
    pub(super) delivery: Delivery,
    pub(super) message: Message,
    /// When it was leased, at the earliest.
    pub(super) since: Instant,
}

/// How much may be leased of a queue.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) queue: Queue,
    /// Host and port of the queue's first URL; empty: that is no URL.
    pub(super) host: Arc<str>,
    pub(super) most: usize,
}

/// What was leased of an account.
#[derive(Debug)]
pub(super) struct Lease {
    /// When, at the earliest.
    pub(super) since: Instant,
    /// As many as queues that were asked for.
    pub(super) claimed: Vec<Vec<Delivery>>,
    pub(super) sources: Result<Sources, Error>,
}

impl Lease {
    /// Leases an account's due deliveries, and reads what is sent.
    pub(super) async fn take(
        store: Store,
        account: AccountId,
        node: Node,
        wanted: Vec<Wanted>,
    ) -> Result<Self, Error> {
        let (since, now) = (Instant::now(), unix_now());
        let claim = move |tx: &mut Tx<'_>| {
            let of_queue = |Wanted { queue, most, .. }: &Wanted| {
                deliveries::claim(tx, queue, &node, now, u32::try_from(*most).unwrap_or(u32::MAX))
            };
            wanted.iter().map(of_queue).collect::<Result<Vec<_>, _>>()
        };
        let claimed = write(&store, account, claim).await?;
        let of: Vec<_> = claimed.iter().flatten().cloned().collect();
        let sources = if of.is_empty() {
            Ok(Sources::default())
        } else {
            read(&store, move |tx| Sources::read(tx, account, &of)).await
        };
        Ok(Self { since, claimed, sources })
    }
}

/// The events and endpoints of leased deliveries.
#[derive(Debug, Default)]
pub(super) struct Sources {
    events: HashMap<i64, Happened>,
    endpoints: HashMap<i64, Endpoint>,
}

impl Sources {
    pub(super) fn read(tx: &mut Tx<'_>, account: AccountId, deliveries: &[Delivery]) -> Result<Self, Error> {
        let mut sources = Self::default();
        for delivery in deliveries {
            let (number, endpoint) = (delivery.id.event, delivery.endpoint);
            if !sources.events.contains_key(&number)
                && let Some(event) = events::find(tx, account, number)?
            {
                sources.events.insert(number, event);
            }
            if endpoint != 0
                && !sources.endpoints.contains_key(&endpoint)
                && let Some(found) = endpoints::find(tx, account, endpoint)?
            {
                sources.endpoints.insert(endpoint, found);
            }
        }
        Ok(sources)
    }

    /// What is sent; the error says why it can't be, and what becomes of the delivery.
    pub(super) fn message(
        &self,
        delivery: &Delivery,
        key: &Key,
        now: i64,
    ) -> Result<Message, (State, String)> {
        let failed = |reason: &str| (State::Failed, reason.to_owned());
        let target = Target::parse(&delivery.url).map_err(failed)?;
        let event = self.events.get(&delivery.id.event).ok_or_else(|| failed("the event is gone"))?;
        let (body, signed) = if delivery.endpoint == 0 {
            (&event.form, Signed::Key(key.clone()))
        } else {
            let removed = || (State::Dropped, "the endpoint was removed".to_owned());
            let endpoint = self.endpoints.get(&delivery.endpoint).ok_or_else(removed)?;
            if endpoint.disabled != 0 {
                return Err(failed(&format!("the endpoint is disabled: {}", endpoint.reason)));
            }
            (&event.json, Signed::Secrets(endpoint.secrets(now).cloned().collect()))
        };
        if body.is_empty() {
            return Err((State::Dropped, "the person was erased".to_owned()));
        }
        Ok(Message { id: events::id(event.number), target, body: body.clone().into(), signed })
    }
}

/// What follows a try: a last state, or the time of the next try (unix seconds).
pub(super) fn after(tries_before: u32, tried: &Try, now: i64) -> Result<State, i64> {
    match tried.status {
        _ if tried.reason.is_empty() => Ok(State::Delivered),
        GONE => Ok(State::Failed),
        _ => match schedule::wait(tries_before + 1) {
            Some(seconds) => Err(now + seconds),
            None => Ok(State::Failed),
        },
    }
}

/// The status of a receiver that wants no more events.
pub(super) const GONE: u32 = 410;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_tries_or_one_that_is_final() {
        let after = |tries, status, reason: &str| {
            let tried = Try { status, reason: reason.to_owned(), ..Try::default() };
            after(tries, &tried, 1_000)
        };
        assert_eq!(after(0, 204, ""), Ok(State::Delivered));
        assert_eq!(after(0, 410, "answered 410"), Ok(State::Failed));
        assert!((1_004..=1_006).contains(&after(0, 500, "answered 500").unwrap_err()));
        assert!((1_240..=1_360).contains(&after(1, 0, "refused").unwrap_err()));
        assert!(after(8, 0, "refused").is_err());
        assert_eq!(after(9, 0, "refused"), Ok(State::Failed));
    }
}
