//! `billhook backup`, `restore` and `check`; and data folders that cannot be used.

use std::{
    fs,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
};

use serde_json::json;

use super::{Place, says, text};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The store's only file once the last command has closed it.
fn store_file(place: &Place) -> std::path::PathBuf {
    place.path("billhook-data/billhook.db")
}

#[test]
fn a_backup_restores_elsewhere() {
    let place = Place::new();
    let key = place.account("shop");
    let report = place.run(&["backup", "shop.backup", "--json"]).succeeded();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!((&report["accounts"], &report["orders"]), (&1.into(), &0.into()));
    assert_eq!(mode(&place.path("shop.backup")), 0o600);
    assert_eq!(mode(&place.path("billhook-data")), 0o700);

    says(&place.run(&["backup", "shop.backup"]).failed(1), &["shop.backup"]);
    says(&place.run(&["backup", "nowhere/shop.backup"]).failed(1), &["the folder nowhere does not exist"]);
    assert!(!place.run(&["backup", "nowhere/shop.backup"]).stderr.contains(".partial"));

    let text = place.run(&["restore", "shop.backup", "--data", "elsewhere"]).succeeded();
    says(&text, &["elsewhere", "0 orders of 1 account restored", "nothing is sent from it until"]);
    says(
        &place.run(&["outbox", "show", "--data", "elsewhere"]).succeeded(),
        &["paused: this store was restored from shop.backup; `billhook outbox resume`"],
    );
    says(&place.run(&["outbox", "show"]).succeeded(), &["not paused"]);
    let shown = place.run(&["account", "show", "shop", "--reveal-key", "--data", "elsewhere"]).succeeded();
    says(&shown, &[&key]);
    says(
        &place.run(&["check", "--data", "elsewhere"]).succeeded(),
        &[
            "looked at the file, its log, and 1 account, 0 orders with 0 lines, 0 payments, 0 products\nelsewhere: sound",
        ],
    );
    let checked: serde_json::Value =
        serde_json::from_str(&place.run(&["check", "--json"]).succeeded()).unwrap();
    assert_eq!(
        checked,
        json!({
            "sound": true, "findings": [],
            "looked_at": {"accounts": 1, "orders": 0, "lines": 0, "payments": 0, "products": 0},
        })
    );
}

#[test]
fn a_store_that_is_there_is_replaced_only_if_asked() {
    let place = Place::new();
    place.account("old");
    place.run(&["backup", "old.backup"]).succeeded();
    place.account("new");
    says(&place.run(&["restore", "old.backup"]).failed(1), &["--replace", "billhook-data"]);
    assert_eq!(place.run(&["account", "list"]).succeeded(), "new  on\nold  on   (default)\n");

    let report = place.run(&["restore", "old.backup", "--replace", "--json"]).succeeded();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert!(Path::new(&place.path(report["kept"].as_str().unwrap())).exists(), "{report}");
    assert_eq!(place.run(&["account", "list"]).succeeded(), "old  on   (default)\n");
}

#[test]
fn what_is_no_backup_is_refused() {
    let place = Place::new();
    let file = place.write("letter.txt", "Dear Sirs,\n");
    says(&place.run(&["restore", text(&file), "--data", "elsewhere"]).failed(1), &["letter.txt"]);
    let absent = place.run(&["restore", "absent.backup", "--data", "elsewhere"]).failed(1);
    says(&absent, &["absent.backup does not exist"]);
    fs::create_dir(place.path("folder")).unwrap();
    says(&place.run(&["restore", "folder", "--data", "elsewhere"]).failed(1), &["folder is not a file"]);
    assert!(!place.path("elsewhere/billhook.db").exists());
}

#[test]
fn a_served_folder_is_backed_up_but_not_restored_into() {
    let place = Place::new();
    place.account("shop");
    let serving = place.serve(&[]);
    place.run(&["backup", "shop.backup"]).succeeded();
    place.run(&["check"]).succeeded();
    says(
        &place.run(&["restore", "shop.backup", "--replace"]).failed(1),
        &["holds", "billhook-data", "--data"],
    );
    drop(serving);
    place.run(&["restore", "shop.backup", "--replace"]).succeeded();
}

#[test]
fn damage_is_found_and_status_1() {
    let place = Place::new();
    place.account("shop");
    let mut file = fs::OpenOptions::new().read(true).write(true).open(store_file(&place)).unwrap();
    let length = file.metadata().unwrap().len();
    // The first page stays, so that the file still looks like a store.
    file.seek(SeekFrom::Start(4096)).unwrap();
    file.write_all(&vec![0xa5; usize::try_from(length).unwrap() - 4096]).unwrap();
    drop(file);
    let done = place.run(&["check"]);
    says(&done.failed(1), &["damaged", "billhook restore"]);
}

fn with_a_product() -> Place {
    let place = Place::new();
    place.account("shop");
    place
        .run(&["product", "add", "book", "--account", "shop", "--title", "Bestseller", "--sum", "1"])
        .succeeded();
    place
}

