//! Runs a method's function: parameters, kind of transaction, panics, envelope.

use std::{
    net::IpAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
};

use billhook_store::{Extent, Store, Tx};
use billhook_wire::{
    Access, Api, Code, Key, Method, Request, envelope,
    method::{IDEMPOTENCY_KEY, Paged},
};
use tokio::sync::oneshot;

use crate::{
    clock::unix_now,
    failure::Failure,
    gate::{Asked, accounts::Served},
    methods::{
        context::{Context, Function},
        idempotency::{self, Done, Once},
    },
};

/// An authenticated call.
pub(crate) struct Call<'a> {
    pub(crate) store: &'a Store,
    pub(crate) asked: &'a Asked<'a>,
    pub(crate) account: &'a Arc<Served>,
    pub(crate) request: Request<'a>,
    /// The API version of the credential.
    pub(crate) api: Api,
    /// The caller's key, which signs the answer (decision 63).
    pub(crate) key: &'a Key,
}

/// A call that has begun.
pub(crate) enum Begun {
    Done(Envelope),
    Waits(Waiting),
}

type Waiting = Pin<Box<dyn Future<Output = Result<Envelope, Failure>> + Send>>;

/// A signed envelope, with data for the HTTP headers.
pub(crate) struct Envelope {
    pub(crate) body: Vec<u8>,
    pub(crate) paged: Option<Paged>,
}

/// What a transaction's body needs. The body may run on another thread, and more than once.
struct Origin {
    account: Arc<Served>,
    now: i64,
    is_https: bool,
    caller: IpAddr,
    request_id: String,
}

#[derive(Clone)]
struct Signer {
    account: Arc<Served>,
    key: Key,
}

impl Origin {
    fn of(call: &Call<'_>) -> Self {
        let Asked { is_https, request_id, caller, .. } = *call.asked;
        Self {
            account: call.account.clone(),
            now: unix_now(),
            is_https,
            caller,
            request_id: request_id.to_owned(),
        }
    }

    fn run<A>(
        &self,
        tx: &mut Tx<'_>,
        method: impl FnOnce(&mut Context<'_, '_>) -> Result<A, Failure>,
    ) -> Result<(A, Option<Paged>), Failure> {
        let Self { account, now, is_https, caller, request_id } = self;
        let mut cx = Context {
            tx,
            account: account.id,
            settings: &account.settings,
            now: *now,
            is_https: *is_https,
            caller: Some(*caller),
            domains: &account.domains,
            request_id,
            paged: None,
        };
        let answer = catch_unwind(AssertUnwindSafe(|| method(&mut cx)))
            .unwrap_or(Err(Failure::Fault("a method panicked")))?;
        Ok((answer, cx.paged))
    }
}

impl Signer {
    /// Writes the envelope of a result.
    fn envelope<M: Method>(
        &self,
        (done, paged): (Done<M::Answer>, Option<Paged>),
    ) -> Result<Envelope, Failure> {
        let key = &self.key;
        let body = match done {
            Done::Now(answer) => {
                envelope::write(M::done(&answer), None, self.account.settings.text_case, &answer, Some(key))
                    .map_err(|_| idempotency::UNWRITTEN)?
            }
            Done::Before(done) => idempotency::repeated(done, key)?,
        };
        Ok(Envelope { body, paged })
    }
}

/// Begins a call. A brief read is finished on return.
pub(super) fn begin<M: Method>(function: Function<M>, call: &Call<'_>) -> Result<Begun, Failure> {
    let request_id = call.asked.request_id;
    let ask: M = call.request.parameters().map_err(|(code, field)| {
        tracing::debug!(request = request_id, field, "a parameter is missing or wrong");
        Failure::from(code)
    })?;
    let access = ask.access();
    let once = match access {
        Access::Write => Once::of::<M>(&call.asked.head.headers, &call.request).map_err(|reason| {
            tracing::debug!(request = request_id, field = IDEMPOTENCY_KEY, reason, "a header is wrong");
            Failure::from(Code::WRONG_DATA)
        })?,
        Access::ReadOne | Access::Read => None,
    };
    let origin = Origin::of(call);
    let body = move |tx: &mut Tx<'_>| {
        origin.run(tx, |cx| match &once {
            None => function(cx, &ask).map(Done::Now),
            Some(once) => once.run::<M>(cx, |cx| function(cx, &ask)),
        })
    };
    let signer = Signer { account: call.account.clone(), key: call.key.clone() };
    let extent = match access {
        Access::ReadOne => Extent::Statement,
        Access::Read => Extent::Transaction,
        Access::Write => {
            let (send, result) = oneshot::channel();
            // If the connection has ended, nobody receives the answer. The write is still committed.
            call.store.write_then(Some(call.account.id), body, |result| drop(send.send(result)));
            return Ok(Begun::Waits(Box::pin(async move {
                let done = result.await.map_err(|_| DROPPED)??;
                signer.envelope::<M>(done)
            })));
        }
    };
    let mut waiting = None;
    let read = call.store.begin_read(call.account.id, extent, body, || {
        let (send, envelope) = oneshot::channel();
        let (caller, signer) = (Arc::new(()), signer.clone());
        let is_awaited = Arc::downgrade(&caller);
        waiting = Some((envelope, caller));
        // A long answer is also serialised on that thread.
        let done =
            move |read: Result<_, Failure>| drop(send.send(read.and_then(|done| signer.envelope::<M>(done))));
        (done, move || is_awaited.strong_count() > 0)
    });
    match (read, waiting) {
        (Some(done), _) => signer.envelope::<M>(done?).map(Begun::Done),
        (None, Some((envelope, caller))) => Ok(Begun::Waits(Box::pin(async move {
            let envelope = envelope.await.map_err(|_| DROPPED)?;
            drop(caller);
            envelope
        }))),
        (None, None) => Err(DROPPED),
    }
}

const DROPPED: Failure = Failure::Fault("the store dropped a transaction");
