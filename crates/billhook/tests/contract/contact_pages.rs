//! The cabinet's pages of contacts: found, with groups, orders and history; and a person whose data an owner erases.

use crate::{
    browser::{Browser, login_link},
    cabinet::between,
    catalogue_pages::sent,
    shop::{LOGIN, Shop},
};

/// A shop with three contacts and two groups: Anna has ordered, Olga has no e-mail, Boris left the news.
fn filled() -> Shop {
    let shop = Shop::with_goods();
    shop.order("Anna@example.com", "course", &[("bill_last_name", "Котова")]);
    let commands: [&[&str]; 6] = [
        &["group", "add", "news", "--title", "Новости"],
        &["group", "add", "sales", "--title", "<b>Скидки"],
        &[
            "contact",
            "add",
            "anna@example.com",
            "last_name=Котова",
            "--tags",
            "vip,new",
            "--groups",
            "news,sales",
        ],
        &["contact", "add", "boris@example.com", "last_name=Ёлкин", "--groups", "news"],
        &["contact", "set", "boris@example.com", "--leave", "news"],
        &[
            "contact",
            "add",
            "phone=+7 (912) 345-67-89",
            "first_name=<script>alert(1)</script>",
            "--tags",
            "vip",
        ],
    ];
    for command in commands {
        shop.server().run(&[command, &["--account", LOGIN]].concat());
    }
    shop
}

/// The paths of the contacts on a page of the list.
fn links(page: &str) -> Vec<String> {
    let links = page.split("href=\"/cabinet/contacts/").skip(1);
    links.map(|link| format!("/cabinet/contacts/{}", link.split('"').next().unwrap())).collect()
}

#[test]
fn contacts_are_found() {
    let shop = filled();
    let reader = Browser::of_reader(shop.server());
    let all = links(&reader.page("/cabinet/contacts"));
    let [olga, boris, anna] = &*all else { panic!("{all:?}") };
    let news = reader.page("/cabinet/groups");
    let news = between(&news, "href=\"/cabinet/contacts?group=", "\"");
    for (query, expected) in [
        ("", &[olga, boris, anna][..]),
        ("q=anna%40", &[anna]),
        ("q=%D0%B5%D0%BB%D0%BA", &[boris]),
        ("q=67-89", &[olga]),
        ("q=%3CScript", &[olga]),
        ("q=nobody", &[]),
        (&format!("q={}", anna.rsplit('/').next().unwrap()), &[anna]),
        (&format!("group={news}"), &[anna]),
        (&format!("group={news}&q=%D0%B5%D0%BB%D0%BA"), &[]),
        ("tag=vip", &[olga, anna]),
        ("tag=vip&q=anna", &[anna]),
        (&format!("tag=vip&group={news}"), &[anna]),
        ("tag=VIP", &[]),
        (&format!("before={}", boris.rsplit('/').next().unwrap()), &[anna]),
        ("group=x&before=y", &[olga, boris, anna]),
    ] {
        let page = reader.page(&format!("/cabinet/contacts?{query}"));
        assert_eq!(links(&page).iter().collect::<Vec<_>>(), expected, "{query}");
        assert!(!page.contains("<script>alert") && !page.contains("<b>Скидки"), "{query}");
    }
    assert_eq!(reader.get("/cabinet/contacts?group=99").status, 404, "it may have been removed");
    for number in 0..51 {
        shop.server().run(&["contact", "add", &format!("many{number}@example.com"), "--account", LOGIN]);
    }
    for query in ["", "?q=many"] {
        let page = reader.page(&format!("/cabinet/contacts{query}"));
        assert_eq!(links(&page).len(), 50, "{query}");
        let next = between(&page, "href=\"/cabinet/contacts?q=", "\"").replace("&amp;", "&");
        let rest = links(&reader.page(&format!("/cabinet/contacts?q={next}")));
        assert_eq!(rest.len(), if query.is_empty() { 4 } else { 1 }, "{query}");
    }
}

