//! GetBills: what it finds, what it refuses (section 4.8).

use expect_test::expect;

use crate::program::{Billhook, DEMO_KEY, DEMO_LOGIN, check, succeed, write};

#[test]
fn the_pages_list() {
    let shop = Billhook::demo();
    check(
        &shop,
        "GetBills",
        &[("email", "anna@example.com"), ("pay_status", "paid")],
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":{"258367":{"12549":{"good_name":"oplata","good_title":"\u041e\u043f\u043b\u0430\u0442\u0430 \u0437\u0430 \u0442\u0440\u0435\u043d\u0438\u043d\u0433"}},"258368":{"13011":{"good_name":"sales","good_title":"\u041f\u0440\u043e\u0434\u0430\u0436\u0438 \u0432 \u043a\u0438\u043d\u043e\u0442\u0435\u0430\u0442\u0440\u0430\u0445"},"28363":{"good_name":"222","good_title":"222 \u0441\u043f\u043e\u0441\u043e\u0431\u0430"}}},"hash":"cf2b10a8fd707c6d14f496e19503b0a1"}"#
        ]],
    );
    check(
        &shop,
        "getbills",
        &[("email", " ANNA@example.com ")],
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":{"258367":{"12549":{"good_name":"oplata","good_title":"\u041e\u043f\u043b\u0430\u0442\u0430 \u0437\u0430 \u0442\u0440\u0435\u043d\u0438\u043d\u0433"}},"258368":{"13011":{"good_name":"sales","good_title":"\u041f\u0440\u043e\u0434\u0430\u0436\u0438 \u0432 \u043a\u0438\u043d\u043e\u0442\u0435\u0430\u0442\u0440\u0430\u0445"},"28363":{"good_name":"222","good_title":"222 \u0441\u043f\u043e\u0441\u043e\u0431\u0430"}}},"hash":"cf2b10a8fd707c6d14f496e19503b0a1"}"#
        ]],
    );
}

#[test]
fn refusals() {
    let shop = Billhook::demo();
    let missing = expect![[
        r#"200 {"error_code":3,"error_text":"Wrong posted data","result":[],"hash":"4afafe57ae11e0dac9f9b34527039baf"}"#
    ]];
    check(&shop, "GetBills", &[("pay_status", "paid")], &missing);
    for email in [
        "",
        "  ",
        "anna",
        "a@b@c",
        "an na@example.com",
        "a\0@example.com",
        &format!("{}@example.com", "a".repeat(250)),
    ] {
        check(&shop, "GetBills", &[("email", email)], &missing);
    }
    check(&shop, "GetBills", &[("email", "anna@example.com"), ("pay_status", "Paid")], &missing);
    check(&shop, "GetBills", &[("email[]", "anna@example.com")], &missing);
    let nothing = expect![[
        r#"200 {"error_code":400,"error_text":"Order not found","result":[],"hash":"3a5d1220f8b862f9f979dd4794defc90"}"#
    ]];
    check(&shop, "GetBills", &[("email", "boris@example.com")], &nothing);
    check(&shop, "GetBills", &[("email", "anna@example.com"), ("pay_status", "waiting")], &nothing);
    check(&shop, "GetBills", &[("email", "anna@example.com"), ("pay_status", "return")], &nothing);
    check(
        &shop,
        "GetNothing",
        &[("email", "anna@example.com")],
        &expect![[
            r#"404 {"error_code":3,"error_text":"Wrong posted data","result":[],"hash":"4afafe57ae11e0dac9f9b34527039baf"}"#
        ]],
    );
}

