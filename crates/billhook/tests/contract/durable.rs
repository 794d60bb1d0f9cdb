//! Acknowledged writes are synced first: checks the order of the real program's system calls.

use std::{
    collections::HashSet,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use rustix::process::Signal;

use billhook_test_kit::until;

use crate::program::{Billhook, DEMO_KEY, DEMO_LOGIN, program};

/// A system call of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    /// A request has been read.
    Request,
    LogWritten,
    SyncBegun,
    /// The sync has returned without an error.
    SyncDone,
    /// An answer is written to its connection.
    Answer,
}

/// Reads strace's output. An interrupted call is printed as two lines, matched by thread.
fn calls(trace: &str) -> Vec<Call> {
    let mut unfinished = HashSet::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').unwrap();
        let call = call.trim_start();
        let is_log = call.contains("/billhook.db-wal>");
        if call.contains("\"POST /api/CreateOrder") {
            calls.push(Call::Request);
        } else if call.contains("\"HTTP/1.1 200 OK") {
            calls.push(Call::Answer);
        } else if is_log && call.starts_with("pwrite64(") {
            calls.push(Call::LogWritten);
        } else if is_log && (call.starts_with("fdatasync(") || call.starts_with("fsync(")) {
            calls.push(Call::SyncBegun);
            if call.ends_with("<unfinished ...>") {
                unfinished.insert(thread);
            } else if call.ends_with(" = 0") {
                calls.push(Call::SyncDone);
            }
        } else if call.starts_with("<... fdatasync resumed>") || call.starts_with("<... fsync resumed>") {
            let is_of_log = unfinished.remove(thread);
            if is_of_log && call.ends_with(" = 0") {
                calls.push(Call::SyncDone);
            }
        }
    }
    calls
}

/// Runs strace as the server's grandchild, so that the server is stopped like any other.
fn traced(trace: &Path, server: &Command) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "-qq", "-yy", "-s", "64", "-o"]).arg(trace);
    strace.args(["-e", "trace=read,recvfrom,write,writev,sendto,sendmsg,pwrite64,pwritev,fsync,fdatasync"]);
    strace.arg("--").arg(server.get_program()).args(server.get_args());
    for (name, value) in server.get_envs() {
        match value {
            Some(value) => strace.env(name, value),
            None => strace.env_remove(name),
        };
    }
    strace.stdin(Stdio::null());
    strace
}

#[test]
fn the_log_is_synced_before_the_answer_is_sent() {
    const ORDERS: usize = 20;
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("trace");
    let server = traced(&file, &program(place.path()));
    let mut shop = Billhook::start_command(server, place, &["--demo"]);
    for n in 0..ORDERS {
        let email = format!("customer{n}@example.com");
        let form = [("goods[0][good_name]", "oplata"), ("bill_email", email.as_str())];
        let answer = shop.call(DEMO_LOGIN, DEMO_KEY, "CreateOrder", &form);
        assert_eq!(answer.code(), 0, "{answer:?}");
    }
    shop.signal(Signal::TERM);
    assert_eq!(shop.wait(Duration::from_secs(20)), Some(0));
    let read = || calls(&fs::read_to_string(&file).unwrap());
    // strace may still be writing its last lines.
    until(|| read().iter().filter(|call| **call == Call::Answer).count() == ORDERS);
    let calls = read();
    let mut answers = 0;
    for (at, _) in calls.iter().enumerate().filter(|(_, call)| **call == Call::Answer) {
        let request = calls[..at].iter().rposition(|call| *call == Call::Request).unwrap();
        let since = &calls[request..at];
        let written = since.iter().rposition(|call| *call == Call::LogWritten);
        let after = written.map(|written| &since[written + 1..]);
        assert_eq!(after, Some(&[Call::SyncBegun, Call::SyncDone][..]), "answer {answers}: {since:?}");
        answers += 1;
    }
    assert_eq!(answers, ORDERS);
}

/// Another program that opens the file finds the server's locks. Otherwise it would take itself for the only one, and
/// remove the log, with all that the server writes there from then on.
#[test]
fn a_program_that_looks_into_the_file_takes_no_order_away() {
    let shop = Billhook::start(&["--demo"]);
    let call = |shop: &Billhook, method: &str, form: &[(&str, &str)]| {
        shop.call(DEMO_LOGIN, DEMO_KEY, method, form).code()
    };
    let order = [("goods[0][good_name]", "oplata"), ("bill_email", "boris@example.com")];
    // Readers are connected when they are needed.
    assert_eq!(call(&shop, "GetBills", &[("email", "boris@example.com")]), 400);
    let folder = shop.place().join("data");
    let look = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT COUNT(*) FROM orders'); c.close()";
    let looked = Command::new("python3").args(["-c", look]).arg(folder.join("billhook.db")).status().unwrap();
    assert!(looked.success());
    assert!(folder.join("billhook.db-wal").exists(), "the log was removed");
    assert_eq!(call(&shop, "CreateOrder", &order), 0);
    let shop = shop.restarted(Signal::KILL, &["--demo"]);
    assert_eq!(call(&shop, "GetBills", &[("email", "boris@example.com")]), 0);
}
