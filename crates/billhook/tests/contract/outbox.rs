//! Events on their way: what receivers get, and what becomes of a delivery that its receiver does not take
//! (section 11, decision 37).

use std::time::Duration;

use billhook_store::{
    accounts::people::Secret,
    outbox::{
        deliveries::{self, Delivery, State, Try},
        endpoints::{self, Endpoint},
    },
};
use billhook_test_kit::{
    receiver::{Receiver, Reply},
    until,
};
use billhook_wire::{Key, OrderId, signature};
use rustix::process::Signal;

use crate::shop::{KEY, Shop, now};

/// Lets events go to receivers on this machine.
pub(crate) const ALLOWED: [&str; 2] = ["--webhook-allow-net", "127.0.0.0/8"];
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A shop whose events may go to receivers on this machine.
pub(crate) fn shop() -> Shop {
    shop_with(&[])
}

fn shop_with(arguments: &[&str]) -> Shop {
    let arguments = [&ALLOWED[..], arguments].concat();
    Shop::over(tempfile::tempdir().unwrap(), &["same_order_hours=0"], &arguments)
}

fn well(_: &billhook_test_kit::receiver::Received) -> Reply {
    Reply::Status(200, "ok".to_owned())
}

impl Shop {
    pub(crate) fn deliveries_of(&self, order: i64) -> Vec<Delivery> {
        self.write(move |tx, account| deliveries::of_order(tx, account, OrderId(order)))
    }

    fn tries_of(&self, delivery: &Delivery) -> Vec<Try> {
        let id = delivery.id;
        self.write(move |tx, account| deliveries::tries(tx, account, id))
    }

    pub(crate) fn add_endpoint(&self, url: &str, events: &str) -> i64 {
        let (url, events, secret) = (url.to_owned(), events.to_owned(), Secret(SECRET.to_owned()));
        let endpoint = Endpoint { url, events, secret, created: now(), ..Endpoint::default() };
        self.write(move |tx, account| endpoints::add(tx, account, &endpoint)).unwrap()
    }

    fn pay(&self, order: i64) {
        let (order, now) = (order.to_string(), now().to_string());
        self.result("UpdateOrderStatus", &[("bill_id", &order), ("status", "paid"), ("date", &now)]);
    }
}

#[test]
fn products_urls_get_signed_forms() {
    let (shop, receiver) = (shop(), Receiver::start(well));
    let url = |path: &str| receiver.url(path);
    let urls = [("good_api_url_new_order", &*url("/new?a=1&b=%20")), ("good_api_url_notif", &*url("/paid"))];
    shop.add_good("course", "0", "Course", "1000.00", &urls);
    let order = shop.order("anna@example.com", "course", &[]);
    until(|| receiver.received().len() == 1);
    shop.pay(order);
    until(|| receiver.received().len() == 2);
    until(|| shop.deliveries_of(order).iter().all(|delivery| delivery.state == State::Delivered));
    let [created, paid] = &receiver.received()[..] else { panic!("{:?}", receiver.received()) };
    assert_eq!((&*created.path, &*paid.path), ("/new?a=1&b=%20", "/paid"));
    assert!(created.body.starts_with(&format!("status=new_order&id={order}&")), "{}", created.body);
    assert!(paid.body.starts_with(&format!("id={order}&")), "{}", paid.body);
    for got in [created, paid] {
        assert_eq!(got.header("content-type"), "application/x-www-form-urlencoded");
        assert!(got.header("user-agent").starts_with("Billhook/"));
        assert!(got.header("webhook-id").starts_with("evt_"));
        assert!(got.header("webhook-timestamp").parse::<i64>().unwrap().abs_diff(now()) < 60);
        assert_eq!(got.header("webhook-signature"), "");
        let key = Key::parse(KEY).unwrap();
        let signed = got.header("billhook-signature");
        signature::verify_body(signed, &key, got.body.as_bytes(), now(), 60).unwrap();
    }
    assert_ne!(created.header("webhook-id"), paid.header("webhook-id"));
    let [tried] = &shop.tries_of(&shop.deliveries_of(order)[0])[..] else { panic!("one try") };
    assert_eq!((tried.status, &*tried.reason, &*tried.answer), (200, "", "ok"));
    let metrics = shop.server().admin("/metrics").body;
    assert!(metrics.contains("billhook_outbox_tries_total{result=\"delivered\"} 2"), "{metrics}");
    shop.is_sound();
}

