//! Tests of this engine alone: every statement's plan, migrations, sums that do not overflow.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use billhook_test_kit::Cluster;
use tokio_postgres::SimpleQueryMessage;

use super::*;
use crate::{
    Location, Store,
    contacts::ContactText,
    engine,
    location::Place,
    table::{statements, tables},
};
use failed::Why;
use migrations::{STEPS, Step};

fn address() -> Address {
    Address::parse(&Cluster::shared().create_database().unwrap()).unwrap()
}

fn connection(address: &Address) -> Connection {
    Connection::connect(address, ConnectOptions::default())
        .unwrap_or_else(|failed| panic!("{}", failed.error))
}

fn options(timeout: Duration) -> ConnectOptions {
    ConnectOptions { timeout: Some(timeout), is_primary: true }
}

fn connection_with(address: &Address, timeout: Duration) -> Connection {
    Connection::connect(address, options(timeout)).unwrap_or_else(|failed| panic!("{}", failed.error))
}

fn text(connection: &Connection, query: &str) -> String {
    let messages = connection.simple(query).unwrap_or_else(|failed| panic!("{query}: {}", failed.error));
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    rows.collect::<Vec<_>>().join("\n")
}

/// A store of some size, with the planner's statistics.
fn filled() -> Connection {
    let address = address();
    make(&address, true).unwrap();
    let connection = connection(&address);
    let [columns, texts] = [33, ContactText::COUNT].map(|count| vec!["''"; count].join(", "));
    let some = "FROM generate_series(1, 40000) n";
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
        "INSERT INTO payments SELECT 1 + n % 2, n, 1, 200, 0 FROM generate_series(1, 40000) n",
        "INSERT INTO pincodes SELECT 1 + n % 2, n % 5000, n, 'pin' || n, n % 3 FROM generate_series(1, 40000) n",
        "INSERT INTO categories SELECT 1 + n % 2, n, 'Category' FROM generate_series(1, 5000) n",
        "INSERT INTO managers SELECT 1 + n % 2, n, 'Manager' FROM generate_series(1, 5000) n",
        "INSERT INTO partners SELECT 1 + n % 2, n, 'partner' || n, 0 FROM generate_series(1, 5000) n",
        "INSERT INTO coupons SELECT 1 + n % 2, n, 'C' || n, 'c' || n, 'percent', 1000, 0, 0, 0, 0 FROM generate_series(1, 5000) n",
        "INSERT INTO coupon_goods SELECT 1 + n % 2, n, good FROM generate_series(1, 5000) n, generate_series(1, 3) good",
        "INSERT INTO idempotency_keys SELECT 1 + n % 2, 'key ' || n, 'AddGood', '', 'OK', '[]', n FROM generate_series(1, 5000) n",
        "INSERT INTO people SELECT 1 + n % 200, n, 'person' || n, 'owner', '', '', 0, 0 FROM generate_series(1, 5000) n",
        "INSERT INTO sessions SELECT 1 + n % 200, 'digest' || n, n, 0, n, '', '', 0 FROM generate_series(1, 5000) n",
        "INSERT INTO login_links SELECT 1 + n % 200, 'digest' || n, n, n FROM generate_series(1, 5000) n",
        "INSERT INTO audit SELECT 1 + n % 2, n / 4, n, 'person', 'setting', n / 2, '', '' FROM generate_series(1, 40000) n",
        "INSERT INTO endpoints SELECT 1 + n % 500, n, 'https://a.example/', '', '', '', 0, 0, 0, '' FROM generate_series(1, 5000) n",
        "INSERT INTO events SELECT 1 + n % 2, n, 'paid', n / 2, n, '', '{}', 0 FROM generate_series(1, 40000) n",
        "INSERT INTO deliveries
         SELECT 1 + n % 2, n, 1, 'paid', n / 2, 1, 'https://a.example/', CASE n % 10 WHEN 0 THEN 'pending' ELSE 'delivered' END,
                0, n, 0, 0, '', '', 0
           FROM generate_series(1, 40000) n",
        "INSERT INTO delivery_tries SELECT 1 + n % 2, n, 1, 1, 0, 200, 1, '', '' FROM generate_series(1, 40000) n",
        &format!(
            "INSERT INTO contacts SELECT 1 + n % 2, n, n || '@a.b', n, n, 0, n % 2, {texts}, n || '@a.b', n, 's' || n % 500 {some}"
        ),
        "INSERT INTO contact_groups SELECT 1 + n % 200, n, 'group' || n, '', 'open', 0, '', '' FROM generate_series(1, 5000) n; INSERT INTO erased SELECT 1 + n % 2, 'digest' || n FROM generate_series(1, 5000) n",
        &format!("INSERT INTO contact_tags SELECT 1 + n % 2, n, 'tag' || n % 500 {some}"),
        &format!("INSERT INTO contact_history SELECT 1 + n % 2, n, 1, n, '', '', '', '' {some}"),
        &format!("INSERT INTO subscriptions SELECT 1 + n % 2, n % 500, n, 'STATUS_SUBSCRIBE', n, '', '', '', '' {some}"),
        "UPDATE orders SET created = order_id, paid = order_id, phone_key = order_id, surname_key = 's' || order_id % 500",
        "VACUUM ANALYZE",
    ] {
        text(&connection, fill);
    }
    connection
}

