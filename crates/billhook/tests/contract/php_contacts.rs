//! Real PHP's forms about contacts and groups, and its view of the answers.

use expect_test::expect;
use serde_json::{Value, json};

use crate::{
    php_orders::php,
    shop::{LOGIN, Shop},
};

const DONE: &str = "0 OK\narray (\n)";

fn shop() -> Shop {
    let shop = Shop::empty();
    for group in [&["super", "--title", "Супер"][..], &["news"]] {
        shop.server().run(&[&["group", "add"], group, &["--account", LOGIN]].concat());
    }
    shop
}

/// The groups that a contact is in, and how it stands there.
fn stands(shop: &Shop, email: &str) -> Vec<(String, String)> {
    let groups = shop.result("GetLeadGroupStatuses", &[("email", email)]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    groups
        .as_array()
        .unwrap()
        .iter()
        .map(|group| (text(&group["rass_name"]), text(&group["rass_status"]).replace("STATUS_", "")))
        .collect()
}

/// The forms of sellers' programs, one after the other, each with what PHP prints about the answer.
#[test]
fn a_contacts_way() {
    let shop = shop();
    let statuses = json!({"email": "ANNA@example.com"});
    let group = |name: &str| json!({"rass_name": name, "lead_email": "Anna@example.com"});
    let utm = json!({"utm_source": "a&b=c", "utm_medium": "cpc"});
    for (method, form, printed) in [
        (
            "AddLeadToGroup",
            json!({
                "rid": ["super", "news"], "lead_email": "Anna@example.com", "lead_name": "О'Нил \"~*(!", "lead_phone": null,
                "lead_city": "", "tag": "a b", "activation": false, "doneurl2": "", "utm": utm, "aff": 0,
            }),
            DONE,
        ),
        (
            "AddLeadToGroup",
            json!({"rid": {"5": "super"}, "lead_email": "anna@example.com"}),
            "102 The subscriber is already registered\narray (\n)",
        ),
        (
            "AddLeadToGroup",
            json!({"rid": [], "lead_email": "anna@example.com"}),
            "103 Has an invalid subscriptions group\narray (\n)",
        ),
        (
            "UpdateSubscriberData",
            json!({
                "rid": ["super"], "lead_email": "anna@example.com", "lead_name": "", "lead_city": "Тула", "lead_tags": "c,\n d",
            }),
            DONE,
        ),
        ("DeleteSubscribe", group("super"), DONE),
        ("DeleteSubscribe", group("Super"), "800 Group subscribers is not found\narray (\n)"),
        ("GetLeadGroupStatuses", json!({"email": null}), "500 Subscriber not found\narray (\n)"),
        (
            "GetLeadGroups",
            statuses.clone(),
            "0 OK\narray (\n  0 => \n  array (\n    'rass_name' => 'news',\n    'rass_title' => 'news',\n  ),\n)",
        ),
        ("GetCountSubscribe", json!({"group_name": "unique"}), "0 OK\n1"),
    ] {
        assert_eq!(php(&shop, method, "hash", &form), printed, "{method} {form}");
    }
    let listed = php(&shop, "GetLeadGroupStatuses", "hash", &statuses);
    let times = shop.result("GetLeadGroupStatuses", &[("email", "anna@example.com")]);
    let mut shown = listed;
    for at in 0..2 {
        shown = shown.replace(times[at]["subscription_time"].as_str().unwrap(), "TIME");
    }
    expect![[r"
        0 OK
        array (
          0 => 
          array (
            'rass_name' => 'super',
            'rass_title' => 'Супер',
            'rass_status' => 'STATUS_UNSUBSCRIBE',
            'subscription_time' => 'TIME',
          ),
          1 => 
          array (
            'rass_name' => 'news',
            'rass_title' => 'news',
            'rass_status' => 'STATUS_SUBSCRIBE',
            'subscription_time' => 'TIME',
          ),
        )"]]
    .assert_eq(&shown);
    shop.is_sound();
}

/// What is sent as a form is also understood as cURL sends an array: in parts.
#[test]
fn forms_in_parts() {
    let shop = shop();
    let parts = |form: Value| php(&shop, "AddLeadToGroup", "multipart", &form);
    let boris = json!({"rid[0]": "super", "rid[1]": "news", "lead_email": "boris@example.com", "lead_name": "Борис\r\n& Co"});
    assert_eq!(parts(boris), DONE);
    assert_eq!(
        parts(json!({"rid": "super,\n news", "lead_email": "vera@example.com", "tag": "x=1&y"})),
        DONE
    );
    // cURL writes a list as parts of one name, of which the last one counts.
    assert_eq!(parts(json!({"rid": ["super", "news"], "lead_email": "olga@example.com"})), DONE);
    let (both, last) = (["super", "news"], ["news"]);
    for (email, groups) in
        [("boris@example.com", &both[..]), ("vera@example.com", &both), ("olga@example.com", &last)]
    {
        let expected: Vec<_> =
            groups.iter().map(|name| ((*name).to_owned(), "SUBSCRIBE".to_owned())).collect();
        assert_eq!(stands(&shop, email), expected, "{email}");
    }
    let form = json!({"lead_email": "boris@example.com", "add_to_lists": "", "remove_from_lists": "super", "add_tags": "a,b"});
    for how in ["key", "multipart"] {
        assert_eq!(php(&shop, "addupdatelead", how, &form), DONE, "{how}");
    }
    assert_eq!(stands(&shop, "boris@example.com")[0].1, "UNSUBSCRIBE");
    shop.is_sound();
}
