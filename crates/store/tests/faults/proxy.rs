//! A proxy to PostgreSQL that cuts or blocks connections when the client sends a certain text.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Larger than any message of these tests' clients.
const CHUNK_BYTES: usize = 64 * 1024;
/// The client's message that commits a transaction.
pub(crate) const COMMIT: &str = "COMMIT\0";

/// What the proxy does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    Pass,
    /// Cuts this many connections when the client sends this text, then passes everything.
    Cut {
        at: &'static str,
        when: When,
        left: u32,
    },
    /// Blocks everything once the client sends this text.
    BlockAt(&'static str),
    /// Blocks everything silently, both ways.
    Block,
    End,
}

/// When a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Before the server gets it.
    Unheard,
    /// Once the server has answered, before the client gets that.
    Done,
}

/// A proxy on its own port. Drop cuts all its connections.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    plan: Plan,
    commits: u32,
    open: Vec<TcpStream>,
}

impl Proxy {
    /// Starts a proxy to a server on this machine.
    pub(crate) fn start(server_port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State { plan: Plan::Pass, commits: 0, open: Vec::new() };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let acceptor = {
            let shared = shared.clone();
            thread::spawn(move || {
                let mut copiers = Vec::new();
                while let Ok((client, _)) = listener.accept() {
                    if shared.state().plan == Plan::End {
                        break;
                    }
                    copiers.extend(shared.connect(client, server_port));
                }
                for copier in copiers {
                    copier.join().unwrap();
                }
            })
        };
        Self { port, shared, acceptor: Some(acceptor) }
    }

    /// The URL of a server's database through the proxy.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    pub(crate) fn set(&self, plan: Plan) {
        self.shared.state().plan = plan;
        self.shared.changed.notify_all();
    }

    pub(crate) fn plan(&self) -> Plan {
        self.shared.state().plan
    }

    /// How many commits the client has sent.
    pub(crate) fn commits(&self) -> u32 {
        self.shared.state().commits
    }

    /// Waits until the plan has come into effect.
    pub(crate) fn wait_for(&self, plan: Plan) {
        let limit = Instant::now() + Duration::from_secs(5);
        while self.plan() != plan {
            assert!(Instant::now() < limit, "{:?}", self.plan());
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.set(Plan::End);
        for stream in self.shared.state().open.drain(..) {
            // It may be cut already.
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes the acceptor.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        let ended = self.acceptor.take().map(JoinHandle::join);
        if !thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Waits while everything is blocked.
    fn open_state(&self) -> MutexGuard<'_, State> {
        self.changed.wait_while(self.state(), |state| state.plan == Plan::Block).unwrap()
    }

    /// Starts the two copying threads of a connection.
    fn connect(self: &Arc<Self>, client: TcpStream, server_port: u16) -> [JoinHandle<()>; 2] {
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server_port)).unwrap();
        for stream in [&client, &server] {
            stream.set_nodelay(true).unwrap();
            self.state().open.push(stream.try_clone().unwrap());
        }
        let is_to_be_cut = Arc::new(AtomicBool::new(false));
        let ends = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let (shared, flag) = (self.clone(), is_to_be_cut.clone());
        let questions = thread::spawn(move || {
            copy(ends.0, ends.1, |said| match shared.hear(said) {
                None => true,
                Some(When::Unheard) => false,
                Some(When::Done) => {
                    flag.store(true, Ordering::SeqCst);
                    true
                }
            });
        });
        let shared = self.clone();
        let answers = thread::spawn(move || {
            copy(server, client, |_| {
                drop(shared.open_state());
                !is_to_be_cut.load(Ordering::SeqCst)
            });
        });
        [questions, answers]
    }

    /// Whether to cut the connection because of what the client sent.
    fn hear(&self, said: &[u8]) -> Option<When> {
        let says = |text: &str| said.windows(text.len()).any(|part| part == text.as_bytes());
        let mut state = self.state();
        state.commits += u32::from(says(COMMIT));
        match state.plan {
            Plan::Cut { at, when, left } if says(at) => {
                state.plan = if left > 1 { Plan::Cut { at, when, left: left - 1 } } else { Plan::Pass };
                return Some(when);
            }
            Plan::BlockAt(at) if says(at) => state.plan = Plan::Block,
            _ => {}
        }
        drop(state);
        drop(self.open_state());
        None
    }
}

/// Copies until the end, or until `pass` refuses; then both directions are cut.
fn copy(mut from: TcpStream, mut to: TcpStream, mut pass: impl FnMut(&[u8]) -> bool) {
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(length @ 1..) = from.read(&mut chunk)
        && pass(&chunk[..length])
        && to.write_all(&chunk[..length]).is_ok()
    {}
    for stream in [from, to] {
        // The other thread may have done it.
        let _ = stream.shutdown(Shutdown::Both);
    }
}
