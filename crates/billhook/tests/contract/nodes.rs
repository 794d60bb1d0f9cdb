//! Several nodes on one store.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use billhook_test_kit::Cluster;
use tempfile::TempDir;

use billhook_test_kit::until;

use crate::program::{Answer, Billhook, DEMO_KEY, DEMO_LOGIN, STORE_FILE, run, signed, succeed, write};

const ANNA: &[(&str, &str)] = &[("email", "anna@example.com")];

/// A folder whose commands use the database at this URL.
pub(crate) fn place_of(url: &str) -> TempDir {
    let place = tempfile::tempdir().unwrap();
    let file = write(place.path(), STORE_FILE, url);
    std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    place
}

#[test]
fn what_one_node_is_told_holds_on_all_within_a_second() {
    let url = Cluster::shared().create_database().unwrap();
    let first = Billhook::start_over(place_of(&url), &["--demo"]);
    let others = [0, 1].map(|_| Billhook::start_over(place_of(&url), &[]));
    let nodes = || std::iter::once(&first).chain(&others);
    for node in nodes() {
        assert_eq!(node.call(DEMO_LOGIN, DEMO_KEY, "GetBills", ANNA).code(), 0);
    }
    let printed = first.run(&["account", "rotate-key", DEMO_LOGIN]);
    let rotated = Instant::now();
    let fresh = printed.lines().find_map(|line| line.strip_prefix("key: ")).unwrap().to_owned();
    for node in nodes() {
        until(|| node.call(DEMO_LOGIN, &fresh, "GetBills", ANNA).code() == 0);
        assert_eq!(node.call(DEMO_LOGIN, DEMO_KEY, "GetBills", ANNA).code(), 4);
    }
    assert!(rotated.elapsed() < Duration::from_secs(1), "{:?}", rotated.elapsed());
    let by_address =
        |node: &Billhook| node.post("127.0.0.1", "GetBills", &signed(DEMO_LOGIN, &fresh, ANNA)).code();
    for (default, code) in [(DEMO_LOGIN, 0), ("--none", 5)] {
        others[1].run(&["account", "default", default]);
        for node in nodes() {
            until(|| by_address(node) == code);
        }
    }
    others[0].run(&["account", "disable", DEMO_LOGIN]);
    let disabled = Instant::now();
    for node in nodes() {
        until(|| node.call(DEMO_LOGIN, &fresh, "GetBills", ANNA).code() == 7);
    }
    assert!(disabled.elapsed() < Duration::from_secs(1), "{:?}", disabled.elapsed());
    first.run(&["account", "enable", DEMO_LOGIN]);
    for node in nodes() {
        until(|| node.call(DEMO_LOGIN, &fresh, "GetBills", ANNA).code() == 0);
    }

    // Every node's next answer has what a command wrote.
    let order = r#"{"id":7,"email":"new@example.com","items":[{"id":1,"good_name":"n","good_title":"T"}]}"#;
    let file = write(first.place(), "orders.jsonl", order);
    first.run(&["import", "--account", DEMO_LOGIN, file.to_str().unwrap()]);
    for node in nodes() {
        let answer = node.call(DEMO_LOGIN, &fresh, "GetBills", &[("email", "new@example.com")]);
        assert_eq!(answer.json()["result"]["7"]["1"]["good_name"], "n", "{}", answer.body);
    }
}

