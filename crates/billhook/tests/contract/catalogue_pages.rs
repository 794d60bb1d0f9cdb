//! The cabinet's pages of what an account has any number of, from products to contacts: it is added, changed and removed by
//! owners alone, and noted; what strangers write is text.

use billhook_store::products::{
    Product,
    product_settings::{FIELDS, Setting, value},
};

use crate::{
    browser::{Browser, login_link},
    cabinet::between,
    order_pages::digest,
    program::{Answer, Billhook, write},
    shop::{LOGIN, Shop},
};

/// Texts that would be more than text on a careless page.
const NASTY: &str = "<script>alert(1)</script>\"'&{{7*7}}\u{202e}";
const NASTY_SHOWN: &str = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;'&amp;{{7*7}}\u{202e}";

type Fields<'a> = &'a [(&'a str, &'a str)];

/// A family: its number for a new one (0: the only one, whose number is drawn), how it is added and shown, how it is changed and shown.
type Row<'a> = (&'a str, u32, Fields<'a>, &'a str, Fields<'a>, &'a str);

const COUPON: Fields<'static> = &[
    ("code", "Весна"),
    ("kind", "percent"),
    ("amount", "12,5"),
    ("goods", "course\r\nguide"),
    ("from", "2024-02-01"),
    ("until", "2024-02-29"),
    ("most", "5"),
];
const SUM: Fields<'static> = &[
    ("kind", "sum"),
    ("amount", "7,50"),
    ("goods", ""),
    ("from", "2024-02-01"),
    ("until", ""),
    ("most", "0"),
];
const PRODUCT: Fields<'static> = &[
    ("good_name", "atlas"),
    ("good_type", "1"),
    ("good_title", NASTY),
    ("good_sum", "390"),
    ("parent_id", "0"),
];

const CONTACT: Fields<'static> = &[
    ("email", "Anna@example.com"),
    ("first_name", NASTY),
    ("utc", "+3"),
    ("tags", " vip, new,,vip"),
    ("manager", "0"),
];

const FAMILIES: [Row<'static>; 7] = [
    ("products", 4, PRODUCT, NASTY_SHOWN, &[("good_title", "Атлас"), ("good_sum", "400,50")], "400,50"),
    ("coupons", 1, COUPON, "12.50 %", SUM, "7,50"),
    ("categories", 1, &[("name", NASTY)], NASTY_SHOWN, &[("name", "Карты")], "Карты"),
    ("managers", 1, &[("name", NASTY)], NASTY_SHOWN, &[("name", "Ольга")], "Ольга"),
    ("partners", 1, &[("login", NASTY)], NASTY_SHOWN, &[("parent", "")], NASTY_SHOWN),
    (
        "groups",
        1,
        &[("title", NASTY), ("name", "news")],
        NASTY_SHOWN,
        &[("title", "Новости"), ("kind", "auto")],
        "только",
    ),
    ("contacts", 0, CONTACT, NASTY_SHOWN, &[("last_name", "Ёлкина"), ("tags", "vip, старый")], "vip, старый"),
];

/// All that the commands list of an account.
fn listed(server: &Billhook) -> String {
    let families: [&[&str]; 7] = [
        &["product", "list", "--all"],
        &["coupon", "list"],
        &["category", "list"],
        &["manager", "list"],
        &["partner", "list"],
        &["group", "list"],
        &["contact", "list"],
    ];
    families.map(|family| server.run(&[family, &["--json", "--account", LOGIN]].concat())).concat()
}

/// Sends the form of a page, with what the page shows in it.
pub(crate) fn sent(browser: &Browser<'_>, path: &str, fields: &[(&str, &str)]) -> Answer {
    let digest = digest(&browser.get(path).body);
    browser.post(path, &[fields, &[("digest", digest.as_str())]].concat())
}

/// The same for a form that has to be done; the page that it leads to.
#[track_caller]
fn saved(browser: &Browser<'_>, path: &str, fields: Fields<'_>) -> String {
    let answer = sent(browser, path, fields);
    assert_eq!(answer.status, 303, "{path}: {answer:?}");
    browser.page(answer.header("location").unwrap())
}

