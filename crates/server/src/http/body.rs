//! Reading a request's body: to its end, within a bound and a time, before anything is answered (decisions 2 and 60).

use std::time::Duration;

use bytes::Bytes;
use http::{Version, header, request::Parts};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

use crate::http::memory::{self, Budgets, Reservation};

/// How much of a body beyond the limit is read and thrown away, so that its sender comes to read the answer.
const DRAIN_BYTES: usize = 16 * 1024 * 1024;
/// For how long that goes on.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// What a connection may hold of a body without asking: a call of the protocol, in whatever pieces it comes, depends on nobody else's. A
/// connection of HTTP/2 has many at once, and has to ask for all of them.
const OWN_BYTES: usize = 16 * 1024;
/// The memory for all that bodies hold beyond that, over all connections: anybody can make us hold them.
pub(crate) const MAX_BYTES_IN_ALL: usize = 128 * 1024 * 1024;
/// What is taken of it at a time.
const BLOCK_BYTES: usize = 64 * 1024;

/// A body, and its memory.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    /// Whether fields stood behind the last chunk.
    pub(crate) has_trailers: bool,
    reserved: Vec<Reservation>,
}

impl Body {
    fn empty() -> Self {
        Self::of(Bytes::new())
    }

    /// One that is there already.
    pub(crate) fn of(bytes: Bytes) -> Self {
        Self { bytes, has_trailers: false, reserved: Vec::new() }
    }

    fn reserve(&mut self, bytes: usize, budgets: Budgets<'_>) -> Result<(), BodyError> {
        if self.reserved.is_empty() {
            self.reserved = memory::reserve(budgets, 0).unwrap_or_default();
        }
        let enough = self.reserved.iter_mut().all(|reserved| reserved.grow(bytes));
        if enough { Ok(()) } else { Err(BodyError::NoMemory) }
    }
}

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is longer than the limit.
    TooLarge {
        /// Whether some of it was left unread: the connection can't be used any more.
        unread: bool,
    },
    /// It broke off, was framed wrongly, or did not come in time.
    Broken,
    /// The bodies of others take all the memory that there is for them.
    NoMemory,
}

impl BodyError {
    /// Whether a part of the body was left unread.
    fn leaves_unread(self) -> bool {
        match self {
            Self::TooLarge { unread } => unread,
            Self::Broken | Self::NoMemory => true,
        }
    }
}

/// Whether it is certain that the next request begins where this one ended.
///
/// Not where a part was left unread, and not behind trailers: hyper takes lines for such that another program may take for the next
/// request (`0`, a bare line feed, and a request's head behind it), and nobody who speaks the protocol sends any.
pub(crate) fn end_is_certain(body: &Result<Body, BodyError>) -> bool {
    match body {
        Ok(body) => !body.has_trailers,
        Err(error) => !error.leaves_unread(),
    }
}

/// Reads a body of at most `max_bytes` within `time`.
pub(crate) async fn read(
    head: &Parts,
    mut body: Incoming,
    max_bytes: usize,
    time: Duration,
    budgets: Budgets<'_>,
) -> Result<Body, BodyError> {
    if body.is_end_stream() {
        return Ok(Body::empty());
    }
    let announced = body.size_hint().lower();
    let too_large = usize::try_from(announced).map_or(true, |bytes| bytes > max_bytes);
    if too_large && head.headers.contains_key(header::EXPECT) {
        // It has not been sent yet, and won't be.
        return Err(BodyError::TooLarge { unread: true });
    }
    let own = if head.version < Version::HTTP_2 { OWN_BYTES } else { 0 };
    if !too_large {
        match timeout(time, collect(&mut body, own, max_bytes, budgets)).await {
            Ok(Ok(Some(whole))) => return Ok(whole),
            Ok(Ok(None)) => {}
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(BodyError::Broken),
        }
    }
    let drained = timeout(DRAIN_TIME, drain(&mut body)).await;
    Err(BodyError::TooLarge { unread: !matches!(drained, Ok(true)) })
}

/// The whole body, or nothing if it is too large. A body that came in one piece is not copied.
async fn collect(
    body: &mut Incoming,
    own: usize,
    max_bytes: usize,
    budgets: Budgets<'_>,
) -> Result<Option<Body>, BodyError> {
    let mut whole = Body::empty();
    let mut blocks = Blocks::new(own);
    let longest = body.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(max_bytes);
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
            whole.has_trailers = true;
            continue;
        };
        if blocks.bytes + piece.len() > max_bytes {
            return Ok(None);
        }
        if blocks.bytes == 0 && body.is_end_stream() {
            whole.bytes = piece;
        } else {
            whole.reserve(blocks.add(&piece, longest), budgets)?;
        }
    }
    if blocks.bytes > 0 {
        whole.bytes = blocks.join();
    }
    Ok(Some(whole))
}

