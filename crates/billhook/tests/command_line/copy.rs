//! `billhook copy` and `billhook migrate` between folders. The contract tests cover databases.

use super::{Place, says};

#[test]
fn a_store_is_copied_once_and_compared() {
    let place = Place::new();
    let key = place.account("shop");
    place.run(&["generate", "--account", "shop", "--orders", "300"]);
    says(
        &place.run(&["copy", "billhook-data", "new"]).succeeded(),
        &[
            "new: 300 orders of 1 account",
            "compared",
            "nothing is sent from it until `billhook outbox resume`",
        ],
    );
    says(
        &place.run(&["outbox", "show", "--data", "new"]).succeeded(),
        &["paused: this store is a copy of billhook-data;"],
    );
    let exported = |data: &str| place.run(&["export", "--account", "shop", "--data", data]).stdout;
    assert!(!exported("new").is_empty());
    assert_eq!(exported("new"), exported("billhook-data"));
    let shown = place.run(&["account", "show", "shop", "--reveal-key", "--data", "new"]).succeeded();
    says(&shown, &[&key]);

    // Folder names that look like URLs.
    place.run(&["copy", "new", "postgres-old"]).succeeded();
    place.run(&["copy", "postgres-old", "postgresql"]).succeeded();
    assert!(place.path("postgresql").is_dir());
    let line = place.run(&["copy", "new", "postgres:anna:sesame@db.example/shop"]).failed(2);
    assert!(!line.contains("sesame"), "{line}");
    says(&place.run(&["copy", "new", ""]).failed(2), &["postgres://USER@HOST/DATABASE"]);

    says(&place.run(&["copy", "billhook-data", "new"]).failed(1), &["new holds a store already", "another"]);
    says(&place.run(&["copy", "new", "new"]).failed(1), &["into itself"]);
    says(&place.run(&["copy", "nowhere", "newer"]).failed(1), &["no store in nowhere"]);
    assert!(!place.path("newer").exists(), "nothing was made for nothing");
    let serving = place.serve(&[]);
    says(&place.run(&["copy", "billhook-data", "newer"]).failed(1), &["billhook serve", "billhook-data"]);
    drop(serving);

    let report = place.run(&["copy", "sqlite:billhook-data", "sqlite:newer", "--json"]).succeeded();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!((&report["orders"], &report["outbox_paused"]), (&300.into(), &true.into()));
    assert_eq!(report["digests"][0]["account_id"], 1);
    assert_eq!(report["digests"][0]["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn a_store_that_is_up_to_date_says_so() {
    let place = Place::new();
    says(&place.run(&["migrate"]).failed(1), &["no data folder", "billhook account add"]);
    place.account("shop");
    let report = place.run(&["migrate", "--json"]).succeeded();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let known = report["known"].as_u64().unwrap();
    assert_eq!(report["version"], known);
    let told = format!("up to date (store version {known})");
    says(&place.run(&["migrate", "--dry-run"]).succeeded(), &[&told]);
}