#[test]
fn credentials() {
    let shop = Billhook::demo();
    let host = "username.localhost";
    for (body, code) in [
        ("email=anna%40example.com", 1),
        ("email=anna%40example.com&hash=", 1),
        ("email=anna%40example.com&hash=ccad26ca94a071dbcc4552c0af712200", 4),
        ("hash[]=1&email=anna%40example.com", 4),
        ("email=anna%40example.com&rpsKey=wrong", 4),
        ("email=anna%40example.com&rps_key=wrong", 4),
        ("email=anna%40example.com&rps_key=", 1),
        ("email=anna%40example.com&rps_key[]=1", 4),
        ("", 2),
        ("&&&", 2),
    ] {
        let answer = shop.post(host, "GetBills", body);
        answer.checked(Some(DEMO_KEY));
        assert_eq!((answer.status, answer.code()), (200, code), "{body}");
    }
    for key in ["rpsKey=", "rps_key=", "rpsKey=&rps_key="] {
        let keyed = shop.post(host, "GetBills", &format!("email=anna%40example.com&{key}{DEMO_KEY}"));
        assert_eq!(keyed.code(), 0, "{key}");
    }
    let both = format!("rps_key={DEMO_KEY}&email=anna%40example.com&rpsKey=wrong");
    assert_eq!(shop.post(host, "GetBills", &both).code(), 4, "the documented name goes first");
    // The hash of the sample request in php.md, made by PHP.
    let page = shop.post(
        host,
        "GetBills",
        "email=anna%40example.com&pay_status=paid&hash=ccad26ca94a071dbcc4552c0af712200",
    );
    assert_eq!(page.code(), 0);
}

#[test]
fn an_account_may_ask_for_an_empty_list_and_lower_case() {
    let shop = Billhook::demo();
    shop.run(&["account", "set", DEMO_LOGIN, "getbills_empty=ok"]);
    shop.run(&["account", "set", DEMO_LOGIN, "text_case=lower"]);
    billhook_test_kit::until(|| {
        let answer = shop.call(DEMO_LOGIN, DEMO_KEY, "GetBills", &[("email", "boris@example.com")]);
        answer.checked(Some(DEMO_KEY));
        answer.body.starts_with(r#"{"error_code":0,"error_text":"ok","result":[],"#)
    });
}

/// Names are those of the time of the order. A product ordered twice is one entry with its last name
/// (decision 55).
#[test]
fn names_are_those_of_the_order() {
    let shop = Billhook::demo();
    let lines = r#"{"id":1,"email":"v@example.com","pay_status":"cancel","items":[{"id":9,"good_name":"nine","good_title":"First","sum":"1.00"},{"id":8,"good_name":"eight","good_title":"Eight","sum":1},{"id":9,"good_name":"nine","good_title":"Second/\u2028","sum":"1.00"}]}"#;
    let file = write(shop.place(), "orders.jsonl", lines);
    shop.run(&["import", "--account", DEMO_LOGIN, file.to_str().unwrap()]);
    check(
        &shop,
        "GetBills",
        &[("email", "v@example.com"), ("pay_status", "cancel")],
        &expect![[
            r#"200 {"error_code":0,"error_text":"OK","result":{"1":{"9":{"good_name":"nine","good_title":"Second\/\u2028"},"8":{"good_name":"eight","good_title":"Eight"}}},"hash":"cf2b10a8fd707c6d14f496e19503b0a1"}"#
        ]],
    );
}

/// A customer's 10,000 orders are answered whole, while other callers are served.
#[test]
fn ten_thousand_orders() {
    let place = tempfile::tempdir().unwrap();
    succeed(place.path(), &["account", "add", "big", "--key", DEMO_KEY]);
    succeed(place.path(), &["generate", "--account", "big", "--orders", "10000", "--customers", "1"]);
    let exported = succeed(place.path(), &["export", "--account", "big"]);
    let email =
        serde_json::from_str::<serde_json::Value>(exported.lines().next().unwrap()).unwrap()["email"].clone();
    let email = email.as_str().unwrap().to_owned();
    let shop = Billhook::start_over(place, &[]);
    succeed(shop.place(), &["account", "add", "small", "--key", DEMO_KEY]);
    billhook_test_kit::until(|| {
        shop.call("small", DEMO_KEY, "GetBills", &[("email", "x@example.com")]).code() == 400
    });
    let memory = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", shop.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let answer = shop.call("big", DEMO_KEY, "GetBills", &[("email", &email)]);
                    answer.checked(Some(DEMO_KEY));
                    assert_eq!(answer.json()["result"].as_object().unwrap().len(), 10_000);
                }
            });
        }
        for _ in 0..100 {
            assert_eq!(shop.call("small", DEMO_KEY, "GetBills", &[("email", "x@example.com")]).code(), 400);
        }
    });
    let after = memory();
    assert!(after < 256 * 1024, "{after} KiB of private memory");
}
