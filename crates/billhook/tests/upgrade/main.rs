//! Stores of every version: only `migrate` and `serve` bring them up to date. After that each is sound and
//! shows the same data.
//!
//! The stores are those of `frozen`. `BILLHOOK_WRITE=1 cargo test --test upgrade` adds those of a new
//! version.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets a fault shall stop"
)]

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command, time::Duration};

use billhook_test_kit::{
    Cluster, Done, Running, Store, command,
    everything::{self, KEY, LOGIN},
    frozen, run,
};

const COMMAND_MAX: Duration = Duration::from_mins(1);

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_billhook"))
}

fn done(store: &Store, arguments: &[&str]) -> Done {
    run(command(program(), store.options()).args(arguments), COMMAND_MAX).unwrap()
}

/// Runs the program on a store, and returns its output.
#[track_caller]
fn billhook(store: &Store, arguments: &[&str]) -> String {
    done(store, arguments).result().unwrap()
}

/// Asserts that the program refuses, in one line with all these texts.
#[track_caller]
fn refuses(store: &Store, arguments: &[&str], parts: &[&str]) {
    let done = done(store, arguments);
    assert!(done.stdout.is_empty(), "{arguments:?}");
    let told = done.failed(1);
    for part in parts {
        assert!(told.contains(part), "{arguments:?}: {part:?} is not in: {told}");
    }
}

/// The version of the tables that this program makes.
fn known() -> usize {
    let place = tempfile::tempdir().unwrap();
    let store = Store::Folder(place.path().join("data"));
    billhook(&store, &["account", "add", LOGIN]);
    let told: serde_json::Value =
        serde_json::from_str(&billhook(&store, &["migrate", "--dry-run", "--json"])).unwrap();
    usize::try_from(told["known"].as_u64().unwrap()).unwrap()
}

/// Every version up to the program's own.
fn versions() -> std::ops::RangeInclusive<usize> {
    1..=known()
}

/// All commands that read or write refuse a store that lacks steps.
#[track_caller]
fn is_refused_until_migrated(store: &Store, version: usize) {
    for arguments in [
        &["export", "--account", LOGIN][..],
        &["account", "list"],
        &["account", "add", "other"],
        &["check"],
        &["backup", "/nowhere/else"],
        &["generate", "--account", LOGIN, "--orders", "1"],
    ] {
        refuses(store, arguments, &[&format!("store version {version}"), "`billhook migrate"]);
    }
    let told = billhook(store, &["migrate", "--dry-run"]);
    assert!(told.contains(&format!("from store version {version} to {}", known())), "{told}");
}

/// Asserts that a store brought up to date from that version has lost nothing.
#[track_caller]
fn is_up_to_date(store: &Store, version: usize) {
    let told = billhook(store, &["migrate", "--dry-run"]);
    assert!(told.contains(&format!("up to date (store version {})", known())), "{told}");
    let export = fs::read_to_string(frozen::file(version, "jsonl")).unwrap();
    assert_eq!(billhook(store, &["export", "--account", LOGIN]), export, "version {version}");
    if let Ok(shown) = fs::read_to_string(frozen::file(version, "txt")) {
        assert_eq!(everything::lists(program(), store), shown, "version {version}");
    }
    assert!(billhook(store, &["check"]).contains("sound"));
    assert!(billhook(store, &["account", "show", LOGIN, "--reveal-key"]).contains(KEY));
    // It can be written.
    billhook(store, &["generate", "--account", LOGIN, "--orders", "5"]);
    assert!(billhook(store, &["check"]).contains("sound"));
}

#[test]
fn every_version_of_a_folder() {
    let (place, known) = (tempfile::tempdir().unwrap(), known());
    for version in versions() {
        let data = place.path().join(format!("v{version}"));
        let store = frozen::folder(version, &data);
        let kept = data.join(format!("billhook.db.before-v{known}"));
        if version == known {
            assert!(billhook(&store, &["migrate"]).contains("up to date"));
            assert!(!kept.exists());
            is_up_to_date(&store, version);
            continue;
        }
        is_refused_until_migrated(&store, version);
        // A copy from an earlier attempt is replaced.
        fs::write(&kept, "an earlier try").unwrap();
        let told = billhook(&store, &["migrate"]);
        assert!(told.contains(kept.to_str().unwrap()) && told.contains("migrate --forget"), "{told}");
        is_up_to_date(&store, version);
        assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);

        // The kept copy is the old store, in one file.
        let back = place.path().join(format!("back{version}"));
        fs::create_dir(&back).unwrap();
        fs::copy(&kept, back.join("billhook.db")).unwrap();
        let back = Store::Folder(back);
        is_refused_until_migrated(&back, version);
        billhook(&back, &["migrate"]);
        is_up_to_date(&back, version);
        // It can also be restored as a backup, which is brought up to date first.
        let kept_name = kept.to_str().unwrap();
        let restored = Store::Folder(place.path().join(format!("restored{version}")));
        assert!(billhook(&restored, &["check", kept_name]).contains("sound"));
        billhook(&restored, &["restore", kept_name]);
        is_up_to_date(&restored, version);

        assert!(billhook(&store, &["migrate", "--forget"]).contains(kept.to_str().unwrap()));
        assert!(!kept.exists());
        assert!(billhook(&store, &["migrate", "--forget"]).contains("no copy is kept"));
    }
}