/// Every try has the same id and body, and its own time and signature.
#[test]
fn what_fails_is_tried_again() {
    let shop = shop();
    let failed_once = std::sync::atomic::AtomicBool::new(false);
    let receiver = Receiver::start(move |_| {
        let is_first = !failed_once.swap(true, std::sync::atomic::Ordering::Relaxed);
        Reply::Status(
            if is_first { 500 } else { 204 },
            if is_first { "a\0b".repeat(2_000) } else { String::new() },
        )
    });
    shop.add_good(
        "course",
        "0",
        "Course",
        "1000.00",
        &[("good_api_url_new_order", &receiver.url("/?key=hidden"))],
    );
    let order = shop.order("anna@example.com", "course", &[]);
    until(|| receiver.received().len() == 1);
    let waits = || shop.deliveries_of(order).remove(0);
    until(|| waits().tries == 1);
    let delivery = waits();
    assert_eq!((delivery.state, delivery.status, &*delivery.reason), (State::Pending, 500, "answered 500"));
    assert!((3..=7).contains(&(delivery.due_at - now())), "{delivery:?}");
    until(|| waits().state == State::Delivered);
    let [first, second] = &receiver.received()[..] else { panic!("two tries") };
    assert!(second.at.duration_since(first.at) >= Duration::from_secs(3));
    assert_eq!((first.header("webhook-id"), &first.body), (second.header("webhook-id"), &second.body));
    assert_ne!(first.header("webhook-timestamp"), second.header("webhook-timestamp"));
    assert_ne!(first.header("billhook-signature"), second.header("billhook-signature"));
    let tries = shop.tries_of(&delivery);
    let states: Vec<_> = tries.iter().map(|tried| (tried.status, &*tried.reason)).collect();
    assert_eq!(states, [(500, "answered 500"), (204, "")]);
    assert_eq!(tries[0].answer.chars().count(), 1024, "only the beginning is kept");
    // One line when it begins to fail and one when it works again, without the query.
    let log = shop.server().log();
    assert_eq!(log.matches("a receiver of events fails").count(), 1, "{log}");
    assert_eq!(log.matches("a receiver of events works again").count(), 1, "{log}");
    assert!(!log.contains("hidden"), "{log}");
}

/// A URL, and what becomes of the delivery to it: state, status, reason.
type Case = (String, State, u32, String);

/// Cases that a receiver makes.
fn bad_receivers(receiver: &Receiver, untrusted: &Receiver) -> Vec<Case> {
    let url = |path: &str| receiver.url(path);
    let closed = "the connection was closed before an answer came";
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    [
        (url("/endless"), State::Delivered, 200, ""),
        (url("/hangs"), State::Pending, 0, "no answer within 15 seconds"),
        (url("/trickles"), State::Pending, 0, "no answer within 15 seconds"),
        (url("/closes"), State::Pending, 0, closed),
        (url("/noise"), State::Pending, 0, "the answer is not HTTP, or its head is too long"),
        (url("/long-head"), State::Pending, 0, "the answer is not HTTP, or its head is too long"),
        (url("/redirects"), State::Pending, 302, "answered 302: redirects are not followed"),
        (url("/gone"), State::Failed, 410, "answered 410"),
        (url("/other"), State::Pending, 500, "answered 500"),
        (untrusted.url("/"), State::Pending, 0, "the certificate is not valid: its issuer is not known"),
        (format!("https://127.0.0.1:{}/", receiver.port()), State::Pending, 0, closed),
        (format!("http://{unused}/"), State::Pending, 0, "the connection was refused"),
    ]
    .map(|(url, state, status, reason)| (url, state, status, reason.to_owned()))
    .into()
}

/// Cases that the URL makes.
fn bad_urls() -> Vec<Case> {
    let inward = [
        ("http://10.0.0.1/", "10.0.0.1"),
        ("http://169.254.169.254/latest", "169.254.169.254"),
        ("http://[::1]:80/", "::1"),
        ("http://0/", "0.0.0.0"),
        ("http://0xA9FEA9FE/", "169.254.169.254"),
        ("http://[::ffff:10.0.0.1]/", "::ffff:10.0.0.1"),
        ("https://192.168.1.1/", "192.168.1.1"),
    ]
    .map(|(url, address)| {
        let reason = format!("the address {address} is not public; allow it with --webhook-allow-net");
        (url.to_owned(), State::Pending, 0, reason)
    });
    let others = [
        ("http://no-such-host.invalid/", State::Pending, "the host's name was not found"),
        ("shop", State::Failed, "not a URL"),
        ("ftp://a.example/", State::Failed, "the URL begins with neither http:// nor https://"),
        ("http://anna:pw@127.0.0.1/", State::Failed, "the URL has a user name or password"),
        (
            &*format!("http://a.example/{}", "b".repeat(2_048)),
            State::Failed,
            "the URL is longer than 2,048 bytes",
        ),
    ]
    .map(|(url, state, reason)| (url.to_owned(), state, 0, reason.to_owned()));
    inward.into_iter().chain(others).collect()
}

