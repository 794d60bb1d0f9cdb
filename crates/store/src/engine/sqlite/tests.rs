//! Tests of this engine alone: every statement's plan, and the loss of a group of writes.

use billhook_wire::{Key, Login};

use super::*;
use crate::{
    AccountId, marks,
    table::{statements, tables},
};

fn folder() -> (tempfile::TempDir, DataFolder) {
    let place = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(&place.path().join("data")).unwrap();
    (place, folder)
}

/// Every statement can be prepared, numbers its parameters in order, and reads by key. Those that read a
/// whole table are listed here.
#[test]
fn statements_read_by_key() {
    // A page of a time's orders is sorted by number, and cut to its length while sorting. Counting cuts its rows off first.
    let reads_whole_tables = |name: &str| {
        name.starts_with("check.")
            || name.starts_with("copy.")
            || name.starts_with("order_search.count_")
            || name.starts_with("order_facts.count_")
            || ["accounts.sum", "list_pages.created", "list_pages.paid"].contains(&name)
    };
    let (_place, folder) = folder();
    drop(Sqlite::open(&folder, Purpose::Serving).unwrap());
    let connection = connect(&folder.path().join(FILE_NAME)).unwrap();
    for sql in statements::every() {
        let statement = connection.prepare(sql.text).unwrap_or_else(|error| panic!("{}: {error}", sql.name));
        for n in 1..=statement.parameter_count() {
            assert_eq!(statement.parameter_name(n), Some(format!("${n}").as_str()), "{}", sql.name);
        }
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", sql.text)).unwrap();
        for n in 1..=explain.parameter_count() {
            explain.raw_bind_parameter(n, 1).unwrap();
        }
        let mut rows = explain.raw_query();
        let mut plan = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            plan.push(row.get::<_, String>(3).unwrap());
        }
        let whole = plan.iter().any(|step| {
            step.starts_with("SCAN") && !step.starts_with("SCAN CONSTANT ROW") || step.contains("TEMP B-TREE")
        });
        assert!(!whole || reads_whole_tables(sql.name), "{}: {plan:#?}", sql.name);
    }
}

/// What waits is found at the same cost after a million deliveries.
#[test]
fn deliveries_are_found_along_their_indexes() {
    let (_place, folder) = folder();
    drop(Sqlite::open(&folder, Purpose::Serving).unwrap());
    let connection = connect(&folder.path().join(FILE_NAME)).unwrap();
    for (name, search) in [
        ("queues.next_in_account", "deliveries USING INDEX deliveries_by_url (account_id=? AND <expr>>?)"),
        ("queues.next_account", "deliveries USING INDEX deliveries_by_url (account_id>?)"),
        ("deliveries.claim", "d USING INDEX deliveries_by_url (account_id=? AND <expr>=? AND due_at<?)"),
        (
            "deliveries.claim",
            "e USING COVERING INDEX events_of_order (account_id=? AND order_id=? AND event_no<?)",
        ),
        ("deliveries.of_order", "e USING COVERING INDEX events_of_order (account_id=? AND order_id=?)"),
        (
            "deliveries.before_in_state",
            "s USING COVERING INDEX deliveries_by_state (account_id=? AND state=? AND event_no>? AND (event_no,target_no)<(?,?))",
        ),
        (
            "deliveries.count",
            "deliveries USING COVERING INDEX deliveries_by_state (account_id=? AND state=?)",
        ),
    ] {
        let plan = plan(&connection, name);
        assert!(plan.contains(&format!("SEARCH {search}")), "{name}: {plan:?}");
    }
}

fn plan(connection: &Connection, name: &str) -> Vec<String> {
    let sql = statements::every().into_iter().find(|sql| sql.name == name).unwrap();
    let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", sql.text)).unwrap();
    for n in 1..=explain.parameter_count() {
        explain.raw_bind_parameter(n, 1).unwrap();
    }
    let mut rows = explain.raw_query();
    let mut plan = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        plan.push(row.get(3).unwrap());
    }
    plan
}

