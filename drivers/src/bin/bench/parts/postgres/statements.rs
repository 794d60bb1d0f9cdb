//! The store's own statements, as scripts of pgbench have them.
//!
//! They are taken from the store's source, so that both sides run the same text and the store need not show it.

use billhook_drivers::Result;

const SOURCE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/store/src/orders.rs"));

/// The statement of a name, with these values in the place of its parameters.
pub(super) fn statement(name: &str, values: &[String]) -> Result<String> {
    let text = SOURCE.split_once(&format!("\"{name}\",")).and_then(|(_, rest)| rest.split('"').nth(1));
    let text = text.ok_or_else(|| format!("crates/store/src/orders.rs has no statement {name}"))?;
    // A script's line could be taken for a comment to its end.
    let lines: Vec<_> = text.lines().map(|line| line.split("--").next().unwrap_or_default().trim()).collect();
    with_values(&lines.join(" "), values)
}

/// The statement of that name which reads whole orders: what the macro makes of its condition.
pub(super) fn statement_of_orders(name: &str, values: &[String]) -> Result<String> {
    let missing = || format!("crates/store/src/orders.rs has no statement {name} of whole orders");
    let quoted = |text: &'static str| text.split('"').nth(1);
    let (_, rest) = SOURCE.split_once("macro_rules! order_lines_where").ok_or_else(missing)?;
    let (_, columns) = rest.split_once("concat!(").ok_or_else(missing)?;
    let (_, condition) =
        SOURCE.split_once(&format!("\"{name}\", order_lines_where!(")).ok_or_else(missing)?;
    let (columns, condition) = quoted(columns).zip(quoted(condition)).ok_or_else(missing)?;
    let text = format!("{columns}{condition} ORDER BY o.order_id, l.position");
    with_values(&text.split_whitespace().collect::<Vec<_>>().join(" "), values)
}

fn with_values(text: &str, values: &[String]) -> Result<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize) -> Vec<String> {
        (1..=count).map(|number| format!(":p{number}")).collect()
    }

    #[test]
    fn statements_are_found_and_filled() {
        let text = statement("orders.bills_of", &values(2)).unwrap();
        assert!(text.starts_with("SELECT order_id, version_id, pay_status FROM order_lines WHERE"), "{text}");
        assert!(text.contains("account_id = :p1 AND email_key = :p2 ORDER BY"));
        let text = statement("orders.add_order", &values(59)).unwrap();
        assert!(text.ends_with(":p58, :p59);\n"), "{text}");
        assert!(statement("orders.add_line", &values(11)).is_ok());
        assert!(statement("orders.add_line", &values(10)).is_err());
        let text = statement_of_orders("orders.find", &values(2)).unwrap();
        assert!(text.starts_with("SELECT o.order_id, o.email, "), "{text}");
        let end = "AND o.account_id = :p1 AND o.order_id = :p2 ORDER BY o.order_id, l.position;\n";
        assert!(text.ends_with(end), "{text}");
        assert!(statement_of_orders("orders.none", &[]).is_err());
        assert!(statement("orders.none", &[]).is_err());
    }
}
