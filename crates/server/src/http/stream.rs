//! What a connection's bytes come and go through: a socket, or TLS over one, and what watches it.

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

/// How much is read of a connection that ends with an unread body, so that its client comes to read the answer.
const LINGER_BYTES: usize = 16 * 1024 * 1024;

/// A stream of bytes that can be waited for without being read.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Ready once there may be something to read, or the end.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()>;
}

impl Stream for TcpStream {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        // A look, since what the runtime thinks may be no more than a guess. An error is told by the read that comes next.
        self.poll_peek(cx, &mut ReadBuf::new(&mut [0])).map(drop)
    }
}

impl Stream for TlsStream<TcpStream> {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        let (socket, tls) = self.get_ref();
        // A request may have come with the end of the handshake; it is no longer in the socket then.
        if tls.wants_read() { socket.poll_readable(cx) } else { Poll::Ready(()) }
    }
}

/// A socket, or the TLS over it, that reports to the connection's [`Activity`].
///
/// A client that takes its answer slowly is not cut off: each time the kernel's buffer has emptied by about a third, the wait
/// begins anew.
///
/// What is to be written waits until the worker has looked after the other connections that it has to: so requests that came
/// together are answered together. Each write wakes its reader, and where answers leave one by one, every one of them costs a
/// change of threads, here or on the way.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    io: S,
    activity: Arc<Activity>,
    lingered: usize,
    /// The others have had their turn.
    may_write: bool,
    /// What was read already and is to be read again.
    ahead: Bytes,
}

impl<S> Watched<S> {
    /// Watches a stream.
    pub(crate) fn new(io: S, activity: Arc<Activity>) -> Self {
        Self { io, activity, lingered: 0, may_write: false, ahead: Bytes::new() }
    }

    /// Gives back what was read and not used.
    pub(crate) fn put_back(&mut self, bytes: Bytes) {
        // Of no bytes, too, their whole buffer would be kept.
        self.ahead = if bytes.is_empty() { Bytes::new() } else { bytes };
    }

    /// Whether the others have had their turn since the last answer left; else the task comes again behind them.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.may_write {
            return Poll::Ready(());
        }
        self.may_write = true;
        cx.waker().wake_by_ref();
        // hyper is done with the answer, so this alone tells that there is still one.
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
        // Asked for only once everything was written: so this tells of a block and of its end as well as a write does.
        let outcome = Pin::new(&mut self.io).poll_flush(cx);
        self.activity.wrote(&outcome);
        self.may_write = outcome.is_pending();
        outcome
    }

    /// Closing a socket with unread bytes resets it, and the client may lose the answer: so those are read first.
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
