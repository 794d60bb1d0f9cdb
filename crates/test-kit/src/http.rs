//! HTTP as bytes: requests, answers, and the protocol's signatures of both.

use std::{
    fmt::Write as _,
    io::{self, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, UNIX_EPOCH},
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use serde_json::Value;
use sha2::Sha256;

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_mins(1);
/// How old a signature may be, in seconds.
const SIGNATURE_AGE_MAX: u64 = 60;

/// A form as PHP's `http_build_query` writes it.
pub fn form<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> String {
    let mut form = String::new();
    for (name, value) in pairs {
        if !form.is_empty() {
            form.push('&');
        }
        encode(name.as_ref(), &mut form);
        form.push('=');
        encode(value.as_ref(), &mut form);
    }
    form
}

fn encode(text: &str, form: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => form.push(byte.into()),
            b' ' => form.push('+'),
            // Writing to a String can't fail.
            _ => {
                let _ = write!(form, "%{byte:02X}");
            }
        }
    }
}

/// The hash over a form (section 2.1).
pub fn hash(form: &str, login: &str, key: &str) -> String {
    md5(&format!("{form}::{login}::{key}"))
}

/// A form with its hash at the end.
pub fn hashed(form: &str, login: &str, key: &str) -> String {
    let joint = if form.is_empty() { "" } else { "&" };
    format!("{form}{joint}hash={}", hash(form, login, key))
}

/// Pairs as a form with its hash.
pub fn signed(login: &str, key: &str, pairs: &[(&str, &str)]) -> String {
    hashed(&form(pairs.iter().copied()), login, key)
}

/// A form with the key itself, as in API 2.0.
pub fn keyed(key: &str, pairs: &[(&str, &str)]) -> String {
    form(pairs.iter().copied().chain([("rpsKey", key)]))
}

fn md5(text: &str) -> String {
    format!("{:032x}", u128::from_be_bytes(Md5::digest(text).into()))
}

/// A whole POST request of a form to a method.
pub fn post(method: &str, host: &str, form: &str) -> Vec<u8> {
    format!(
        "POST /api/{method} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}

/// A parsed answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// From the status line.
    pub status: u16,
    /// The status line and the headers.
    pub head: String,
    /// The body, which is text.
    pub body: String,
}

impl Answer {
    /// Reads one answer and nothing after it: the connection may stay open.
    pub fn read(stream: &mut impl Read) -> io::Result<Self> {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).map_err(io::Error::other)?;
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no HTTP status: {head}")))?;
        let mut answer = Self { status, head, body: String::new() };
        match answer.header("content-length").map(str::parse) {
            Some(Ok(length)) => {
                let mut body = vec![0; length];
                stream.read_exact(&mut body)?;
                answer.body = String::from_utf8(body).map_err(io::Error::other)?;
            }
            Some(Err(error)) => return Err(io::Error::other(error)),
            None if answer.header("transfer-encoding") == Some("chunked") => {
                answer.body = String::from_utf8(chunks(stream)?).map_err(io::Error::other)?;
            }
            None => drop(stream.read_to_string(&mut answer.body)?),
        }
        Ok(answer)
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body, which must be JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The envelope's code.
    #[track_caller]
    pub fn code(&self) -> i64 {
        self.json()["error_code"].as_i64().unwrap_or_else(|| panic!("no error_code: {self:?}"))
    }

    /// The envelope's code, if its hash is right for this key; else what is wrong.
    pub fn verified(&self, key: &str) -> Result<i64, String> {
        let json: Value = serde_json::from_str(&self.body).map_err(|error| format!("{error}: {self:?}"))?;
        match (json["error_code"].as_i64(), json["error_text"].as_str(), json["hash"].as_str()) {
            (Some(code), Some(text), Some(hash)) if hash == md5(&format!("{code}::{text}::{key}")) => {
                Ok(code)
            }
            _ => Err(format!("an answer's hash is wrong: {self:?}")),
        }
    }

    /// Asserts that it is a valid answer of the API: envelope, headers, and signatures with this key or
    /// without one. Returns status and code.
    #[track_caller]
    pub fn checked(&self, key: Option<&str>) -> (u16, i64) {
        let json = self.json();
        let names: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["error_code", "error_text", "result", "hash"], "{self:?}");
        let result = &json["result"];
        // Only GetCountSubscribe answers a number (decision 44).
        assert!(result.is_array() || result.is_object() || result.is_u64(), "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json; charset=utf-8"));
        let id = self.header("x-request-id").unwrap();
        assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        let code = self.verified(key.unwrap_or_default()).unwrap();
        match (self.header("billhook-signature"), key) {
            (Some(header), Some(key)) => self.check_header(header, key),
            (None, None) => {}
            (header, _) => panic!("Billhook-Signature: {header:?}, of key {key:?}"),
        }
        (self.status, code)
    }

    /// Verifies the header `t=UNIXTIME,v1=HEX` (section 2.7): HMAC-SHA256 over `UNIXTIME.BODY`.
    #[track_caller]
    fn check_header(&self, header: &str, key: &str) {
        let (time, hex) = header.strip_prefix("t=").and_then(|rest| rest.split_once(",v1=")).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(format!("{time}.{}", self.body).as_bytes());
        let bytes = mac.finalize().into_bytes();
        let expected = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        assert_eq!(hex, expected, "{self:?}");
        let age = UNIX_EPOCH.elapsed().unwrap().as_secs().abs_diff(time.parse().unwrap());
        assert!(age <= SIGNATURE_AGE_MAX, "{header}");
    }
}

