//! A free port that stays ours while no server listens on it.

use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

use super::Error;

/// A port of 127.0.0.1, held until this is dropped.
///
/// A socket that is bound and never listens keeps the system from giving the port to anybody else, before the server is
/// up and between a kill and the next start. The server can listen beside it since both set `SO_REUSEADDR`; while it
/// doesn't, clients are refused as if nothing was there.
pub(crate) struct HeldPort {
    number: u16,
    _socket: Socket,
}

impl HeldPort {
    pub(crate) fn find() -> Result<Self, Error> {
        let bound = || {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.set_reuse_address(true)?;
            socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
            let address = socket.local_addr()?.as_socket();
            Ok((socket, address.map_or(0, |address| address.port())))
        };
        let (socket, number) = bound().map_err(|cause| Error::system("find a free port", &cause))?;
        Ok(Self { number, _socket: socket })
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}
