//! Around a method's function: its parameters, the right kind of transaction, a panic in it, the envelope.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
};

use billhook_store::{Store, Tx};
use billhook_wire::{
    Access, Api, Code, Method, Request, envelope,
    method::{IDEMPOTENCY_KEY, Paged},
};
use rustix::process::setpriority_process;
use tokio::{
    sync::{Semaphore, oneshot},
    task::spawn_blocking,
};

use crate::{
    clock::unix_now,
    failure::Failure,
    gate::{
        Asked,
        accounts::{Served, WhichKey},
    },
    methods::{
        cx::{Cx, Function},
        idempotency::{self, Done, Once},
    },
};

/// How many callers at once read what may be long on threads of their own.
pub(crate) const LONG_READS_MAX: usize = 4;
/// How far a thread steps back that reads at length: short requests on the same processors go first.
const LONG_READ_NICE: i32 = 10;

/// A call whose caller has proved who it is.
pub(crate) struct Call<'a> {
    pub(crate) store: &'a Store,
    /// Who may read at length on a thread of its own.
    pub(crate) long_reads: &'a Arc<Semaphore>,
    pub(crate) asked: &'a Asked<'a>,
    pub(crate) account: &'a Arc<Served>,
    pub(crate) request: Request<'a>,
    /// The edition that the credential belongs to.
    pub(crate) api: Api,
    /// The key that the credential fitted: it signs the answer (decision 63).
    pub(crate) key: WhichKey,
}

/// A call that has begun. It ends in the signed envelope.
pub(crate) enum Begun {
    /// It was done at once.
    Done(Envelope),
    /// The store is at work on it.
    Waits(Waiting),
}

/// What waits for the store.
type Waiting = Pin<Box<dyn Future<Output = Result<Envelope, Failure>> + Send>>;

/// A signed envelope, with what goes beside it.
pub(crate) struct Envelope {
    pub(crate) body: Vec<u8>,
    pub(crate) paged: Option<Paged>,
}

/// What a transaction's body has of its call: the body may run on another thread, and more than once.
struct Context {
    account: Arc<Served>,
    now: i64,
    is_https: bool,
    request_id: String,
}

/// Who signs the answer.
struct Signer {
    account: Arc<Served>,
    key: WhichKey,
}

impl Context {
    fn of(call: &Call<'_>) -> Self {
        let Asked { is_https, request_id, .. } = *call.asked;
        Self { account: call.account.clone(), now: unix_now(), is_https, request_id: request_id.to_owned() }
    }

    /// Runs a method in a transaction.
    fn run<A>(
        &self,
        tx: &mut Tx<'_>,
        method: impl FnOnce(&mut Cx<'_, '_>) -> Result<A, Failure>,
    ) -> Result<(A, Option<Paged>), Failure> {
        let Self { account, now, is_https, request_id } = self;
        let (settings, now, is_https) = (&account.settings, *now, *is_https);
        let mut cx = Cx { tx, account: account.id, settings, now, is_https, request_id, paged: None };
        let answer = catch_unwind(AssertUnwindSafe(|| method(&mut cx)))
            .unwrap_or(Err(Failure::Fault("a method panicked")))?;
        Ok((answer, cx.paged))
    }
}

impl Signer {
    /// The envelope of what came of a call, with what its headers tell.
    fn envelope<M: Method>(
        &self,
        (done, paged): (Done<M::Answer>, Option<Paged>),
    ) -> Result<Envelope, Failure> {
        let key = self.account.key(self.key);
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

/// Begins a call. A read that the store does on the caller's thread is done when this returns.
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
    let is_queued_read = access != Access::Write && call.store.queues_reads();
    // Of a read that is still queued when its caller has gone, nothing is done.
    let waits = is_queued_read.then(|| Arc::new(()));
    let wanted = waits.as_ref().map(Arc::downgrade);
    let context = Context::of(call);
    let body = move |tx: &mut Tx<'_>| {
        if wanted.as_ref().is_some_and(|wanted| wanted.strong_count() == 0) {
            return Err(Failure::Fault("nobody waits for a read"));
        }
        context.run(tx, |cx| match &once {
            None => function(cx, &ask).map(Done::Now),
            Some(once) => once.run::<M>(cx, |cx| function(cx, &ask)),
        })
    };
    let signer = Signer { account: call.account.clone(), key: call.key };
    if access != Access::Write && !is_queued_read {
        if access == Access::ReadOne
            && let Some(done) = call.store.read_one_briefly(&body)?
        {
            return signer.envelope::<M>(done).map(Begun::Done);
        }
        return Ok(Begun::Waits(read_at_length::<M>(call, body, signer)));
    }
    let (send, result) = oneshot::channel();
    let done = move |result| {
        // Nobody waits any more if the connection has ended; what was written stays written.
        let _ = send.send(result);
    };
    match access {
        Access::Write => call.store.write_then(Some(call.account.id), body, done),
        Access::ReadOne => call.store.read_one_then(body, done),
        Access::Read => call.store.read_then(body, done),
    }
    Ok(Begun::Waits(Box::pin(async move {
        let done = result.await.map_err(|_| Failure::Fault("the store dropped a transaction"))??;
        drop(waits);
        signer.envelope::<M>(done)
    })))
}

/// Reads on a thread of its own: a window may hold a million orders, and so may a customer. It would keep this thread from all
/// its other connections.
fn read_at_length<M: Method>(
    call: &Call<'_>,
    body: impl FnOnce(&mut Tx<'_>) -> Result<(Done<M::Answer>, Option<Paged>), Failure> + Send + 'static,
    signer: Signer,
) -> Waiting {
    let (store, permits) = (call.store.clone(), call.long_reads.clone());
    let of_account = call.account.long_reads.clone();
    Box::pin(async move {
        let closed = |_| Failure::Fault("no more long reads");
        let permits = [
            of_account.acquire_owned().await.map_err(closed)?,
            permits.acquire_owned().await.map_err(closed)?,
        ];
        let read = move || {
            let _permits = permits;
            // For this thread alone. Where it may not be so, it is as before.
            let _ = setpriority_process(None, LONG_READ_NICE);
            signer.envelope::<M>(store.read(body)?)
        };
        let dropped = |_| Failure::Fault("a read on a thread of its own was dropped");
        spawn_blocking(read).await.map_err(dropped)?
    })
}
