//! `billhook call`, with a server and without one.

use super::{Place, says};

#[test]
fn a_call_prints_the_answer_and_judges_it() {
    let place = Place::new();
    let key = place.account("shop");
    let serving = place.serve(&[]);
    let url = format!("http://shop.localhost:{}/api/", serving.port());
    let call = |rest: &[&str]| {
        place.run_with(&[&["call"], rest, &["--url", &url]].concat(), &[("BILLHOOK_KEY", &key)])
    };

    let done = call(&["GetBills", "email=anna@example.com"]);
    assert!(
        done.stdout
            .starts_with("{\"error_code\":400,\"error_text\":\"Order not found\",\"result\":[],\"hash\":\""),
        "{done:?}"
    );
    says(&done.failed(1), &["GetBills was refused: 400 Order not found"]);

    place.run(&["account", "set", "shop", "getbills_empty=ok"]).succeeded();
    std::thread::sleep(std::time::Duration::from_secs(1));
    let done = call(&["getbills", "email=anna@example.com", "pay_status=paid", "--require-signature"]);
    says(&done.succeeded(), &["{\"error_code\":0,\"error_text\":\"OK\",\"result\":[]"]);
    let done = call(&["GetBills", "email=anna@example.com", "--pretty"]);
    says(&done.succeeded(), &["{\n  \"error_code\": 0,\n"]);

    for (parameters, fault) in [
        (&["GetBills"][..], "email is missing"),
        (&["GetBills", "mail=anna@example.com"], "email is missing"),
        (&["GetBills", "email="], "email: missing or empty"),
        (&["getbills", "email=anna"], "email: an e-mail has one @"),
        (
            &["GetBills", "email=anna@example.com", "pay_status=payed"],
            "pay_status takes waiting, paid, cancel or return",
        ),
    ] {
        let line = call(parameters).failed(1);
        says(&line, &["3 Wrong posted data; ", fault, "; `billhook call --describe GetBills`"]);
    }
    says(
        &call(&["GetBill", "email=anna@example.com"]).failed(1),
        &["3 Wrong posted data", "did you mean GetBills?"],
    );
    let line = call(&["GetWebinars"]).failed(1);
    says(&line, &["3 Wrong posted data", "GetWebinars is not known here: `billhook call --list`"]);
    assert!(!line.contains("did you mean"), "{line}");
    says(&call(&["Get/Bills"]).failed(1), &["no method's name"]);

    // The version decides between two methods that differ only in letter case.
    let create = |version| call(&["CREATEORDER", "product_names=book", "--api", version]).failed(1);
    says(&create("2"), &["604 "]);
    says(&create("1"), &["603 Missing products"]);
    says(&call(&["GetPersonalManagers"]).succeeded(), &["\"result\":[]"]);
    says(&call(&["GetBills", "--api", "3"]).failed(2), &["1 and 2 are known"]);
}

#[test]
fn who_is_calling_has_to_be_known() {
    let place = Place::new();
    let key = place.account("shop");
    place.account("other");
    let serving = place.serve(&["--default-account", "shop"]);
    let port = serving.port();
    let named = format!("http://shop.localhost:{port}");
    let call = |rest: &[&str]| place.run(&[&["call", "GetBills", "email=anna@example.com"], rest].concat());

    let error = call(&["--url", &serving.url(), "--key", &key]).failed(2);
    says(&error, &["names no login", "--login"]);
    says(&call(&["--url", &named]).failed(2), &["a key is needed", "BILLHOOK_KEY_FILE"]);
    says(
        &call(&["--url", &serving.url(), "--login", "shop", "--key", &key]).failed(1),
        &["400 Order not found"],
    );

    let error = call(&["--url", &named, "--key", "wrong-wrong-wrong-wrong"]).failed(1);
    says(&error, &["the key is wrong", "4 Incorrect hash"]);
    let error = call(&["--url", &named, "--login", "other", "--key", &key]).failed(1);
    says(&error, &["4 Incorrect hash", "billhook explain"]);
    let nobody = format!("http://nobody.localhost:{port}");
    says(
        &call(&["--url", &nobody, "--key", &key]).failed(1),
        &["5 Invalid user name", "account list", "--domain may not include localhost"],
    );
    let error = call(&["--url", &nobody, "--key", &key, "--require-signature"]).failed(1);
    says(&error, &["Billhook-Signature"]);
}

#[test]
fn what_cannot_be_reached_is_named() {
    let place = Place::new();
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let call = |url: &str, rest: &[&str]| {
        place.run(&[&["call", "GetBills", "--key", "x", "--login", "shop", "--url", url], rest].concat())
    };
    let url = format!("http://shop.localhost:{free}");
    says(&call(&url, &[]).failed(1), &["cannot connect", &format!("shop.localhost:{free}"), "running"]);
    says(&call("shop.localhost:8080", &[]).failed(2), &["http://"]);
    says(&call("http://shop.localhost/api/GetBills", &[]).failed(2), &["method's name"]);
    says(&call("https://shop.localhost", &["--ca-file", "absent.pem"]).failed(1), &["absent.pem"]);
}

#[test]
fn a_self_signed_server_needs_a_word() {
    let place = Place::new();
    let key = place.account("shop");
    let serving = place.serve(&["--tls-self-signed", "--tls-listen", "127.0.0.1:0"]);
    let port = serving.server.https.unwrap().port();
    let url = format!("https://shop.localhost:{port}");
    let call = |rest: &[&str]| {
        place.run(&[&["call", "GetBills", "email=a@b", "--url", &url, "--key", &key], rest].concat())
    };
    says(&call(&[]).failed(1), &["certificate", "--insecure", "--ca-file"]);
    says(&call(&["--insecure"]).failed(1), &["400 Order not found"]);
    let plain = format!("https://shop.localhost:{}", serving.port());
    let line = place.run(&["call", "GetBills", "--url", &plain, "--key", &key]).failed(1);
    says(&line, &["this is not a TLS port"]);
    assert!(!line.contains("Invalid"), "{line}");
}

#[test]
fn no_proxy_stands_between_this_machine_and_itself() {
    let place = Place::new();
    let key = place.account("shop");
    let serving = place.serve(&[]);
    let url = format!("http://shop.localhost:{}", serving.port());
    let proxies = [("http_proxy", "http://127.0.0.1:1"), ("ALL_PROXY", "http://127.0.0.1:1")];
    let done = place.run_with(&["call", "GetBills", "email=a@b", "--url", &url, "--key", &key], &proxies);
    says(&done.failed(1), &["400 Order not found"]);
}
