//! Makes an order, for the methods of both API versions, and by hand.

use std::collections::{HashMap, HashSet};

use billhook_store::{
    AccountId, Error, Tx,
    accounts::settings::{LinkScheme, Settings, TimerKillDefault},
    orders::{
        self, Handling, Line, Order, TextField, Texts, order_changes,
        same_order::{self, Content},
    },
    outbox::events,
    partners::{self, Partner},
    products::{
        self, Product,
        coupons::{self, Coupon, Discount},
    },
};
use billhook_wire::{
    Code, Email, Event, Money, Name, OrderId, PayStatus, Price,
    method::{GoodType, TimerKill},
    unix_time::UNIX_TIME_MAX,
};
use serde_json::json;

use crate::{
    failure::Failure,
    gate::host,
    methods::{contacts, context::Context, goods},
};

/// The order to make.
pub(super) struct Draft<'a> {
    pub(super) email: Option<&'a Email>,
    pub(super) goods: Vec<(&'a Name, Option<Price>)>,
    pub(super) texts: Texts,
    pub(super) coupon: Option<Coupon>,
    pub(super) timer: TimerKill,
    pub(super) created: i64,
    pub(super) status: PayStatus,
    pub(super) paid: i64,
    pub(super) confirmed: bool,
    pub(super) manager: i64,
    /// Whether a repeated order is refused, and a physical product needs an address.
    pub(super) is_strict: bool,
}

/// An order that the seller makes by hand.
#[derive(Debug, Clone, Default)]
pub struct HandMade {
    /// The customer's e-mail.
    pub email: Option<Email>,
    /// Products of the catalogue, each with its price if it is not the catalogue's.
    pub goods: Vec<(Name, Option<Price>)>,
    /// Contact, address, note. With a domain the order's link becomes a URL.
    pub texts: Texts,
    /// The coupon.
    pub coupon: Option<Coupon>,
    /// The manager's number; 0: none.
    pub manager: i64,
}

