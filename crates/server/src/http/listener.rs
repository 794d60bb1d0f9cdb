//! Accepts connections until the server's shutdown.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use socket2::{Domain, Socket, Type};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::{
    StartError,
    gate::caller,
    http::{
        admin::Admin,
        connection::{self, ConnectionConfig, Protocol},
        permits::{Full, Permit, Permits},
        shutdown::Shutdown,
        tls::{self, Acceptors},
    },
    request::Peer,
    state::State,
};

/// The length of the kernel's accept queue.
const BACKLOG: i32 = 4096;
/// The maximum number of connections of the admin listener.
const ADMIN_CONNECTIONS: usize = 64;
/// The longest pause after a failed accept, for example without free file descriptors.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Binds an address. Returns the listener and the actual address.
pub(crate) fn bind(address: SocketAddr, beside_ipv4: bool) -> Result<(TcpListener, SocketAddr), StartError> {
    listen(address, beside_ipv4)
        .and_then(|listener| listener.local_addr().map(|bound| (listener, bound)))
        .map_err(|source| StartError::Listen { address, source })
}

/// Listens with `SO_REUSEADDR`, so that a server can restart at once. `beside_ipv4` makes an IPv6 wildcard
/// leave IPv4 to another listener.
fn listen(address: SocketAddr, beside_ipv4: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(socket2::Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if beside_ipv4 && address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Passes every connection to `take` until the shutdown begins.
async fn accept(listener: TcpListener, shutdown: &Shutdown, mut take: impl FnMut(TcpStream, IpAddr)) {
    let mut stopped = std::pin::pin!(shutdown.begun());
    let mut pause = Duration::ZERO;
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stopped => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                pause = Duration::ZERO;
                // Answers are written in one piece, so Nagle's algorithm would only delay them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection ended before it was accepted");
                    continue;
                }
                take(stream, peer.ip().to_canonical());
            }
            Err(error) if is_the_clients(&error) => {}
            Err(error) => {
                pause = (pause * 2).clamp(Duration::from_millis(10), MAX_PAUSE);
                tracing::error!(
                    %error,
                    pause_ms = pause.as_millis(),
                    "cannot accept connections; if too many files are open, raise the limit (ulimit -n)"
                );
                tokio::select! {
                    biased;
                    () = &mut stopped => return,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
    }
}

/// Whether the error is of one incoming connection, not of the listener.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// Accepts the API's connections.
#[derive(Clone)]
pub(crate) struct Intake {
    pub(crate) state: Arc<State>,
    pub(crate) config: Arc<ConnectionConfig>,
    pub(crate) permits: Arc<Permits>,
}

impl Intake {
    pub(crate) async fn plain(self, listener: TcpListener) {
        accept(listener, &self.config.shutdown, |stream, address| {
            let Some(permit) = self.admit(address) else { return };
            let (config, peer) = (self.config.clone(), self.peer(address, false, &permit));
            tokio::spawn(async move {
                connection::serve(stream, Protocol::Http1, &config, None, peer).await;
                drop(permit);
            });
        })
        .await;
    }

    pub(crate) async fn tls(self, listener: TcpListener, acceptors: Acceptors) {
        accept(listener, &self.config.shutdown, |stream, address| {
            let Some(permit) = self.admit(address) else { return };
            let (config, peer) = (self.config.clone(), self.peer(address, true, &permit));
            tokio::spawn(serve_tls(stream, acceptors.clone(), config, peer, permit));
        })
        .await;
    }

    /// A permit for a connection from this address, if one is free.
    fn admit(&self, address: IpAddr) -> Option<Permit> {
        let is_proxy = caller::is_trusted(address, &self.state.trusted_proxies);
        let taken = self.permits.take((!is_proxy).then_some(address));
        if let Err(full) = &taken {
            self.state.metrics.refused_connections.inc();
            match full {
                Full::All => {
                    tracing::debug!(%address, "a connection was refused: --max-connections is reached");
                }
                Full::Network => {
                    tracing::debug!(%address, "a connection was refused: --max-connections-per-address is reached");
                }
            }
        }
        taken.ok()
    }

    fn peer(&self, address: IpAddr, is_tls: bool, permit: &Permit) -> Peer {
        Peer { state: self.state.clone(), address, is_tls, memory: permit.memory() }
    }
}

async fn serve_tls(
    stream: TcpStream,
    acceptors: Acceptors,
    config: Arc<ConnectionConfig>,
    peer: Peer,
    mut permit: Permit,
) {
    let acceptor = if permit.take_http2() { acceptors.both } else { acceptors.http1 };
    let handshake = tokio::select! {
        biased;
        () = config.shutdown.begun() => return,
        handshake = timeout(config.timeouts.header, acceptor.accept(stream)) => handshake,
    };
    let stream = match handshake {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => return tracing::debug!("a TLS handshake timed out"),
    };
    let protocol = match stream.get_ref().1.alpn_protocol() {
        Some(tls::HTTP_2) => Protocol::Http2,
        _ => Protocol::Http1,
    };
    if protocol == Protocol::Http1 {
        permit.leave_http2();
    }
    connection::serve(stream, protocol, &config, permit.memory(), peer).await;
}

/// Accepts the admin listener's connections.
pub(crate) async fn take_admin(listener: TcpListener, config: Arc<ConnectionConfig>, admin: Admin) {
    let permits = Permits::new(ADMIN_CONNECTIONS, ADMIN_CONNECTIONS);
    accept(listener, &config.shutdown, |stream, _| {
        let Ok(permit) = permits.take(None) else { return };
        let (config, admin) = (config.clone(), admin.clone());
        tokio::spawn(async move {
            connection::serve(stream, Protocol::Http1, &config, None, admin).await;
            drop(permit);
        });
    })
    .await;
}
