//! Copies between stores, and interrupted copies.

use billhook_test_kit::frozen;

use crate::*;

on_each_engine! {
    a_copy_is_the_same_to_the_last_letter
    a_copy_that_was_cut_off_is_no_store
}

/// With a store that has one of everything.
fn a_copy_is_the_same_to_the_last_letter(engine: Engine) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("data");
    let from = match engine {
        Engine::Sqlite => {
            frozen::folder(frozen::latest(), &folder);
            Location::folder(&folder)
        }
        Engine::Postgres => {
            let database = frozen::database(frozen::latest(), Cluster::shared());
            Location::parse(&database.shown()).unwrap()
        }
    };
    let taken = copy::copy(&from, &from, &mut |_, _| {}).unwrap_err();
    assert_eq!(taken.kind(), Kind::Location);

    let orders = Store::open(&from).unwrap().read(|tx| orders::count(tx, AccountId(1))).unwrap();
    let (mut before, mut rows) = (from, None);
    for (n, other) in [Engine::Sqlite, Engine::Postgres, Engine::Sqlite].into_iter().enumerate() {
        let to = location(other, &temporary, &format!("copy{n}"));
        let report =
            copy::copy(&before, &to, &mut |_, progress| assert!(progress.done <= progress.total)).unwrap();
        // The marks belong to no account.
        assert_eq!((report.accounts, report.orders, report.digests.len()), (1, orders, 2));
        let why = Store::open(&to).unwrap().read(deliveries::paused).unwrap().unwrap();
        assert_eq!(why, format!("this store is a copy of {before}"));
        // An existing store is not overwritten.
        assert_eq!(copy::copy(&before, &to, &mut |_, _| {}).unwrap_err().kind(), Kind::Exists);
        assert_eq!(Store::open(&to).unwrap().check(&mut |_| {}).unwrap(), []);
        for place in [&before, &to].into_iter().filter_map(Location::as_folder) {
            let found: Vec<_> = all_rows(place).into_iter().filter(|(table, _)| table != "marks").collect();
            assert_eq!(rows.get_or_insert_with(|| found.clone()), &found);
        }
        before = to;
    }
    assert!(rows.unwrap().iter().all(|(_, rows)| !rows.is_empty()), "a table is empty");
}

/// All rows of a folder's store, by table.
fn all_rows(folder: &Path) -> Vec<(String, Vec<String>)> {
    let store = rusqlite::Connection::open(folder.join("billhook.db")).unwrap();
    let texts = |sql: &str| {
        let mut select = store.prepare(sql).unwrap();
        let columns = 0..select.column_count();
        let text = |row: &rusqlite::Row<'_>| {
            let texts = columns.clone().map(|column| format!("{:?}", row.get_ref_unwrap(column)));
            Ok(texts.collect::<Vec<_>>().join(" "))
        };
        let mut texts = select.query_map([], text).unwrap().map(Result::unwrap).collect::<Vec<_>>();
        texts.sort();
        texts
    };
    let mut tables =
        store.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
    tables.map(|table| (table.clone(), texts(&format!("SELECT * FROM {table}")))).collect()
}

/// Another command's writes would be missing, or overwritten.
#[test]
fn a_folder_that_another_command_has_open_is_not_copied() {
    let Place { store, location: from, temporary } = place(Engine::Sqlite);
    account(&store, "anna");
    let to = location(Engine::Sqlite, &temporary, "to");
    let error = copy::copy(&from, &to, &mut |_, _| {}).unwrap_err();
    assert_eq!(error.kind(), Kind::Locked);
    assert!(error.to_string().contains("another billhook command has open"), "{error}");
    drop(store);
    let open = Store::open(&to).unwrap();
    assert_eq!(copy::copy(&from, &to, &mut |_, _| {}).unwrap_err().kind(), Kind::Locked);
    drop(open);
    copy::copy(&from, &to, &mut |_, _| {
        assert_eq!(Store::open(&from).err().unwrap().kind(), Kind::Locked);
        assert_eq!(Store::open(&to).err().unwrap().kind(), Kind::Locked);
    })
    .unwrap();
    assert_eq!(Store::open(&to).unwrap().read(accounts::list).unwrap().len(), 1);
}

