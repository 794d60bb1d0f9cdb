//! What was asked of a server and what it acknowledged, beside what is found afterwards. Every order has a tag of its own.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;

/// What becomes of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Paid,
    Cancelled,
}

impl Change {
    /// As UpdateOrderStatus and an export have it.
    pub(crate) fn status(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Cancelled => "cancel",
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    /// The order's number, if it is known that there is one.
    number: Option<u64>,
    change: Option<(Change, IsAcknowledged)>,
}

type IsAcknowledged = bool;

/// The price of what is ordered, in an export.
pub(crate) const PRICE: &str = "100.00";
/// The product that is ordered.
pub(crate) const GOOD: &str = "book";

/// The e-mail of a tag's order.
pub(crate) fn email(tag: &str) -> String {
    format!("{tag}@example.com")
}

/// Everything that was asked.
#[derive(Default)]
pub(crate) struct Ledger {
    orders: Mutex<BTreeMap<String, Asked>>,
}

/// What came of a comparison.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Orders and changes that were acknowledged, and are there.
    pub(crate) kept: u64,
    /// Those that nobody was told of, and are there.
    pub(crate) unacknowledged: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kept, unacknowledged } = self;
        write!(
            f,
            "{kept} acknowledged orders, payments and cancellations are there, and {unacknowledged} others"
        )
    }
}

impl Ledger {
    /// The same once more, to go on from.
    pub(crate) fn copy(&self) -> Self {
        Self { orders: Mutex::new(self.orders().clone()) }
    }

    fn orders(&self) -> MutexGuard<'_, BTreeMap<String, Asked>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A tag that no other order has.
    pub(crate) fn ask(&self) -> String {
        let mut orders = self.orders();
        let tag = format!("t{}", orders.len());
        orders.insert(tag.clone(), Asked::default());
        tag
    }

    pub(crate) fn made(&self, tag: &str, number: u64) {
        if let Some(order) = self.orders().get_mut(tag) {
            order.number = Some(number);
        }
    }

    pub(crate) fn ask_change(&self, tag: &str, change: Change) {
        if let Some(order) = self.orders().get_mut(tag) {
            order.change = Some((change, false));
        }
    }

    pub(crate) fn changed(&self, tag: &str) {
        if let Some(Asked { change: Some((_, is_acknowledged)), .. }) = self.orders().get_mut(tag) {
            *is_acknowledged = true;
        }
    }

    /// The tags of the orders that were acknowledged up to now.
    pub(crate) fn acknowledged(&self) -> Vec<String> {
        let orders = self.orders();
        orders.iter().filter(|(_, asked)| asked.number.is_some()).map(|(tag, _)| tag.clone()).collect()
    }

    /// These orders may be there or not, from now on: a store of before was put in place.
    pub(crate) fn forget(&self, tags: &[String]) {
        let mut orders = self.orders();
        for tag in tags {
            orders.insert(tag.clone(), Asked::default());
        }
    }

    /// Compares it with an export: every fault is a line. What is found is known from then on, and must not be lost later.
    pub(crate) fn compare(&self, export: &str) -> Result<Tally, Vec<String>> {
        let mut faults = Vec::new();
        let mut tally = Tally::default();
        let mut found = BTreeMap::new();
        for line in export.lines() {
            let Ok(order) = serde_json::from_str::<Value>(line) else {
                faults.push(format!("not JSON: {line}"));
                continue;
            };
            if order.get("id").is_none() {
                continue;
            }
            let tag = text(&order, "tag").to_owned();
            match found.entry(tag) {
                Entry::Vacant(place) => drop(place.insert(order)),
                Entry::Occupied(place) => faults.push(format!("{} is there twice", place.key())),
            }
        }
        let mut orders = self.orders();
        for (tag, asked) in orders.iter_mut() {
            match found.remove(tag) {
                Some(order) => {
                    if let Err(fault) = asked.settle(tag, &order, &mut tally) {
                        faults.push(format!("{tag}: {fault}"));
                    }
                }
                None if asked.number.is_some() => faults.push(format!("{tag} was acknowledged and is lost")),
                None => {}
            }
        }
        faults.extend(found.into_keys().map(|tag| format!("{tag} was never asked for")));
        if faults.is_empty() { Ok(tally) } else { Err(faults) }
    }
}

