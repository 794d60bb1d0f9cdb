//! HTTP/2 as an attacker writes it: hand-made frames over TLS, on connections that need not be read.

use std::{
    collections::HashMap,
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use billhook_drivers::{Result, idle};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime},
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Types of frames.
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RESET: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GO_AWAY: u8 = 7;
pub(crate) const WINDOW: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;
// Flags.
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// A frame's bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    // No frame here is longer than 16 KiB.
    let length = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
    let mut bytes = length.into_iter().skip(1).chain([kind, flags]).collect::<Vec<_>>();
    bytes.extend(stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// The indexed header field of a method.
pub(crate) const GET: u8 = 0x82;
pub(crate) const POST: u8 = 0x83;

/// The required fields of a request.
pub(crate) fn request(method: u8, host: &str, path: &str) -> Vec<u8> {
    let mut block = vec![method, 0x87];
    for (name, value) in [(0x04, path), (0x01, host)] {
        block.push(name);
        text(value, &mut block);
    }
    block
}

/// A field, added to the connection's table or not.
pub(crate) fn field(indexed: bool, name: &str, value: &str, block: &mut Vec<u8>) {
    block.push(if indexed { 0x40 } else { 0 });
    text(name, block);
    text(value, block);
}

/// A text of at most 16 KiB, after its length.
fn text(text: &str, block: &mut Vec<u8>) {
    if let Ok(short @ 0..127) = u8::try_from(text.len()) {
        block.push(short);
    } else {
        let rest = text.len() - 127;
        block.push(127);
        block.extend([rest & 0x7f | 0x80, rest >> 7].map(|part| u8::try_from(part).unwrap_or(0)));
    }
    block.extend_from_slice(text.as_bytes());
}

pub(crate) struct Speaker {
    tls: StreamOwned<ClientConnection, TcpStream>,
    said: Vec<u8>,
    /// The number of received frames of each type.
    heard: [usize; 10],
    /// The flow-control window of each stream; stream 0 is the connection.
    room: HashMap<u32, usize>,
    pub(crate) closed: bool,
}

/// The initial window of a stream and of the connection.
const ROOM: usize = 65_535;

impl Speaker {
    /// Opens an HTTP/2 connection from 127.0.1.`from`; `None` if the server allows that address no more.
    pub(crate) fn open(server: SocketAddr, from: u8, settings: &[u8]) -> Result<Option<Self>> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let mut connection =
            ClientConnection::new(Arc::new(config), ServerName::try_from("shop.localhost")?)?;
        connection.set_buffer_limit(None);
        let mut socket = idle::connect(server, from)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_secs(30)))?;
        while connection.is_handshaking() {
            match connection.complete_io(&mut socket) {
                Ok(_) => {}
                // There is no common protocol.
                Err(error) if error.kind() == ErrorKind::InvalidData => return Ok(None),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        socket.set_nonblocking(true)?;
        let tls = StreamOwned::new(connection, socket);
        let mut speaker = Self { tls, said: Vec::new(), heard: [0; 10], room: HashMap::new(), closed: false };
        speaker.send(&[PREFACE, &frame(SETTINGS, 0, 0, settings)].concat());
        Ok(Some(speaker))
    }

    /// Sends bytes as far as they are accepted; the rest goes with later ones.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        // A full socket, or a closed connection, which the next read shows.
        let _ = self.tls.conn.writer().write_all(bytes);
        while self.tls.conn.wants_write()
            && self.tls.conn.write_tls(&mut self.tls.sock).is_ok_and(|sent| sent > 0)
        {}
    }

    /// Whether bytes are waiting to be sent.
    pub(crate) fn is_blocked(&self) -> bool {
        self.tls.conn.wants_write()
    }

    /// Sends waiting bytes, reads what has arrived, and counts the frames.
    pub(crate) fn listen(&mut self) {
        self.send(&[]);
        let mut piece = [0; 16 * 1024];
        while !self.closed {
            match self.tls.read(&mut piece) {
                Ok(0) => self.closed = true,
                Ok(read) => self.said.extend(piece.iter().take(read)),
                Err(error) => {
                    self.closed = !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted);
                    break;
                }
            }
        }
        let mut rest = self.said.as_slice();
        while let [a, b, c, kind, _, stream @ ..] = rest {
            let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
            let (Some((stream, payload)), Some(behind)) =
                (stream.split_first_chunk(), stream.get(4 + length..))
            else {
                break;
            };
            if let (&WINDOW, Some((more, _))) = (kind, payload.split_first_chunk()) {
                *self.room.entry(u32::from_be_bytes(*stream)).or_insert(ROOM) +=
                    u32::from_be_bytes(*more) as usize;
            }
            if let Some(count) = self.heard.get_mut(usize::from(*kind)) {
                *count += 1;
            }
            rest = behind;
        }
        self.said = rest.to_vec();
    }

    /// Sends a part of a stream's body, as much as the window and `left` allow; returns how much.
    pub(crate) fn send_body(&mut self, stream: u32, left: usize) -> usize {
        let room = |stream| self.room.get(&stream).copied().unwrap_or(ROOM);
        let bytes = room(0).min(room(stream)).min(left).min(16 * 1024);
        if self.is_blocked() || bytes == 0 {
            return 0;
        }
        for of in [0, stream] {
            *self.room.entry(of).or_insert(ROOM) -= bytes;
        }
        self.send(&frame(DATA, 0, stream, &vec![b'a'; bytes]));
        bytes
    }

    /// How many frames of a type were received.
    pub(crate) fn heard(&self, kind: u8) -> usize {
        self.heard.get(usize::from(kind)).copied().unwrap_or(0)
    }
}

/// Accepts any certificate: the server's is self-signed.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_texts_are_as_the_standard_has_them() {
        assert_eq!(frame(PING, 0, 0, b"12345678"), b"\0\0\x08\x06\0\0\0\0\x0012345678");
        let mut block = Vec::new();
        field(true, "a", &"b".repeat(300), &mut block);
        assert_eq!(&block[..6], [0x40, 1, b'a', 127, 173, 1]);
        assert_eq!(block.len(), 6 + 300);
        assert_eq!(request(POST, "x", "/api/GetBills"), b"\x83\x87\x04\x0d/api/GetBills\x01\x01x");
    }
}
