//! Contacts, groups and tags over HTTP (sections 7, 8.1 and 9.1 to 9.5; decisions 26 to 31, 33 and 35).

use std::thread;

use billhook_store::contacts::{
    self, Contact, ContactText, Entry, contact_tags,
    subscriptions::{self, Subscription},
};
use billhook_wire::{Email, method::SubscriptionStatus};
use serde_json::json;

use crate::{
    program::{Answer, signed},
    shop::{KEY, LOGIN, Shop, now},
};

/// A shop with two groups that anybody may join, and one that buyers join.
fn shop_with_groups() -> Shop {
    with_groups(&["doneurl_hosts=Shop.Example"])
}

fn with_groups(settings: &[&str]) -> Shop {
    let shop = Shop::with_settings(settings);
    for group in [&["super", "--title", "Super group"][..], &["news"], &["buyers", "--auto"]] {
        shop.server().run(&[&["group", "add"], group, &["--account", LOGIN]].concat());
    }
    shop
}

/// What is stored of a contact.
struct Known {
    contact: Contact,
    tags: Vec<String>,
    history: Vec<Entry>,
    subscriptions: Vec<(Subscription, String)>,
}

impl Known {
    fn text(&self, field: ContactText) -> &str {
        self.contact.texts.get(field)
    }

    fn stands(&self) -> Vec<(&str, SubscriptionStatus)> {
        self.subscriptions.iter().map(|(subscription, group)| (&**group, subscription.status)).collect()
    }
}

impl Shop {
    #[track_caller]
    fn known(&self, email: &str) -> Known {
        let email = Email::parse(email).unwrap();
        self.write(move |tx, account| {
            let contact = contacts::of_email(tx, account, &email)?.unwrap();
            let of = subscriptions::of_contact(tx, account, contact.id)?;
            Ok(Known {
                tags: contact_tags::tags(tx, account, contact.id)?,
                history: contacts::history(tx, account, contact.id)?,
                subscriptions: of
                    .into_iter()
                    .map(|(subscription, group)| (subscription, group.name))
                    .collect(),
                contact,
            })
        })
    }

    /// Sends a form with these pairs as they are, which the shop's key signs.
    fn add_lead(&self, pairs: &[(&str, &str)]) -> (i64, String) {
        said(&self.call("AddLeadToGroup", pairs))
    }
}

fn said(answer: &Answer) -> (i64, String) {
    let json = answer.json();
    (answer.code(), json["error_text"].as_str().unwrap().to_owned())
}

fn ok() -> (i64, String) {
    (0, "OK".to_owned())
}

/// A method, its parameters, and what it answers.
type Call = (&'static str, &'static [(&'static str, &'static str)], i64, &'static str, &'static str);

const ANNA: (&str, &str) = ("lead_email", "Anna@Example.com");
const NEW: (&str, &str) = ("lead_email", "b@example.com");
const OF_ANNA: (&str, &str) = ("email", "ANNA@example.com");
const SUPER: (&str, &str) = ("rass_name", "super");
const NOT_FOUND: &str = "Subscriber not found";
const UNKNOWN: &str = "Subscriber with such address is not found";
const NO_GROUP: &str = "Group subscribers is not found";
const WRONG_GROUP: &str = "Has an invalid subscriptions group";
const BOTH: &str =
    r#"[{"rass_name":"super","rass_title":"Super group"},{"rass_name":"news","rass_title":"news"}]"#;

