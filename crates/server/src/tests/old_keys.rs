//! An old key ends although the clock is set back. The timers' other tests are in the contract: `order_timers.rs`.

use super::*;

/// A clock that is set back must not make a replaced key valid again.
#[test]
fn a_key_whose_time_is_over_is_deleted() {
    let server = TestServer::start(|_| {});
    let (anna, now) = (AccountId(1), crate::clock::unix_now());
    for (until, is_there) in [(now + 600, true), (now - 1, false), (0, false)] {
        let fresh = Key::parse(&format!("fresh-until-{until}")).unwrap();
        server.store.write(move |tx| accounts::rotate_key(tx, anna, &fresh, Some(until))).unwrap();
        let login = Login::parse("anna").unwrap();
        let find = || server.store.read(|tx| accounts::find(tx, &login)).unwrap().unwrap();
        let has_old = || find().old_key.is_some();
        if is_there {
            std::thread::sleep(Duration::from_millis(2500));
            assert!(has_old());
        } else {
            assert!(within(Duration::from_secs(5), || !has_old()));
        }
    }
}
