//! The output of `import`, `export` and `generate`, and where it goes.

use std::{
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use super::{PATIENCE, Place};

const ORDER: &str = r#"{"id":1,"email":"a@b","items":[{"id":7,"good_name":"book"}]}"#;

#[test]
fn an_export_to_a_file_says_what_it_wrote() {
    let place = Place::new();
    place.account("shop");
    let product = r#"{"product":{"id":8,"good_name":"disc"}}"#;
    place.write("in.jsonl", &format!("{ORDER}\n{product}\n"));
    place.run(&["import", "--account", "shop", "in.jsonl"]).succeeded();
    let export = |rest: &[&str]| place.run(&[&["export", "--account", "shop"], rest].concat()).succeeded();
    assert_eq!(export(&["out.jsonl"]), "out.jsonl: 1 order, 2 products\n");
    let report = export(&["--json", "out.csv"]);
    assert_eq!(report, "{\"file\":\"out.csv\",\"orders\":1,\"products\":2,\"contacts\":0}\n");
    let file = std::fs::read_to_string(place.path("out.jsonl")).unwrap();
    // A report never goes where the records go.
    for rest in [&[][..], &["--json"], &["-"], &["/dev/stdout"]] {
        assert_eq!(export(rest), file, "{rest:?}");
    }
}

#[test]
fn an_import_of_nothing_warns() {
    let place = Place::new();
    place.account("shop");
    for (name, text) in [("empty.jsonl", "\n"), ("header.csv", "id,email,item_id\n")] {
        place.write(name, text);
        let done = place.run(&["import", "--account", "shop", name]);
        assert_eq!(done.status, Some(0));
        assert_eq!(done.stderr, format!("billhook: warning: {name} holds no orders\n"));
        assert_eq!(done.stdout, "added 0, changed 0, same 0 orders; 0 products added\n");
    }
    place.write("bad.jsonl", "x\n");
    let done = place.run(&["import", "--account", "shop", "--skip-bad", "bad.jsonl"]);
    assert_eq!((done.status, done.stdout.as_str()), (Some(1), ""));
    let said = "billhook: nothing was imported: bad.jsonl holds 1 bad record and no good one\n";
    assert!(done.stderr.ends_with(said), "{}", done.stderr);
}

#[test]
fn generate_says_its_rate_last() {
    let place = Place::new();
    place.account("shop");
    let mut command = place.command(&["generate", "--account", "shop", "--orders", "1", "--products", "1"]);
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut child = command.stdout(writer.try_clone().unwrap()).stderr(writer).spawn().unwrap();
    drop(command);
    let mut said = String::new();
    std::io::Read::read_to_string(&mut reader, &mut said).unwrap();
    assert!(child.wait().unwrap().success());
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[0], "made 1 order, 1; 1 product added");
    assert!(lines.len() == 2 && lines[1].ends_with(" orders a second"), "{said}");
}

/// All threads of a long command have a lower priority than a server's.
#[test]
fn an_import_runs_at_a_lower_priority() {
    /// Each thread's name and niceness.
    fn threads(process: &str) -> Vec<(String, i32)> {
        let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
        let stats = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("stat")).ok());
        let thread = |stat: String| {
            let (name, rest) = stat.rsplit_once(')').unwrap();
            let nice = rest.split_whitespace().nth(16).unwrap().parse().unwrap();
            (name.split_once('(').unwrap().1.to_owned(), nice)
        };
        stats.map(thread).collect()
    }
    let place = Place::new();
    place.account("shop");
    let mut command = place.command(&["import", "--account", "shop", "--format", "jsonl", "-"]);
    let mut import = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let expected = (threads("self")[0].1 + 10).min(19);
    let since = Instant::now();
    let process = import.id().to_string();
    // The thread that waits for signals is idle. It has its name only when it runs.
    let is_low = |seen: &[(String, i32)]| {
        let mut at_work = seen.iter().filter(|(name, _)| !name.starts_with("billhook-interr"));
        at_work.all(|(_, nice)| *nice == expected)
    };
    // The writer's thread shows that the store is open; then the command waits for input.
    let seen = loop {
        let seen = threads(&process);
        let is_open = seen.iter().any(|(name, _)| name == "store-writer");
        if is_open && is_low(&seen) || since.elapsed() > PATIENCE {
            break seen;
        }
        thread::sleep(Duration::from_millis(10));
    };
    drop(import.stdin.take());
    import.wait().unwrap();
    assert!(seen.len() > 1 && is_low(&seen), "{seen:?}, not {expected}");
}

