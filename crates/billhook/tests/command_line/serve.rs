//! `billhook serve`: what it prints and refuses, and how it stops. The contract tests check its answers.

use std::{net::TcpListener, path::Path, process::Command, thread, time::Duration};

use rustix::process::Signal;

use super::{Place, Serving, says};

#[test]
fn the_demo_prints_a_call_that_works() {
    let place = Place::new();
    for _ in 0..2 {
        let mut serving = place.serve(&["--demo"]);
        let greeting = serving.greeting("other commands find");
        let url = format!("http://username.localhost:{}", serving.port());
        says(
            &greeting,
            &[
                &format!(
                    "curl -d 'email=anna%40example.com&pay_status=paid&hash=ccad26ca94a071dbcc4552c0af712200' {url}/api/GetBills"
                ),
                "username.justclick.ru",
            ],
        );
        let key = "X".repeat(40);
        let bills = place
            .run(&[
                "call",
                "GetBills",
                "email=anna@example.com",
                "--url",
                &url,
                "--key",
                &key,
                "--require-signature",
            ])
            .succeeded();
        assert!(
            bills.starts_with(
                "{\"error_code\":0,\"error_text\":\"OK\",\"result\":{\"258367\":{\"12549\":{\"good_name\":\"oplata\",\
                 \"good_title\":\"Оплата за тренинг\"}},\"258368\":{\"13011\":{\"good_name\":\"sales\",\"good_title\":\
                 \"Продажи в кинотеатрах\"},\"28363\":{\"good_name\":\"222\",\"good_title\":\"222 способа\"}}},\"hash\":"
            ),
            "{bills}"
        );
        // The printed line, run as it is if curl is installed.
        let curl = greeting.lines().find_map(|line| line.trim().strip_prefix("curl ")).unwrap();
        if let Ok(output) = Command::new("sh").args(["-c", &format!("curl -s {curl}")]).output()
            && output.status.code() != Some(127)
        {
            let answer = String::from_utf8(output.stdout).unwrap();
            says(&answer, &["\"error_code\":0", "\"258367\"", "\"258368\""]);
        }
        serving.signal(Signal::TERM);
        assert_eq!(serving.end().0, Some(0));
    }
    let shown = place.run(&["account", "show", "username", "--data", "./billhook-demo"]).succeeded();
    says(&shown, &["orders: 2", "products: 3"]);
    assert!(!place.path("billhook-data").exists(), "the demo is not in the way");
}

/// The README's lines for the seller, run as they are where the demo ran before.
#[test]
fn the_sellers_first_lines_work() {
    let place = Place::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let section = readme.split_once("## For the seller").unwrap().1;
    let block = section.split("```").nth(1).unwrap();
    let lines = block.lines().filter_map(|line| line.split('#').next().unwrap().strip_prefix("billhook "));
    let lines: Vec<Vec<&str>> = lines.map(|line| line.split_whitespace().collect()).collect();
    let [add, import, serve, public] = &lines[..] else { panic!("{lines:?}") };
    std::fs::create_dir(place.path("examples")).unwrap();
    std::fs::copy(root.join("examples/orders.csv"), place.path("examples/orders.csv")).unwrap();

    let demo = place.serve(&["--demo"]);
    says(
        &demo.greeting("other commands"),
        &["other commands find the demo's orders with --data ./billhook-demo"],
    );
    drop(demo);
    let added = place.run(add).succeeded();
    let key = added.lines().find_map(|line| line.strip_prefix("key: ")).unwrap();
    says(&place.run(import).succeeded(), &["added 3, changed 0, same 0 orders; 3 products added"]);
    assert_eq!(serve[..], ["serve"]);
    let serving = place.serve(&[]);
    let url = format!("http://shop.localhost:{}", serving.port());
    let bills = place.run(&["call", "GetBills", "email=anna@example.com", "--url", &url, "--key", key]);
    says(&bills.succeeded(), &["\"error_code\":0", "\"1001\":{\"1\":{\"good_name\":\"course\"", "\"1003\""]);
    drop(serving);
    let public: Vec<_> = public.iter().map(|word| word.replace(":80", ":0")).collect();
    let public = place.command(&public.iter().map(String::as_str).collect::<Vec<_>>());
    says(&Serving::start(public).greeting(""), &["listening on http://0.0.0.0:"]);
}