/// Every code of every signed method, one call after the other.
const SIGNED: [Call; 33] = [
    ("GetAllGroups", &[], 0, "OK", BOTH),
    ("GetCountSubscribe", &[("group_name", "all")], 0, "OK", "0"),
    ("GetLeadGroups", &[OF_ANNA], 500, NOT_FOUND, "[]"),
    ("GetLeadGroupStatuses", &[("other", "x")], 500, NOT_FOUND, "[]"),
    ("UpdateSubscriberData", &[ANNA], 801, UNKNOWN, "[]"),
    ("UpdateSubscriberData", &[("lead_name", "A")], 100, "Email is missing", "[]"),
    ("AddLeadToGroup", &[("rid[0]", "super")], 100, "Email is missing", "[]"),
    (
        "AddLeadToGroup",
        &[("rid[0]", "super"), ("lead_email", "anna")],
        101,
        "Subscription error: wrong email",
        "[]",
    ),
    ("AddLeadToGroup", &[ANNA], 103, WRONG_GROUP, "[]"),
    ("AddLeadToGroup", &[("rid[0]", "super"), ("rid[1]", "Super"), ANNA], 103, WRONG_GROUP, "[]"),
    ("AddLeadToGroup", &[("rid[0]", "buyers"), ANNA], 104, "Subscription forbidden for 3", "[]"),
    ("AddLeadToGroup", &[("rid[0]", "allleads"), ANNA], 104, "Subscription forbidden for allleads", "[]"),
    // None of these has added anybody.
    ("GetLeadGroups", &[OF_ANNA], 500, NOT_FOUND, "[]"),
    ("AddLeadToGroup", &[("rid[0]", "super"), ANNA, ("tag", "vip")], 0, "OK", "[]"),
    (
        "AddLeadToGroup",
        &[("rid[0]", "super"), ("lead_email", "anna@example.com")],
        102,
        "The subscriber is already registered",
        "[]",
    ),
    ("AddLeadToGroup", &[("rid[0]", "super"), ("rid[1]", "news"), ANNA], 0, "OK", "[]"),
    ("GetLeadGroups", &[OF_ANNA], 0, "OK", BOTH),
    ("GetCountSubscribe", &[("group_name", "super")], 0, "OK", "1"),
    ("GetCountSubscribe", &[("group_name", "nobody")], 800, NO_GROUP, "[]"),
    ("DeleteSubscribe", &[("rass_name", "nobody"), NEW], 800, NO_GROUP, "[]"),
    ("DeleteSubscribe", &[SUPER, NEW], 801, UNKNOWN, "[]"),
    ("DeleteSubscribe", &[("rass_name", "buyers"), ANNA], 801, UNKNOWN, "[]"),
    ("DeleteSubscribe", &[SUPER, ANNA], 0, "OK", "[]"),
    ("DeleteSubscribe", &[("rass_name", "news"), ANNA], 0, "OK", "[]"),
    ("GetLeadGroups", &[OF_ANNA], 501, "Group not found", "[]"),
    ("GetCountSubscribe", &[("group_name", "unique")], 0, "OK", "0"),
    ("GetCountSubscribe", &[("group_name", "allleads")], 0, "OK", "1"),
    // Whoever left may come back.
    ("AddLeadToGroup", &[("rid", "super"), ANNA], 0, "OK", "[]"),
    ("GetCountSubscribe", &[("group_name", "unique")], 0, "OK", "1"),
    ("GetPartnerStats", &[("partner", "nobody")], 3, "Wrong posted data", "[]"),
    ("UpdateSubscriberData", &[ANNA, ("lead_name", "Anna")], 0, "OK", "[]"),
    ("DeleteSubscribe", &[SUPER, ANNA], 0, "OK", "[]"),
    ("AddLeadToGroup", &[("rid", "super"), ANNA], 0, "OK", "[]"),
];

