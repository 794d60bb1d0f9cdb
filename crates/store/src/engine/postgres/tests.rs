//! What only this engine can show: every statement's plan, steps taken once however many ask, sums that fit.

use std::sync::Barrier;

use billhook_postgres_cluster::Cluster;
use tokio_postgres::SimpleQueryMessage;

use super::*;
use crate::{Location, copy, engine, location::Place, statements};
use migrations::{STEPS, Step};

fn address() -> Address {
    Address::parse(&Cluster::shared().create_database().unwrap()).unwrap()
}

fn link(address: &Address) -> Link {
    Link::connect(address, None).unwrap_or_else(|failed| panic!("{}", failed.error))
}

fn text(link: &Link, query: &str) -> String {
    let messages = link.simple(query).unwrap_or_else(|failed| panic!("{query}: {}", failed.error));
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    rows.collect::<Vec<_>>().join("\n")
}

/// A store of some size, as its planner knows it.
fn filled() -> Link {
    let address = address();
    migrate(&address).unwrap();
    let link = link(&address);
    let columns = "'', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '',
                   '', '', '', '', ''";
    for fill in [
        "INSERT INTO accounts SELECT n, 'login' || n, 'key', '', 0, 0, 0, n FROM generate_series(1, 2000) n",
        "INSERT INTO domains SELECT n, 'shop' || n || '.example' FROM generate_series(1, 2000) n",
        "INSERT INTO settings SELECT n, 'rate', '0' FROM generate_series(1, 2000) n",
        "INSERT INTO products SELECT 1 + n % 2, n, 'good' || n, 'Good', 100 FROM generate_series(1, 5000) n",
        "INSERT INTO product_versions SELECT 1 + n % 2, n, n, 'good' || n, 'Good' FROM generate_series(1, 5000) n",
        &format!(
            "INSERT INTO orders SELECT 1 + n % 2, n, 'x', 'customer' || n % 5000 || '@example.com', 'paid', 0, 0, 0, {columns}
               FROM generate_series(1, 40000) n"
        ),
        "INSERT INTO order_lines
         SELECT 1 + n % 2, 'customer' || n % 5000 || '@example.com', n, position, 'paid', 1 + n % 5000, 100, 100, ''
           FROM generate_series(1, 40000) n, generate_series(0, 1) position",
        "VACUUM ANALYZE",
    ] {
        text(&link, fill);
    }
    link
}

/// The plan of the planner's own choice, whatever is bound.
fn plan(link: &Link, sql: &Sql) -> String {
    let count = (1..100).take_while(|n| sql.text.contains(&format!("${n}"))).count();
    text(link, &format!("PREPARE tried AS {}", sql.text));
    let args = vec!["NULL"; count].join(", ");
    let call = if count == 0 { "tried".to_owned() } else { format!("tried({args})") };
    let plan = text(link, &format!("EXPLAIN EXECUTE {call}"));
    text(link, "DEALLOCATE tried");
    plan
}

/// Every statement prepares, and reads by key. Named are those that may do otherwise: of the accounts a third may be newer than any
/// version, an account's orders are half of the table here, and a mark is one of a handful. What may be sorted besides is an
/// order's few lines, and sixteen versions.
#[test]
fn statements_read_by_key() {
    const SCANNING: &[&str] = &[
        "accounts.newest",
        "accounts.sum",
        "accounts.changed_since",
        "accounts.domains_since",
        "accounts.settings_since",
        "orders.each",
        "orders.count",
        "products.each",
        "marks.get",
        "marks.set",
        "marks.remove",
    ];
    const SORTING: &[&str] =
        &["accounts.changed_since", "orders.each", "products.each", "orders.find", "versions.block"];
    let link = filled();
    for sql in statements::every() {
        let plan = plan(&link, sql);
        let is_whole = ["check.", "copy."].iter().any(|names| sql.name.starts_with(names));
        let may_scan = is_whole || SCANNING.contains(&sql.name);
        assert!(may_scan || !plan.contains("Seq Scan"), "{}: {plan}", sql.name);
        let may_sort = is_whole || SORTING.contains(&sql.name);
        assert!(may_sort || !plan.contains("Sort"), "{}: {plan}", sql.name);
    }
}

