//! `billhook contact`, `group` and `tag`: people by hand, found by every key, on both engines.

use billhook_test_kit::Cluster;
use serde_json::{Value, json};

use super::{Done, Place, says};

fn shop() -> Place {
    let place = Place::new();
    place.account("shop");
    fill(&|arguments| run(&place, arguments));
    place
}

/// Two groups, a manager, and three contacts.
fn fill(run: &dyn Fn(&[&str]) -> Done) {
    for arguments in [
        &["group", "add", "news", "--title", "News"][..],
        &["group", "add", "sales"],
        &["manager", "add", "Olga"],
        &["contact", "add", "Anna@Example.com", "first_name=Анна", "last_name=Иванова", "--tags", "vip,new"],
        &[
            "contact",
            "add",
            "boris@example.com",
            "Last_Name=Ёлкин",
            "first_name=Борис",
            "phone=8 916 123-45-67",
        ],
        &["contact", "add", "phone=+7 495 000-11-22", "manager=1", "--tags", "vip", "--groups", "news,sales"],
    ] {
        run(arguments).succeeded();
    }
}

fn run(place: &Place, arguments: &[&str]) -> Done {
    place.run(&[arguments, &["--account", "shop"]].concat())
}

fn shown(place: &Place, contact: &str) -> Value {
    let shown = run(place, &["contact", "show", contact, "--json"]).succeeded();
    serde_json::from_str(&shown).unwrap()
}

#[test]
fn a_contact_from_first_to_last() {
    let place = shop();
    place.write(
        "orders.jsonl",
        r#"{"id":1,"email":"anna@example.com","items":[{"id":1,"good_name":"book","sum":"5.00"}]}"#,
    );
    run(&place, &["import", "orders.jsonl"]).succeeded();
    let set = [
        "contact",
        "set",
        "anna@example.COM",
        "UTC=3",
        "city=Омск",
        "manager=1",
        "--groups",
        "news, sales",
        "--untag",
        "new",
    ];
    assert_eq!(run(&place, &set).succeeded(), "contact 1 changed: Anna@Example.com\n");
    run(&place, &["contact", "set", "1", "city=", "manager=", "--leave", "sales"]).succeeded();
    let anna = shown(&place, "1");
    for (name, value) in [
        ("email", json!("Anna@Example.com")),
        ("manager", json!(0)),
        ("utc", json!("+03:00")),
        ("city", Value::Null),
        ("tags", json!(["vip"])),
        ("groups", json!(["news"])),
        ("is_active", json!(true)),
        ("orders", json!(1)),
    ] {
        assert_eq!(anna[name], value, "{name}");
    }
    let history: Vec<_> =
        anna["history"].as_array().unwrap().iter().map(|line| line["what"].as_str().unwrap()).collect();
    assert_eq!(
        history,
        [
            "unsubscribed",
            "changed",
            "tag removed",
            "subscribed",
            "subscribed",
            "changed",
            "tag added",
            "tag added",
            "added"
        ]
    );
    says(
        &run(&place, &["contact", "show", "anna@example.com"]).succeeded(),
        &[
            "contact: 1\nemail: Anna@Example.com\nadded: ",
            "first_name: Анна\nlast_name: Иванова\nutc: +03:00\ntags: vip\norders: 1, 0 paid, received 0.00\nin 2 groups\n",
            "  news  STATUS_SUBSCRIBE since ",
            "  sales  STATUS_UNSUBSCRIBE since ",
            "MSK by billhook contact\nhistory:\n",
            "  unsubscribed sales by billhook contact\n",
        ],
    );
    says(&run(&place, &["contact", "show", "3"]).succeeded(), &["email: none", "manager: 1 Olga\n"]);
    assert_eq!(
        run(&place, &["group", "list"]).succeeded(),
        "     1  news  News, 2 subscribed\n     2  sales  sales, 1 subscribed\n"
    );
    assert_eq!(run(&place, &["tag", "list"]).succeeded(), "vip  2 contacts\n");
}

