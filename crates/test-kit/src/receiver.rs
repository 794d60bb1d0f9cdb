//! A receiver of events, which remembers what it got and answers as a test wants.

use std::{
    io::{self, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How long a receiver hangs that does not answer: longer than anybody waits for it.
const HANGS: Duration = Duration::from_mins(1);
const TRICKLE: Duration = Duration::from_secs(1);

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// When.
    pub at: Instant,
    /// Its path with the query.
    pub path: String,
    /// Its head.
    pub head: String,
    /// Its body.
    pub body: String,
}

impl Received {
    /// A header's value.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).unwrap_or_default()
    }
}

/// How a request is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    /// With a status and a body.
    Status(u16, String),
    /// With status 200, after some time.
    Late(Duration),
    /// With a redirect to a URL.
    Redirect(String),
    /// Not at all.
    Hang,
    /// By closing the connection.
    Close,
    /// One byte of the head per second.
    Trickle,
    /// With a body that does not end.
    Endless,
    /// With a head of 100,000 bytes.
    LongHead,
    /// With other bytes than HTTP.
    Noise,
}

type Replies = dyn Fn(&Received) -> Reply + Send + Sync;

/// A running receiver. Its threads end with the process.
pub struct Receiver {
    address: SocketAddr,
    scheme: &'static str,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    /// Listens on a free port of loopback.
    pub fn start(replies: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::over(None, replies)
    }

    /// The same with TLS.
    pub fn start_tls(
        tls: Arc<ServerConfig>,
        replies: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::over(Some(tls), replies)
    }

    fn over(
        tls: Option<Arc<ServerConfig>>,
        replies: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (seen, replies): (_, Arc<Replies>) = (received.clone(), Arc::new(replies));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(io::Result::ok) {
                // An answer is written in pieces, and the peer may acknowledge each late.
                let _ = stream.set_nodelay(true);
                let (seen, replies, tls) = (seen.clone(), replies.clone(), tls.clone());
                // A connection that is cut off ends its thread.
                thread::spawn(move || match tls {
                    None => serve(stream, &seen, &*replies),
                    Some(tls) => {
                        let connection = ServerConnection::new(tls).map_err(io::Error::other)?;
                        serve(StreamOwned::new(connection, stream), &seen, &*replies)
                    }
                });
            }
        });
        Self { address, scheme, received }
    }

    /// The URL of a path here.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What has arrived, in order.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.received).clone()
    }

    /// How much has arrived.
    pub fn count(&self) -> usize {
        lock(&self.received).len()
    }

    /// What has arrived at a path.
    pub fn at(&self, path: &str) -> Vec<Received> {
        self.received().into_iter().filter(|received| received.path == path).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves one connection.
fn serve(stream: impl Read + Write, seen: &Mutex<Vec<Received>>, replies: &Replies) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(received) = request(&mut stream)? {
        lock(seen).push(received.clone());
        let out = stream.get_mut();
        match replies(&received) {
            Reply::Status(status, body) => {
                let length = body.len();
                write!(out, "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}")?;
            }
            Reply::Late(time) => {
                thread::sleep(time);
                write!(out, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
            }
            Reply::Redirect(to) => {
                write!(out, "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")?;
            }
            Reply::Hang => thread::sleep(HANGS),
            Reply::Close => return Ok(()),
            Reply::Trickle => {
                for byte in b"HTTP/1.1 200 OK\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" {
                    out.write_all(&[*byte])?;
                    out.flush()?;
                    thread::sleep(TRICKLE);
                }
            }
            Reply::Endless => {
                write!(out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
                loop {
                    write!(out, "1000\r\n{}\r\n", "x".repeat(0x1000))?;
                }
            }
            Reply::LongHead => {
                write!(out, "HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(100_000))?;
            }
            Reply::Noise => {
                out.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n\r\n")?;
                return out.flush();
            }
        }
        out.flush()?;
    }
    Ok(())
}

/// Reads a request; `None` at the connection's end.
fn request(stream: &mut impl io::BufRead) -> io::Result<Option<Received>> {
    let at = Instant::now();
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut received = Received { at, path, head, body: String::new() };
    let mut body = vec![0; received.header("content-length").parse().unwrap_or(0)];
    stream.read_exact(&mut body)?;
    received.at = Instant::now();
    received.body = String::from_utf8(body).map_err(io::Error::other)?;
    Ok(Some(received))
}
