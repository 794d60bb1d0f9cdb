//! A call of the API: the checks in the order of decision 2, then the method.

use std::{borrow::Cow, time::Duration};

use billhook_wire::{Api, Code, Credential, Key, Method as _, Request, method::GetCalls, mistake};
use http::{HeaderValue, Method, StatusCode, header};

use crate::{
    clock::unix_now,
    failure::{Failure, caught},
    gate::{Asked, accounts::Served},
    http::{
        answer::Answer,
        body::{Body, BodyError},
    },
    methods::call::{Begun, Call, Envelope},
    state::State,
    telemetry::{
        calls::{self, Refused, Trace},
        refusal,
    },
};

/// What is known of a call beside its answer.
pub(crate) struct Called {
    /// The key that signs the answer: the one that the caller used (decision 63); `None` where that is not known.
    pub(crate) key: Option<Key>,
    pub(crate) trace: Trace,
}

/// Answers a call.
pub(crate) async fn answer(
    state: &State,
    asked: &Asked<'_>,
    fresh: Result<(), Failure>,
    body: Result<Body, BodyError>,
) -> (Result<Answer, Failure>, Called) {
    let admitted = caught(async {
        fresh?;
        admit(state, asked, &body)
    });
    let (key, begun) = match admitted.await {
        Ok(call) => (Some(call.key.clone()), caught(async { begin(state, &call) }).await),
        Err(failure) => (None, Err(failure)),
    };
    let refused = begun.as_ref().err().and_then(|failure| refused(asked, &body, failure));
    let trace = Trace { is_authentic: key.is_some(), refused };
    // Free the request's memory before the wait for the store.
    drop(body);
    let envelope = match begun {
        Ok(Begun::Done(envelope)) => Ok(envelope),
        Ok(Begun::Waits(envelope)) => caught(envelope).await,
        Err(failure) => Err(failure),
    };
    let of_account = asked.account.as_ref().map(|account| &account.answers);
    let budgets = [Some(&state.answer_budget), of_account];
    let outcome = envelope.and_then(|Envelope { body, paged }| Answer::done(body, paged, budgets));
    (outcome, Called { key, trace })
}

/// The checks before those of the method.
fn admit<'a>(
    state: &'a State,
    asked: &'a Asked<'_>,
    body: &'a Result<Body, BodyError>,
) -> Result<Call<'a>, Failure> {
    if asked.head.method != Method::POST {
        return Err(Failure::Http(StatusCode::METHOD_NOT_ALLOWED));
    }
    let account = asked.account.as_ref().ok_or(Code::NO_USER)?;
    account.admit(asked.caller)?;
    let body = match body {
        Ok(body) => &*body.bytes,
        Err(BodyError::TooLarge { .. }) => return Err(Failure::Http(StatusCode::PAYLOAD_TOO_LARGE)),
        Err(BodyError::Broken) => return Err(Failure::Http(StatusCode::BAD_REQUEST)),
        Err(BodyError::NoMemory) => return Err(Failure::NoRoom),
    };
    let content_type = content_type(asked);
    let keys: Vec<_> = account.keys(unix_now()).collect();
    let request = Request::read(content_type, body);
    if request.is_empty() {
        let media_type = media_type(content_type);
        tracing::debug!(request = asked.request_id, media_type, bytes = body.len(), "no parameters");
        return Err(Code::NO_DATA.into());
    }
    if request.over_limit() {
        return Err(Code::WRONG_DATA.into());
    }
    let api = match request.credential() {
        Credential::Absent => return Err(Code::NO_HASH.into()),
        Credential::Hash => Api::Signed,
        Credential::Key(_) => Api::Keyed,
    };
    let key = request.verify(&account.login, &keys).ok_or_else(|| {
        log_mistake(asked.request_id, account, content_type, body);
        Code::WRONG_HASH
    })?;
    Ok(Call { store: &state.store, asked, account, request, api, key })
}

/// The body of a call that was refused for its credential or its parameters: the one who sent it will want to know why.
fn refused(asked: &Asked<'_>, body: &Result<Body, BodyError>, failure: &Failure) -> Option<Box<Refused>> {
    let is_asked_about = match failure {
        Failure::Refused { code, .. } => !matches!(*code, Code::NO_USER | Code::DISABLED | Code::IP_DENIED),
        Failure::Http(status) => *status == StatusCode::NOT_FOUND,
        _ => false,
    };
    let body = body.as_ref().ok().filter(|_| is_asked_about && asked.account.is_some())?;
    Some(Box::new(Refused::of(content_type(asked), &body.bytes)))
}

/// What the head says of the body's form.
fn content_type<'a>(asked: &Asked<'a>) -> Option<&'a [u8]> {
    asked.head.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes)
}

/// Finds and begins the method. That there is none is answered only to authenticated callers (decision 4).
fn begin(state: &State, call: &Call<'_>) -> Result<Begun, Failure> {
    let path = call.asked.head.uri.path();
    let Some(method) = state.methods.find(path, call.api) else {
        state.reporter.unserved(call.account, path, call.asked.request_id);
        return Err(Failure::Http(StatusCode::NOT_FOUND));
    };
    (method.begin)(call)
}

/// Keeps a call for who asks about it later. Looking at the calls is not one of them, or each look would end the next wait.
pub(crate) fn keep(
    state: &State,
    account: &Served,
    asked: &Asked<'_>,
    method: Option<&'static str>,
    answer: &Answer,
    took: Duration,
    trace: Trace,
) {
    let method = match method {
        Some(GetCalls::NAME) if answer.code == Code::OK => return,
        Some(name) => Cow::Borrowed(name),
        None => Cow::Owned(refusal::shown_path(account, asked.head.uri.path())),
    };
    let call = calls::Call {
        number: 0,
        method,
        code: answer.code.number(),
        status: answer.status,
        caller: asked.caller,
        took,
        request_id: asked.request_id.into(),
        trace,
    };
    if account.calls.add(call) {
        state.directory.forget_calls();
    }
}

/// Logs, at debug level only, the caller's likely mistake in signing. Each hash is cut to its first digits,
/// because a whole one could be used to send the request.
fn log_mistake(request_id: &str, account: &Served, content_type: Option<&[u8]>, body: &[u8]) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let diagnosis = mistake::diagnose(&account.login, &account.key, content_type, body);
    let sent = diagnosis.sent.as_deref().map(mistake::first_digits);
    tracing::debug!(
        request = request_id,
        account = account.login.as_str(),
        verdict = %diagnosis.verdict,
        text = diagnosis.encoded.text_for_log,
        expected = mistake::first_digits(&diagnosis.encoded.hash),
        sent,
        "a credential was refused"
    );
}

/// The part of a `Content-Type` that may be logged: the rest is the caller's text and may be a secret.
fn media_type(content_type: Option<&[u8]>) -> &'static str {
    const KNOWN: [&str; 8] = [
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/json",
        "application/octet-stream",
        "application/xml",
        "text/html",
        "text/plain",
        "text/xml",
    ];
    let Some(content_type) = content_type else { return "none" };
    let named = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    KNOWN.into_iter().find(|known| named.eq_ignore_ascii_case(known.as_bytes())).unwrap_or("another")
}
