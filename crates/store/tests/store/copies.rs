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
