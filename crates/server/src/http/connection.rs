//! Serves one connection with hyper: HTTP/1.1 or HTTP/2, its time-outs, its end.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderValue, Version, header};
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    server::conn::{http1, http2},
    service::Service,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use crate::http::{
    activity::{Activity, InFlight, Timeouts},
    answer::{CutOff, Rest},
    memory::{Budget, Reservation},
    shutdown::Shutdown,
    stream::{Stream, Watched},
};

/// At shutdown, how long a client without requests in flight may take to close an HTTP/2 connection. Not
/// every client answers GOAWAY.
const FAREWELL: Duration = Duration::from_millis(500);
/// How much of an answer is handed over at once, and so held for an HTTP/2 client that does not read.
const PIECE_BYTES: usize = 64 * 1024;
/// After how long an idle HTTP/1.1 connection is taken out of hyper.
const REST_AFTER: Duration = Duration::from_millis(200);
/// The largest head of a request, in bytes. HTTP/2 adds 32 for each field.
const MAX_HEAD_BYTES: u32 = 16 * 1024;
/// The HTTP/1.1 buffer for a body that is not yet read, or an answer that is not yet sent.
const BUFFER_BYTES: usize = 64 * 1024;
/// The maximum number of requests in flight on one HTTP/2 connection.
const MAX_STREAMS: u32 = 16;
/// The HTTP/2 flow-control windows: of one stream, and of a connection.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;
/// What an HTTP/2 request counts besides its head: its task, and the buffer with the head's last field.
const STREAM_BYTES: usize = 16 * 1024;
/// The size of a field's slot in the head's map.
const FIELD_BYTES: usize = 112;
/// How often an HTTP/2 client is pinged, and how long it may take to answer.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub(crate) struct ConnectionConfig {
    pub(crate) timeouts: Timeouts,
    pub(crate) shutdown: Shutdown,
    pub(crate) shutdown_timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// Answers requests, on the connection's own task (HTTP/1.1) or on a task per request (HTTP/2).
pub(crate) trait Handler: Send + Sync + 'static {
    fn handle(&self, request: hyper::Request<Incoming>) -> impl Future<Output = Reply> + Send;
}

/// What a handler gives back.
pub(crate) struct Reply {
    pub(crate) response: hyper::Response<(Bytes, Option<Rest>)>,
    /// Whether the connection can't be used for another request.
    pub(crate) ends_connection: bool,
}

/// Serves a connection until it ends. `memory` is the budget for heads of HTTP/2, since one connection has
/// many. HTTP/1.1 has one head, in a buffer of its own.
pub(crate) async fn serve(
    io: impl Stream,
    protocol: Protocol,
    config: &ConnectionConfig,
    memory: Option<Arc<Budget>>,
    handler: impl Handler,
) {
    let activity = Arc::new(Activity::new(config.timeouts, protocol == Protocol::Http1));
    let io = Watched::new(io, activity.clone());
    let memory = memory.filter(|_| protocol == Protocol::Http2);
    let service = Requests { activity, memory, handler: Arc::new(handler) };
    let ended = match protocol {
        Protocol::Http1 => serve_http1(io, service, config).await,
        Protocol::Http2 => Box::pin(serve_http2(io, service, config)).await,
    };
    match ended {
        Ended::Closed => {}
        Ended::Broken(error) => tracing::debug!(%error, "a connection broke"),
        Ended::TimedOut => tracing::debug!("a connection timed out"),
    }
}

/// Serves HTTP/1.1. At rest, a connection is only a socket and a timer, without hyper's 16 KiB buffers.
async fn serve_http1<H: Handler>(
    mut io: Watched<impl Stream>,
    mut service: Requests<H>,
    config: &ConnectionConfig,
) -> Ended {
    let activity = service.activity.clone();
    loop {
        if let Some(ended) = rest(&io, &activity, config).await {
            return ended;
        }
        let connection = http1::Builder::new()
            .half_close(true)
            .header_read_timeout(None)
            .max_header_size(MAX_HEAD_BYTES as usize)
            .max_buf_size(BUFFER_BYTES)
            .serve_connection(TokioIo::new(io), service);
        let mut connection = Box::new(connection);
        let end = http1::Connection::graceful_shutdown;
        if let Some(ended) = Box::pin(drive(&mut *connection, end, &activity, config, Some(REST_AFTER))).await
        {
            return ended;
        }
        let parts = connection.into_parts();
        io = parts.io.into_inner();
        io.put_back(parts.read_buf);
        service = parts.service;
    }
}

async fn serve_http2<H: Handler>(
    io: Watched<impl Stream>,
    service: Requests<H>,
    config: &ConnectionConfig,
) -> Ended {
    let activity = service.activity.clone();
    let mut connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .serve_connection(TokioIo::new(io), service);
    let ended = drive(&mut connection, http2::Connection::graceful_shutdown, &activity, config, None).await;
    ended.unwrap_or(Ended::Closed)
}

enum Ended {
    Closed,
    Broken(hyper::Error),
    TimedOut,
}

/// Waits until there is something to read. `Some` if the connection ended first.
async fn rest(io: &Watched<impl Stream>, activity: &Activity, config: &ConnectionConfig) -> Option<Ended> {
    let deadline = activity.deadline().unwrap_or_else(Instant::now);
    tokio::select! {
        biased;
        () = poll_fn(|cx| io.poll_readable(cx)) => None,
        () = config.shutdown.begun() => Some(Ended::Closed),
        () = tokio::time::sleep_until(deadline.into()) => Some(Ended::TimedOut),
    }
}