/// GetBills, an export's batches, and the search for a repeated order.
#[test]
fn bills_and_batches_are_range_scans() {
    let (_place, folder) = folder();
    drop(Sqlite::open(&folder, Purpose::Serving).unwrap());
    let connection = connect(&folder.path().join(FILE_NAME)).unwrap();
    let plan = |name: &str| plan(&connection, name);
    assert_eq!(
        plan("orders.bills_of"),
        ["SEARCH order_lines USING PRIMARY KEY (account_id=? AND email_key=?)"]
    );
    let batch = "USING PRIMARY KEY (account_id=? AND order_id>? AND order_id<?)";
    assert_eq!(plan("payments.next")[0], format!("SEARCH payments {batch}"));
    assert_eq!(plan("orders.each_between")[0], format!("SEARCH o {batch}"));
    // A page reads only its own rows. It is counted, and found by time, in a covering index.
    let of_number = "USING PRIMARY KEY (account_id=? AND order_id>?)";
    assert_eq!(plan("list_pages.all"), [format!("SEARCH orders {of_number}")]);
    let of_customer = "SEARCH order_lines USING PRIMARY KEY (account_id=? AND email_key=? AND order_id>?";
    assert_eq!(plan("list_pages.of_customer"), [format!("{of_customer})")]);
    assert_eq!(plan("list_pages.bills"), [format!("{of_customer} AND order_id<?)")]);
    for name in ["created", "paid"] {
        let search = format!(
            "SEARCH orders USING COVERING INDEX orders_by_{name} (account_id=? AND {name}>? AND {name}<?)"
        );
        assert_eq!(plan(&format!("list_pages.count_{name}")), [search.as_str()]);
        assert_eq!(plan(&format!("list_pages.{name}")), [search.as_str(), "USE TEMP B-TREE FOR ORDER BY"]);
    }
    let of_customer = "SEARCH order_lines USING PRIMARY KEY (account_id=? AND email_key=?)";
    assert_eq!(plan("same_order.newest"), [of_customer]);
}

#[test]
fn what_people_look_for_is_read_along_its_index() {
    let (_place, folder) = folder();
    drop(Sqlite::open(&folder, Purpose::Serving).unwrap());
    let connection = connect(&folder.path().join(FILE_NAME)).unwrap();
    let plan = |name: &str| plan(&connection, name);
    for (name, search) in [
        (
            "order_search.by_created",
            "o USING INDEX orders_by_created (account_id=? AND created>? AND (created,order_id)<(?,?))",
        ),
        (
            "order_search.by_paid",
            "o USING INDEX orders_by_paid (account_id=? AND paid>? AND (paid,order_id)<(?,?))",
        ),
        (
            "order_search.by_version",
            "l USING COVERING INDEX order_lines_by_version (account_id=? AND version_id=? AND order_id<?)",
        ),
        (
            "order_search.count_version",
            "order_lines USING COVERING INDEX order_lines_by_version (account_id=? AND version_id=?)",
        ),
        (
            "order_facts.by_phone",
            "o USING INDEX orders_by_phone (account_id=? AND phone_key>? AND phone_key<?)",
        ),
        (
            "order_facts.by_surname",
            "o USING INDEX orders_by_surname (account_id=? AND surname_key>? AND surname_key<?)",
        ),
        ("order_facts.by_email", "l USING PRIMARY KEY (account_id=? AND email_key>? AND email_key<?)"),
    ] {
        assert_eq!(plan(name)[0], format!("SEARCH {search}"));
    }
    for (name, search) in [
        (
            "phone",
            "orders USING COVERING INDEX orders_by_phone (account_id=? AND phone_key>? AND phone_key<?)",
        ),
        (
            "surname",
            "orders USING COVERING INDEX orders_by_surname (account_id=? AND surname_key>? AND surname_key<?)",
        ),
        ("email", "order_lines USING PRIMARY KEY (account_id=? AND email_key>? AND email_key<?)"),
    ] {
        let plan = plan(&format!("order_facts.count_{name}"));
        assert!(plan.contains(&format!("SEARCH {search}")), "{name}: {plan:?}");
    }
}

