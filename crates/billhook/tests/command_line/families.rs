//! `billhook coupon`, `manager`, `partner` and `category`, and all families of commands on PostgreSQL.

use billhook_test_kit::Cluster;
use serde_json::{Value, json};

use super::{Done, Place, says};

fn shop() -> Place {
    let place = Place::new();
    place.account("shop");
    place.run(&["product", "add", "book", "--title", "B", "--sum", "100", "--account", "shop"]).succeeded();
    place
}

fn run(place: &Place, arguments: &[&str]) -> Done {
    place.run(&[arguments, &["--account", "shop"]].concat())
}

fn json_of(place: &Place, arguments: &[&str]) -> Value {
    serde_json::from_str(&run(place, &[arguments, &["--json"]].concat()).succeeded()).unwrap()
}

#[test]
fn a_coupon_from_first_to_last() {
    let place = shop();
    let add = [
        "coupon",
        "add",
        "Spring",
        "--percent",
        "12,5",
        "--good",
        "book",
        "--from",
        "01.02.2024",
        "--until",
        "29.02.2024",
        "--uses",
        "5",
    ];
    assert_eq!(
        run(&place, &add).succeeded(),
        "coupon 1 added: Spring, 12.50 %, of book, from 2024-02-01 00:00:00 MSK, until 2024-02-29 23:59:59 MSK, used 0 of 5\n"
    );
    assert_eq!(
        json_of(&place, &["coupon", "add", "hundred", "--sum", "100"]),
        json!({"id": 2, "coupon": "hundred", "sum": "100.00", "starts": 0, "ends": 0, "uses": 0, "uses_max": 0, "goods": []})
    );
    assert_eq!(
        run(&place, &["coupon", "list"]).succeeded(),
        "     1  Spring  12.50 %, of book, from 2024-02-01 00:00:00 MSK, until 2024-02-29 23:59:59 MSK, used 0 of 5\n     \
         2  hundred  100.00, used 0\n"
    );
    says(
        &run(&place, &["coupon", "show", "SPRING"]).succeeded(),
        &["coupon: Spring\nnumber: 1\ntakes off: 12.50 %\nof: book\n"],
    );
    assert_eq!(
        run(&place, &["coupon", "set", "spring", "--until", "", "--good", "", "--sum", "7"]).succeeded(),
        "coupon 1 changed: Spring, 7.00, from 2024-02-01 00:00:00 MSK, used 0 of 5\n"
    );
    assert_eq!(
        json_of(&place, &["coupon", "show", "spring"]),
        json!({"id": 1, "coupon": "Spring", "sum": "7.00", "starts": 1_706_734_800, "ends": 0, "uses": 0, "uses_max": 5, "goods": []})
    );
    for (arguments, status, parts) in [
        (&["add", "SPRING", "--sum", "1"][..], 1, &["a coupon SPRING already", "coupon set"][..]),
        (&["add", "x"], 2, &["--percent P or --sum S"]),
        (&["add", "x", "--percent", "101"], 2, &["101"]),
        (&["add", "x", "--percent", "1", "--sum", "1"], 2, &["--sum"]),
        (&["add", "x", "--sum", "1", "--good", "bok"], 1, &["did you mean book?"]),
        (
            &["add", "x", "--sum", "1", "--from", "2024-02-02", "--until", "2024-02-01"],
            2,
            &["--from is later than"],
        ),
        (&["set", "spring"], 2, &["nothing to change"]),
        (&["set", "sprig", "--uses", "1"], 1, &["did you mean Spring?"]),
        (&["show", "zzz"], 1, &["no coupon zzz", "coupon list"]),
    ] {
        says(&run(&place, &[&["coupon"], arguments].concat()).failed(status), parts);
    }
    assert_eq!(
        run(&place, &["coupon", "remove", "HUNDRED"]).succeeded(),
        "coupon 2 removed: hundred, 100.00, used 0\n"
    );
    says(&run(&place, &["coupon", "remove", "hundred"]).failed(1), &["no coupon hundred"]);
    assert_eq!(json_of(&place, &["coupon", "add", "hundred", "--sum", "1"])["id"], 3);
}

