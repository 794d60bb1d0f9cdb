//! The cabinet's page of the API: the key, who may call, and programs that work as they stand.

use std::process::{Command, Output};

use crate::{
    browser::{Browser, login_link},
    program::DEMO_LOGIN,
    shop::{KEY, LOGIN, Shop},
};

/// The programs on a page, with HTML's entities read back.
fn samples(page: &str) -> Vec<String> {
    let parts = page.split("<code id=\"sample-").skip(1);
    let texts = parts.map(|part| part.split_once('>').unwrap().1.split_once("</code>").unwrap().0);
    texts
        .map(|text| {
            text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
        })
        .collect()
}

fn printed(program: &str, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } =
        Command::new(program).args(arguments).env("no_proxy", "*").output().unwrap();
    let (out, errors) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert!(status.success(), "{program}: {out} {errors}");
    out
}

#[test]
fn the_samples_work_as_they_are_pasted() {
    let shop = Shop::with_goods();
    let server = shop.server();
    // A key that every language has to quote.
    let key = r#"it's-a\"$key`-0123456789"#;
    server.run(&["account", "add", DEMO_LOGIN, "--key", key]);
    let port = server.http().port();
    // Python and Node look names up in the system, which need not know `*.localhost`.
    server.run(&["account", "default", DEMO_LOGIN]);
    let host = format!("127.0.0.1:{port}");
    let owner = Browser::by_link(server, &host, &login_link(server, DEMO_LOGIN, &[]));
    let file = shop.server().place().join("order.jsonl");
    let order = r#"{"id":77,"email":"anna@example.com","pay_status":"paid","created":1577880000,"paid":1577883600,"items":[{"id":5,"good_name":"course","good_title":"Курс","sum":"3900.00"}]}"#;
    std::fs::write(&file, order).unwrap();
    server.run(&["import", "--account", DEMO_LOGIN, file.to_str().unwrap()]);

    assert!(samples(&owner.page("/cabinet/api")).iter().all(|sample| sample.contains("ВАШ_КЛЮЧ")));
    let page = owner.post("/cabinet/api/key", &[]).body;
    let samples = samples(&page);
    assert_eq!(samples.len(), 4);
    let written = |name: &str, text: &str| {
        let file = server.place().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    for (sample, (program, name)) in samples.iter().zip([
        ("php", "sample.php"),
        ("python3", "sample.py"),
        ("node", "sample.mjs"),
        ("bash", "sample.sh"),
    ]) {
        let out = printed(program, &[&written(name, sample)]);
        assert!(out.contains("77") && out.contains("course"), "{program}: {out}");
    }
}

#[test]
fn the_key_is_shown_and_changed_by_owners() {
    let shop = Shop::empty();
    let (owner, reader) = (Browser::of_owner(shop.server()), Browser::of_reader(shop.server()));
    for browser in [&owner, &reader] {
        assert!(!browser.page("/cabinet/api").contains(KEY), "it is shown on request");
    }
    assert!(owner.post("/cabinet/api/key", &[]).body.contains(KEY));
    owner.done("/cabinet/api/key/rotate", &[("keep", "60")]);
    let page = owner.post("/cabinet/api/key", &[]).body;
    let key = page.split_once("id=\"key\">").unwrap().1.split_once('<').unwrap().0.to_owned();
    assert!(key.len() == 32 && key != KEY, "{key}");
    let code = |key: &str| {
        let form = billhook_test_kit::http::signed(LOGIN, key, &[("email", "anna@example.com")]);
        shop.server().post(&format!("{LOGIN}.localhost"), "GetBills", &form).code()
    };
    billhook_test_kit::until(|| code(&key) == 400);
    assert_eq!(code(KEY), 400, "the old one goes on");
    owner.done("/cabinet/api/old-key/end", &[]);
    billhook_test_kit::until(|| code(KEY) == 4);

    let wrong = owner.post("/cabinet/api/access", &[("allow_ips", "here"), ("rate", "5")]);
    assert_eq!(wrong.status, 422);
    owner.done("/cabinet/api/access", &[("allow_ips", "203.0.113.7"), ("rate", "5")]);
    billhook_test_kit::until(|| code(&key) == 6);
    let page = reader.page("/cabinet/api");
    assert!(page.contains("203.0.113.7") && !page.contains("<input"), "{page}");
    let audit = owner.page("/cabinet/audit");
    for entry in ["показан ключ", "новый ключ", "прежний ключ отключён", "allow_ips=203.0.113.7"]
    {
        assert!(audit.contains(entry), "{entry}: {audit}");
    }
    assert!(!audit.contains(&key) && !audit.contains(KEY));
}

#[test]
fn a_call_is_made_and_explained() {
    let shop = Shop::with_goods();
    let id = shop.order("anna@example.com", "course", &[]);
    let owner = Browser::of_owner(shop.server());
    let form = [("method", "GetBills"), ("parameters", "email=anna@example.com\r\n\r\npay_status=waiting")];
    let page = owner.post("/cabinet/api/call", &form).body;
    let hashed = format!("email=anna%40example.com&amp;pay_status=waiting::{LOGIN}::KEY");
    assert!(page.contains(&hashed) && page.contains(&id.to_string()), "{page}");
    let page = owner.post("/cabinet/api/call", &[("method", "getAllGoods"), ("parameters", "")]).body;
    assert!(page.contains("HTTP 200") && !page.contains(KEY), "{page}");
    let page = owner.post("/cabinet/api/call", &[("method", "getpersonalmanagers"), ("parameters", "")]).body;
    assert!(page.contains("rpsKey=KEY") && !page.contains(KEY), "{page}");
    let page =
        owner.post("/cabinet/api/call", &[("method", "GetBills"), ("parameters", "<script>=\"1\"")]).body;
    assert!(!page.contains("<script>=") && page.contains("error_code"), "{page}");
    assert_eq!(owner.post("/cabinet/api/call", &[("method", "Other")]).status, 404);
    let requests = owner.page("/cabinet/requests");
    assert!(requests.contains("GetBills") && requests.contains("getpersonalmanagers"), "{requests}");
    assert!(owner.page("/cabinet/api/call?method=CreateOrder").contains("bill_email"));
}
