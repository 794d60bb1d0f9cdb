//! Stores as every version of their tables had them: only `migrate` and `serve` bring them up to date; then each is sound, and shows
//! what it showed.
//!
//! `stores/` has of each version a data folder's file, a dump of a database, and what the program of that time showed of either: its
//! export and, since version 4, its lists. `BILLHOOK_WRITE=1 cargo test --test upgrade` adds those of a new version; what is there is never written anew.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets a fault shall stop"
)]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use billhook_postgres_cluster::Cluster;

/// The account in each store, and its key.
const LOGIN: &str = "shop";
const KEY: &str = "0123456789abcdef0123456789abcdef";

/// What every kind of order and product looks like, beside those that `generate` makes.
const ORDERS: &str = r#"{"product":{"id":900,"good_name":"kept","good_title":"Уже не продаётся","sum":"10.00","good_deleted":true,"good_pay_text":"Hi"}}
{"id":1001,"email":"Anna+1@Example.com","pay_status":"paid","created":1577880000,"paid":1577883600,"comment":"a \"b\"\n, c","utm_source":"x","affiliates":"p","note":"n","payments":[{"sum":"3900.00","received":1577883600},{"sum":"-1.00","received":1577890000}],"items":[{"id":901,"good_name":"parcel","good_title":"Посылка","sum":"3900.00","price":"4000.00","pincode":"PIN","partner_fee":"1.00"}]}
{"id":1002,"email":"","pay_status":"waiting","created":1577880001,"deleted":1577890000,"kill_at":1577880002,"delivery":"sent","sent":1577880003,"confirmed":true,"manager":3,"items":[{"id":900},{"id":901,"sum":"0.01"}]}
"#;

fn stores() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upgrade/stores")
}

fn command(store: &[&str], arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_billhook"));
    command.args(store).args(arguments).env_clear().stdin(Stdio::null());
    command
}