#[test]
fn managers_partners_and_categories() {
    let place = shop();
    assert_eq!(run(&place, &["manager", "add", "Olga"]).succeeded(), "manager 1 added: Olga\n");
    assert_eq!(json_of(&place, &["manager", "add", "Пётр"]), json!({"id": 2, "name": "Пётр"}));
    assert_eq!(run(&place, &["manager", "list"]).succeeded(), "     1  Olga\n     2  Пётр\n");
    assert_eq!(run(&place, &["manager", "remove", "2"]).succeeded(), "manager 2 removed: Пётр\n");
    says(&run(&place, &["manager", "remove", "2"]).failed(1), &["no manager 2", "manager list"]);
    assert_eq!(run(&place, &["manager", "list", "--json"]).succeeded(), "{\"id\":1,\"name\":\"Olga\"}\n");
    run(&place, &["manager", "add", " "]).failed(2);

    assert_eq!(run(&place, &["partner", "add", "Boris"]).succeeded(), "partner 1 added: boris\n");
    assert_eq!(
        run(&place, &["partner", "add", "vera", "--parent", "BORIS"]).succeeded(),
        "partner 2 added: vera, brought by boris\n"
    );
    assert_eq!(
        run(&place, &["partner", "list"]).succeeded(),
        "     1  boris\n     2  vera  brought by boris\n"
    );
    assert_eq!(
        run(&place, &["partner", "list", "--json"]).succeeded(),
        "{\"id\":1,\"login\":\"boris\",\"parent\":null}\n{\"id\":2,\"login\":\"vera\",\"parent\":\"boris\"}\n"
    );
    says(&run(&place, &["partner", "add", "BORIS"]).failed(1), &["a partner boris already"]);
    says(&run(&place, &["partner", "add", "x", "--parent", "borys"]).failed(1), &["did you mean boris?"]);
    says(
        &run(&place, &["partner", "add", "x", "--parent", "zz"]).failed(1),
        &["no partner zz", "partner list"],
    );

    assert_eq!(run(&place, &["category", "add", "Books"]).succeeded(), "category 1 added: Books\n");
    assert_eq!(json_of(&place, &["category", "add", "Mugs"]), json!({"id": 2, "title": "Mugs"}));
    assert_eq!(run(&place, &["category", "list"]).succeeded(), "     1  Books\n     2  Mugs\n");
    assert_eq!(run(&place, &["category", "list", "--json"]).succeeded().lines().count(), 2);
    run(&place, &["category", "add", ""]).failed(2);
}

#[test]
fn managers_partners_and_categories_change_and_go() {
    let place = shop();
    run(&place, &["manager", "add", "Olga"]).succeeded();
    assert_eq!(run(&place, &["manager", "set", "1", "Olga P."]).succeeded(), "manager 1 changed: Olga P.\n");
    says(&run(&place, &["manager", "set", "2", "x"]).failed(1), &["no manager 2"]);

    for login in ["boris", "vera"] {
        run(&place, &["partner", "add", login]).succeeded();
    }
    let set = |parent: &str| run(&place, &["partner", "set", "VERA", "--parent", parent]);
    assert_eq!(set("boris").succeeded(), "partner 2 changed: vera, brought by boris\n");
    says(&set("vera").failed(2), &["himself"]);
    says(&set("borys").failed(1), &["did you mean boris?"]);
    assert_eq!(set("").succeeded(), "partner 2 changed: vera\n");
    set("boris").succeeded();
    assert_eq!(run(&place, &["partner", "remove", "Boris"]).succeeded(), "partner 1 removed: boris\n");
    assert_eq!(run(&place, &["partner", "list"]).succeeded(), "     2  vera\n");
    run(&place, &["partner", "remove", "vera"]).succeeded();
    assert_eq!(run(&place, &["partner", "add", "vera"]).succeeded(), "partner 3 added: vera\n");

    run(&place, &["category", "add", "Books"]).succeeded();
    run(&place, &["product", "add", "atlas", "--title", "A", "--sum", "1", "parent_id=1"]).succeeded();
    assert_eq!(run(&place, &["category", "set", "1", "Maps"]).succeeded(), "category 1 changed: Maps\n");
    assert_eq!(run(&place, &["category", "remove", "1"]).succeeded(), "category 1 removed: Maps\n");
    assert_eq!(json_of(&place, &["product", "show", "atlas"])["parent_id"], 0);
    says(&run(&place, &["category", "remove", "1"]).failed(1), &["no category 1"]);
    assert_eq!(json_of(&place, &["category", "add", "Mugs"])["id"], 2);
    place.run(&["check"]).succeeded();
}

