//! Taking connections in: an accept loop that nothing ends but the server's stop.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use crate::http::shutdown::Stop;

/// How many connections may wait to be taken in.
const BACKLOG: i32 = 4096;
/// The longest pause after an accept that failed for want of something, such as file descriptors.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Binds an address. A port that a server before this one has just left is free. `beside_ipv4`: an IPv6 wildcard leaves IPv4,
/// which it would take as well, to a listener of its own.
pub(crate) fn bind(address: SocketAddr, beside_ipv4: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if beside_ipv4 && address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Hands every connection to `take` until the stop begins.
pub(crate) async fn accept(listener: TcpListener, stop: &Stop, mut take: impl FnMut(TcpStream, IpAddr)) {
    let mut stopped = std::pin::pin!(stop.begun());
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
