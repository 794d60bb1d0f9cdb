//! The table of methods: each type of parameters and the function that answers it.
//!
//! What a method needs around its function stands here once for all of them: reading the parameters, the right kind of
//! transaction, catching a panic, writing the envelope.

mod create_order;
pub(crate) mod cx;
mod goods;
pub(crate) mod idempotency;
mod order_info;
mod orders;
mod shop;

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
};

use billhook_store::{Store, Tx};
use billhook_wire::{
    Access, Api, Code, Method, Request, envelope,
    method::{
        AddGood, CreateOrder, CreateOrder2, DeleteGood, DeleteOrder, GetAllGoods, GetBills, GetCoupons,
        GetGoods, GetOrderDetails, GetOrderInfo, GetOrders, GetOrdersWithGoods, GetPersonalManagers,
        IDEMPOTENCY_KEY, Paged, UpdateGood, UpdateOrderStatus,
    },
};
use http::HeaderMap;
use rustix::process::setpriority_process;
use serde::Serialize;
use tokio::{
    sync::{Semaphore, oneshot},
    task::spawn_blocking,
};

use self::{
    cx::Cx,
    idempotency::{Done, Once},
};
use crate::{
    failure::Failure,
    gate::accounts::{Served, WhichKey},
    request::unix_now,
};

/// How far a thread steps back that reads at length: short requests on the same processors go first.
const LONG_READ_NICE: i32 = 10;

/// Every method that the server answers.
pub(crate) fn table() -> Methods {
    Methods::new()
        .on::<GetBills>(orders::get_bills)
        .on::<CreateOrder>(create_order::create_order)
        .on::<UpdateOrderStatus>(orders::update_order_status)
        .on::<DeleteOrder>(orders::delete_order)
        .on::<GetOrderDetails>(orders::get_order_details)
        .on::<GetOrderInfo>(orders::get_order_info)
        .on::<GetOrders>(orders::get_orders)
        .on::<GetOrdersWithGoods>(orders::get_orders_with_goods)
        .on::<GetAllGoods>(goods::get_all_goods)
        .on::<AddGood>(goods::add_good)
        .on::<UpdateGood>(goods::update_good)
        .on::<DeleteGood>(goods::delete_good)
        .on::<CreateOrder2>(create_order::create_order_2)
        .on::<GetGoods>(goods::get_goods)
        .on::<GetCoupons>(shop::get_coupons)
        .on::<GetPersonalManagers>(shop::get_personal_managers)
}

/// A method's function. It takes its parameters by reference because a write may run twice.
type Function<M> = fn(&mut Cx<'_, '_>, &M) -> Result<<M as Method>::Answer, Failure>;

/// A call that has begun. It ends in the signed envelope.
pub(crate) enum Begun {
    /// It was done at once.
    Done(Envelope),
    /// The store is at work on it.
    Waits(Pin<Box<dyn Future<Output = Result<Envelope, Failure>> + Send>>),
}

/// A signed envelope, with what goes beside it.
pub(crate) struct Envelope {
    pub(crate) body: Vec<u8>,
    pub(crate) paged: Option<Paged>,
}

/// How a method's call begins, whatever its types.
type Begin = dyn Fn(&Call<'_>) -> Result<Begun, Failure> + Send + Sync;

/// A call whose caller has proved who it is.
pub(crate) struct Call<'a> {
    pub(crate) store: &'a Store,
    pub(crate) account: &'a Arc<Served>,
    /// The key that the caller's credential fitted: it signs the answer (decision 63).
    pub(crate) key: WhichKey,
    pub(crate) request: &'a Request<'a>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) request_id: &'a str,
    /// Whether links lead to HTTPS where the account does not say it.
    pub(crate) is_https: bool,
    /// Who may read at length on a thread of its own.
    pub(crate) long_reads: &'a Arc<Semaphore>,
}

/// The table, by folded name (decision 5).
#[derive(Default)]
pub(crate) struct Methods {
    by_name: HashMap<String, Editions>,
}

/// The methods of one folded name: `CreateOrder` and `createorder` differ only in their edition.
#[derive(Default)]
struct Editions {
    signed: Option<Entry>,
    keyed: Option<Entry>,
}

/// One method, its types gone.
pub(crate) struct Entry {
    name: &'static str,
    begin: Box<Begin>,
}

impl Methods {
    /// An empty table.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Joins a method and its function. A method that is there already is replaced; a test sees to it that none is.
    pub(crate) fn on<M: Method>(mut self, function: Function<M>) -> Self {
        let entry = Entry { name: M::NAME, begin: Box::new(move |call| begin(function, call)) };
        let editions = self.by_name.entry(M::NAME.to_ascii_lowercase()).or_default();
        match M::API {
            Api::Signed => editions.signed = Some(entry),
            Api::Keyed => editions.keyed = Some(entry),
        }
        self
    }