/// The generic plan, whatever the arguments.
fn plan(connection: &Connection, sql: &Sql) -> String {
    let count = (1..100).take_while(|n| sql.text.contains(&format!("${n}"))).count();
    text(connection, &format!("PREPARE tried AS {}", sql.text));
    let args = vec!["NULL"; count].join(", ");
    let call = if count == 0 { "tried".to_owned() } else { format!("tried({args})") };
    let plan = text(connection, &format!("EXPLAIN EXECUTE {call}"));
    text(connection, "DEALLOCATE tried");
    plan
}

/// A third of the accounts may be newer than any version, and an account's orders are half of the table here.
const SCANNING: &[&str] = &[
    "accounts.newest",
    "accounts.sum",
    "accounts.changed_since",
    "accounts.domains_since",
    "accounts.settings_since",
    "orders.each",
    "orders.count",
    "list_pages.count_created",
    "list_pages.count_paid",
    "list_pages.versions",
    "list_pages.goods",
    "list_pages.count_goods",
    "products.each",
    "products.on_sale",
    "products.catalogue",
    "products.each_good",
    "categories.list",
    "categories.empty",
    "managers.list",
    "partners.list",
    "partners.leave",
    "coupons.list",
    "contacts.all_tags",
    "payments.given_back",
    "marks.get",
    "marks.set",
    "marks.remove",
    "events.asking",
];
/// An order's few lines, sixteen versions, the orders of a time, and a batch of payments with its orders.
const SORTING: &[&str] = &[
    "accounts.changed_since",
    "orders.each",
    "orders.each_between",
    "people.list",
    "people.sessions_of",
    "endpoints.list",
    "products.each",
    "products.on_sale",
    "products.catalogue",
    "products.each_good",
    "pincodes.each",
    "orders.find",
    "product_versions.block",
    "order_lists.by_created",
    "order_lists.by_paid",
    "list_pages.created",
    "list_pages.paid",
    "list_pages.lines_created",
    "list_pages.lines_paid",
    "list_pages.goods",
    "order_changes.payments",
    "payments.next",
    "payments.given_back",
    "coupons.goods",
    "categories.list",
    "managers.list",
    "partners.list",
    "coupons.list",
    "contacts.all_tags",
    "groups.list",
];

/// Every statement can be prepared, and reads by key, but for those that are listed.
#[test]
fn statements_read_by_key() {
    let connection = filled();
    for sql in statements::every() {
        let plan = plan(&connection, sql);
        let is_whole = ["check.", "copy."].iter().any(|names| sql.name.starts_with(names));
        let may_scan = is_whole || SCANNING.contains(&sql.name);
        assert!(may_scan || !plan.contains("Seq Scan"), "{}: {plan}", sql.name);
        let may_sort = is_whole || SORTING.contains(&sql.name);
        assert!(may_sort || !plan.contains("Sort"), "{}: {plan}", sql.name);
    }
}

