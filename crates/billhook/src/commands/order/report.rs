//! An order in reports: as a line of a list, or in full.

use std::{fmt::Write as _, io::Write};

use billhook_store::{
    orders::{Line, Order, Parcel, TextField, income, order_changes::Payment},
    outbox::deliveries,
};
use billhook_wire::Money;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::{commands::delivery, failure::Failure, options::time::shown, terminal::output::for_terminal};

pub(in crate::commands) fn line(order: &Order, zone: &TimeZone) -> String {
    let goods: Vec<&str> = order.lines.iter().map(|line| line.good_name.as_str()).collect();
    for_terminal(&format!(
        "{:>6}  {}  {:7}  {:>10}  {}  {}",
        order.id.0,
        shown(order.created, zone),
        order.pay_status.as_str(),
        order.price().to_string(),
        if order.email.is_some() { order.email_text() } else { "-" },
        goods.join(",")
    ))
}

/// An order in a list, as JSON. `given_back` is the sum that was refunded.
pub(in crate::commands) fn summary(order: &Order, given_back: Money) -> Map<String, Value> {
    let goods: Vec<&str> = order.lines.iter().map(|line| line.good_name.as_str()).collect();
    let fields = [
        ("id", json!(order.id)),
        ("email", json!(order.email_text())),
        ("pay_status", json!(order.pay_status)),
        ("created", json!(order.created)),
        ("paid", json!(order.paid)),
        ("price", json!(order.price())),
        ("received", json!(income::received(order, given_back))),
        ("bill_sum_topay", json!(order.to_pay())),
        ("delivery", json!(order.handling.delivery.as_str())),
        ("deleted", json!(order.handling.deleted)),
        ("goods", json!(goods)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// An order and everything that belongs to it.
pub(super) struct Whole<'a> {
    pub(super) order: &'a Order,
    /// Its payments with their numbers.
    pub(super) payments: &'a [(i64, Payment)],
    /// The manager's name, if the manager still exists.
    pub(super) manager: Option<&'a str>,
    /// What receivers were told of it.
    pub(super) deliveries: &'a [deliveries::Delivery],
}

impl Whole<'_> {
    fn given_back(&self) -> Money {
        income::given_back(self.payments.iter().map(|(_, payment)| payment))
    }

    /// JSON without empty text fields.
    pub(super) fn json(&self) -> Map<String, Value> {
        let Self { order, payments, manager, deliveries } = self;
        let handling = &order.handling;
        let mut map = summary(order, self.given_back());
        map.remove("goods");
        let items: Vec<Value> = order.lines.iter().map(item).collect();
        let payments: Vec<Value> = payments
            .iter()
            .map(|(number, payment)| json!({"number": number, "sum": payment.sum, "received": payment.received}))
            .collect();
        let manager = if handling.manager == 0 {
            Value::Null
        } else {
            json!({"id": handling.manager, "name": manager})
        };
        for (name, value) in [
            ("is_recurrent", json!(order.is_recurrent)),
            ("kill_at", json!(handling.kill_at)),
            ("sent", json!(handling.sent)),
            ("confirmed", json!(handling.confirmed)),
            ("manager", manager),
            ("items", json!(items)),
            ("payments", json!(payments)),
        ] {
            map.insert(name.to_owned(), value);
        }
        for (name, text) in texts(order) {
            map.insert(name.to_owned(), text.into());
        }
        if !deliveries.is_empty() {
            map.insert("deliveries".to_owned(), deliveries.iter().map(delivery::json).collect());
        }
        map
    }

    /// Text for people, one fact per line.
    pub(super) fn write(&self, out: &mut impl Write, zone: &TimeZone) -> Result<(), Failure> {
        let Self { order, payments, manager, deliveries } = self;
        let handling = &order.handling;
        let mut facts: Vec<(&str, String)> = vec![("order", order.id.to_string())];
        if handling.deleted != 0 {
            facts.push(("deleted", shown(handling.deleted, zone)));
        }
        facts.push(("pay_status", order.pay_status.to_string()));
        facts.push(("email", order.email_text().to_owned()));
        facts.push(("created", shown(order.created, zone)));
        if order.paid != 0 {
            facts.push(("paid", shown(order.paid, zone)));
        }
        facts.push(("price", order.price().to_string()));
        facts.push(("received", income::received(order, self.given_back()).to_string()));
        facts.push(("left to pay", order.to_pay().to_string()));
        facts.extend(payments.iter().map(|(number, payment)| {
            ("payment", format!("{number}, {} on {}", payment.sum, shown(payment.received, zone)))
        }));
        if handling.kill_at != 0 {
            facts.push(("cancels itself", shown(handling.kill_at, zone)));
        }
        if handling.delivery != Parcel::None {
            facts.push(("delivery", handling.delivery.as_str().to_owned()));
        }
        if handling.sent != 0 {
            facts.push(("sent", shown(handling.sent, zone)));
        }
        if handling.confirmed {
            facts.push(("confirmed", "yes".to_owned()));
        }
        if handling.manager != 0 {
            facts.push(("manager", format!("{} {}", handling.manager, manager.unwrap_or("(removed)"))));
        }
        if order.is_recurrent {
            facts.push(("is_recurrent", "yes".to_owned()));
        }
        facts.extend(texts(order).map(|(name, text)| (name, text.to_owned())));
        facts.extend(order.lines.iter().map(|line| ("item", item_line(line))));
        facts.extend(deliveries.iter().map(|told| ("event", delivery::line(told, zone))));
        for (name, fact) in facts {
            writeln!(out, "{}", for_terminal(format!("{name}: {fact}").trim_end()))?;
        }
        Ok(out.flush()?)
    }
}

fn texts(order: &Order) -> impl Iterator<Item = (&'static str, &str)> {
    let texts = TextField::ALL.into_iter().map(|field| (field.name(), order.texts.get(field)));
    texts.filter(|(_, text)| !text.is_empty())
}

fn item(line: &Line) -> Value {
    json!({
        "id": line.good_id,
        "good_name": line.good_name,
        "good_title": line.good_title,
        "sum": line.sum,
        "price": line.price,
        "pincode": line.pincode,
        "partner_fee": line.partner_fee,
        "partner_pfee": line.partner_pfee,
    })
}

fn item_line(line: &Line) -> String {
    let mut text = format!("{} {} ({}) {}", line.good_id, line.good_name, line.good_title, line.sum);
    if line.price != line.sum {
        let _ = write!(text, ", in the catalogue {}", line.price);
    }
    if !line.pincode.is_empty() {
        let _ = write!(text, ", pin code {}", line.pincode);
    }
    for (level, fee) in [(1, line.partner_fee), (2, line.partner_pfee)] {
        if fee != Money::ZERO {
            let _ = write!(text, ", partner of level {level} gets {fee}");
        }
    }
    text
}
