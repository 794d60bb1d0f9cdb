//! The header `Idempotency-Key`: a call that is repeated under the same key is done once (decision 91).

use billhook_store::{
    self as store, Store,
    idempotency::{self, DoneCall},
};
use billhook_wire::{Code, Key, Method, Request, envelope, json, method::IDEMPOTENCY_KEY};
use http::HeaderMap;
use serde_json::value::RawValue;

use crate::{failure::Failure, methods::context::Context};

/// The longest key, in bytes.
const KEY_BYTES_MAX: usize = 255;
/// Keys that are forgotten in one transaction.
const AT_ONCE: u32 = 500;

pub(super) const UNWRITTEN: Failure = Failure::Fault("an answer could not be written as JSON");

/// What came of a call.
pub(crate) enum Done<A> {
    /// It was done now.
    Now(A),
    /// It was done before, with this answer.
    Before(DoneCall),
}

/// What a caller wants done once.
pub(crate) struct Once {
    key: String,
    method: &'static str,
    parameters: String,
}

impl Once {
    /// What a call of the method wants; none without the header. A key is 1 to 255 printable ASCII bytes, and there is one.
    pub(crate) fn of<M: Method>(
        headers: &HeaderMap,
        request: &Request<'_>,
    ) -> Result<Option<Self>, &'static str> {
        let mut sent = headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(key) = sent.next() else { return Ok(None) };
        if sent.next().is_some() {
            return Err("there are two of them");
        }
        let key = key.as_bytes();
        let is_printable = key.iter().all(|byte| matches!(byte, b' '..=b'~'));
        if key.is_empty() || key.len() > KEY_BYTES_MAX || !is_printable {
            return Err("it is not 1 to 255 printable bytes");
        }
        let key = String::from_utf8_lossy(key).into_owned();
        Ok(Some(Self { key, method: M::NAME, parameters: request.parameters_digest() }))
    }

    /// Does the call, unless it was done within the last day. Another one under its key is refused.
    pub(crate) fn run<M: Method>(
        &self,
        cx: &mut Context<'_, '_>,
        call: impl FnOnce(&mut Context<'_, '_>) -> Result<M::Answer, Failure>,
    ) -> Result<Done<M::Answer>, Failure> {
        match idempotency::find(cx.tx, cx.account, &self.key, cx.now)? {
            Some(done) if done.method == self.method && done.parameters == self.parameters => {
                return Ok(Done::Before(done));
            }
            Some(_) => return Err(cx.wrong(IDEMPOTENCY_KEY, "another call was done under it")),
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

/// The envelope of the answer that was given before, signed anew.
pub(crate) fn repeated(done: DoneCall, key: &Key) -> Result<Vec<u8>, Failure> {
    let result = RawValue::from_string(done.result).map_err(|_| UNWRITTEN)?;
    envelope::repeat(Code::OK, &done.error_text, &result, Some(key)).map_err(|_| UNWRITTEN)
}

/// Forgets the calls of all accounts that are more than a day old.
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
