//! `billhook.calls`: the account's last calls, from this server's memory. The store is not asked.

use std::{pin::pin, sync::Arc, time::Duration};

use billhook_wire::{
    Code, envelope,
    method::{CallInfo, GetCalls, WAIT_MAX, WhyInfo},
};
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    failure::Failure,
    gate::accounts::Served,
    methods::call::{Begun, Call, Envelope},
    telemetry::{calls, refusal::Refusal},
};

/// How many calls are answered where no limit is asked for.
const LIMIT_DEFAULT: usize = 100;
/// What comes in so short a time is answered together: who waits must not look at each call of a busy account.
const GATHERING: Duration = Duration::from_millis(100);

/// Begins the call. It holds no thread while it waits.
pub(super) fn begin(call: &Call<'_>) -> Result<Begun, Failure> {
    let ask: GetCalls = call.request.parameters().map_err(|(code, _)| code)?;
    let (account, key) = (call.account.clone(), call.key.clone());
    Ok(Begun::Waits(Box::pin(async move {
        let found = wait(&account, &ask).await;
        let shared = &account.calls.all;
        let _one = shared.looking.acquire().await.map_err(|_| GONE)?;
        let looked = account.clone();
        let answer = move || found.iter().map(|call| info(&looked, call)).collect::<Vec<_>>();
        let answer = tokio::task::spawn_blocking(answer).await.map_err(|_| GONE)?;
        let case = account.settings.text_case;
        let body = envelope::write(Code::OK, None, case, &answer, Some(&key)).map_err(|_| GONE)?;
        Ok(Envelope { body, paged: None })
    })))
}

const GONE: Failure = Failure::Fault("the calls could not be looked at");

/// The calls that are asked for, as soon as there is one.
async fn wait(account: &Served, ask: &GetCalls) -> Vec<Arc<calls::Call>> {
    let ring = &account.calls;
    let until = Instant::now() + Duration::from_secs(ask.wait.unwrap_or(0).min(WAIT_MAX).into());
    let mut stop = pin!(ring.all.stop.begun());
    loop {
        let mut added = pin!(ring.added.notified());
        added.as_mut().enable();
        let found = found(ring.calls(), ask);
        if !found.is_empty() || Instant::now() >= until {
            return found;
        }
        let is_over = tokio::select! {
            waited = timeout_at(until, added) => waited.is_err(),
            () = &mut stop => true,
        };
        if is_over {
            return Vec::new();
        }
        sleep(GATHERING).await;
    }
}

/// The first ones after a number, or else the last ones.
fn found(mut calls: Vec<Arc<calls::Call>>, ask: &GetCalls) -> Vec<Arc<calls::Call>> {
    calls.retain(|call| {
        ask.after.is_none_or(|after| call.number > after)
            && ask.code.is_none_or(|code| call.code == code)
            && ask.method.as_ref().is_none_or(|method| call.method.eq_ignore_ascii_case(method))
    });
    let limit = ask.limit.map_or(LIMIT_DEFAULT, |limit| usize::try_from(limit.get()).unwrap_or(usize::MAX));
    match ask.after {
        Some(_) => calls.truncate(limit),
        None => drop(calls.drain(..calls.len().saturating_sub(limit))),
    }
    calls
}

fn info(account: &Served, call: &calls::Call) -> CallInfo {
    CallInfo {
        number: call.number,
        method: call.method.clone().into_owned(),
        code: call.code,
        status: call.status.as_u16(),
        caller: call.caller.to_string(),
        ms: call.ms(),
        request: call.request_id.to_string(),
        authentic: call.trace.is_authentic,
        why: Refusal::of(account, call).map(|Refusal { reason, signed, expected, got }| WhyInfo {
            text: reason.to_string(),
            signed,
            expected,
            got,
        }),
    }
}
