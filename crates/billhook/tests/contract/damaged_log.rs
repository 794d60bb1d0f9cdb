//! A log that a killed server has left, and in which a byte is another one: what stands behind it was acknowledged.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::{Signal, kill_process};

use crate::program::{Billhook, DEMO_KEY, run, succeed};

const LOGIN: &str = "shop";
const GOOD: &str = "course";

/// A store whose server was killed behind some orders.
fn killed_shop(orders: usize) -> Billhook {
    let place = tempfile::tempdir().unwrap();
    succeed(place.path(), &["account", "add", LOGIN, "--key", DEMO_KEY]);
    succeed(place.path(), &["product", "add", GOOD, "--account", LOGIN, "--title", "Course", "--sum", "100"]);
    succeed(place.path(), &["backup", &place.path().join("backup").display().to_string()]);
    let mut shop = Billhook::start_over(place, &[]);
    for number in 0..orders {
        let email = format!("{number}@example.com");
        let form = [("bill_email", email.as_str()), ("goods[0][good_name]", GOOD)];
        assert_eq!(shop.call(LOGIN, DEMO_KEY, "CreateOrder", &form).code(), 0);
    }
    kill_process(shop.process(), Signal::KILL).unwrap();
    shop.wait(Duration::from_secs(10));
    shop
}

fn log(place: &Path) -> PathBuf {
    place.join("data/billhook.db-wal")
}

/// Another byte within the first order's transaction.
fn damage(place: &Path) {
    let mut bytes = fs::read(log(place)).unwrap();
    let pages = bytes.len() / 4120;
    assert!(pages > 8, "{pages} pages are too few");
    bytes[32 + 4120 + 2000] ^= 1;
    fs::write(log(place), bytes).unwrap();
}

fn orders(place: &Path) -> usize {
    succeed(place, &["export", "--account", LOGIN]).matches("\"pay_status\"").count()
}

#[test]
fn a_damaged_log_is_refused_by_all_and_stays_as_it_is() {
    let shop = killed_shop(5);
    let place = shop.place();
    damage(place);
    let left = fs::read(log(place)).unwrap();
    for command in [
        &["check"][..],
        &["serve", "--listen", "127.0.0.1:0"],
        &["export", "--account", LOGIN],
        &["account", "list"],
        &["migrate", "--dry-run"],
        &["backup", "other"],
    ] {
        let done = run(place, command);
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{command:?}: {said}");
        for word in ["billhook.db-wal is damaged", "transactions", "billhook restore", "check --cut-log"] {
            assert!(said.contains(word), "{command:?}: {word}: {said}");
        }
        assert_eq!(said.lines().count(), 1, "{command:?}: {said}");
        assert!(fs::read(log(place)).unwrap() == left, "{command:?} has touched the log");
    }
}

#[test]
fn a_damaged_log_can_be_cut_off() {
    let shop = killed_shop(5);
    let place = shop.place();
    damage(place);
    let left = fs::read(log(place)).unwrap();
    let report: serde_json::Value =
        serde_json::from_str(&succeed(place, &["check", "--cut-log", "--json"])).unwrap();
    assert_eq!(report["sound"], true);
    // The first order's transaction is behind the damage, and of the last it is not certain that it was acknowledged.
    assert!(report["transactions_given_up_at_least"].as_u64().unwrap() >= 4, "{report}");
    let kept = report["log_kept"].as_str().unwrap();
    assert!(kept.contains("billhook.db-wal.damaged-"), "{kept}");
    assert!(fs::read(kept).unwrap() == left);
    assert_eq!(orders(place), 0);
    // And the shop goes on.
    succeed(place, &["check"]);
    assert!(succeed(place, &["check", "--cut-log"]).ends_with("sound\n"));
}

#[test]
fn a_restore_keeps_a_damaged_log() {
    let shop = killed_shop(5);
    let place = shop.place();
    damage(place);
    let left = fs::read(log(place)).unwrap();
    succeed(place, &["restore", &place.join("backup").display().to_string(), "--replace"]);
    let kept: Vec<_> = fs::read_dir(place.join("data"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with("-wal.damaged"))
        .collect();
    assert_eq!(kept.len(), 1);
    assert!(fs::read(&kept[0]).unwrap() == left);
    succeed(place, &["check"]);
}

#[test]
fn a_sound_log_is_taken_over() {
    let shop = killed_shop(5);
    let place = shop.place();
    assert!(log(place).exists());
    assert!(succeed(place, &["check", "--cut-log"]).ends_with("sound\n"));
    assert_eq!(orders(place), 5);
}
