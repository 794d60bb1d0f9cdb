//! What a connection's bytes come and go through: a socket, or TLS over one.

use std::task::{Context, Poll};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

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
