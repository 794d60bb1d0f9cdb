//! Many connections that do the same, served by one thread, and what happened to each.

use std::{
    collections::BTreeMap,
    io::{ErrorKind, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use billhook_drivers::{Result, idle};

/// Only the start of an answer matters here.
const KEPT_BYTES: usize = 2048;
/// How much each connection sends per round, and the pause after a round.
const PIECE_BYTES: usize = 64 * 1024;
const ROUND: Duration = Duration::from_millis(250);
/// The pause between two checks of all connections.
const LOOK: Duration = Duration::from_millis(20);

/// The connections.
pub(crate) struct Crowd {
    members: Vec<Member>,
    opened: Instant,
}

struct Member {
    stream: TcpStream,
    said: Vec<u8>,
    /// When the server closed it, counted from the crowd's opening.
    closed: Option<Duration>,
}

impl Crowd {
    /// Opens connections, from enough addresses to stay within the limit of each.
    pub(crate) fn open(server: SocketAddr, count: usize) -> Result<Self> {
        let members = idle::open(server, count, None)?.into_iter().map(Member::new).collect::<Result<_>>()?;
        Ok(Self { members, opened: Instant::now() })
    }

    /// Opens connections from one address, more than it may have.
    pub(crate) fn open_from_one(server: SocketAddr, count: usize) -> Result<Self> {
        let members = (0..count).map(|_| Member::new(idle::connect(server, 1)?)).collect::<Result<_>>()?;
        Ok(Self { members, opened: Instant::now() })
    }

    /// Opens this many connections a second, and sends the same on each.
    pub(crate) fn open_and_send(
        server: SocketAddr,
        count: usize,
        bytes: &[u8],
        per_second: u32,
    ) -> Result<Self> {
        let mut crowd = Self { members: Vec::with_capacity(count), opened: Instant::now() };
        for _ in 0..count {
            let mut member = Member::new(idle::connect(server, 1)?)?;
            if member.stream.write(bytes)? < bytes.len() {
                return Err("a request was taken in part".into());
            }
            crowd.members.push(member);
            thread::sleep(Duration::from_secs(1) / per_second);
        }
        Ok(crowd)
    }

    /// Sends bytes on every connection, as far as they are accepted.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        for member in self.members.iter_mut().filter(|member| member.closed.is_none()) {
            // A full buffer, or a closed connection, which the next read shows.
            let _ = member.stream.write(bytes);
        }
    }

    /// Sends a piece again and again; `sent` counts the bytes of each connection.
    pub(crate) fn send_on(&mut self, piece: &[u8], sent: &mut [usize]) {
        for (member, sent) in self.members.iter_mut().zip(sent) {
            let rest = piece.get(*sent % piece.len().max(1)..).unwrap_or_default();
            // As in `send`.
            *sent += member.stream.write(rest).unwrap_or(0);
        }
    }

    /// Moves the connections from this index on into a new crowd.
    pub(crate) fn split_off(&mut self, at: usize) -> Self {
        Self { members: self.members.split_off(at), opened: self.opened }
    }

    /// Sends bytes completely on all connections, a piece on each per round, and gives up after `rounds_max`.
    /// The pauses imitate a line of limited speed; without them, all processors would be busy copying.
    pub(crate) fn send_whole(&mut self, bytes: &[u8], rounds_max: usize) -> Result<()> {
        let mut sent = vec![0; self.members.len()];
        for _ in 0..rounds_max {
            for (member, sent) in self.members.iter_mut().zip(&mut sent) {
                let rest = bytes.get(*sent..).unwrap_or_default();
                // As in `send`.
                *sent += member.stream.write(rest.get(..PIECE_BYTES).unwrap_or(rest)).unwrap_or(0);
            }
            self.listen()?;
            if self
                .members
                .iter()
                .zip(&sent)
                .all(|(member, sent)| *sent == bytes.len() || member.closed.is_some())
            {
                return Ok(());
            }
            thread::sleep(ROUND);
        }
        Ok(())
    }

    /// Closes the sending side of every connection.
    pub(crate) fn half_close(&mut self) {
        for member in &self.members {
            // It may be closed already.
            let _ = member.stream.shutdown(Shutdown::Write);
        }
    }

    /// Reads what has arrived, and notes closed connections.
    pub(crate) fn listen(&mut self) -> Result<()> {
        let mut piece = [0; 16 * 1024];
        for member in self.members.iter_mut().filter(|member| member.closed.is_none()) {
            match member.stream.read(&mut piece) {
                Ok(0) => member.closed = Some(self.opened.elapsed()),
                Ok(read) => {
                    let room = KEPT_BYTES.saturating_sub(member.said.len());
                    member.said.extend(piece.iter().take(read.min(room)));
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::Interrupted => {}
                    ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                        member.closed = Some(self.opened.elapsed());
                    }
                    _ => return Err(error.into()),
                },
            }
        }
        Ok(())
    }

    /// Peeks at what has arrived, so that the server still can't send more.
    pub(crate) fn glance(&mut self) {
        for member in &mut self.members {
            let mut seen = [0; KEPT_BYTES];
            if let Ok(bytes) = member.stream.peek(&mut seen) {
                member.said = seen.into_iter().take(bytes).collect();
            }
        }
    }

    /// Reads until at most `most` are open; an error if that takes too long. Calls `meanwhile` each second.
    pub(crate) fn wait_until_open(
        &mut self,
        most: usize,
        time_max: Duration,
        mut meanwhile: impl FnMut(&mut Self),
    ) -> Result<()> {
        let mut turn = Instant::now();
        while self.open_now() > most {
            if self.opened.elapsed() > time_max {
                let open = self.open_now();
                return Err(format!("{open} connections are still open after {time_max:?}").into());
            }
            if turn.elapsed() >= Duration::from_secs(1) {
                turn += Duration::from_secs(1);
                meanwhile(self);
            }
            self.listen()?;
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// How many are open.
    pub(crate) fn open_now(&self) -> usize {
        self.members.iter().filter(|member| member.closed.is_none()).count()
    }

    /// When the first and the last of the closed ones were closed.
    pub(crate) fn closed_after(&self) -> (Duration, Duration) {
        let times = || self.members.iter().filter_map(|member| member.closed);
        (times().min().unwrap_or_default(), times().max().unwrap_or_default())
    }

    /// The number of each answer, such as `413/3`: status and code.
    pub(crate) fn told(&self) -> BTreeMap<String, usize> {
        let mut told = BTreeMap::new();
        for member in &self.members {
            *told.entry(verdict(&member.said)).or_default() += 1;
        }
        told
    }
}

impl Member {
    fn new(stream: TcpStream) -> Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, said: Vec::new(), closed: None })
    }
}

/// The status and code of the first answer.
pub(crate) fn verdict(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let Some(status) = text.get(9..12) else { return "nothing".to_owned() };
    let code = text.split_once("\"error_code\":").and_then(|(_, rest)| rest.split(',').next());
    format!("{status}/{}", code.unwrap_or("-"))
}

/// The answers as a line.
pub(crate) fn shown(told: &BTreeMap<String, usize>) -> String {
    let parts: Vec<_> = told.iter().map(|(what, count)| format!("{count} × {what}")).collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_by_status_and_code() {
        assert_eq!(verdict(b""), "nothing");
        assert_eq!(verdict(b"HTTP/1.1 431 Too large\r\n\r\n"), "431/-");
        assert_eq!(verdict(b"HTTP/1.1 200 OK\r\n\r\n{\"error_code\":4,\"error_text\":\"\"}"), "200/4");
        assert_eq!(
            shown(&BTreeMap::from([("200/4".to_owned(), 2), ("nothing".to_owned(), 1)])),
            "2 × 200/4, 1 × nothing"
        );
    }
}
