//! Backup under load, and restore elsewhere.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use billhook_test_kit::{
    receiver::{Receiver, Reply},
    until,
};

use crate::program::{Billhook, DEMO_KEY, run, succeed};

#[test]
fn a_backup_under_load_is_the_store_of_one_moment() {
    let place = tempfile::tempdir().unwrap();
    for login in ["still", "busy"] {
        succeed(place.path(), &["account", "add", login, "--key", DEMO_KEY]);
    }
    succeed(place.path(), &["generate", "--account", "still", "--orders", "3000"]);
    let before = succeed(place.path(), &["export", "--account", "still"]);
    assert_eq!(before.lines().filter(|line| line.contains("\"id\"")).count(), before.lines().count());
    let shop = Billhook::start_over(place, &[]);
    let backup = shop.place().join("backup.billhook");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for seed in 1..30 {
                shop.run(&["generate", "--account", "busy", "--orders", "200", "--seed", &seed.to_string()]);
                if done.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                shop.call("still", DEMO_KEY, "GetBills", &[("email", "customer1@example.com")]);
            }
        });
        let backed_up = run(shop.place(), &["backup", backup.to_str().unwrap()]);
        done.store(true, Ordering::Relaxed);
        assert_eq!(backed_up.status, Some(0), "{backed_up:?}");
    });
    let elsewhere = tempfile::tempdir().unwrap();
    succeed(elsewhere.path(), &["restore", backup.to_str().unwrap()]);
    succeed(elsewhere.path(), &["check"]);
    assert_eq!(succeed(elsewhere.path(), &["export", "--account", "still"]), before);
    // The backup has all orders up to one moment, in whole transactions. Only orders are compared, since an
    // export ends with the products that no order has.
    let orders = |place: &Path| {
        let text = succeed(place, &["export", "--account", "busy"]);
        text.lines().filter(|line| line.starts_with("{\"id\"")).map(str::to_owned).collect::<Vec<_>>()
    };
    let (then, now) = (orders(elsewhere.path()), orders(shop.place()));
    assert!(now.starts_with(&then) && then.len() % 200 == 0, "{} of {}", then.len(), now.len());
    let restored = Billhook::start_over(elsewhere, &[]);
    assert_ne!(restored.call("still", DEMO_KEY, "GetBills", &[("email", "customer1@example.com")]).code(), 9);
}

/// The store that the backup is of may have sent what waits in it.
#[test]
fn a_restored_store_sends_nothing_until_it_is_resumed() {
    let receiver = Receiver::start(|_| Reply::Status(200, String::new()));
    let place = tempfile::tempdir().unwrap();
    succeed(place.path(), &["account", "add", "shop", "--key", DEMO_KEY]);
    succeed(place.path(), &["webhook", "add", &receiver.url("/")]);
    succeed(place.path(), &["webhook", "test", "1"]);
    let backup = place.path().join("backup.billhook");
    succeed(place.path(), &["backup", backup.to_str().unwrap()]);
    let elsewhere = tempfile::tempdir().unwrap();
    succeed(elsewhere.path(), &["restore", backup.to_str().unwrap()]);
    let restored = Billhook::start_over(elsewhere, &["--webhook-allow-net", "127.0.0.0/8"]);
    until(|| restored.log().contains("the outbox is paused"));
    assert!(restored.log().contains("this store was restored from"), "{}", restored.log());
    assert!(restored.run(&["outbox", "show"]).contains("shop: 1 delivery waits"));
    assert!(receiver.received().is_empty());
    restored.run(&["outbox", "resume"]);
    until(|| receiver.received().len() == 1);
}