/// A write at any time would make the copy differ from the source.
#[test]
fn a_database_that_is_written_while_it_is_copied_is_noticed() {
    let Place { store, location: from, temporary } = place(Engine::Postgres);
    let id = account(&store, "anna");
    put(&store, id, order(1, "anna@example.com", PayStatus::Paid, &[1, 2]));
    let to = location(Engine::Sqlite, &temporary, "to");
    for (n, when) in (2..).zip(["copying", "comparing", "copying"]) {
        let write = || match n {
            4 => drop(account(&store, "boris")),
            _ => put(&store, id, order(n, "anna@example.com", PayStatus::Paid, &[1])),
        };
        let mut is_written = false;
        let error = copy::copy(&from, &to, &mut |what, _| {
            if what == when && !std::mem::replace(&mut is_written, true) {
                write();
            }
        })
        .unwrap_err();
        assert!(is_written);
        assert_eq!(error.kind(), Kind::Unfinished);
        assert!(error.to_string().contains("was written while it was copied"), "{error}");
        assert_eq!(Store::open(&to).err().unwrap().kind(), Kind::Unfinished);
    }
    assert_eq!(copy::copy(&from, &to, &mut |_, _| {}).unwrap().orders, 3);
    assert_eq!(Store::open(&to).unwrap().read(|tx| orders::count(tx, id)).unwrap(), 3);
}

/// Two copies into one database: the first one stops and damages nothing.
#[test]
fn two_copies_into_one_database_do_not_mix() {
    let Place { store, location: first, temporary } = place(Engine::Sqlite);
    for name in ["anna", "boris"] {
        let id = account(&store, name);
        put(&store, id, order(1, "anna@example.com", PayStatus::Paid, &[1, 2]));
    }
    drop(store);
    let second = location(Engine::Sqlite, &temporary, "second");
    account(&Store::open(&second).unwrap(), "clara");
    let to = location(Engine::Postgres, &temporary, "");
    // After everything was read, and before all of it is written.
    let mut is_overtaken = false;
    let error = copy::copy(&first, &to, &mut |_, _| {
        if !std::mem::replace(&mut is_overtaken, true) {
            copy::copy(&second, &to, &mut |_, _| {}).unwrap();
        }
    })
    .unwrap_err();
    assert_eq!(error.kind(), Kind::Locked);
    assert!(error.to_string().contains("another `billhook copy`"), "{error}");
    let store = Store::open(&to).unwrap();
    let logins = store.read(accounts::list).unwrap();
    assert_eq!(logins.iter().map(|account| account.login.as_str()).collect::<Vec<_>>(), ["clara"]);
    assert_eq!(store.check(&mut |_| {}).unwrap(), []);
}

fn a_copy_that_was_cut_off_is_no_store(engine: Engine) {
    let place = place(engine);
    let id = account(&place.store, "anna");
    put(&place.store, id, order(1, "anna@example.com", PayStatus::Paid, &[1, 2]));
    let source = location(Engine::Sqlite, &place.temporary, "source");
    let other = Store::open(&source).unwrap();
    let boris = account(&other, "boris");
    put(&other, boris, order(7, "boris@example.com", PayStatus::Paid, &[1]));
    drop(other);
    // What a killed copy leaves: some rows, and its mark.
    place.store.write(|tx| marks::set(tx, "copying", "elsewhere")).unwrap();
    let Place { store, location, temporary: _temporary } = place;
    drop(store);
    let error = Store::open(&location).err().unwrap();
    assert_eq!(error.kind(), Kind::Unfinished);
    assert!(
        error.to_string().contains("elsewhere") && error.to_string().contains("billhook copy"),
        "{error}"
    );
    copy::copy(&source, &location, &mut |_, _| {}).unwrap();
    let store = Store::open(&location).unwrap();
    let logins = store.read(accounts::list).unwrap();
    assert_eq!(logins.iter().map(|account| account.login.as_str()).collect::<Vec<_>>(), ["boris"]);
    assert_eq!(store.read(|tx| orders::find(tx, id, OrderId(1))).unwrap(), None);
}