/// An export of an account with one of everything, imported into an empty folder, gives the same account.
#[test]
fn an_export_in_json_lines_is_the_whole_account() {
    let place = Place::new();
    place.account("shop");
    place.run(&["account", "bind", "shop", "pay.shop.example"]).succeeded();
    place.run(&["account", "set", "shop", "time_zone=UTC", "rate=600"]).succeeded();
    place.write("codes", "AAA\nBBB\n");
    place.write("in.jsonl", r#"{"id":1,"email":"a@b","items":[{"id":7,"good_name":"book","sum":"100"}]}"#);
    for arguments in [
        &["import", "in.jsonl"][..],
        &["category", "add", "Книги"],
        &["manager", "add", "Olga"],
        &["partner", "add", "boris"],
        &["partner", "add", "vera", "--parent", "boris"],
        &["coupon", "add", "Spring", "--percent", "12.5", "--good", "book", "--until", "2030-02-28"],
        &["coupon", "add", "ten", "--sum", "10", "--uses", "5"],
        &["product", "add-pincodes", "book", "codes"],
        &["order", "pay", "1", "100"],
        &["export", "--settings", "whole.jsonl"],
    ] {
        place.run(&[arguments, &["--account", "shop"]].concat()).succeeded();
    }
    let whole = std::fs::read_to_string(place.path("whole.jsonl")).unwrap();
    let expected = r#"{"settings":{"rate":"600","time_zone":"UTC"}}
{"category":{"id":1,"title":"Книги"}}
{"personal_manager":{"id":1,"name":"Olga"}}
{"partner":{"id":1,"login":"boris"}}
{"partner":{"id":2,"login":"vera","parent_id":1}}
ORDER
{"coupon":{"id":1,"coupon":"Spring","percent":"12.50","ends":1898553599,"goods":[7]}}
{"coupon":{"id":2,"coupon":"ten","sum":"10.00","uses_max":5}}
{"pincode":{"good_id":7,"pincode":"BBB"}}
"#;
    let order = whole.lines().find(|line| line.starts_with("{\"id\":1,")).unwrap();
    assert_eq!(whole, expected.replace("ORDER", order));
    assert!(order.contains(r#""pincode":"AAA""#), "{order}");

    let other = Place::new();
    other.account("shop");
    other.write("whole.jsonl", &whole);
    let import = |rest: &[&str]| other.run(&[&["import", "--account", "shop", "whole.jsonl"], rest].concat());
    let dry = import(&["--dry-run", "--settings"]).succeeded();
    assert!(
        dry.contains("added 1, changed 0, same 0 orders; 1 product added; 7 other entries added, 1 changed"),
        "{dry}"
    );
    import(&["--settings"]).succeeded();
    let export = |place: &Place, rest: &[&str]| {
        place.run(&[&["export", "--account", "shop"], rest].concat()).succeeded()
    };
    assert_eq!(export(&other, &["--settings"]), whole);
    let again = import(&["--settings"]).succeeded();
    assert_eq!(again, "added 0, changed 0, same 1 order; 0 products added\n");
    let account = other.run(&["account", "show", "shop"]).succeeded();
    assert!(!account.contains("pay.shop.example"), "domains stay where they are: {account}");

    // Without the option on both sides the settings are left out, with a message.
    assert!(!export(&place, &[]).contains("settings"));
    let third = Place::new();
    third.account("shop");
    third.write("whole.jsonl", &whole);
    let done = third.run(&["import", "--account", "shop", "whole.jsonl"]);
    assert!(done.status == Some(0) && done.stderr.contains("add --settings to take them"), "{done:?}");
    assert_eq!(export(&third, &["--settings"]), whole.replacen(r#""rate":"600","time_zone":"UTC""#, "", 1));
    third.run(&["export", "--account", "shop", "--settings", "a.csv"]).failed(2);
}

#[test]
fn an_entry_that_can_not_be_is_refused_with_its_line() {
    let place = Place::new();
    place.account("shop");
    for (line, why) in [
        (r#"{"category":{"id":0,"title":"x"}}"#, "`id` is a number from 1 up"),
        (r#"{"category":{"id":1}}"#, "missing field `title`"),
        (r#"{"category":{"id":1,"title":" "}}"#, "`category`"),
        (r#"{"personal_manager":{"id":1,"name":"x","age":3}}"#, "unknown field `age`"),
        (r#"{"coupon":{"id":1,"coupon":"x"}}"#, "either `percent` or `sum`"),
        (r#"{"coupon":{"id":1,"coupon":"x","percent":"101"}}"#, "`coupon`"),
        (r#"{"coupon":{"id":1,"coupon":"x","sum":"1","uses":-1}}"#, "from 0 up"),
        (r#"{"coupon":{"id":1,"coupon":"x","sum":"1","goods":[9]}}"#, "product 9 is not in the catalogue"),
        (r#"{"pincode":{"good_id":9,"pincode":"x"}}"#, "product 9 is not in the catalogue"),
        (r#"{"settings":{"rate":"-1"}}"#, "rate"),
        (r#"{"partner":{"id":2,"login":"vera"}}"#, "numbers 2 and 1 have the same login"),
        (r#"{"category":{"id":1,"title":"x"},"id":1}"#, "holds nothing else"),
    ] {
        place.write("in.jsonl", &format!("{{\"partner\":{{\"id\":1,\"login\":\"Vera\"}}}}\n{line}\n"));
        let done = place.run(&["import", "--account", "shop", "--settings", "in.jsonl"]);
        let is_told = done.stderr.starts_with("line 2: ") && done.stderr.contains(why);
        assert!(done.status == Some(1) && is_told, "{line}: {done:?}");
    }
    assert_eq!(place.run(&["export", "--account", "shop"]).succeeded(), "");
}
