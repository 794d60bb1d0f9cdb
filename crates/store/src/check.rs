//! Looks for data that contradicts itself: what no transaction of ours could have written.

use std::fmt;

use billhook_wire::Email;

use crate::{Error, Progress, Sql, Tx, orders::hidden_key};

/// Something that is wrong with the store: one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding(String);

impl Finding {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Findings beyond this many are not listed: whoever reads them needs a backup, not a longer list.
const FINDINGS_MAX: usize = 100;
/// Rows between two reports of progress.
const ROWS_A_REPORT: u64 = 10_000;

const TOTAL: Sql =
    Sql::new("check.total", "SELECT (SELECT COUNT(*) FROM orders) + (SELECT COUNT(*) FROM order_lines)");

const ORDERS: Sql = Sql::new(
    "check.orders",
    "SELECT o.account_id, o.order_id, o.email, o.email_key,
            o.deleted, o.received,
            CAST(COALESCE((SELECT SUM(p.sum) FROM payments p WHERE p.account_id = o.account_id AND p.order_id = o.order_id), 0) AS BIGINT),
            (SELECT COUNT(*) FROM order_lines l
              WHERE l.account_id = o.account_id AND l.email_key = o.email_key AND l.order_id = o.order_id),
            (SELECT COUNT(*) FROM accounts a WHERE a.account_id = o.account_id)
       FROM orders o ORDER BY o.account_id, o.order_id",
);

const LINES: Sql = Sql::new(
    "check.lines",
    "SELECT l.account_id, l.order_id, l.position, l.pay_status, COALESCE(v.good_id, 0),
            COALESCE((SELECT o.pay_status FROM orders o
                       WHERE o.account_id = l.account_id AND o.order_id = l.order_id AND o.email_key = l.email_key), ''),
            (SELECT COUNT(*) FROM products p WHERE p.account_id = l.account_id AND p.good_id = v.good_id)
       FROM order_lines l
       LEFT JOIN product_versions v ON v.account_id = l.account_id AND v.version_id = l.version_id
      ORDER BY l.account_id, l.email_key, l.order_id, l.position",
);

/// Compares the tables with each other.
pub(crate) fn contradictions(
    tx: &mut Tx<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<Finding>, Error> {
    let total = tx.row(&TOTAL, &[], |row| row.int(0))?.unwrap_or(0).unsigned_abs();
    let mut done = 0;
    let mut count = || {
        done += 1;
        if done % ROWS_A_REPORT == 0 || done == total {
            progress(Progress { done, total });
        }
    };
    let mut findings = Vec::new();
    let mut find = |text: String| {
        if findings.len() < FINDINGS_MAX {
            findings.push(Finding(text));
        }
    };

    tx.rows(&ORDERS, &[], |row| {
        count();
        let order = format!("account {}, order {}", row.int(0)?, row.int(1)?);
        let email = match row.text(2)? {
            "" => Ok(String::new()),
            text => Email::parse(text).map(|email| email.key().to_owned()),
        };
        let is_hidden = row.int(4)? != 0;
        match email {
            Ok(key) if is_hidden && hidden_key(&key) == row.text(3)? => {}
            Ok(key) if !is_hidden && key == row.text(3)? => {}
            Ok(_) => find(format!("{order}: the key of the e-mail is not that of its e-mail")),
            Err(why) => find(format!("{order}: {why}")),
        }
        if row.int(5)? != row.int(6)? {
            find(format!("{order}: what was received is not the sum of its payments"));
        }
        if row.int(7)? == 0 {
            find(format!("{order}: it has no lines"));
        }
        if row.int(8)? == 0 {
            find(format!("{order}: there is no such account"));
        }
        Ok::<(), Error>(())
    })?;

    let mut before = None;
    tx.rows(&LINES, &[], |row| {
        count();
        let (account, id, position) = (row.int(0)?, row.int(1)?, row.int(2)?);
        let line = format!("account {account}, order {id}, line {position}");
        match row.text(5)? {
            "" => find(format!("{line}: there is no such order of that customer")),
            status if status != row.text(3)? => find(format!("{line}: its status is not its order's")),
            _ => {}
        }
        match (row.int(4)?, row.int(6)?) {
            (0, _) => find(format!("{line}: the version of its product is missing")),
            (good, 0) => find(format!("{line}: product {good} is not in the catalogue")),
            _ => {}
        }
        let expected = match before {
            Some((account_before, id_before, position)) if (account_before, id_before) == (account, id) => {
                position + 1
            }
            _ => 0,
        };
        if position != expected {
            find(format!("{line}: a line before it is missing"));
        }
        before = Some((account, id, position));
        Ok::<(), Error>(())
    })?;
    Ok(findings)
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&TOTAL, &ORDERS, &LINES];
