//! Compares what a store shows with the record of requests and acknowledgements.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use billhook_drivers::Result;

use crate::{
    contacts,
    export::{Line, Shown},
    record::{Change, Edition, Order, Record},
    tally::Tally,
};

/// Finds what is lost, doubled, or was never requested. Afterwards the state of all is certain.
pub(crate) fn compare(record: &mut Record, shown: &Shown, tally: &mut Tally) -> Result<()> {
    counts(shown, tally)?;
    contacts::compare(&mut record.contacts, &shown.contacts, tally);
    let mut by_tag: HashMap<&str, Vec<&Line>> = HashMap::new();
    for line in &shown.orders {
        by_tag.entry(&line.tag).or_default().push(line);
    }
    let mut kept = Vec::new();
    for mut order in std::mem::take(&mut record.orders) {
        match by_tag.remove(order.draft.tag.as_str()).as_deref() {
            None => {
                if missing(&mut order, tally) {
                    kept.push(order);
                }
            }
            Some([line]) => {
                found(&mut order, line, tally);
                kept.push(order);
            }
            Some(lines) => {
                let ids: Vec<_> = lines.iter().map(|line| line.id).collect();
                tally.double(format!("{}: it is there as orders {ids:?}", order.draft.tag));
            }
        }
    }
    for number in record.put_back(kept) {
        tally.double(number);
    }
    for line in by_tag.values().flatten() {
        tally.wrong(format!(
            "order {} ({}) is there, and nobody asked for it, or it was not there before",
            line.id, line.tag
        ));
    }
    Ok(())
}

/// An order that is missing. Returns whether it must be requested again; otherwise it is forgotten.
fn missing(order: &mut Order, tally: &mut Tally) -> bool {
    if let Some(state) = order.state {
        tally
            .lost(format!("{}, order {:?}, is not there: it should be {state:?}", order.draft.tag, order.id));
        return false;
    }
    if order.pending.take().is_some() {
        tally.unknown_not_there += 1;
    }
    order.is_touched = false;
    order.is_to_repeat = order.draft.edition == Edition::One;
    order.is_to_repeat
}

/// An order that exists once.
fn found(order: &mut Order, line: &Line, tally: &mut Tally) {
    let (tag, state) = (order.draft.tag.clone(), line.state());
    let mut wrong = |why: &str| tally.wrong(format!("{tag}, order {}: {why}: {}", line.id, line.text));
    if order.id.is_some_and(|id| id != line.id) {
        wrong(&format!("it had the number {:?}", order.id));
    }
    let goods = line.items.iter().map(|item| item.good_name.as_str());
    let kupon = order.draft.coupon.as_ref().map_or("", |coupon| coupon.code.as_str());
    if line.email != order.draft.email()
        || line.kupon != kupon
        || !goods.eq(order.draft.goods.iter().copied())
    {
        wrong("it is not what was asked for");
    }
    if !order.is_touched && line.text != order.line {
        wrong(&format!("nobody asked for a change, and it was {}", order.line));
    }
    if line.payments() == 1 && !line.is_paid_in_full() {
        wrong("what came in is not what it costs");
    }
    let pincodes = line.pincodes();
    if pincodes.iter().any(|pincode| pincode.is_empty() == state.has_payment) {
        wrong("pin codes belong to what was paid, each of it");
    }
    if order.pincodes.iter().any(|pincode| !pincode.is_empty()) && pincodes != order.pincodes {
        wrong(&format!("it had the pin codes {:?}", order.pincodes));
    }
    if line.payments() > 1 {
        tally.double(format!("{tag}, order {}: it was paid more than once: {}", line.id, line.text));
    }
    let changed = order.pending.and_then(|change| order.after(change));
    if Some(state) != order.state && Some(state) != changed {
        tally.lost(format!(
            "{tag}, order {}: {state:?}, and it should be {:?}, or after {:?} {changed:?}",
            line.id, order.state, order.pending
        ));
    } else if order.pending.is_some() {
        let is_there = Some(state) != order.state || order.state == changed;
        *if is_there { &mut tally.unknown_there } else { &mut tally.unknown_not_there } += 1;
    }
    // Its customer would repeat it, and get 601. The order must be unchanged, or it would be no repeat.
    order.is_to_repeat |= order.pending == Some(Change::Make) && order.draft.edition == Edition::One;
    order.pending = None;
    order.is_touched = false;
    order.id = Some(line.id);
    order.state = Some(state);
    order.pincodes = pincodes;
    order.line.clone_from(&line.text);
}