#[test]
fn reports_read_covering_indexes() {
    let (_place, folder) = folder();
    drop(Sqlite::open(&folder, Purpose::Serving).unwrap());
    let connection = connect(&folder.path().join(FILE_NAME)).unwrap();
    for (name, search) in [
        (
            "reports.orders",
            "orders USING COVERING INDEX orders_in_reports (account_id=? AND created>? AND created<?)",
        ),
        (
            "reports.lines",
            "order_lines USING COVERING INDEX order_lines_by_version (account_id=? AND version_id=? AND order_id>? AND order_id<?)",
        ),
        (
            "income.payments",
            "payments USING COVERING INDEX payments_by_time (account_id=? AND received>? AND received<?)",
        ),
        // Its condition on the status is looked up in the order.
        ("income.unnoted", "orders USING INDEX orders_unnoted (account_id=? AND paid>? AND paid<?)"),
        ("income.hidden", "order_lines USING PRIMARY KEY (account_id=? AND email_key>? AND email_key<?)"),
        ("payments.given_back", "payments USING COVERING INDEX payments_given_back (account_id=?)"),
    ] {
        assert_eq!(plan(&connection, name), [format!("SEARCH {search}")]);
    }
}

#[test]
fn a_newer_or_foreign_file_is_refused() {
    let (_place, folder) = folder();
    drop(Sqlite::open(&folder, Purpose::Serving).unwrap());
    let file = folder.path().join(FILE_NAME);
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 1000).unwrap();
    let error = Sqlite::open(&folder, Purpose::Serving).err().unwrap();
    assert_eq!(error.kind(), Kind::Newer);
    assert!(error.to_string().contains("newer version"), "{error}");

    Connection::open(&file).unwrap().pragma_update(None, "application_id", 7).unwrap();
    assert_eq!(Sqlite::open(&folder, Purpose::Serving).err().unwrap().kind(), Kind::Foreign);

    fs::write(&file, "a letter, not a database; long enough to be read as a header".repeat(20)).unwrap();
    for log in ["billhook.db-wal", "billhook.db-shm"] {
        let _ = fs::remove_file(folder.path().join(log));
    }
    assert_eq!(Sqlite::open(&folder, Purpose::Serving).err().unwrap().kind(), Kind::Foreign);
}

/// A store on a full disk refuses writes, keeps its data, and goes on when there is space again.
#[test]
fn a_full_disk_loses_nothing_acknowledged() {
    let (_place, folder) = folder();
    let mut connection = connect(&folder.path().join(FILE_NAME)).unwrap();
    migrations::run(&mut connection, &folder.path().join(FILE_NAME)).unwrap();
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    connection.pragma_update(None, "max_page_count", pages + 8).unwrap();
    let readers = Arc::new(Readers::new(folder.path().join(FILE_NAME)).unwrap());
    let writer = Writer::start(connection, readers, SERVING_LOG_PAGES).unwrap();

    let (send, answers) = std::sync::mpsc::channel();
    let put = |name: String| {
        let send = send.clone();
        writer.submit(Box::new(Put { name, send, error: None }));
        answers.recv().unwrap()
    };
    let mut kept = 0;
    let error = loop {
        match put(format!("mark {kept}")) {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), Kind::Full, "{error}");
    assert!(kept > 0);
    assert!(writer.failed().is_none());

    let reader = connect(&folder.path().join(FILE_NAME)).unwrap();
    let count: i64 = reader.query_row("SELECT COUNT(*) FROM marks", [], |row| row.get(0)).unwrap();
    assert_eq!(count, kept);
}

/// After a reader or the writer meets damage, nothing is written any more, but undamaged data can be read.
#[test]
fn a_damaged_store_is_written_no_more() {
    for reads_first in [true, false] {
        let (_place, folder) = folder();
        let store = Sqlite::open(&folder, Purpose::Serving).unwrap();
        set(&store, "n", "text");
        let root: i64 = connect(&folder.path().join(FILE_NAME))
            .unwrap()
            .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'marks'", [], |row| row.get(0))
            .unwrap();
        drop(store);
        let mut bytes = fs::read(folder.path().join(FILE_NAME)).unwrap();
        // No page of a table begins with this byte.
        bytes[usize::try_from(root - 1).unwrap() * 4096] = 0xFF;
        fs::write(folder.path().join(FILE_NAME), bytes).unwrap();

        let store = Sqlite::open(&folder, Purpose::Serving).unwrap();
        assert!(store.failed().is_none());
        let (send, answers) = std::sync::mpsc::channel();
        let put = || {
            store.submit(Box::new(Put { name: "m".to_owned(), send: send.clone(), error: None }));
            answers.recv().unwrap().unwrap_err()
        };
        if reads_first {
            let mut found = Ok(None);
            store.read_one(&mut |tx| found = marks::get(tx, "n")).unwrap();
            assert_eq!(found.unwrap_err().kind(), Kind::Damaged);
        } else {
            assert_eq!(put().kind(), Kind::Damaged);
        }
        let error = store.failed().unwrap();
        assert_eq!(error.kind(), Kind::Stopped, "{error}");
        let text = error.to_string();
        let told = [FILE_NAME, "damaged", "billhook restore", "Nothing is written any more"];
        assert!(told.iter().all(|part| text.contains(part)), "{text}");
        assert_eq!(put(), error);
        assert_eq!(store.health(), Err(error));
        let mut accounts = Err(Error::new(Kind::Damaged, ""));
        store.read(&mut |tx| accounts = crate::accounts::list(tx)).unwrap();
        assert!(accounts.unwrap().is_empty());
        assert_eq!(Sqlite::check(&store, &mut |_| {}).unwrap().len(), 1);
    }
}

