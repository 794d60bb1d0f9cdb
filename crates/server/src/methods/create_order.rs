//! The two methods that make an order: `CreateOrder` (section 4.1) and `createorder` (section 9.9).

use billhook_store::{
    accounts::settings::{CreateOrderEvents, CreateOrderResult},
    managers,
    orders::{TextField, Texts},
    products::coupons,
};
use billhook_wire::{
    LocalTime, Name, PayStatus, Text, UnixTime,
    method::{Confirmed, CreateOrder, CreateOrder2, OrderMade, OrderStatus, TimerKill},
};
use jiff::tz::TimeZone;

use crate::{
    failure::Failure,
    methods::{
        context::Context,
        country::country,
        new_order::{Draft, default_timer, make},
    },
};

/// The maximum number of partners of an order.
const AFFILIATES_MAX: usize = 10;

pub(crate) fn create_order(cx: &mut Context<'_, '_>, ask: &CreateOrder) -> Result<OrderMade, Failure> {
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
        texts.set(field, plain(text.as_ref()));
    }
    texts.set(TextField::Domain, domain(plain(ask.bill_domain.as_ref())));
    let coupon = match plain(ask.bill_kupon.as_ref()).trim() {
        "" => None,
        code => coupons::named(cx.tx, cx.account, code)?,
    };
    let draft = Draft {
        email: Some(&ask.bill_email),
        goods: ask.goods.iter().map(|good| (&good.good_name, good.good_sum)).collect(),
        texts,
        coupon,
        timer: ask.bill_timer_kill.unwrap_or_else(|| default_timer(cx.settings)),
        // PHP's false is 0, and means that no time is given.
        created: ask.bill_created.map(UnixTime::seconds).filter(|made| *made > 0).unwrap_or(cx.now),
        status: PayStatus::Waiting,
        paid: 0,
        confirmed: false,
        manager: 0,
        is_strict: true,
    };
    let id = make(cx, draft)?;
    Ok(OrderMade { bill_id: Some(id) })
}

pub(crate) fn create_order_2(cx: &mut Context<'_, '_>, ask: &CreateOrder2) -> Result<OrderMade, Failure> {
    let mut texts = texts_of(ask);
    let affiliates = ask.affiliates.as_ref().map_or(&[][..], |names| &names.0);
    if affiliates.len() > AFFILIATES_MAX {
        return Err(cx.wrong("affiliates", "there are more of them than levels"));
    }
    let names: Vec<_> = affiliates.iter().map(Name::as_str).collect();
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
    let manager = ask.order_sales_manager.unwrap_or(0);
    if manager != 0 && managers::find(cx.tx, cx.account, manager)?.is_none() {
        return Err(cx.wrong("order_sales_manager", "there is no such manager"));
    }
    let prices = ask.product_prices.as_ref().map_or(&[][..], |prices| &prices.0);
    let goods: Vec<_> = {
        let prices = prices.iter().copied().chain(std::iter::repeat(None));
        ask.product_names.0.iter().zip(prices).collect()
    };
    if prices.len() > goods.len() {
        return Err(cx.wrong("product_prices", "there are more of them than products"));
    }
    let created = seconds(cx, "order_created_at", ask.order_created_at)?.unwrap_or(cx.now);
    let status = ask.order_status.map_or(PayStatus::Waiting, |OrderStatus(status)| status);
    let paid = seconds(cx, "order_paid_at", ask.order_paid_at)?;
    let paid = match status {
        PayStatus::Paid | PayStatus::Return => paid.unwrap_or(created),
        PayStatus::Waiting | PayStatus::Cancel => paid.unwrap_or(0),
    };
    let draft = Draft {
        email: ask.customer_email.as_ref(),
        goods,
        texts,
        coupon,
        timer: TimerKill::Never,
        created,
        status,
        paid,
        confirmed: ask.order_confirmed.is_some_and(|Confirmed(confirmed)| confirmed),
        manager,
        is_strict: false,
    };
    if cx.settings.createorder_events == CreateOrderEvents::Off {
        cx.tx.mute_events();
    }
    let id = make(cx, draft)?;
    Ok(OrderMade { bill_id: (cx.settings.createorder_result == CreateOrderResult::BillId).then_some(id) })
}

/// The texts that an order takes from the call unchanged, and its countries.
fn texts_of(ask: &CreateOrder2) -> Texts {
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
        texts.set(field, plain(text.as_ref()));
    }
    texts.set(TextField::Country, country(plain(ask.customer_shipping_country_code.as_ref())));
    texts.set(TextField::BillingCountry, country(plain(ask.customer_billing_country_code.as_ref())));
    texts
}

/// What is not sent is kept as an empty text.
fn plain(text: Option<&Text>) -> &str {
    text.map_or("", Text::as_str)
}

/// A domain without the scheme and the final slash that some callers send (decision 47).
fn domain(text: &str) -> &str {
    let host = text.split_once("://").map_or(text, |(_, host)| host);
    host.strip_suffix('/').unwrap_or(host)
}

/// A local date and time in the account's zone as unix seconds.
fn seconds(cx: &Context<'_, '_>, field: &'static str, at: Option<LocalTime>) -> Result<Option<i64>, Failure> {
    let zone: &TimeZone = &cx.settings.time_zone;
    let Some(LocalTime(at)) = at else { return Ok(None) };
    let seconds = at.to_zoned_datetime(zone.clone()).map(|at| at.timestamp().as_second());
    match seconds.map(UnixTime::new) {
        Ok(Ok(time)) => Ok(Some(time.seconds())),
        _ => Err(cx.wrong(field, "it is no time between 1970 and the year 9999")),
    }
}
