//! The header `Idempotency-Key`: a repeated call is done once and gets the same answer (decision 91).

use std::collections::BTreeSet;

use billhook_store::{
    Sql,
    accounts::{
        self,
        idempotency::{self, DoneCall},
    },
};
use billhook_wire::{Access, Api, Login, method::METHODS};
use serde_json::json;

use billhook_test_kit::until;

use crate::{
    program::{Answer, Billhook, keyed, signed, succeed},
    shop::{KEY, LOGIN, Shop, done, now, number, store_of},
};

const CALL: [(&str, &str); 2] = [("goods[0][good_name]", "course"), ("bill_email", "anna@example.com")];

type Form<'a> = &'a [(&'a str, &'a str)];

impl Shop {
    fn once(&self, key: &str, method: &str, form: &[(&str, &str)]) -> Answer {
        self.sent_with(&format!("Idempotency-Key: {key}\r\n"), method, &signed(LOGIN, KEY, form))
    }

    /// The number of stored answers.
    fn kept(&self) -> i64 {
        const COUNT: Sql = Sql::new("test.count", "SELECT COUNT(*) FROM idempotency_keys");
        self.write(|tx, _| tx.row(&COUNT, &[], |row| row.int(0))).unwrap()
    }
}

const ANNA: (&str, &str) = ("lead_email", "anna@example.com");