/// The same of the methods with the key, after those.
const KEYED: [Call; 12] = [
    ("addtagtolead", &[NEW, ("add_tags", "a")], 801, UNKNOWN, "[]"),
    ("removetagfromlead", &[NEW, ("remove_tags", "a")], 801, UNKNOWN, "[]"),
    ("removeleadfromlist", &[NEW, ("remove_from_lists", "super")], 801, UNKNOWN, "[]"),
    ("removeleadfromlist", &[ANNA, ("remove_from_lists", "super,nobody")], 800, NO_GROUP, "[]"),
    ("addupdatelead", &[ANNA, ("add_to_lists", "nobody")], 103, WRONG_GROUP, "[]"),
    ("addupdatelead", &[ANNA, ("add_to_lists", "buyers")], 104, "Subscription forbidden for 3", "[]"),
    ("addupdatelead", &[ANNA, ("remove_from_lists", "nobody")], 800, NO_GROUP, "[]"),
    ("addupdatelead", &[ANNA, ("lead_personal_manager", "7")], 3, "Wrong posted data", "[]"),
    ("addupdatelead", &[ANNA, ("lead_utc", "+15")], 3, "Wrong posted data", "[]"),
    ("addtagtolead", &[ANNA, ("add_tags", "b,\n c")], 0, "OK", "[]"),
    ("removetagfromlead", &[ANNA, ("remove_tags", "b")], 0, "OK", "[]"),
    ("removeleadfromlist", &[ANNA, ("remove_from_lists", "super,\r\nnews")], 0, "OK", "[]"),
];

#[test]
fn every_method_and_code() {
    let shop = shop_with_groups();
    let signed = SIGNED.map(|call| (call, shop.call(call.0, call.1)));
    let keyed = KEYED.map(|call| (call, shop.keyed(call.0, call.1)));
    for ((method, form, code, text, result), answer) in signed.into_iter().chain(keyed) {
        assert_eq!(said(&answer), (code, text.to_owned()), "{method} {form:?}");
        assert_eq!(answer.json()["result"].to_string(), result, "{method} {form:?}");
    }
    let lists = shop.keyed("getalllists", &[]).json();
    assert_eq!(
        lists["result"],
        json!([
            {"id": 1, "rass_id": 1, "rass_name": "super", "rass_title": "Super group"},
            {"id": 2, "rass_id": 2, "rass_name": "news", "rass_title": "news"},
        ])
    );
    assert_eq!(shop.keyed("GetAllGroups", &[]).json()["result"], lists["result"]);
    let known = shop.known("anna@example.com");
    assert_eq!(known.contact.email.as_ref().unwrap().as_str(), "Anna@Example.com");
    assert_eq!(known.tags, ["c", "vip"]);
    let unsubscribed = SubscriptionStatus::Unsubscribe;
    assert_eq!(known.stands(), [("super", unsubscribed), ("news", unsubscribed)]);
    assert!(!known.contact.is_active);
    let statuses = shop.result("GetLeadGroupStatuses", &[OF_ANNA]);
    assert_eq!(statuses[0]["rass_status"], "STATUS_UNSUBSCRIBE");
    let since: i64 = statuses[0]["subscription_time"].as_str().unwrap().parse().unwrap();
    assert!(since.abs_diff(now()) < 60);
    let newest = &known.history[0];
    assert_eq!((&*newest.what, &*newest.detail), ("unsubscribed", "super"));
    assert_eq!((&*newest.method, &*newest.address), ("removeleadfromlist", "127.0.0.1"));
    shop.is_sound();
}

const ADDED: [(&str, &str); 12] = [
    ("rid[0]", "super"),
    ("lead_email", "anna@example.com"),
    ("lead_name", "Анна"),
    ("lead_phone", "+7 900 123-45-67"),
    ("lead_city", "Тула"),
    ("tag", " vip "),
    ("doneurl2", "https://shop.example:8443/thanks?a=1"),
    ("activation", "false"),
    ("utm[utm_medium]", "affiliate"),
    ("utm[utm_source]", "Boris"),
    ("utm[aff_term]", "term"),
    ("ad", "17"),
];

const UPDATED: [(&str, &str); 13] = [
    ("lead_email", "ANNA@example.com"),
    ("lead_last_name", "Иванова"),
    ("lead_utc", "UTC + 03"),
    ("lead_personal_manager", "1"),
    ("lead_shipping_country_code", "us"),
    ("lead_billing_zip", "300000"),
    ("lead_telegram", "@anna"),
    ("lead_instagram", "@anna"),
    ("lead_in", "anna"),
    ("lead_description", "a\r\nb"),
    ("add_to_lists", "news,\n super"),
    ("add_tags", "one, two"),
    ("remove_tags", "vip"),
];