impl Asked {
    /// Compares an order with what was asked, and takes over what is found.
    fn settle(&mut self, tag: &str, order: &Value, tally: &mut Tally) -> Result<(), String> {
        let number = order.get("id").and_then(Value::as_u64).ok_or("it has no number")?;
        match self.number {
            Some(known) if known != number => return Err(format!("it was {known} and is {number}")),
            Some(_) => tally.kept += 1,
            None => tally.unacknowledged += 1,
        }
        self.number = Some(number);
        let item = order.pointer("/items/0").ok_or("it has no line")?;
        let whole = (text(order, "email"), text(item, "good_name"), text(item, "sum"));
        if whole != (email(tag).as_str(), GOOD, PRICE) {
            return Err(format!("it is not as it was made: {whole:?}"));
        }
        let status = text(order, "pay_status");
        let is_paid = order.get("payments").is_some();
        if (status == Change::Paid.status()) != is_paid {
            return Err(format!("it is {status:?}, and its payments are {:?}", order.get("payments")));
        }
        match self.change {
            Some((change, true)) if change.status() == status => tally.kept += 1,
            Some((change, true)) => return Err(format!("{change:?} was acknowledged, and it is {status:?}")),
            Some((change, false)) if change.status() == status => {
                tally.unacknowledged += 1;
                self.change = Some((change, true));
            }
            Some((_, false)) if is_waiting(status) => self.change = None,
            None if is_waiting(status) => {}
            _ => return Err(format!("nobody asked that it be {status:?}")),
        }
        Ok(())
    }
}

fn is_waiting(status: &str) -> bool {
    matches!(status, "" | "waiting")
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: u64, tag: &str, status: &str) -> String {
        let payments = if status == "paid" { r#","payments":[{"sum":"100.00"}]"# } else { "" };
        format!(
            r#"{{"id":{id},"email":"{tag}@example.com","pay_status":"{status}","tag":"{tag}","items":[{{"good_name":"book","sum":"100.00"}}]{payments}}}"#
        )
    }

    #[test]
    fn what_is_lost_or_there_twice_is_told() {
        let ledger = Ledger::default();
        let [made, asked, paid] = [ledger.ask(), ledger.ask(), ledger.ask()];
        ledger.made(&made, 1);
        ledger.made(&paid, 3);
        ledger.ask_change(&paid, Change::Paid);
        ledger.changed(&paid);
        let good = [line(1, &made, ""), line(3, &paid, "paid")];
        let tally = ledger.compare(&good.join("\n")).unwrap();
        assert_eq!((tally.kept, tally.unacknowledged), (3, 0));
        let fault = |lines: &[String]| ledger.compare(&lines.join("\n")).unwrap_err().join("; ");
        assert!(fault(&good[..1]).contains("t2 was acknowledged and is lost"));
        assert!(fault(&[line(1, &made, ""), line(3, &paid, "")]).contains("Paid was acknowledged"));
        assert!(fault(&[line(2, &made, ""), good[1].clone()]).contains("it was 1 and is 2"));
        assert!(fault(&[good[0].clone(), good[1].clone(), line(4, &made, "")]).contains("twice"));
        assert!(fault(&[good[0].clone(), good[1].clone(), line(4, "t9", "")]).contains("never asked for"));
        assert!(fault(&[line(1, &made, "cancel"), good[1].clone()]).contains("nobody asked"));
        // What was never acknowledged may be there; then it must stay.
        let more = [good[0].clone(), good[1].clone(), line(2, &asked, "")];
        assert_eq!(ledger.compare(&more.join("\n")).unwrap().unacknowledged, 1);
        assert!(fault(&good).contains("t1 was acknowledged and is lost"));
    }
}
