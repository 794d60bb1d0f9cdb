//! A server whose clock jumps.

use std::{fs, path::PathBuf, thread, time::Duration};

use billhook_test_kit::{
    receiver::{Receiver, Reply},
    until,
};

use crate::{
    browser::{Browser, login_link},
    program::{Billhook, DEMO_KEY, DEMO_LOGIN, program, write},
};

/// The library that makes a program see another time.
fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").unwrap().filter_map(Result::ok);
    let mut found = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    found.find(|path| path.exists()).expect("libfaketime is there: apt-get install libfaketime")
}

/// The demo, whose clock is what its file `clock` says.
fn demo() -> Billhook {
    let place = tempfile::tempdir().unwrap();
    let clock = write(place.path(), "clock", "+0");
    let mut command = program(place.path());
    command.env("LD_PRELOAD", library()).env("FAKETIME_TIMESTAMP_FILE", &clock);
    command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    Billhook::start_command(command, place, &["--demo"])
}

/// Whatever the clock does, events arrive, each once.
#[test]
fn a_clock_that_is_moved_holds_up_no_event() {
    let receiver = Receiver::start(|_| Reply::Status(200, String::new()));
    let shop = demo();
    let url = format!("good_api_url_new_order={}", receiver.url("/"));
    shop.run(&["product", "set", "oplata", &url, "--account", DEMO_LOGIN]);
    shop.run(&["webhook", "add", "--listen-only", "--account", DEMO_LOGIN]);
    let moves = ["+0", "+2h", "+40d", "+0", "-2h", "+0"];
    for (at, clock) in moves.into_iter().enumerate() {
        write(shop.place(), "clock", clock);
        let email = format!("a{at}@example.com");
        let form = [("goods[0][good_name]", "oplata"), ("bill_email", &*email)];
        assert_eq!(shop.call(DEMO_LOGIN, DEMO_KEY, "CreateOrder", &form).code(), 0, "{clock}");
        until(|| receiver.received().len() > at);
    }
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(receiver.received().len(), moves.len());

    // Who asks for what came since sees each, too.
    let mut last = "0".to_owned();
    for at in 0..moves.len() {
        let form = [("after", &*last), ("limit", "1")];
        let answer = shop.call(DEMO_LOGIN, DEMO_KEY, "billhook.events", &form).json();
        let event = answer["result"]["events"][0]["json"].as_str().unwrap();
        assert!(event.contains(&format!("a{at}@example.com")), "{at}: {answer}");
        last = answer["result"]["last"].to_string();
    }
}

/// The cabinet tells of what has waited for over an hour.
#[test]
fn what_waits_for_long_is_told_of() {
    let receiver = Receiver::start(|_| Reply::Status(500, String::new()));
    let shop = demo();
    let url = format!("good_api_url_new_order={}", receiver.url("/"));
    shop.run(&["product", "set", "oplata", &url, "--account", DEMO_LOGIN]);
    let form = [("goods[0][good_name]", "oplata"), ("bill_email", "anna@example.com")];
    assert_eq!(shop.call(DEMO_LOGIN, DEMO_KEY, "CreateOrder", &form).code(), 0);
    let link = login_link(&shop, DEMO_LOGIN, &[]);
    let owner = Browser::by_link(&shop, &format!("{DEMO_LOGIN}.localhost"), &link);
    for (clock, count) in [("+0", 0), ("+59m", 0), ("+61m", 1)] {
        write(shop.place(), "clock", clock);
        assert_eq!(owner.page("/cabinet").matches("ждут больше часа").count(), count, "{clock}");
    }
}

/// Neither can be undone, and the new time may be wrong.
#[test]
fn a_clock_that_is_moved_cancels_no_order_and_deletes_no_key() {
    let shop = demo();
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