/// A coupon's uses equal the orders that show it, within its limit. Each pin code has exactly one line, in
/// the order that the list names.
fn counts(shown: &Shown, tally: &mut Tally) -> Result<()> {
    let mut used: BTreeMap<&str, u64> = BTreeMap::new();
    let mut numbers = BTreeSet::new();
    let mut handed_out = BTreeSet::new();
    for line in &shown.orders {
        if line.is_discounted()? {
            *used.entry(&line.kupon).or_default() += 1;
        }
        if !numbers.insert(line.id) {
            tally.double(format!("two orders have the number {}", line.id));
        }
        for pincode in line.pincodes().into_iter().filter(|pincode| !pincode.is_empty()) {
            if !handed_out.insert((pincode.clone(), line.id)) {
                tally.double(format!("order {} has the pin code {pincode} twice", line.id));
            }
        }
    }
    let mut before: Option<&(String, i64)> = None;
    for handed in &handed_out {
        if let Some((pincode, order)) = before
            && *pincode == handed.0
        {
            tally.double(format!("orders {order} and {} have the pin code {pincode}", handed.1));
        }
        before = Some(handed);
    }
    for differing in handed_out.symmetric_difference(&shown.handed_out) {
        tally.wrong(format!(
            "pin code {} and order {}: one of them doesn't know of the other",
            differing.0, differing.1
        ));
    }
    for coupon in &shown.coupons {
        let orders = used.remove(coupon.coupon.as_str()).unwrap_or(0);
        if coupon.uses != orders {
            tally.wrong(format!(
                "coupon {} counts {} uses, and {orders} orders show it",
                coupon.coupon, coupon.uses
            ));
        }
        if coupon.uses_max > 0 && orders > coupon.uses_max {
            tally.wrong(format!(
                "coupon {} took something off {orders} orders, at most {}",
                coupon.coupon, coupon.uses_max
            ));
        }
    }
    for (coupon, orders) in used {
        tally.wrong(format!("{orders} orders cost less by a coupon {coupon:?} that there is not"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        record::{Coupon, Draft},
        seller,
    };

    const COUPONS: &str = r#"{"coupon":"half","uses":1,"uses_max":1}"#;
    const PINCODES: &str = r#"{"pincode":"A","order_id":2}"#;

    /// A waiting order, a paid one with a pin code, and an unknown one.
    fn record() -> Record {
        let order = |tag: &str, good, coupon: Option<&str>, changes: &[Change]| {
            let mut order = Order::new(Draft {
                edition: Edition::One,
                tag: tag.to_owned(),
                goods: vec![good],
                coupon: coupon.map(|code| Arc::new(Coupon { id: 1, code: code.to_owned() })),
                is_paid: false,
            });
            for change in changes {
                order.state = order.after(*change);
            }
            order.is_touched = true;
            order
        };
        let mut record = Record::default();
        let waiting = Order { id: Some(1), ..order("a", "course", Some("half"), &[Change::Make]) };
        let paid =
            Order { id: Some(2), ..order("b", seller::WITH_PINCODES, None, &[Change::Make, Change::Pay(5)]) };
        let unknown = Order { pending: Some(Change::Make), ..order("c", "course", None, &[]) };
        assert_eq!(record.put_back(vec![waiting, paid, unknown]), Vec::<String>::new());
        record
    }

    fn line(id: i64, tag: &str, good: &str, more: &str) -> String {
        format!(
            r#"{{"id":{id},"email":"{tag}@example.com","tag":"{tag}",{more},"items":[{{"good_name":"{good}",{}}}]}}"#,
            match tag {
                "a" => r#""sum":"500.00""#,
                "b" => r#""sum":"700.00","pincode":"A""#,
                _ => r#""sum":"1000.00""#,
            }
        )
    }

    fn waiting() -> String {
        line(1, "a", "course", r#""pay_status":"waiting","kupon":"half""#)
    }

    fn paid() -> String {
        line(2, "b", "license", r#""pay_status":"paid","paid":5,"payments":[{"sum":"700.00"}]"#)
    }

    fn unknown(id: i64) -> String {
        line(id, "c", "course", r#""pay_status":"waiting""#)
    }

    fn compared(record: &mut Record, lines: &[String], coupons: &str, pincodes: &str) -> Tally {
        let mut tally = Tally::default();
        let shown = Shown::read(&lines.join("\n"), coupons, pincodes).unwrap();
        compare(record, &shown, &mut tally).unwrap();
        tally
    }

    #[test]
    fn what_was_acknowledged_and_is_there_is_right() {
        for (is_there, more) in [(false, Vec::new()), (true, vec![unknown(3)])] {
            let mut record = record();
            let lines = [vec![waiting(), paid()], more].concat();
            let tally = compared(&mut record, &lines, COUPONS, PINCODES);
            assert_eq!(tally.findings().collect::<Vec<_>>(), Vec::<String>::new());
            assert_eq!(
                (tally.unknown_there, tally.unknown_not_there),
                (u64::from(is_there), u64::from(!is_there))
            );
            // From now on it must not change, and missing orders must not appear.
            assert!(!compared(&mut record, &lines, COUPONS, PINCODES).is_wrong());
            let other = [waiting(), paid(), unknown(3)];
            assert_eq!(compared(&mut record, &other, COUPONS, PINCODES).is_wrong(), !is_there);
        }
    }

    #[test]
    fn what_is_wrong_is_found() {
        let paid_late = paid().replace("\"paid\":5", "\"paid\":6");
        let paid_twice = paid().replace(r#""payments":["#, r#""payments":[{"sum":"700.00"},"#);
        let full_price = waiting().replace("500.00", "1000.00");
        for (lines, coupons, pincodes, lost, doubles) in [
            (vec![paid()], "", PINCODES, 1, 0),
            (vec![waiting(), paid_late], COUPONS, PINCODES, 1, 0),
            (vec![waiting(), paid(), unknown(3), unknown(4)], COUPONS, PINCODES, 0, 1),
            (vec![waiting(), paid(), unknown(2)], COUPONS, PINCODES, 0, 2),
            (vec![waiting(), paid_twice], COUPONS, PINCODES, 0, 1),
            (
                vec![waiting(), paid(), line(3, "d", "course", r#""pay_status":"waiting""#)],
                COUPONS,
                PINCODES,
                0,
                0,
            ),
            (vec![full_price, paid()], COUPONS, PINCODES, 0, 0),
            (vec![waiting(), paid()], r#"{"coupon":"half","uses":2,"uses_max":0}"#, PINCODES, 0, 0),
            (vec![waiting(), paid()], COUPONS, r#"{"pincode":"A","order_id":null}"#, 0, 0),
            (vec![waiting(), paid().replace(r#","pincode":"A""#, "")], COUPONS, "", 0, 0),
        ] {
            let tally = compared(&mut record(), &lines, coupons, pincodes);
            assert!(tally.is_wrong(), "{lines:#?}");
            let findings: Vec<_> = tally.findings().collect();
            assert_eq!((tally.lost, tally.doubles), (lost, doubles), "{findings:#?}");
        }
    }
}
