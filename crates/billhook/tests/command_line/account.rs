//! `billhook account`: one account from beginning to end, and what is refused.

use serde_json::Value;

use super::{Place, says};

fn shown(place: &Place, login: &str) -> Value {
    serde_json::from_str(&place.run(&["account", "show", login, "--json"]).succeeded()).unwrap()
}

#[test]
fn an_account_from_first_to_last() {
    let place = Place::new();
    let added = place.run(&["account", "add", "Shop"]).succeeded();
    says(
        &added,
        &[
            "account shop added",
            "shown this once",
            "http://shop.localhost:8080/api/METHOD",
            "if `serve` has no --domain",
            "billhook import",
            "billhook serve",
            "billhook call GetBills",
        ],
    );
    let key = added.lines().find_map(|line| line.strip_prefix("key: ")).unwrap().to_owned();
    assert!(
        key.len() == 32 && key.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)),
        "{key}"
    );
    assert_ne!(place.account("other"), place.account("third"), "keys are random");

    assert_eq!(place.run(&["account", "list"]).succeeded(), "other  on\nshop   on   (default)\nthird  on\n");
    let text = place.run(&["account", "show", "shop"]).succeeded();
    says(
        &text,
        &["key: 32 characters", "state: on", "created: 20", "MSK", "orders: 0", "getbills_empty=error"],
    );
    assert!(!text.contains(&key), "{text}");
    says(&place.run(&["account", "show", "shop", "--reveal-key"]).succeeded(), &[&format!("key: {key}\n")]);

    let set = place.run(&["account", "set", "shop", "time_zone=UTC", "rate=600"]).succeeded();
    assert_eq!(set, "shop: time_zone=UTC\nshop: rate=600\n");
    says(&place.run(&["account", "show", "shop"]).succeeded(), &["UTC\n", "rate=600"]);

    place.run(&["account", "disable", "shop"]).succeeded();
    assert_eq!(place.run(&["account", "list"]).succeeded(), "other  on\nshop   off  (default)\nthird  on\n");
    place.run(&["account", "enable", "shop"]).succeeded();
    assert_eq!(shown(&place, "shop")["disabled"], false);

    place.run(&["account", "bind", "shop", "Pay.Shop.Example."]).succeeded();
    assert_eq!(shown(&place, "shop")["domains"][0], "pay.shop.example");
    let unbound = place.run(&["account", "unbind", "shop", "pay.shop.example"]).succeeded();
    assert_eq!(unbound, "shop no longer answers at pay.shop.example\n");
    assert_eq!(shown(&place, "shop")["domains"], Value::Array(vec![]));

    let rotated = place.run(&["account", "rotate-key", "shop", "--keep-old", "60"]).succeeded();
    says(&rotated, &["key: ", "60 more minutes"]);
    assert!(!rotated.contains(&key), "{rotated}");
    assert!(shown(&place, "shop")["old_key_until"].as_i64().unwrap() > 1_700_000_000);
    says(&place.run(&["account", "rotate-key", "shop"]).succeeded(), &["no longer works"]);
    assert_eq!(shown(&place, "shop")["old_key_until"], Value::Null);
}

