//! HTTP as bytes: requests as whole bytes, answers taken apart as far as is needed to check and count them.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::Arc,
    time::Duration,
};

use billhook_wire::{Key, envelope};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};

use crate::Result;

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// A POST request of a form, whole.
pub fn request(method: &str, host: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /api/{method} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\
         Content-Length: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The parts of an answer at the head of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// Of the answer's first line.
    pub status: u16,
    /// The head's length, with the empty line.
    pub head_bytes: usize,
    /// The body's length.
    pub body_bytes: usize,
}

impl Parts {
    /// Finds them; none while the head is incomplete.
    pub fn of(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let head = std::str::from_utf8(bytes.get(..end).unwrap_or_default())?;
        let status = head.get(9..12).and_then(|status| status.parse().ok()).ok_or("no HTTP status")?;
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        let body_bytes = length.ok_or("an answer without a length")?;
        Ok(Some(Self { status, head_bytes: end + 4, body_bytes }))
    }

    /// The whole answer's length.
    pub fn bytes(self) -> usize {
        self.head_bytes + self.body_bytes
    }
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// One keep-alive connection that waits for each answer.
pub struct Client {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
}

impl Client {
    /// Over a connection in clear.
    pub fn plain(address: SocketAddr) -> Result<Self> {
        Ok(Self { stream: Box::new(connected(address)?), buffer: Vec::new() })
    }

    /// Over TLS, to a server that shows the certificate of this file.
    pub fn tls(address: SocketAddr, host: &str, certificate: &Path) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate)?)?;
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connection =
            ClientConnection::new(Arc::new(config), ServerName::try_from(host.to_owned())?.to_owned())?;
        let stream = StreamOwned::new(connection, connected(address)?);
        Ok(Self { stream: Box::new(stream), buffer: Vec::new() })
    }

    /// Sends a request and gives the answer's body; a status other than 200 is an error.
    pub fn ask(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        match self.ask_for_any(request)? {
            (200, body) => Ok(body),
            (status, _) => Err(format!("HTTP status {status}").into()),
        }
    }

    /// Sends a request and gives the answer's status and body.
    pub fn ask_for_any(&mut self, request: &[u8]) -> Result<(u16, Vec<u8>)> {
        self.stream.write_all(request)?;
        self.stream.flush()?;
        self.buffer.clear();
        let mut piece = [0; 16 * 1024];
        loop {
            let read = self.stream.read(&mut piece)?;
            if read == 0 {
                return Err("a connection was closed in place of an answer".into());
            }
            self.buffer.extend_from_slice(piece.get(..read).unwrap_or_default());
            let Some(parts) = Parts::of(&self.buffer)? else { continue };
            if self.buffer.len() < parts.bytes() {
                continue;
            }
            return Ok((parts.status, self.buffer.split_off(parts.head_bytes)));
        }
    }
}

fn connected(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    Ok(stream)
}

/// The code in an answer of Billhook, whose hash must be right.
pub fn error_code(body: &[u8], key: &Key) -> Result<i64> {
    let answer = envelope::Answer::read(body)?;
    if !answer.verify(key) {
        return Err("an answer's hash is wrong".into());
    }
    Ok(answer.error_code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_taken_apart() {
        let bytes = b"HTTP/1.1 200 OK\r\ncontent-type: a\r\nContent-Length: 5\r\n\r\nhello";
        let parts = Parts { status: 200, head_bytes: bytes.len() - 5, body_bytes: 5 };
        assert_eq!(Parts::of(bytes).unwrap(), Some(parts));
        assert_eq!(parts.bytes(), bytes.len());
        assert_eq!(Parts::of(&bytes[..40]).unwrap(), None);
        assert!(Parts::of(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
