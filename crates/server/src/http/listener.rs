//! Taking connections in: an accept loop that nothing ends but the server's shutdown.

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

/// How many connections may wait to be taken in.
const BACKLOG: i32 = 4096;
/// How many connections the admin listener takes.
const ADMIN_CONNECTIONS: usize = 64;
/// The longest pause after an accept that failed for want of something, such as file descriptors.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Binds an address, and says where it really listens.
pub(crate) fn bind(address: SocketAddr, beside_ipv4: bool) -> Result<(TcpListener, SocketAddr), StartError> {
    listen(address, beside_ipv4)
        .and_then(|listener| listener.local_addr().map(|bound| (listener, bound)))
        .map_err(|source| StartError::Listen { address, source })
}

/// A port that a server before this one has just left is free. `beside_ipv4`: an IPv6 wildcard leaves IPv4, which it would take as
/// well, to a listener of its own.
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

/// Hands every connection to `take` until the shutdown begins.
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
                // Answers are written whole, so waiting for more to send would only delay them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection ended as it was taken in");
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
                    "cannot take connections in; if files are what is missing, raise the limit (ulimit -n)"
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

/// Errors of the one connection that was to be taken in, not of the listener.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// Takes in the connections of the API.
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

    /// A permit for a connection from this address, if there is one.
    fn admit(&self, address: IpAddr) -> Option<Permit> {
        let is_proxy = caller::is_trusted(address, &self.state.trusted_proxies);
        let taken = self.permits.take((!is_proxy).then_some(address));
        if let Err(full) = &taken {
            self.state.metrics.refused_connections.inc();
            match full {
                Full::All => tracing::debug!(%address, "a connection was refused: all places are taken"),
                Full::Network => {
                    tracing::debug!(%address, "a connection was refused: its address has its share");
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

/// Takes in the connections of the admin listener.
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
