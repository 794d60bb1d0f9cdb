//! Making an order: what both editions' methods come to.

use std::collections::{HashMap, HashSet};

use billhook_store::{
    coupons::{self, Coupon, Discount},
    managers, order_changes,
    orders::{self, Handling, Line, Order, TextField, Texts},
    partners::{self, Partner},
    products::{self, Good},
    same_order::{self, Content},
    settings::{CreateOrderResult, LinkScheme, TimerKillDefault},
};
use billhook_wire::{
    Code, Email, LocalTime, Money, Name, OrderId, PayStatus, Price, UnixTime,
    method::{Confirmed, CreateOrder, CreateOrder2, GoodType, OrderMade, OrderStatus, TimerKill},
    unix_time::UNIX_TIME_MAX,
};
use jiff::tz::TimeZone;
use serde_json::json;

use crate::{
    failure::Failure,
    gate::host,
    methods::{cx::Cx, goods},
};

/// The most partners that an order names.
const AFFILIATES_MAX: usize = 10;

/// An order that is to be made.
struct Draft<'a> {
    email: Option<&'a Email>,
    goods: Vec<(&'a Name, Option<Price>)>,
    texts: Texts,
    coupon: Option<Coupon>,
    timer: TimerKill,
    created: i64,
    status: PayStatus,
    paid: i64,
    partners: [Option<Partner>; 2],
    confirmed: bool,
    manager: i64,
    /// Whether a repeat is refused, and whether a physical product needs an address.
    is_strict: bool,
}

/// Answers `CreateOrder` (section 4.1).
pub(crate) fn create_order(cx: &mut Cx<'_, '_>, ask: &CreateOrder) -> Result<OrderMade, Failure> {
    let mut texts = Texts::default();
    let utm = &ask.utm;
    for (field, text) in [
        (TextField::FirstName, &ask.bill_first_name),
        (TextField::LastName, &ask.bill_surname),
        (TextField::MiddleName, &ask.bill_otchestvo),
        (TextField::Phone, &ask.bill_phone),
        (TextField::Country, &ask.bill_country),
        (TextField::Region, &ask.bill_region),
        (TextField::City, &ask.bill_city),
        (TextField::Address, &ask.bill_address),
        (TextField::Postalcode, &ask.bill_postal_code),
        (TextField::Kupon, &ask.bill_kupon),
        (TextField::Tag, &ask.bill_tag),
        (TextField::Comment, &ask.bill_comment),
        (TextField::Ip, &ask.bill_ip),
        (TextField::UtmMedium, &utm.utm_medium),
        (TextField::UtmSource, &utm.utm_source),
        (TextField::UtmCampaign, &utm.utm_campaign),
        (TextField::UtmContent, &utm.utm_content),
        (TextField::UtmTerm, &utm.utm_term),
        (TextField::AffMedium, &utm.aff_medium),
        (TextField::AffSource, &utm.aff_source),
        (TextField::AffCampaign, &utm.aff_campaign),
        (TextField::AffContent, &utm.aff_content),
        (TextField::AffTerm, &utm.aff_term),
        (TextField::Aff, &ask.bill_aff),
        (TextField::AffName, &ask.bill_aff_name),
        (TextField::Paff, &ask.bill_paff),
        (TextField::PaffName, &ask.bill_paff_name),
        (TextField::AdId, &ask.bill_ad_id),
    ] {
        texts.set(field, text.as_str());
    }
    texts.set(TextField::Domain, domain(ask.bill_domain.as_str()));
    let coupon = match ask.bill_kupon.as_str().trim() {
        "" => None,
        code => coupons::named(cx.tx, cx.account, code)?,
    };
    if let Some(coupon) = &coupon {
        texts.set(TextField::Kupon, coupon.coupon.as_str());
    }
    let partners = partners_of(cx, &texts)?;
    let draft = Draft {
        email: Some(&ask.bill_email),
        goods: ask.goods.iter().map(|good| (&good.good_name, good.good_sum)).collect(),
        texts,
        coupon,
        timer: ask.bill_timer_kill.unwrap_or(match cx.settings.timer_kill_default {
            TimerKillDefault::Never => TimerKill::Never,
            TimerKillDefault::Goods => TimerKill::ByGoods,
        }),
        // PHP's false is 0, and means that it is not said.
        created: ask.bill_created.map(UnixTime::seconds).filter(|made| *made > 0).unwrap_or(cx.now),
        status: PayStatus::Waiting,
        paid: 0,
        partners,
        confirmed: false,
        manager: 0,
        is_strict: true,
    };
    let id = make(cx, draft)?;
    Ok(OrderMade { bill_id: Some(id) })
}

