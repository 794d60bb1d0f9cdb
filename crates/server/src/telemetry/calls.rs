//! The last calls of each account, in memory: who asks why a call was refused means one of a moment ago.
//!
//! Nothing of it is stored. So each node of a store has its own calls, and a server that starts has none. A call takes its account's
//! lock for the time of a push; why it was refused is worked out when somebody looks.

use std::{
    borrow::Cow,
    collections::VecDeque,
    mem,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::StatusCode;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};

use crate::http::shutdown::Shutdown;

/// The memory for the calls of all accounts, in bytes.
pub(crate) const MAX_BYTES_IN_ALL: usize = 32 << 20;
/// From here on the accounts that have the most forget; the rest is for calls that come meanwhile.
const FULL_BYTES: usize = MAX_BYTES_IN_ALL - (1 << 20);
/// What is left then: the accounts are not to be looked through at each call.
const LEFT_BYTES: usize = 28 << 20;
/// How many calls of an account are kept: those with a right credential, and others. So a stranger can't drive out the account's own.
const AUTHENTIC_MAX: usize = 800;
const OTHERS_MAX: usize = 200;
/// How much of a refused body is kept, in bytes, and of its `Content-Type`.
pub(crate) const BODY_BYTES_MAX: usize = 4096;
const CONTENT_TYPE_BYTES_MAX: usize = 256;
/// What a call takes beside its own size: its place in the ring, which grows by doubling, and the counts of its `Arc`.
const PLACE_BYTES: usize = 4 * size_of::<usize>();

/// A call that was answered.
#[derive(Debug)]
pub(crate) struct Call {
    /// When, in unix microseconds. No two calls of an account have the same.
    pub(crate) number: i64,
    /// The method in the table's spelling, or the path where there is none.
    pub(crate) method: Cow<'static, str>,
    pub(crate) code: u16,
    pub(crate) status: StatusCode,
    pub(crate) caller: IpAddr,
    pub(crate) took: Duration,
    pub(crate) request_id: Box<str>,
    /// What is known of its credential and of why it was refused.
    pub(crate) trace: Trace,
}

/// What the checks of a call leave behind.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// Whether its credential was right.
    pub(crate) is_authentic: bool,
    /// The body that was refused for its credential or its parameters.
    pub(crate) refused: Option<Box<Refused>>,
}

/// A refused body.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) content_type: Option<Box<[u8]>>,
    pub(crate) body: Box<[u8]>,
    /// Whether all of it is here.
    pub(crate) is_whole: bool,
}

impl Refused {
    pub(crate) fn of(content_type: Option<&[u8]>, body: &[u8]) -> Self {
        Self {
            content_type: content_type.filter(|text| text.len() <= CONTENT_TYPE_BYTES_MAX).map(Into::into),
            body: body.get(..BODY_BYTES_MAX).unwrap_or(body).into(),
            is_whole: body.len() <= BODY_BYTES_MAX,
        }
    }
}

impl Call {
    /// The memory that it takes.
    fn bytes(&self) -> usize {
        let method = if let Cow::Owned(method) = &self.method { method.capacity() } else { 0 };
        let refused = self.trace.refused.as_ref().map_or(0, |refused| {
            size_of::<Refused>()
                + refused.body.len()
                + refused.content_type.as_ref().map_or(0, |text| text.len())
        });
        PLACE_BYTES + size_of::<Self>() + method + self.request_id.len() + refused
    }

    /// How long it took, in milliseconds with three digits behind the point.
    pub(crate) fn ms(&self) -> f64 {
        f64::from(u32::try_from(self.took.as_micros()).unwrap_or(u32::MAX)) / 1000.0
    }

    /// When it was answered, in unix seconds.
    pub(crate) fn at(&self) -> i64 {
        self.number / 1_000_000
    }
}

/// What the calls of all accounts share.
#[derive(Debug)]
pub(crate) struct Calls {
    bytes: AtomicUsize,
    forgetting: Mutex<()>,
    /// Ends the waits for a call.
    pub(crate) stop: Shutdown,
    /// Held by who works out why calls were refused: not more than one at a time.
    pub(crate) looking: Semaphore,
}

impl Calls {
    pub(crate) fn new() -> Arc<Self> {
        let (bytes, forgetting) = (AtomicUsize::new(0), Mutex::default());
        Arc::new(Self { bytes, forgetting, stop: Shutdown::new(), looking: Semaphore::new(1) })
    }

    /// Makes room: those accounts that have the most forget their oldest calls, until they have the same.
    pub(crate) fn forget<'r>(&self, rings: impl Iterator<Item = &'r Ring>) {
        let _alone = self.forgetting.lock();
        if self.bytes.load(Relaxed) <= FULL_BYTES {
            return;
        }
        let mut rings: Vec<_> = rings.map(|ring| (ring.kept.lock().bytes, ring)).collect();
        rings.sort_unstable_by_key(|(bytes, _)| *bytes);
        let (mut left, mut sharing) = (LEFT_BYTES, rings.len());
        for (bytes, ring) in rings {
            let share = left / sharing;
            ring.keep(share);
            left -= bytes.min(share);
            sharing -= 1;
        }
    }
}

/// The last calls of an account.
#[derive(Debug)]
pub(crate) struct Ring {
    pub(crate) all: Arc<Calls>,
    kept: Mutex<Kept>,
    pub(crate) added: Notify,
}

#[derive(Debug, Default)]
struct Kept {
    authentic: VecDeque<Arc<Call>>,
    others: VecDeque<Arc<Call>>,
    bytes: usize,
    last: i64,
}

