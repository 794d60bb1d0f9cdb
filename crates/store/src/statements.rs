//! Every statement of the domain functions, for the tests that prepare each of them on each engine and read its plan.

use crate::{Sql, accounts, check, copy, marks, orders, products, versions};

/// All of them. One that its module's list lacks is noticed.
pub(crate) fn every() -> Vec<&'static Sql> {
    let modules = [
        (accounts::STATEMENTS, include_str!("accounts.rs")),
        (marks::STATEMENTS, include_str!("marks.rs")),
        (products::STATEMENTS, include_str!("products.rs")),
        (orders::STATEMENTS, include_str!("orders.rs")),
        (check::STATEMENTS, include_str!("check.rs")),
        (versions::STATEMENTS, include_str!("versions.rs")),
    ];
    let mut all = copy::statements();
    for (statements, source) in modules {
        assert_eq!(
            statements.len(),
            source.matches("Sql::new(").count(),
            "a statement is missing in STATEMENTS"
        );
        all.extend(statements);
    }
    all
}