/// Runs the program on a store; what it printed.
#[track_caller]
fn billhook(store: &[&str], arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = command(store, arguments).output().unwrap();
    assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// The program refuses, in one line that says all this.
#[track_caller]
fn refuses(store: &[&str], arguments: &[&str], parts: &[&str]) {
    let Output { status, stdout, stderr } = command(store, arguments).output().unwrap();
    let told = String::from_utf8(stderr).unwrap();
    assert_eq!((status.code(), told.lines().count()), (Some(1), 1), "{arguments:?}: {told}");
    assert!(stdout.is_empty(), "{arguments:?}");
    for part in parts {
        assert!(told.contains(part), "{arguments:?}: {part:?} is not in: {told}");
    }
}

/// Unpacks a file of `stores/`.
fn unpacked(name: &str) -> Vec<u8> {
    let output = Command::new("gzip").arg("-dc").arg(stores().join(name)).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Packs a file into `stores/`.
fn pack(file: &Path, name: &str) {
    assert!(Command::new("gzip").args(["-n9"]).arg(file).status().unwrap().success());
    fs::rename(
        file.with_file_name(format!("{}.gz", file.file_name().unwrap().display())),
        stores().join(name),
    )
    .unwrap();
}

/// The version of the tables that this program makes.
fn known() -> usize {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().to_str().unwrap();
    billhook(&["--data", data], &["account", "add", LOGIN]);
    let told = billhook(&["--data", data], &["migrate", "--dry-run", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    usize::try_from(told["known"].as_u64().unwrap()).unwrap()
}

/// Every version, up to the one of this program.
fn versions() -> std::ops::RangeInclusive<usize> {
    1..=known()
}

/// What a store has beside its orders and products.
fn lists(store: &[&str]) -> String {
    let show = ["account", "show", LOGIN, "--json"];
    let of_the_account: [&[&str]; 5] = [
        &["coupon", "list", "--json"],
        &["category", "list", "--json"],
        &["manager", "list", "--json"],
        &["partner", "list", "--json"],
        &["product", "pincodes", "parcel", "--json"],
    ];
    let shown: serde_json::Value = serde_json::from_str(&billhook(store, &show)).unwrap();
    // Those that were set: others come with other versions.
    let set = ["rate", "time_zone"].map(|name| shown["settings"][name].to_string());
    let shown = format!("{} {}\n", shown["domains"], set.join(" "));
    let lists = of_the_account.map(|list| billhook(store, &[list, &["--account", LOGIN]].concat()));
    shown + &lists.concat()
}

/// A store that lacks steps is as good as locked for whatever would read or write it.
#[track_caller]
fn is_refused_until_migrated(store: &[&str], version: usize) {
    for arguments in [
        &["export", "--account", LOGIN][..],
        &["account", "list"],
        &["account", "add", "other"],
        &["check"],
        &["backup", "/nowhere/else"],
        &["generate", "--account", LOGIN, "--orders", "1"],
    ] {
        refuses(store, arguments, &[&format!("store version {version}"), "`billhook migrate"]);
    }
    let told = billhook(store, &["migrate", "--dry-run"]);
    assert!(told.contains(&format!("from store version {version} to {}", known())), "{told}");
}

/// A store of that version that was brought up to date has lost nothing.
#[track_caller]
fn is_up_to_date(store: &[&str], version: usize) {
    let told = billhook(store, &["migrate", "--dry-run"]);
    assert!(told.contains(&format!("up to date (store version {})", known())), "{told}");
    let export = fs::read_to_string(stores().join(format!("v{version}.jsonl"))).unwrap();
    assert_eq!(billhook(store, &["export", "--account", LOGIN]), export, "version {version}");
    if let Ok(shown) = fs::read_to_string(stores().join(format!("v{version}.txt"))) {
        assert_eq!(lists(store), shown, "version {version}");
    }
    assert!(billhook(store, &["check"]).contains("sound"));
    assert!(billhook(store, &["account", "show", LOGIN, "--reveal-key"]).contains(KEY));
    // And it is one to work on.
    billhook(store, &["generate", "--account", LOGIN, "--orders", "5"]);
    assert!(billhook(store, &["check"]).contains("sound"));
}

/// A folder below `place` with a store of that version.
fn folder(place: &Path, version: usize) -> PathBuf {
    let data = place.join(format!("v{version}"));
    fs::create_dir(&data).unwrap();
    fs::write(data.join("billhook.db"), unpacked(&format!("v{version}.db.gz"))).unwrap();
    data
}

#[test]
fn every_version_of_a_folder() {
    let (place, known) = (tempfile::tempdir().unwrap(), known());
    for version in versions() {
        let data = folder(place.path(), version);
        let store = ["--data", data.to_str().unwrap()];
        let kept = data.join(format!("billhook.db.before-v{known}"));
        if version == known {
            assert!(billhook(&store, &["migrate"]).contains("up to date"));
            assert!(!kept.exists());
            is_up_to_date(&store, version);
            continue;
        }
        is_refused_until_migrated(&store, version);
        // What an earlier try has kept is not what is kept now.
        fs::write(&kept, "an earlier try").unwrap();
        let told = billhook(&store, &["migrate"]);
        assert!(told.contains(kept.to_str().unwrap()) && told.contains("migrate --forget"), "{told}");
        is_up_to_date(&store, version);
        assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);

        // What is kept is the store as it was, in one file.
        let back = place.path().join(format!("back{version}"));
        fs::create_dir(&back).unwrap();
        fs::copy(&kept, back.join("billhook.db")).unwrap();
        let back = ["--data", back.to_str().unwrap()];
        is_refused_until_migrated(&back, version);
        billhook(&back, &["migrate"]);
        is_up_to_date(&back, version);
        // It is a backup, too, which is brought up to date before it is a store.
        let kept_name = kept.to_str().unwrap();
        assert!(billhook(&[], &["check", kept_name]).contains("sound"));
        let restored = place.path().join(format!("restored{version}"));
        let restored = ["--data", restored.to_str().unwrap()];
        billhook(&restored, &["restore", kept_name]);
        is_up_to_date(&restored, version);

        assert!(billhook(&store, &["migrate", "--forget"]).contains(kept.to_str().unwrap()));
        assert!(!kept.exists());
        assert!(billhook(&store, &["migrate", "--forget"]).contains("no copy is kept"));
    }
}

/// A server does it at its start.
#[test]
fn a_server_brings_its_folder_up_to_date() {
    let place = tempfile::tempdir().unwrap();
    let data = folder(place.path(), 1);
    let store = ["--data", data.to_str().unwrap()];
    let mut server =
        command(&store, &["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(line.starts_with("listening on "), "{line}");
    assert!(data.join(format!("billhook.db.before-v{}", known())).exists());
    is_up_to_date(&store, 1);
}

/// What can't be kept is not brought up to date: a damaged store, one that somebody has open, one on a full disk.
#[test]
fn a_folder_stays_as_it_is_where_no_copy_can_be_kept() {
    let place = tempfile::tempdir().unwrap();
    let data = folder(place.path(), 3);
    let store = ["--data", data.to_str().unwrap()];
    let still = |parts: &[&str]| {
        refuses(&store, &["migrate"], parts);
        is_refused_until_migrated(&store, 3);
    };
    let open = fs::File::create(data.join("open.lock")).unwrap();
    open.lock_shared().unwrap();
    still(&["another billhook command has open", data.to_str().unwrap()]);
    drop(open);
    let file = data.join("billhook.db");
    let whole = fs::read(&file).unwrap();
    let mut damaged = whole.clone();
    let title = damaged.windows(4).rposition(|four| four == b"shop").unwrap();
    // The index has it still.
    damaged[title] = b'S';
    fs::write(&file, &damaged).unwrap();
    still(&["is damaged"]);

    let mut unshare = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        unshare.arg("--map-root-user");
    }
    let script = r#"
        mount -t tmpfs -o size=400k tmpfs "$disk"
        cp "$file" "$disk/billhook.db"
        head -c 200000 /dev/zero >"$disk/other"
        if "$billhook" --data "$disk" migrate; then exit 9; fi
        test ! -e "$disk"/billhook.db.before-v*
        rm "$disk/other"
        "$billhook" --data "$disk" migrate
    "#;
    fs::write(&file, whole).unwrap();
    let disk = place.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let output = unshare
        .args(["--mount", "sh", "-eu", "-c", script])
        .env("disk", disk)
        .env("file", &file)
        .env("billhook", env!("CARGO_BIN_EXE_billhook"))
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    let bytes = fs::metadata(&file).unwrap().len();
    assert!(told.contains(&format!("{bytes} bytes are wanted")), "{told}");
}

#[test]
fn every_version_of_a_database() {
    for version in versions() {
        let url = Cluster::shared().create_database().unwrap();
        let database = url.rsplit_once('/').unwrap().1;
        let dump = String::from_utf8(unpacked(&format!("v{version}.sql.gz"))).unwrap();
        Cluster::shared().sql(database, &dump).unwrap();
        let store = ["--store", &url];
        if version < known() {
            is_refused_until_migrated(&store, version);
            for arguments in [&["migrate"][..], &["serve", "--listen", "127.0.0.1:0"]] {
                refuses(&store, arguments, &["pg_dump", "`billhook migrate --yes`"]);
            }
        }
        billhook(&store, &["migrate", "--yes"]);
        is_up_to_date(&store, version);
    }
}

#[test]
fn this_version_is_kept_for_those_that_come() {
    let name = |end: &str| format!("v{}.{end}", known());
    let missing =
        ["db.gz", "sql.gz", "jsonl", "txt"].into_iter().any(|end| !stores().join(name(end)).exists());
    if !missing {
        return;
    }
    assert!(
        std::env::var_os("BILLHOOK_WRITE").is_some(),
        "the tables have a new version: BILLHOOK_WRITE=1 cargo test --test upgrade keeps a store of it"
    );
    let place = tempfile::tempdir().unwrap();
    let orders = place.path().join("orders.jsonl");
    fs::write(&orders, ORDERS).unwrap();
    let codes = place.path().join("codes");
    fs::write(&codes, "AAA\nBBB\n").unwrap();
    let fill = |store: &[&str]| {
        billhook(store, &["account", "add", LOGIN, "--key", KEY]);
        billhook(store, &["account", "bind", LOGIN, "pay.shop.example"]);
        billhook(store, &["account", "set", LOGIN, "time_zone=UTC", "rate=600"]);
        let of_the_account: [&[&str]; 8] = [
            &["generate", "--orders", "50", "--products", "8"],
            &["category", "add", "Книги"],
            &["manager", "add", "Olga"],
            &["partner", "add", "boris"],
            &["partner", "add", "vera", "--parent", "boris"],
            &["import", orders.to_str().unwrap()],
            &["coupon", "add", "Spring", "--percent", "12.5", "--good", "parcel", "--until", "2030-02-28"],
            &["product", "add-pincodes", "parcel", codes.to_str().unwrap()],
        ];
        for arguments in of_the_account {
            billhook(store, &[arguments, &["--account", LOGIN]].concat());
        }
        call_once(store);
        (billhook(store, &["export", "--account", LOGIN]), lists(store))
    };
    let data = place.path().join("data");
    let (export, lists) = fill(&["--data", data.to_str().unwrap()]);
    assert!(!data.join("billhook.db-wal").exists(), "all is in the one file");
    let empty = empty_tables(&data.join("billhook.db"));
    assert_eq!(empty, ["marks"], "a step could spoil what is in no store here");
    let url = Cluster::shared().create_database().unwrap();
    assert_eq!(fill(&["--store", &url]), (export.clone(), lists.clone()));
    let dump = place.path().join("dump.sql");
    let dumped = Command::new(Cluster::shared().programs().join("pg_dump"))
        .args(["--no-owner", "--no-privileges", "--file"])
        .arg(&dump)
        .arg(&url)
        .status()
        .unwrap();
    assert!(dumped.success());
    pack(&data.join("billhook.db"), &name("db.gz"));
    pack(&dump, &name("sql.gz"));
    fs::write(stores().join(name("jsonl")), export).unwrap();
    fs::write(stores().join(name("txt")), lists).unwrap();
}

/// Has a server answer a call under an `Idempotency-Key`.
fn call_once(store: &[&str]) {
    let mut server =
        command(store, &["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().rsplit_once("http://").unwrap().1;
    let body = format!("good_name=parcel&good_pay_text=Hi&rpsKey={KEY}");
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /api/UpdateGood HTTP/1.1\r\nHost: {address}\r\nIdempotency-Key: once\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\"error_code\":0"), "{answer}");
    // In an orderly way, so that all is in the one file.
    rustix::process::kill_process(rustix::process::Pid::from_child(&server), rustix::process::Signal::TERM)
        .unwrap();
    assert!(server.wait().unwrap().success());
}

/// The tables of a store without a row.
fn empty_tables(store: &Path) -> Vec<String> {
    let store = rusqlite::Connection::open(store).unwrap();
    let mut tables =
        store.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
    let is_empty = |table: &String| {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        store.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap() == 0
    };
    tables.filter(is_empty).collect()
}
