//! What `import`, `export` and `generate` say, and where.

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
    assert_eq!(report, "{\"file\":\"out.csv\",\"orders\":1,\"products\":2}\n");
    let file = std::fs::read_to_string(place.path("out.jsonl")).unwrap();
    // Where the records go, no report goes.
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

/// A long command lets a server beside it go first, with all its threads.
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
    // It has opened the store once there is the writer's thread, and waits for its input.
    let seen = loop {
        let seen = threads(&process);
        if seen.iter().any(|(name, _)| name == "store-writer") || since.elapsed() > PATIENCE {
            break seen;
        }
        thread::sleep(Duration::from_millis(10));
    };
    drop(import.stdin.take());
    import.wait().unwrap();
    // The thread that waits for signals has nothing to do.
    let mut at_work = seen.iter().filter(|(name, _)| !name.starts_with("billhook-interr"));
    assert!(seen.len() > 1 && at_work.all(|(_, nice)| *nice == expected), "{seen:?}, not {expected}");
}
