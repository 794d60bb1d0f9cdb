//! A cluster as tests use it.

#![allow(clippy::unwrap_used, reason = "a test that meets a fault shall stop")]

use std::{
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::{Command, Output},
    thread,
};

use billhook_test_kit::{Cluster, Options, Tls};
use socket2::{Domain, Socket, Type};

/// Runs one statement over TCP, like a client of the cluster.
fn psql(url: &str, password: Option<&str>, statement: &str) -> Output {
    let mut command = Command::new("psql");
    command.args(["-XAtqw", "-c", statement, url]);
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    command.output().unwrap()
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn durable() -> Options {
    Options { durable: true, ..Options::default() }
}

#[test]
fn every_test_gets_a_database_of_its_own() {
    let cluster = Cluster::shared();
    let (one, other) = (cluster.create_database().unwrap(), cluster.create_database().unwrap());
    assert_ne!(one, other);
    assert!(one.starts_with(&format!("postgres://postgres@127.0.0.1:{}/bh_", cluster.port())), "{one}");
    printed(&psql(&one, None, "CREATE TABLE word (text TEXT); INSERT INTO word VALUES ('слово')"));
    assert_eq!(printed(&psql(&one, None, "SELECT text, length(text) FROM word")), "слово|5\n");
    assert!(!psql(&other, None, "SELECT * FROM word").status.success());
    assert_eq!(Cluster::shared().port(), cluster.port());
}

#[test]
fn statements_run_until_one_fails() {
    let cluster = Cluster::shared();
    let rows = cluster.sql("postgres", "SELECT 1, 'a';\nSELECT 2, 'b'").unwrap();
    assert_eq!(rows, "1|a\n2|b\n");
    let error = cluster.sql("postgres", "SELECT 1;\nSELECT wrong;\nCREATE DATABASE not_reached").unwrap_err();
    let text = error.to_string();
    assert!(text.contains(r#"column "wrong" does not exist"#) && !text.contains('\n'), "{text}");
    let named = cluster.sql("postgres", "SELECT datname FROM pg_database WHERE datname = 'not_reached'");
    assert_eq!(named.unwrap(), "");
    // More than a pipe's buffer, both ways.
    let long = "x".repeat(300_000);
    let answer = cluster.sql("postgres", &format!("SELECT '{long}';\nSELECT '{long}'")).unwrap();
    assert_eq!(answer, format!("{long}\n{long}\n"));
}

#[test]
fn only_a_durable_cluster_waits_for_the_disk() {
    let durable = Cluster::start(&durable()).unwrap();
    let quick = Cluster::shared();
    for name in ["fsync", "synchronous_commit", "full_page_writes"] {
        assert_eq!(durable.sql("postgres", &format!("SHOW {name}")).unwrap(), "on\n", "{name}");
        assert_eq!(quick.sql("postgres", &format!("SHOW {name}")).unwrap(), "off\n", "{name}");
    }
}

#[test]
fn settings_win_over_the_clusters_own() {
    let settings = [("max_connections", "17"), ("fsync", "on"), ("application_name", "with a space")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let cluster = Cluster::start(&Options { settings, ..Options::default() }).unwrap();
    assert_eq!(cluster.sql("postgres", "SHOW max_connections; SHOW fsync").unwrap(), "17\non\n");
    assert_eq!(Cluster::shared().sql("postgres", "SHOW max_connections").unwrap(), "200\n");
}

#[test]
fn committed_rows_outlive_a_kill() {
    let cluster = Cluster::start(&durable()).unwrap();
    let (url, port, first) = (cluster.create_database().unwrap(), cluster.port(), cluster.pid());
    printed(&psql(&url, None, "CREATE TABLE kept (number INTEGER); INSERT INTO kept VALUES (1), (2)"));
    assert!(cluster.start_again().unwrap_err().to_string().contains("runs still"));
    cluster.kill().unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    assert!(TcpStream::connect(address).is_err());
    cluster.kill().unwrap();
    cluster.start_again().unwrap();
    assert_ne!(cluster.pid(), first);
    assert_eq!(cluster.port(), port);
    assert_eq!(printed(&psql(&url, None, "SELECT sum(number) FROM kept")), "3\n");
    let log = std::fs::read_to_string(cluster.socket_folder().join("log")).unwrap();
    assert!(log.contains("database system was not properly shut down"), "{log}");
}

#[test]
fn a_stop_is_in_order_and_keeps_the_port() {
    let cluster = Cluster::start(&Options::default()).unwrap();
    let url = cluster.create_database().unwrap();
    printed(&psql(&url, None, "CREATE TABLE kept AS SELECT 5 AS number"));
    cluster.stop().unwrap();
    cluster.stop().unwrap();
    assert!(!psql(&url, None, "SELECT 1").status.success());
    // Nobody else gets it meanwhile.
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, cluster.port()));
    let other = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    other.bind(&address.into()).unwrap_err();
    cluster.start_again().unwrap();
    assert_eq!(printed(&psql(&url, None, "SELECT number FROM kept")), "5\n");
    let log = std::fs::read_to_string(cluster.socket_folder().join("log")).unwrap();
    assert!(!log.contains("was not properly shut down"), "{log}");
}

#[test]
fn a_password_is_asked_for() {
    let password = Some("sé cr/t@1".to_owned());
    let cluster = Cluster::start(&Options { password, ..Options::default() }).unwrap();
    let url = cluster.create_database().unwrap();
    assert_eq!(printed(&psql(&url, None, "SELECT 1")), "1\n");
    let bare = format!("postgres://postgres@127.0.0.1:{}/postgres", cluster.port());
    assert_eq!(printed(&psql(&bare, Some("sé cr/t@1"), "SELECT 1")), "1\n");
    for wrong in [Some("secret"), None] {
        let refused = psql(&bare, wrong, "SELECT 1");
        let complaint = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success(), "{wrong:?}");
        assert!(complaint.contains("password"), "{complaint}");
    }
    assert!(!format!("{cluster:?}").contains("cr/t"));
}

#[test]
fn tls_shows_the_given_certificate() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let tls = Some(Tls { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() });
    let cluster = Cluster::start(&Options { tls, ..Options::default() }).unwrap();
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("root.pem");
    std::fs::write(&root, made.cert.pem()).unwrap();
    let target = format!("host=localhost hostaddr=127.0.0.1 port={} user=postgres", cluster.port());
    let checked = format!("{target} dbname=postgres sslmode=verify-full sslrootcert={}", root.display());
    let statement = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert_eq!(printed(&psql(&checked, None, statement)), "t\n");
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(&root, other.cert.pem()).unwrap();
    assert!(!psql(&checked, None, statement).status.success());
    let without =
        format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=require", Cluster::shared().port());
    assert!(!psql(&without, None, statement).status.success());
}

#[test]
fn clusters_and_databases_are_made_side_by_side() {
    thread::scope(|scope| {
        for number in 0..4 {
            scope.spawn(move || {
                let cluster = Cluster::start(&Options::default()).unwrap();
                let statement = format!("CREATE TABLE mine AS SELECT {number} AS number");
                cluster.sql("postgres", &statement).unwrap();
                let url = cluster.url("postgres");
                assert_eq!(printed(&psql(&url, None, "SELECT number FROM mine")), format!("{number}\n"));
            });
            scope.spawn(|| {
                for _ in 0..3 {
                    let url = Cluster::shared().create_database().unwrap();
                    assert_eq!(printed(&psql(&url, None, "SELECT 1")), "1\n");
                }
            });
        }
    });
}
