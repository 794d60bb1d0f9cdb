//! What pages say first when receivers are not told of orders. It reads marks, the few webhooks, and one row of an index each.

use billhook_store::outbox::{
    deliveries::{self, DeliveryId, Filter, State},
    endpoints,
};
use maud::{Markup, html};

use super::{frame::with_code, language::words, visit::Context};
use crate::failure::Failure;

words! {
    paused: "Отправка уведомлений остановлена, они ждут. Включить её снова можно командой на сервере: `billhook outbox resume`. Причина остановки:",
        "Notifications are not sent now, and wait. A command on the server goes on with them: `billhook outbox resume`. The reason:";
    full: "Ждёт слишком много уведомлений. О новых событиях сейчас никому не сообщается.",
        "Too many notifications wait. Nobody is told of new events.";
    gone: "Получатель отказался от уведомлений, вебхук выключен:", "A receiver wants no more notifications, and its webhook is disabled:";
    failed: "За последнюю неделю дошли не все уведомления.", "Some notifications of the last week did not arrive.";
    late: "Есть уведомления, которые ждут больше часа.", "Some notifications have waited for over an hour.";
    look: "Посмотреть", "Look at them";
}

/// How far back what failed is told of, in seconds. Ten tries take half of that.
const FAILED_SECONDS: i64 = 7 * 24 * 60 * 60;
/// What has waited so long is told of.
const LATE_SECONDS: i64 = 60 * 60;

/// What is wrong, if anything is.
pub(super) fn alarm(cx: &mut Context<'_, '_>) -> Result<Markup, Failure> {
    let (words, account, now) = (Words::of(cx.language()), cx.visit.account.id, cx.visit.now);
    let mut is_any = |state, since: i64, until: i64| {
        let filter = Filter { state: Some(state), since, ..Filter::default() };
        let before = DeliveryId { event: until.saturating_mul(1_000_000), target: i64::MAX };
        deliveries::list(cx.tx, account, &filter, Some(before), 1).map(|found| !found.is_empty())
    };
    let has_failed = is_any(State::Failed, now - FAILED_SECONDS, i64::MAX)?;
    let (waits, is_late) =
        (is_any(State::Pending, 0, i64::MAX)?, is_any(State::Pending, 0, now - LATE_SECONDS)?);
    // Where nothing waits, nobody misses anything.
    let paused = deliveries::paused(cx.tx)?.filter(|_| waits);
    let mut gone = endpoints::list(cx.tx, account)?;
    gone.retain(|endpoint| endpoint.disabled != 0 && endpoint.reason == endpoints::GONE);
    let look = |state: State| html! { " " a href={ "/cabinet/deliveries?state=" (state.as_str()) } { (words.look) } };
    Ok(html! {
        @if let Some(why) = &paused { p.problem { (with_code(words.paused)) " " (with_code(why)) } }
        @if deliveries::is_full(cx.tx, account)? { p.problem { (words.full) (look(State::Pending)) } }
        @for endpoint in &gone { p.problem { (words.gone) " " a href={ "/cabinet/webhooks/" (endpoint.id) } { (endpoint.url) } } }
        @if has_failed { p.problem { (words.failed) (look(State::Failed)) } }
        @if is_late && paused.is_none() { p.problem { (words.late) (look(State::Pending)) } }
    })
}
