//! Compares a store's tables with those that its steps make.

use std::collections::BTreeMap;

use crate::Finding;

/// The prefix of a trigger's name. Other parts are tables, columns, indexes.
const TRIGGER: &str = "trigger ";

/// The parts of a store's tables by kind and name, each with its definition; for a trigger, its table.
#[derive(Debug, Default)]
pub(super) struct Shape(BTreeMap<String, String>);

impl Shape {
    /// Adds a part. White space in its definition does not matter.
    pub(super) fn add(&mut self, part: &str, what: &str) {
        let what: Vec<_> = what.split_whitespace().collect();
        self.0.insert(part.to_owned(), what.join(" "));
    }

    /// Parts that are missing or different, and foreign triggers on our tables. Others' tables do not matter.
    pub(super) fn differences(&self, expected: &Self) -> Vec<Finding> {
        let parts = expected.0.iter().filter_map(|(part, what)| match self.0.get(part) {
            None => Some(format!("{part} is missing")),
            Some(found) if found != what => Some(format!("{part} is different: {found}, and not {what}")),
            Some(_) => None,
        });
        let is_ours = |table: &str| expected.0.contains_key(&format!("table {table}"));
        let triggers = self.0.iter().filter(|(part, table)| part.starts_with(TRIGGER) && is_ours(table));
        let triggers = triggers.map(|(part, table)| format!("{part} on table {table} is not Billhook's"));
        parts.chain(triggers).map(Finding::new).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(parts: &[(&str, &str)]) -> Shape {
        let mut shape = Shape::default();
        for (part, what) in parts {
            shape.add(part, what);
        }
        shape
    }

    #[test]
    fn what_is_missing_different_or_acts_unasked_is_told() {
        let expected =
            shape(&[("table orders", ""), ("column orders.a", "TEXT"), ("index i", "ON orders (a)")]);
        let found = shape(&[
            ("table orders", ""),
            ("table others", ""),
            ("column orders.a", "INTEGER"),
            ("column orders.b", "TEXT"),
            ("trigger t", "orders"),
            ("trigger u", "others"),
        ]);
        let told: Vec<_> = found.differences(&expected).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "column orders.a is different: INTEGER, and not TEXT",
                "index i is missing",
                "trigger t on table orders is not Billhook's"
            ]
        );
        assert_eq!(expected.differences(&shape(&[("index i", "ON\n  orders (a)")])), []);
    }
}