/// Every parameter is kept, and an absent one changes nothing.
#[test]
fn what_is_sent_is_kept() {
    let shop = shop_with_groups();
    let (boris, olga) = (shop.add_partner("boris", 0), shop.add_manager("Olga"));
    assert_eq!(shop.add_lead(&ADDED), ok());
    let known = shop.known("anna@example.com");
    for (field, text) in [
        (ContactText::FirstName, "Анна"),
        (ContactText::Phone, "+7 900 123-45-67"),
        (ContactText::City, "Тула"),
        (ContactText::UtmMedium, "affiliate"),
        (ContactText::AffTerm, "term"),
        (ContactText::Aff, &*boris.to_string()),
        (ContactText::AdId, "17"),
    ] {
        assert_eq!(known.text(field), text, "{}", field.name());
    }
    assert_eq!(known.tags, ["vip"]);
    let (subscription, _) = &known.subscriptions[0];
    assert_eq!((&*subscription.activation, &*subscription.method), ("false", "AddLeadToGroup"));
    assert_eq!(subscription.doneurl, "https://shop.example:8443/thanks?a=1");
    assert_eq!(said(&shop.keyed("addupdatelead", &UPDATED)), ok());
    let update =
        [("lead_email", "anna@example.com"), ("lead_city", ""), ("lead_tags", "three"), ("rid[0]", "x")];
    assert_eq!(said(&shop.call("UpdateSubscriberData", &update)), ok());
    let known = shop.known("anna@example.com");
    for (field, text) in [
        (ContactText::FirstName, "Анна"),
        (ContactText::LastName, "Иванова"),
        (ContactText::City, "Тула"),
        (ContactText::Utc, "+03:00"),
        (ContactText::ShippingCountry, "United States of America"),
        (ContactText::BillingZip, "300000"),
        (ContactText::Telegram, "https://t.me/anna"),
        (ContactText::Instagram, "https://www.instagram.com/anna"),
        (ContactText::LinkedIn, "anna"),
        (ContactText::Description, "a\r\nb"),
    ] {
        assert_eq!(known.text(field), text, "{}", field.name());
    }
    assert_eq!(
        (known.contact.manager, known.tags),
        (olga, ["one", "three", "two"].map(str::to_owned).to_vec())
    );
    // Without an e-mail each call adds one.
    let count = || shop.result("GetCountSubscribe", &[("group_name", "all")]);
    for expected in [2, 3] {
        assert_eq!(said(&shop.keyed("addupdatelead", &[("lead_phone", "123")])), ok());
        assert_eq!(count(), expected);
    }
    shop.is_sound();
}

/// What public clients send, to the letter.
#[test]
fn habits_of_clients() {
    let shop = shop_with_groups();
    let forms: [&[(&str, &str)]; 6] = [
        &[("rid[]", "super"), ("rid[]", "news")],
        &[("rid", "super"), ("email", "other@example.com"), ("lead_name", "-")],
        &[("rid[0]", "super"), ("aff", ""), ("ad", ""), ("tag", ""), ("doneurl2", ""), ("lead_phone", "")],
        &[("rid[5]", "super"), ("activation", ""), ("utm[utm_source]", ""), ("form_id", "7")],
        &[("rid[a]", "super"), ("lead_name", "{{name}}\r\nBcc: x")],
        &[("rid[0]", "super"), ("rid[1]", "super"), ("activation", "1")],
    ];
    for (at, form) in forms.iter().enumerate() {
        let email = format!("client{at}@example.com");
        assert_eq!(shop.add_lead(&[form, &[("lead_email", &*email)][..]].concat()), ok(), "{form:?}");
        assert_eq!(shop.known(&email).stands()[0], ("super", SubscriptionStatus::Subscribe), "{form:?}");
    }
    let many: Vec<_> = (0..990).map(|at| (format!("rid[{at}]"), "super")).collect();
    let mut many: Vec<_> = many.iter().map(|(name, group)| (&**name, *group)).collect();
    many.push(("lead_email", "many@example.com"));
    assert_eq!(shop.add_lead(&many), ok());
    for url in
        ["ftp://shop.example/", "https://evil.example/", "//shop.example", "https://a@shop.example/", "x"]
    {
        let form = [("rid", "super"), ("lead_email", "url@example.com"), ("doneurl2", url)];
        assert_eq!(shop.add_lead(&form).0, 3, "{url}");
    }
    shop.is_sound();
}