#[test]
fn owners_add_change_and_remove_what_others_see() {
    let shop = Shop::with_goods();
    let server = shop.server();
    let (owner, reader) = (Browser::of_owner(server), Browser::of_reader(server));
    server.run(&["account", "add", "stranger"]);
    let stranger = Browser::by_link(server, "stranger.localhost", &login_link(server, "stranger", &[]));
    for (family, number, added, shown, changed, shown_then) in FAMILIES {
        let list = format!("/cabinet/{family}");
        assert_eq!(reader.post(&list, added).status, 403, "{family}");
        let page = owner.done(&list, added);
        let one = match number {
            0 => format!("{list}/{}", between(&page, &format!("href=\"{list}/"), "\"")),
            number => format!("{list}/{number}"),
        };
        let remove = format!("{one}/remove");
        assert!(page.contains(shown) && !page.contains("<script>alert"), "{family}: {page}");
        assert!(reader.page(&list).contains(shown), "{family}");
        let page = reader.page(&one);
        assert!(
            !page.contains("<script>alert") && !page.contains("method=\"post\" action=\"/cabinet/c"),
            "{family}: {page}"
        );
        for path in [&one, &remove] {
            assert_eq!(reader.post(path, changed).status, 403, "{path}");
            assert_eq!(stranger.post(path, changed).status, 404, "{path}");
        }
        assert_eq!(stranger.get(&one).status, 404, "{family}");
        assert!(!stranger.page(&list).contains(shown), "{family}");
        assert!(saved(&owner, &one, changed).contains(shown_then), "{family}");
        assert!(!owner.page(&one).contains("role=\"alert\""), "{family}");
        let before = listed(server);
        assert!(!owner.done(&remove, &[]).contains(&format!("href=\"{one}\"")), "{family}");
        assert_ne!(listed(server), before, "{family}");
        for number in ["99", "0", "-1", "x", "99999999999999999999"] {
            assert_eq!(owner.get(&format!("{list}/{number}")).status, 404, "{family} {number}");
        }
    }
    let audit = owner.page("/cabinet/audit");
    for entry in [
        "добавлен товар",
        "изменён товар: Атлас; good_title: &lt;script&gt;",
        "good_sum: 390.00 → 400.50",
        "снят с продажи товар",
        "удалён купон: Весна",
        "изменена категория: Карты",
        "удалён менеджер: Ольга",
        "добавлен партнёр",
        "изменена группа контактов: Новости",
        "изменён контакт: Anna@example.com; last_name: — → Ёлкина; tags: new, vip → vip, старый",
    ] {
        assert!(audit.contains(entry), "{entry}: {audit}");
    }
    // A product off sale keeps its page, from which it comes back.
    assert!(owner.page("/cabinet/products?all").contains("снят с продажи"));
    assert!(owner.page("/cabinet/products/4").contains("Сохранить и вернуть в продажу"));
    assert!(saved(&owner, "/cabinet/products/4", &[("good_sum", "1")]).contains("Атлас"));
    assert!(server.run(&["check"]).contains("sound"));
}

/// Fields with one of them changed.
fn but<'a>(fields: Fields<'a>, name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let others = fields.iter().copied().filter(|(other, _)| *other != name);
    others.chain([(name, value)]).collect()
}

