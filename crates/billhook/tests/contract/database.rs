//! A database that is down, fails, comes back, is too new, or offers too few connections.

use std::time::{Duration, Instant};

use billhook_test_kit::{Cluster, Options, Tls};

use crate::{
    nodes::place_of,
    program::{Billhook, DEMO_KEY, DEMO_LOGIN, run, succeed, write},
};

const ANNA: &[(&str, &str)] = &[("email", "anna@example.com")];

/// Runs a command that must fail with one line, and returns it.
#[track_caller]
fn refused(url: &str, arguments: &[&str], status: i32) -> String {
    let place = place_of(url);
    let output = run(place.path(), arguments);
    let told = output.stderr;
    assert_eq!(output.status, Some(status), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(!told.contains("sesame") && !told.contains("panicked"), "{told}");
    told
}

#[test]
fn one_that_is_down_at_the_start_is_one_clear_line() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgres://postgres:sesame@127.0.0.1:{free}/shop");
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["account", "list"], &["migrate"]] {
        let line = refused(&url, command, 1);
        let place = format!("postgres://postgres@127.0.0.1:{free}/shop");
        assert!(line.contains(&place) && line.contains("refused"), "{line}");
    }
    let line = refused("postgres://postgres:sesame@127.0.0.1/shop?sslmode=maybe", &["account", "list"], 2);
    assert!(line.contains("sslmode is one of"), "{line}");
    let line = refused(&Cluster::shared().url("nothing"), &["account", "list"], 1);
    assert!(line.contains("createdb"), "{line}");
    let line = refused(&Cluster::shared().create_database().unwrap(), &["account", "list"], 1);
    assert!(line.contains("there is no store in") && line.contains("billhook account add"), "{line}");
}