/// What `billhook delivery show` tells of each kind of bad receiver.
#[test]
fn bad_receivers_are_told_in_words() {
    let shop = shop();
    let receiver = Receiver::start(|received| match &*received.path {
        "/hangs" => Reply::Hang,
        "/closes" => Reply::Close,
        "/trickles" => Reply::Trickle,
        "/endless" => Reply::Endless,
        "/noise" => Reply::Noise,
        "/long-head" => Reply::LongHead,
        "/redirects" => Reply::Redirect(format!("http://{}/stolen", received.header("host"))),
        "/gone" => Reply::Status(410, String::new()),
        _ => Reply::Status(500, "<b>\u{1}Ошибка".to_owned()),
    });
    // Nobody trusts a certificate that its owner made.
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let untrusted = Receiver::start_tls(tls(&made), well);
    let cases = [bad_receivers(&receiver, &untrusted), bad_urls()].concat();
    let mut orders = Vec::new();
    for (at, (url, ..)) in cases.iter().enumerate() {
        let good = format!("good{at}");
        shop.add_good(&good, "0", "Good", "1.00", &[("good_api_url_new_order", url)]);
        orders.push(shop.order("anna@example.com", &good, &[]));
    }
    for (order, (url, state, status, reason)) in orders.iter().zip(&cases) {
        until(|| shop.deliveries_of(*order)[0].tries > 0);
        // It may have been tried twice already; each try says the same.
        let delivery = shop.deliveries_of(*order).remove(0);
        assert_eq!((delivery.state, delivery.status, &delivery.reason), (*state, *status, reason), "{url}");
        assert_eq!(&delivery.url, url);
    }
    assert!(receiver.at("/stolen").is_empty());
    let answer = shop.tries_of(&shop.deliveries_of(orders[0])[0]).remove(0).answer;
    assert_eq!(answer, "x".repeat(1024));
    shop.is_sound();
}

/// Without the operator's leave nothing on this machine is reached, by address or by name.
#[test]
fn nothing_goes_inward_by_default() {
    let receiver = Receiver::start(well);
    let shop = Shop::over(tempfile::tempdir().unwrap(), &["same_order_hours=0"], &[]);
    let by_name = format!("http://localhost:{}/", receiver.port());
    for (name, url) in [("address", receiver.url("/")), ("name", by_name)] {
        shop.add_good(name, "0", "Good", "1.00", &[("good_api_url_new_order", &url)]);
        let order = shop.order("anna@example.com", name, &[]);
        until(|| shop.deliveries_of(order)[0].tries > 0);
        let reason = shop.deliveries_of(order).remove(0).reason;
        assert!(reason.ends_with("1 is not public; allow it with --webhook-allow-net"), "{reason}");
    }
    assert!(receiver.received().is_empty());
}

fn tls(made: &rcgen::CertifiedKey<rcgen::KeyPair>) -> std::sync::Arc<rustls::ServerConfig> {
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    std::sync::Arc::new(config)
}

#[test]
fn certificates_are_checked() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let place = tempfile::tempdir().unwrap();
    let ca = crate::program::write(place.path(), "ca.pem", &made.cert.pem());
    let receiver = Receiver::start_tls(tls(&made), well);
    let shop = shop_with(&["--webhook-ca", ca.to_str().unwrap()]);
    let good = format!("https://localhost:{}/", receiver.port());
    shop.add_good("good", "0", "Good", "1.00", &[("good_api_url_new_order", &good)]);
    shop.add_good("bad", "0", "Bad", "1.00", &[("good_api_url_new_order", &receiver.url("/"))]);
    let (good, bad) = (shop.order("a@b", "good", &[]), shop.order("a@b", "bad", &[]));
    until(|| shop.deliveries_of(good)[0].state == State::Delivered);
    until(|| shop.deliveries_of(bad)[0].tries > 0);
    let reason = &shop.deliveries_of(bad)[0].reason;
    assert_eq!(reason, "the certificate is not valid: it is for another name");
    assert_eq!(receiver.received().len(), 1);
}