/// Names have bounds, tags are told apart by commas, and a list without a name asks for nothing.
#[test]
fn lists_of_names() {
    let shop = shop_with_groups();
    let anna = ("lead_email", "anna@example.com");
    let long = "x".repeat(256);
    let many = (0..=1_000).map(|at| format!("n{at}")).collect::<Vec<_>>().join(",");
    // Texts that no engine can make shorter, for those that put them into an index.
    let aff: String =
        (0..600_u64).fold(String::new(), |aff, at| aff + &at.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_string());
    for (tag, code) in [(&*long, 3), (&*many, 3), ("vip, new,", 0)] {
        let form = [("rid", "super"), anna, ("tag", tag), ("aff", &*aff)];
        assert_eq!(shop.code("AddLeadToGroup", &form), code, "{tag}");
    }
    assert_eq!(shop.code("AddLeadToGroup", &[("rid", &*many), anna]), 3);
    for (method, field) in [
        ("addtagtolead", "add_tags"),
        ("removetagfromlead", "remove_tags"),
        ("removeleadfromlist", "remove_from_lists"),
        ("addupdatelead", "add_to_lists"),
        ("addupdatelead", "add_tags"),
    ] {
        assert_eq!(shop.keyed(method, &[anna, (field, &*many)]).code(), 3, "{method}");
    }
    assert_eq!(said(&shop.keyed("addupdatelead", &[anna, ("add_to_lists", ","), ("add_tags", ",")])), ok());
    let known = shop.known("anna@example.com");
    assert_eq!((known.text(ContactText::Aff), known.tags.join(" ")), (&*aff, "new vip".to_owned()));
    shop.is_sound();
}

/// Old orders that are moved here do not bring back who has left, and a cancelled one joins no group.
#[test]
fn moved_orders_subscribe_nobody_who_left() {
    let shop = with_groups(&["createorder_events=off", "same_order_hours=0"]);
    shop.add_good("club", "0", "Club", "10.00", &[("good_client_rassilki", "news")]);
    let order = |status: &str| {
        let form = [("product_names", "club"), ("customer_email", "a@example.com"), ("order_status", status)];
        shop.keyed_order(&form);
    };
    let code = || shop.code("GetLeadGroups", &[("email", "a@example.com")]);
    order("Cancel");
    assert_eq!(code(), 500);
    order("Expected");
    assert_eq!(code(), 0);
    let leave = [("rass_name", "news"), ("lead_email", "a@example.com")];
    assert_eq!(shop.code("DeleteSubscribe", &leave), 0);
    order("Paid");
    assert_eq!(code(), 501);
    shop.order("a@example.com", "club", &[]);
    assert_eq!(code(), 0, "who orders now comes back");
}

/// Two equal calls at once make one contact and one subscription.
#[test]
fn equal_calls_at_once() {
    let shop = shop_with_groups();
    let host = format!("{LOGIN}.localhost");
    for round in 0..10 {
        let email = format!("twice{round}@example.com");
        let body = signed(LOGIN, KEY, &[("rid[0]", "super"), ("rid[1]", "news"), ("lead_email", &email)]);
        let mut codes: Vec<_> = thread::scope(|scope| {
            let calls: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| shop.server().post(&host, "AddLeadToGroup", &body).code()))
                .collect();
            calls.into_iter().map(|call| call.join().unwrap()).collect()
        });
        codes.sort_unstable();
        assert_eq!(codes, [0, 102, 102, 102], "{email}");
        assert_eq!(shop.known(&email).history.len(), 3, "{email}");
    }
    assert_eq!(shop.result("GetCountSubscribe", &[("group_name", "all")]), 10);
    assert_eq!(shop.result("GetCountSubscribe", &[("group_name", "news")]), 10);
    shop.is_sound();
}

