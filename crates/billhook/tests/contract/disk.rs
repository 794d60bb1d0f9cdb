//! Full and read-only disks, in the test's own mount namespace.

use std::process::{Command, Output};

/// Runs a script with `$billhook` as the program and a 3 MiB tmpfs mounted at `$disk`.
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

/// With no byte free, SQLite can't extend the log's index, and reports that as an I/O error.
#[test]
fn a_disk_that_is_full_from_the_start_is_told_as_full() {
    let output = on_a_small_disk(
        r"
        $billhook --data $disk/data account add anna --key 0123456789abcdef >/dev/null
        cat /dev/zero >$disk/filled 2>/dev/null || true
        for command in 'account list' 'check' 'serve --listen 127.0.0.1:0'; do
            status=0
            $billhook --data $disk/data $command || status=$?
            test $status = 1
        done
        rm $disk/filled
        $billhook --data $disk/data check >/dev/null
        ",
    );
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.lines().all(|line| line.contains("the disk is full") && !line.contains("failed")), "{text}");
}

/// As after a disk error: the log's transactions are saved too, and no copy stays behind.
#[test]
fn a_read_only_disk_is_saved_from() {
    let output = on_a_small_disk(
        r"
        export TMPDIR=$(mktemp -d)
        $billhook --data $disk/data account add anna --key 0123456789abcdef >/dev/null
        $billhook --data $disk/data serve --listen 127.0.0.1:0 >$disk/greeting 2>/dev/null & serving=$!
        until test -s $disk/greeting; do sleep 0.05; done
        $billhook --data $disk/data account add boris --key 0123456789abcdef >/dev/null
        $billhook --data $disk/data generate --account boris --orders 20 >/dev/null 2>&1
        $billhook --data $disk/data export --account boris >$disk/before
        kill -9 $serving
        wait $serving || true
        test -s $disk/data/billhook.db-wal
        mount -o remount,ro $disk
        $billhook --data $disk/data check >/dev/null
        $billhook --data $disk/data export --account boris | cmp - $disk/before
        $billhook --data $disk/data backup $TMPDIR/saved >/dev/null
        $billhook --data $TMPDIR/again restore $TMPDIR/saved >/dev/null
        $billhook --data $TMPDIR/again export --account boris | cmp - $disk/before
        rm -r $TMPDIR/saved $TMPDIR/again
        # Where there is no room for the copy, that is told.
        mount -t tmpfs -o size=64k tmpfs $TMPDIR
        if $billhook --data $disk/data check; then exit 9; fi
        umount $TMPDIR
        rmdir $TMPDIR
        ",
    );
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    let told: Vec<_> = text.lines().filter(|line| line.starts_with("billhook: ")).collect();
    assert_eq!(told.len(), 1, "{text}");
    assert!(told[0].contains("the disk is full") && told[0].contains("TMPDIR"), "{text}");
    let warned = text.lines().filter(|line| line.contains("is read-only: a copy in "));
    assert_eq!(warned.count(), 3, "{text}");
}

/// Reaching the shell's limit on file sizes also gives one line, and does not end the program by SIGXFSZ.
#[test]
fn a_limit_on_files_is_told() {
    let output = on_a_small_disk(
        r"
        $billhook --data $disk/data account add anna --key 0123456789abcdef >/dev/null
        $billhook --data $disk/data generate --account anna --orders 500 >/dev/null 2>&1
        (
        ulimit -f 128
        for command in 'generate --account anna --orders 1000' 'export --account anna '$disk/orders.jsonl \
            'backup '$disk/saved 'product export --account anna '$disk/goods.jsonl; do
            status=0
            $billhook --data $disk/data $command >/dev/null || status=$?
            test $status = 1
        done
        )
        test ! -e $disk/orders.jsonl
        test ! -e $disk/saved
        $billhook --data $disk/data check >/dev/null
        ",
    );
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    let told: Vec<_> = text.lines().filter(|line| line.starts_with("billhook: ")).collect();
    assert_eq!(told.len(), 4, "{text}");
    assert!(told.iter().all(|line| line.contains("ulimit -f")), "{text}");
}

#[test]
fn a_read_only_disk_is_told() {
    let output = on_a_small_disk(
        r#"
        $billhook --data $disk/data account add anna --key 0123456789abcdef >/dev/null
        mount -o remount,ro $disk
        for command in "account list" "serve --listen 127.0.0.1:0" "check --salvage-log"; do
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
