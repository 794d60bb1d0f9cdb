//! An unchanged third-party client, `python-justclick` from PyPI, led here by `http_proxy`.

use std::{path::Path, process::Command};

use serde_json::json;

use crate::program::{Billhook, DEMO_KEY, DEMO_LOGIN};

/// Every call that it has, each with the answer before the next one is made.
const SCRIPT: &str = "
import json, sys
from python_justclick.justclick import JustClickConnection
shop = JustClickConnection('username', sys.argv[1])
extra = {'lead_name': 'Вера & Ко', 'tag': 'новый', 'doneurl2': '', 'utm[utm_source]': 'сайт'}
print(json.dumps([
    shop.get_lead_group_statuses('anna@example.com'),
    shop.add_lead_to_group(['news', 'second'], 'vera@example.com'),
    shop.add_lead_to_group(['news'], 'Vera@example.com', extra),
    shop.add_lead_to_group(['nobody'], 'vera@example.com', extra),
    shop.add_lead_to_group(['second'], 'olga@example.com', extra),
    shop.get_lead_group_statuses('olga@example.com'),
    shop.get_lead_group_statuses('vera@example.com'),
]))
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
    shop.run(&["group", "add", "second", "--title", "Второе", "--account", DEMO_LOGIN]);
    let answers = ask(DEMO_KEY);
    let of = |at: usize| {
        let groups = answers[at]["result"].as_array().unwrap();
        groups.iter().map(|group| (&group["rass_name"], &group["rass_title"])).collect::<Vec<_>>()
    };
    let codes: Vec<_> = answers.as_array().unwrap().iter().map(|answer| &answer["error_code"]).collect();
    assert_eq!(codes, [0, 0, 102, 103, 0, 0, 0], "{answers}");
    let (news, second) = ((&json!("news"), &json!("Новости")), (&json!("second"), &json!("Второе")));
    assert_eq!([of(0), of(1), of(5), of(6)], [vec![news], vec![], vec![second], vec![news, second]]);
    assert_eq!(answers[5]["result"][0]["rass_status"], "STATUS_SUBSCRIBE");
    for wrong in ask("wrong").as_array().unwrap() {
        assert_eq!(wrong["error_code"], 4, "{wrong}");
    }
}
