//! A way to PostgreSQL that is cut, or blocked, when the client says a certain thing.

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

/// Larger than anything that a client of these tests sends at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// The client's word for the end of a transaction that is to be kept, as it stands in the message.
pub(crate) const COMMIT: &str = "COMMIT\0";

/// What the proxy does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Lets everything through.
    Pass,
    /// Cuts so many connections when the client says this, and goes on with `Pass`.
    Cut { at: &'static str, when: When, left: u32 },
    /// Lets nothing through from the moment on when the client says this.
    BlockAt(&'static str),
    /// Lets nothing through, either way, and tells nobody.
    Block,
    /// Has cut everything.
    End,
}

/// When a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Before the server has heard it.
    Unheard,
    /// Once the server has answered, before the client has heard that.
    Done,
}

/// A proxy on a port of its own. All its connections are cut when it is dropped.
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
    /// A proxy before a server on this machine.
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

    /// The URL of a server's database, by way of this.
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

    /// How many commits the client has asked for.
    pub(crate) fn commits(&self) -> u32 {
        self.shared.state().commits
    }

    /// Waits until the client has run into what was planned.
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
        // So that the acceptor sees it.
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

    /// Waits while nothing is let through.
    fn open_state(&self) -> MutexGuard<'_, State> {
        self.changed.wait_while(self.state(), |state| state.plan == Plan::Block).unwrap()
    }

    /// Starts the two copiers of a connection.
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

    /// Whether the connection is to be cut because of what the client said.
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

/// Copies until an end, or until what was read is not to be passed on; then both ways are cut.
fn copy(mut from: TcpStream, mut to: TcpStream, mut pass: impl FnMut(&[u8]) -> bool) {
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(length @ 1..) = from.read(&mut chunk)
        && pass(&chunk[..length])
        && to.write_all(&chunk[..length]).is_ok()
    {}
    for stream in [from, to] {
        // The other copier may have done it.
        let _ = stream.shutdown(Shutdown::Both);
    }
}
