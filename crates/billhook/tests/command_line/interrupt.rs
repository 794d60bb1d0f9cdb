//! Commands that are interrupted while they write customers' data into a file.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{PATIENCE, Place};

const EXPORT: &[&str] = &["export", "--account", "shop", "out/orders.jsonl"];
const BACKUP: &[&str] = &["backup", "out/shop.billhook"];
const CATALOGUE: &[&str] = &["product", "export", "--account", "shop", "out/goods.csv"];
const COPY: &[&str] = &["copy", "billhook-data", "out"];

/// A place with a store that takes a while to write, and an empty folder `out`.
fn shop() -> Place {
    let place = Place::new();
    place.account("shop");
    let generated = place.run(&["generate", "--account", "shop", "--orders", "2000", "--products", "2000"]);
    assert_eq!(generated.status, Some(0), "{generated:?}");
    fs::create_dir(place.path("out")).unwrap();
    place
}

/// The files with customers' data: all but the locks of a data folder.
fn written(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.path("out")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> =
        names.filter(|name| Path::new(name).extension().is_none_or(|end| end != "lock")).collect();
    names.sort();
    names
}

/// Sends a signal to a command once it has written something. Returns the signal that ended it.
fn cut_off(place: &Place, command: &[&str], signal: Signal) -> Option<i32> {
    let mut child = place.command(command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let pid = Pid::from_child(&child);
    let until = Instant::now() + PATIENCE;
    // The first pages of a new store are empty tables.
    let is_begun = || {
        let log = fs::metadata(place.path("out/billhook.db-wal")).map_or(0, |log| log.len());
        log > 300_000 || written(place).iter().any(|name| name.ends_with(".partial"))
    };
    while !is_begun() {
        assert!(Instant::now() < until && child.try_wait().unwrap().is_none(), "{command:?} wrote nothing");
        std::thread::sleep(Duration::from_micros(100));
    }
    for signal in [Signal::STOP, signal, Signal::CONT] {
        kill_process(pid, signal).unwrap();
    }
    child.wait().unwrap().signal()
}

#[test]
fn a_signal_leaves_nothing_behind() {
    let place = shop();
    for signal in [Signal::INT, Signal::TERM] {
        for command in [EXPORT, BACKUP, CATALOGUE, COPY] {
            assert_eq!(cut_off(&place, command, signal), Some(signal.as_raw()), "{command:?}");
            assert_eq!(written(&place), [""; 0], "{command:?}");
        }
    }
    place.run(COPY).succeeded();
    place.run(&["check", "--data", "out"]).succeeded();
}

#[test]
fn what_a_killed_command_left_goes_at_the_next_run() {
    let place = shop();
    for (command, next) in [(EXPORT, BACKUP), (BACKUP, EXPORT)] {
        assert_eq!(cut_off(&place, command, Signal::KILL), Some(Signal::KILL.as_raw()));
        assert_eq!(written(&place).len(), 1, "{:?}", written(&place));
        place.run(next).succeeded();
        let name = next.last().unwrap().strip_prefix("out/").unwrap();
        assert_eq!(written(&place), [name]);
        fs::remove_file(place.path("out").join(name)).unwrap();
    }
}

/// A file in use by another command stays, and so does one with a similar name.
#[test]
fn what_is_not_left_stays() {
    let place = shop();
    for name in ["out/.billhook-busy.partial", "out/.billhook-left.partial", "out/theirs.partial"] {
        fs::write(place.path(name), "").unwrap();
    }
    let busy = fs::File::open(place.path("out/.billhook-busy.partial")).unwrap();
    busy.lock().unwrap();
    place.run(BACKUP).succeeded();
    assert_eq!(written(&place), [".billhook-busy.partial", "shop.billhook", "theirs.partial"]);
    // A restore leaves its unfinished files in the data folder.
    fs::write(place.path("billhook-data/.billhook-left.partial"), "").unwrap();
    place.run(&["restore", "out/shop.billhook", "--replace"]).succeeded();
    assert!(!place.path("billhook-data/.billhook-left.partial").exists());
}
