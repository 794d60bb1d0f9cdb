//! Counts what a store holds, for the report of a check.

use crate::{Error, Sql, Tx};

/// The numbers of a store's main rows, over all accounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Accounts.
    pub accounts: u64,
    /// Orders, hidden ones too.
    pub orders: u64,
    /// Their lines.
    pub lines: u64,
    /// Payments.
    pub payments: u64,
    /// Products, deleted ones too.
    pub products: u64,
}

const COUNTED: Sql = Sql::new(
    "check.holdings",
    "SELECT (SELECT COUNT(*) FROM accounts), (SELECT COUNT(*) FROM orders), (SELECT COUNT(*) FROM order_lines),
            (SELECT COUNT(*) FROM payments), (SELECT COUNT(*) FROM products)",
);

pub(crate) fn counted(tx: &mut Tx<'_>) -> Result<Holdings, Error> {
    let counted = tx.row(&COUNTED, &[], |row| {
        let count = |column| Ok::<u64, Error>(row.int(column)?.unsigned_abs());
        Ok(Holdings {
            accounts: count(0)?,
            orders: count(1)?,
            lines: count(2)?,
            payments: count(3)?,
            products: count(4)?,
        })
    })?;
    Ok(counted.unwrap_or_default())
}

#[cfg(test)]
pub(crate) const STATEMENTS: &[&Sql] = &[&COUNTED];