struct Put {
    name: String,
    send: std::sync::mpsc::Sender<Result<(), Error>>,
    error: Option<Error>,
}

impl Work for Put {
    fn run(&mut self, mut tx: Tx<'_>) -> bool {
        self.error = marks::set(&mut tx, &self.name, &"x".repeat(2000)).err();
        self.error.is_none()
    }

    fn error(&self) -> Option<Error> {
        self.error.clone()
    }

    fn finish(self: Box<Self>, outcome: Result<(), Error>) {
        self.send.send(self.error.map_or(outcome, Err)).unwrap();
    }
}

/// One account has many slow writes waiting. Another account's write waits for only one of them.
#[test]
fn accounts_take_turns() {
    let (_place, folder) = folder();
    let store = Sqlite::open(&folder, Purpose::Serving).unwrap();
    let (open, gate) = std::sync::mpsc::channel();
    let (send, answers) = std::sync::mpsc::channel();
    let mut gate = Some(gate);
    for account in [1, 1, 1, 1, 1, 2] {
        store.submit(Box::new(Slow { account: AccountId(account), gate: gate.take(), send: send.clone() }));
    }
    // All are queued before the first is done.
    open.send(()).unwrap();
    let order: Vec<_> = answers.iter().take(6).map(|account: AccountId| account.0).collect();
    assert_eq!(order, [1, 2, 1, 1, 1, 1]);
}

struct Slow {
    account: AccountId,
    gate: Option<std::sync::mpsc::Receiver<()>>,
    send: std::sync::mpsc::Sender<AccountId>,
}

impl Work for Slow {
    fn run(&mut self, _: Tx<'_>) -> bool {
        if let Some(gate) = self.gate.take() {
            gate.recv().unwrap();
        }
        thread::sleep(Duration::from_millis(6));
        true
    }

    fn account(&self) -> Option<AccountId> {
        Some(self.account)
    }

    fn error(&self) -> Option<Error> {
        None
    }

    fn finish(self: Box<Self>, outcome: Result<(), Error>) {
        outcome.unwrap();
        self.send.send(self.account).unwrap();
    }
}

fn set(store: &Sqlite, name: &str, text: &str) {
    let (send, answer) = std::sync::mpsc::channel();
    store.submit(Box::new(Set { name: name.to_owned(), text: text.to_owned(), send }));
    answer.recv().unwrap().unwrap();
}

struct Set {
    name: String,
    text: String,
    send: std::sync::mpsc::Sender<Result<(), Error>>,
}

impl Work for Set {
    fn run(&mut self, mut tx: Tx<'_>) -> bool {
        marks::set(&mut tx, &self.name, &self.text).is_ok()
    }

    fn error(&self) -> Option<Error> {
        None
    }

    fn finish(self: Box<Self>, outcome: Result<(), Error>) {
        self.send.send(outcome).unwrap();
    }
}

fn mark(store: &Sqlite, name: &str) -> Option<String> {
    let mut found = None;
    store.read_one(&mut |tx| found = Some(marks::get(tx, name).unwrap())).unwrap();
    found.unwrap()
}