/// Answers `createorder` (section 9.9, decision 34).
pub(crate) fn create_order_2(cx: &mut Cx<'_, '_>, ask: &CreateOrder2) -> Result<OrderMade, Failure> {
    let mut texts = Texts::default();
    for (field, text) in [
        (TextField::FirstName, &ask.customer_first_name),
        (TextField::LastName, &ask.customer_last_name),
        (TextField::MiddleName, &ask.customer_middle_name),
        (TextField::Phone, &ask.customer_phone),
        (TextField::Ip, &ask.order_ip),
        (TextField::Address, &ask.customer_shipping),
        (TextField::ShippingPhone, &ask.customer_shipping_phone),
        (TextField::Address2, &ask.customer_shipping_address_2),
        (TextField::City, &ask.customer_shipping_city),
        (TextField::Region, &ask.customer_shipping_state),
        (TextField::Postalcode, &ask.customer_shipping_zip),
        (TextField::BillingAddress, &ask.customer_billing_address_1),
        (TextField::BillingAddress2, &ask.customer_billing_address_2),
        (TextField::BillingCity, &ask.customer_billing_city),
        (TextField::BillingRegion, &ask.customer_billing_state),
        (TextField::BillingPostalcode, &ask.customer_billing_zip),
        (TextField::Tag, &ask.order_tag),
        (TextField::Note, &ask.note),
        (TextField::Payway, &ask.payment_method),
        (TextField::UtmMedium, &ask.utm_medium),
        (TextField::UtmSource, &ask.utm_source),
        (TextField::UtmCampaign, &ask.utm_campaign),
        (TextField::UtmContent, &ask.utm_content),
        (TextField::UtmTerm, &ask.utm_term),
    ] {
        texts.set(field, text.as_str());
    }
    texts.set(TextField::Country, country(ask.customer_shipping_country_code.as_str()));
    texts.set(TextField::BillingCountry, country(ask.customer_billing_country_code.as_str()));

    if ask.affiliates.0.len() > AFFILIATES_MAX {
        return Err(cx.wrong("affiliates", "there are more of them than levels"));
    }
    let names: Vec<_> = ask.affiliates.0.iter().map(Name::as_str).collect();
    texts.set(TextField::Affiliates, names.join(","));
    for (field, name) in [TextField::AffName, TextField::PaffName].into_iter().zip(&names) {
        texts.set(field, *name);
    }
    let coupon = match ask.coupon {
        None => None,
        Some(id) => {
            let found = coupons::find(cx.tx, cx.account, id)?;
            Some(found.ok_or_else(|| cx.wrong("coupon", "there is no such coupon"))?)
        }
    };
    if let Some(coupon) = &coupon {
        texts.set(TextField::Kupon, coupon.coupon.as_str());
    }
    let manager = ask.order_sales_manager.unwrap_or(0);
    if manager != 0 && !managers::is_there(cx.tx, cx.account, manager)? {
        return Err(cx.wrong("order_sales_manager", "there is no such manager"));
    }
    let goods: Vec<_> = {
        let prices = ask.product_prices.0.iter().copied().chain(std::iter::repeat(None));
        ask.product_names.0.iter().zip(prices).collect()
    };
    if ask.product_prices.0.len() > goods.len() {
        return Err(cx.wrong("product_prices", "there are more of them than products"));
    }
    let created = moment(cx, "order_created_at", ask.order_created_at)?.unwrap_or(cx.now);
    let status = ask.order_status.map_or(PayStatus::Waiting, |OrderStatus(status)| status);
    let paid = moment(cx, "order_paid_at", ask.order_paid_at)?;
    let paid = match status {
        PayStatus::Paid | PayStatus::Return => paid.unwrap_or(created),
        PayStatus::Waiting | PayStatus::Cancel => paid.unwrap_or(0),
    };
    let partners = partners_of(cx, &texts)?;
    let draft = Draft {
        email: ask.customer_email.as_ref(),
        goods,
        texts,
        coupon,
        timer: TimerKill::Never,
        created,
        status,
        paid,
        partners,
        confirmed: ask.order_confirmed.is_some_and(|Confirmed(confirmed)| confirmed),
        manager,
        is_strict: false,
    };
    let id = make(cx, draft)?;
    Ok(OrderMade { bill_id: (cx.settings.createorder_result == CreateOrderResult::BillId).then_some(id) })
}

