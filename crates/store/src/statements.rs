//! Every statement of the domain functions, for tests that prepare each one on each engine and read its plan.

use std::fs;

use crate::{Sql, tables};

macro_rules! modules {
    ($($module:ident)+) => { [$((concat!(stringify!($module), ".rs"), crate::$module::STATEMENTS)),+] };
}

/// All of them. One that its module's list lacks is noticed, and a module that is not here.
pub(crate) fn every() -> Vec<&'static Sql> {
    let modules = modules!(
        accounts audit categories check contact_files contact_lists contact_search contact_tags contacts coupons customers deliveries endpoints erasure events groups holdings idempotency income
        list_pages managers marks order_changes order_facts order_info order_lists order_search orders partners payments people
        pincodes product_versions products queues reports same_order subscriptions
    );
    let mut all = tables::statements();
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let listed = modules.iter().find(|(file, _)| name == *file).map_or(&[][..], |found| found.1);
        let source = fs::read_to_string(entry.path()).unwrap_or_default();
        // In two parts, so that this file has none.
        let count = source.matches(concat!(": ", "Sql =")).count();
        assert_eq!(listed.len(), count, "{}: a statement is not in a list", name.display());
        all.extend(listed);
    }
    all
}