/// GetBills reads one range of one index. One order is found by its number, and its lines by their customer.
#[test]
fn the_requests_statements_read_one_range() {
    let connection = filled();
    let plan_of =
        |name: &str| plan(&connection, statements::every().into_iter().find(|sql| sql.name == name).unwrap());
    let bills = plan_of("orders.bills_of");
    assert!(bills.starts_with("Index Only Scan using order_lines_pkey"), "{bills}");
    assert!(bills.contains("Index Cond: ((account_id = $1) AND (email_key = $2))"), "{bills}");
    let order = plan_of("orders.find");
    assert!(order.contains("Index Cond: ((account_id = $1) AND (order_id = $2))"), "{order}");
    assert!(order.contains("Index Cond: ((account_id = $1) AND (email_key = o.email_key)"), "{order}");
    let same = plan_of("same_order.newest");
    assert!(same.contains("Backward using order_lines_pkey"), "{same}");
    assert!(same.contains("Index Cond: ((account_id = $1) AND (email_key = $2))"), "{same}");
    // What people look for, each along its own index.
    for (name, index, condition) in [
        // An export's batches: payments after a number, and the orders up to the last of theirs.
        ("payments.next", "Index Cond", "(order_id > $2) AND (order_id <= COALESCE("),
        ("orders.each_between", "Index Cond", "((account_id = $1) AND (order_id > $2) AND (order_id <= $3))"),
        (
            "order_search.by_created",
            "orders_by_created",
            "(created >= $2) AND (ROW(created, order_id) < ROW($3, $4))",
        ),
        ("order_search.by_paid", "orders_by_paid", "(paid >= $2) AND (ROW(paid, order_id) < ROW($3, $4))"),
        ("order_facts.by_phone", "orders_by_phone", "(phone_key >= $2) AND (phone_key < $3)"),
        ("order_facts.by_surname", "orders_by_surname", "(surname_key >= $2) AND (surname_key < $3)"),
        ("order_search.by_version", "order_lines_by_version", "(version_id = $2) AND (order_id < $3)"),
        (
            "order_facts.by_email",
            "order_lines_pkey",
            "(email_key >= $2) AND (email_key < $3) AND (\"position\" = 0)",
        ),
    ] {
        let plan = plan_of(name);
        assert!(plan.contains(index) && plan.contains(condition), "{name}: {plan}");
    }
}

/// A copy would lose a table that it does not know.
#[test]
fn every_table_is_copied() {
    let address = address();
    make(&address, true).unwrap();
    let connection = connection(&address);
    let tables = text(
        &connection,
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('billhook_store', 'order_numbers') ORDER BY tablename",
    );
    let mut copied = tables::table_names();
    copied.sort_unstable();
    assert_eq!(tables.lines().collect::<Vec<_>>(), copied);
    for table in copied {
        let columns = text(
            &connection,
            &format!(
                "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{table}'"
            ),
        );
        assert_eq!(tables::columns(table).to_string(), columns, "{table}");
    }
}

/// A later step is taken once on a store with data, however many processes start at once. After that, a
/// program that does not know it refuses the store.
#[test]
fn a_later_step_is_taken_once_with_the_data_kept() {
    let mut later = STEPS.to_vec();
    later.push((
        "a column, and a mark for each time it was made",
        "ALTER TABLE accounts ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue';
         INSERT INTO marks (name, value) SELECT 'step ' || COUNT(*), 'taken' FROM marks",
    ));
    let later: &'static [Step] = later.leak();
    let url = Cluster::shared().create_database().unwrap();
    let address = Address::parse(&url).unwrap();
    make(&address, true).unwrap();
    text(&connection(&address), "INSERT INTO accounts VALUES (1, 'anna', 'k', '', 0, 0, 0, 1)");
    let start = Barrier::new(10);
    thread::scope(|scope| {
        let nodes: Vec<_> = (0..10)
            .map(|_| {
                scope.spawn(|| {
                    let mut connection = connection(&address);
                    start.wait();
                    migrations::run(&mut connection, &address, later).map_err(|failed| failed.error)
                })
            })
            .collect();
        for node in nodes {
            node.join().unwrap().unwrap();
        }
    });
    let connection = connection(&address);
    assert_eq!(text(&connection, "SELECT login || ' ' || colour FROM accounts"), "anna blue");
    assert_eq!(text(&connection, "SELECT name FROM marks"), "step 0");
    let location = Location::parse(&url).unwrap();
    assert_eq!(engine::open(&location, Purpose::Serving).err().unwrap().kind(), Kind::Newer);
    assert_eq!(engine::version(&location).unwrap_err().kind(), Kind::Newer);
}

