//! The README's curl line, run as it is, prints the block below it.

use std::{path::Path, process::Command};

use crate::program::Billhook;

#[test]
fn the_first_minute() {
    let readme =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let blocks: Vec<_> = readme.split("```").skip(1).step_by(2).collect();
    let at = blocks
        .iter()
        .position(|block| block.contains("curl -d 'email="))
        .expect("the README has the curl line");
    let command = blocks[at].trim_start_matches("sh").trim();
    let printed = blocks[at + 1].trim_start_matches("json").trim();

    let shop = Billhook::demo();
    assert!(command.contains("http://username.localhost:8080/"), "the demo's own address");
    let command = command.replace(":8080", &format!(":{}", shop.http().port()));
    let output = Command::new("sh").args(["-c", &command]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), printed);
}

/// `serve --demo` prints the same line as the README.
#[test]
fn serve_prints_the_same_line() {
    let readme =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let line = readme.lines().find(|line| line.starts_with("curl -d 'email=")).unwrap();
    let place = tempfile::tempdir().unwrap();
    let mut child = crate::program::program(place.path())
        .args(["serve", "--demo", "--listen", "127.0.0.1:0"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let printed = lines.map(Result::unwrap).find(|line| line.contains("curl -d")).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let without_port = |line: &str| {
        let (before, after) = line.trim().split_once("localhost:").unwrap();
        format!("{before}localhost{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
    };
    assert_eq!(without_port(&printed), without_port(line));
}
