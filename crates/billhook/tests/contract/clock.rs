//! A server whose clock jumps.

use std::{fs, path::PathBuf, thread, time::Duration};

use billhook_test_kit::until;

use crate::program::{Billhook, DEMO_KEY, DEMO_LOGIN, program, write};

/// The library that makes a program see another time.
fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").unwrap().filter_map(Result::ok);
    let mut found = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    found.find(|path| path.exists()).expect("libfaketime is there: apt-get install libfaketime")
}

/// Neither can be undone, and the new time may be wrong.
#[test]
fn a_clock_that_is_moved_cancels_no_order_and_deletes_no_key() {
    let place = tempfile::tempdir().unwrap();
    let clock = write(place.path(), "clock", "+0");
    let mut command = program(place.path());
    command.env("LD_PRELOAD", library()).env("FAKETIME_TIMESTAMP_FILE", &clock);
    command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let shop = Billhook::start_command(command, place, &["--demo"]);
    let call = |method, form: &[(&str, &str)]| shop.call(DEMO_LOGIN, DEMO_KEY, method, form);

    let in_an_hour = (crate::shop::now() + 3600).to_string();
    let goods = [("goods[0][good_name]", "oplata"), ("bill_email", "b@example.com")];
    let made = call("CreateOrder", &[&goods[..], &[("bill_timer_kill", &in_an_hour)]].concat());
    assert_eq!(made.code(), 0, "{made:?}");
    shop.run(&["account", "rotate-key", DEMO_LOGIN, "--keep-old", "60"]);

    let waiting = [("email", "b@example.com"), ("pay_status", "waiting")];
    write(shop.place(), "clock", "+2h");
    until(|| call("GetBills", &waiting).code() == 4);
    until(|| shop.log().contains("the clock was changed by 7"));
    thread::sleep(Duration::from_millis(2500));
    write(shop.place(), "clock", "+0");
    until(|| call("GetBills", &waiting).code() == 0);
}
