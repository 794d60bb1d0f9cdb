//! Contacts, groups and subscriptions in the files of `import` and `export`.

use billhook_test_kit::Cluster;

use super::{Place, says};

/// An export as this program writes it.
const WHOLE: &str = r#"{"group":{"rass_id":2,"rass_name":"news","rass_title":"News","kind":"open","created":5}}
{"group":{"rass_id":5,"rass_name":"buyers","rass_title":"buyers","kind":"auto","created":6}}
{"contact":{"id":3,"email":"Anna@Example.com","created":7,"changed":9,"manager":1,"first_name":"Anna","phone":"+7 999","city":"","tags":["a,b","vip"],"subscriptions":[{"group":"news","status":"STATUS_SUBSCRIBE","at":7,"method":"AddLeadToGroup","address":"192.0.2.1","activation":"1","doneurl":"https://a"},{"group":"buyers","status":"STATUS_UNSUBSCRIBE","at":8}],"history":[{"at":7,"method":"AddLeadToGroup","address":"192.0.2.1","what":"added"},{"at":7,"what":"tag added","detail":"vip"},{"at":7,"what":"tag added","detail":"vip"}]}}
{"contact":{"id":4,"created":8,"changed":8,"phone":"+7 998","history":[{"at":8,"what":"added"}]}}
{"contact":{"id":9,"email":"boris@example.com","created":8,"changed":8,"history":[{"at":8,"what":"added"}]}}
"#;

