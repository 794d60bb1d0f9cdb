//! Connections of one thread that waits for all their answers with epoll. A runtime's timer rounds to
//! milliseconds, and would use the processors that are measured.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::fd::OwnedFd,
    time::Duration,
};

use rustix::event::{Timespec, epoll};

use crate::Result;

/// The connections of one thread.
pub struct Pool {
    epoll: OwnedFd,
    connections: Vec<Connection>,
    events: Vec<epoll::Event>,
}

struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Pool {
    /// Opens this many.
    pub fn open(address: SocketAddr, count: usize) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut connections = Vec::with_capacity(count);
        for place in 0..count as u64 {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            epoll::add(&epoll, &stream, epoll::EventData::new_u64(place), epoll::EventFlags::IN)?;
            connections.push(Connection { stream, received: Vec::new() });
        }
        let no_event = epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) };
        Ok(Self { epoll, connections, events: vec![no_event; count] })
    }

    /// Sends a request on the connection at `place`, which has none in flight.
    pub fn send(&mut self, place: usize, request: &[u8]) -> Result<()> {
        // A request is far smaller than a socket's buffer, which is empty here.
        let connection = self.connections.get_mut(place).ok_or("no such connection")?;
        Ok(connection.stream.write_all(request)?)
    }

    /// Waits at most this long for answers. Returns the places of those that came; their status must be 200,
    /// and their bodies must begin with `begin`.
    pub fn answered(&mut self, time_max: Duration, begin: &[u8]) -> Result<Vec<usize>> {
        let timeout = Timespec::try_from(time_max)?;
        let ready = match epoll::wait(&self.epoll, &mut self.events[..], Some(&timeout)) {
            Ok(ready) => ready,
            Err(rustix::io::Errno::INTR) => 0,
            Err(error) => return Err(error.into()),
        };
        let mut answered = Vec::with_capacity(ready);
        for event in self.events.iter().take(ready) {
            let place = usize::try_from(event.data.u64())?;
            let connection = self.connections.get_mut(place).ok_or("no such connection")?;
            if connection.is_answered(begin)? {
                answered.push(place);
            }
        }
        Ok(answered)
    }
}

impl Connection {
    /// Reads what has arrived. Returns whether the answer is complete.
    fn is_answered(&mut self, begin: &[u8]) -> Result<bool> {
        let mut piece = [0; 16 * 1024];
        match self.stream.read(&mut piece) {
            Ok(0) => return Err("the server closed a connection".into()),
            Ok(read) => self.received.extend_from_slice(piece.get(..read).unwrap_or_default()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        }
        let Some(Parts { status, head_bytes, bytes }) = Parts::of(&self.received)? else { return Ok(false) };
        if self.received.len() < bytes {
            return Ok(false);
        }
        let body = self.received.get(head_bytes..).unwrap_or_default();
        if status != 200 || !body.starts_with(begin) {
            return Err(format!("HTTP status {status}, answer {}", String::from_utf8_lossy(body)).into());
        }
        self.received.clear();
        Ok(true)
    }
}

/// The parts of an answer at the start of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// From the status line.
    pub status: u16,
    /// The length of the head, with the empty line.
    pub head_bytes: usize,
    /// The length of the whole answer.
    pub bytes: usize,
}

impl Parts {
    /// Finds them; `None` while the head is incomplete.
    pub fn of(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let head = std::str::from_utf8(bytes.get(..end).unwrap_or_default())?;
        let status = head.get(9..12).and_then(|status| status.parse().ok()).ok_or("no HTTP status")?;
        let length: Option<usize> = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        let head_bytes = end + 4;
        Ok(Some(Self { status, head_bytes, bytes: head_bytes + length.ok_or("an answer without a length")? }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_taken_apart() {
        let bytes = b"HTTP/1.1 200 OK\r\ncontent-type: a\r\nContent-Length: 5\r\n\r\nhello";
        let parts = Parts { status: 200, head_bytes: bytes.len() - 5, bytes: bytes.len() };
        assert_eq!(Parts::of(bytes).unwrap(), Some(parts));
        assert_eq!(Parts::of(&bytes[..40]).unwrap(), None);
        assert!(Parts::of(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