impl Ring {
    pub(crate) fn new(all: &Arc<Calls>) -> Arc<Self> {
        Arc::new(Self { all: all.clone(), kept: Mutex::default(), added: Notify::new() })
    }

    /// Adds a call, which gets its number. Whether the memory for all calls is full now, so that [`Calls::forget`] is due.
    pub(crate) fn add(&self, mut call: Call) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        let added = call.bytes();
        let mut kept = self.kept.lock();
        call.number = now.max(kept.last.saturating_add(1));
        kept.last = call.number;
        let (calls, max) = if call.trace.is_authentic {
            (&mut kept.authentic, AUTHENTIC_MAX)
        } else {
            (&mut kept.others, OTHERS_MAX)
        };
        let oldest = if calls.len() < max { None } else { calls.pop_front() };
        calls.push_back(Arc::new(call));
        let removed = oldest.as_ref().map_or(0, |oldest| oldest.bytes());
        kept.bytes = kept.bytes + added - removed;
        let in_all = self.all.bytes.fetch_add(added, Relaxed) + added;
        self.all.bytes.fetch_sub(removed, Relaxed);
        drop(kept);
        self.added.notify_waiters();
        in_all > FULL_BYTES + removed
    }

    /// All of them, oldest first.
    pub(crate) fn calls(&self) -> Vec<Arc<Call>> {
        let kept = self.kept.lock();
        let mut calls: Vec<_> = kept.authentic.iter().chain(&kept.others).cloned().collect();
        drop(kept);
        calls.sort_unstable_by_key(|call| call.number);
        calls
    }

    /// Forgets the calls up to this time, unix microseconds.
    pub(crate) fn forget_until(&self, time: i64) {
        let kept = &mut *self.kept.lock();
        let mut forgotten = 0;
        for calls in [&mut kept.authentic, &mut kept.others] {
            while let Some(oldest) = calls.pop_front_if(|call| call.number <= time) {
                forgotten += oldest.bytes();
            }
        }
        kept.bytes -= forgotten;
        self.all.bytes.fetch_sub(forgotten, Relaxed);
    }

    /// Forgets the oldest until no more than so many bytes are left.
    fn keep(&self, bytes: usize) {
        let mut kept = self.kept.lock();
        let before = kept.bytes;
        while kept.bytes > bytes {
            let number = |calls: &VecDeque<Arc<Call>>| calls.front().map_or(i64::MAX, |call| call.number);
            let is_authentic = number(&kept.authentic) < number(&kept.others);
            let calls = if is_authentic { &mut kept.authentic } else { &mut kept.others };
            let Some(oldest) = calls.pop_front() else { break };
            kept.bytes -= oldest.bytes();
        }
        kept.authentic.shrink_to_fit();
        kept.others.shrink_to_fit();
        self.all.bytes.fetch_sub(before - kept.bytes, Relaxed);
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let kept = mem::take(self.kept.get_mut());
        self.all.bytes.fetch_sub(kept.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(is_authentic: bool, body: usize) -> Call {
        let refused = (body > 0).then(|| Box::new(Refused::of(None, &vec![b'x'; body])));
        Call {
            number: 0,
            method: Cow::Borrowed("GetBills"),
            code: 4,
            status: StatusCode::OK,
            caller: IpAddr::from([127, 0, 0, 1]),
            took: Duration::ZERO,
            request_id: "0123456789abcdef".into(),
            trace: Trace { is_authentic, refused },
        }
    }

    #[test]
    fn strangers_do_not_drive_out_the_accounts_own_calls() {
        let ring = Ring::new(&Calls::new());
        for at in 0..3000 {
            ring.add(call(at < 1000, 0));
        }
        let calls = ring.calls();
        let authentic = calls.iter().filter(|call| call.trace.is_authentic).count();
        assert_eq!((authentic, calls.len()), (800, 1000));
        assert!(
            calls.is_sorted_by(|one, next| one.number < next.number),
            "oldest first, each with its own number"
        );
        let bytes: usize = calls.iter().map(|call| call.bytes()).sum();
        assert_eq!(ring.all.bytes.load(Relaxed), bytes);
    }

    #[test]
    fn a_refused_body_is_kept_up_to_its_bound() {
        let whole = Refused::of(Some(b"text/plain"), &[b'x'; BODY_BYTES_MAX]);
        assert!(whole.is_whole && whole.body.len() == BODY_BYTES_MAX && whole.content_type.is_some());
        let cut = Refused::of(Some(&[b'x'; 5000]), &[b'x'; BODY_BYTES_MAX + 1]);
        assert!(!cut.is_whole && cut.body.len() == BODY_BYTES_MAX && cut.content_type.is_none());
    }

    #[test]
    fn all_accounts_together_have_a_bound_and_small_ones_forget_nothing() {
        let all = Calls::new();
        let rings: Vec<_> = (0..1000).map(|_| Ring::new(&all)).collect();
        let small = rings.first().unwrap();
        small.add(call(true, 0));
        let mut highest = 0;
        for at in 0..30_000 {
            let ring = rings.get(1 + at % 20).unwrap();
            if ring.add(call(at % 3 > 0, BODY_BYTES_MAX)) {
                all.forget(rings.iter().map(|ring| &**ring));
            }
            highest = highest.max(all.bytes.load(Relaxed));
        }
        assert!((LEFT_BYTES..MAX_BYTES_IN_ALL).contains(&highest), "{highest}");
        assert_eq!(small.calls().len(), 1);
        let bytes: usize = rings.iter().flat_map(|ring| ring.calls()).map(|call| call.bytes()).sum();
        assert_eq!(all.bytes.load(Relaxed), bytes);
        drop(rings);
        assert_eq!(all.bytes.load(Relaxed), 0);
    }
}
