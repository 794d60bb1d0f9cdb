//! HTTPS: HTTP/2 and its `:authority`, certificates from files and their renewal.

use std::{
    path::Path,
    process::{Command, Output},
};

use rustix::process::Signal;

use crate::program::{Billhook, DEMO_KEY, DEMO_LOGIN, signed, write};

fn curl(arguments: &[&str]) -> Output {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "20"]).args(arguments);
    curl.output().expect("curl runs: apt-get install curl")
}

fn form() -> String {
    signed(DEMO_LOGIN, DEMO_KEY, &[("email", "anna@example.com")])
}

#[test]
fn http2_finds_the_account_by_authority() {
    let shop = Billhook::start(&["--demo", "--tls-self-signed", "--tls-listen", "127.0.0.1:0"]);
    let url = format!("https://username.localhost:{}/api/GetBills", shop.https().port());
    for (flag, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let output = curl(&["--insecure", flag, "--data", &form(), "--write-out", "\n%{http_version}", &url]);
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, spoken) = text.rsplit_once('\n').unwrap();
        assert_eq!(spoken, version);
        assert!(body.starts_with(r#"{"error_code":0,"#), "{body}");
    }
    // `:authority` and Host name two accounts: refused.
    let both = curl(&["--insecure", "--http2", "--data", &form(), "--header", "Host: other.localhost", &url]);
    let body = String::from_utf8(both.stdout).unwrap();
    assert!(!body.contains("oplata"), "{body}");
    // An unknown name is answered too, with code 5.
    let nobody = format!("https://nobody.localhost:{}/api/GetBills", shop.https().port());
    let body = String::from_utf8(curl(&["--insecure", "--data", &form(), &nobody]).stdout).unwrap();
    assert!(body.starts_with(r#"{"error_code":5,"#), "{body}");
}

/// Writes a certificate for the demo account's name. Returns the paths of certificate and key.
pub(crate) fn certificate(place: &Path) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["username.localhost".to_owned()]).unwrap();
    let cert = write(place, "cert.pem", &made.cert.pem());
    let key = write(place, "key.pem", &made.signing_key.serialize_pem());
    (cert.to_str().unwrap().to_owned(), key.to_str().unwrap().to_owned())
}

#[test]
fn certificates_are_renewed_on_sighup() {
    let place = tempfile::tempdir().unwrap();
    let (cert, key) = certificate(place.path());
    let shop = Billhook::start_over(
        place,
        &["--demo", "--tls-cert", &cert, "--tls-key", &key, "--tls-listen", "127.0.0.1:0"],
    );
    let url = format!("https://username.localhost:{}/api/GetBills", shop.https().port());
    let trusted = |file: &str| {
        let output = curl(&["--cacert", file, "--data", &form(), &url]);
        output.status.success() && output.stdout.starts_with(br#"{"error_code":0,"#)
    };
    assert!(trusted(&cert));
    let old = write(shop.place(), "old.pem", &std::fs::read_to_string(&cert).unwrap());

    // With a broken file the old certificate stays in use, and the log says so.
    std::fs::write(&cert, "no certificate").unwrap();
    shop.signal(Signal::HUP);
    billhook_test_kit::until(|| shop.log().contains("cert.pem"));
    assert!(trusted(old.to_str().unwrap()));

    certificate(shop.place());
    shop.signal(Signal::HUP);
    billhook_test_kit::until(|| trusted(&cert));
    assert!(!trusted(old.to_str().unwrap()));
}
