//! Random operations on the store, compared with a simple model.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::*;

on_each_engine! {
    bills_are_those_of_a_naive_model
}

#[derive(Debug, Clone)]
enum Act {
    Put { account: usize, id: i64, email: usize, status: PayStatus, goods: Vec<i64> },
    Ask { account: usize, email: usize, status: Option<PayStatus> },
    Reopen,
}

const EMAILS: [&str; 4] = ["anna@example.com", "ANNA@example.com", "боря@пример.рф", "БОРЯ@пример.рф"];

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let status = || prop::sample::select(PayStatus::ALL.to_vec());
    let put = (0..2_usize, 1..12_i64, 0..EMAILS.len(), status(), prop::collection::vec(1..6_i64, 1..5))
        .prop_map(|(account, id, email, status, goods)| Act::Put { account, id, email, status, goods });
    let ask = (0..2_usize, 0..EMAILS.len(), prop::option::of(status()))
        .prop_map(|(account, email, status)| Act::Ask { account, email, status });
    prop::collection::vec(prop_oneof![5 => put, 5 => ask, 1 => Just(Act::Reopen)], 1..40)
}

fn bills_are_those_of_a_naive_model(engine: Engine) {
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(acts in acts())| {
        let Place { mut store, location, temporary: _temporary } = place(engine);
        let ids = [account(&store, "one"), account(&store, "two")];
        let mut model: [BTreeMap<i64, Order>; 2] = Default::default();
        for act in acts {
            match act {
                Act::Put { account, id, email, status, goods } => {
                    let order = order(id, EMAILS[email], status, &goods);
                    put(&store, ids[account], order.clone());
                    model[account].insert(id, order);
                }
                Act::Ask { account, email, status } => {
                    let mut expected: Vec<(i64, i64, String)> = Vec::new();
                    for order in model[account].values() {
                        if order.email_text().to_lowercase() != EMAILS[email].to_lowercase()
                            || status.is_some_and(|status| status != order.pay_status)
                        {
                            continue;
                        }
                        for line in &order.lines {
                            let bill = (order.id.0, line.good_id.0, line.good_title.clone());
                            if !expected.contains(&bill) {
                                expected.push(bill);
                            }
                        }
                    }
                    prop_assert_eq!(bills(&store, ids[account], EMAILS[email], status), expected);
                }
                Act::Reopen => {
                    drop(store);
                    store = Store::open(&location).unwrap();
                }
            }
        }
        prop_assert_eq!(store.check(&mut |_| {}).unwrap(), []);
    });
}