#[test]
fn a_wrong_form_changes_nothing() {
    let shop = Shop::with_goods();
    let server = shop.server();
    let owner = Browser::of_owner(server);
    for (family, _, added, ..) in FAMILIES {
        owner.done(&format!("/cabinet/{family}"), added);
    }
    let long = "x".repeat(70_000);
    let coupon = but(COUPON, "code", "Лето");
    let vera = but(CONTACT, "email", "vera@example.com");
    let before = listed(server);
    for (path, fields) in [
        ("products", PRODUCT.to_vec()),
        ("products", but(PRODUCT, "good_name", "")),
        ("products", but(PRODUCT, "good_name", &long)),
        ("products", vec![("good_name", "a"), ("good_sum", "1"), ("good_title", "")]),
        ("products/4", vec![("good_sum", "-1")]),
        ("products/4", vec![("good_sum", "")]),
        ("products/4", vec![("good_title", " ")]),
        ("products/4", vec![("good_title", &long)]),
        ("products/4", vec![("parent_id", "99")]),
        ("products/4", vec![("good_timer_unit", "year")]),
        ("products/4", vec![("good_partner_fee_perc", "101")]),
        ("coupons", COUPON.to_vec()),
        ("coupons", but(&coupon, "code", " ")),
        ("coupons", but(&coupon, "amount", "101")),
        ("coupons", but(&coupon, "amount", "")),
        ("coupons", but(&coupon, "goods", "course\nunknown")),
        ("coupons", but(&coupon, "from", "2024-03-01")),
        ("coupons", but(&coupon, "until", "yesterday")),
        ("coupons", but(&coupon, "most", "-1")),
        ("categories", vec![("name", "")]),
        ("categories/1", vec![("name", &long)]),
        ("managers/1", vec![]),
        ("partners", vec![("login", NASTY)]),
        ("partners", vec![("login", "vera"), ("parent", "nobody")]),
        ("partners/1", vec![("parent", NASTY)]),
        ("groups", vec![("title", " ")]),
        ("groups", vec![("title", "News"), ("name", "news")]),
        ("groups", vec![("title", "News"), ("name", "a,b")]),
        ("groups", vec![("title", "News"), ("name", "allleads")]),
        ("groups/1", vec![("title", "News"), ("url_subscribed", "ftp://shop.example/")]),
        ("contacts", CONTACT.to_vec()),
        ("contacts", vec![("email", ""), ("city", "Омск")]),
        ("contacts", vec![("email", "anna"), ("first_name", "Анна")]),
        ("contacts", but(&vera, "utc", "noon")),
        ("contacts", but(&vera, "first_name", &long)),
        ("contacts", but(&vera, "manager", "99")),
        ("contacts", but(&vera, "tags", &long)),
        ("products/1/pincodes", vec![("pincodes", " \n ")]),
        ("products/1/pincodes", vec![("pincodes", "A\nB\nA")]),
    ] {
        let answer = sent(&owner, &format!("/cabinet/{path}"), &fields);
        assert_eq!(answer.status, 422, "{path} {fields:.60?}");
        assert!(answer.body.contains("role=\"alert\""), "{path} {fields:.60?}");
        // What was typed stays in the form.
        if let Some((_, typed)) = fields.last().filter(|(_, typed)| *typed == "101") {
            assert!(answer.body.contains(&format!("value=\"{typed}\"")), "{path}");
        }
    }
    assert_eq!(listed(server), before);
}

#[test]
fn what_changed_meanwhile_is_not_overwritten() {
    let shop = Shop::with_goods();
    let server = shop.server();
    let (owner, path) = (Browser::of_owner(server), "/cabinet/products/1");
    let commands: [&[&str]; 2] = [&["set", "course", "good_sum=5"], &["delete", "course"]];
    for command in commands {
        let digest = digest(&owner.page(path));
        server.run(&[&["product"], command, &["--account", LOGIN]].concat());
        let before = listed(server);
        let fields = [("good_sum", "7.77"), ("good_title", "Course"), ("digest", digest.as_str())];
        let answer = owner.post(path, &fields);
        assert_eq!(answer.status, 409, "{command:?}");
        // Both are there: what is, and what was wanted of it.
        assert!(
            answer.body.contains("value=\"5.00\"") && answer.body.contains("<dd>7.77</dd>"),
            "{answer:?}"
        );
        assert!(!answer.body.contains("<dd>Course</dd>"), "{answer:?}");
        assert_eq!(listed(server), before);
    }
    assert_eq!(owner.post(path, &[("good_sum", "7.77")]).status, 409, "a form of ours has a digest");
}