    /// The method of a path, for the edition that the credential belongs to, else for the other one (decisions 5 and 53).
    pub(crate) fn find(&self, path: &str, credential: Api) -> Option<&Entry> {
        let editions = self.editions(path)?;
        match credential {
            Api::Signed => editions.signed.as_ref().or(editions.keyed.as_ref()),
            Api::Keyed => editions.keyed.as_ref().or(editions.signed.as_ref()),
        }
    }

    /// The name of the method that a path leads to, in the table's own spelling: for log and metrics.
    pub(crate) fn name_of(&self, path: &str) -> Option<&'static str> {
        let editions = self.editions(path)?;
        editions.signed.as_ref().or(editions.keyed.as_ref()).map(|entry| entry.name)
    }

    fn editions(&self, path: &str) -> Option<&Editions> {
        let name = path.strip_prefix("/api/")?;
        let name = name.strip_suffix('/').unwrap_or(name);
        self.by_name.get(&name.to_ascii_lowercase())
    }
}

impl Entry {
    /// Begins the call. A read that the store does on the caller's thread is done when this returns.
    pub(crate) fn begin(&self, call: &Call<'_>) -> Result<Begun, Failure> {
        (self.begin)(call)
    }
}

fn begin<M: Method>(function: Function<M>, call: &Call<'_>) -> Result<Begun, Failure> {
    let ask: M = call.request.parameters().map_err(|(code, field)| {
        tracing::debug!(request = call.request_id, field, "a parameter is missing or wrong");
        Failure::from(code)
    })?;
    let access = ask.access();
    if access == Access::Write {
        return begin_write(function, call, ask);
    }
    let served = call.account.clone();
    let (now, request_id, is_https) = (unix_now(), call.request_id.to_owned(), call.is_https);
    let body = move |tx: &mut Tx<'_>| {
        let (account, settings, request_id) = (served.id, &served.settings, &*request_id);
        let mut cx = Cx { tx, account, settings, now, is_https, request_id, paged: None };
        let answer = catch_unwind(AssertUnwindSafe(|| function(&mut cx, &ask)))
            .unwrap_or(Err(Failure::Fault("a method panicked")));
        answer.map(|answer| (answer, cx.paged))
    };
    let (served, key) = (call.account.clone(), call.key);
    if !call.store.queues_reads() {
        if access == Access::ReadOne
            && let Some(answer) = call.store.read_one_briefly(&body)?
        {
            return written(M::DONE, &answer, &served, key).map(Begun::Done);
        }
        // A window may hold a million orders, and so may a customer: it would keep the thread from all its other connections.
        let (store, permits) = (call.store.clone(), call.long_reads.clone());
        return Ok(Begun::Waits(Box::pin(async move {
            let dropped = |_| Failure::Fault("a read on a thread of its own was dropped");
            let none = |_| Failure::Fault("no more long reads");
            let own = served.long_reads().clone().acquire_owned().await.map_err(none)?;
            let permit = permits.acquire_owned().await.map_err(none)?;
            let read = move || {
                let _permits = (own, permit);
                // For this thread alone. Where it may not be so, it is as before.
                let _ = setpriority_process(None, LONG_READ_NICE);
                written(M::DONE, &store.read(body)?, &served, key)
            };
            spawn_blocking(read).await.map_err(dropped)?
        })));
    }
    let (send, result) = oneshot::channel();
    let done = move |result| {
        // Nobody waits any more if the connection has ended.
        let _ = send.send(result);
    };
    // Of a read that is still queued when its caller has gone, nothing is done.
    let waits = Arc::new(());
    let wanted = Arc::downgrade(&waits);
    let body = move |tx: &mut Tx<'_>| {
        if wanted.strong_count() == 0 {
            return Err(Failure::Fault("nobody waits for a read"));
        }
        body(tx)
    };
    if access == Access::ReadOne {
        call.store.read_one_then(body, done);
    } else {
        call.store.read_then(body, done);
    }
    Ok(Begun::Waits(Box::pin(async move {
        let answer = result.await.map_err(|_| Failure::Fault("the store dropped a transaction"))??;
        drop(waits);
        written(M::DONE, &answer, &served, key)
    })))
}

