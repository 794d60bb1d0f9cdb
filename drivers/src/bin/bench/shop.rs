//! What is asked, and of whom: accounts with customers, and signed requests about them.

use std::{net::SocketAddr, path::Path};

use billhook_wire::{Email, Key, Login, query, signature};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    Result,
    http::{self, Client},
};

/// How many requests a load goes round in.
const REQUESTS: usize = 20_000;
/// So many answers are looked at before each run.
const CHECKED: usize = 50;

/// The account of a generated store.
pub(crate) const LOGIN: &str = "bench";
/// Every account's key.
pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef";

/// What a request's answer should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A customer's orders.
    Right,
    /// A customer who has none.
    Unknown,
    /// A refusal.
    WrongHash,
}

impl Kind {
    fn code(self) -> i64 {
        match self {
            Self::Right => 0,
            Self::Unknown => 400,
            Self::WrongHash => 4,
        }
    }
}

/// Whole requests that are answered with one code.
pub(crate) struct Requests {
    code: i64,
    pub(crate) all: Vec<Vec<u8>>,
    /// The answers' mean size, in bytes.
    pub(crate) answer_bytes: usize,
    key: Key,
}

/// Customers: their account's login and the e-mail.
pub(crate) type Customer = (String, String);

/// The customer of a generated store that has but one.
pub(crate) fn only_one() -> Vec<Customer> {
    vec![(LOGIN.to_owned(), "customer1@example.com".to_owned())]
}

/// The customers that `billhook generate` makes, drawn at random.
pub(crate) fn generated(customers: u64) -> Vec<Customer> {
    drawn(|dice| (LOGIN.to_owned(), format!("customer{}@example.com", dice.random_range(1..=customers))))
}

/// As many customers as a load has requests, the same ones every time.
pub(crate) fn drawn(mut draw: impl FnMut(&mut StdRng) -> Customer) -> Vec<Customer> {
    let mut dice = StdRng::seed_from_u64(1);
    (0..REQUESTS).map(|_| draw(&mut dice)).collect()
}

impl Requests {
    /// Makes requests about these customers and asks each once: those customers who have no orders are left out.
    pub(crate) fn new(kind: Kind, customers: &[Customer], server: SocketAddr) -> Result<Self> {
        let key = Key::parse(KEY)?;
        let requests = customers.iter().map(|(login, email)| request(kind, login, email, &key));
        Self::asked_once(requests.collect::<Result<Vec<_>>>()?, kind.code(), server)
    }

    /// Asks each of these requests once, and leaves out those that find nothing.
    pub(crate) fn asked_once(requests: Vec<Vec<u8>>, code: i64, server: SocketAddr) -> Result<Self> {
        let key = Key::parse(KEY)?;
        let mut client = Client::plain(server)?;
        let count = requests.len();
        let mut all = Vec::new();
        let mut bytes = 0;
        for request in requests {
            let body = client.ask(&request)?;
            match http::error_code(&body, &key)? {
                found if found == code => {}
                400 => continue,
                found => return Err(format!("an answer has the code {found}").into()),
            }
            bytes += body.len();
            all.push(request);
        }
        if all.len() < count / 2 {
            return Err("most requests find nothing: the store is not as it was made".into());
        }
        let answer_bytes = bytes / all.len().max(1);
        Ok(Self { code, all, answer_bytes, key })
    }

    /// Asks some of them over a connection, to see that a run measures what it should.
    pub(crate) fn check(&self, mut client: Client) -> Result<()> {
        for request in self.all.iter().step_by((self.all.len() / CHECKED).max(1)) {
            let code = http::error_code(&client.ask(request)?, &self.key)?;
            if code != self.code {
                return Err(format!("an answer has the code {code}, not {}", self.code).into());
            }
        }
        Ok(())
    }

    /// Over TLS.
    pub(crate) fn check_tls(&self, address: SocketAddr, certificate: &Path) -> Result<()> {
        self.check(Client::tls(address, &host(LOGIN), certificate)?)
    }
}

fn request(kind: Kind, login: &str, email: &str, key: &Key) -> Result<Vec<u8>> {
    let email = match kind {
        Kind::Right | Kind::WrongHash => Email::parse(email)?,
        Kind::Unknown => Email::parse(&format!("no-{email}"))?,
    };
    let mut body = b"email=".to_vec();
    query::encode(email.as_str().as_bytes(), &mut body);
    signed("GetBills", login, body, key, kind == Kind::WrongHash)
}

/// A request that asks a method for a form; on demand its hash is a wrong one.
pub(crate) fn signed(
    method: &str,
    login: &str,
    mut form: Vec<u8>,
    key: &Key,
    wrongly: bool,
) -> Result<Vec<u8>> {
    let mut hash = signature::request(&form, &Login::parse(login)?, key);
    if wrongly {
        hash.reverse();
    }
    form.extend_from_slice(b"&hash=");
    form.extend_from_slice(&hash);
    Ok(http::request(method, &host(login), &form))
}

/// The name that an account is asked under.
pub(crate) fn host(login: &str) -> String {
    format!("{login}.localhost")
}