/// Overwrites the first occurrence of `found` in a file.
fn overwrite(file: &Path, found: &[u8], other: &[u8]) {
    let mut bytes = fs::read(file).unwrap();
    let at = bytes.windows(found.len()).position(|bytes| bytes == found).unwrap();
    bytes[at..at + other.len()].copy_from_slice(other);
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_backup_that_rots_is_noticed() {
    let place = with_a_product();
    place.run(&["backup", "sound"]).succeeded();
    assert_eq!(place.run(&["check", "sound", "--data", "nowhere"]).succeeded(), "sound: sound\n");
    assert_eq!(place.run(&["check", "sound", "--json"]).succeeded(), "{\"sound\":true,\"findings\":[]}\n");
    let rotten = place.path("rotten");
    let rot: [&dyn Fn(); 3] = [
        // It looks like any other title; only the checksum shows the change.
        &|| overwrite(&rotten, b"Bestseller", b"Bestsellar"),
        &|| overwrite(&rotten, b"SHA-256", b"SHA-257"),
        &|| {
            let file = fs::File::options().write(true).open(&rotten).unwrap();
            file.set_len(fs::metadata(&rotten).unwrap().len() - 200).unwrap();
        },
    ];
    for rot in rot {
        fs::copy(place.path("sound"), &rotten).unwrap();
        rot();
        for command in [&["check", "rotten"][..], &["restore", "rotten", "--data", "elsewhere"]] {
            says(&place.run(command).failed(1), &["rotten is damaged", "take another backup"]);
        }
        assert!(!place.path("elsewhere/billhook.db").exists());
    }

    // A backup of an early version ends with SQLite's last page.
    fs::copy(place.path("sound"), &rotten).unwrap();
    let file = fs::File::options().write(true).open(&rotten).unwrap();
    file.set_len(fs::metadata(&rotten).unwrap().len() / 4096 * 4096).unwrap();
    for command in [&["check", "rotten"][..], &["restore", "rotten", "--data", "elsewhere"]] {
        let done = place.run(command);
        assert_eq!(done.status, Some(0), "{done:?}");
        says(&done.stderr, &["rotten has no checksum"]);
    }
    // An early version may have backed up a damaged store, so its backups are checked as well.
    overwrite(&rotten, b"hour", b"hous");
    let refused = place.run(&["restore", "rotten", "--data", "other"]);
    assert_eq!(refused.status, Some(1), "{refused:?}");
    says(&refused.stderr, &["good_timer_unit"]);
    assert!(!place.path("other/billhook.db").exists());
    says(&place.run(&["check", "rotten"]).stdout, &["good_timer_unit"]);
}

#[test]
fn there_is_no_backup_of_a_damaged_store() {
    for (found, other) in [
        (&b"Bestseller"[..], &b"\xff"[..]),
        (b"hour", b"hous"),
        (b"orders_by_paid", b"orders_by_pais"),
        (b"good_timer_unit", b"good_\xff"),
    ] {
        let place = with_a_product();
        overwrite(&store_file(&place), found, other);
        says(&place.run(&["check"]).failed(1), &["is damaged"]);
        says(&place.run(&["backup", "damaged"]).failed(1), &["damaged", "`billhook export"]);
        let left: Vec<_> =
            fs::read_dir(place.path(".")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["billhook-data"]);
    }
}

#[test]
fn a_text_that_is_none_is_damage() {
    let place = with_a_product();
    overwrite(&store_file(&place), b"Bestseller", b"\xff");
    says(&place.run(&["check"]).failed(1), &["is damaged", "billhook restore"]);
    says(
        &place.run(&["product", "list", "--account", "shop"]).failed(1),
        &["the store is damaged", "billhook restore"],
    );
}

#[test]
fn a_store_of_a_newer_version_is_refused() {
    let place = Place::new();
    place.account("shop");
    // SQLite keeps user_version, the number of steps that a store has taken, at byte 60.
    let mut file = fs::OpenOptions::new().read(true).write(true).open(store_file(&place)).unwrap();
    file.seek(SeekFrom::Start(60)).unwrap();
    file.write_all(&9_999_u32.to_be_bytes()).unwrap();
    drop(file);
    for command in [&["account", "list"][..], &["check"], &["serve", "--listen", "127.0.0.1:0"]] {
        says(&place.run(command).failed(1), &["newer", "billhook-data"]);
    }
}

#[test]
fn a_file_of_somebody_elses_is_refused() {
    let place = Place::new();
    fs::create_dir(place.path("billhook-data")).unwrap();
    place.write("billhook-data/billhook.db", &"This is a diary. ".repeat(1000));
    says(&place.run(&["account", "list"]).failed(1), &["billhook.db"]);
    let mut diary = String::new();
    fs::File::open(store_file(&place)).unwrap().read_to_string(&mut diary).unwrap();
    assert!(diary.starts_with("This is a diary."));
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let place = Place::new();
    place.write("file", "");
    for data in ["file", "file/data", "/proc/billhook-data"] {
        for command in [
            &["account", "add", "shop"][..],
            &["account", "list"],
            &["serve", "--listen", "127.0.0.1:0"],
            &["restore", "x"],
        ] {
            let line = place.run(&[command, &["--data", data]].concat()).failed(1);
            says(&line, &[data]);
            assert!(line.contains("--data") || line.contains("check the path"), "{line}");
        }
    }
}

/// Root may write whatever the permissions say, so the folder is mounted read-only in the command's own mount
/// namespace. Without the right to mount (in some containers) there is nothing to test.
#[test]
fn a_read_only_folder_is_named() {
    let place = Place::new();
    place.account("shop");
    let mounted = |script: &str| {
        let script = format!("mount --bind -o ro billhook-data billhook-data && {script}");
        Command::new("unshare")
            .args(["--mount", "--map-root-user", "sh", "-c", &script, env!("CARGO_BIN_EXE_billhook")])
            .current_dir(place.path(""))
            .output()
    };
    if !mounted("true").is_ok_and(|output| output.status.success()) {
        eprintln!("no read-only mount can be made here: not tried");
        return;
    }
    for arguments in ["serve --listen 127.0.0.1:0", "account add other", "account list"] {
        let output = mounted(&format!("exec \"$0\" {arguments}")).unwrap();
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), line.lines().count()), (Some(1), 1), "{arguments}: {line}");
        says(&line, &["billhook: ", "billhook-data", "read-only"]);
    }
}