fn whole() -> String {
    WHOLE.replace(r#","city":"""#, "")
}

fn run(place: &Place, arguments: &[&str]) -> String {
    place.run(&[arguments, &["--account", "shop"]].concat()).succeeded()
}

fn shop() -> Place {
    let place = Place::new();
    place.account("shop");
    place
}

fn import(place: &Place, text: &str, rest: &[&str]) -> String {
    let name = if rest.contains(&"--contacts") { "in.csv" } else { "in.jsonl" };
    place.write(name, text);
    run(place, &[&["import", name], rest].concat())
}

#[test]
fn an_import_of_an_export_is_the_same_on_each_engine() {
    let same = "added 0, changed 0, same 0 orders; 0 products added\n";
    let (folder, database) = (shop(), Place::new());
    let url = Cluster::shared().create_database().unwrap();
    database.write("billhook.toml", &format!("store = \"{url}\"\n"));
    database.write("in.jsonl", WHOLE);
    let dry = import(&folder, WHOLE, &["--dry-run"]);
    says(&dry, &["; 3 contacts added, 0 changed; 2 other entries added, 0 changed\n"]);
    assert_eq!(run(&folder, &["export"]), "");
    import(&folder, WHOLE, &[]);
    assert_eq!(run(&folder, &["export"]), whole());
    assert_eq!(import(&folder, &whole(), &[]), same);
    assert_eq!(run(&folder, &["export", "out.jsonl"]), "out.jsonl: 0 orders, 0 products, 3 contacts\n");

    let config = [("BILLHOOK_CONFIG", "billhook.toml"), ("BILLHOOK_ACCOUNT", "shop")];
    let run = |arguments: &[&str]| database.run_with(arguments, &config).succeeded();
    run(&["account", "add", "shop"]);
    run(&["import", "in.jsonl"]);
    assert_eq!(run(&["export"]), whole());
    assert_eq!(run(&["import", "in.jsonl"]), same);
    assert_eq!(run(&["export"]), whole());
    run(&["check"]);
}

/// An import adds to what is there, and takes nobody back who has left.
#[test]
fn who_left_a_group_stays_out() {
    let place = shop();
    import(&place, WHOLE, &[]);
    let file = r#"{"group":{"rass_id":9,"rass_name":"news","rass_title":"Новости","kind":"auto"}}
{"group":{"rass_id":5,"rass_name":"sale"}}
{"contact":{"id":4,"email":"ANNA@example.com","created":1,"phone":"","last_name":"K","tags":["new","vip"],"subscriptions":[{"group":"buyers","status":"STATUS_SUBSCRIBE"},{"group":"sale","at":4,"method":"form"}],"history":[{"at":3,"what":"seen"}]}}
{"contact":{"id":5,"phone":"+7 998"}}
{"contact":{"id":9,"email":"new@example.com"}}
"#;
    let said = "added 0, changed 0, same 0 orders; 0 products added; 2 contacts added, 1 changed; \
                1 subscription kept unsubscribed; 1 other entries added, 1 changed\n";
    assert_eq!(import(&place, file, &["--dry-run"]), format!("dry run, nothing was written: {said}"));
    assert_eq!(import(&place, file, &[]), said);
    let now = run(&place, &["export"]);
    says(
        &now,
        &[
            r#"{"rass_id":2,"rass_name":"news","rass_title":"Новости","kind":"auto","created":5}"#,
            r#"{"rass_id":6,"rass_name":"sale","rass_title":"sale","kind":"open","#,
            r#""id":3,"email":"Anna@Example.com","created":7,"#,
            r#""first_name":"Anna","last_name":"K","phone":"+7 999","tags":["a,b","new","vip"],"#,
            r#"{"group":"buyers","status":"STATUS_UNSUBSCRIBE","at":8},{"group":"sale","status":"STATUS_SUBSCRIBE","at":4,"method":"form"}]"#,
            r#""history":[{"at":3,"what":"seen"},{"at":7,"#,
            r#""method":"import","what":"changed"}"#,
            r#""method":"import","what":"tag added","detail":"new"}"#,
            r#""method":"import","what":"subscribed","detail":"sale"}"#,
            r#"{"contact":{"id":5,"#,
            r#"{"contact":{"id":10,"email":"new@example.com","#,
        ],
    );
    // Once more it changes nothing.
    let again = "added 0, changed 0, same 0 orders; 0 products added; 1 subscription kept unsubscribed\n";
    assert_eq!(import(&place, file, &[]), again);
    assert_eq!(run(&place, &["export"]), now);
    let json = import(&place, file, &["--json", "--dry-run"]);
    says(&json, &[r#""contacts_added":0,"contacts_changed":0,"kept_unsubscribed":1"#]);
}

#[test]
fn contacts_in_csv() {
    let place = shop();
    let file =
        "Email;first_name;phone;tags;groups\nanna@example.com;Anna;7999;vip, b;\"news,sale\"\n;;7998;;\n";
    let said = import(&place, file, &["--contacts"]);
    says(&said, &["; 2 contacts added, 0 changed\n"]);
    let whole = run(&place, &["export"]);
    says(
        &whole,
        &[
            r#"{"group":{"rass_id":1,"rass_name":"news","rass_title":"news","kind":"open","#,
            r#""first_name":"Anna","phone":"7999","tags":["b","vip"],"subscriptions":[{"group":"news","status":"STATUS_SUBSCRIBE","#,
            r#""method":"import","what":"added"}]"#,
        ],
    );
    assert_eq!(
        run(&place, &["export", "--contacts", "out.csv"]),
        "out.csv: 0 orders, 0 products, 2 contacts\n"
    );
    let csv = std::fs::read_to_string(place.path("out.csv")).unwrap();
    says(
        &csv,
        &[
            "id,email,created,changed,manager,first_name,",
            "\n1,anna@example.com,",
            ",\"b,vip\",\"news,sale\"\n",
        ],
    );
    let other = shop();
    says(&import(&other, &csv, &["--contacts"]), &["; 2 contacts added, 0 changed\n"]);
    assert_eq!(run(&other, &["export", "--contacts", "--format", "csv"]), csv);
    for place in [&place, &other] {
        let same = "added 0, changed 0, same 0 orders; 0 products added\n";
        assert_eq!(import(place, &csv, &["--contacts"]), same);
    }
}

#[test]
fn who_was_erased_stays_away_with_the_orders_of_each_file() {
    let place = shop();
    let file = r#"{"id":1,"email":"Anna@example.com","first_name":"Anna","pay_status":"paid","items":[{"id":1,"good_name":"book","sum":"5.00"}],"payments":[{"sum":"5.00","received":7}]}
{"id":2,"email":"boris@example.com","first_name":"Boris","items":[{"id":1,"sum":"5.00"}]}
"#;
    import(&place, file, &[]);
    run(&place, &["contact", "erase", "anna@example.com", "--yes"]);
    let erased = run(&place, &["export"]);
    let told = |order: &str| format!("; {order} without personal data, because the person was erased\n");
    says(&import(&place, file, &[]), &["changed 0, same 2 orders", &told("1 order")]);
    assert_eq!(run(&place, &["export"]), erased);
    let more = file.replace("\"id\":2", "\"id\":4") + &file.replace("\"id\":1,\"email", "\"id\":3,\"email");
    let said = ["added 2, changed 0, same 2 orders", &told("2 orders")];
    says(&import(&place, &more, &["--dry-run"]), &said);
    assert_eq!(run(&place, &["export"]), erased);
    says(&import(&place, &more, &[]), &said);
    let now = run(&place, &["export"]);
    assert!(!now.to_lowercase().contains("anna"), "{now}");
    assert_eq!((now.matches("\"sum\":\"5.00\"").count(), now.matches("Boris").count()), (6, 2), "{now}");
    // An order since then is the person's, and stays so.
    run(&place, &["order", "add", "--email", "anna@example.com", "--good", "book"]);
    let since = run(&place, &["export"]);
    says(&since, &["anna@example.com"]);
    assert_eq!(import(&place, &since, &[]), "added 0, changed 0, same 5 orders; 0 products added\n");
    assert_eq!(run(&place, &["export"]), since);
    place.run(&["check"]).succeeded();
}

#[test]
fn a_contact_that_can_not_be_is_refused_with_line_and_field() {
    let place = shop();
    for (line, why) in [
        (r#"{"contact":{}}"#, "`contact`: `email` is missing"),
        (r#"{"contact":{"email":"anna"}}"#, "`contact`: `email`: "),
        (r#"{"contact":{"email":"ANNA@b"}}"#, "`contact`: `email`: this e-mail is in the file already"),
        (r#"{"contact":{"id":1,"email":"b@b"}}"#, "`contact`: `id`: contact 1 is in the file already"),
        (r#"{"contact":{"id":9007199254740993}}"#, "`contact`: `id`: a number up to 9007199254740992"),
        (r#"{"group":{"rass_name":"x","rass_id":9007199254740993}}"#, "`group`: `rass_id`: a number up to"),
        (r#"{"contact":{"id":0}}"#, "`contact`: `id`: a number from 1"),
        (r#"{"contact":{"id":2,"created":-1}}"#, "`contact`: `created`: "),
        (r#"{"contact":{"id":2,"frist_name":"x"}}"#, "did you mean `first_name`?"),
        (r#"{"contact":{"id":2,"city":["x"]}}"#, "`contact`: `city`: "),
        (r#"{"contact":{"id":2,"tags":"x"}}"#, "`contact`: `tags`: a list is expected"),
        (r#"{"contact":{"id":2,"tags":["x"," "]}}"#, "`contact`: `tags`: tag 2: it is empty"),
        (
            r#"{"contact":{"id":2,"subscriptions":[{"group":"gone"}]}}"#,
            "`contact`: `subscriptions`: group \"gone\" is not there: describe it in an earlier line",
        ),
        (
            r#"{"contact":{"id":2,"subscriptions":[{"group":"news","status":"ON"}]}}"#,
            "`subscriptions`: subscription 1: `status`: one of STATUS_WAIT, ",
        ),
        (
            r#"{"contact":{"id":2,"subscriptions":[{"group":"news"},{"group":"news"}]}}"#,
            "`subscriptions`: group \"news\" is named twice",
        ),
        (r#"{"contact":{"id":2,"history":[{"what":"x"}]}}"#, "`history`: line 1: `at` is missing"),
        (r#"{"contact":{"id":2},"id":3}"#, "holds nothing else"),
        (r#"{"group":{}}"#, "`group`: `rass_name` is missing"),
        (r#"{"group":{"rass_name":"a,b"}}"#, "`group`: `rass_name`: a group's name has no comma"),
        (r#"{"group":{"rass_name":"allleads"}}"#, "`group`: `rass_name`: allleads is reserved"),
        (r#"{"group":{"rass_name":"news"}}"#, "group \"news\" is in the file already"),
        (r#"{"group":{"rass_name":"x","kind":"shut"}}"#, "`group`: `kind`: open or auto is expected"),
    ] {
        let before = r#"{"group":{"rass_name":"news"}}
{"contact":{"id":1,"email":"anna@b"}}
"#;
        place.write("in.jsonl", &format!("{before}{line}\n"));
        let done = place.run(&["import", "--account", "shop", "in.jsonl"]);
        let is_told = done.stderr.starts_with("line 3: ") && done.stderr.contains(why);
        assert!(done.status == Some(1) && is_told, "{line}: {done:?}");
    }
    for (file, why) in [
        ("email,tag\na@b,x\n", "line 1: unknown column \"tag\" (did you mean `tags`?)"),
        ("email,email\na@b,x\n", "line 1: the column `email` occurs twice"),
        ("email,phone\na@b,1\nb,2\n", "line 3: `email`: "),
        ("email,groups\na@b,\"x,allleads\"\n", "line 2: `groups`: allleads is reserved"),
        ("email,phone\na@b\n", "line 2: the row has 1 cells, the header has 2"),
        ("", "the file is empty"),
    ] {
        place.write("in.csv", file);
        let done = place.run(&["import", "--account", "shop", "--contacts", "in.csv"]);
        assert!(done.status == Some(1) && done.stderr.contains(why), "{file}: {done:?}");
    }
    place.run(&["import", "--account", "shop", "--contacts", "in.jsonl"]).failed(2);
    place.run(&["export", "--account", "shop", "--contacts"]).failed(2);
    assert_eq!(run(&place, &["export"]), "");
}
