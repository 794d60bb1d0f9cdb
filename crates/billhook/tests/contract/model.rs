//! Random stores and requests over HTTP, compared with a simple model.

use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::program::{Billhook, signed, succeed, write};

const EMAILS: [&str; 5] =
    ["anna@example.com", "ANNA@Example.com", "боря@пример.рф", "Боря@Пример.рф", "c+d@e"];
const STATUSES: [&str; 4] = ["waiting", "paid", "cancel", "return"];
const KEY: &str = "key-of-the-model-0123456789";

#[derive(Debug, Clone)]
struct Order {
    id: i64,
    email: &'static str,
    status: &'static str,
    goods: Vec<(i64, String)>,
}

#[derive(Debug, Clone)]
struct Ask {
    email: &'static str,
    status: Option<&'static str>,
    other: Option<String>,
    account: usize,
}

fn orders() -> impl Strategy<Value = Vec<Order>> {
    let goods = prop::collection::vec((1..6_i64, "[ -~а-я\u{2028}😀]{1,12}"), 1..5);
    let order = (prop::sample::select(&EMAILS[..]), prop::sample::select(&STATUSES[..]), goods);
    prop::collection::btree_map(1..1_000_000_000_000_i64, order, 0..25).prop_map(|orders| {
        orders.into_iter().map(|(id, (email, status, goods))| Order { id, email, status, goods }).collect()
    })
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let status = prop::option::of(prop::sample::select(&STATUSES[..]));
    let ask = (prop::sample::select(&EMAILS[..]), status, prop::option::of("[ -~а-я]{0,20}"), 0..2_usize)
        .prop_map(|(email, status, other, account)| Ask { email, status, other, account });
    prop::collection::vec(ask, 1..20)
}

fn import(shop: &Billhook, login: &str, orders: &[Order]) {
    shop.run(&["account", "add", login, "--key", KEY]);
    let mut lines = String::new();
    for Order { id, email, status, goods } in orders {
        let items: Vec<_> = goods
            .iter()
            .map(|(good, title)| json!({"id": good, "good_name": format!("g{good}"), "good_title": title, "sum": "1.00"}))
            .collect();
        lines += &json!({"id": id, "email": email, "pay_status": status, "items": items}).to_string();
        lines.push('\n');
    }
    let file = write(shop.place(), &format!("{login}.jsonl"), &lines);
    succeed(shop.place(), &["import", "--account", login, file.to_str().unwrap()]);
}

/// The expected `result`, from a look at every order.
fn expected(orders: &[Order], ask: &Ask) -> Value {
    let mut result = Map::new();
    for order in orders {
        let same = order.email.to_lowercase() == ask.email.to_lowercase();
        if !same || ask.status.is_some_and(|status| status != order.status) {
            continue;
        }
        let mut goods = Map::new();
        for (good, title) in &order.goods {
            goods.insert(good.to_string(), json!({"good_name": format!("g{good}"), "good_title": title}));
        }
        result.insert(order.id.to_string(), goods.into());
    }
    if result.is_empty() { json!([]) } else { result.into() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]
    #[test]
    fn get_bills_is_what_a_naive_model_says(stores in [orders(), orders()], asks in asks()) {
        static ACCOUNTS: AtomicU32 = AtomicU32::new(0);
        thread_local! {
            static SHOP: Billhook = Billhook::start(&[]);
        }
        SHOP.with(|shop| {
            let logins = stores.each_ref().map(|orders| {
                let login = format!("shop{}", ACCOUNTS.fetch_add(1, Ordering::Relaxed));
                import(shop, &login, orders);
                login
            });
            billhook_test_kit::until(|| {
                logins.iter().all(|login| shop.post(&format!("{login}.localhost"), "GetBills", "a=1").code() == 1)
            });
            for ask in &asks {
                let mut form = vec![("email", ask.email)];
                form.extend(ask.other.as_deref().map(|other| ("other param[x]", other)));
                form.extend(ask.status.map(|status| ("pay_status", status)));
                let login = &logins[ask.account];
                let answer = shop.post(&format!("{login}.localhost"), "GetBills", &signed(login, KEY, &form));
                answer.checked(Some(KEY));
                prop_assert!(answer.body.is_ascii());
                let json = answer.json();
                let result = expected(&stores[ask.account], ask);
                let code = if result.is_array() { 400 } else { 0 };
                prop_assert_eq!(&json["error_code"], &json!(code));
                // Compared as text, since the order of entries matters.
                prop_assert_eq!(json["result"].to_string(), result.to_string());
            }
            Ok(())
        })?;
    }
}
