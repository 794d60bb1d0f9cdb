//! Idle connections that stay open.

use std::{
    io::{ErrorKind, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use billhook_test_kit::http::Answer;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, Type};

use crate::Result;

/// The server allows 1,024 from one address.
const FROM_ONE_ADDRESS: usize = 1000;

/// Raises this process's limit of open files as far as possible; child processes inherit it.
pub fn allow_many_files() -> Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

/// Opens connections from several addresses of this machine. With `request`, each sends it once.
pub fn open(address: SocketAddr, count: usize, request: Option<&[u8]>) -> Result<Vec<TcpStream>> {
    let mut streams = Vec::with_capacity(count);
    for number in 0..count {
        let mut stream = connect(address, u8::try_from(1 + number / FROM_ONE_ADDRESS)?)?;
        if let Some(request) = request {
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            stream.write_all(request)?;
            Answer::read(&mut stream)?;
        }
        streams.push(stream);
    }
    Ok(streams)
}

/// Opens a connection from one of this machine's addresses, 127.0.1.`from`.
pub fn connect(address: SocketAddr, from: u8) -> Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 1, from), 0)).into())?;
    socket.connect(&address.into())?;
    Ok(socket.into())
}

/// Checks that all of them are still open; otherwise the figures would be wrong.
pub fn all_open(streams: &[TcpStream]) -> Result<()> {
    for stream in streams {
        stream.set_nonblocking(true)?;
        match stream.peek(&mut [0]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            _ => return Err("the server closed an idle connection".into()),
        }
    }
    Ok(())
}