#[test]
fn what_is_removed_is_gone_from_groups_and_tags() {
    let place = shop();
    run(&place, &["contact", "set", "1", "--groups", "news"]).succeeded();
    assert_eq!(run(&place, &["tag", "list"]).succeeded(), "new  1 contact\nvip  2 contacts\n");
    assert_eq!(
        run(&place, &["contact", "remove", "ANNA@example.com"]).succeeded(),
        "contact 1 removed: Anna@Example.com\n"
    );
    says(&run(&place, &["contact", "show", "1"]).failed(1), &["no contact 1", "contact list --account shop"]);
    assert_eq!(run(&place, &["tag", "list", "--json"]).succeeded(), "{\"tag\":\"vip\",\"contacts\":1}\n");
    says(&run(&place, &["group", "list"]).succeeded(), &["News, 1 subscribed"]);
    run(&place, &["contact", "remove", "3"]).succeeded();
    assert_eq!(run(&place, &["contact", "add", "phone=5"]).succeeded(), "contact 4 added: 5\n");
    place.run(&["check"]).succeeded();
}

#[test]
fn contacts_are_found_by_every_key() {
    let place = shop();
    run(&place, &["contact", "set", "boris@example.com", "--groups", "news"]).succeeded();
    let all = "     3  +7 495 000-11-22  tags vip  in news, sales\n     2  boris@example.com  Ёлкин Борис  8 916 123-45-67  in news\n     \
               1  Anna@Example.com  Иванова Анна  tags new, vip\n";
    assert_eq!(run(&place, &["contact", "list"]).succeeded(), all);
    finds(&|arguments| run(&place, arguments), |number| json!(number));
    let listed = run(&place, &["contact", "list", "anna", "--json"]).succeeded();
    let mut anna: Value = serde_json::from_str(&listed).unwrap();
    assert!(anna["created"].as_i64() > Some(1_700_000_000) && anna["changed"] == anna["created"]);
    anna.as_object_mut().unwrap().retain(|name, _| !["created", "changed"].contains(&name.as_str()));
    assert_eq!(
        anna,
        json!({"id": 1, "email": "Anna@Example.com", "is_active": false, "manager": 0, "tags": ["new", "vip"], "groups": [],
               "first_name": "Анна", "last_name": "Иванова"})
    );
}

/// Looks for those whom `fill` makes, of whom the second is in `news` too.
fn finds(run: &dyn Fn(&[&str]) -> Done, number: impl Fn(usize) -> Value) {
    for (arguments, found) in [
        (&[][..], &[3, 2, 1][..]),
        (&["--limit", "2"], &[3, 2]),
        (&["ANN"], &[1]),
        (&["boris@"], &[2]),
        (&["иван"], &[1]),
        (&["елкин"], &[2]),
        (&["анна иванова"], &[1]),
        (&["Иванова Анна"], &[1]),
        (&["Иванова Борис"], &[]),
        (&["45-67"], &[2]),
        (&["89161234567"], &[2]),
        (&["zzz"], &[]),
        (&["-"], &[]),
        (&["--group", "news"], &[3, 2]),
        (&["--group", "news", "--limit", "1"], &[3]),
        (&["--tag", "vip"], &[3, 1]),
        (&["--tag", "VIP"], &[]),
        (&["--group", "news", "--tag", "vip"], &[3]),
        (&["--group", "sales", "--tag", "new"], &[]),
        (&["boris", "--group", "news"], &[2]),
        (&["boris", "--group", "sales"], &[]),
        (&["анна иванова", "--tag", "vip"], &[1]),
        (&["boris", "--tag", "vip"], &[]),
    ] {
        let listed = run(&[&["contact", "list", "--json"], arguments].concat()).succeeded();
        let numbers: Vec<_> =
            listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone()).collect();
        let found: Vec<_> = found.iter().map(|&contact| number(contact)).collect();
        assert_eq!(numbers, found, "{arguments:?}");
    }
}