#[test]
fn a_contact_leads_to_the_orders_and_they_lead_back() {
    let shop = filled();
    let reader = Browser::of_reader(shop.server());
    let anna = &links(&reader.page("/cabinet/contacts?q=anna"))[0];
    let page = reader.page(anna);
    for part in [
        "<h1>anna@example.com</h1>",
        "Котова",
        "new, vip",
        "Новости",
        "&lt;b&gt;Скидки",
        "подписан: news",
        "поставлен тег: vip",
        "billhook contact",
        "Course",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("method=\"post\" action=\"/cabinet/c"), "who only reads changes nothing: {page}");
    let order = format!("/cabinet/orders/{}", between(&page, "href=\"/cabinet/orders/", "\""));
    for path in [order.as_str(), "/cabinet/customers/anna@example.com"] {
        assert!(reader.page(path).contains(&format!("href=\"{anna}\"")), "{path}");
    }
}

#[test]
fn owners_subscribe_and_unsubscribe() {
    let shop = filled();
    let server = shop.server();
    let owner = Browser::of_owner(server);
    server.run(&["account", "add", "stranger"]);
    let stranger = Browser::by_link(server, "stranger.localhost", &login_link(server, "stranger", &[]));
    let boris = &links(&owner.page("/cabinet/contacts?q=boris"))[0];
    let page = owner.page(boris);
    assert!(page.contains("отписан: news") && !page.contains(&format!("action=\"{boris}/leave\"")), "{page}");
    let news = owner.page("/cabinet/groups/1");
    assert_eq!(news.matches("отписались").count(), 1, "{news}");
    let (join, leave) = (format!("{boris}/join"), format!("{boris}/leave"));
    let sales = between(&owner.page("/cabinet/groups"), "href=\"/cabinet/groups/2", "\"").to_owned();
    assert_eq!(sales, "", "sales is the group 2");
    for (path, group) in
        [(&join, "3"), (&join, ""), (&leave, "x"), (&"/cabinet/contacts/99/join".to_owned(), "2")]
    {
        assert_eq!(owner.post(path, &[("group", group)]).status, 404, "{path} {group}");
    }
    assert_eq!(stranger.post(&join, &[("group", "2")]).status, 404);
    let page = owner.done(&join, &[("group", "2")]);
    assert!(page.contains("подписан: sales") && page.contains(&format!("action=\"{leave}\"")), "{page}");
    owner.done(&join, &[("group", "2")]);
    let page = owner.done(&leave, &[("group", "2")]);
    assert!(page.contains("отписан: sales") && !page.contains(&format!("action=\"{leave}\"")), "{page}");
    let audit = owner.page("/cabinet/audit");
    for entry in ["boris@example.com; +groups: sales", "boris@example.com; -groups: sales"] {
        assert_eq!(audit.matches(entry).count(), 1, "{entry}: {audit}");
    }
    let form = [("rid[0]", "news"), ("lead_email", "boris@example.com"), ("activation", "0")];
    assert_eq!(shop.code("AddLeadToGroup", &form), 0);
    assert!(owner.page(boris).contains("activation=0"));
    // Tags that nobody touched stay, also one with a comma in it.
    let contact = r#"{"contact":{"email":"boris@example.com","tags":["a,b"],"shipping_address_1":"a\nb"}}"#;
    let file = server.place().join("tags.jsonl");
    std::fs::write(&file, contact).unwrap();
    server.run(&["import", "--account", LOGIN, file.to_str().unwrap()]);
    // So does what a browser shows otherwise than it is.
    let fields = [("tags", "a,b, c"), ("city", "Омск"), ("shipping_address_1", "ab")];
    assert_eq!(sent(&owner, boris, &fields).status, 303);
    let shown = server.run(&["contact", "show", "boris@example.com", "--json", "--account", LOGIN]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&shown["tags"], &shown["city"]), (&serde_json::json!(["a,b", "c"]), &"Омск".into()));
    assert_eq!(shown["shipping_address_1"], "a\nb");
}