/// Reads a chunked body to its last chunk.
fn chunks(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let (mut line, mut byte) = (String::new(), [0]);
        while !line.ends_with("\r\n") {
            stream.read_exact(&mut byte)?;
            line.push(char::from(byte[0]));
        }
        let bytes = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        let mut chunk = vec![0; bytes + 2];
        stream.read_exact(&mut chunk)?;
        if bytes == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&chunk[..bytes]);
    }
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// One kept connection, for one request at a time.
pub struct Client(BufReader<Box<dyn Stream>>);

impl Client {
    /// On a plain connection.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        connect(address).map(Self::over)
    }

    /// On a connection of any kind.
    pub fn over(stream: impl Read + Write + Send + 'static) -> Self {
        Self(BufReader::new(Box::new(stream)))
    }

    /// Sends a request, and reads its answer.
    pub fn ask(&mut self, request: &[u8]) -> io::Result<Answer> {
        let stream = self.0.get_mut();
        stream.write_all(request)?;
        stream.flush()?;
        Answer::read(&mut self.0)
    }
}

/// Connects with long, but limited, time-outs.
pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    stream.set_write_timeout(Some(ANSWER_MAX))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_taken_apart_and_what_follows_is_left() {
        let mut bytes: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: a\r\nContent-Length: 5\r\n\r\nhelloHTTP";
        let answer = Answer::read(&mut bytes).unwrap();
        assert_eq!(
            (answer.status, answer.header("Content-Type"), answer.body.as_str()),
            (200, Some("a"), "hello")
        );
        assert_eq!(bytes, b"HTTP");
        assert!(Answer::read(&mut bytes).is_err());
    }

    /// The example in section 2.1 of the protocol's documentation.
    #[test]
    fn forms_and_hashes_are_as_php_makes_them() {
        let pairs = [("a[0]", "b c~"), ("я", "&=")];
        assert_eq!(form(pairs), "a%5B0%5D=b+c%7E&%D1%8F=%26%3D");
        assert_eq!(
            signed("username", &"X".repeat(40), &[("email", "anna@example.com"), ("pay_status", "paid")]),
            "email=anna%40example.com&pay_status=paid&hash=ccad26ca94a071dbcc4552c0af712200"
        );
    }
}
