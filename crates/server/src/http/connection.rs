//! Serving one connection: HTTP/1.1 or HTTP/2 through hyper, its time-outs, its end.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    server::conn::{http1, http2},
    service::Service,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use crate::http::{
    activity::{Activity, InFlight, Timeouts},
    memory::{Budget, Reservation},
    shutdown::Shutdown,
    stream::{Stream, Watched},
};

/// How long a client without a request in flight may take to part once the server is stopping: HTTP/2 has a word for that, which
/// not every client answers.
const FAREWELL: Duration = Duration::from_millis(500);
/// How much of an answer is handed over at once: what a client that takes nothing can make an HTTP/2 stream hold.
const PIECE_BYTES: usize = 64 * 1024;
/// How long an HTTP/1.1 connection is idle until it is at rest.
const REST_AFTER: Duration = Duration::from_millis(200);
/// The largest head of a request, in bytes. HTTP/2 counts 32 more for each field.
const MAX_HEAD_BYTES: u32 = 16 * 1024;
/// What an HTTP/1.1 connection may hold of a body that is not yet taken, or of an answer that is not yet sent.
const BUFFER_BYTES: usize = 64 * 1024;
/// How many requests one HTTP/2 connection may have in flight.
const MAX_STREAMS: u32 = 16;
/// How much of a body may be on its way to us over HTTP/2: of one, and of all on a connection.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;
/// What a request over HTTP/2 counts for, beside its head: its task, and the buffer that the head's last field came in.
const STREAM_BYTES: usize = 16 * 1024;
/// What a field's place in the head's map takes.
const FIELD_BYTES: usize = 112;
/// How often an HTTP/2 client is asked whether it is still there, and how long it may take to say so.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(15);

/// How connections are served.
#[derive(Debug)]
pub(crate) struct ConnectionConfig {
    pub(crate) timeouts: Timeouts,
    pub(crate) shutdown: Shutdown,
    pub(crate) shutdown_timeout: Duration,
}

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// Answers requests. Called on the connection's own task (HTTP/1.1) or on one a request (HTTP/2).
pub(crate) trait Handler: Send + Sync + 'static {
    /// Answers one. `in_flight` goes into the answer's body, which ends the request by dropping it.
    fn handle(
        &self,
        request: hyper::Request<Incoming>,
        in_flight: InFlight,
    ) -> impl Future<Output = hyper::Response<AnswerBody>> + Send;
}

/// Serves a connection to its end. Whoever waits for it learns nothing from how it ended. `memory` is what the heads of HTTP/2 are
/// taken of, of which a connection has many; that of HTTP/1.1 has one, in a buffer that is its own.
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

/// A connection at rest is a socket and a timer; what hyper needs for it (buffers of 16 KiB) is there only while it is used.
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

/// Waits until there is something to read. `Some`: the connection has ended before.
async fn rest(io: &Watched<impl Stream>, activity: &Activity, config: &ConnectionConfig) -> Option<Ended> {
    let deadline = activity.deadline().unwrap_or_else(Instant::now);
    tokio::select! {
        biased;
        () = poll_fn(|cx| io.poll_readable(cx)) => None,
        () = config.shutdown.begun() => Some(Ended::Closed),
        () = tokio::time::sleep_until(deadline.into()) => Some(Ended::TimedOut),
    }
}

/// Polls a connection until it ends, its client has been waited for long enough, or the server's shutdown is over; or, `None`, until
/// it has been idle for as long as `rests_after` says.
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
        // Once the signal knows this task it need not be asked again before it has come.
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
            // The timer is only ever brought forward here; when it fires too early, it is set anew.
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
            // A request may be in flight, and end on another task: so have a look again later.
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

/// The requests of one connection, as hyper hands them over.
struct Requests<H> {
    activity: Arc<Activity>,
    /// What their heads are taken of, if they count.
    memory: Option<Arc<Budget>>,
    handler: Arc<H>,
}

impl<H> Requests<H> {
    /// The memory that a request takes, or the word for its stream if none is left: its client may send it again.
    fn admit(&self, request: &hyper::Request<Incoming>) -> Result<Option<Reservation>, h2::Error> {
        let Some(memory) = &self.memory else { return Ok(None) };
        memory.reserve(STREAM_BYTES + head_bytes(request)).map(Some).ok_or(h2::Reason::REFUSED_STREAM.into())
    }
}

/// What a head takes: the texts, and the map of the fields with all of its places. It is the map that counts where fields are many and
/// short.
fn head_bytes<B>(request: &hyper::Request<B>) -> usize {
    let fields = request.headers();
    let texts = fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>();
    let target = request.uri().authority().map_or(0, |authority| authority.as_str().len())
        + request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    // Values of a name that came before stand in a list that grows by doubling.
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
        Box::pin(async move {
            let _reserved = admitted?;
            Ok(handler.handle(request, in_flight).await)
        })
    }
}

/// An answer's body: one buffer, handed over in pieces.
#[derive(Debug)]
pub(crate) struct AnswerBody {
    rest: Bytes,
    /// Its place in the connection's [`Activity`].
    place: usize,
    in_flight: InFlight,
}

impl AnswerBody {
    /// A body that ends its request when it is dropped.
    pub(crate) fn new(body: Bytes, in_flight: InFlight) -> Self {
        let place = in_flight.0.answer_ready();
        Self { rest: body, place, in_flight }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.in_flight.0.answer_gone(self.place);
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let bytes = self.rest.len().min(PIECE_BYTES);
        let piece = self.rest.split_to(bytes);
        self.in_flight.0.answer_taken(self.place);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