/// The first account is the default one, and later ones do not change that.
#[test]
fn one_account_is_the_default() {
    let place = Place::new();
    let add = |login| place.run(&["account", "add", login]).succeeded();
    says(&add("shop"), &["shop is the default account", "IP addresses"]);
    says(&add("other"), &["the default account is still shop", "account default other"]);
    let is_default = |login| shown(&place, login)["default"].as_bool().unwrap();
    assert_eq!([is_default("shop"), is_default("other")], [true, false]);
    says(&place.run(&["account", "default", "other"]).succeeded(), &["other is the default account"]);
    assert_eq!([is_default("shop"), is_default("other")], [false, true]);
    says(&place.run(&["account", "show", "other"]).succeeded(), &["default account: yes"]);
    let json = place.run(&["account", "list", "--json"]).succeeded();
    assert_eq!(json.matches(r#""default":true"#).count(), 1, "{json}");
    says(&place.run(&["account", "default", "--none"]).succeeded(), &["code 5"]);
    assert_eq!([is_default("shop"), is_default("other")], [false, false]);
    says(&add("third"), &["no account answers", "account default third"]);
    assert!(!is_default("third"));
    says(&place.run(&["account", "default", "shpo"]).failed(1), &["did you mean shop?"]);
    place.run(&["account", "default"]).failed(2);
    place.run(&["account", "default", "shop", "--none"]).failed(2);
}

#[test]
fn what_is_refused_says_what_would_do() {
    let place = Place::new();
    place.account("shop");
    place.account("other");
    says(&place.run(&["account", "add", "SHOP"]).failed(1), &["shop is taken", "account show shop"]);
    for command in ["disable", "enable", "rotate-key", "show"] {
        says(&place.run(&["account", command, "shpo"]).failed(1), &["no account shpo", "did you mean shop?"]);
    }
    says(&place.run(&["account", "set", "zzz", "rate=1"]).failed(1), &["no account zzz", "account add zzz"]);

    let error = place.run(&["account", "set", "shop", "getbill_empty=ok"]).failed(2);
    says(&error, &["no setting \"getbill_empty\": there are getbills_empty", "time_zone"]);
    says(&place.run(&["account", "set", "shop", "rate=many"]).failed(2), &["rate", "many"]);
    says(&place.run(&["account", "set", "shop", "rate"]).failed(2), &["rate"]);
    place.run(&["account", "set", "shop", "rate=5", "text_case=UPPER"]).failed(2);
    assert_eq!(shown(&place, "shop")["settings"]["rate"], "0", "one bad setting, and none is taken");

    place.run(&["account", "bind", "shop", "pay.example"]).succeeded();
    let taken = place.run(&["account", "bind", "other", "PAY.example"]).failed(1);
    says(&taken, &["pay.example is bound to shop", "account unbind shop pay.example"]);
    for unbind in [&["unbind", "other", "pay.example"][..], &["bind", "other", "pay.example", "--remove"]] {
        says(&place.run(&[&["account"], unbind].concat()).failed(1), &["not bound to other"]);
    }
    // The name would lead to the other account on every server of that domain.
    let own = place.run(&["account", "bind", "shop", "Other.example"]).failed(1);
    says(
        &own,
        &[
            "`serve --domain example`",
            "other.example leads to the account other and never to shop",
            "--anyway",
        ],
    );
    place.run(&["account", "bind", "shop", "other.example", "--anyway"]).succeeded();
    place.run(&["account", "bind", "shop", "shop.example"]).succeeded();
    place.run(&["account", "bind", "shop", "www.other.example"]).succeeded();
    for domain in ["127.0.0.1", "localhost", "тест.рф", "shop.example:80", "a..b"] {
        place.run(&["account", "bind", "shop", domain]).failed(2);
    }
}

#[test]
fn a_weak_key_is_warned_of_and_taken() {
    let place = Place::new();
    let done = place.run(&["account", "add", "shop", "--key", "short"]);
    assert_eq!(done.status, Some(0));
    says(&done.stderr, &["warning", "16 characters", "rotate-key shop"]);
    assert!(!done.stderr.contains("short") || done.stderr.contains("shorter"), "{done:?}");
    assert_eq!(shown(&place, "shop")["key_characters"], 5);
    let error = place.run(&["account", "add", "two", "--key", "two words"]).failed(2);
    says(&error, &["printable ASCII"]);
}

/// A missing store may be on a disk that is not mounted, so commands that only read make none.
#[test]
fn an_empty_folder_is_not_taken_for_an_empty_store() {
    let place = Place::new();
    std::fs::create_dir(place.path("here")).unwrap();
    for command in
        [&["account", "list"][..], &["export", "--account", "shop"], &["backup", "shop.backup"], &["check"]]
    {
        let done = place.run(&[command, &["--data", "here"]].concat());
        assert_eq!((done.status, done.stdout.as_str()), (Some(1), ""), "{command:?}");
        says(&done.stderr, &["no store in here", "account add"]);
    }
    assert_eq!(std::fs::read_dir(place.path("here")).unwrap().count(), 0);
}

#[test]
fn a_folder_that_is_not_there_is_not_made_by_commands_that_look() {
    let place = Place::new();
    for command in [
        &["account", "list"][..],
        &["account", "show", "shop"],
        &["account", "disable", "shop"],
        &["export", "--account", "shop"],
        &["backup", "shop.backup"],
        &["check"],
    ] {
        let line = place.run(&[command, &["--data", "typo"]].concat()).failed(1);
        says(&line, &["no data folder typo", "--data", "billhook account add"]);
    }
    assert!(!place.path("typo").exists() && !place.path("shop.backup").exists());
}

#[test]
fn the_only_account_need_not_be_named() {
    let place = Place::new();
    place.account("shop");
    place.write(
        "orders.jsonl",
        "{\"id\":1,\"email\":\"a@b\",\"items\":[{\"id\":7,\"good_name\":\"book\"}]}\n",
    );
    says(&place.run(&["import", "orders.jsonl"]).succeeded(), &["added 1, "]);
    says(&place.run(&["order", "set-status", "1", "paid"]).succeeded(), &["order 1 is paid"]);
    says(&place.run(&["order", "list"]).succeeded(), &["a@b"]);
    says(&place.run(&["export"]).succeeded(), &["\"id\":1"]);
    says(&place.run(&["generate", "--orders", "1"]).stdout, &["1 order"]);
    place.account("other");
    for command in [&["import", "orders.jsonl"][..], &["order", "list"], &["export"]] {
        says(&place.run(command).failed(2), &["several accounts", "account list", "--account LOGIN"]);
    }
}

/// On a terminal an empty list is named; a script gets no output.
#[test]
fn empty_lists_are_told_on_a_terminal() {
    let place = Place::new();
    place.account("shop");
    for family in ["order", "customer", "product", "coupon", "manager", "partner", "category"] {
        assert_eq!(place.run(&[family, "list"]).succeeded(), "");
        let on_terminal = |more: &str| {
            let line = format!("{} {family} list{more}", env!("CARGO_BIN_EXE_billhook"));
            let mut script = std::process::Command::new("script");
            script.args(["-qec", &line, "/dev/null"]).current_dir(place.path(".")).env_clear();
            let shown = script.stdin(std::process::Stdio::null()).output().unwrap();
            String::from_utf8(shown.stdout).unwrap()
        };
        assert_eq!(on_terminal(""), format!("billhook: no {family} found\r\n"));
        assert_eq!(on_terminal(" --json"), "");
    }
}

#[test]
fn a_login_link_is_a_line_of_its_own() {
    let place = Place::new();
    place.run(&["account", "add", "shop"]).succeeded();
    let link = place.run(&["account", "login-link", "shop"]).succeeded();
    let (first, second) = link.split_once('\n').unwrap();
    assert_eq!(second, "It signs owner in once, within 15 minutes.\n");
    let secret = first.strip_prefix("http://shop.localhost:8080/cabinet/link/").unwrap();
    assert!(secret.len() == 64 && secret.bytes().all(|byte| byte.is_ascii_hexdigit()), "{link}");
    let elsewhere = place.run(&["account", "login-link", "shop", "--url", "https://a.example/"]).succeeded();
    assert!(elsewhere.starts_with("https://a.example/cabinet/link/"), "{elsewhere}");
    place.run(&["account", "bind", "shop", "b.example"]).succeeded();
    let bound = place.run(&["account", "login-link", "shop"]).succeeded();
    assert!(bound.starts_with("https://b.example/cabinet/link/"), "{bound}");
    let nobody = place.run(&["account", "login-link", "shop", "--person", "Olga"]).failed(1);
    says(&nobody, &["there is no person Olga"]);
}
