//! Copies from store to store, and what is left of one that was cut off.

use crate::*;

on_each_engine! {
    a_copy_is_the_same_to_the_last_letter
    a_copy_that_was_cut_off_is_no_store
}

fn a_copy_is_the_same_to_the_last_letter(engine: Engine) {
    let place = place(engine);
    let (one, two) = (account(&place.store, "one"), account(&place.store, "two"));
    for n in 1..=100 {
        put(&place.store, one, order(n, &format!("Customer{}@example.com", n % 7), PayStatus::Paid, &[1, n]));
        put(&place.store, two, order(n, "боря@пример.рф", PayStatus::Waiting, &[n, 2]));
    }
    place.store.write(move |tx| accounts::bind(tx, one, "shop.example")).unwrap();
    let setting = Setting::parse("rate", "60").unwrap();
    place.store.write(move |tx| accounts::set(tx, two, &setting)).unwrap();
    let Place { store, location: from, temporary } = place;
    let taken = copy::copy(&from, &from, &mut |_, _| {}).unwrap_err();
    assert_eq!(taken.kind(), Kind::Location);
    drop(store);

    let mut before = from;
    for (n, other) in [Engine::Sqlite, Engine::Postgres, Engine::Sqlite].into_iter().enumerate() {
        let to = location(other, &temporary, &format!("copy{n}"));
        let report =
            copy::copy(&before, &to, &mut |_, progress| assert!(progress.done <= progress.total)).unwrap();
        assert_eq!((report.accounts, report.orders, report.digests.len()), (2, 200, 2));
        // A store that is there is not copied over.
        assert_eq!(copy::copy(&before, &to, &mut |_, _| {}).unwrap_err().kind(), Kind::Exists);
        let (first, second) = (Store::open(&before).unwrap(), Store::open(&to).unwrap());
        for account in [one, two] {
            let all = |store: &Store| {
                let mut all = Vec::new();
                store
                    .read(|tx| {
                        orders::each(tx, account, |order| {
                            all.push(order);
                            Ok::<(), Error>(())
                        })
                    })
                    .unwrap();
                all
            };
            assert_eq!(all(&first), all(&second));
        }
        let accounts = second.read(accounts::list).unwrap();
        assert_eq!(accounts[0].domains, ["shop.example"]);
        assert_eq!(accounts[1].settings.rate, 60);
        assert_eq!(second.check(&mut |_| {}).unwrap(), []);
        before = to;
    }
}

/// What another command wrote meanwhile would be missing, or would be written over.
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

/// Whatever is written, and whenever: the copy would not be what the source is.
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

/// Of two copies into one database the first, which finds itself overtaken, spoils nothing.
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
    // When all has been read, and not all of it has been written.
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
    // What a copy that was killed leaves behind: some rows, and its mark.
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