#[test]
fn the_audit_list_has_what_commands_did() {
    let shop = Shop::with_goods();
    let server = shop.server();
    let owner = Browser::of_owner(server);
    let order = shop.order("anna@example.com", "course", &[("bill_phone", "5")]).to_string();
    let codes = write(server.place(), "codes.txt", "A\nB\n");
    let catalogue =
        write(server.place(), "new.jsonl", r#"{"good_name":"new","good_title":"N","good_sum":"1"}"#);
    let (codes, catalogue) = (codes.to_str().unwrap(), catalogue.to_str().unwrap());
    let commands: [(&[&str], &str); 17] = [
        (&["product", "add", "mug", "--title", "Mug", "--sum", "9"], "добавлен товар: mug"),
        (&["product", "set", "mug", "good_sum=8"], "изменён товар: mug; good_sum: 9.00 → 8.00"),
        (&["product", "add-pincodes", "mug", codes], "добавлены пин-коды: mug: 2"),
        (&["product", "delete", "mug"], "снят с продажи товар: mug"),
        (&["product", "import", catalogue], "изменён товар: added 1, changed 0, same 0 products"),
        (&["coupon", "add", "ten", "--percent", "10"], "добавлен купон: ten"),
        (&["coupon", "set", "ten", "--percent", "11"], "изменён купон: ten"),
        (&["coupon", "remove", "ten"], "удалён купон: ten"),
        (&["category", "add", "Books"], "добавлена категория: Books"),
        (&["category", "set", "1", "Maps"], "изменена категория: Maps"),
        (&["manager", "add", "Olga"], "добавлен менеджер: Olga"),
        (&["manager", "set", "1", "Vera"], "изменён менеджер: Vera"),
        (&["manager", "remove", "1"], "удалён менеджер: Vera"),
        (&["partner", "add", "boris"], "добавлен партнёр: boris"),
        (&["partner", "set", "boris", "--parent", ""], "изменён партнёр: boris"),
        (&["person", "add", "Anna"], "добавлен человек: Anna (owner)"),
        (&["order", "edit", &order, "--phone", "6", "--note", "x"], "phone: 5 → 6; note: — → x"),
    ];
    for (command, entry) in commands {
        server.run(&[command, &["--account", LOGIN]].concat());
        let audit = owner.page("/cabinet/audit");
        assert!(audit.contains(entry) && audit.contains("команда на сервере"), "{entry}: {audit}");
    }
}

#[test]
fn every_setting_of_a_product_is_set_and_shown() {
    let shop = Shop::with_goods();
    let server = shop.server();
    server.run(&["category", "add", "Books", "--account", LOGIN]);
    let (owner, path) = (Browser::of_owner(server), "/cabinet/products/1");
    let empty = Product::default();
    let said: Vec<_> = FIELDS
        .iter()
        .map(|field| {
            let text = match value(&empty, field) {
                Setting::Flag(_) | Setting::Number(_) | Setting::Type(_) => "1".to_owned(),
                Setting::Count(_) => "3".to_owned(),
                Setting::Sum(_) | Setting::Share(_) => "12,5".to_owned(),
                Setting::Unit(_) => "day".to_owned(),
                Setting::Text(_) => format!("{NASTY}\r\n{field}"),
            };
            (*field, text)
        })
        .collect();
    let fields: Vec<_> = said.iter().map(|(field, text)| (*field, text.as_str())).collect();
    saved(&owner, path, &fields);
    let shown = server.run(&["product", "show", "course", "--json", "--account", LOGIN]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let page = owner.page(path);
    for (field, text) in &said {
        let expected = match value(&empty, field) {
            Setting::Flag(_) => serde_json::json!(true),
            Setting::Number(_) => serde_json::json!(1),
            Setting::Count(_) => serde_json::json!(3),
            Setting::Sum(_) | Setting::Share(_) => serde_json::json!("12.50"),
            Setting::Type(_) => serde_json::json!("physical"),
            Setting::Unit(_) | Setting::Text(_) => serde_json::json!(text.replace("\r\n", "\n")),
        };
        assert_eq!(shown[field], expected, "{field}");
        assert!(page.contains(&format!("name=\"{field}\"")), "{field}");
    }
    assert!(!page.contains("<script>alert"));
    // What a form does not have stays; a box without its tick is sent as 0.
    saved(&owner, path, &[("good_publish", "0")]);
    let then = server.run(&["product", "show", "course", "--json", "--account", LOGIN]);
    let mut then: serde_json::Value = serde_json::from_str(&then).unwrap();
    assert_eq!(then["good_publish"], false);
    then["good_publish"] = true.into();
    assert_eq!(then, shown);
}

#[test]
fn pin_codes_are_added_once_and_say_who_has_them() {
    let shop = Shop::with_goods();
    let server = shop.server();
    let (owner, reader) = (Browser::of_owner(server), Browser::of_reader(server));
    let (path, form) = ("/cabinet/products/1", "/cabinet/products/1/pincodes");
    assert_eq!(reader.post(form, &[("pincodes", "A")]).status, 403);
    let page = owner.done(form, &[("pincodes", "PIN-A\r\n<b>PIN-B\r\n\r\n")]);
    assert!(page.contains("Свободно: 2. Выдано: 0.") && page.contains("&lt;b&gt;PIN-B"), "{page}");
    let order = shop.order("anna@example.com", "course", &[]);
    server.run(&["order", "set-status", &order.to_string(), "paid", "--account", LOGIN]);
    let page = reader.page(path);
    assert!(page.contains("Свободно: 1. Выдано: 1.") && !page.contains("PIN-B"), "{page}");
    assert!(page.contains("PIN-A") && page.contains(&format!("href=\"/cabinet/orders/{order}\"")), "{page}");
    let again = owner.post(form, &[("pincodes", "PIN-C\nPIN-A")]);
    assert!(
        again.status == 422 && again.body.contains("«PIN-A»") && again.body.contains("value=\"Course\""),
        "{again:?}"
    );
    assert_eq!(shop.pincodes_left(1), 1);
    assert_eq!(owner.post("/cabinet/products/9/pincodes", &[("pincodes", "A")]).status, 404);
}
