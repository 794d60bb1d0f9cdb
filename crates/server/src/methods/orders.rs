//! The methods about orders that exist (section 4).

use std::collections::HashSet;

use billhook_store::{
    accounts::settings::GetBillsEmpty,
    list_pages::{self, Wanted},
    orders::{
        self, Order, order_changes,
        order_info::{self, Shown, shown},
        order_lists::{self, By},
    },
};
use billhook_wire::{
    Code, GoodId, Name, OrderId, UnixTime,
    method::{
        Bills, DeleteOrder, GetBills, GetOrderDetails, GetOrderInfo, GetOrders, GetOrdersWithGoods, Goods,
        List, ListError, ListWriter, NewStatus, Nothing, OrderInfo, UpdateOrderStatus,
    },
    unix_time::UNIX_TIME_MAX,
};
use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};

use crate::{
    failure::Failure,
    methods::context::{Context, wanted},
};

/// The longest range of `getOrdersWithGoods`, in days (decision 24).
const WINDOW_DAYS_MAX: i64 = 31;

/// Answers `GetBills`. No orders: refused, unless the account's setting asks for an empty list (decision 21).
pub(crate) fn get_bills(cx: &mut Context<'_, '_>, ask: &GetBills) -> Result<Bills, Failure> {
    let bills = match wanted(ask.limit, ask.after) {
        None => orders::bills_of(cx.tx, cx.account, &ask.email, ask.pay_status)?,
        Some(wanted) => {
            let page = list_pages::bills(cx.tx, cx.account, &ask.email, ask.pay_status, wanted)?;
            cx.taken(page)
        }
    };
    // A page after the last one is empty, but that does not mean a customer without orders.
    let is_nothing = bills.is_empty() && cx.paged.is_none_or(|paged| paged.total == 0);
    if is_nothing && cx.settings.getbills_empty == GetBillsEmpty::Error {
        return Err(Code::ORDER_NOT_FOUND.into());
    }
    Ok(bills)
}

pub(crate) fn get_order_details(
    cx: &mut Context<'_, '_>,
    ask: &GetOrderDetails,
) -> Result<OrderInfo, Failure> {
    let order = visible(cx, ask.bill_id)?.ok_or(Code::ORDER_NOT_FOUND)?;
    Ok(order_info::details(cx.tx, cx.account, order, ask.good_info)?)
}

/// Answers `GetOrderInfo`, with an object instead of a list (decision 10).
pub(crate) fn get_order_info(cx: &mut Context<'_, '_>, ask: &GetOrderInfo) -> Result<OrderInfo, Failure> {
    let order = visible(cx, ask.bill_id)?.ok_or(Code::ORDER_NOT_FOUND)?;
    Ok(shown(order, Shown::Info))
}

pub(crate) fn get_orders(cx: &mut Context<'_, '_>, ask: &GetOrders) -> Result<List<OrderInfo>, Failure> {
    let begin = ask.date_s.map_or(0, UnixTime::seconds);
    let end = ask.date_e.map_or(UNIX_TIME_MAX, UnixTime::seconds);
    if begin > end {
        return Err(cx.wrong("date_s", "it is later than date_e"));
    }
    if let Some(wanted) = wanted(ask.limit, ask.after) {
        return list_page(cx, Shown::Orders, ask.paid, &ask.goods, (begin, end), wanted);
    }
    let most = usize::try_from(cx.settings.getorders_max).ok().filter(|most| *most > 0);
    list(cx, Shown::Orders, ask.paid, &ask.goods, (begin, end), most)
}

pub(crate) fn get_orders_with_goods(
    cx: &mut Context<'_, '_>,
    ask: &GetOrdersWithGoods,
) -> Result<List<OrderInfo>, Failure> {
    let (begin, end) = (ask.begin_date.map(|day| day.0), ask.end_date.map(|day| day.0));
    let window = window(begin, end, cx.now, &cx.settings.time_zone)
        .map_err(|field| cx.wrong(field, "no such time"))?;
    if let Some(wanted) = wanted(ask.limit, ask.after) {
        return list_page(cx, Shown::WithGoods, ask.paid, &ask.goods, window, wanted);
    }
    list(cx, Shown::WithGoods, ask.paid, &ask.goods, window, None)
}

/// The first and last second that `getOrdersWithGoods` lists (decision 24), or the wrong parameter.
fn window(
    begin: Option<Date>,
    end: Option<Date>,
    now: i64,
    zone: &TimeZone,
) -> Result<(i64, i64), &'static str> {
    let today = Timestamp::from_second(now).map_err(|_| "end_date")?.to_zoned_datetime(zone.clone()).date();
    let last_day = end.unwrap_or(today);
    let first_day = match begin {
        None => last_day,
        Some(begin) if begin > last_day => return Err("begin_date"),
        Some(begin) => {
            let earliest = last_day.saturating_sub(WINDOW_DAYS_MAX.days());
            begin.max(earliest)
        }
    };
    let start_of = |day: Date| day.to_zoned_datetime(zone.clone()).map(|start| start.timestamp().as_second());
    let first = start_of(first_day).map_err(|_| "begin_date")?;
    let last = match end {
        None => now,
        Some(day) => start_of(day.saturating_add(1.day())).map_err(|_| "end_date")? - 1,
    };
    Ok((first, last))
}