/// As after a restore under running nodes, or a failover to a standby that lagged behind: versions go back,
/// or the same version is another change.
#[test]
fn a_node_follows_accounts_that_went_back() {
    let url = Cluster::shared().create_database().unwrap();
    let sql = |text: &str| Cluster::shared().sql(&url, text).unwrap();
    let keep = |name: &str| sql(&format!("CREATE TABLE {name} AS SELECT * FROM accounts"));
    let put_back =
        |name: &str| sql(&format!("DELETE FROM accounts; INSERT INTO accounts SELECT * FROM {name}"));
    let node = Billhook::start_over(place_of(&url), &[]);
    let follows = |login: &str, key: &str, code: i64| {
        let since = Instant::now();
        until(|| node.call(login, key, "GetBills", ANNA).code() == code);
        assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    };
    let rotate = |login: &str| {
        let printed = node.run(&["account", "rotate-key", login]);
        printed.lines().find_map(|line| line.strip_prefix("key: ")).unwrap().to_owned()
    };
    for login in ["one", "two"] {
        node.run(&["account", "add", login, "--key", DEMO_KEY]);
        node.run(&["account", "set", login, "getbills_empty=ok"]);
    }
    keep("before");
    let first_key = rotate("one");
    keep("first");
    follows("one", &first_key, 0);
    put_back("before");
    follows("one", DEMO_KEY, 0);
    follows("one", &first_key, 4);
    // The same version for another change.
    let second_key = rotate("one");
    keep("second");
    follows("one", &second_key, 0);
    put_back("first");
    follows("one", &first_key, 0);
    put_back("second");
    follows("one", &second_key, 0);
    follows("one", &first_key, 4);
    // A later version, but without a change that was known.
    let twos_key = rotate("two");
    keep("third");
    put_back("first");
    follows("one", &first_key, 0);
    put_back("third");
    follows("two", &twos_key, 0);
    follows("one", &second_key, 0);
    follows("one", &first_key, 4);
    // The known account is gone.
    sql("DELETE FROM accounts WHERE login = 'two'");
    follows("two", &twos_key, 5);
    assert_eq!(node.log().matches("accounts are read again").count(), 6, "{}", node.log());
}

/// A node that opened the database before a copy began serves nothing until the copy is complete.
#[test]
fn a_node_over_a_store_that_a_copy_fills_answers_nothing_from_it() {
    let url = Cluster::shared().create_database().unwrap();
    let node = Billhook::start_over(place_of(&url), &[]);
    assert_eq!(node.call("shop", DEMO_KEY, "GetBills", ANNA).code(), 5);
    // As a copy does it: its mark first, then rows.
    let sql = |text: &str| Cluster::shared().sql(&url, text).unwrap();
    sql("INSERT INTO marks VALUES ('copying', 'f00 /var/lib/billhook')");
    sql("INSERT INTO accounts VALUES (1, 'shop', 'the-key-of-the-shop', '', 0, 0, 0, 1)");
    let shows_nothing = |answer: Answer| {
        assert!(matches!((answer.status, answer.code()), (200, 5) | (503, 9)), "{answer:?}");
        answer.status == 503
    };
    until(|| shows_nothing(node.call("shop", DEMO_KEY, "GetBills", ANNA)));
    assert!(shows_nothing(node.call("shop", "the-key-of-the-shop", "GetBills", ANNA)));
    assert_eq!(node.admin("/readyz").status, 503);
    assert!(
        node.log().contains("a copy of /var/lib/billhook into this store is not finished"),
        "{}",
        node.log()
    );
    sql("DELETE FROM marks");
    let whole = Instant::now();
    until(|| node.call("shop", DEMO_KEY, "GetBills", ANNA).code() == 4);
    assert!(whole.elapsed() < Duration::from_secs(1), "{:?}", whole.elapsed());
    assert_eq!(node.admin("/readyz").status, 200);
}

/// Both try to create the tables; one of them does.
#[test]
fn ten_nodes_that_start_at_once_make_the_tables_once() {
    let url = Cluster::shared().create_database().unwrap();
    std::thread::scope(|scope| {
        let nodes: Vec<_> =
            (0..10).map(|_| scope.spawn(|| Billhook::start_over(place_of(&url), &[]))).collect();
        for node in nodes {
            let node = node.join().unwrap();
            assert_eq!(node.call("anna", DEMO_KEY, "GetBills", ANNA).code(), 5);
        }
    });
    let version = Cluster::shared().sql(&url, "SELECT COUNT(*), MAX(version) FROM billhook_store").unwrap();
    let known = succeed(place_of(&url).path(), &["migrate", "--json"]);
    let known: serde_json::Value = serde_json::from_str(&known).unwrap();
    assert_eq!(version.trim(), format!("1|{}", known["known"]));
}

