//! Even at the highest log level, no output contains a key, or a hash that could be used again.

use std::{fs, path::Path};

use billhook_wire::method::METHODS;

use crate::browser::Browser;
use crate::program::{Billhook, keyed, program, signed, succeed, write};

const LOGIN: &str = "shop";
const OLD_KEY: &str = "00ff11ee22dd33cc44bb55aa66997788";
/// A stranger's guess at a key, which may be another shop's key.
const GUESSED: &str = "guessed-0123456789abcdef";

/// All output, each with its source, and the secrets that must not be in it.
struct Written {
    texts: Vec<(String, String)>,
    secrets: Vec<String>,
}

impl Written {
    fn add(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.texts.push((place.into(), text.into()));
    }

    /// Signs a form, and adds its hash to the secrets.
    fn signed(&mut self, key: &str, form: &[(&str, &str)]) -> String {
        let body = signed(LOGIN, key, form);
        self.secrets.push(body.rsplit_once("hash=").unwrap().1.to_owned());
        body
    }

    #[track_caller]
    fn tells_nothing(&self) {
        assert!(self.texts.len() > 10 && self.secrets.len() > 2, "nothing was looked at");
        for (place, text) in &self.texts {
            let folded = text.to_lowercase();
            for secret in &self.secrets {
                assert!(!folded.contains(secret.as_str()), "{secret} in {place}: {text}");
                // Half of a secret would make the rest easier to find.
                let half = &secret[..secret.len() / 2];
                assert!(!folded.contains(half), "{half}… in {place}: {text}");
            }
        }
    }
}

