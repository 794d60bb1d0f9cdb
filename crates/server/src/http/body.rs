//! Reads a request's body completely, within limits of size and time, before the answer (decisions 2 and 60).

use std::time::Duration;

use bytes::Bytes;
use http::{Version, header, request::Parts};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

use crate::http::memory::{self, Budgets, Reservation};

/// How much of a body beyond the limit is read and discarded, so that its sender reads the answer.
const DRAIN_BYTES: usize = 16 * 1024 * 1024;
/// How long that may take.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// What one connection may hold of a body without a reservation. So a normal call never depends on other
/// connections. On HTTP/2 every byte is reserved, because a connection has many bodies at once.
const OWN_BYTES: usize = 16 * 1024;
/// Memory for everything beyond that, over all connections.
pub(crate) const MAX_BYTES_IN_ALL: usize = 128 * 1024 * 1024;
/// The size of a block.
const BLOCK_BYTES: usize = 64 * 1024;

/// A body with its reservations.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    /// Whether there were trailer fields after the last chunk.
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

/// Why the body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    TooLarge {
        /// Whether a part was left unread: the connection can't be used any more.
        unread: bool,
    },
    /// It was incomplete, malformed or too slow.
    Broken,
    /// Other bodies use all the memory.
    NoMemory,
}

impl BodyError {
    fn leaves_unread(self) -> bool {
        match self {
            Self::TooLarge { unread } => unread,
            Self::Broken | Self::NoMemory => true,
        }
    }
}

/// Whether the next request certainly begins where this one ended.
///
/// It does not after an unread part or after trailers. hyper accepts lines as trailers that another program
/// may take for the next request: `0`, a bare line feed, and a request's head. No real client sends trailers.
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
        // With `Expect: 100-continue` it has not been sent, and won't be.
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

/// The whole body, or `None` if it is too large. A body in one piece is not copied.
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

/// A body in several pieces. A growing buffer would be copied repeatedly, and the old ones kept in memory.
struct Blocks {
    /// The first bytes, which are not counted.
    own: usize,
    all: Vec<Vec<u8>>,
    bytes: usize,
}

impl Blocks {
    fn new(own: usize) -> Self {
        Self { own, all: Vec::new(), bytes: 0 }
    }

    /// Adds a piece of a body of at most `longest` bytes. Counts allocated memory, not received bytes;
    /// otherwise all bodies together could exceed the budget.
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

    /// Joins the blocks. While it runs, the body is in memory twice.
    fn join(self) -> Bytes {
        let mut joined = Vec::with_capacity(self.bytes);
        for block in self.all {
            joined.extend_from_slice(&block);
        }
        joined.into()
    }
}

/// Discards the rest of a body. Whether its end was reached and is unambiguous.
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

    /// Adds pieces of these lengths and checks that they come out unchanged. Returns the counted bytes.
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
