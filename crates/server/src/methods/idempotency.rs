//! The header `Idempotency-Key`: a call repeated with the same key is done once (decision 91).

use billhook_store::{
    self as store, Store,
    accounts::idempotency::{self, DoneCall},
};
use billhook_wire::{Code, Key, Method, Request, envelope, json, method::IDEMPOTENCY_KEY};
use http::HeaderMap;
use serde_json::value::RawValue;

use crate::{failure::Failure, methods::context::Context};

const KEY_BYTES_MAX: usize = 255;
/// How many keys one transaction deletes.
const AT_ONCE: u32 = 500;

pub(super) const UNWRITTEN: Failure = Failure::Fault("an answer could not be written as JSON");

/// The result of a call.
pub(crate) enum Done<A> {
    Now(A),
    /// It was done before, and this is the stored answer.
    Before(DoneCall),
}

/// A call with an idempotency key.
pub(crate) struct Once {
    key: String,
    method: &'static str,
    parameters: String,
}

impl Once {
    /// Reads the header; `None` without one. There may be only one, of 1 to 255 printable ASCII bytes.
    pub(crate) fn of<M: Method>(
        headers: &HeaderMap,
        request: &Request<'_>,
    ) -> Result<Option<Self>, &'static str> {
        let mut sent = headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(key) = sent.next() else { return Ok(None) };
        if sent.next().is_some() {
            return Err("there is more than one");
        }
        let key = key.as_bytes();
        let is_printable = key.iter().all(|byte| matches!(byte, b' '..=b'~'));
        if key.is_empty() || key.len() > KEY_BYTES_MAX || !is_printable {
            return Err("it is not 1 to 255 printable bytes");
        }
        let key = String::from_utf8_lossy(key).into_owned();
        Ok(Some(Self { key, method: M::NAME, parameters: request.parameters_digest() }))
    }

    /// Does the call, unless it was done within the last day. A different call with the same key is refused.
    pub(crate) fn run<M: Method>(
        &self,
        cx: &mut Context<'_, '_>,
        call: impl FnOnce(&mut Context<'_, '_>) -> Result<M::Answer, Failure>,
    ) -> Result<Done<M::Answer>, Failure> {
        match idempotency::find(cx.tx, cx.account, &self.key, cx.now)? {
            Some(done) if done.method == self.method && done.parameters == self.parameters => {
                return Ok(Done::Before(done));
            }
            Some(_) => return Err(cx.wrong(IDEMPOTENCY_KEY, "another call was made with it")),
            None => {}
        }
        let answer = call(cx)?;
        let result = json::to_vec(&answer).map_err(|_| UNWRITTEN)?;
        let done = DoneCall {
            method: self.method.to_owned(),
            parameters: self.parameters.clone(),
            error_text: M::done(&answer).error_text(None, cx.settings.text_case).into_owned(),
            result: String::from_utf8(result).map_err(|_| UNWRITTEN)?,
        };
        idempotency::keep(cx.tx, cx.account, &self.key, &done, cx.now)?;
        Ok(Done::Now(answer))
    }
}

/// The stored answer in a new envelope.
pub(crate) fn repeated(done: DoneCall, key: &Key) -> Result<Vec<u8>, Failure> {
    let result = RawValue::from_string(done.result).map_err(|_| UNWRITTEN)?;
    envelope::repeat(Code::OK, &done.error_text, &result, Some(key)).map_err(|_| UNWRITTEN)
}

/// Deletes all accounts' stored answers that are older than a day.
pub(crate) fn forget_expired(store: &Store, now: i64) -> Result<(), store::Error> {
    loop {
        let expired = store.read_one(|tx| idempotency::expired(tx, now, AT_ONCE))?;
        let is_all = expired.len() < usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
        if !expired.is_empty() {
            store.write(move |tx| idempotency::forget(tx, &expired, now))?;
        }
        if is_all {
            return Ok(());
        }
    }
}