#[test]
fn the_demo_wants_an_empty_store() {
    let place = Place::new();
    place.account("shop");
    let line =
        place.run(&["serve", "--listen", "127.0.0.1:0", "--demo", "--data", "billhook-data"]).failed(1);
    says(&line, &["--demo", "billhook-data", "--data"]);
    assert_eq!(place.run(&["account", "list"]).succeeded(), "shop  on   (default)\n");
}

#[test]
fn the_public_key_stays_at_home() {
    let place = Place::new();
    let data = ["--data", "demo"];
    let all = [&["serve", "--listen", "0.0.0.0:0"], &data[..]].concat();
    let tls = ["serve", "--listen", "127.0.0.1:0", "--tls-listen", "0.0.0.0:0", "--tls-self-signed"];
    let tls = [&tls[..], &data].concat();
    for arguments in [&all[..], &tls] {
        let line = place.run(&[arguments, &["--demo"]].concat()).failed(1);
        says(
            &line,
            &["username", "0.0.0.0:0", "127.0.0.1", "rotate-key username", "another folder with --data"],
        );
    }
    let filled = place.run(&["account", "list", "--json", "--data", "demo"]);
    assert_eq!(filled.stdout, "", "what is refused leaves nothing behind");
    drop(place.serve(&["--demo", "--data", "demo"]));
    says(&place.run(&all).failed(1), &["public key"]);
    let rotate = ["account", "rotate-key", "username", "--data", "demo"];
    place.run(&[&rotate[..], &["--keep-old", "5"]].concat()).succeeded();
    says(&place.run(&all).failed(1), &["public key"]);
    place.run(&rotate).succeeded();
    assert!(Serving::start(place.command(&all)).greeting("").starts_with("listening on http://0.0.0.0:"));
}

#[test]
fn every_address_is_printed_and_no_account_is_said() {
    let place = Place::new();
    let serving = place.serve(&[
        "--listen",
        "127.0.0.2:0",
        "--tls-self-signed",
        "--tls-listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
    ]);
    let greeting = serving.greeting("no account yet");
    let starts: Vec<_> = greeting.lines().take(4).map(|line| line.rsplit_once(':').unwrap().0).collect();
    assert_eq!(
        starts,
        [
            "listening on http://127.0.0.1",
            "listening on http://127.0.0.2",
            "listening on https://127.0.0.1",
            "admin on http://127.0.0.1"
        ]
    );
    says(&greeting, &["billhook account add LOGIN"]);
}

#[test]
fn one_server_a_folder() {
    let place = Place::new();
    let _serving = place.serve(&[]);
    let line = place.run(&["serve", "--listen", "127.0.0.1:0"]).failed(1);
    says(&line, &["billhook serve", "holds", "billhook-data", "--data"]);
}

#[test]
fn a_busy_port_is_named() {
    let place = Place::new();
    let busy = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let _listener = TcpListener::bind(busy).unwrap();
    let address = busy.to_string();
    says(
        &place.run(&["serve", "--listen", &address]).failed(1),
        &[&address, "another program", "choose another port"],
    );
    let line = place.run(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", &address]).failed(1);
    says(&line, &[&address]);
}

#[test]
fn a_certificate_that_cannot_be_read_is_named() {
    let place = Place::new();
    place.write("shop.key", "no key\n");
    for cert in ["absent.pem", "shop.key"] {
        let line = place
            .run(&["serve", "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", "shop.key"])
            .failed(1);
        says(&line, &[cert]);
    }
}

#[test]
fn signals() {
    let place = Place::new();
    place.account("shop");
    let mut serving = place.serve(&[]);
    serving.signal(Signal::HUP);
    thread::sleep(Duration::from_millis(100));
    assert_eq!(
        place.run(&["call", "GetBills", "--url", &serving.url(), "--login", "shop", "--key", "x"]).status,
        Some(1)
    );
    serving.signal(Signal::INT);
    let (status, log) = serving.end();
    assert_eq!(status, Some(0), "{log}");
    says(&log, &["SIGHUP", "stopping"]);
    assert!(!log.contains('\u{1b}'), "no colours where there is no terminal: {log}");
}

#[test]
fn the_second_signal_ends_it_at_once() {
    let place = Place::new();
    let mut serving = place.serve(&["--stop-timeout", "60"]);
    // A request that never ends.
    let mut client = std::net::TcpStream::connect(("127.0.0.1", serving.port())).unwrap();
    std::io::Write::write_all(
        &mut client,
        b"POST /api/GetBills HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx",
    )
    .unwrap();
    thread::sleep(Duration::from_millis(300));
    serving.signal(Signal::TERM);
    thread::sleep(Duration::from_millis(300));
    assert!(serving.server.wait(Duration::ZERO).is_err(), "it waits for what has begun");
    serving.signal(Signal::TERM);
    let (status, log) = serving.end();
    assert_eq!(status, Some(1), "{log}");
    says(&log, &["billhook: stopped at once"]);
}

#[test]
fn the_log_is_json_if_asked() {
    let place = Place::new();
    place.account("shop");
    let mut serving = place.serve(&["--log-format", "json"]);
    place.run(&[
        "call",
        "GetBills",
        "email=anna@example.com",
        "--url",
        &serving.url(),
        "--login",
        "shop",
        "--key",
        "x",
    ]);
    serving.signal(Signal::TERM);
    let (_, log) = serving.end();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["target"] == "billhook::access"), "{log}");
    assert!(!log.contains("anna@"), "{log}");
}