/// The demo's orders as JSON Lines with one more account: the data that a copy must transfer.
fn exported(place: &Path, login: &str) -> String {
    succeed(place, &["export", "--account", login])
}

#[test]
fn a_store_moves_into_a_folder_and_back() {
    let place = place_of(&Cluster::shared().create_database().unwrap());
    for login in ["one", "two"] {
        succeed(place.path(), &["account", "add", login, "--key", DEMO_KEY]);
        succeed(place.path(), &["generate", "--account", login, "--orders", "1500", "--seed", "7"]);
    }
    let url = std::fs::read_to_string(place.path().join(STORE_FILE)).unwrap();
    let folder = place.path().join("folder").display().to_string();
    let told = succeed(place.path(), &["copy", &url, &folder]);
    assert!(told.contains("3000 orders of 2 accounts") && told.contains("compared"), "{told}");
    let again = run(place.path(), &["copy", &url, &folder]);
    assert_eq!(again.status, Some(1));
    assert!(again.stderr.contains("holds a store already"), "{again:?}");

    let back = place_of(&Cluster::shared().create_database().unwrap());
    let back_url = std::fs::read_to_string(back.path().join(STORE_FILE)).unwrap();
    let report = succeed(back.path(), &["copy", &format!("sqlite:{folder}"), &back_url, "--json"]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!((&report["accounts"], &report["orders"]), (&2.into(), &3000.into()));
    // One for each account, and one for the rows of none: the first copy's outbox is paused.
    assert_eq!(report["digests"].as_array().unwrap().len(), 3);
    for login in ["one", "two"] {
        assert_eq!(exported(place.path(), login), exported(back.path(), login));
    }
    succeed(back.path(), &["check"]);
    let shown = succeed(back.path(), &["outbox", "show"]);
    assert!(shown.contains(&format!("paused: this store is a copy of {folder}")), "{shown}");
}

/// Stands in for a replica that lags: only methods that read show its state.
#[test]
fn reads_go_to_the_replica_and_accounts_to_the_primary() {
    let primary = place_of(&Cluster::shared().create_database().unwrap());
    succeed(primary.path(), &["account", "add", "shop", "--key", DEMO_KEY]);
    let order = |id: u32| {
        let line =
            format!(r#"{{"id":{id},"email":"anna@example.com","items":[{{"id":1,"good_name":"n"}}]}}"#);
        let file = write(primary.path(), "orders.jsonl", &line);
        succeed(primary.path(), &["import", "--account", "shop", file.to_str().unwrap()]);
    };
    order(1);
    let replica = Cluster::shared().create_database().unwrap();
    let url = std::fs::read_to_string(primary.path().join(STORE_FILE)).unwrap();
    succeed(primary.path(), &["copy", &url, &replica]);
    order(2);
    let near = Billhook::start_over(place_of(&url), &[]);
    let far = Billhook::start_over(place_of(&url), &["--store-read", &replica]);
    let orders = |node: &Billhook, key: &str| {
        let answer = node.call("shop", key, "GetBills", ANNA);
        answer.json()["result"].as_object().map_or(0, serde_json::Map::len)
    };
    assert_eq!((orders(&near, DEMO_KEY), orders(&far, DEMO_KEY)), (2, 1));
    let printed = far.run(&["account", "rotate-key", "shop"]);
    let fresh = printed.lines().find_map(|line| line.strip_prefix("key: ")).unwrap();
    until(|| orders(&far, fresh) == 1);
    assert_eq!(far.admin("/readyz").status, 200);

    // A node that is set up with it can't serve without it; other nodes can.
    Cluster::shared().drop_database(&replica).unwrap();
    let health = far.admin("/readyz");
    assert_eq!(health.status, 503);
    assert!(health.body.contains("the replica (--store-read) fails"), "{}", health.body);
    assert_eq!(near.admin("/readyz").status, 200);
}