/// The orders of a time range, by number.
fn list(
    cx: &mut Context<'_, '_>,
    what: Shown,
    paid: bool,
    goods: &Goods,
    window: (i64, i64),
    most: Option<usize>,
) -> Result<List<OrderInfo>, Failure> {
    let by = if paid { By::Paid } else { By::Created };
    let goods: HashSet<&str> = goods.0.iter().map(Name::as_str).collect();
    let mut list = ListWriter::new(most);
    order_lists::between(cx.tx, cx.account, by, window, |order| {
        if goods.is_empty() || order.lines.iter().any(|line| is_one_of(&goods, line.good_id, &line.good_name))
        {
            list.push(order.id.0, &shown(order, what))?;
        }
        Ok::<(), Failure>(())
    })?;
    Ok(list.finish()?)
}

/// A page of the same.
fn list_page(
    cx: &mut Context<'_, '_>,
    what: Shown,
    paid: bool,
    goods: &Goods,
    window: (i64, i64),
    wanted: Wanted,
) -> Result<List<OrderInfo>, Failure> {
    let by = if paid { By::Paid } else { By::Created };
    let goods: HashSet<&str> = goods.0.iter().map(Name::as_str).collect();
    let page = if goods.is_empty() {
        list_pages::orders(cx.tx, cx.account, by, window, wanted)?
    } else {
        let is_wanted = |id: GoodId, name: &str| is_one_of(&goods, id, name);
        list_pages::orders_holding(cx.tx, cx.account, by, window, wanted, is_wanted)?
    };
    let numbers = cx.taken(page);
    let mut list = ListWriter::default();
    order_lists::each_of(cx.tx, cx.account, &numbers, |order| {
        Ok::<(), Failure>(list.push(order.id.0, &shown(order, what))?)
    })?;
    Ok(list.finish()?)
}

impl From<ListError> for Failure {
    fn from(error: ListError) -> Self {
        match error {
            ListError::TooLong => Self::TooLong,
            ListError::Json(_) => Self::Fault("an answer could not be written as JSON"),
        }
    }
}

/// Whether a product is in the list, which has numbers and symbolic names (decision 25).
fn is_one_of(goods: &HashSet<&str>, id: GoodId, name: &str) -> bool {
    goods.contains(name) || goods.contains(&*id.to_string())
}

/// Answers `UpdateOrderStatus` (decision 16).
pub(crate) fn update_order_status(
    cx: &mut Context<'_, '_>,
    ask: &UpdateOrderStatus,
) -> Result<Nothing, Failure> {
    let mut order = visible(cx, ask.bill_id)?.ok_or(Code::NO_ORDER)?;
    // PHP's false is 0, which is no time of a payment or parcel.
    let date = ask.date.as_ref().and_then(|date| UnixTime::parse(date.as_str()).ok());
    let date = date.map(UnixTime::seconds).filter(|date| *date > 0);
    match ask.status {
        NewStatus::Paid => {
            let paid = date.ok_or(Code::NOT_PAID)?;
            order_changes::pay(cx.tx, cx.account, &mut order, paid)?;
        }
        NewStatus::Cancel => order_changes::cancel(cx.tx, cx.account, &mut order)?,
        NewStatus::Sent => {
            let sent = date.ok_or_else(|| cx.wrong("date", "a sent parcel needs a date"))?;
            let rpo = ask.rpo.as_ref().ok_or_else(|| cx.wrong("rpo", "a parcel has a number"))?;
            order_changes::send(cx.tx, cx.account, &mut order, sent, rpo.as_str())?;
        }
        NewStatus::Return => order_changes::take_back(cx.tx, cx.account, &mut order)?,
    }
    Ok(Nothing)
}

/// Answers `DeleteOrder` (decision 22).
pub(crate) fn delete_order(cx: &mut Context<'_, '_>, ask: &DeleteOrder) -> Result<Nothing, Failure> {
    let mut order = visible(cx, ask.bill_id)?.ok_or(Code::NO_ORDER)?;
    order_changes::hide(cx.tx, cx.account, &mut order, cx.now)?;
    Ok(Nothing)
}

/// The order with this number, unless it is hidden.
fn visible(cx: &mut Context<'_, '_>, id: OrderId) -> Result<Option<Order>, Failure> {
    let order = orders::find(cx.tx, cx.account, id)?;
    Ok(order.filter(|order| order.handling.deleted == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_in_days_of_the_accounts_zone() {
        let zone = TimeZone::get("Europe/Moscow").unwrap();
        let day = |year, month, day| Some(Date::new(year, month, day).unwrap());
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_second();
        let now = at("2020-03-03T12:00:00+03:00");
        let seen = |begin, end| window(begin, end, now, &zone);
        assert_eq!(seen(None, None), Ok((at("2020-03-03T00:00:00+03:00"), now)));
        assert_eq!(seen(day(2020, 3, 1), None), Ok((at("2020-03-01T00:00:00+03:00"), now)));
        let february = (at("2020-02-01T00:00:00+03:00"), at("2020-02-01T23:59:59+03:00"));
        assert_eq!(seen(day(2020, 2, 1), day(2020, 2, 1)), Ok(february));
        assert_eq!(seen(None, day(2020, 2, 1)), Ok(february));
        // 31 days with both ends are the longest range; a longer one loses its beginning.
        let long = (at("2020-01-01T00:00:00+03:00"), at("2020-02-01T23:59:59+03:00"));
        assert_eq!(seen(day(2020, 1, 1), day(2020, 2, 1)), Ok(long));
        assert_eq!(seen(day(2019, 1, 1), day(2020, 2, 1)), Ok(long));
        assert_eq!(seen(day(2019, 1, 1), None), Ok((at("2020-02-01T00:00:00+03:00"), now)));
        assert_eq!(seen(day(2020, 2, 2), day(2020, 2, 1)), Err("begin_date"));
        assert_eq!(seen(day(2020, 3, 4), None), Err("begin_date"));
        assert!(seen(day(9999, 12, 31), day(9999, 12, 31)).is_ok());
    }
}