/// Polls a connection until it ends, its client times out, or the server's shutdown is over. Returns `None`
/// once it has been idle for `rests_after`.
async fn drive<C>(
    connection: &mut C,
    graceful_shutdown: impl Fn(Pin<&mut C>),
    activity: &Activity,
    config: &ConnectionConfig,
    rests_after: Option<Duration>,
) -> Option<Ended>
where
    C: Future<Output = hyper::Result<()>> + Unpin,
{
    let mut connection = Pin::new(connection);
    let mut shutdown = pin!(config.shutdown.begun());
    let mut stopping_since = None;
    let mut waits_for_shutdown = false;
    let mut armed = Instant::now() + rests_after.unwrap_or(activity.idle_timeout());
    let mut timer = pin!(tokio::time::sleep_until(armed.into()));
    poll_fn(|cx| {
        // Once the signal has this task's waker, it is polled again only when it fires.
        if stopping_since.is_none() && (!waits_for_shutdown || config.shutdown.has_begun()) {
            waits_for_shutdown = true;
            if shutdown.as_mut().poll(cx).is_ready() {
                stopping_since = Some(Instant::now());
                graceful_shutdown(connection.as_mut());
            }
        }
        match connection.as_mut().poll(cx) {
            Poll::Ready(Ok(())) => return Poll::Ready(Some(Ended::Closed)),
            Poll::Ready(Err(error)) => return Poll::Ready(Some(Ended::Broken(error))),
            Poll::Pending => {}
        }
        loop {
            let deadline = deadline(activity, stopping_since, config.shutdown_timeout);
            let rests_at = rests_after.and_then(|after| activity.idle_since().map(|since| since + after));
            // The timer is only moved forward here; if it fires too early, it is set again.
            if let Some(deadline) = deadline
                && deadline < armed
            {
                armed = deadline;
                timer.as_mut().reset(armed.into());
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Poll::Ready(Some(Ended::TimedOut));
            }
            if rests_at.is_some_and(|rests_at| rests_at <= now) && stopping_since.is_none() {
                return Poll::Ready(None);
            }
            // A request in flight may end on another task, so check again later.
            armed = deadline.into_iter().chain(rests_at).min().unwrap_or(now + activity.idle_timeout());
            timer.as_mut().reset(armed.into());
        }
    })
    .await
}

fn deadline(
    activity: &Activity,
    stopping_since: Option<Instant>,
    shutdown_timeout: Duration,
) -> Option<Instant> {
    let end = stopping_since.map(|since| {
        since + if activity.is_idle() { FAREWELL.min(shutdown_timeout) } else { shutdown_timeout }
    });
    activity.deadline().into_iter().chain(end).min()
}

/// The requests of one connection, from hyper.
struct Requests<H> {
    activity: Arc<Activity>,
    /// The budget for their heads, if they count.
    memory: Option<Arc<Budget>>,
    handler: Arc<H>,
}

impl<H> Requests<H> {
    /// Reserves memory for a request. If there is none, refuses its stream, which the client may retry.
    fn admit(&self, request: &hyper::Request<Incoming>) -> Result<Option<Reservation>, h2::Error> {
        let Some(memory) = &self.memory else { return Ok(None) };
        memory.reserve(STREAM_BYTES + head_bytes(request)).map(Some).ok_or(h2::Reason::REFUSED_STREAM.into())
    }
}

/// The memory of a head: its texts, and its map, which is the larger part if fields are many and short.
fn head_bytes<B>(request: &hyper::Request<B>) -> usize {
    let fields = request.headers();
    let texts = fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>();
    let target = request.uri().authority().map_or(0, |authority| authority.as_str().len())
        + request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    // Repeated values of a name are in a list that grows by doubling.
    let repeats = 2 * (fields.len() - fields.keys_len());
    target + texts + FIELD_BYTES * (fields.capacity() + repeats)
}

impl<H: Handler> Service<hyper::Request<Incoming>> for Requests<H> {
    type Response = hyper::Response<AnswerBody>;
    type Error = h2::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        let admitted = self.admit(&request);
        let in_flight = InFlight::begin(self.activity.clone());
        let handler = self.handler.clone();
        let is_http1 = request.version() < Version::HTTP_2;
        Box::pin(async move {
            let _reserved = admitted?;
            let Reply { mut response, ends_connection } = handler.handle(request).await;
            if ends_connection {
                in_flight.0.leave_unread();
                if is_http1 {
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
            }
            Ok(response.map(|(first, rest)| AnswerBody::new(first, rest, in_flight)))
        })
    }
}

/// An answer's body, handed over in pieces: one buffer, and what may be made after it.
pub(crate) struct AnswerBody {
    first: Bytes,
    rest: Option<Rest>,
    /// Its slot in the connection's [`Activity`].
    place: usize,
    in_flight: InFlight,
}

impl AnswerBody {
    /// A body whose drop ends its request.
    fn new(first: Bytes, rest: Option<Rest>, in_flight: InFlight) -> Self {
        let place = in_flight.0.answer_ready();
        Self { first, rest, place, in_flight }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.in_flight.0.answer_gone(self.place);
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        while self.first.is_empty() {
            let Some(rest) = &mut self.rest else { return Poll::Ready(None) };
            match ready!(rest.as_mut().poll_next(cx)) {
                Some(Ok(more)) => self.first = more,
                Some(Err(cut_off)) => return Poll::Ready(Some(Err(cut_off))),
                None => self.rest = None,
            }
            // The wait was for us, not for the client.
            self.in_flight.0.answer_taken(self.place);
        }
        let bytes = self.first.len().min(PIECE_BYTES);
        let piece = self.first.split_to(bytes);
        self.in_flight.0.answer_taken(self.place);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_empty() && self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let first = self.first.len() as u64;
        if self.rest.is_none() {
            return SizeHint::with_exact(first);
        }
        let mut hint = SizeHint::new();
        hint.set_lower(first);
        hint
    }
}