#[test]
fn what_the_command_line_changes_is_served_within_a_second() {
    let place = Place::new();
    let serving = place.serve(&[]);
    let key = place.account("shop");
    thread::sleep(Duration::from_secs(1));
    let call = |key: &str| {
        let arguments =
            ["call", "GetBills", "email=a@b", "--url", &serving.url(), "--login", "shop", "--key", key];
        place.run(&arguments).stderr
    };
    says(&call(&key), &["400 Order not found"]);
    place.run(&["account", "disable", "shop"]).succeeded();
    thread::sleep(Duration::from_secs(1));
    says(&call(&key), &["7 Account disabled"]);
}

#[test]
fn too_few_open_files_are_warned_of() {
    let place = Place::new();
    place.account("shop");
    let script = "ulimit -n 1000 && exec \"$0\" serve --listen 127.0.0.1:0 --max-connections \"$1\"";
    for (connections, warned) in [("2000", true), ("500", false)] {
        let mut command = Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_billhook"), connections]).current_dir(place.path(""));
        let mut serving = Serving::with_addresses(1, command);
        serving.signal(Signal::TERM);
        let (_, log) = serving.end();
        assert_eq!(log.contains("allows 1000 open files"), warned, "{log}");
    }
}

#[test]
fn a_greeting_that_nobody_reads_stops_no_server() {
    let place = Place::new();
    place.account("shop");
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut child = place.command(&["serve", "--listen", &port.to_string()]).stdout(writer).spawn().unwrap();
    let connected = (0..100).any(|_| {
        thread::sleep(Duration::from_millis(50));
        std::net::TcpStream::connect(port).is_ok()
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(connected);
}

#[test]
fn a_new_certificate_is_read_at_sighup() {
    let place = Place::new();
    let key = place.account("shop");
    let write = || {
        let made = rcgen::generate_simple_self_signed(["shop.localhost".to_owned()]).unwrap();
        place.write("shop.key", &made.signing_key.serialize_pem());
        place.write("shop.pem", &made.cert.pem());
    };
    write();
    let files = ["--tls-listen", "127.0.0.1:0", "--tls-cert", "shop.pem", "--tls-key", "shop.key"];
    let mut serving = place.serve(&files);
    let url = format!("https://shop.localhost:{}", serving.server.https.unwrap().port());
    let call = || {
        place
            .run(&["call", "GetBills", "email=a@b", "--url", &url, "--key", &key, "--ca-file", "shop.pem"])
            .failed(1)
    };
    says(&call(), &["400 Order not found"]);

    std::fs::copy(place.path("shop.pem"), place.path("old.pem")).unwrap();
    place.write("shop.pem", "nothing\n");
    serving.signal(Signal::HUP);
    thread::sleep(Duration::from_millis(300));
    std::fs::copy(place.path("old.pem"), place.path("shop.pem")).unwrap();
    says(&call(), &["400 Order not found"]);

    write();
    says(&call(), &["certificate"]);
    serving.signal(Signal::HUP);
    thread::sleep(Duration::from_millis(300));
    says(&call(), &["400 Order not found"]);
    serving.signal(Signal::TERM);
    says(&serving.end().1, &["the old TLS certificate stays", "shop.pem", "was read again"]);
}
