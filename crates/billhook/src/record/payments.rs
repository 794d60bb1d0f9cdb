//! An order's payments in a record: a list of objects in JSON, one cell in CSV.

use billhook_store::orders::order_changes::Payment;
use billhook_wire::Money;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::{
    Fault, PAYMENTS_MAX, Value,
    value::{NONE, quoted},
};

/// The separator between the payments of a cell.
const BETWEEN: &str = "|";
const AT: char = '@';
/// The message about too many payments.
pub(super) const TOO_MANY: &str = "an order has at most 100,000 payments";

/// A payment as a JSON object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Object<'a> {
    #[serde(borrow, default)]
    sum: Option<Value<'a>>,
    #[serde(borrow, default)]
    received: Option<Value<'a>>,
}

/// Reads a list of JSON objects. Times without an offset are in `zone`.
pub(super) fn of_objects(list: Vec<Object<'_>>, zone: &TimeZone) -> Result<Vec<Payment>, Fault> {
    let read = |object: Object<'_>| {
        let missing = |name| Fault(format!("`{name}` is missing"));
        let sum = object.sum.ok_or_else(|| missing("sum"))?;
        let received = object.received.ok_or_else(|| missing("received"))?;
        payment(&sum, &received, zone)
    };
    all(list.into_iter().map(read))
}

/// Reads a cell: `3900.00@1577880000|100.00@1577890000`, or `-` for none.
pub(super) fn of_cell(cell: &str, zone: &TimeZone) -> Result<Vec<Payment>, Fault> {
    if cell.trim() == NONE {
        return Ok(Vec::new());
    }
    let read = |text: &str| {
        let (sum, received) = text.split_once(AT).ok_or_else(|| {
            Fault(format!(
                "a payment is its sum and its time, such as 3900.00@1577880000, not {}",
                quoted(text)
            ))
        })?;
        payment(&Value::Text(sum.into()), &Value::Text(received.into()), zone)
    };
    all(cell.split(BETWEEN).map(read))
}

fn payment(sum: &Value<'_>, received: &Value<'_>, zone: &TimeZone) -> Result<Payment, Fault> {
    Ok(Payment {
        sum: sum.money().map_err(|fault| fault.at("`sum`"))?,
        received: received.time(zone).map_err(|fault| fault.at("`received`"))?,
    })
}

/// Collects an order's payments. Their sum is stored too, so it must fit.
fn all(list: impl Iterator<Item = Result<Payment, Fault>>) -> Result<Vec<Payment>, Fault> {
    let mut sum = Money::ZERO.kopecks();
    let mut payments = Vec::new();
    for payment in list {
        let place = payments.len() + 1;
        if place > PAYMENTS_MAX {
            return Err(Fault::new(TOO_MANY));
        }
        let payment = payment.map_err(|fault| fault.at(format_args!("payment {place}")))?;
        sum = sum
            .checked_add(payment.sum.kopecks())
            .ok_or_else(|| Fault::new("the payments come to more than a sum can be"))?;
        payments.push(payment);
    }
    Ok(payments)
}

/// The cell of an order's payments; empty if there are none.
pub(super) fn cell(payments: &[Payment]) -> String {
    let texts = payments.iter().map(|payment| format!("{}{AT}{}", payment.sum, payment.received));
    texts.collect::<Vec<_>>().join(BETWEEN)
}