/// A domain without the scheme and the final slash that some callers send with it (decision 47).
fn domain(text: &str) -> &str {
    let host = text.split_once("://").map_or(text, |(_, host)| host);
    host.strip_suffix('/').unwrap_or(host)
}

/// Where an order's page is (decision 47): a URL of its domain, or the path alone where that is no host.
fn link(cx: &Cx<'_, '_>, id: OrderId, domain: &str) -> String {
    let path = format!("/bill/{id}/{:032x}", rand::random::<u128>());
    if !host::is_linkable(domain) {
        return path;
    }
    let is_https = match cx.settings.link_scheme {
        LinkScheme::Auto => cx.is_https,
        LinkScheme::Http => false,
        LinkScheme::Https => true,
    };
    let scheme = if is_https { "https" } else { "http" };
    format!("{scheme}://{domain}{path}")
}

/// A date and time of the account's zone, in unix seconds.
fn moment(cx: &Cx<'_, '_>, field: &'static str, at: Option<LocalTime>) -> Result<Option<i64>, Failure> {
    let zone: &TimeZone = &cx.settings.time_zone;
    let Some(LocalTime(at)) = at else { return Ok(None) };
    let seconds = at.to_zoned_datetime(zone.clone()).map(|at| at.timestamp().as_second());
    match seconds.map(UnixTime::new) {
        Ok(Ok(time)) => Ok(Some(time.seconds())),
        _ => Err(cx.wrong(field, "it is no time between 1970 and the year 9999")),
    }
}

/// The name of a country by its ISO code; what is no code stays as it is.
fn country(code: &str) -> String {
    let code = code.trim();
    let upper = code.to_ascii_uppercase();
    let found = rust_iso3166::from_alpha2(&upper).or_else(|| rust_iso3166::from_alpha3(&upper));
    found.map_or_else(|| code.to_owned(), |country| country.name.to_owned())
}

/// The partners who brought an order (section 4.1): named by number or login, or, where the channel is `affiliate`, by the source.
/// The second level is the one who is named, or the one who brought the first; nobody is both. Whoever is not in the program gets
/// nothing.
fn partners_of(cx: &mut Cx<'_, '_>, texts: &Texts) -> Result<[Option<Partner>; 2], Failure> {
    let mut named = |number: &str, login: &str| {
        Ok::<_, Failure>(match (number.trim().parse(), login.trim()) {
            (Ok(number), _) => partners::find(cx.tx, cx.account, number)?,
            (_, "") => None,
            (_, login) => partners::named(cx.tx, cx.account, login)?,
        })
    };
    let (aff, aff_name) = (texts.get(TextField::Aff), texts.get(TextField::AffName));
    let first = if aff.is_empty() && aff_name.is_empty() && texts.get(TextField::UtmMedium) == "affiliate" {
        named("", texts.get(TextField::UtmSource))?
    } else {
        named(aff, aff_name)?
    };
    let (paff, paff_name) = (texts.get(TextField::Paff), texts.get(TextField::PaffName));
    let second = match &first {
        Some(partner) if paff.is_empty() && paff_name.is_empty() => {
            named(&partner.parent_id.to_string(), "")?
        }
        _ => named(paff, paff_name)?,
    };
    let is_first = |partner: &Partner| first.as_ref().is_some_and(|first| first.id == partner.id);
    let second = second.filter(|partner| !is_first(partner));
    Ok([first, second])
}

