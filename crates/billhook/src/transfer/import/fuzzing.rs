//! What is imported must be the same after an export and another import, in either format.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what is checked for a test fails by panicking")]

use std::{collections::BTreeMap, io::Cursor};

use billhook_store::{
    AccountId, Store,
    orders::{Order, order_changes::Payment},
    products::Product,
};
use billhook_wire::GoodId;
use jiff::tz::TimeZone;

use super::{
    Format,
    check::{Checker, Refusal, Step},
    found::Found,
    lines::Lines,
    records::Records,
    rows::Rows,
};
use crate::record::{Entry, GoodField, csv, json};

/// A file of JSON Lines.
#[cfg(fuzzing)]
pub fn import_jsonl(file: &[u8]) {
    round_trips(&EMPTY.1, EMPTY.2, file, Format::Jsonl);
}

/// A CSV file.
#[cfg(fuzzing)]
pub fn import_csv(file: &[u8]) {
    round_trips(&EMPTY.1, EMPTY.2, file, Format::Csv);
}

/// A store with an empty account, which stays empty.
#[cfg(fuzzing)]
static EMPTY: std::sync::LazyLock<(tempfile::TempDir, Store, AccountId)> = std::sync::LazyLock::new(|| {
    use billhook_wire::{Key, Login};
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&billhook_store::Location::folder(folder.path())).unwrap();
    let (login, key) = (Login::parse("demo").unwrap(), Key::parse("a-key-of-the-fuzzer").unwrap());
    let account = store.write(move |tx| billhook_store::accounts::add(tx, &login, &key, 0)).unwrap().unwrap();
    (folder, store, account)
});

fn round_trips(store: &Store, account: AccountId, file: &[u8], format: Format) {
    let read = |file: &[u8], format| read(store, account, file, format);
    let (mut imported, _) = read(file, format);
    for format in [Format::Jsonl, Format::Csv] {
        if format == Format::Csv {
            // It has no rows for them.
            imported.entries.clear();
        }
        let exported = imported.write(format);
        let (again, faults) = read(&exported, format);
        let shown = String::from_utf8_lossy(&exported);
        assert!(faults.is_empty(), "an export is refused: {faults:?}\n{shown}");
        assert_eq!(again, imported, "{shown}");
        assert_eq!(again.write(format), exported, "another export of the same orders");
    }
}

/// The content of an account after an import.
#[derive(Debug, Default, PartialEq)]
struct Imported {
    products: BTreeMap<GoodId, Product>,
    orders: Vec<(Order, Vec<Payment>)>,
    entries: Vec<Entry>,
}

/// Reads a file as an import into an empty account does. Skips bad records and returns their faults.
fn read(store: &Store, account: AccountId, file: &[u8], format: Format) -> (Imported, Vec<String>) {
    let mut imported = Imported::default();
    let mut faults = Vec::new();
    let text = Box::new(Cursor::new(file.to_vec()));
    let records = match format {
        Format::Jsonl => Ok(Records::Jsonl { lines: Lines::new(text, "UTF-8"), zone: TimeZone::UTC }),
        Format::Csv => Rows::open(text, "UTF-8", TimeZone::UTC).map(|rows| Records::Csv(Box::new(rows))),
    };
    let mut records = match records {
        Ok(records) => records,
        Err(unreadable) => return (imported, vec![unreadable.to_string()]),
    };
    let mut checker = Checker::new(store, account, 1_700_000_000, true).unwrap();
    loop {
        let Found { line, record } = match records.next() {
            Ok(Some(found)) => found,
            Ok(None) => return (imported, faults),
            Err(unreadable) => {
                faults.push(unreadable.to_string());
                return (imported, faults);
            }
        };
        match record.map_err(Refusal::Fault).and_then(|record| checker.check(line, record)) {
            Ok(step) => imported.take(step),
            Err(Refusal::Fault(fault)) => {
                assert!(fault.0.len() < 2_000, "an unreadable message: {}", fault.0);
                faults.push(format!("line {line}: {fault}"));
            }
            Err(Refusal::Store(error)) => panic!("{error}"),
        }
    }
}

impl Imported {
    fn take(&mut self, step: Step) {
        match step {
            Step::Order { order, products } => {
                let new = products.into_iter().map(|product| (product.id, Product::new(product)));
                self.products.extend(new);
                self.orders.push((order.order, order.payments));
            }
            Step::Product { product, settings, .. } => {
                let id = product.id;
                let known = self.products.remove(&id).unwrap_or_else(|| Product::new(product.clone()));
                self.products.insert(id, settings.over(known, product));
            }
            Step::Entry(entry) => self.entries.push(entry),
            Step::LeftOut => unreachable!("settings were asked for"),
        }
    }

    /// Writes it like an export, with every product on a line of its own.
    fn write(&self, format: Format) -> Vec<u8> {
        let mut out = Vec::new();
        match format {
            Format::Jsonl => {
                self.products.values().try_for_each(|good| json::write_product(good, &mut out)).unwrap();
                self.entries.iter().try_for_each(|entry| json::write_entry(entry, &mut out)).unwrap();
                let mut orders = self.orders.iter();
                orders.try_for_each(|(order, paid)| json::write_order(order, paid, &mut out)).unwrap();
            }
            Format::Csv => {
                let used =
                    |field: &GoodField| self.products.values().any(|good| field.written(good).is_some());
                let settings: Vec<_> = GoodField::all().filter(used).collect();
                let mut writer = csv::Writer::new(&mut out);
                csv::write_header(&settings, &mut writer).unwrap();
                for good in self.products.values() {
                    csv::write_product(good, &settings, &mut writer).unwrap();
                }
                for (order, payments) in &self.orders {
                    csv::write_order(order, payments, &settings, &mut writer).unwrap();
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use billhook_test_kit::replay;

    use super::*;
    use crate::transfer::import::tests::Fixture;

    #[test]
    fn json_lines() {
        let shop = Fixture::new();
        replay("import_jsonl", |file| round_trips(&shop.store, shop.account.id, file, Format::Jsonl));
    }

    #[test]
    fn csv_files() {
        let shop = Fixture::new();
        replay("import_csv", |file| round_trips(&shop.store, shop.account.id, file, Format::Csv));
    }
}