/// A shop with a new key and an old one that still works. Returns the new one.
fn place() -> (tempfile::TempDir, String) {
    let place = tempfile::tempdir().unwrap();
    succeed(place.path(), &["account", "add", LOGIN, "--key", OLD_KEY]);
    let told = succeed(place.path(), &["account", "rotate-key", LOGIN, "--keep-old", "60", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    (place, told["key"].as_str().unwrap().to_owned())
}

fn keys(key: &str) -> Written {
    let secrets = [key, OLD_KEY, GUESSED].map(str::to_owned).to_vec();
    Written { texts: Vec::new(), secrets }
}

fn busy(log_format: &str) {
    let (place, key) = place();
    let mut written = keys(&key);
    let shop = Billhook::start_over(place, &["--log-level", "trace", "--log-format", log_format]);
    let wrong: &[(&str, &str)] =
        &[("email", "no address"), ("bill_id", "x"), ("goods[0][good_name]", "book"), ("bill_email", "a@b")];
    let calls =
        METHODS.iter().flat_map(|method| [method.example, wrong, &[]].map(|form| (method.name, form)));
    for (method, form) in calls {
        let right = written.signed(&key, form);
        let by_old_key = written.signed(OLD_KEY, form);
        let wrong = written.signed(GUESSED, form);
        let bodies = [
            &right,
            &by_old_key,
            &wrong,
            // Mistakes that are diagnosed at debug level.
            &right.replace("hash=", "x=1&hash="),
            &format!("{right}&{wrong}"),
            &right.replace("hash=", "Hash="),
            &right.replace('+', "%20"),
            &right.to_uppercase(),
            &keyed(&key, form),
            &keyed(OLD_KEY, form),
            &keyed(GUESSED, form),
            &keyed(&format!(" {key}"), form),
            &keyed(&key, form).replace("rpsKey", "rps_key"),
            &format!("{{\"rpsKey\":\"{key}\"}}"),
        ];
        for (at, body) in bodies.into_iter().enumerate() {
            let answer = shop.post(&format!("{LOGIN}.localhost"), method, body);
            written.add(
                format!("the answer to body {at} of {method}"),
                format!("{}\n{}", answer.head, answer.body),
            );
        }
    }
    for (line, head) in misplaced(&key) {
        let answer = shop.send(&line, &head, keyed(&key, &[]).as_bytes());
        written.add(format!("the answer to {line:.12}"), format!("{}\n{}", answer.head, answer.body));
    }
    last_calls(&shop, &key, &mut written);
    let host = "Host: shop.localhost\r\n";
    let docs = shop.send("GET /docs HTTP/1.1", host, b"");
    assert_eq!(docs.status, 200, "{}", docs.head);
    written.add("/docs", docs.body);
    written.add("openapi.json", shop.send("GET /api/openapi.json HTTP/1.1", host, b"").body);
    for page in ["/metrics", "/healthz", "/readyz"] {
        written.add(page, shop.admin(page).body);
    }
    let log = shop.log();
    assert!(log.lines().count() > 100, "{log}");
    assert!(log.contains("a credential was refused"), "the log is not at its most talkative: {log:.2000}");
    assert!(!log.contains("anna@example.com") && !log.contains("anna%40example.com"), "an e-mail in the log");
    written.add("the log", log);
    written.tells_nothing();
}

/// What is told of the last calls: by the method, by the command and in the cabinet.
fn last_calls(shop: &Billhook, key: &str, written: &mut Written) {
    let host = format!("{LOGIN}.localhost");
    let answer = shop.post(&host, "billhook.calls", &keyed(key, &[("limit", "10000")]));
    let url = format!("http://{host}:{}", shop.http().port());
    written.add("`billhook log`", shop.run(&["log", "--url", &url, "--key", key]));
    let browser = Browser::of_owner(shop);
    written.add("the list of calls", browser.page("/cabinet/requests"));
    let calls = answer.json()["result"].as_array().unwrap().clone();
    let refused = calls.iter().filter(|call| !call["why"].is_null());
    assert!(refused.clone().count() > 200, "refused calls were looked at: {answer:?}");
    for call in refused {
        let page = format!("/cabinet/requests/{}", call["number"]);
        written.add(&page, browser.page(&page));
    }
    written.add("billhook.calls", answer.body);
}

/// Request lines and headers with secrets in wrong places.
fn misplaced(key: &str) -> [(String, String); 10] {
    let host = "Host: shop.localhost\r\n";
    [
        (format!("POST /api/GetBills?rpsKey={key} HTTP/1.1"), host.to_owned()),
        (format!("POST /api/{key} HTTP/1.1"), host.to_owned()),
        (format!("GET /{key} HTTP/1.1"), host.to_owned()),
        (format!("GET /docs?key={key} HTTP/1.1"), host.to_owned()),
        (format!("GET /bill/1/{key} HTTP/1.1"), host.to_owned()),
        ("POST /api/GetBills HTTP/1.1".to_owned(), format!("Host: {key}.localhost\r\n")),
        (
            "POST /api/GetBills HTTP/1.1".to_owned(),
            format!("{host}Authorization: Bearer {key}\r\nCookie: key={key}\r\n"),
        ),
        (
            "POST /api/GetBills HTTP/1.1".to_owned(),
            format!("{host}Content-Type: multipart/form-data; boundary={key}\r\n"),
        ),
        (
            "POST /api/GetBills HTTP/1.1".to_owned(),
            format!("{host}X-Forwarded-For: {key}\r\nX-Request-Id: {key}\r\n"),
        ),
        (format!("{} /api/GetBills HTTP/1.1", key.to_uppercase()), host.to_owned()),
    ]
}

#[test]
fn a_busy_server_with_a_log_of_text() {
    busy("text");
}

#[test]
fn a_busy_server_with_a_log_of_json() {
    busy("json");
}

/// A command's standard output and standard error.
fn both(place: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = program(place).args(arguments).envs(environment.iter().copied()).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    format!("{out}\n{err}")
}

#[test]
fn commands_that_are_given_a_key() {
    let (place, key) = place();
    let mut written = keys(&key);
    let in_environment = [("BILLHOOK_KEY", key.as_str()), ("BILLHOOK_LOG_LEVEL", "trace")];
    let file = write(place.path(), "config.toml", &format!("[account.add]\nkey = \"{key}\"\nlogin = 1\n"));
    let other = write(place.path(), "other.toml", &format!("[call]\nkey = \"{key}\n"));
    let [file, other] = [&file, &other].map(|path| path.to_str().unwrap());
    for arguments in [
        &["--help"][..],
        &["account", "add", "--help"],
        &["account", "rotate-key", "--help"],
        &["call", "--help"],
        &["explain", "--help"],
        &["account", "list"],
        &["account", "list", "--json"],
        &["account", "show", LOGIN],
        &["account", "show", LOGIN, "--json"],
        &["account", "add", LOGIN],
        &["account", "add", "no such login!", "--key", GUESSED],
        &["account", "add", "more", "--key", GUESSED, "--keys"],
        &["call", "GetBills", "--url", "http://shop.localhost:1", "email=anna@example.com"],
        &["call", "NoSuch", "--url", "http://shop.localhost:1", "--key", GUESSED],
        &["--config", file, "account", "list"],
        &["--config", other, "account", "list"],
        &["check"],
        &["migrate"],
        &["export", "--account", LOGIN],
    ] {
        let told = both(place.path(), arguments, &in_environment);
        assert!(!told.trim().is_empty() || arguments.contains(&"export"), "{arguments:?} said nothing");
        written.add(format!("{arguments:?}"), told);
    }
    if !crate::ON_POSTGRES {
        let backups = place.path().join("backups");
        fs::create_dir(&backups).unwrap();
        let backup = backups.join("one.billhook");
        written.add("a backup", both(place.path(), &["backup", backup.to_str().unwrap()], &in_environment));
    }
    let names = names_below(place.path());
    assert!(names.contains("config.toml"), "{names}");
    written.add("the files' names", names);
    written.tells_nothing();
}

/// The names of all files in a folder and below it, one per line.
fn names_below(folder: &Path) -> String {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let names = paths.map(|path| {
        let below = if path.is_dir() { names_below(&path) } else { String::new() };
        format!("{}\n{below}", path.display())
    });
    names.collect()
}