/// Until its first try, an order's earlier event holds back the later ones to the same URL; a hanging one no
/// longer than that.
#[test]
fn events_of_an_order_arrive_in_order() {
    let (shop, receiver) = (shop(), Receiver::start(well));
    let hanging = Receiver::start(|received| {
        if received.body.contains("status=new_order") { Reply::Hang } else { well(received) }
    });
    for (name, receiver) in [("course", &receiver), ("slow", &hanging)] {
        let url = receiver.url("/");
        let urls = [("good_api_url_new_order", &*url), ("good_api_url_notif", &*url)];
        shop.add_good(name, "0", "Course", "1000.00", &urls);
    }
    let slow = shop.order("anna@example.com", "slow", &[]);
    shop.pay(slow);
    let orders: Vec<_> = (0..20)
        .map(|at| {
            let order = shop.order(&format!("a{at}@example.com"), "course", &[]);
            shop.pay(order);
            order
        })
        .collect();
    until(|| receiver.received().len() == 2 * orders.len());
    for order in orders {
        let of_order: Vec<_> = receiver
            .received()
            .into_iter()
            .filter(|received| received.body.contains(&format!("id={order}&")))
            .map(|received| received.body.starts_with("status=new_order"))
            .collect();
        assert_eq!(of_order, [true, false]);
    }
    until(|| hanging.received().len() >= 2);
    let [created, paid, ..] = &hanging.received()[..] else { panic!("two events") };
    assert!(created.body.starts_with("status=new_order") && paid.body.starts_with("id="));
    let held_back = paid.at.duration_since(created.at);
    assert!((14..=20).contains(&held_back.as_secs()), "{held_back:?}");
}

