//! Events sent by several nodes that share a database, and while the database is gone.

use std::{collections::BTreeSet, thread, time::Duration};

use billhook_store::outbox::deliveries::State;
use billhook_test_kit::{
    Cluster, Options,
    receiver::{Receiver, Reply},
    until,
};

use crate::{
    nodes::place_of,
    outbox::ALLOWED,
    program::{Billhook, succeed},
    shop::{KEY, LOGIN, Shop},
};

/// A shop on this many nodes, whose product tells a receiver of new orders.
fn shops(url: &str, nodes: usize, receiver: &Receiver) -> Vec<Shop> {
    let place = place_of(url);
    succeed(place.path(), &["account", "add", LOGIN, "--key", KEY]);
    let shops: Vec<_> = (0..nodes).map(|_| Shop::of(Billhook::start_over(place_of(url), &ALLOWED))).collect();
    shops[0].add_good("course", "0", "Course", "1.00", &[("good_api_url_new_order", &receiver.url("/"))]);
    shops
}

/// Each event is sent once, though every node looks for what is due.
#[test]
fn nodes_share_the_sending() {
    let receiver = Receiver::start(|_| Reply::Late(Duration::from_millis(100)));
    let shops = shops(&Cluster::shared().create_database().unwrap(), 3, &receiver);
    let orders: Vec<_> = shops
        .iter()
        .cycle()
        .zip(0..60)
        .map(|(shop, at)| shop.order(&format!("a{at}@example.com"), "course", &[]))
        .collect();
    let is_delivered = |order: &i64| shops[0].deliveries_of(*order)[0].state == State::Delivered;
    until(|| orders.iter().all(is_delivered));
    let requests = receiver.received();
    let ids: BTreeSet<_> = requests.iter().map(|got| got.header("webhook-id")).collect();
    assert_eq!((requests.len(), ids.len()), (orders.len(), orders.len()));
}

/// What was sent while the database was gone is written once it is back, and not sent again.
#[test]
fn a_database_that_is_gone_loses_no_event() {
    let cluster = Cluster::start(&Options { durable: true, ..Options::default() }).unwrap();
    let receiver = Receiver::start(|_| Reply::Late(Duration::from_secs(1)));
    let shops = shops(&cluster.create_database().unwrap(), 1, &receiver);
    let order = |at: usize| shops[0].order(&format!("a{at}@example.com"), "course", &[]);
    let first = order(0);
    until(|| receiver.received().len() == 1);
    cluster.kill().unwrap();
    thread::sleep(Duration::from_secs(5));
    cluster.start_again().unwrap();
    until(|| shops[0].deliveries_of(first)[0].state == State::Delivered);
    until(|| shops[0].server().admin("/readyz").status == 200);
    let second = order(1);
    until(|| shops[0].deliveries_of(second)[0].state == State::Delivered);
    assert_eq!(receiver.received().len(), 2);
    let log = shops[0].server().log();
    assert!(
        log.contains("the outbox can't be read or written") && log.contains("the outbox goes on"),
        "{log}"
    );
}