#[test]
fn a_server_brings_its_folder_up_to_date() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let store = frozen::folder(1, &data);
    let mut serve = command(program(), store.options());
    serve.args(["serve", "--listen", "127.0.0.1:0"]);
    drop(Running::start(serve, &place.path().join("log"), 1).unwrap());
    assert!(data.join(format!("billhook.db.before-v{}", known())).exists());
    is_up_to_date(&store, 1);
}

/// A store that can't be copied is not migrated: a damaged one, one in use, one on a full disk.
#[test]
fn a_folder_stays_as_it_is_where_no_copy_can_be_kept() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let store = frozen::folder(3, &data);
    let still = |parts: &[&str]| {
        refuses(&store, &["migrate"], parts);
        is_refused_until_migrated(&store, 3);
    };
    let open = fs::File::create(data.join("open.lock")).unwrap();
    open.lock_shared().unwrap();
    still(&["another billhook command has open", data.to_str().unwrap()]);
    drop(open);
    let file = data.join("billhook.db");
    let whole = fs::read(&file).unwrap();
    let mut damaged = whole.clone();
    let title = damaged.windows(4).rposition(|four| four == b"shop").unwrap();
    // The index still has it.
    damaged[title] = b'S';
    fs::write(&file, &damaged).unwrap();
    still(&["is damaged"]);

    let mut unshare = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        unshare.arg("--map-root-user");
    }
    let script = r#"
        mount -t tmpfs -o size=600k tmpfs "$disk"
        cp "$file" "$disk/billhook.db"
        head -c 400000 /dev/zero >"$disk/other"
        if "$billhook" --data "$disk" migrate; then exit 9; fi
        test ! -e "$disk"/billhook.db.before-v*
        rm "$disk/other"
        "$billhook" --data "$disk" migrate
    "#;
    fs::write(&file, whole).unwrap();
    let disk = place.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let output = unshare
        .args(["--mount", "sh", "-eu", "-c", script])
        .env("disk", disk)
        .env("file", &file)
        .env("billhook", env!("CARGO_BIN_EXE_billhook"))
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    let bytes = fs::metadata(&file).unwrap().len();
    assert!(told.contains(&format!("it takes {bytes} bytes")), "{told}");
}

#[test]
fn every_version_of_a_database() {
    for version in versions() {
        let store = frozen::database(version, Cluster::shared());
        if version < known() {
            is_refused_until_migrated(&store, version);
            for arguments in [&["migrate"][..], &["serve", "--listen", "127.0.0.1:0"]] {
                refuses(&store, arguments, &["pg_dump", "`billhook migrate --yes`"]);
            }
        }
        billhook(&store, &["migrate", "--yes"]);
        is_up_to_date(&store, version);
    }
}

/// A step could damage data that is in no frozen store.
#[test]
fn a_store_of_everything_is_frozen() {
    let (known, cluster) = (known(), Cluster::shared());
    let place = tempfile::tempdir().unwrap();
    let shown = |store: &Store| {
        everything::fill(program(), store, place.path());
        (billhook(store, &["export", "--account", LOGIN]), everything::lists(program(), store))
    };
    let data = place.path().join("data");
    let (export, lists) = shown(&Store::Folder(data.clone()));
    assert!(!data.join("billhook.db-wal").exists(), "all is in the one file");
    let url = cluster.create_database().unwrap();
    assert_eq!(shown(&Store::Database(url.clone())), (export.clone(), lists.clone()));
    let (empty, filled): (Vec<_>, Vec<_>) = tables(&data).into_iter().partition(|(_, rows)| *rows == 0);
    assert_eq!(empty, []);
    for (table, rows) in filled {
        let count = cluster.sql(&url, &format!("SELECT COUNT(*) FROM {table}")).unwrap();
        assert_eq!(count.trim(), rows.to_string(), "{table}");
    }
    if frozen::latest() < known {
        assert!(
            std::env::var_os("BILLHOOK_WRITE").is_some(),
            "the tables have a new version: BILLHOOK_WRITE=1 cargo test --test upgrade keeps a store of it"
        );
        frozen::keep(known, &data, &url, cluster);
        fs::write(frozen::file(known, "jsonl"), export).unwrap();
        fs::write(frozen::file(known, "txt"), lists).unwrap();
    }
}

fn tables(data: &Path) -> Vec<(String, i64)> {
    let store = rusqlite::Connection::open(data.join("billhook.db")).unwrap();
    let mut tables =
        store.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
    let count = |table: &str| {
        store.query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    tables.map(|table| (table.clone(), count(&table))).collect()
}