/// Who orders joins the groups of what he orders; groups that are missing are made.
#[test]
fn buyers_join_groups() {
    let shop = shop_with_groups();
    let groups = [("good_client_rassilki", "buyers, made,allleads")];
    shop.add_good("club", "0", "Club", "10.00", &groups);
    shop.order("Vera@example.com", "club", &[("bill_first_name", "Вера"), ("bill_phone", "55")]);
    shop.order("vera@example.com", "course", &[]);
    let known = shop.known("vera@example.com");
    assert_eq!((known.text(ContactText::FirstName), known.text(ContactText::Phone)), ("Вера", "55"));
    let subscribed = SubscriptionStatus::Subscribe;
    assert_eq!(known.stands(), [("buyers", subscribed), ("made", subscribed)]);
    assert_eq!(known.subscriptions[0].0.method, "order");
    // A group that fills itself is seen by those who are in it.
    let of = shop.result("GetLeadGroups", &[("email", "vera@example.com")]);
    assert_eq!(of.as_array().unwrap().len(), 2);
    assert_eq!(shop.result("GetAllGroups", &[]).as_array().unwrap().len(), 3);
    shop.server().run(&["group", "remove", "made", "--account", LOGIN]);
    assert_eq!(shop.result("GetCountSubscribe", &[("group_name", "unique")]), 1);
    shop.server().run(&["group", "remove", "buyers", "--account", LOGIN]);
    assert_eq!(shop.result("GetCountSubscribe", &[("group_name", "unique")]), 0);
    shop.is_sound();
}

/// What a partner's orders have earned, and whom he has brought.
#[test]
fn partners_stats() {
    let shop = shop_with_groups();
    let boris = shop.add_partner("boris", 0);
    shop.add_partner("vera", boris);
    shop.add_good(
        "club",
        "0",
        "Club",
        "100.00",
        &[("good_partner_fee_perc", "10"), ("good_partner_pfee_perc", "5")],
    );
    let pay = |order: i64, date: &str| {
        shop.result(
            "UpdateOrderStatus",
            &[("bill_id", &order.to_string()), ("status", "paid"), ("date", date)],
        );
    };
    // 31 December 2025 and 1 January 2026, in Moscow.
    pay(shop.order("a@example.com", "club", &[("bill_aff_name", "boris")]), "1767214799");
    pay(shop.order("b@example.com", "club", &[("bill_aff_name", "vera")]), "1767214800");
    shop.order("c@example.com", "club", &[("bill_aff_name", "boris")]);
    assert_eq!(shop.add_lead(&[("rid", "news"), ("lead_email", "d@example.com"), ("aff", "Boris")]), ok());
    let stats = |form: &[(&str, &str)]| {
        let stats = shop.result("GetPartnerStats", form);
        ["earned_total", "topay_total", "clicks_total", "leads_total", "bills_total", "partners_total"]
            .map(|name| stats[name].to_string().replace('"', ""))
    };
    assert_eq!(stats(&[("partner", "BORIS")]), ["15.00", "15.00", "0", "1", "2", "1"]);
    assert_eq!(stats(&[("partner", "vera")]), ["10.00", "10.00", "0", "0", "1", "0"]);
    let to = [("partner", "boris"), ("date_to", "2025-12-31")];
    assert_eq!(stats(&to), ["10.00", "10.00", "0", "0", "1", "1"]);
    let from = [("partner", "boris"), ("date_from", "2026-01-01"), ("date_to", "2026-01-01")];
    assert_eq!(stats(&from)[..5], ["5.00", "5.00", "0", "0", "1"]);
    assert_eq!(shop.code("GetPartnerStats", &[("partner", "boris"), ("date_from", "1.1.2026")]), 3);
    let backwards = [("partner", "boris"), ("date_from", "2026-01-02"), ("date_to", "2026-01-01")];
    assert_eq!(shop.code("GetPartnerStats", &backwards), 3);
}
