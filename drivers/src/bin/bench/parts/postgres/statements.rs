//! The store's own statements, for pgbench's scripts.

use billhook_drivers::Result;
use billhook_store::Sql;

/// A statement with these values in place of its parameters.
pub(super) fn with_values(statement: &Sql, values: &[&str]) -> Result<String> {
    // In a script, a comment could hide the rest of a line.
    let lines = statement.text().lines().map(|line| line.split("--").next().unwrap_or_default().trim());
    let text = lines.collect::<Vec<_>>().join(" ");
    let mut pieces = text.split('$');
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|c: char| !c.is_ascii_digit()).unwrap_or(piece.len());
        let (number, rest) = piece.split_at(end);
        let place = number.parse::<usize>()?.checked_sub(1);
        filled += place.and_then(|place| values.get(place)).ok_or("a parameter has no value")?;
        filled += rest;
    }
    Ok(filled + ";\n")
}

/// An insert with a value for each column.
pub(super) fn insert<'v>(statement: &Sql, value: impl Fn(&str) -> &'v str) -> Result<String> {
    let columns = statement.text().split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    let (columns, _) = columns.ok_or_else(|| format!("{} names no columns", statement.name()))?;
    with_values(statement, &columns.split(',').map(|column| value(column.trim())).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use billhook_store::orders::{ADD_LINE, ADD_ORDER, BILLS_OF, FIND};

    use super::*;

    #[test]
    fn statements_are_filled() {
        let text = with_values(&BILLS_OF, &[":p1", ":p2"]).unwrap();
        assert!(text.starts_with("SELECT order_id, version_id, pay_status FROM order_lines WHERE"), "{text}");
        assert!(text.contains("account_id = :p1 AND email_key = :p2 ORDER BY"));
        let text = with_values(&FIND, &[":p1", ":p2"]).unwrap();
        assert!(text.contains("o.account_id = :p1 AND o.order_id = :p2 ORDER BY"), "{text}");
        assert!(with_values(&FIND, &[":p1"]).is_err());
        for statement in [ADD_ORDER, ADD_LINE] {
            let text =
                insert(&statement, |column| if column == "account_id" { ":one" } else { ":no" }).unwrap();
            assert!(text.contains(":one, :no, ") && !text.contains('$'), "{text}");
        }
    }
}
