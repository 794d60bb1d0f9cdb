//! Moves data by export and import, and what a bad line does.

use crate::program::{DEMO_KEY, run, succeed, write};

#[test]
fn an_export_imports_to_the_same_store() {
    let place = tempfile::tempdir().unwrap();
    for login in ["one", "two", "three"] {
        succeed(place.path(), &["account", "add", login, "--key", DEMO_KEY]);
    }
    succeed(place.path(), &["generate", "--account", "one", "--orders", "1500", "--customers", "100"]);
    // The catalogue's and the order's titles differ; the text needs quoting in CSV.
    let hard = concat!(
        r#"{"id":900001,"email":"A@b.c","comment":"a \"quoted\"; line\r\nand, =more ","items":[{"id":7000001,"good_name":"n","good_title":"First","sum":"1.00","price":"2.00"}]}"#,
        "\n",
        r#"{"id":900000,"email":"a@b.c","is_recurrent":true,"items":[{"id":7000001,"good_name":"n","good_title":" Second","sum":"1.00","pincode":"01"}]}"#,
        "\n"
    );
    let file = write(place.path(), "hard.jsonl", hard);
    succeed(place.path(), &["import", "--account", "one", file.to_str().unwrap()]);
    for (format, to) in [("jsonl", "two"), ("csv", "three")] {
        let path = place.path().join(format!("export.{format}"));
        let path = path.to_str().unwrap();
        succeed(place.path(), &["export", "--account", "one", path]);
        let added = succeed(place.path(), &["import", "--account", to, "--json", path]);
        let added: serde_json::Value = serde_json::from_str(&added).unwrap();
        assert_eq!(
            (&added["added"], &added["changed"], &added["same"]),
            (&1502.into(), &0.into(), &0.into())
        );
        for format in ["jsonl", "csv"] {
            let export = |login| succeed(place.path(), &["export", "--account", login, "--format", format]);
            assert!(export("one") == export(to), "{format} of {to} differs");
        }
        let again = succeed(place.path(), &["import", "--account", to, "--json", path]);
        let again: serde_json::Value = serde_json::from_str(&again).unwrap();
        assert_eq!(
            (&again["added"], &again["changed"], &again["same"]),
            (&0.into(), &0.into(), &1502.into())
        );
    }
    succeed(place.path(), &["check"]);
}

#[test]
fn a_bad_line_keeps_nothing_and_is_named() {
    let place = tempfile::tempdir().unwrap();
    succeed(place.path(), &["account", "add", "one", "--key", DEMO_KEY]);
    let good = r#"{"id":1,"email":"a@b.c","items":[{"id":1,"good_name":"n","sum":"1.00"}]}"#;
    for (bad, expected) in [
        ("{\"id\":2,\"email\":\"a@b.c\"", "line 2"),
        (r#"{"id":2,"email":"nobody","items":[{"id":1}]}"#, "line 2"),
        (r#"{"id":2,"email":"a@b.c","items":[]}"#, "line 2"),
        (r#"{"id":2,"emial":"a@b.c","items":[{"id":1}]}"#, "email"),
        (r#"{"id":1,"email":"a@b.c","items":[{"id":1}]}"#, "line 2"),
        (r#"{"id":2,"email":"a@b.c","items":[{"id":2,"good_name":"n"}]}"#, "line 2"),
        (r#"{"id":2,"email":"a@b.c","pay_status":"Paid","items":[{"id":1}]}"#, "line 2"),
    ] {
        let file = write(place.path(), "orders.jsonl", &format!("{good}\n{bad}\n"));
        let output = run(place.path(), &["import", "--account", "one", file.to_str().unwrap()]);
        let text = output.stderr;
        assert_eq!(output.status, Some(1), "{bad}: {text}");
        assert!(text.contains(expected), "{bad}: {text}");
        assert_eq!(succeed(place.path(), &["export", "--account", "one"]), "", "{bad}");
    }
    let mut bytes = good.as_bytes().to_vec();
    bytes.extend_from_slice(b"\n{\"id\":2,\"email\":\"a@b.c\",\"tag\":\"\xff\",\"items\":[{\"id\":1}]}\n");
    let file = place.path().join("bytes.jsonl");
    std::fs::write(&file, bytes).unwrap();
    let output = run(place.path(), &["import", "--account", "one", file.to_str().unwrap()]);
    assert_eq!(output.status, Some(1));
    assert!(output.stderr.contains("line 2"));
    let skipped =
        succeed(place.path(), &["import", "--account", "one", "--skip-bad", file.to_str().unwrap()]);
    assert!(skipped.contains("added 1"), "{skipped}");
}