/// Notes who brought an order. Number and login together are a partner; of whoever is none, one of the two stays (decision 79).
fn note_partners(texts: &mut Texts, partners: &[Option<Partner>; 2]) {
    let fields = [(TextField::Aff, TextField::AffName), (TextField::Paff, TextField::PaffName)];
    for ((number, login), partner) in fields.into_iter().zip(partners) {
        match partner {
            Some(partner) => {
                texts.set(number, partner.id.to_string());
                texts.set(login, partner.login.as_str());
            }
            None if !texts.get(number).is_empty() => texts.set(login, ""),
            None => {}
        }
    }
}

/// Makes the order.
fn make(cx: &mut Cx<'_, '_>, mut draft: Draft<'_>) -> Result<OrderId, Failure> {
    if draft.goods.is_empty() {
        return Err(Code::NO_GOODS.into());
    }
    if draft.goods.len() > orders::LINES_MAX {
        return Err(Code::ORDER_NOT_CREATED.into());
    }
    let mut names: Vec<&str> = Vec::new();
    let mut seen = HashSet::new();
    names.extend(draft.goods.iter().map(|(name, _)| name.as_str()).filter(|name| seen.insert(*name)));
    let mut known: HashMap<&str, Good> = HashMap::new();
    for (name, good) in names.iter().zip(products::ordered(cx.tx, cx.account, &names)?) {
        let good = good.filter(|good| !good.is_deleted).ok_or_else(|| goods::no_good(name))?;
        known.insert(name, good);
    }
    let ordered: Vec<(&Good, Option<Price>)> =
        draft.goods.iter().filter_map(|(name, price)| Some((known.get(name.as_str())?, *price))).collect();
    if draft.is_strict
        && ordered.iter().any(|(good, _)| good.good_type == GoodType::Physical)
        && !has_delivery_data(&draft.texts)
    {
        return Err(Code::NO_DELIVERY_DATA.into());
    }

    // A repeat of an order that had the coupon's last use is a repeat all the same: so it is compared as if the coupon still held.
    let on_named_sum = cx.settings.kupon_on_named_sum;
    let discounted = sums(&ordered, draft.coupon.as_ref(), on_named_sum);
    let is_for_any = |coupon: &Coupon| ordered.iter().any(|line| is_for(coupon, line, on_named_sum));
    let holding = draft.coupon.take().filter(|coupon| coupon.holds(cx.now) && is_for_any(coupon));
    let sums = if holding.is_some() { discounted.clone() } else { sums(&ordered, None, on_named_sum) };
    if draft.is_strict
        && let Some(id) = same_order(cx, &draft, &ordered, [&sums, &discounted])?
    {
        return Err(Failure::Refused {
            code: Code::ORDER_EXISTS,
            detail: None,
            result: Some(Box::new(json!({ "bill_id": id }))),
        });
    }
    // Nobody could ever pay it (decision 93).
    if draft.is_strict && sums.iter().copied().sum::<Money>() == Money::ZERO {
        (draft.status, draft.paid) = (PayStatus::Paid, draft.created);
    }
    if let Some(coupon) = &holding
        && !coupons::use_once(cx.tx, cx.account, coupon.id)?
    {
        return Err(Failure::Fault("a coupon that holds had no use left"));
    }

    let id = orders::next_number(cx.tx, cx.account)?.ok_or(Code::ORDER_NOT_CREATED)?;
    let kill_at = match draft.timer {
        TimerKill::Never => 0,
        TimerKill::At(time) => time.seconds(),
        TimerKill::ByGoods => {
            let shortest = ordered.iter().filter_map(|(good, _)| good.timer.seconds()).min();
            shortest.map_or(0, |seconds| cx.now.saturating_add(seconds).min(UNIX_TIME_MAX))
        }
    };
    let mut texts = draft.texts;
    note_partners(&mut texts, &draft.partners);
    let link = link(cx, id, texts.get(TextField::Domain));
    texts.set(TextField::Link, link);
    let [first, second] = &draft.partners;
    let lines = ordered.iter().zip(&sums).map(|((good, _), sum)| Line {
        good_id: good.product.id,
        good_name: good.product.good_name.clone(),
        good_title: good.product.good_title.clone(),
        sum: *sum,
        price: good.product.good_sum,
        pincode: String::new(),
        partner_fee: first.as_ref().map_or(Money::ZERO, |_| good.partner_fee.of(*sum)),
        partner_pfee: second.as_ref().map_or(Money::ZERO, |_| good.partner_pfee.of(*sum)),
    });
    let is_paid = draft.status == PayStatus::Paid;
    let mut order = Order {
        id,
        email: draft.email.cloned(),
        pay_status: if is_paid { PayStatus::Waiting } else { draft.status },
        created: draft.created,
        paid: draft.paid,
        is_recurrent: false,
        handling: Handling {
            kill_at,
            confirmed: draft.confirmed,
            manager: draft.manager,
            ..Handling::default()
        },
        texts,
        lines: lines.collect(),
    };
    orders::add(cx.tx, cx.account, &order)?;
    if is_paid {
        order_changes::pay(cx.tx, cx.account, &mut order, draft.paid)?;
    }
    Ok(id)
}

