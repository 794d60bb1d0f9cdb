//! Stores as every version of their tables had them: each is brought up to date, is sound, and exports what it exported then.
//!
//! `stores/` has of each version a data folder's file, a dump of a database, and the export that the program of that time wrote of
//! either. `BILLHOOK_WRITE=1 cargo test --test upgrade` adds those of a new version; what is there is never written anew.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets a fault shall stop"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use billhook_postgres_cluster::Cluster;

/// The account in each store, and its key.
const LOGIN: &str = "shop";
const KEY: &str = "0123456789abcdef0123456789abcdef";

/// What every kind of order and product looks like, beside those that `generate` makes.
const ORDERS: &str = r#"{"product":{"id":900,"good_name":"kept","good_title":"Уже не продаётся","sum":"10.00","good_deleted":true,"good_pay_text":"Hi"}}
{"id":1001,"email":"Anna+1@Example.com","pay_status":"paid","created":1577880000,"paid":1577883600,"comment":"a \"b\"\n, c","utm_source":"x","affiliates":"p","note":"n","payments":[{"sum":"3900.00","received":1577883600},{"sum":"-1.00","received":1577890000}],"items":[{"id":901,"good_name":"parcel","good_title":"Посылка","sum":"3900.00","price":"4000.00","pincode":"PIN","partner_fee":"1.00"}]}
{"id":1002,"email":"","pay_status":"waiting","created":1577880001,"deleted":1577890000,"kill_at":1577880002,"delivery":"sent","sent":1577880003,"confirmed":true,"manager":3,"items":[{"id":900},{"id":901,"sum":"0.01"}]}
"#;

fn stores() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upgrade/stores")
}

/// Runs the program on a store; what it printed.
#[track_caller]
fn billhook(store: &[&str], arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_billhook"))
        .args(store)
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

/// Unpacks a file of `stores/`.
fn unpacked(name: &str) -> Vec<u8> {
    let output = Command::new("gzip").arg("-dc").arg(stores().join(name)).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Packs a file into `stores/`.
fn pack(file: &Path, name: &str) {
    assert!(Command::new("gzip").args(["-n9"]).arg(file).status().unwrap().success());
    fs::rename(
        file.with_file_name(format!("{}.gz", file.file_name().unwrap().display())),
        stores().join(name),
    )
    .unwrap();
}

/// The version of the tables that this program makes.
fn known() -> usize {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().to_str().unwrap();
    billhook(&["--data", data], &["account", "add", LOGIN]);
    let told = billhook(&["--data", data], &["migrate", "--dry-run", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    usize::try_from(told["known"].as_u64().unwrap()).unwrap()
}

/// Every version, up to the one of this program.
fn versions() -> std::ops::RangeInclusive<usize> {
    1..=known()
}

/// A store of that version becomes one of today, and nothing of it is lost.
#[track_caller]
fn comes_up_to_date(store: &[&str], version: usize) {
    let newest = known();
    let told = billhook(store, &["migrate", "--dry-run"]);
    let expected = if version == newest {
        format!("up to date (store version {version})")
    } else {
        format!("from store version {version} to {newest}")
    };
    assert!(told.contains(&expected), "{told}");
    let export = fs::read_to_string(stores().join(format!("v{version}.jsonl"))).unwrap();
    // The first command that opens the store does it.
    assert_eq!(billhook(store, &["export", "--account", LOGIN]), export, "version {version}");
    assert!(billhook(store, &["check"]).contains("sound"));
    assert!(billhook(store, &["account", "show", LOGIN, "--reveal-key"]).contains(KEY));
    // And it is one to work on.
    billhook(store, &["generate", "--account", LOGIN, "--orders", "5"]);
    assert!(billhook(store, &["check"]).contains("sound"));
}

#[test]
fn every_version_of_a_folder() {
    for version in versions() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("billhook.db"), unpacked(&format!("v{version}.db.gz"))).unwrap();
        comes_up_to_date(&["--data", place.path().to_str().unwrap()], version);
    }
}

#[test]
fn every_version_of_a_database() {
    for version in versions() {
        let url = Cluster::shared().create_database().unwrap();
        let database = url.rsplit_once('/').unwrap().1;
        let dump = String::from_utf8(unpacked(&format!("v{version}.sql.gz"))).unwrap();
        Cluster::shared().sql(database, &dump).unwrap();
        comes_up_to_date(&["--store", &url], version);
    }
}

#[test]
fn this_version_is_kept_for_those_that_come() {
    let name = |end: &str| format!("v{}.{end}", known());
    let missing = ["db.gz", "sql.gz", "jsonl"].into_iter().any(|end| !stores().join(name(end)).exists());
    if !missing {
        return;
    }
    assert!(
        std::env::var_os("BILLHOOK_WRITE").is_some(),
        "the tables have a new version: BILLHOOK_WRITE=1 cargo test --test upgrade keeps a store of it"
    );
    let place = tempfile::tempdir().unwrap();
    let orders = place.path().join("orders.jsonl");
    fs::write(&orders, ORDERS).unwrap();
    let fill = |store: &[&str]| {
        billhook(store, &["account", "add", LOGIN, "--key", KEY]);
        billhook(store, &["generate", "--account", LOGIN, "--orders", "50", "--products", "8"]);
        billhook(store, &["import", "--account", LOGIN, orders.to_str().unwrap()]);
        billhook(store, &["export", "--account", LOGIN])
    };
    let data = place.path().join("data");
    let export = fill(&["--data", data.to_str().unwrap()]);
    assert!(!data.join("billhook.db-wal").exists(), "all is in the one file");
    let url = Cluster::shared().create_database().unwrap();
    assert_eq!(fill(&["--store", &url]), export);
    let dump = place.path().join("dump.sql");
    let dumped = Command::new(Cluster::shared().programs().join("pg_dump"))
        .args(["--no-owner", "--no-privileges", "--file"])
        .arg(&dump)
        .arg(&url)
        .status()
        .unwrap();
    assert!(dumped.success());
    pack(&data.join("billhook.db"), &name("db.gz"));
    pack(&dump, &name("sql.gz"));
    fs::write(stores().join(name("jsonl")), export).unwrap();
}
