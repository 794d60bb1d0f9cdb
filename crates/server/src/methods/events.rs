//! `billhook.events`: what happened to the account's orders (decision 96).

use std::{pin::pin, time::Duration};

use billhook_store::{
    AccountId, Extent, Store,
    outbox::{
        endpoints::{self, Endpoint},
        events::{self, Happened},
    },
};
use billhook_wire::{
    Code, envelope,
    lead_event::event_words,
    method::{EventInfo, EventList, GetEvents, Limit, WAIT_MAX},
};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};

use crate::{
    failure::Failure,
    methods::call::{Begun, Call, Envelope},
};

/// How many events are answered where no limit is asked for.
const LIMIT_DEFAULT: u32 = 100;
/// How often the store is asked while a call waits.
const INTERVAL: Duration = Duration::from_millis(500);
const UNWRITTEN: Failure = Failure::Fault("the events could not be written as JSON");

/// Begins the call. It holds no thread while it waits.
pub(super) fn begin(call: &Call<'_>) -> Result<Begun, Failure> {
    let ask: GetEvents = call.request.parameters().map_err(|(code, _)| code)?;
    let (store, account, key) = (call.store.clone(), call.account.clone(), call.key.clone());
    Ok(Begun::Waits(Box::pin(async move {
        let until = Instant::now() + Duration::from_secs(ask.wait.unwrap_or(0).min(WAIT_MAX).into());
        let mut stop = pin!(account.calls.all.stop.begun());
        let answer = loop {
            let list = listed(&store, account.id, &ask).await?;
            if !list.events.is_empty() || ask.after.is_none() || Instant::now() >= until {
                break list;
            }
            tokio::select! {
                () = sleep(INTERVAL) => {}
                () = &mut stop => break list,
            }
        };
        let body = envelope::write(Code::OK, None, account.settings.text_case, &answer, Some(&key))
            .map_err(|_| UNWRITTEN)?;
        Ok(Envelope { body, paged: None })
    })))
}

/// The events that are there now.
async fn listed(store: &Store, account: AccountId, ask: &GetEvents) -> Result<EventList, Failure> {
    let (send, listed) = oneshot::channel();
    let (is_shared, after) = (store.is_shared(), ask.after);
    let most = ask.limit.map_or(LIMIT_DEFAULT, Limit::get);
    let read = store.begin_read(
        account,
        Extent::Transaction,
        move |tx| {
            let endpoints = endpoints::list(tx, account)?;
            let (last, events) = match after {
                None => (events::newest(tx, account, is_shared)?, Vec::new()),
                Some(after) => (after, events::after(tx, account, after, is_shared, most)?),
            };
            Ok::<_, Failure>((last, events, asked(&endpoints)))
        },
        || (move |read| drop(send.send(read)), || true),
    );
    let read = match read {
        Some(read) => read,
        None => listed.await.map_err(|_| Failure::Fault("the store dropped a transaction"))?,
    };
    let (last, events, asked) = read?;
    let last = events.last().map_or(last, |event| event.number);
    Ok(EventList { last, asked, events: events.into_iter().map(info).collect() })
}

/// What endpoints ask for.
fn asked(endpoints: &[Endpoint]) -> Vec<String> {
    let is_asked =
        |word: &&str| endpoints.iter().any(|endpoint| endpoint.disabled == 0 && endpoint.asks_for(word));
    event_words().filter(is_asked).map(str::to_owned).collect()
}

fn info(happened: Happened) -> EventInfo {
    let Happened { number, event, order, at, form, json, contact: _ } = happened;
    EventInfo { number, id: events::id(number), event, order: order.0, at, json, form }
}
