//! A call of the API: the checks in the order of decision 2, then the method.

use billhook_wire::{Api, Code, Credential, Request, mistake};
use http::{HeaderValue, Method, StatusCode, header};

use crate::{
    clock::unix_now,
    failure::{Failure, caught},
    gate::{
        Asked,
        accounts::{Served, WhichKey},
    },
    http::{
        answer::Answer,
        body::{Body, BodyError},
    },
    methods::call::{Begun, Call, Envelope},
    state::State,
    telemetry::calls::{Refused, Trace},
};

/// Answers a call, and says which key signs the answer: the one that the caller used (decision 63), or the current one where
/// that is not known. What is known of the call goes into its `trace`.
pub(crate) async fn answer(
    state: &State,
    asked: &Asked<'_>,
    fresh: Result<(), Failure>,
    body: Result<Body, BodyError>,
    trace: &mut Trace,
) -> (WhichKey, Result<Answer, Failure>) {
    let admitted = caught(async {
        fresh?;
        admit(state, asked, &body)
    });
    let call = match admitted.await {
        Ok(call) => call,
        Err(failure) => {
            trace.refused = refused(asked, &body, &failure);
            return (WhichKey::Current, Err(failure));
        }
    };
    let key = call.key;
    trace.is_authentic = true;
    let begun = caught(async { begin(state, &call) }).await;
    if let Err(failure) = &begun {
        trace.refused = refused(asked, &body, failure);
    }
    // Free the request's memory before the wait for the store.
    drop(call);
    drop(body);
    let envelope = match begun {
        Ok(Begun::Done(envelope)) => Ok(envelope),
        Ok(Begun::Waits(envelope)) => caught(envelope).await,
        Err(failure) => Err(failure),
    };
    let of_account = asked.account.as_ref().map(|account| &account.answers);
    let budgets = [Some(&state.answer_budget), of_account];
    (key, envelope.and_then(|Envelope { body, paged }| Answer::done(body, paged, budgets)))
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
    if account.disabled {
        return Err(Code::DISABLED.into());
    }
    if !account.allows(asked.caller) {
        return Err(Failure::ip_denied(asked.caller));
    }
    if let Some(limiter) = &account.limiter {
        limiter.count(asked.caller).map_err(|retry_after| Failure::TooOften { retry_after })?;
    }
    let body = match body {
        Ok(body) => &*body.bytes,
        Err(BodyError::TooLarge { .. }) => return Err(Failure::Http(StatusCode::PAYLOAD_TOO_LARGE)),
        Err(BodyError::Broken) => return Err(Failure::Http(StatusCode::BAD_REQUEST)),
        Err(BodyError::NoMemory) => return Err(Failure::NoRoom),
    };
    let content_type = content_type(asked);
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
    let key = which_key(&request, account).ok_or_else(|| {
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

/// The key of the account that the credential belongs to.
fn which_key(request: &Request<'_>, account: &Served) -> Option<WhichKey> {
    let current = account.key(WhichKey::Current);
    let fitting = match account.old_key(unix_now()) {
        Some(old) => request.verify(&account.login, &[current, old]),
        None => request.verify(&account.login, &[current]),
    };
    fitting.map(|at| if at == 0 { WhichKey::Current } else { WhichKey::Old })
}

/// Logs, at debug level only, the caller's likely mistake in signing. Each hash is cut to its first digits,
/// because a whole one could be used to send the request.
fn log_mistake(request_id: &str, account: &Served, content_type: Option<&[u8]>, body: &[u8]) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let diagnosis = mistake::diagnose(&account.login, account.key(WhichKey::Current), content_type, body);
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
