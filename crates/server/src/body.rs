//! Reading a request's body: to its end, within a bound and a time, before anything is answered (decisions 2 and 60).

use std::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

/// How much of a body beyond the limit is read and thrown away, so that its sender comes to read the answer.
const DRAIN_BYTES: usize = 16 * 1024 * 1024;
/// For how long that goes on.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// The memory for bodies that come in pieces, over all connections: anybody can make us hold them. A body grows by doubling, and what
/// it grew out of comes back late, so that three times as much was seen in use.
const MAX_BYTES_IN_ALL: usize = 128 * 1024 * 1024;

/// What is left of the memory for bodies.
#[derive(Debug)]
pub(crate) struct Budget {
    left: AtomicUsize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: AtomicUsize::new(MAX_BYTES_IN_ALL) }
    }
}

/// A body, and its part of the budget.
#[derive(Debug)]
pub(crate) struct Body<'a> {
    pub(crate) bytes: Bytes,
    /// Whether fields stood behind the last chunk.
    pub(crate) has_trailers: bool,
    budget: &'a Budget,
    taken: usize,
}

impl<'a> Body<'a> {
    fn empty(budget: &'a Budget) -> Self {
        Self { bytes: Bytes::new(), has_trailers: false, budget, taken: 0 }
    }

    fn take(&mut self, bytes: usize) -> Result<(), BodyError> {
        let enough = self.budget.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(bytes));
        enough.map_err(|_| BodyError::NoMemory)?;
        self.taken += bytes;
        Ok(())
    }
}

impl Drop for Body<'_> {
    fn drop(&mut self) {
        if self.taken > 0 {
            self.budget.left.fetch_add(self.taken, Relaxed);
        }
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
pub(crate) fn end_is_certain(body: &Result<Body<'_>, BodyError>) -> bool {
    match body {
        Ok(body) => !body.has_trailers,
        Err(error) => !error.leaves_unread(),
    }
}

/// Reads a body of at most `max_bytes` within `time`.
pub(crate) async fn read<'a>(
    headers: &HeaderMap,
    mut body: Incoming,
    max_bytes: usize,
    time: Duration,
    budget: &'a Budget,
) -> Result<Body<'a>, BodyError> {
    if body.is_end_stream() {
        return Ok(Body::empty(budget));
    }
    let announced = body.size_hint().lower();
    let too_large = usize::try_from(announced).map_or(true, |bytes| bytes > max_bytes);
    if too_large && headers.contains_key(header::EXPECT) {
        // It has not been sent yet, and won't be.
        return Err(BodyError::TooLarge { unread: true });
    }
    if !too_large {
        match timeout(time, collect(&mut body, max_bytes, budget)).await {
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
async fn collect<'a>(
    body: &mut Incoming,
    max_bytes: usize,
    budget: &'a Budget,
) -> Result<Option<Body<'a>>, BodyError> {
    let mut whole = Body::empty(budget);
    let mut joined = Vec::new();
    let longest = body.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(max_bytes);
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
            whole.has_trailers = true;
            continue;
        };
        if whole.bytes.len() + joined.len() + piece.len() > max_bytes {
            return Ok(None);
        }
        if whole.bytes.is_empty() && joined.is_empty() {
            // What is waited for counts; a body that is there already is answered at once.
            if !body.is_end_stream() {
                whole.take(piece.len())?;
            }
            whole.bytes = piece;
            continue;
        }
        let first = std::mem::take(&mut whole.bytes);
        let more = room_for(joined.len() + first.len() + piece.len(), joined.capacity(), longest);
        // The first piece has been counted, and is gone once it is copied.
        whole.take(more.saturating_sub(first.len()))?;
        joined.reserve_exact(joined.capacity() + more - joined.len());
        joined.extend_from_slice(&first);
        joined.extend_from_slice(&piece);
    }
    if !joined.is_empty() {
        whole.bytes = joined.into();
    }
    Ok(Some(whole))
}

/// By how much a buffer of this capacity is to grow so that `needed` bytes fit: to its double, lest each piece copies all others, but
/// not beyond the `longest` body. What is allocated counts, not what has come: else the bodies of all could take twice what there is for
/// them.
fn room_for(needed: usize, capacity: usize, longest: usize) -> usize {
    if needed <= capacity {
        return 0;
    }
    capacity.saturating_mul(2).min(longest).max(needed) - capacity
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

    #[test]
    fn a_buffer_doubles_but_is_never_longer_than_the_body() {
        assert_eq!(room_for(100, 0, 1000), 100);
        assert_eq!(room_for(101, 100, 1000), 100);
        assert_eq!(room_for(200, 200, 1000), 0);
        assert_eq!(room_for(500, 200, 1000), 300);
        assert_eq!(room_for(601, 600, 1000), 400);
        assert_eq!(room_for(1000, 1000, 1000), 0);
    }

    #[test]
    fn the_budget_is_given_back() {
        let budget = Budget { left: AtomicUsize::new(100) };
        let mut first = Body::empty(&budget);
        let mut second = Body::empty(&budget);
        first.take(60).unwrap();
        assert_eq!(second.take(60), Err(BodyError::NoMemory));
        second.take(40).unwrap();
        drop(first);
        assert_eq!(second.take(60), Ok(()));
        drop(second);
        assert_eq!(budget.left.load(Relaxed), 100);
    }
}
