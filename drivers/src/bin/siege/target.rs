//! The server as an attacker sees it: its addresses, its time-outs, its accounts.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::SocketAddr,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use billhook_drivers::{
    Result, billhook::signed, idle, open_loop::CONNECTIONS, pool::Parts, usage::open_files,
};
use billhook_test_kit::http;

use crate::crowd::verdict;

/// The honest clients' account.
pub(crate) const SHOP: &str = "shop";
/// An account with one customer, whose orders make a long answer.
pub(crate) const WHALE: &str = "whale";
/// An account whose one customer has many long, unpaid orders.
pub(crate) const CROWDED: &str = "crowded";
pub(crate) const ONE_CUSTOMER: &str = "one@example.com";
pub(crate) const CROWDED_ORDERS: u64 = 400;
/// The products of each order and of the account; with their prices as many variables as a form may have.
pub(crate) const CROWDED_LINES: u64 = 490;
/// An account whose customers have a hundred orders each.
pub(crate) const REGULARS: &str = "regulars";
/// How late a busy machine may be.
pub(crate) const SLACK: Duration = Duration::from_secs(10);
/// How long an attacker waits for an answer.
const ANSWER_MAX: Duration = Duration::from_mins(1);

/// The server's time-outs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) header: Duration,
    pub(crate) body: Duration,
    pub(crate) write: Duration,
    pub(crate) idle: Duration,
}

impl Terms {
    /// Those of `billhook serve`.
    pub(crate) fn usual() -> Self {
        let [header, body, write, idle] = [10, 30, 30, 75].map(Duration::from_secs);
        Self { header, body, write, idle }
    }

    /// Short ones, and the options for them.
    pub(crate) fn short() -> (Self, &'static [&'static str]) {
        let short = Duration::from_secs(2);
        let options = &["--header-timeout", "2", "--body-timeout", "2", "--write-timeout", "2"];
        (Self { header: short, body: short, write: short, ..Self::usual() }, options)
    }
}

pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// The HTTPS address.
    pub(crate) tls: SocketAddr,
    pub(crate) pid: u32,
    /// The store's folder.
    pub(crate) data: PathBuf,
    /// The number of the server's descriptors before the attack.
    pub(crate) files: usize,
    pub(crate) terms: Terms,
    pub(crate) seconds: Duration,
}

impl Target {
    /// Sends bytes on a new connection until the server accepts no more, and reads. `endless` is repeated.
    pub(crate) fn ask(&self, head: &[u8], endless: Option<&[u8]>) -> Result<Outcome> {
        let begun = Instant::now();
        let mut stream = idle::connect(self.address, 1)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.set_write_timeout(Some(ANSWER_MAX))?;
        let mut sent: u64 = 0;
        let mut is_taken = stream.write_all(head).is_ok();
        while let (true, Some(piece)) = (is_taken, endless) {
            is_taken = stream.write_all(piece).is_ok();
            sent += u64::try_from(piece.len())?;
        }
        let mut said = Vec::new();
        let mut piece = [0; 16 * 1024];
        let mut closed = !is_taken;
        // One answer, or the end.
        while verdict(&said) == "nothing" || (endless.is_none() && Parts::of(&said)?.is_none()) {
            match stream.read(&mut piece) {
                Ok(0) => closed = true,
                Ok(read) => {
                    said.extend_from_slice(piece.get(..read).unwrap_or_default());
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::ConnectionReset => closed = true,
                Err(error) => return Err(format!("neither answered nor closed: {error}").into()),
            }
            break;
        }
        Ok(Outcome { what: verdict(&said), closed, sent, took: begun.elapsed() })
    }

    /// How many connections the server holds, which an attacker who does not read can't see.
    pub(crate) fn held(&self) -> Result<usize> {
        Ok(open_files(self.pid, &self.data)?.saturating_sub(self.files + CONNECTIONS))
    }

    /// Waits until the server holds at most this many; returns how long after `since`, or `None` if too late.
    pub(crate) fn wait_until_held(
        &self,
        most: usize,
        since: Instant,
        time_max: Duration,
    ) -> Result<Option<Duration>> {
        loop {
            if self.held()? <= most {
                return Ok(Some(since.elapsed()));
            }
            if since.elapsed() > time_max {
                return Ok(None);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The answer on one connection.
pub(crate) struct Outcome {
    /// Status and code.
    pub(crate) what: String,
    /// Whether the server closed it.
    pub(crate) closed: bool,
    /// How many of the repeated bytes were sent.
    pub(crate) sent: u64,
    pub(crate) took: Duration,
}

/// A request's head.
pub(crate) fn head(fields: &str) -> Vec<u8> {
    format!("POST /api/GetBills HTTP/1.1\r\nHost: {SHOP}.localhost\r\n{fields}\r\n").into_bytes()
}

/// A request with this body.
pub(crate) fn post(body: &str) -> Vec<u8> {
    http::post("GetBills", &format!("{SHOP}.localhost"), body)
}

/// A valid request for a customer's orders.
pub(crate) fn bills(login: &str, email: &str) -> Vec<u8> {
    signed("GetBills", login, &http::form([("email", email)]))
}