/// A body that comes in pieces. One buffer that grows would be copied over and over, and the allocator would keep all that it grew out of.
struct Blocks {
    /// What does not count, at the beginning.
    own: usize,
    all: Vec<Vec<u8>>,
    bytes: usize,
}

impl Blocks {
    fn new(own: usize) -> Self {
        Self { own, all: Vec::new(), bytes: 0 }
    }

    /// Adds a piece of a body of this length at most. What it made us allocate that counts: not what has come, else the bodies of all
    /// could take more than there is for them.
    fn add(&mut self, mut piece: &[u8], longest: usize) -> usize {
        let mut counts = 0;
        while !piece.is_empty() {
            let room = self.all.last().map_or(0, |block| block.capacity() - block.len());
            let (now, later) = piece.split_at(room.min(piece.len()));
            if let (Some(block), true) = (self.all.last_mut(), room > 0) {
                block.extend_from_slice(now);
                self.bytes += now.len();
            } else {
                let is_own = self.all.is_empty() && self.own > 0;
                let bytes = longest.saturating_sub(self.bytes).max(1).min(if is_own {
                    self.own
                } else {
                    BLOCK_BYTES
                });
                let block = Vec::with_capacity(bytes);
                counts += if is_own { 0 } else { block.capacity() };
                self.all.push(block);
            }
            piece = later;
        }
        counts
    }

    /// The whole. For as long as that takes, it is there twice.
    fn join(self) -> Bytes {
        let mut joined = Vec::with_capacity(self.bytes);
        for block in self.all {
            joined.extend_from_slice(&block);
        }
        joined.into()
    }
}

/// Throws the rest of a body away. Whether its end was reached, and nothing behind it that leaves a doubt.
async fn drain(body: &mut Incoming) -> bool {
    let mut seen = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        let Some(piece) = frame.data_ref() else { return false };
        seen += piece.len();
        if seen > DRAIN_BYTES {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::memory::Budget;

    /// Adds pieces of these lengths, and checks that they come out as they went in; what counted.
    fn counted(own: usize, pieces: &[usize], longest: usize) -> usize {
        let (mut blocks, mut all, mut counts) = (Blocks::new(own), Vec::new(), 0);
        for (fill, bytes) in (0..).zip(pieces) {
            let piece = vec![fill; *bytes];
            all.extend_from_slice(&piece);
            counts += blocks.add(&piece, longest);
        }
        assert_eq!(blocks.bytes, all.len());
        assert!(blocks.join() == all, "{pieces:?}");
        counts
    }

    #[test]
    fn what_is_allocated_counts_beyond_what_is_a_connections_own() {
        assert_eq!(counted(OWN_BYTES, &[], 100), 0);
        assert_eq!(counted(OWN_BYTES, &[0, 1, 0, 99], 100), 0);
        assert_eq!(counted(OWN_BYTES, &[OWN_BYTES], usize::MAX), 0);
        assert_eq!(counted(OWN_BYTES, &[OWN_BYTES, 1], usize::MAX), BLOCK_BYTES);
        assert_eq!(counted(OWN_BYTES, &[1, OWN_BYTES], usize::MAX), BLOCK_BYTES);
        assert_eq!(counted(OWN_BYTES, &[1, OWN_BYTES], OWN_BYTES + 1), 1);
        assert_eq!(counted(OWN_BYTES, &[OWN_BYTES, BLOCK_BYTES, 1, 2], usize::MAX), 2 * BLOCK_BYTES);
        assert_eq!(counted(OWN_BYTES, &[300_000, 700_000], 1_000_000), 1_000_000 - OWN_BYTES);
        assert_eq!(counted(0, &[1, 2], 3), 3);
        assert_eq!(counted(0, &[1, BLOCK_BYTES], usize::MAX), 2 * BLOCK_BYTES);
    }

    #[test]
    fn a_body_has_to_fit_into_every_budget() {
        let (all, network) = (Budget::new(100), Budget::new(60));
        let budgets = [Some(&all), Some(&network)];
        let (mut first, mut second, mut proxys) = (Body::empty(), Body::empty(), Body::empty());
        first.reserve(60, budgets).unwrap();
        assert_eq!(second.reserve(1, budgets), Err(BodyError::NoMemory));
        drop(second);
        assert_eq!(proxys.reserve(41, [Some(&all), None]), Err(BodyError::NoMemory));
        assert_eq!(proxys.reserve(40, [Some(&all), None]), Ok(()));
        drop((first, proxys));
        assert!(all.reserve(100).is_some() && network.reserve(60).is_some());
    }
}
