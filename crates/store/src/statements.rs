//! Every statement of the domain functions, for the tests that prepare each of them on each engine and read its plan.

use crate::{
    Sql, accounts, audit, categories, check, copy, coupons, holdings, idempotency, list_pages, managers,
    marks, order_changes, order_lists, orders, partners, payments, people, pincodes, products, same_order,
    versions,
};

/// All of them. One that its module's list lacks is noticed.
pub(crate) fn every() -> Vec<&'static Sql> {
    let modules = [
        (accounts::STATEMENTS, include_str!("accounts.rs")),
        (marks::STATEMENTS, include_str!("marks.rs")),
        (products::STATEMENTS, include_str!("products.rs")),
        (orders::STATEMENTS, include_str!("orders.rs")),
        (order_lists::STATEMENTS, include_str!("order_lists.rs")),
        (list_pages::STATEMENTS, include_str!("list_pages.rs")),
        (order_changes::STATEMENTS, include_str!("order_changes.rs")),
        (categories::STATEMENTS, include_str!("categories.rs")),
        (coupons::STATEMENTS, include_str!("coupons.rs")),
        (idempotency::STATEMENTS, include_str!("idempotency.rs")),
        (managers::STATEMENTS, include_str!("managers.rs")),
        (partners::STATEMENTS, include_str!("partners.rs")),
        (payments::STATEMENTS, include_str!("payments.rs")),
        (people::STATEMENTS, include_str!("people.rs")),
        (audit::STATEMENTS, include_str!("audit.rs")),
        (pincodes::STATEMENTS, include_str!("pincodes.rs")),
        (same_order::STATEMENTS, include_str!("same_order.rs")),
        (check::STATEMENTS, include_str!("check.rs")),
        (holdings::STATEMENTS, include_str!("holdings.rs")),
        (versions::STATEMENTS, include_str!("versions.rs")),
    ];
    let mut all = copy::statements();
    for (statements, source) in modules {
        assert_eq!(
            statements.len(),
            source.matches(": Sql =").count(),
            "a statement is missing in STATEMENTS"
        );
        all.extend(statements);
    }
    all
}