/// As [`begin`], for a call that may write.
fn begin_write<M: Method>(function: Function<M>, call: &Call<'_>, ask: M) -> Result<Begun, Failure> {
    let once = Once::of::<M>(call.headers, call.request).map_err(|reason| {
        tracing::debug!(request = call.request_id, field = IDEMPOTENCY_KEY, reason, "a header is wrong");
        Failure::from(Code::WRONG_DATA)
    })?;
    let (served, now, request_id) = (call.account.clone(), unix_now(), call.request_id.to_owned());
    let (account, key, is_https) = (served.id, call.key, call.is_https);
    let body = move |tx: &mut Tx<'_>| {
        let (settings, request_id) = (&served.settings, &*request_id);
        let mut cx = Cx { tx, account, settings, now, is_https, request_id, paged: None };
        let run = || match &once {
            None => function(&mut cx, &ask).map(Done::Now),
            Some(once) => once.run(&mut cx, M::DONE, |cx| function(cx, &ask)),
        };
        catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(Failure::Fault("a method panicked")))
    };
    let (send, result) = oneshot::channel();
    let served = call.account.clone();
    call.store.write_then(Some(account), body, move |result| {
        // Nobody waits any more if the connection has ended; what was written stays written.
        let _ = send.send(result);
    });
    Ok(Begun::Waits(Box::pin(async move {
        match result.await.map_err(|_| Failure::Fault("the store dropped a transaction"))?? {
            Done::Now(answer) => written(M::DONE, &(answer, None), &served, key),
            Done::Before(done) => {
                let body = idempotency::told_again(M::DONE, done, served.key(key))?;
                Ok(Envelope { body, paged: None })
            }
        }
    })))
}

/// The envelope of an answer.
fn written(
    done: Code,
    (answer, paged): &(impl Serialize, Option<Paged>),
    served: &Served,
    key: WhichKey,
) -> Result<Envelope, Failure> {
    let body = envelope::write(done, None, served.settings.text_case, answer, Some(served.key(key)))
        .map_err(|_| Failure::Fault("an answer could not be written as JSON"))?;
    Ok(Envelope { body, paged: *paged })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use billhook_wire::method::{METHODS, TO_COME};
    use serde::{Deserialize, Serialize};

    use super::*;

    #[test]
    fn the_table_is_the_protocols_list() {
        let listed: Vec<_> = METHODS
            .iter()
            .map(|method| (method.name.to_ascii_lowercase(), method.api == Api::Signed))
            .collect();
        let unique: BTreeSet<_> = listed.iter().cloned().collect();
        assert_eq!(unique.len(), listed.len(), "a method stands twice in METHODS");
        let answered: BTreeSet<_> = table()
            .by_name
            .iter()
            .flat_map(|(name, editions)| {
                let signed = editions.signed.iter().map(|_| (name.clone(), true));
                signed.chain(editions.keyed.iter().map(|_| (name.clone(), false))).collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(answered, unique);
        let to_come = TO_COME.map(|(name, api)| (name.to_ascii_lowercase(), api == Api::Signed));
        assert!(
            to_come.iter().all(|method| !unique.contains(method)),
            "a method that is here is not to come"
        );
    }

    macro_rules! nothing {
        ($name:ident, $method:literal, $api:expr) => {
            #[derive(Serialize, Deserialize)]
            struct $name {}
            impl Method for $name {
                const NAME: &'static str = $method;
                const API: Api = $api;
                const ACCESS: Access = Access::Read;
                const REFUSALS: &'static [Code] = &[];
                type Answer = [(); 0];
            }
        };
    }
    nothing!(Create, "CreateOrder", Api::Signed);
    nothing!(Create2, "createorder", Api::Keyed);
    nothing!(AllGoods, "GetAllGoods", Api::Signed);
    nothing!(Coupons, "getcoupons", Api::Keyed);

    #[test]
    fn the_credential_picks_the_edition() {
        let table = Methods::new()
            .on::<Create>(|_, _| Ok([]))
            .on::<Create2>(|_, _| Ok([]))
            .on::<AllGoods>(|_, _| Ok([]))
            .on::<Coupons>(|_, _| Ok([]));
        let found = |path, api| table.find(path, api).map(|entry| entry.name);
        for path in ["/api/CreateOrder", "/api/createorder", "/api/CREATEORDER/"] {
            assert_eq!(found(path, Api::Signed), Some("CreateOrder"), "{path}");
            assert_eq!(found(path, Api::Keyed), Some("createorder"), "{path}");
        }
        assert_eq!(found("/api/getallgoods", Api::Keyed), Some("GetAllGoods"));
        assert_eq!(found("/api/GetCoupons", Api::Signed), Some("getcoupons"));
        for path in [
            "/",
            "/api/",
            "/api",
            "/GetAllGoods",
            "/api/GetAllGoods//",
            "/api//GetAllGoods",
            "/api/Nothing",
            "/api/%47etAllGoods",
        ] {
            assert_eq!(found(path, Api::Signed), None, "{path}");
        }
    }
}
