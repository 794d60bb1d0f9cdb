//! A store's one file: backup, restore, and a file that disappears.

use crate::*;

#[test]
fn backup_under_writes_restores_elsewhere() {
    let place = place(Engine::Sqlite);
    let id = account(&place.store, "anna");
    for n in 1..=200 {
        put(&place.store, id, order(n, "anna@example.com", PayStatus::Paid, &[1, 2]));
    }
    let file = place.temporary.path().join("backup.db");
    let report = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 201..=400 {
                put(&place.store, id, order(n, "anna@example.com", PayStatus::Paid, &[1, 2]));
            }
        });
        let report =
            place.store.backup(&file, &mut |progress| assert!(progress.done <= progress.total)).unwrap();
        writer.join().unwrap();
        report
    });
    assert!(report.orders >= 200 && report.accounts == 1);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(place.store.backup(&file, &mut |_| {}).unwrap_err().kind(), Kind::Exists);

    let elsewhere = Location::folder(&place.temporary.path().join("elsewhere"));
    let restored = restore(&file, &elsewhere, false, &mut |_| {}).unwrap();
    assert_eq!((restored.restored.orders, restored.kept), (report.orders, None));
    let store = Store::open(&elsewhere).unwrap();
    assert_eq!(bills(&store, id, "anna@example.com", None).len() as u64, 2 * report.orders);
    assert_eq!(store.check(&mut |_| {}).unwrap(), []);

    // In use; in place; replaced and kept.
    assert_eq!(restore(&file, &elsewhere, true, &mut |_| {}).unwrap_err().kind(), Kind::Locked);
    drop(store);
    assert_eq!(restore(&file, &elsewhere, false, &mut |_| {}).unwrap_err().kind(), Kind::Exists);
    let replaced = restore(&file, &elsewhere, true, &mut |_| {}).unwrap();
    assert!(replaced.kept.unwrap().is_file());
    let left: Vec<_> = std::fs::read_dir(elsewhere.as_folder().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("partial"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

/// A restore that was killed can be repeated at once; each store that it replaces is kept.
#[test]
fn restores_within_a_second_keep_what_each_replaces() {
    let place = place(Engine::Sqlite);
    account(&place.store, "anna");
    let file = place.temporary.path().join("backup.db");
    place.store.backup(&file, &mut |_| {}).unwrap();
    let elsewhere = Location::folder(&place.temporary.path().join("elsewhere"));
    restore(&file, &elsewhere, false, &mut |_| {}).unwrap();
    let kept: Vec<_> =
        (0..4).map(|_| restore(&file, &elsewhere, true, &mut |_| {}).unwrap().kept.unwrap()).collect();
    let different: std::collections::BTreeSet<_> = kept.iter().collect();
    assert_eq!(different.len(), kept.len(), "{kept:?}");
    assert!(kept.iter().all(|kept| kept.is_file()), "{kept:?}");
}

/// A log without its store is not applied to the restored one.
#[test]
fn what_is_left_of_a_store_is_put_aside() {
    let place = place(Engine::Sqlite);
    account(&place.store, "anna");
    let file = place.temporary.path().join("backup.db");
    place.store.backup(&file, &mut |_| {}).unwrap();
    let left = Location::folder(&place.temporary.path().join("left"));
    account(&place.store, "later");
    std::fs::create_dir(left.as_folder().unwrap()).unwrap();
    for suffix in ["-wal", "-shm"] {
        let name = format!("billhook.db{suffix}");
        std::fs::copy(folder(&place).join(&name), left.as_folder().unwrap().join(&name)).unwrap();
    }
    assert_eq!(restore(&file, &left, false, &mut |_| {}).unwrap_err().kind(), Kind::Exists);
    restore(&file, &left, true, &mut |_| {}).unwrap();
    let logins = Store::open(&left).unwrap().read(accounts::list).unwrap();
    assert_eq!(logins.iter().map(|account| account.login.as_str()).collect::<Vec<_>>(), ["anna"]);
}

/// A store whose file disappears is not written any more, and reports it.
#[test]
fn a_store_that_is_gone_is_noticed() {
    let place = place(Engine::Sqlite);
    assert!(place.store.failed().is_none());
    std::fs::rename(folder(&place).join("billhook.db"), place.temporary.path().join("elsewhere")).unwrap();
    let error = place.store.failed().unwrap();
    assert_eq!(error.kind(), Kind::Closed);
    assert!(error.to_string().contains("moved or removed"), "{error}");
    assert!(place.store.health().is_err());
}

#[test]
fn a_damaged_backup_is_not_restored() {
    let place = place(Engine::Sqlite);
    let id = account(&place.store, "anna");
    for n in 1..=100 {
        put(&place.store, id, order(n, "anna@example.com", PayStatus::Paid, &[1, 2]));
    }
    let file = place.temporary.path().join("backup.db");
    place.store.backup(&file, &mut |_| {}).unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0xA5);
    std::fs::write(&file, bytes).unwrap();
    let elsewhere = Location::folder(&place.temporary.path().join("elsewhere"));
    let error = restore(&file, &elsewhere, false, &mut |_| {}).unwrap_err();
    assert_eq!(error.kind(), Kind::Damaged, "{error}");
    assert!(!elsewhere.as_folder().unwrap().join("billhook.db").exists());
    let missing = restore(Path::new("/nowhere/backup.db"), &elsewhere, false, &mut |_| {}).unwrap_err();
    assert_eq!(missing.kind(), Kind::Folder);
}