/// GetBills reads one range of one index and nothing else; one order is found by its number, and its lines by their customer.
#[test]
fn the_requests_statements_read_one_range() {
    let link = filled();
    let plan_of =
        |name: &str| plan(&link, statements::every().into_iter().find(|sql| sql.name == name).unwrap());
    let bills = plan_of("orders.bills_of");
    assert!(bills.starts_with("Index Only Scan using order_lines_pkey"), "{bills}");
    assert!(bills.contains("Index Cond: ((account_id = $1) AND (email_key = $2))"), "{bills}");
    let order = plan_of("orders.find");
    assert!(order.contains("Index Cond: ((account_id = $1) AND (order_id = $2))"), "{order}");
    assert!(order.contains("Index Cond: ((account_id = $1) AND (email_key = o.email_key)"), "{order}");
}

/// A table that a copy did not know would be lost by it.
#[test]
fn every_table_is_copied() {
    let address = address();
    migrate(&address).unwrap();
    let link = link(&address);
    let tables = text(
        &link,
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'billhook_store' ORDER BY tablename",
    );
    let mut copied = copy::table_names();
    copied.sort_unstable();
    assert_eq!(tables.lines().collect::<Vec<_>>(), copied);
    for table in copied {
        let columns = text(
            &link,
            &format!(
                "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{table}'"
            ),
        );
        assert_eq!(copy::columns(table).to_string(), columns, "{table}");
    }
}

/// A step that comes later is taken on a store with data, once, however many start at the same time; a program that does not know it
/// refuses the store from then on.
#[test]
fn a_later_step_is_taken_once_with_the_data_kept() {
    const LATER: &[Step] = &[
        STEPS[0],
        STEPS[1],
        (
            "a column, and a mark for each time it was made",
            "ALTER TABLE accounts ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue';
             INSERT INTO marks (name, value) SELECT 'step ' || COUNT(*), 'taken' FROM marks",
        ),
    ];
    let url = Cluster::shared().create_database().unwrap();
    let address = Address::parse(&url).unwrap();
    migrate(&address).unwrap();
    text(&link(&address), "INSERT INTO accounts VALUES (1, 'anna', 'k', '', 0, 0, 0, 1)");
    let start = Barrier::new(10);
    std::thread::scope(|scope| {
        let nodes: Vec<_> = (0..10)
            .map(|_| {
                scope.spawn(|| {
                    let mut link = link(&address);
                    start.wait();
                    migrations::run(&mut link, &address, LATER).map_err(|failed| failed.error)
                })
            })
            .collect();
        for node in nodes {
            node.join().unwrap().unwrap();
        }
    });
    let link = link(&address);
    assert_eq!(text(&link, "SELECT login || ' ' || colour FROM accounts"), "anna blue");
    assert_eq!(text(&link, "SELECT name FROM marks"), "step 0");
    let location = Location::parse(&url).unwrap();
    assert_eq!(engine::open(&location, Purpose::Serving).err().unwrap().kind(), Kind::Newer);
    assert_eq!(engine::version(&location).unwrap_err().kind(), Kind::Newer);
}

/// A step that fails leaves nothing behind, and says which one it was.
#[test]
fn a_step_that_fails_is_named_and_leaves_nothing() {
    const BROKEN: &[Step] = &[STEPS[0], ("the impossible", "CREATE TABLE half (n BIGINT); SELECT 1 / 0")];
    let address = address();
    let mut link = link(&address);
    let failed = migrations::run(&mut link, &address, BROKEN).unwrap_err();
    assert!(failed.error.to_string().contains("the impossible"), "{}", failed.error);
    assert_eq!(text(&link, "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
    // Another program's tables of the same name are not taken for ours.
    text(&link, "CREATE TABLE orders (n BIGINT)");
    assert!(migrate(&address).is_err());
    assert_eq!(text(&link, "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'"), "1");
}

/// A server whose own default is to answer before anything is on the disk.
#[test]
fn an_acknowledged_commit_is_on_the_disk_whatever_the_servers_default() {
    let url = Cluster::shared().create_database().unwrap();
    let database = url.rsplit_once('/').unwrap().1;
    let set = format!("ALTER DATABASE {database} SET synchronous_commit = off");
    Cluster::shared().sql(database, &set).unwrap();
    assert_eq!(text(&link(&Address::parse(&url).unwrap()), "SHOW synchronous_commit"), "on");
}

#[test]
fn what_is_no_utf8_is_refused() {
    Cluster::shared()
        .sql("postgres", "CREATE DATABASE latin ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'")
        .unwrap();
    let location = Location::parse(&Cluster::shared().url("latin")).unwrap();
    let Place::Database(database) = &location.0 else { panic!("{location}") };
    let error = Postgres::open(database, Purpose::Serving).err().unwrap();
    assert_eq!(error.kind(), Kind::Foreign);
    assert!(error.to_string().contains("SQL_ASCII"), "{error}");
}
