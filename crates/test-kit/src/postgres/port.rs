//! A free port, reserved while no server listens on it.

use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

use super::Error;

/// A port of 127.0.0.1, reserved until drop.
///
/// A socket that is bound but does not listen keeps the system from giving the port to others, before the
/// start and between a kill and a restart. The server can listen as well, because both set `SO_REUSEADDR`.
/// While it does not, clients are refused.
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