/// Readers keep their transactions, but none may miss a finished commit of any process.
#[test]
fn a_held_transaction_never_shows_an_old_state() {
    let (_place, folder) = folder();
    let store = Sqlite::open(&folder, Purpose::Serving).unwrap();
    let beside = Sqlite::open(&folder, Purpose::Serving).unwrap();
    let foreign = connect(&folder.path().join(FILE_NAME)).unwrap();
    for n in 0..200 {
        let number = n.to_string();
        match n % 3 {
            0 => set(&store, "n", &number),
            1 => set(&beside, "n", &number),
            _ => drop(foreign.execute("UPDATE marks SET value = ?1 WHERE name = 'n'", [&number]).unwrap()),
        }
        assert_eq!((mark(&store, "n"), mark(&beside, "n")), (Some(number.clone()), Some(number.clone())));
        let [reader] = store.inner.readers.take().into_iter().collect::<Vec<_>>().try_into().ok().unwrap();
        assert!(!reader.connection.is_autocommit(), "it holds its transaction");
        store.inner.readers.give_back(reader);
    }
}

/// Readers with open transactions, busy or idle, in any process, must not keep the log from restarting.
#[test]
fn the_log_stays_short_while_readers_hold_transactions() {
    let (_place, folder) = folder();
    let store = Sqlite::open(&folder, Purpose::Serving).unwrap();
    let beside = Sqlite::open(&folder, Purpose::Serving).unwrap();
    set(&store, "n", "");
    // Of two readers, one will be idle, and so will the other store's.
    let two = [store.inner.readers.take().unwrap(), store.inner.readers.take().unwrap()];
    for reader in two {
        reader.connection.query_row("SELECT COUNT(*) FROM marks", [], |_| Ok(())).unwrap();
        store.inner.readers.give_back(reader);
    }
    mark(&beside, "n");
    let done = std::sync::atomic::AtomicBool::new(false);
    let since = std::time::Instant::now();
    let longest = thread::scope(|scope| {
        scope.spawn(|| {
            // The loop must end even if the test fails.
            while !done.load(std::sync::atomic::Ordering::Relaxed) && since.elapsed() < BUSY_TIMEOUT {
                mark(&store, "n");
            }
        });
        let mut longest = 0;
        for n in 0..1000 {
            // A new text each time: an equal one would not be written.
            set(&store, &(n % 50).to_string(), &format!("{n:05}").repeat(8_000));
            longest = longest.max(store.inner.readers.log_pages());
            if n % 300 == 0 {
                mark(&beside, "n");
            }
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        longest
    });
    assert!(longest > SERVING_LOG_PAGES, "{longest}: too little was written to tell");
    // On a busy machine one attempt may fail; in total eleven times as much is written.
    assert!(longest < 10 * SERVING_LOG_PAGES, "{longest} pages");
}

/// A copy would lose a table that it does not know.
#[test]
fn every_table_is_copied() {
    let (_place, folder) = folder();
    drop(Sqlite::open(&folder, Purpose::Serving).unwrap());
    let connection = connect(&folder.path().join(FILE_NAME)).unwrap();
    let mut tables =
        connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
    let tables: Vec<String> =
        tables.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    let mut copied = tables::table_names();
    copied.sort_unstable();
    assert_eq!(tables, copied);
    for table in tables {
        let columns = connection.prepare(&format!("SELECT * FROM {table}")).unwrap().column_count();
        assert_eq!(tables::columns(&table), columns, "{table}");
    }
}

/// A server that sees no account would tell its callers so. A command may still save what can be read.
#[test]
fn a_server_needs_sound_accounts() {
    let (place, folder) = folder();
    let location = crate::Location::folder(&place.path().join("data"));
    let store = crate::Store::open(&location).unwrap();
    let (login, key) = (Login::parse("shop").unwrap(), Key::parse("key-of-the-shop").unwrap());
    store.write(move |tx| crate::accounts::add(tx, &login, &key, 1)).unwrap().unwrap();
    drop(store);
    drop(crate::Store::open_to_serve(&location).unwrap());

    let path = folder.path().join(FILE_NAME);
    let connection = connect(&path).unwrap();
    connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).unwrap();
    let root: u32 = connection
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'accounts'", [], |row| row.get(0))
        .unwrap();
    drop(connection);
    let mut bytes = fs::read(&path).unwrap();
    // The count of the page's rows.
    bytes[(usize::try_from(root).unwrap() - 1) * 4096 + 4] = 0;
    fs::write(&path, bytes).unwrap();
    assert_eq!(crate::Store::open_to_serve(&location).err().map(|error| error.kind()), Some(Kind::Damaged));
    drop(crate::Store::open(&location).unwrap());
}