/// Every method that writes, with the answer to a second identical call without a key.
#[test]
fn a_call_is_done_once_and_told_again() {
    let good = [("good_name", "film"), ("good_type", "0"), ("good_title", "Film"), ("good_sum", "5")];
    let by_key = [("product_names", "course"), ("customer_email", "boris@example.com")];
    let calls: [(&str, Form<'_>, i64); 14] = [
        ("CreateOrder", &CALL, 601),
        ("createorder", &by_key, 0),
        ("UpdateOrderStatus", &[("bill_id", "1"), ("status", "paid"), ("date", "1362254400")], 0),
        ("DeleteOrder", &[("bill_id", "1")], 302),
        ("AddGood", &good, 3),
        ("UpdateGood", &[("good_name", "film"), ("good_title", "Movie")], 0),
        ("DeleteGood", &[("good_name", "film")], 604),
        ("AddLeadToGroup", &[("rid[0]", "news"), ANNA], 102),
        ("UpdateSubscriberData", &[ANNA, ("lead_name", "Anna")], 0),
        ("DeleteSubscribe", &[ANNA, ("rass_name", "news")], 0),
        ("addupdatelead", &[("lead_phone", "55")], 0),
        ("addtagtolead", &[ANNA, ("add_tags", "vip")], 0),
        ("removetagfromlead", &[ANNA, ("remove_tags", "vip")], 0),
        ("removeleadfromlist", &[ANNA, ("remove_from_lists", "news")], 0),
    ];
    let writing = METHODS.iter().filter(|method| method.access == Access::Write).map(|method| method.name);
    assert_eq!(calls.map(|call| call.0).into_iter().collect::<BTreeSet<_>>(), writing.collect());
    let shop = Shop::with_goods();
    shop.server().run(&["group", "add", "news", "--account", LOGIN]);
    for (at, (method, form, again)) in (1..).zip(calls) {
        let is_keyed = METHODS.iter().any(|known| known.name == method && known.api == Api::Keyed);
        let call = |head: &str| {
            let body = if is_keyed { keyed(KEY, form) } else { signed(LOGIN, KEY, form) };
            shop.sent_with(head, method, &body)
        };
        let key = format!("idempotency-key: \"8e03978e-40d5-43dd-bc93-{at}\"\r\n");
        let first = call(&key);
        assert_eq!(first.code(), 0, "{method}: {first:?}");
        for _ in 0..2 {
            assert_eq!(call(&key).body, first.body, "{method}");
        }
        assert_eq!(shop.kept(), at, "{method}");
        assert_eq!(call("").code(), again, "{method}");
        assert_eq!(shop.kept(), at, "{method}: without a key nothing is kept");
    }
    let orders = shop.exported().lines().filter(|line| line.starts_with(r#"{"id":"#)).count();
    assert_eq!(orders, 3, "CreateOrder's, and createorder's with a key and without");
    let contacts = shop.result("GetCountSubscribe", &[("group_name", "all")]);
    assert_eq!(contacts, 3, "AddLeadToGroup's, and addupdatelead's with a key and without");
    shop.is_sound();
}

#[test]
fn a_key_stands_for_one_call() {
    let shop = Shop::with_goods();
    let first = shop.once("a key", "CreateOrder", &CALL);
    // The order of parameters, letter case and the credential do not matter.
    let [good, email] = CALL;
    assert_eq!(shop.once("a key", "CREATEORDER", &[email, good]).body, first.body);
    let other = [good, ("bill_email", "boris@example.com")];
    assert_eq!(shop.once("a key", "CreateOrder", &other).code(), 3);
    assert_eq!(shop.once("a key", "CreateOrder", &[good, email, ("bill_tag", "x")]).code(), 3);
    assert_eq!(shop.once("a key", "DeleteOrder", &[("bill_id", "1")]).code(), 3);
    assert_eq!(number(&done(&shop.once("A key", "CreateOrder", &other))), 2);
    let place = shop.server().place();
    succeed(place, &["account", "add", "other", "--key", "key-of-the-other-0123456789"]);
    let form = [("good_name", "film"), ("good_type", "0"), ("good_title", "Film"), ("good_sum", "5")];
    let body = signed("other", "key-of-the-other-0123456789", &form);
    let call = || shop.server().post_with("Idempotency-Key: a key\r\n", "other.localhost", "AddGood", &body);
    until(|| call().code() != 5);
    assert_eq!(call().json()["result"], json!({"good_id": 1}));
}

#[test]
fn a_refusal_is_not_kept() {
    let shop = Shop::with_goods();
    let call = || shop.once("k", "CreateOrder", &[("goods[0][good_name]", "film"), CALL[1]]);
    assert_eq!([call().code(), call().code(), shop.kept()], [604, 604, 0]);
    shop.add_good("film", "0", "Film", "5", &[]);
    assert_eq!([call().code(), call().code(), shop.kept()], [0, 0, 1]);
}

#[test]
fn a_malformed_key_is_refused() {
    let shop = Shop::with_goods();
    let call = |head: &str, method| shop.sent_with(head, method, &signed(LOGIN, KEY, &CALL)).code();
    let line = |key: &str| format!("Idempotency-Key: {key}\r\n");
    for head in [line(""), line(&"k".repeat(256)), line("a\tb"), line("ключ"), line("a").repeat(2)] {
        assert_eq!(call(&head, "CreateOrder"), 3, "{head:?}");
        // Methods that only read ignore the key.
        assert_eq!(call(&head, "GetAllGoods"), 0, "{head:?}");
    }
    assert_eq!(shop.kept(), 0);
    assert_eq!(call(&line(&"~".repeat(255)), "CreateOrder"), 0);
}

#[test]
fn what_is_told_again_is_signed_anew() {
    let shop = Shop::with_goods();
    let first = shop.once("k", "CreateOrder", &CALL);
    let rotated = shop.server().run(&["account", "rotate-key", LOGIN, "--json"]);
    let rotated: serde_json::Value = serde_json::from_str(&rotated).unwrap();
    let key = rotated["key"].as_str().unwrap();
    let (host, body) = (format!("{LOGIN}.localhost"), signed(LOGIN, key, &CALL));
    let call = || shop.server().post_with("Idempotency-Key: k\r\n", &host, "CreateOrder", &body);
    until(|| call().code() != 4);
    let again = call();
    again.checked(Some(key));
    assert_eq!(again.json()["result"], first.json()["result"]);
    assert_ne!(again.json()["hash"], first.json()["hash"]);
}

#[test]
fn a_key_is_forgotten_after_a_day() {
    const AGE: Sql = Sql::new("test.age", "UPDATE idempotency_keys SET created = created - 86400");
    let shop = Shop::with_goods();
    let form = [("product_names", "course")];
    let call = || {
        let answer = shop.sent_with("Idempotency-Key: k\r\n", "createorder", &keyed(KEY, &form));
        number(&done(&answer))
    };
    assert_eq!([call(), call()], [1, 1]);
    shop.write(|tx, _| tx.execute(&AGE, &[]));
    assert_eq!([call(), call()], [2, 2]);
    assert_eq!(shop.kept(), 1);
}

/// Calls without a key store nothing.
#[test]
fn old_calls_are_removed() {
    let place = tempfile::tempdir().unwrap();
    succeed(place.path(), &["account", "add", LOGIN, "--key", KEY]);
    let call = || DoneCall {
        method: "AddGood".to_owned(),
        parameters: String::new(),
        error_text: "OK".to_owned(),
        result: "[]".to_owned(),
    };
    let store = store_of(place.path());
    store
        .write(move |tx| {
            let account = accounts::find(tx, &Login::parse(LOGIN).unwrap())?.unwrap().id;
            (0..1200).try_for_each(|at| idempotency::keep(tx, account, &format!("key {at}"), &call(), at))?;
            idempotency::keep(tx, account, "young", &call(), now())
        })
        .unwrap();
    drop(store);
    let shop = Shop::of(Billhook::start_over(place, &[]));
    until(|| shop.kept() == 1);
}