#[test]
fn what_is_refused_says_what_would_do() {
    let place = shop();
    for (arguments, status, parts) in [
        (&["add", "ANNA@example.com"][..], 1, &["contact 1 has the e-mail", "contact set 1"][..]),
        (&["add"], 2, &["EMAIL|FIELD=VALUE"]),
        (&["add", "vera"], 2, &["FIELD=VALUE"]),
        (&["add", "a@b", "c@d"], 2, &["the e-mail is said twice"]),
        (&["add", "a@b", "city=1", "City=2"], 2, &["city is said twice"]),
        (&["add", "a@b", "last_nam=1"], 2, &["did you mean last_name?"]),
        (&["add", "a@b", "x=1"], 2, &["no field x", "first_name", "manager"]),
        (&["add", "a@b", "utc=soon"], 2, &["utc: a time zone is"]),
        (&["add", "a@b", "manager=Olga"], 2, &["manager: it is a manager's number"]),
        (&["add", "a@b", "manager=2"], 1, &["no manager 2"]),
        (&["add", "a@b", "--groups", "new"], 1, &["no group new", "did you mean news?"]),
        (&["add", "a@b", "--groups", "news,"], 2, &["empty"]),
        (&["add", "a@b", "--groups", "allleads"], 1, &["no group allleads"]),
        (&["set", "1"], 2, &["nothing to change"]),
        (&["set", "anna@example.com", "phone"], 2, &["FIELD=VALUE"]),
        (&["set", "anna", "phone=1"], 2, &["neither an e-mail nor"]),
        (&["set", "zoe@example.com", "phone=1"], 1, &["no contact zoe@example.com"]),
        (&["set", "1", "city=Omsk", "--leave", "news"], 1, &["contact 1 was never in the group news"]),
        (&["remove", "9"], 1, &["no contact 9"]),
        (&["list", "--group", "nws"], 1, &["did you mean news?"]),
    ] {
        says(&run(&place, &[&["contact"], arguments].concat()).failed(status), parts);
    }
    assert_eq!(shown(&place, "1")["city"], Value::Null, "one bad thing, and none is done");
    assert_eq!(run(&place, &["contact", "list"]).succeeded().lines().count(), 3);
}

#[test]
fn groups_are_found_and_shown() {
    let place = shop();
    run(&place, &["group", "set", "news", "--url-subscribed", "https://shop.example/hook"]).succeeded();
    run(&place, &["group", "set", "sales", "--title", "Продажи"]).succeeded();
    for (search, names) in [
        ("", &["news", "sales"][..]),
        ("NE", &["news"]),
        ("прод", &["sales"]),
        ("sal", &["sales"]),
        ("ews", &[]),
    ] {
        let listed = run(&place, &["group", "list", search]).succeeded();
        let found: Vec<_> = listed.lines().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
        assert_eq!(found, names, "{search}");
    }
    run(&place, &["contact", "set", "1", "--groups", "news"]).succeeded();
    run(&place, &["contact", "set", "1", "--leave", "news"]).succeeded();
    says(
        &run(&place, &["group", "show", "news"]).succeeded(),
        &[
            "group: news\nnumber: 1\ntitle: News\nkind: open\nadded: ",
            "\ntold of new subscriptions: https://shop.example/hook\n1 subscribed\n",
            "\n  STATUS_SUBSCRIBE  1\n  STATUS_UNSUBSCRIBE  1\n",
        ],
    );
    let shown = run(&place, &["group", "show", "news", "--json"]).succeeded();
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["subscribed"], 1);
    assert_eq!(shown["statuses"], json!({"STATUS_SUBSCRIBE": 1, "STATUS_UNSUBSCRIBE": 1}));
    says(&run(&place, &["group", "show", "nws"]).failed(1), &["did you mean news?"]);
}

