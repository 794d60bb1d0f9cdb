//! The server as its clients meet it: real sockets on a port of its own, over a store in a folder of its own.

mod admin;
mod http1;
mod http2;
mod limits;
mod log;
mod methods;
mod shutdown;
mod start;
mod timers;
mod tls;

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use billhook_store::{
    self as store, AccountId, Location, Store, accounts,
    orders::{self, Handling, Line, Order, Texts},
    settings::Setting,
};
use billhook_wire::{Email, GoodId, Key, Login, Money, OrderId, PayStatus, signature};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::{Addresses, Options, Server, TlsReloader, http::permits::Permits, methods::Methods};

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A running server with the account `anna`, who has one customer with one order.
struct Shop {
    store: Store,
    addresses: Addresses,
    slots: Arc<Permits>,
    reloader: Option<TlsReloader>,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<Result<(), store::Error>>>,
    folder: Option<tempfile::TempDir>,
}

/// An answer as it came over the socket.
#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Shop {
    fn start(change: impl FnOnce(&mut Options)) -> Self {
        Self::start_with(crate::methods::table(), change)
    }

    fn start_with(methods: Methods, change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::folder(folder.path());
        let mut shop = Self::start_over(&location, methods, change);
        shop.folder = Some(folder);
        shop
    }

    fn start_over(location: &Location, methods: Methods, change: impl FnOnce(&mut Options)) -> Self {
        let store = Store::open(location).unwrap();
        add_account(&store, "anna");
        let mut options = Options { listen: vec!["127.0.0.1:0".parse().unwrap()], ..Options::default() };
        change(&mut options);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = runtime.block_on(Server::bind_with(options, store.clone(), methods)).unwrap();
        let (addresses, slots, reloader) =
            (server.addresses(), server.intake.permits.clone(), server.tls_reloader());
        let (stop, stopped) = oneshot::channel::<()>();
        let running = std::thread::spawn(move || {
            runtime.block_on(server.run(async {
                let _ = stopped.await;
            }))
        });
        Self { store, addresses, slots, reloader, stop: Some(stop), running: Some(running), folder: None }
    }

    fn connect(&self) -> TcpStream {
        connect(self.addresses.http[0])
    }

    /// Sends bytes on a connection of their own and reads one answer.
    fn send(&self, request: &[u8]) -> Reply {
        let mut stream = self.connect();
        stream.write_all(request).unwrap();
        read_reply(&mut stream)
    }

    /// A signed call, as `anna`.
    fn call(&self, method: &str, query: &str) -> Reply {
        self.send(&post(method, &sign(query, "anna", KEY)))
    }

    fn begin_stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits for the end; says how long that took.
    fn wait_for_end(&mut self) -> (Result<(), store::Error>, Duration) {
        let since = Instant::now();
        (self.running.take().unwrap().join().unwrap(), since.elapsed())
    }

    fn has_no_connections_within(&self, time: Duration) -> bool {
        within(time, || self.slots.taken() == 0)
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // A test that failed half-way must not hang.
        drop(self.stop.take());
        if let Some(running) = self.running.take() {
            let _ = running.join();
        }
    }
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    fn code(&self) -> u64 {
        self.json()["error_code"].as_u64().unwrap()
    }

    /// Status and code, after a look at everything that each answer must have. `key`: the one that must have signed.
    fn checked(&self, key: Option<&str>) -> (u16, u64) {
        let json = self.json();
        let keys: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["error_code", "error_text", "result", "hash"]);
        assert!(json["result"].is_array() || json["result"].is_object());
        assert_eq!(self.header("content-type"), Some("application/json; charset=utf-8"));
        let id = self.header("x-request-id").unwrap();
        assert!(id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
        let key = key.map(|key| Key::parse(key).unwrap());
        let code =
            *billhook_wire::Code::ALL.iter().find(|code| u64::from(code.number()) == self.code()).unwrap();
        assert_eq!(json["hash"], signature::answer(code, json["error_text"].as_str().unwrap(), key.as_ref()));
        let header = self.header("billhook-signature");
        match key {
            Some(key) => {
                let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs().try_into().unwrap();
                signature::verify_body(header.unwrap(), &key, &self.body, now, 60).unwrap();
            }
            None => assert_eq!(header, None),
        }
        (self.status, self.code())
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn within(time: Duration, mut done: impl FnMut() -> bool) -> bool {
    let since = Instant::now();
    while !done() {
        if since.elapsed() > time {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
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

/// A query with its hash behind it.
fn sign(query: &str, login: &str, key: &str) -> String {
    let hash = signature::request(query.as_bytes(), &Login::parse(login).unwrap(), &Key::parse(key).unwrap());
    let hash = String::from_utf8(hash.to_vec()).unwrap();
    if query.is_empty() { format!("hash={hash}") } else { format!("{query}&hash={hash}") }
}

/// A POST as `anna`'s clients send it.
fn post(method: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /api/{method} HTTP/1.1\r\nHost: anna.localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Reads one answer off a connection that may go on.
fn read_reply(stream: &mut impl std::io::Read) -> Reply {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream
            .read_exact(&mut byte)
            .unwrap_or_else(|error| panic!("no answer: {error}, {}", String::from_utf8_lossy(&head)));
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut reply = Reply { status: head[9..12].parse().unwrap(), head, body: Vec::new() };
    let length: u64 = reply.header("content-length").map_or(0, |length| length.parse().unwrap());
    stream.take(length).read_to_end(&mut reply.body).unwrap();
    reply
}

/// Whether the other end has closed, rather than kept silent.
fn is_closed_within(stream: &mut TcpStream, time: Duration) -> bool {
    stream.set_read_timeout(Some(time)).unwrap();
    match stream.read(&mut [0; 1024]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

const ASK: &str = "email=anna%40example.com";