#[test]
fn every_family_works_on_postgres() {
    let place = Place::new();
    let url = Cluster::shared().create_database().unwrap();
    let config = place.write("billhook.toml", &format!("store = \"{url}\"\n"));
    let config = config.to_str().unwrap();
    let run = |arguments: &[&str]| {
        place.run_with(arguments, &[("BILLHOOK_CONFIG", config), ("BILLHOOK_ACCOUNT", "shop")])
    };
    run(&["account", "add", "shop"]).succeeded();
    run(&["category", "add", "Books"]).succeeded();
    run(&["product", "add", "book", "--title", "B", "--sum", "90", "parent_id=1"]).succeeded();
    place.write(
        "orders.jsonl",
        "{\"id\":1,\"email\":\"anna@example.com\",\"items\":[{\"id\":1,\"sum\":\"90.00\"}]}\n",
    );
    run(&["import", "orders.jsonl"]).succeeded();
    place.write("codes", "AAA\n");
    run(&["product", "add-pincodes", "book", "codes"]).succeeded();
    run(&["product", "set", "book", "good_sum=95"]).succeeded();
    run(&["product", "delete", "book"]).succeeded();
    run(&["product", "export", "all.csv"]).succeeded();
    assert_eq!(run(&["product", "import", "all.csv"]).succeeded(), "added 0, changed 0, same 1 products\n");
    run(&["order", "pay", "1", "40"]).succeeded();
    assert_eq!(run(&["order", "set-status", "1", "paid"]).succeeded(), "order 1 is paid\n");
    run(&["order", "send", "1", "--rpo", "R1"]).succeeded();
    run(&["order", "take-back", "1"]).succeeded();
    run(&["order", "delete", "1"]).succeeded();
    run(&["order", "restore", "1"]).succeeded();
    let shown: Value = serde_json::from_str(&run(&["order", "show", "1", "--json"]).succeeded()).unwrap();
    assert_eq!(
        (&shown["received"], &shown["items"][0]["pincode"], &shown["delivery"]),
        (&json!("90.00"), &json!("AAA"), &json!("return"))
    );
    for arguments in
        [&["--paid"][..], &["--paid", "--limit", "3"], &["--limit", "3"], &["--email", "anna@example.com"]]
    {
        assert_eq!(
            run(&[&["order", "list"], arguments].concat()).succeeded().lines().count(),
            1,
            "{arguments:?}"
        );
    }
    assert_eq!(run(&["product", "list", "--all"]).succeeded().lines().count(), 1);
    says(&run(&["product", "pincodes", "book"]).succeeded(), &["AAA  order 1"]);
    run(&["coupon", "add", "spring", "--sum", "5", "--good", "book"]).succeeded();
    run(&["coupon", "set", "spring", "--percent", "5"]).succeeded();
    says(&run(&["coupon", "list"]).succeeded(), &["5.00 %, of book"]);
    run(&["coupon", "remove", "spring"]).succeeded();
    run(&["manager", "add", "Olga"]).succeeded();
    run(&["manager", "remove", "1"]).succeeded();
    assert_eq!(run(&["manager", "add", "Olga"]).succeeded(), "manager 2 added: Olga\n");
    run(&["partner", "add", "boris"]).succeeded();
    run(&["partner", "add", "vera", "--parent", "boris"]).succeeded();
    assert_eq!(run(&["partner", "list"]).succeeded().lines().count(), 2);
    assert_eq!(run(&["category", "list"]).succeeded(), "     1  Books\n");
    run(&["check"]).succeeded();
    let unknown = run(&["order", "show", "9"]).failed(1);
    assert_eq!(
        unknown,
        "there is no order 9: `billhook order list --account shop --limit 10` shows the last ones"
    );
}
