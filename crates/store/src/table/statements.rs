//! Every statement of the domain functions, for tests that prepare each one on each engine and read its plan.

use std::fs;

use crate::{Sql, table::tables};

const SRC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

macro_rules! modules {
    ($($($module:ident)::+),+ $(,)?) => {
        [$((concat!($("/", stringify!($module)),+), crate::$($module)::+::STATEMENTS)),+]
    };
}

const MODULES: &[(&str, &[&Sql])] = &modules!(
    accounts,
    accounts::audit,
    accounts::idempotency,
    accounts::people,
    check,
    contacts,
    contacts::contact_files,
    contacts::contact_lists,
    contacts::contact_search,
    contacts::contact_tags,
    contacts::erasure,
    contacts::groups,
    contacts::subscriptions,
    holdings,
    list_pages,
    managers,
    marks,
    orders,
    orders::customers,
    orders::income,
    orders::order_changes,
    orders::order_facts,
    orders::order_info,
    orders::order_lists,
    orders::order_search,
    orders::payments,
    orders::reports,
    orders::same_order,
    outbox::deliveries,
    outbox::endpoints,
    outbox::events,
    outbox::queues,
    partners,
    products,
    products::categories,
    products::coupons,
    products::pincodes,
    products::product_versions,
);

/// All of them. One that its module's list lacks is noticed, and a module that is not here.
pub(crate) fn every() -> Vec<&'static Sql> {
    let mut all = tables::statements();
    collect("", &mut all);
    all
}

/// Adds those of the modules in a folder of `src`, a path that begins with a slash. The engines test their own.
fn collect(folder: &str, all: &mut Vec<&'static Sql>) {
    for entry in fs::read_dir(format!("{SRC}{folder}")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = format!("{folder}/{name}");
        let Some(module) = path.strip_suffix("/mod.rs").or(path.strip_suffix(".rs")) else {
            if path != "/engine" {
                collect(&path, all);
            }
            continue;
        };
        let listed = MODULES.iter().find(|(listed, _)| module == *listed).map_or(&[][..], |found| found.1);
        let source = fs::read_to_string(format!("{SRC}{path}")).unwrap();
        // In two parts, so that this file has none.
        let count = source.matches(concat!(": ", "Sql =")).count();
        assert_eq!(listed.len(), count, "{path}: a statement is not in a list");
        all.extend(listed);
    }
}
