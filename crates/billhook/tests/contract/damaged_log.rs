//! The log of a killed server with one changed byte. The transactions after that byte were acknowledged.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::process::Signal;

use crate::program::{Billhook, DEMO_KEY, program, run, succeed};

const LOGIN: &str = "shop";
const GOOD: &str = "course";

/// Few enough that SQLite does not restart the log, and too many for a pipe's buffer.
const MANY: usize = 120;

/// A store whose server was killed after some orders.
fn killed_shop(orders: usize) -> Billhook {
    let place = tempfile::tempdir().unwrap();
    succeed(place.path(), &["account", "add", LOGIN, "--key", DEMO_KEY]);
    succeed(place.path(), &["product", "add", GOOD, "--account", LOGIN, "--title", "Course", "--sum", "100"]);
    succeed(place.path(), &["backup", &place.path().join("backup").display().to_string()]);
    let mut shop = Billhook::start_over(place, &[]);
    for number in 0..orders {
        let email = format!("{number}@example.com");
        let comment = "c".repeat(1000);
        let form =
            [("bill_email", email.as_str()), ("bill_comment", &comment), ("goods[0][good_name]", GOOD)];
        assert_eq!(shop.call(LOGIN, DEMO_KEY, "CreateOrder", &form).code(), 0);
    }
    shop.signal(Signal::KILL);
    shop.wait(Duration::from_secs(10));
    shop
}

fn log(place: &Path) -> PathBuf {
    place.join("data/billhook.db-wal")
}

/// Changes a byte in a page in the middle.
fn damage(place: &Path) -> Vec<u8> {
    let mut bytes = fs::read(log(place)).unwrap();
    let frames = (bytes.len() - 32) / 4120;
    bytes[32 + frames / 2 * 4120 + 2000] ^= 1;
    fs::write(log(place), &bytes).unwrap();
    bytes
}

fn orders(place: &Path) -> String {
    succeed(place, &["export", "--account", LOGIN])
}

/// The files that were put aside.
fn kept(place: &Path, word: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(place.join("data")).unwrap().map(|entry| entry.unwrap().path());
    let mut kept: Vec<_> = entries.filter(|path| path.to_string_lossy().contains(word)).collect();
    kept.sort();
    kept
}

#[test]
fn a_damaged_log_is_refused_by_all_and_stays_as_it_is() {
    let shop = killed_shop(MANY);
    let place = shop.place();
    let left = damage(place);
    for command in [
        &["check"][..],
        &["serve", "--listen", "127.0.0.1:0"],
        &["export", "--account", LOGIN],
        &["account", "list"],
        &["migrate", "--dry-run"],
        &["backup", "other"],
    ] {
        let done = run(place, command);
        let said = done.stderr;
        assert_eq!(done.status, Some(1), "{command:?}: {said}");
        for word in ["billhook.db-wal is damaged", "transactions", "billhook restore", "check --salvage-log"]
        {
            assert!(said.contains(word), "{command:?}: {word}: {said}");
        }
        assert_eq!(said.lines().count(), 1, "{command:?}: {said}");
        assert!(fs::read(log(place)).unwrap() == left, "{command:?} has touched the log");
    }
}

#[test]
fn what_a_damaged_log_holds_can_be_had() {
    let shop = killed_shop(MANY);
    let place = shop.place();
    let left = damage(place);
    let file = fs::read(place.join("data/billhook.db")).unwrap();
    let done = run(place, &["check", "--salvage-log", "--json"]);
    let said = done.stderr;
    let report: serde_json::Value = serde_json::from_str(&done.stdout).expect(&said);
    let left_out = usize::try_from(report["left_out"].as_u64().unwrap()).unwrap();
    let kept: Vec<_> = report["kept"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect();
    assert!(fs::read(kept[0]).unwrap() == file && fs::read(kept[1]).unwrap() == left);
    assert!(kept.iter().all(|path| said.contains(path)), "{said}");
    // Damage to the last transaction can't be told from a write that was cut off.
    let there = orders(place).matches("\"pay_status\"").count();
    assert!(there > MANY / 4 && there + left_out + 1 >= MANY && there < MANY, "{there}: {report}");
    succeed(place, &["check"]);
    assert!(succeed(place, &["account", "list"]).contains(LOGIN));
}

#[test]
fn a_restore_keeps_a_damaged_log() {
    let shop = killed_shop(MANY);
    let place = shop.place();
    let left = damage(place);
    let file = fs::read(place.join("data/billhook.db")).unwrap();
    succeed(place, &["restore", &place.join("backup").display().to_string(), "--replace"]);
    let kept = kept(place, "billhook.db.replaced-");
    let with = |end: &str| kept.iter().find(|path| path.to_string_lossy().ends_with(end)).unwrap();
    assert!(fs::read(with("-wal")).unwrap() == left && fs::read(&kept[0]).unwrap() == file, "{kept:?}");
    succeed(place, &["check"]);
    assert!(!orders(place).contains("pay_status"));
}

#[test]
fn a_store_with_a_log_is_no_backup() {
    let shop = killed_shop(3);
    let place = shop.place();
    let file = place.join("data/billhook.db").display().to_string();
    let elsewhere = place.join("elsewhere").display().to_string();
    let done = run(place, &["restore", &file, "--data", &elsewhere]);
    assert_eq!(done.status, Some(1));
    assert!(done.stderr.contains("has a log beside it"), "{done:?}");
    // A log without its store is not deleted.
    fs::rename(place.join("data/billhook.db"), place.join("moved")).unwrap();
    let done = run(place, &["account", "add", "other"]);
    assert!(done.stderr.contains("is missing: put the store back"), "{done:?}");
    fs::rename(place.join("moved"), place.join("data/billhook.db")).unwrap();
    assert_eq!(orders(place).matches("\"pay_status\"").count(), 3);
}

#[test]
fn a_server_looks_at_a_log_that_others_have_open() {
    let shop = killed_shop(MANY);
    let place = shop.place();
    // The export keeps the log open.
    let mut export =
        program(place).args(["export", "--account", LOGIN]).stdout(Stdio::piped()).spawn().unwrap();
    export.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    damage(place);
    let done = run(place, &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(done.status, Some(1));
    assert!(done.stderr.contains("is damaged"), "{done:?}");
    export.kill().unwrap();
    export.wait().unwrap();
}

#[test]
fn a_sound_log_is_taken_over() {
    let shop = killed_shop(5);
    let place = shop.place();
    assert!(log(place).exists());
    assert!(succeed(place, &["check", "--salvage-log"]).ends_with("sound\n"));
    assert_eq!(orders(place).matches("\"pay_status\"").count(), 5);
}