/// Each command on what `fill` makes, what it says, and the tags after it.
fn tags_from_first_to_last(run: &dyn Fn(&[&str]) -> Done) {
    let all = "new 1, vip 2";
    for (arguments, status, said, after) in [
        (&["list", "VI"][..], 0, "vip  2 contacts\n", all),
        (&["list", "ip"], 0, "", all),
        (&["show", "new"], 0, "new  1 contact\n", all),
        (&["show", "new", "--json"], 0, "\"newest\": [\n", all),
        (&["show", "vp"], 1, "there is no tag vp: did you mean vip?", all),
        (&["add", "a,b", "boris@example.com"], 2, "a tag has none", all),
        (&["add", "old", "boris@example.com", "zoe@example.com"], 1, "no contact zoe@example.com", all),
        (
            &["add", "new", "BORIS@example.com", "anna@example.com"],
            0,
            "new: 2 contacts have it now",
            "new 2, vip 2",
        ),
        (&["remove", "new", "anna@example.com"], 0, "new: 1 contact has it now", all),
        (&["remove", "old", "anna@example.com"], 1, "no tag old", all),
        (&["remove", "vip", "anna@example.com", "--yes"], 2, "cannot be used with", all),
        (&["set", "new", "--name", "new"], 2, "named new already", all),
        (
            &["set", "new", "--name", "fresh"],
            0,
            "new is named fresh now, and 1 contact has it",
            "fresh 1, vip 2",
        ),
        (
            &["set", "fresh", "--name", "vip"],
            1,
            "2 contacts have the tag vip already: --yes",
            "fresh 1, vip 2",
        ),
        (
            &["set", "fresh", "--name", "vip", "--yes", "--json"],
            0,
            "{\"tag\":\"vip\",\"contacts\":3}\n",
            "vip 3",
        ),
        (&["remove", "vip"], 1, "3 contacts have the tag vip: --yes takes it off", "vip 3"),
        (&["remove", "vip", "--yes"], 0, "vip was taken off 3 contacts\n", ""),
    ] {
        let done = run(&[&["tag"], arguments].concat());
        let text = if status == 0 { done.succeeded() } else { done.failed(status) };
        says(&text, &[said]);
        assert_eq!(text.is_empty(), said.is_empty(), "{arguments:?}: {text}");
        let listed = run(&["tag", "list"]).succeeded();
        let tags: Vec<_> = listed.lines().map(|line| line.replace("  ", " ")).collect();
        let tags: Vec<_> = tags.iter().map(|line| line.rsplit_once(' ').unwrap().0).collect();
        assert_eq!(tags.join(", "), after, "{arguments:?}");
    }
}

#[test]
fn tags_are_put_on_renamed_and_taken_off() {
    let place = shop();
    tags_from_first_to_last(&|arguments| run(&place, arguments));
    let boris = shown(&place, "2");
    let history: Vec<_> = boris["history"].as_array().unwrap().iter().collect();
    let lines = history.iter().map(|line| format!("{} {}", line["what"], line["detail"]).replace('"', ""));
    let renamed =
        ["tag removed vip", "tag removed fresh", "tag added vip", "tag removed new", "tag added fresh"];
    assert_eq!(lines.take(5).collect::<Vec<_>>(), renamed);
    assert_eq!(history[0]["method"], "billhook tag");
    for number in 1..=21 {
        run(&place, &["contact", "add", &format!("n{number}@example.com"), "--tags", "many"]).succeeded();
    }
    let many = run(&place, &["tag", "show", "many"]).succeeded();
    says(
        &many,
        &[
            "many  21 contacts\n    24  n21@",
            "  n2@example.com  tags many\n`billhook contact list --tag 'many'`",
        ],
    );
}

#[test]
fn contacts_work_on_postgres() {
    let place = Place::new();
    let url = Cluster::shared().create_database().unwrap();
    let run = |arguments: &[&str]| {
        place.run_with(&[arguments, &["--store", &url]].concat(), &[("BILLHOOK_ACCOUNT", "shop")])
    };
    place.run(&["account", "add", "shop", "--store", &url]).succeeded();
    fill(&run);
    run(&["contact", "set", "boris@example.com", "--groups", "news"]).succeeded();
    let listed = run(&["contact", "list", "--json"]).succeeded();
    let mut numbers: Vec<Value> =
        listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone()).collect();
    numbers.reverse();
    finds(&run, |contact| numbers[contact - 1].clone());
    assert_eq!(run(&["tag", "list"]).succeeded(), "new  1 contact\nvip  2 contacts\n");
    says(&run(&["contact", "show", "boris@example.com"]).succeeded(), &["news  STATUS_SUBSCRIBE"]);
    says(&run(&["group", "show", "news"]).succeeded(), &["  STATUS_SUBSCRIBE  2\n"]);
    tags_from_first_to_last(&run);
    run(&["contact", "remove", "anna@example.com"]).succeeded();
    assert_eq!(run(&["contact", "list"]).succeeded().lines().count(), 2);
    run(&["check"]).succeeded();
}