impl HandMade {
    /// Makes it, waiting for its payment. It may be without an address, and may repeat another order. `None`: it has no product,
    /// too many of them, or one that is not in the catalogue.
    pub fn add(
        &self,
        tx: &mut Tx<'_>,
        account: AccountId,
        settings: &Settings,
        is_https: bool,
        now: i64,
    ) -> Result<Option<OrderId>, Error> {
        let draft = Draft {
            email: self.email.as_ref(),
            goods: self.goods.iter().map(|(name, price)| (name, *price)).collect(),
            texts: self.texts.clone(),
            coupon: self.coupon.clone(),
            timer: default_timer(settings),
            created: now,
            status: PayStatus::Waiting,
            paid: 0,
            confirmed: false,
            manager: self.manager,
            is_strict: false,
        };
        let (caller, domains) = (None, &[]);
        let mut cx =
            Context { tx, account, settings, now, is_https, caller, domains, request_id: "", paged: None };
        match make(&mut cx, draft) {
            Ok(id) => Ok(Some(id)),
            Err(Failure::Broken(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }
}

/// Whether a new order cancels itself if nothing is said of that.
pub(super) fn default_timer(settings: &Settings) -> TimerKill {
    match settings.timer_kill_default {
        TimerKillDefault::Never => TimerKill::Never,
        TimerKillDefault::Goods => TimerKill::ByGoods,
    }
}

pub(super) fn make(cx: &mut Context<'_, '_>, mut draft: Draft<'_>) -> Result<OrderId, Failure> {
    if draft.goods.is_empty() {
        return Err(Code::NO_GOODS.into());
    }
    if draft.goods.len() > orders::LINES_MAX {
        return Err(Code::ORDER_NOT_CREATED.into());
    }
    if let Some(coupon) = &draft.coupon {
        draft.texts.set(TextField::Kupon, coupon.coupon.as_str());
    }
    let known = known_goods(cx, &draft.goods)?;
    let ordered: Vec<(&Product, Option<Price>)> =
        draft.goods.iter().filter_map(|(name, price)| Some((known.get(name.as_str())?, *price))).collect();
    if draft.is_strict
        && ordered.iter().any(|(good, _)| good.good_type == GoodType::Physical)
        && !has_delivery_data(&draft.texts)
    {
        return Err(Code::NO_DELIVERY_DATA.into());
    }

    // Compares as if the coupon were still valid: a repeated order may itself have taken its last use.
    let on_named_sum = cx.settings.kupon_on_named_sum;
    let discounted = sums(&ordered, draft.coupon.as_ref(), on_named_sum);
    let is_for_any = |coupon: &Coupon| ordered.iter().any(|line| is_for(coupon, line, on_named_sum));
    let holding = draft.coupon.take().filter(|coupon| coupon.holds(cx.now) && is_for_any(coupon));
    let sums = if holding.is_some() { discounted.clone() } else { sums(&ordered, None, on_named_sum) };
    if draft.is_strict
        && let Some(id) = same_order(cx, &draft, &ordered, [&sums, &discounted])?
    {
        return Err(Failure::refused(Code::ORDER_EXISTS, json!({ "bill_id": id })));
    }
    // It could never be paid (decision 93).
    if draft.is_strict && sums.iter().copied().sum::<Money>() == Money::ZERO {
        (draft.status, draft.paid) = (PayStatus::Paid, draft.created);
    }
    if let Some(coupon) = &holding
        && !coupons::use_once(cx.tx, cx.account, coupon.id)?
    {
        return Err(Failure::Fault("a valid coupon had no use left"));
    }
    add(cx, draft, &ordered, &sums)
}

/// The products with these names. One that is not in the catalogue is refused.
fn known_goods<'a>(
    cx: &mut Context<'_, '_>,
    goods: &[(&'a Name, Option<Price>)],
) -> Result<HashMap<&'a str, Product>, Failure> {
    let mut seen = HashSet::new();
    let names: Vec<_> =
        goods.iter().map(|(name, _)| name.as_str()).filter(|name| seen.insert(*name)).collect();
    let found = products::ordered(cx.tx, cx.account, &names)?;
    let known = names.into_iter().zip(found).map(|(name, good)| {
        let good = good.filter(|good| !good.is_deleted).ok_or_else(|| goods::no_good(name))?;
        Ok((name, good))
    });
    known.collect()
}

/// Stores the order under the next number, and records its payment if it is paid.
fn add(
    cx: &mut Context<'_, '_>,
    draft: Draft<'_>,
    ordered: &[(&Product, Option<Price>)],
    sums: &[Money],
) -> Result<OrderId, Failure> {
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
    let partners = partners_of(cx, &texts)?;
    note_partners(&mut texts, &partners);
    let link = link(cx, id, texts.get(TextField::Domain));
    texts.set(TextField::Link, link);
    let [first, second] = &partners;
    let lines = ordered.iter().zip(sums).map(|((good, _), sum)| Line {
        good_id: good.listing.id,
        good_name: good.listing.good_name.clone(),
        good_title: good.listing.good_title.clone(),
        sum: *sum,
        price: good.listing.good_sum,
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
    if matches!(draft.status, PayStatus::Waiting | PayStatus::Paid) {
        contacts::join_buyer(cx, &order, ordered.iter().map(|(good, _)| *good))?;
        events::raise(cx.tx, cx.account, Event::Created, &order, Money::ZERO)?;
    }
    if is_paid {
        order_changes::pay(cx.tx, cx.account, &mut order, draft.paid)?;
    }
    Ok(id)
}

/// The link to an order's page (decision 47): a URL with its domain, or only a path if that is no valid host.
fn link(cx: &Context<'_, '_>, id: OrderId, domain: &str) -> String {
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

/// The partners of an order (section 4.1): named by number or login, or by the source if the medium is
/// `affiliate`. Level 2 is the one named for it, else the one who recruited level 1, but never the same
/// partner. Those who are not in the program get nothing.
fn partners_of(cx: &mut Context<'_, '_>, texts: &Texts) -> Result<[Option<Partner>; 2], Failure> {
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

/// Stores the partners in the order's texts. A partner is stored with number and login, anybody else with
/// only one of them (decision 79).
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

/// Whether the order has a postal address (decision 19).
fn has_delivery_data(texts: &Texts) -> bool {
    [TextField::FirstName, TextField::LastName, TextField::Country, TextField::City, TextField::Address]
        .into_iter()
        .all(|field| !texts.get(field).trim().is_empty())
}

/// Whether the coupon discounts a line; a price from the caller only if the account's setting says so.
fn is_for(coupon: &Coupon, (good, price): &(&Product, Option<Price>), on_named_sum: bool) -> bool {
    (price.is_none() || on_named_sum) && coupon.is_for(good.listing.id)
}

/// The price of each line (decision 77): the caller's or the catalogue's, minus the coupon's discount.
fn sums(ordered: &[(&Product, Option<Price>)], coupon: Option<&Coupon>, on_named_sum: bool) -> Vec<Money> {
    let mut left = match coupon.map(|coupon| coupon.discount) {
        Some(Discount::Sum(sum)) => sum,
        _ => Money::ZERO,
    };
    let sum = |line: &(&Product, Option<Price>)| {
        let (good, price) = line;
        let sum = price.map_or(good.listing.good_sum, Price::sum);
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

/// The order that this one repeats (decision 17).
fn same_order(
    cx: &mut Context<'_, '_>,
    draft: &Draft<'_>,
    ordered: &[(&Product, Option<Price>)],
    sums: [&Vec<Money>; 2],
) -> Result<Option<OrderId>, Failure> {
    let window = i64::from(cx.settings.same_order_hours) * 3600;
    if window == 0 {
        return Ok(None);
    }
    let time = (draft.created.saturating_sub(window), draft.created.saturating_add(window));
    let contents = sums
        .map(|sums| Content::new(ordered.iter().map(|(good, _)| good.listing.id).zip(sums.iter().copied())));
    Ok(same_order::find(cx.tx, cx.account, draft.email, &contents, time)?)
}
