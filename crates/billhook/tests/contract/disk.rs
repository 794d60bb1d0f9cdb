//! Disks that are full or can't be written, in a mount namespace of the test's own.

use std::process::{Command, Output};

/// Runs a script with `$billhook` as the program and a tmpfs of 3 MiB mounted at `$disk`.
fn on_a_small_disk(script: &str) -> Output {
    let place = tempfile::tempdir().unwrap();
    let mut unshare = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        unshare.arg("--map-root-user");
    }
    let output = unshare
        .args(["--mount", "sh", "-eu", "-c", &format!("mount -t tmpfs -o size=3m tmpfs \"$disk\"; {script}")])
        .env("disk", place.path())
        .env("billhook", env!("CARGO_BIN_EXE_billhook"))
        .output()
        .expect("unshare runs: apt-get install util-linux");
    let text = String::from_utf8_lossy(&output.stderr);
    let place_was_made = !text.contains("unshare: ") && !text.contains("mount: ");
    assert!(place_was_made, "a mount namespace is needed (docker: --cap-add SYS_ADMIN): {text}");
    output
}

#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let output = on_a_small_disk(
        r"
        $billhook --data $disk/data account add anna --key 0123456789abcdef >/dev/null
        $billhook --data $disk/data generate --account anna --orders 500 >/dev/null 2>&1
        $billhook --data $disk/data export --account anna | head -n 500 >$disk/before
        if $billhook --data $disk/data generate --account anna --orders 100000; then exit 9; fi
        $billhook --data $disk/data check >/dev/null
        $billhook --data $disk/data export --account anna | head -n 500 | cmp - $disk/before
        ",
    );
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("disk is full"), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("billhook: ")).count(), 1, "{text}");
}

#[test]
fn a_read_only_disk_is_told() {
    let output = on_a_small_disk(
        r#"
        $billhook --data $disk/data account add anna --key 0123456789abcdef >/dev/null
        mount -o remount,ro $disk
        for command in "account list" "serve --listen 127.0.0.1:0" "check"; do
            status=0
            $billhook --data $disk/data $command || status=$?
            test $status = 1
        done
        "#,
    );
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines.iter().all(|line| line.contains("read-only") && line.contains("--data")), "{text}");
}
