//! A connection's stream, a socket or TLS over one, with a wrapper that watches it.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

use crate::http::activity::Activity;

/// How much is read from a closing connection with an unread body, so that its client reads the answer.
const LINGER_BYTES: usize = 16 * 1024 * 1024;

/// A byte stream that can be waited for without reading.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Ready once there may be something to read, or the end.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()>;
}

impl Stream for TcpStream {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        // Peek, since the runtime's readiness may be a guess. The next read reports an error.
        self.poll_peek(cx, &mut ReadBuf::new(&mut [0])).map(drop)
    }
}

impl Stream for TlsStream<TcpStream> {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        let (socket, tls) = self.get_ref();
        // The last handshake packet may have held a request, which is then no longer in the socket.
        if tls.wants_read() { socket.poll_readable(cx) } else { Poll::Ready(()) }
    }
}

/// A socket, or TLS over it, that reports to the connection's [`Activity`].
///
/// A client that reads slowly is not cut off: the wait restarts whenever the kernel's buffer has emptied by a
/// third.
///
/// A write is delayed until the worker has polled its other ready connections, so that requests that came
/// together are answered together. Otherwise each write would wake its reader and cost a thread switch.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    io: S,
    activity: Arc<Activity>,
    lingered: usize,
    /// Whether the other connections have had their turn.
    may_write: bool,
    /// Bytes that were read, and must be read again.
    ahead: Bytes,
}

impl<S> Watched<S> {
    pub(crate) fn new(io: S, activity: Arc<Activity>) -> Self {
        Self { io, activity, lingered: 0, may_write: false, ahead: Bytes::new() }
    }

    /// Returns bytes that were read but not used.
    pub(crate) fn put_back(&mut self, bytes: Bytes) {
        // An empty slice would keep the whole buffer too.
        self.ahead = if bytes.is_empty() { Bytes::new() } else { bytes };
    }

    /// Ready if the others have had their turn since the last answer. Otherwise queues the task after them.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.may_write {
            return Poll::Ready(());
        }
        self.may_write = true;
        cx.waker().wake_by_ref();
        // hyper has finished the answer, so only this shows that it is not sent yet.
        self.activity.wrote(&Poll::<()>::Pending);
        Poll::Pending
    }
}

impl<S: Stream> Watched<S> {
    /// Ready once there may be something to read, or the end.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.ahead.is_empty() { self.io.poll_readable(cx) } else { Poll::Ready(()) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = if self.ahead.is_empty() {
            Pin::new(&mut self.io).poll_read(cx, buf)
        } else {
            let bytes = self.ahead.len().min(buf.remaining());
            buf.put_slice(&self.ahead.split_to(bytes));
            Poll::Ready(Ok(()))
        };
        if buf.filled().len() > before {
            self.activity.bytes_came();
        }
        outcome
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_turn(cx));
        let outcome = Pin::new(&mut self.io).poll_write(cx, buf);
        self.activity.wrote(&outcome);
        outcome
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_turn(cx));
        let outcome = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.activity.wrote(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Flush is called after all was written, so it shows when the client stops reading and starts again.
        let outcome = Pin::new(&mut self.io).poll_flush(cx);
        self.activity.wrote(&outcome);
        self.may_write = outcome.is_pending();
        outcome
    }

    /// Reads unread bytes first: closing a socket that has some resets it, and the client may lose the
    /// answer.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lingered == 0 {
            let outcome = Pin::new(&mut this.io).poll_shutdown(cx);
            this.activity.wrote(&outcome);
            if outcome.is_pending() || !this.activity.lingers() {
                return outcome;
            }
            this.lingered = 1;
        }
        let mut space = [0; 4096];
        while this.lingered < LINGER_BYTES {
            let mut buf = ReadBuf::new(&mut space);
            match Pin::new(&mut this.io).poll_read(cx, &mut buf) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => this.lingered += buf.filled().len(),
                Poll::Ready(_) => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}