/// A browser sends what the page has selected, so the page must have the number.
#[test]
fn a_contact_keeps_the_number_of_a_removed_manager() {
    let shop = filled();
    let (server, owner) = (shop.server(), Browser::of_owner(shop.server()));
    let manager = shop.add_manager("Olga").to_string();
    let anna = &links(&owner.page("/cabinet/contacts?q=anna"))[0];
    assert_eq!(sent(&owner, anna, &[("manager", &manager)]).status, 303);
    server.run(&["manager", "remove", &manager, "--account", LOGIN]);
    let page = owner.page(anna);
    let selected = format!("<option value=\"{manager}\" selected");
    assert!(page.contains(&selected), "{page}");
    server.run(&["contact", "set", "anna@example.com", "phone=+7 900", "--account", LOGIN]);
    assert_eq!(sent(&owner, anna, &[("manager", &manager), ("city", "Тула")]).status, 303);
    let boris = &links(&owner.page("/cabinet/contacts?q=boris"))[0];
    assert_ne!(sent(&owner, boris, &[("manager", &manager)]).status, 303, "nobody new gets it");
    let page = owner.page(anna);
    assert!(page.contains(&selected) && page.contains("value=\"Тула\""), "{page}");
}

#[test]
fn an_owner_erases_a_person() {
    let shop = filled();
    let server = shop.server();
    let (owner, reader) = (Browser::of_owner(server), Browser::of_reader(server));
    let anna = &links(&owner.page("/cabinet/contacts?q=anna"))[0];
    let form = "/cabinet/customers/anna%40example%2Ecom/erase";
    for path in [anna, "/cabinet/customers/anna@example.com"] {
        assert!(owner.page(path).contains(&format!("action=\"{form}\"")), "{path}");
        assert!(!reader.page(path).contains("/erase"), "{path}");
    }
    assert_eq!(reader.post(form, &[]).status, 403);
    assert!(owner.page(anna).contains("anna@example.com"));
    owner.done(form, &[]);
    assert_eq!(owner.get(anna).status, 404);
    assert_eq!(owner.get("/cabinet/customers/anna@example.com").status, 404);
    let order = owner.page("/cabinet/orders?from=");
    assert!(order.contains("Course") && !order.to_lowercase().contains("anna@"), "{order}");
    let audit = owner.page("/cabinet/audit");
    assert!(audit.contains("стёрты данные человека") && !audit.to_lowercase().contains("anna@"), "{audit}");
    assert_eq!(owner.post("/cabinet/customers/anna/erase", &[]).status, 404);
}

#[test]
fn a_contact_without_an_e_mail_is_forgotten_when_it_is_removed() {
    let shop = filled();
    let owner = Browser::of_owner(shop.server());
    let olga = &links(&owner.page("/cabinet/contacts?q=67-89"))[0];
    assert_eq!(sent(&owner, olga, &[("phone", "+7 900 000-00-00")]).status, 303);
    let changed = owner.page("/cabinet/audit");
    assert!(changed.contains("phone: +7 (912) 345-67-89 → +7 900"), "{changed}");
    owner.done(&format!("{olga}/remove"), &[]);
    let audit = owner.page("/cabinet/audit");
    assert!(!audit.contains("+7") && !audit.contains("alert(1)"), "{audit}");
}

#[test]
fn a_large_group_is_removed_by_the_command() {
    let shop = filled();
    let server = shop.server();
    let owner = Browser::of_owner(server);
    let contact = |number| {
        format!(
            "{{\"contact\":{{\"email\":\"c{number}@example.com\",\"subscriptions\":[{{\"group\":\"sales\"}}]}}}}\n"
        )
    };
    let file = server.place().join("many.jsonl");
    std::fs::write(&file, (0..1_000).map(contact).collect::<String>()).unwrap();
    server.run(&["import", "--account", LOGIN, file.to_str().unwrap()]);
    let page = owner.page("/cabinet/groups/2");
    assert!(page.contains("billhook group remove sales") && !page.contains("groups/2/remove"), "{page}");
    assert!(page.contains(">1\u{a0}001</a>"), "{page}");
    assert_eq!(owner.post("/cabinet/groups/2/remove", &[]).status, 404);
    let count = |group: &str| shop.result("GetCountSubscribe", &[("group_name", group)]);
    assert_eq!((count("sales"), count("unique")), (1_001.into(), 1_001.into()));
    let said = server.run(&["group", "remove", "sales", "--account", LOGIN]);
    assert!(said.contains("group 2 removed"), "{said}");
    assert_eq!(owner.get("/cabinet/groups/2").status, 404);
    assert_eq!((count("news"), count("unique"), count("all")), (1.into(), 1.into(), 1_003.into()));
    shop.is_sound();
}