/// Whether it is known where a parcel is to go (decision 19).
fn has_delivery_data(texts: &Texts) -> bool {
    [TextField::FirstName, TextField::LastName, TextField::Country, TextField::City, TextField::Address]
        .into_iter()
        .all(|field| !texts.get(field).trim().is_empty())
}

/// Whether it takes something off a line: from a price that the caller names only where the account says so.
fn is_for(coupon: &Coupon, (good, price): &(&Good, Option<Price>), on_named_sum: bool) -> bool {
    (price.is_none() || on_named_sum) && coupon.is_for(good.product.id)
}

/// What each line costs (decision 77): the price that the caller names or else the catalogue's, less what the coupon takes off.
fn sums(ordered: &[(&Good, Option<Price>)], coupon: Option<&Coupon>, on_named_sum: bool) -> Vec<Money> {
    let mut left = match coupon.map(|coupon| coupon.discount) {
        Some(Discount::Sum(sum)) => sum,
        _ => Money::ZERO,
    };
    let sum = |line: &(&Good, Option<Price>)| {
        let (good, price) = line;
        let sum = price.map_or(good.product.good_sum, Price::sum);
        match coupon.filter(|coupon| is_for(coupon, line, on_named_sum)).map(|coupon| coupon.discount) {
            None => sum,
            Some(Discount::Percent(share)) => sum - share.of(sum),
            Some(Discount::Sum(_)) => {
                let off = left.min(sum).max(Money::ZERO);
                left = left - off;
                sum - off
            }
        }
    };
    ordered.iter().map(sum).collect()
}

/// The order that this one repeats (decision 17), if there is one.
fn same_order(
    cx: &mut Cx<'_, '_>,
    draft: &Draft<'_>,
    ordered: &[(&Good, Option<Price>)],
    sums: [&Vec<Money>; 2],
) -> Result<Option<OrderId>, Failure> {
    let window = i64::from(cx.settings.same_order_hours) * 3600;
    if window == 0 {
        return Ok(None);
    }
    let time = (draft.created.saturating_sub(window), draft.created.saturating_add(window));
    let contents = sums
        .map(|sums| Content::new(ordered.iter().map(|(good, _)| good.product.id).zip(sums.iter().copied())));
    Ok(same_order::find(cx.tx, cx.account, draft.email, &contents, time)?)
}
