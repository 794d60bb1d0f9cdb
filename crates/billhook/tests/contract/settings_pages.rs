//! The cabinet's page of settings: it shows each one, owners change them, and what is wrong changes nothing.

use serde_json::Value;

use crate::{
    browser::{Browser, login_link},
    shop::{LOGIN, Shop},
};

const HERE: &str = "/cabinet/settings";

/// A setting as the command shows it.
fn setting(shop: &Shop, login: &str, name: &str) -> String {
    let shown: Value =
        serde_json::from_str(&shop.server().run(&["account", "show", login, "--json"])).unwrap();
    shown["settings"][name].as_str().unwrap().to_owned()
}

#[test]
fn owners_change_settings() {
    let shop = Shop::empty();
    let server = shop.server();
    let (owner, reader) = (Browser::of_owner(server), Browser::of_reader(server));
    server.run(&["account", "add", "stranger"]);
    for (name, value, usual) in [
        ("getbills_empty", "ok", "error"),
        ("text_case", "lower", "sentence"),
        ("rate", "600", "0"),
        ("allow_ips", "127.0.0.0/8,2001:db8::/32", ""),
        ("time_zone", "Asia/Tokyo", "Europe/Moscow"),
        ("same_order_hours", "1", "24"),
        ("createorder_result", "empty", "bill_id"),
        ("updategood_sum", "zero", "keep"),
        ("getorders_max", "7", "0"),
        ("kupon_on_named_sum", "yes", "no"),
        ("timer_kill_default", "goods", "never"),
        ("link_scheme", "https", "auto"),
    ] {
        assert_eq!(setting(&shop, LOGIN, name), usual, "{name}");
        let page = owner.done(HERE, &[(name, value)]);
        assert!(page.contains("Готово.") && page.contains(&format!("name=\"{name}\"")), "{page}");
        assert!(page.contains(&format!("value=\"{value}\"")), "{name}: {page}");
        assert_eq!(setting(&shop, LOGIN, name), value, "{name}");
        assert_eq!(setting(&shop, "stranger", name), usual, "{name}");
        assert!(owner.page("/cabinet/audit").contains(&format!("настройка: {name}={value}")), "{name}");
        assert!(reader.page(HERE).contains(&format!("<code>{name}</code></dt><dd>{value}<br>")), "{name}");
    }
    assert_eq!(reader.post(HERE, &[("rate", "1")]).status, 403);
    // What is as it was leaves no entry.
    let entries = owner.page("/cabinet/audit").matches("настройка").count();
    owner.done(HERE, &[("rate", " 600 "), ("text_case", "lower")]);
    assert_eq!(owner.page("/cabinet/audit").matches("настройка").count(), entries);
}

#[test]
fn what_is_no_setting_changes_nothing() {
    let shop = Shop::empty();
    let owner = Browser::of_owner(shop.server());
    for (name, value) in [
        ("rate", "many"),
        ("rate", "-1"),
        ("time_zone", "<b>\"Moscow"),
        ("text_case", ""),
        ("allow_ips", "x"),
    ] {
        let answer = owner.post(HERE, &[("getorders_max", "9"), ("link_scheme", "http"), (name, value)]);
        assert_eq!(answer.status, 422, "{name}={value}");
        assert!(answer.body.contains("role=\"alert\"") && answer.body.contains(name), "{answer:?}");
        assert!(!answer.body.contains("<b>"), "{answer:?}");
        // What was written is there to be mended.
        assert!(answer.body.contains("name=\"getorders_max\" value=\"9\""), "{answer:?}");
        assert_eq!(setting(&shop, LOGIN, "getorders_max"), "0");
    }
    owner.done(HERE, &[("nonsense", "1")]);
}

#[test]
fn the_last_backup_is_told() {
    let shop = Shop::empty();
    let server = shop.server();
    let reader = Browser::of_reader(server);
    let never = "Последняя копия командой billhook backup: никогда";
    assert!(reader.page(HERE).contains(never));
    if crate::ON_POSTGRES {
        return;
    }
    server.run(&["backup", server.place().join("shop.backup").to_str().unwrap()]);
    let page = reader.page(HERE);
    assert!(!page.contains(never) && page.contains("командой billhook backup: "), "{page}");
    server.run(&["account", "add", "stranger"]);
    let stranger = Browser::by_link(server, "stranger.localhost", &login_link(server, "stranger", &[]));
    assert!(!stranger.page(HERE).contains(never), "it is the installation's");
}

#[test]
fn an_owner_takes_what_the_command_exports() {
    let shop = Shop::with_goods();
    let server = shop.server();
    shop.order("anna@example.com", "course", &[("bill_first_name", "Анна")]);
    shop.order("boris@example.com", "guide", &[]);
    shop.add_manager("Olga");
    server.run(&["account", "set", LOGIN, "rate=600"]);
    server.run(&["account", "add", "stranger"]);
    let (owner, reader) = (Browser::of_owner(server), Browser::of_reader(server));
    for (fields, option) in [(&[][..], &[][..]), (&[("settings", "yes")], &["--settings"])] {
        let answer = owner.post("/cabinet/export", fields);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"shop.jsonl\""));
        assert_eq!(answer.body, server.run(&[&["export", "--account", LOGIN][..], option].concat()));
        assert!(answer.body.contains("Анна") && !answer.body.contains(crate::shop::KEY));
    }
    assert_eq!(owner.page("/cabinet/audit").matches("выгрузка данных").count(), 2);
    assert_eq!(reader.post("/cabinet/export", &[]).status, 403);
    assert!(!reader.page(HERE).contains("/cabinet/export"));
    let stranger = Browser::by_link(server, "stranger.localhost", &login_link(server, "stranger", &[]));
    assert_eq!(stranger.post("/cabinet/export", &[]).body, server.run(&["export", "--account", "stranger"]));
}
