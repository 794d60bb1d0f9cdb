//! An unchanged third-party client, `python-justclick` from PyPI, led here by `http_proxy`.

use std::{path::Path, process::Command};

use crate::program::{Billhook, DEMO_KEY};

const SCRIPT: &str = "
import json, sys
from python_justclick.justclick import JustClickConnection
print(json.dumps(JustClickConnection('username', sys.argv[1]).get_lead_group_statuses('anna@example.com')))
";

#[test]
fn python_justclick_signs_and_is_understood() {
    let shop = Billhook::start(&["--demo", "--domain", "justclick.ru"]);
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/python-clients");
    let ask = |key: &str| {
        let output = Command::new("python3")
            .args(["-c", SCRIPT, key])
            .env("PYTHONPATH", &clients)
            .env("http_proxy", format!("http://{}", shop.http()))
            .env_remove("no_proxy")
            .env_remove("NO_PROXY")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "run ./test, which installs it: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    // The signature is right, but Billhook does not have the method.
    let unknown = ask(DEMO_KEY);
    assert_eq!(unknown["error_code"], 3, "{unknown}");
    let wrong = ask("wrong");
    assert_eq!(wrong["error_code"], 4, "{wrong}");
    assert!(shop.log().contains("404"), "{}", shop.log());
}
