//! An order as one line of JSON, which `billhook export` and the cabinet write (decision 89).

use billhook_wire::{Money, PayStatus};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::orders::{Line, Order, Parcel, TextField, order_changes::Payment};

/// An order with its payments, without the fields that have their default.
#[derive(Debug, Clone, Copy)]
pub struct OrderRecord<'a> {
    /// The order.
    pub order: &'a Order,
    /// What was paid for it, in the order of recording.
    pub payments: &'a [Payment],
}

/// Whether an order's record says when it was paid. It says 0 for a paid order without a time; left out, an import would take
/// the time of creation.
pub fn has_paid(order: &Order) -> bool {
    order.paid != 0 || order.pay_status == PayStatus::Paid
}

impl Serialize for OrderRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { order, payments } = self;
        let handling = &order.handling;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &order.id)?;
        map.serialize_entry("email", order.email_text())?;
        map.serialize_entry("pay_status", &order.pay_status)?;
        map.serialize_entry("created", &order.created)?;
        if has_paid(order) {
            map.serialize_entry("paid", &order.paid)?;
        }
        if order.is_recurrent {
            map.serialize_entry("is_recurrent", &true)?;
        }
        for (field, number) in [("deleted", handling.deleted), ("kill_at", handling.kill_at)] {
            if number != 0 {
                map.serialize_entry(field, &number)?;
            }
        }
        if handling.delivery != Parcel::None {
            map.serialize_entry("delivery", handling.delivery.as_str())?;
        }
        if handling.sent != 0 {
            map.serialize_entry("sent", &handling.sent)?;
        }
        if handling.confirmed {
            map.serialize_entry("confirmed", &true)?;
        }
        if handling.manager != 0 {
            map.serialize_entry("manager", &handling.manager)?;
        }
        for field in TextField::ALL {
            let text = order.texts.get(field);
            if !text.is_empty() {
                map.serialize_entry(field.name(), text)?;
            }
        }
        if !payments.is_empty() {
            map.serialize_entry("payments", &Payments(payments))?;
        }
        map.serialize_entry("items", &Items(&order.lines))?;
        map.end()
    }
}

struct Payments<'a>(&'a [Payment]);

impl Serialize for Payments<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written {
            sum: Money,
            received: i64,
        }
        serializer.collect_seq(
            self.0.iter().map(|payment| Written { sum: payment.sum, received: payment.received }),
        )
    }
}

struct Items<'a>(&'a [Line]);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Item))
    }
}

struct Item<'a>(&'a Line);

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let line = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &line.good_id)?;
        map.serialize_entry("good_name", &line.good_name)?;
        map.serialize_entry("good_title", &line.good_title)?;
        map.serialize_entry("sum", &line.sum)?;
        if line.price != line.sum {
            map.serialize_entry("price", &line.price)?;
        }
        if !line.pincode.is_empty() {
            map.serialize_entry("pincode", &line.pincode)?;
        }
        for (field, fee) in [("partner_fee", line.partner_fee), ("partner_pfee", line.partner_pfee)] {
            if fee != Money::ZERO {
                map.serialize_entry(field, &fee)?;
            }
        }
        map.end()
    }
}