/// A failed step changes nothing, and the error names it.
#[test]
fn a_step_that_fails_is_named_and_leaves_nothing() {
    const BROKEN: &[Step] = &[STEPS[0], ("the impossible", "CREATE TABLE half (n BIGINT); SELECT 1 / 0")];
    let address = address();
    let mut connection = connection(&address);
    let failed = migrations::run(&mut connection, &address, BROKEN).unwrap_err();
    assert!(failed.error.to_string().contains("the impossible"), "{}", failed.error);
    assert_eq!(text(&connection, "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
    // Tables of another program with the same names are not taken for ours.
    text(&connection, "CREATE TABLE orders (n BIGINT)");
    assert!(make(&address, true).is_err());
    assert_eq!(text(&connection, "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'"), "1");
}

/// A server whose default is asynchronous commit.
#[test]
fn an_acknowledged_commit_is_on_the_disk_whatever_the_servers_default() {
    let url = Cluster::shared().create_database().unwrap();
    let database = url.rsplit_once('/').unwrap().1;
    let set = format!("ALTER DATABASE {database} SET synchronous_commit = off");
    Cluster::shared().sql(database, &set).unwrap();
    assert_eq!(text(&connection(&Address::parse(&url).unwrap()), "SHOW synchronous_commit"), "on");
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

const SLEEP: Sql = Sql::new("test.sleep", "SELECT pg_sleep(600)::TEXT");
const MARK: Sql = Sql::new("test.mark", "INSERT INTO marks (name, value) VALUES ($1, '')");

/// Waits until the database has ended the statement that [`SLEEP`] started.
fn until_nobody_sleeps(connection: &Connection) {
    let since = Instant::now();
    let sleeping = "SELECT COUNT(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%pg_sleep(600)%'";
    while text(connection, sleeping) != "0" {
        assert!(since.elapsed() < Duration::from_secs(6), "it sleeps still");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A read like the API's with one statement, which reports its result.
struct Asked {
    sql: &'static Sql,
    args: &'static [i64],
    runs: usize,
    rows: usize,
    found: Result<(), Error>,
    tell: mpsc::Sender<Result<usize, Error>>,
}

impl Asked {
    fn about(sql: &'static Sql) -> (Box<dyn Read>, mpsc::Receiver<Result<usize, Error>>) {
        Self::with(sql, &[])
    }

    /// Each run binds the next of these numbers.
    fn with(
        sql: &'static Sql,
        args: &'static [i64],
    ) -> (Box<dyn Read>, mpsc::Receiver<Result<usize, Error>>) {
        let (tell, told) = mpsc::channel();
        (Box::new(Self { sql, args, runs: 0, rows: 0, found: Ok(()), tell }), told)
    }
}

impl Read for Asked {
    fn run(&mut self, tx: &mut Tx<'_>) {
        self.rows = 0;
        let args: Vec<_> = self.args.get(self.runs).map(|&arg| arg.into()).into_iter().collect();
        self.runs += 1;
        self.found = tx.rows(self.sql, &args, |_| {
            self.rows += 1;
            Ok(())
        });
    }

    fn finish(self: Box<Self>) {
        self.tell.send(self.found.map(|()| self.rows)).unwrap();
    }

    fn fail(self: Box<Self>, error: Error) {
        self.tell.send(Err(error)).unwrap();
    }
}

/// Passes a read to a pipeline, once that has a connection. `None`: it was left to the workers.
fn taken(pipeline: &Arc<Pipeline>, sql: &'static Sql) -> Option<Result<usize, Error>> {
    taken_with(pipeline, sql, &[])
}

fn taken_with(
    pipeline: &Arc<Pipeline>,
    sql: &'static Sql,
    args: &'static [i64],
) -> Option<Result<usize, Error>> {
    let since = Instant::now();
    while !pipeline.is_open() {
        let (left, _told) = Asked::about(&HEALTH);
        pipeline.take(left, drop);
        assert!(since.elapsed() < Duration::from_secs(5), "it does not connect");
        thread::sleep(Duration::from_millis(5));
    }
    let (read, told) = Asked::with(sql, args);
    pipeline.take(read, drop);
    told.recv().ok()
}

/// Otherwise it would keep its locks and its connection without a limit.
#[test]
fn a_statement_that_was_given_up_ends_in_the_database_too() {
    const STATEMENT_TIMEOUT: Duration = Duration::from_secs(1);
    let address = address();
    let watcher = connection(&address);
    let mut connection = connection_with(&address, STATEMENT_TIMEOUT);
    let failed = connection.rows(None, &SLEEP, &[], &mut |_| true).unwrap_err();
    assert_eq!((failed.why, failed.error.kind()), (Why::Silent, Kind::Unreachable));
    drop(connection);
    until_nobody_sleeps(&watcher);

    make(&address, true).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let pipeline = Arc::new(Pipeline::new(
        Arc::new(Pool::new(address, options(STATEMENT_TIMEOUT))),
        1,
        STATEMENT_TIMEOUT,
        Arc::default(),
    ));
    assert_eq!(taken(&pipeline, &SLEEP).unwrap().unwrap_err().kind(), Kind::Unreachable);
    until_nobody_sleeps(&watcher);
    assert_eq!(taken(&pipeline, &HEALTH), Some(Ok(1)));
}

#[test]
fn who_waits_for_a_lock_is_told_so_in_time() {
    let address = address();
    make(&address, true).unwrap();
    let holder = connection(&address);
    text(&holder, "BEGIN; LOCK TABLE marks");
    let mut connection = connection_with(&address, Duration::from_secs(1));
    let failed = connection.execute(None, &MARK, &["a".into()]).unwrap_err();
    assert_eq!((failed.why, failed.error.kind()), (Why::Final, Kind::Busy));
    assert!(failed.error.to_string().contains("another session holds a lock"), "{}", failed.error);
    text(&holder, "ROLLBACK");
    connection.execute(None, &MARK, &["a".into()]).unwrap_or_else(|failed| panic!("{}", failed.error));
}

/// Operators stop all writes like this, and so do providers when a disk is full. A standby always does.
#[test]
fn a_database_that_takes_no_writes_is_told_and_not_served_from() {
    let url = Cluster::shared().create_database().unwrap();
    let database = url.rsplit_once('/').unwrap().1;
    let location = Location::parse(&url).unwrap();
    let store = Store::open(&location).unwrap();
    let write = || store.write(|tx| tx.execute(&MARK, &["a".into()]));
    write().unwrap();
    let set = |to: &str| {
        let others = "pid <> pg_backend_pid() AND datname = current_database()";
        let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}");
        let set = format!("ALTER DATABASE {database} SET default_transaction_read_only = {to}; {end}");
        Cluster::shared().sql(database, &set).unwrap();
    };
    set("on");
    let since = Instant::now();
    let errors = [write().unwrap_err(), store.health().unwrap_err(), Store::open(&location).err().unwrap()];
    for error in errors {
        assert_eq!(error.kind(), Kind::Unreachable, "{error}");
        assert!(error.to_string().contains("target_session_attrs=read-write"), "{error}");
    }
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    // A command may still read it.
    Store::open_for_bulk(&location).unwrap().check(&mut |_| {}).unwrap();
    Cluster::shared()
        .sql(
            database,
            &format!("SET default_transaction_read_only = off; ALTER DATABASE {database} RESET ALL"),
        )
        .unwrap();
    thread::sleep(Duration::from_millis(300));
    store.write(|tx| tx.execute(&MARK, &["b".into()])).unwrap();
}

const NUMBERS: Sql = Sql::new("test.numbers", "SELECT generate_series(1, $1)");

fn pipeline(address: Address) -> Arc<Pipeline> {
    let pool = Pool::new(address, options(STATEMENT_TIMEOUT));
    Arc::new(Pipeline::new(Arc::new(pool), 1, STATEMENT_TIMEOUT, Arc::default()))
}

/// The event loop ended while it was opening a connection.
#[test]
fn a_lane_whose_opening_was_cut_short_is_opened_again() {
    let address = address();
    make(&address, true).unwrap();
    let pipeline = pipeline(address);
    let (read, _told) = Asked::about(&HEALTH);
    let first = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    first.block_on(async { pipeline.take(read, drop) });
    drop(first);
    assert!(!pipeline.is_open());
    let second = tokio::runtime::Runtime::new().unwrap();
    let _entered = second.enter();
    assert_eq!(taken(&pipeline, &HEALTH), Some(Ok(1)));
}

/// PostgreSQL answers COMMIT of a failed transaction with a roll-back, and no error.
#[test]
fn a_failure_among_rows_that_nobody_wants_is_one() {
    const HALF: Sql = Sql::new("test.half", "SELECT 10 / (100000 - n) FROM generate_series(1, 100000) n");
    let store =
        Store::open(&Location::parse(&Cluster::shared().create_database().unwrap()).unwrap()).unwrap();
    let written = store.write(|tx| {
        tx.execute(&MARK, &["a".into()])?;
        let enough = || Error::new(Kind::TooLarge, "enough");
        let stopped = tx.rows(&HALF, &[], |_| Err(enough()));
        assert!(stopped.is_err());
        Ok::<_, Error>(())
    });
    assert!(
        written.as_ref().is_err_and(|error| error.to_string().contains("division by zero")),
        "{written:?}"
    );
    assert_eq!(store.read(|tx| tx.row(&HEALTH, &[], |row| row.int(0))), Ok(Some(0)));
}

/// A replica may cancel a read that blocks its replay, or close its connection.
#[test]
fn a_read_that_was_broken_off_is_run_again() {
    const COLLIDE: Sql = Sql::new("test.collide", "SELECT collide()");
    const END: Sql = Sql::new("test.end", "SELECT pg_terminate_backend(pg_backend_pid())::TEXT");
    let url = Cluster::shared().create_database().unwrap();
    let store = Store::open(&Location::parse(&url).unwrap()).unwrap();
    text(
        &connection(&Address::parse(&url).unwrap()),
        "CREATE FUNCTION collide() RETURNS TEXT LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'conflict with recovery' USING ERRCODE = '40001'; END $$",
    );
    for (trouble, times, runs_expected) in [(&COLLIDE, 3, 4), (&END, 2, 3)] {
        let runs = Arc::new(AtomicUsize::new(0));
        let (tell, told) = mpsc::channel();
        let body = {
            let runs = runs.clone();
            move |tx: &mut Tx<'_>| {
                let rows = tx.row(&HEALTH, &[], |row| row.int(0))?;
                if runs.fetch_add(1, Ordering::SeqCst) < times {
                    tx.rows(trouble, &[], |_| Ok::<_, Error>(()))?;
                }
                Ok::<_, Error>(rows)
            }
        };
        store.begin_read(AccountId(1), crate::Extent::Transaction, body, || {
            (move |read| tell.send(read).unwrap(), || true)
        });
        assert_eq!((told.recv().unwrap(), runs.load(Ordering::SeqCst)), (Ok(Some(0)), runs_expected));
    }
}

/// After others that use all the time.
#[test]
fn who_has_waited_too_long_for_a_turn_is_refused() {
    let address = address();
    make(&address, true).unwrap();
    let pool = Arc::new(Pool::new(address, options(Duration::from_secs(1))));
    let readers = Workers::start("reader", 1, &pool, |pool: &Pool, idle, since, job| {
        workers::read(pool, idle, &KnownVersions::default(), since, job)
    })
    .unwrap();
    let submit = |sql| {
        let (read, told) = Asked::about(sql);
        assert!(readers.submit(Instant::now(), (Some(1), read)).is_ok());
        told
    };
    let told = [submit(&SLEEP), submit(&HEALTH)].map(|told| told.recv().unwrap().unwrap_err());
    assert_eq!(told.each_ref().map(Error::kind), [Kind::Unreachable, Kind::Busy], "{told:?}");
    assert_eq!(submit(&HEALTH).recv().unwrap(), Ok(1));
}

/// If a body asks for something else in the second run, its read starts again.
#[test]
fn what_the_pipeline_can_not_answer_is_left() {
    let address = address();
    make(&address, true).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let pipeline = pipeline(address);
    assert_eq!(taken_with(&pipeline, &NUMBERS, &[3, 3]), Some(Ok(3)));
    assert_eq!(taken_with(&pipeline, &NUMBERS, &[3, 4]), None);
    // Longer answers are for the workers; the connection can still be used.
    assert_eq!(taken_with(&pipeline, &NUMBERS, &[4096, 4096]), Some(Ok(4096)));
    assert_eq!(taken_with(&pipeline, &NUMBERS, &[100_000, 100_000]), None);
    assert_eq!(taken_with(&pipeline, &NUMBERS, &[3, 3]), Some(Ok(3)));
}