/// While it is down, every request gets a signed answer at once. When it is back, so is the service.
#[test]
fn one_that_goes_down_is_told_and_comes_back_by_itself() {
    let cluster = Cluster::start(&Options { durable: true, ..Options::default() }).unwrap();
    let shop = Billhook::start_over(place_of(&cluster.create_database().unwrap()), &["--demo"]);
    for _ in 0..3 {
        assert_eq!(shop.call(DEMO_LOGIN, DEMO_KEY, "GetBills", ANNA).code(), 0);
        assert_eq!(shop.admin("/readyz").status, 200);
        cluster.kill().unwrap();
        // Also after the connections are lost, and after the accounts in memory are too old to use.
        let down = Instant::now();
        while down.elapsed() < Duration::from_millis(1500) {
            let asked = Instant::now();
            let answer = shop.call(DEMO_LOGIN, DEMO_KEY, "GetBills", ANNA);
            assert_eq!((answer.status, answer.code()), (503, 9), "{}", answer.body);
            assert!(answer.header("retry-after").is_some(), "{}", answer.head);
            answer.checked(Some(DEMO_KEY));
            assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
        }
        assert_eq!(shop.admin("/readyz").status, 503);
        cluster.start_again().unwrap();
        let back = Instant::now();
        while shop.call(DEMO_LOGIN, DEMO_KEY, "GetBills", ANNA).code() != 0 {
            assert!(back.elapsed() < Duration::from_secs(2), "it is not back after two seconds");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    // Clients do not notice an orderly restart between two requests.
    cluster.stop().unwrap();
    cluster.start_again().unwrap();
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(shop.call(DEMO_LOGIN, DEMO_KEY, "GetBills", ANNA).code(), 0);
}

#[test]
fn a_newer_store_is_refused_and_tools_of_its_own_are_named() {
    let url = Cluster::shared().create_database().unwrap();
    let place = place_of(&url);
    succeed(place.path(), &["account", "add", "shop"]);
    let told = succeed(place.path(), &["migrate", "--dry-run"]);
    assert!(told.contains("up to date (store version "), "{told}");
    let line = refused(&url, &["backup", "here"], 1);
    assert!(line.contains("pg_dump"), "{line}");
    let line = refused(&url, &["restore", "Cargo.toml"], 1);
    assert!(line.contains("pg_restore"), "{line}");
    assert!(succeed(place.path(), &["check"]).contains("pg_amcheck"));
    Cluster::shared().sql(&url, "UPDATE billhook_store SET version = 1000").unwrap();
    for command in
        [&["account", "list"][..], &["serve", "--listen", "127.0.0.1:0"], &["migrate", "--dry-run"]]
    {
        let line = refused(&url, command, 1);
        assert!(line.contains("newer version") && line.contains("1000"), "{line}");
    }
}

#[test]
fn the_way_is_as_safe_as_is_asked_for() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let tls = Tls { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() };
    let password = Some("sesame".to_owned());
    let cluster = Cluster::start(&Options { password, tls: Some(tls), ..Options::default() }).unwrap();
    let url = cluster.create_database().unwrap();
    let place = place_of(&url);
    let root = write(place.path(), "root.pem", &made.cert.pem()).display().to_string();
    succeed(place.path(), &["account", "add", "shop"]);

    // The certificate is for localhost, and only the file makes it trusted.
    let by_name = url.replace("127.0.0.1", "localhost");
    for good in [
        format!("{url}?sslmode=require"),
        format!("{url}?sslmode=prefer"),
        format!("{url}?sslmode=verify-ca&sslrootcert={root}"),
        format!("{by_name}?sslmode=verify-full&sslrootcert={root}"),
    ] {
        succeed(place_of(&good).path(), &["account", "list"]);
    }
    for (bad, why) in [
        (format!("{url}?sslmode=verify-full&sslrootcert={root}"), "NotValidForName"),
        (format!("{by_name}?sslmode=verify-full"), "UnknownIssuer"),
        (url.replace("sesame", "open"), "password authentication failed"),
    ] {
        let line = refused(&bad, &["account", "list"], 1);
        assert!(line.contains(why) || line.contains("certificate"), "{line}");
    }
    let line = refused(&format!("{by_name}?sslmode=verify-ca"), &["account", "list"], 2);
    assert!(line.contains("sslrootcert"), "{line}");
    // Connections to other machines verify TLS by default; this one has none.
    let plain = Cluster::shared().create_database().unwrap().replace("127.0.0.1", "localhost");
    let line = refused(&format!("{plain}?sslmode=verify-full"), &["account", "list"], 1);
    assert!(line.contains("TLS"), "{line}");
}

/// The default of Debian's PostgreSQL: a Unix socket, over which the system identifies the user.
#[test]
fn a_socket_with_peer_authentication_is_a_way() {
    let cluster = Cluster::start(&Options::default()).unwrap();
    let user = std::process::Command::new("id").arg("-un").output().unwrap().stdout;
    let user = String::from_utf8(user).unwrap();
    let folder = cluster.socket_folder().display().to_string();
    let rules = format!(
        "CREATE ROLE {name} LOGIN; CREATE DATABASE shop OWNER {name} TEMPLATE template0; \
         COPY (VALUES ('local all postgres trust'), ('local all all peer')) TO '{folder}/data/pg_hba.conf'; \
         SELECT pg_reload_conf()",
        name = user.trim(),
    );
    // Separately, because `CREATE DATABASE` can't run in a transaction.
    for statement in rules.split("; ") {
        cluster.sql("postgres", statement).unwrap();
    }
    let port = cluster.port();
    let url = format!("postgres:///shop?host={folder}&port={port}");
    billhook_test_kit::until(|| run(place_of(&url).path(), &["account", "add", "anna"]).status == Some(0));
    let percent = folder.replace('/', "%2F");
    for url in [
        format!("{url}&sslmode=disable"),
        format!("{url}&sslmode=prefer"),
        format!("{url}&sslmode=verify-full"),
        format!("postgres://{percent}:{port}/shop"),
        // The first host does not answer.
        format!("postgres://%2Fnowhere,{percent}:{port}/shop"),
    ] {
        let listed = succeed(place_of(&url).path(), &["account", "list"]);
        assert!(listed.contains("anna"), "{url}: {listed}");
    }
    // Other users and other ways are refused.
    for (url, why) in [
        (url.replace(":///", "://somebody@/"), "authentication failed for user \"somebody\""),
        (format!("postgres:///shop?hostaddr=127.0.0.1&port={port}"), "no pg_hba.conf entry"),
        (url.replace("host=/", "host=/nowhere/"), "No such file"),
    ] {
        let line = refused(&url, &["account", "list"], 1);
        assert!(line.contains(why), "{line}");
    }
    let shop = Billhook::start_over(place_of(&url), &[]);
    assert_eq!(shop.admin("/readyz").status, 200);
}

/// An IP address as host: no resolver is asked, and the certificate must be for the address.
#[test]
fn an_address_alone_is_a_way() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let tls = Some(Tls { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() });
    let cluster = Cluster::start(&Options { tls, ..Options::default() }).unwrap();
    let name = cluster.create_database().unwrap().rsplit_once('/').unwrap().1.to_owned();
    let at =
        |address: &str| format!("postgres://postgres@/{name}?hostaddr={address}&port={}", cluster.port());
    let place = place_of(&at("127.0.0.1"));
    let root = write(place.path(), "root.pem", &made.cert.pem()).display().to_string();
    succeed(place.path(), &["account", "add", "anna"]);
    for more in ["&sslmode=require".to_owned(), format!("&sslmode=verify-full&sslrootcert={root}")] {
        let url = at("127.0.0.1") + &more;
        assert!(succeed(place_of(&url).path(), &["account", "list"]).contains("anna"));
    }
    let line = refused(&(at("127.0.0.1") + "&sslmode=verify-full"), &["account", "list"], 1);
    assert!(line.contains("certificate"), "{line}");
}
