//! The method about a partner's results (section 8.1).

use billhook_store::{contacts, partners};
use billhook_wire::{
    method::{GetPartnerStats, PartnerStats},
    unix_time::UNIX_TIME_MAX,
};
use jiff::{ToSpan as _, civil::Date};

use crate::{failure::Failure, methods::context::Context};

/// What a partner's orders of some days have brought in. Both days count (decision 33).
pub(crate) fn get_partner_stats(
    cx: &mut Context<'_, '_>,
    ask: &GetPartnerStats,
) -> Result<PartnerStats, Failure> {
    let Some(partner) = partners::named(cx.tx, cx.account, ask.partner.as_str())? else {
        return Err(cx.wrong("partner", "no partner has this login"));
    };
    let zone = &cx.settings.time_zone;
    let start_of = |day: Date| day.to_zoned_datetime(zone.clone()).map(|start| start.timestamp().as_second());
    let first = ask.date_from.map_or(Ok(0), |day| start_of(day.0));
    let last = ask
        .date_to
        .map_or(Ok(UNIX_TIME_MAX), |day| start_of(day.0.saturating_add(1.day())).map(|next| next - 1));
    let (Ok(first), Ok(last)) = (first, last) else {
        return Err(cx.wrong("date_from", "no such time"));
    };
    if first > last {
        return Err(cx.wrong("date_from", "it is later than date_to"));
    }
    let (earned, bills) = partners::earned(cx.tx, cx.account, partner.id, (first, last))?;
    let leads = contacts::count_from(cx.tx, cx.account, partner.id, (first, last))?;
    let recruited =
        partners::list(cx.tx, cx.account)?.iter().filter(|one| one.parent_id == partner.id).count();
    Ok(PartnerStats {
        earned_total: earned.to_string(),
        // Nothing is paid out yet.
        topay_total: earned.to_string(),
        clicks_total: 0,
        leads_total: leads,
        bills_total: bills,
        partners_total: recruited as u64,
    })
}
