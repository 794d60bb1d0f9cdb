//! Accounts with customers, and signed requests for them.

use std::{net::SocketAddr, path::Path, sync::Arc};

use billhook_drivers::{
    Result,
    billhook::{KEY, signed},
};
use billhook_test_kit::http::{Client, connect, form, hash, post};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};

/// How many requests a load repeats.
const REQUESTS: usize = 20_000;
/// How many answers are checked before each run.
const CHECKED: usize = 50;

/// The account of a generated store.
pub(crate) const LOGIN: &str = "bench";
/// The host of its requests.
pub(crate) const HOST: &str = "bench.localhost";

/// The expected answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A customer's orders.
    Right,
    /// A customer without orders.
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

    fn request(self, (login, email): &Customer) -> Vec<u8> {
        let bills = |email: &str| form([("email", email)]);
        match self {
            Self::Right => signed("GetBills", login, &bills(email)),
            Self::Unknown => signed("GetBills", login, &bills(&format!("no-{email}"))),
            Self::WrongHash => {
                let form = bills(email);
                let wrong: String = hash(&form, login, KEY).chars().rev().collect();
                post("GetBills", &format!("{login}.localhost"), &format!("{form}&hash={wrong}"))
            }
        }
    }
}

/// Whole requests that all get the same code.
pub(crate) struct Requests {
    code: i64,
    pub(crate) all: Vec<Vec<u8>>,
    /// The mean size of the answers, in bytes.
    pub(crate) answer_bytes: usize,
}

/// A customer: the account's login, and the e-mail.
pub(crate) type Customer = (String, String);

/// A customer of a generated store.
pub(crate) fn customer(number: u64) -> Customer {
    (LOGIN.to_owned(), format!("customer{number}@example.com"))
}

/// Random customers among those that `billhook generate` makes.
pub(crate) fn generated(customers: u64) -> Vec<Customer> {
    drawn(|dice| customer(dice.random_range(1..=customers)))
}

/// As many customers as a load has requests, the same ones every time.
pub(crate) fn drawn(mut draw: impl FnMut(&mut StdRng) -> Customer) -> Vec<Customer> {
    let mut dice = StdRng::seed_from_u64(1);
    (0..REQUESTS).map(|_| draw(&mut dice)).collect()
}

impl Requests {
    /// Makes requests for these customers and sends each once. Customers without orders are left out.
    pub(crate) fn new(kind: Kind, customers: &[Customer], server: SocketAddr) -> Result<Self> {
        Self::asked_once(
            customers.iter().map(|customer| kind.request(customer)).collect(),
            kind.code(),
            server,
        )
    }

    /// Sends each of these requests once, and leaves out those that find nothing.
    pub(crate) fn asked_once(requests: Vec<Vec<u8>>, code: i64, server: SocketAddr) -> Result<Self> {
        let mut client = Client::connect(server)?;
        let count = requests.len();
        let mut all = Vec::new();
        let mut bytes = 0;
        for request in requests {
            let answer = client.ask(&request)?;
            match answer.verified(KEY)? {
                found if found == code => {}
                400 => continue,
                found => return Err(format!("an answer has the code {found}").into()),
            }
            bytes += answer.body.len();
            all.push(request);
        }
        if all.len() < count / 2 {
            return Err("most requests find nothing: the store is not as it was made".into());
        }
        let answer_bytes = bytes / all.len().max(1);
        Ok(Self { code, all, answer_bytes })
    }

    /// Sends some of them, to check that a run measures the right answers.
    pub(crate) fn check(&self, address: SocketAddr) -> Result<()> {
        self.check_over(Client::connect(address)?)
    }

    /// The same over TLS, with the server certificate in this file.
    pub(crate) fn check_tls(&self, address: SocketAddr, certificate: &Path) -> Result<()> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate)?)?;
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connection = ClientConnection::new(Arc::new(config), ServerName::try_from(HOST)?)?;
        self.check_over(Client::over(StreamOwned::new(connection, connect(address)?)))
    }

    fn check_over(&self, mut client: Client) -> Result<()> {
        for request in self.all.iter().step_by((self.all.len() / CHECKED).max(1)) {
            let code = client.ask(request)?.verified(KEY)?;
            if code != self.code {
                return Err(format!("an answer has the code {code}, not {}", self.code).into());
            }
        }
        Ok(())
    }
}