/// An endpoint gets JSON under the Standard Webhooks headers, and is disabled by a 410.
#[test]
fn endpoints_get_signed_json_until_they_are_gone() {
    let shop = shop();
    let receiver = Receiver::start(|received| {
        Reply::Status(if received.body.contains(r#""type":"paid""#) { 410 } else { 201 }, String::new())
    });
    let endpoint = shop.add_endpoint(&receiver.url("/hook"), "created,paid");
    shop.add_good("course", "0", "Course", "1000.00", &[]);
    let order = shop.order("anna@example.com", "course", &[]);
    until(|| receiver.received().len() == 1);
    shop.pay(order);
    until(|| shop.deliveries_of(order).iter().all(|delivery| delivery.state != State::Pending));
    let [created, paid] = &receiver.received()[..] else { panic!("two events") };
    for (got, event) in [(created, "created"), (paid, "paid")] {
        assert_eq!(got.header("content-type"), "application/json");
        let json: serde_json::Value = serde_json::from_str(&got.body).unwrap();
        assert_eq!(
            (&json["type"], &json["data"]["id"]),
            (&event.into(), &order.to_string().into()),
            "{json}"
        );
        assert_eq!(got.header("billhook-signature"), "");
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
        let headers = names.map(|name| (name.parse().unwrap(), got.header(name).parse().unwrap()));
        let headers: http::HeaderMap = headers.into_iter().collect();
        let library = standardwebhooks::Webhook::new(SECRET).unwrap();
        library.verify(got.body.as_bytes(), &headers).unwrap();
        library.verify(got.body.replace('1', "2").as_bytes(), &headers).unwrap_err();
    }
    let gone = shop.write(move |tx, account| endpoints::find(tx, account, endpoint)).unwrap();
    assert!(gone.disabled.abs_diff(now()) < 60);
    assert_eq!(gone.reason, "it answered 410 (Gone)");
    // It is told of nothing more.
    let next = shop.order("boris@example.com", "course", &[]);
    assert!(shop.deliveries_of(next).is_empty());
}

/// A store that is paused keeps its events until it is resumed; so nothing is lost by a restart either.
#[test]
fn a_paused_outbox_waits() {
    let (shop, receiver) = (shop(), Receiver::start(well));
    shop.add_good("course", "0", "Course", "1000.00", &[("good_api_url_new_order", &receiver.url("/"))]);
    shop.write(|tx, _| deliveries::pause(tx, "it is a copy"));
    let order = shop.order("anna@example.com", "course", &[]);
    until(|| shop.server().log().contains("the outbox is paused"));
    assert!(receiver.received().is_empty() && shop.deliveries_of(order)[0].tries == 0);
    shop.write(|tx, _| deliveries::resume(tx));
    until(|| receiver.received().len() == 1);
    until(|| shop.server().log().contains("not paused any more"));
}

/// A host that hangs gets four tries at a time, and the account's other receivers get theirs meanwhile.
#[test]
fn a_hanging_host_does_not_hold_up_others() {
    let shop = shop();
    let (hanging, receiver) = (Receiver::start(|_| Reply::Hang), Receiver::start(well));
    for (name, receiver) in [("slow", &hanging), ("course", &receiver)] {
        let url = receiver.url("/");
        let urls = [("good_api_url_new_order", &*url), ("good_api_url_notif", &*url)];
        shop.add_good(name, "0", "Course", "1000.00", &urls);
    }
    let slow: Vec<_> = (0..40).map(|at| shop.order(&format!("a{at}@example.com"), "slow", &[])).collect();
    for order in &slow {
        shop.pay(*order);
    }
    for at in 0..10 {
        shop.order(&format!("b{at}@example.com"), "course", &[]);
    }
    let took = until(|| receiver.received().len() == 10);
    assert!(took < Duration::from_secs(10), "{took:?}");
    let first = hanging.received()[0].at;
    let at_once = hanging.received().iter().filter(|got| got.at - first < Duration::from_secs(10)).count();
    assert_eq!(at_once, 4);
    assert!(slow.iter().all(|order| shop.deliveries_of(*order)[0].tries <= 1));
}

/// What a server was killed over is sent by the next one, under the same id.
#[test]
fn a_killed_servers_deliveries_are_sent_again() {
    let hanging = Receiver::start(|_| Reply::Hang);
    let shop = shop();
    shop.add_good("course", "0", "Course", "1000.00", &[("good_api_url_new_order", &hanging.url("/"))]);
    let order = shop.order("anna@example.com", "course", &[]);
    until(|| hanging.received().len() == 1);
    // Another server may take it when the lease of a minute has ended; of a folder there is one server alone.
    let shop = shop.restarted(Signal::KILL, &ALLOWED);
    let patience = Duration::from_secs(if crate::ON_POSTGRES { 90 } else { 20 });
    assert!(billhook_test_kit::within(patience, || hanging.received().len() == 2));
    let [first, second] = &hanging.received()[..] else { panic!("two tries") };
    assert_eq!((first.header("webhook-id"), &first.body), (second.header("webhook-id"), &second.body));
    assert_eq!(shop.deliveries_of(order)[0].tries, 0, "a try that nobody saw the end of does not count");
}

/// A server that is stopped waits for tries that have begun, and gives back what it can't finish.
#[test]
fn a_stopped_server_gives_back_what_it_leased() {
    let hanging = Receiver::start(|_| Reply::Hang);
    let shop = shop_with(&["--stop-timeout", "1"]);
    shop.add_good("course", "0", "Course", "1000.00", &[("good_api_url_new_order", &hanging.url("/"))]);
    let order = shop.order("anna@example.com", "course", &[]);
    until(|| hanging.received().len() == 1);
    let shop = shop.restarted(Signal::TERM, &ALLOWED);
    // At once, and not when a lease ends.
    until(|| hanging.received().len() == 2);
    assert_eq!(shop.deliveries_of(order)[0].tries, 0);
}

/// An account with too many deliveries waiting gets no new ones, and its orders are made all the same.
#[test]
fn an_account_with_too_much_waiting_gets_no_more() {
    let (shop, receiver) = (shop(), Receiver::start(well));
    shop.add_good("course", "0", "Course", "1000.00", &[("good_api_url_new_order", &receiver.url("/"))]);
    shop.write(|tx, account| deliveries::set_full(tx, account, true));
    let untold = shop.order("anna@example.com", "course", &[]);
    until(|| shop.server().log().contains("nobody is told of this event"));
    assert!(shop.deliveries_of(untold).is_empty());
    // A server counts what waits at its start, and then once a minute.
    let shop = shop.restarted(Signal::TERM, &ALLOWED);
    until(|| shop.server().log().contains("fewer deliveries wait"));
    let told = shop.order("boris@example.com", "course", &[]);
    until(|| receiver.received().len() == 1);
    assert_eq!(shop.deliveries_of(told).len(), 1);
}
