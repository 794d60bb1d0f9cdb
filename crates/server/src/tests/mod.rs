//! The server as its clients see it: real sockets, on a free port, with a store in its own folder.

mod admin;
mod http1;
mod http2;
mod limits;
mod log;
mod methods;
mod old_keys;
mod shutdown;
mod start;
mod tls;

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use billhook_store::{
    self as store, AccountId, Location, Store,
    accounts::{self, settings::Setting},
    orders::{self, Handling, Line, Order, Texts},
};
use billhook_test_kit::{
    http::{Answer, hashed as sign},
    within,
};
use billhook_wire::{Email, GoodId, Key, Login, Money, OrderId, PayStatus};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::{
    Addresses, Options, Server, TlsReloader,
    http::{memory::Budget, permits::Permits},
    methods::Methods,
};

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A running server with the account `anna`, which has one customer with one order.
struct TestServer {
    store: Store,
    addresses: Addresses,
    permits: Arc<Permits>,
    /// The memory for bodies.
    bodies: Arc<Budget>,
    reloader: Option<TlsReloader>,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<Result<(), store::Error>>>,
    folder: Option<tempfile::TempDir>,
}

impl TestServer {
    fn start(change: impl FnOnce(&mut Options)) -> Self {
        Self::start_with(crate::methods::table(), change)
    }

    fn start_with(methods: Methods, change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::folder(folder.path());
        let mut server = Self::start_over(&location, methods, change);
        server.folder = Some(folder);
        server
    }

    fn start_over(location: &Location, methods: Methods, change: impl FnOnce(&mut Options)) -> Self {
        let store = Store::open(location).unwrap();
        add_account(&store, "anna");
        let mut options = Options { listen: vec!["127.0.0.1:0".parse().unwrap()], ..Options::default() };
        change(&mut options);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = runtime.block_on(Server::bind_with(options, store.clone(), methods)).unwrap();
        let (addresses, reloader) = (server.addresses(), server.tls_reloader());
        let (permits, bodies) = (server.intake.permits.clone(), server.intake.state.body_budget.clone());
        let (stop, stopped) = oneshot::channel::<()>();
        let running = std::thread::spawn(move || {
            runtime.block_on(server.run(async {
                let _ = stopped.await;
            }))
        });
        Self {
            store,
            addresses,
            permits,
            bodies,
            reloader,
            stop: Some(stop),
            running: Some(running),
            folder: None,
        }
    }

    fn connect(&self) -> TcpStream {
        connect(self.addresses.http[0])
    }

    /// Sends bytes on a new connection and reads one answer.
    fn send(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request).unwrap();
        read_reply(&mut stream)
    }

    fn call(&self, method: &str, query: &str) -> Answer {
        self.send(&post(method, &sign(query, "anna", KEY)))
    }

    fn begin_stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits for the server's end, and measures the time.
    fn wait_for_end(&mut self) -> (Result<(), store::Error>, Duration) {
        let since = Instant::now();
        (self.running.take().unwrap().join().unwrap(), since.elapsed())
    }

    fn has_no_connections_within(&self, time: Duration) -> bool {
        within(time, || self.permits.taken() == 0)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // A failed test must not hang.
        drop(self.stop.take());
        if let Some(running) = self.running.take() {
            let _ = running.join();
        }
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    billhook_test_kit::http::connect(address).unwrap()
}

fn add_account(store: &Store, login: &str) -> AccountId {
    let login = Login::parse(login).unwrap();
    store
        .write(move |tx| {
            let id = accounts::add(tx, &login, &Key::parse(KEY).unwrap(), 1_700_000_000)?.unwrap();
            orders::add(tx, id, &order(1, "anna@example.com", 1))?;
            Ok::<_, store::Error>(id)
        })
        .unwrap()
}

fn account(store: &Store, login: &str) -> AccountId {
    store.read(|tx| accounts::find(tx, &Login::parse(login).unwrap())).unwrap().unwrap().id
}

fn set(store: &Store, login: &str, name: &str, value: &str) {
    let (id, setting) = (account(store, login), Setting::parse(name, value).unwrap());
    store.write(move |tx| accounts::set(tx, id, &setting)).unwrap();
}

fn order(id: i64, email: &str, lines: i64) -> Order {
    let line = |at| Line {
        good_id: GoodId(at),
        good_name: format!("good-{at}"),
        good_title: format!("Товар {at}"),
        sum: Money::from_kopecks(100),
        price: Money::from_kopecks(100),
        pincode: String::new(),
        partner_fee: Money::ZERO,
        partner_pfee: Money::ZERO,
    };
    Order {
        id: OrderId(id),
        email: Some(Email::parse(email).unwrap()),
        pay_status: PayStatus::Paid,
        created: 1_700_000_000,
        paid: 1_700_000_000,
        is_recurrent: false,
        handling: Handling::default(),
        texts: Texts::default(),
        lines: (1..=lines).map(line).collect(),
    }
}

fn post(method: &str, form: &str) -> Vec<u8> {
    billhook_test_kit::http::post(method, "anna.localhost", form)
}

/// Reads one answer; the connection may stay open.
fn read_reply(stream: &mut impl std::io::Read) -> Answer {
    Answer::read(stream).unwrap()
}

/// Whether the server has closed the connection, rather than kept silent.
fn is_closed_within(stream: &mut TcpStream, time: Duration) -> bool {
    stream.set_read_timeout(Some(time)).unwrap();
    match stream.read(&mut [0; 1024]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

const ASK: &str = "email=anna%40example.com";
