//! What is answered to a GET: the reference of the methods, as a page and as an OpenAPI description (decision 85).
//!
//! It is the same for every host and tells nothing of accounts, so it needs none, and no credential. And it is made once: however many
//! read it, or leave it unread, there are these buffers and no others.

pub(crate) mod order;

use std::io::Write as _;

use billhook_wire::Code;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};

use crate::http::answer::Answer;

/// The page brings nothing but its style, and needs nothing from anywhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// On an order's page stands the seller's text, which may show pictures and lead elsewhere; nothing of it runs.
/// Nor does it lead anybody away who did not click.
const BILL_POLICY: &str = "default-src 'none'; img-src https: data:; style-src 'unsafe-inline'; base-uri 'none'; \
                           form-action https:; frame-ancestors 'none'; sandbox allow-forms allow-popups \
                           allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation";
/// What may be asked for here.
const METHODS: &str = "GET, HEAD";
/// The host in the page's examples: no account is told of, and none is guessed.
const HOST: &str = "LOGIN.DOMAIN";

/// The reference as a page, plain and compressed.
#[derive(Debug)]
pub(crate) struct Docs {
    plain: Bytes,
    gzip: Bytes,
}

impl Docs {
    /// Makes it, for a server whose address begins with this scheme.
    pub(crate) fn make(scheme: &str) -> Self {
        let plain = billhook_reference::page(&format!("{scheme}://{HOST}"));
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to a Vec can't fail.
        let gzip = gzip.write_all(plain.as_bytes()).and_then(|()| gzip.finish()).unwrap_or_default();
        Self { plain: plain.into(), gzip: gzip.into() }
    }
}

/// Something to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// The page.
    Docs,
    /// The page, compressed.
    DocsGzip,
    /// The description.
    OpenApi,
    /// A customer's order (`bill_page`).
    Bill,
}

impl Page {
    /// What stands at a path; a slash at its end makes no difference.
    pub(crate) fn at(path: &str) -> Option<Self> {
        match path.strip_suffix('/').unwrap_or(path) {
            "/docs" => Some(Self::Docs),
            "/api/openapi.json" => Some(Self::OpenApi),
            _ => None,
        }
    }

    /// The answer to a request for it; `None` for what is not the same for everybody.
    pub(crate) fn answer(self, head: &Parts, docs: &Docs) -> Option<Answer> {
        if Self::is_wrong_way(head) {
            return Some(self.wrong_way());
        }
        let (page, body) = match self {
            Self::Docs | Self::DocsGzip if accepts_gzip(&head.headers) => (Self::DocsGzip, docs.gzip.clone()),
            Self::Docs | Self::DocsGzip => (Self::Docs, docs.plain.clone()),
            Self::OpenApi => (self, Bytes::from_static(billhook_reference::openapi().as_bytes())),
            Self::Bill => return None,
        };
        Some(page.shown(StatusCode::OK, Code::OK, body))
    }

    /// Whether a request wants something else than to read.
    pub(crate) fn is_wrong_way(head: &Parts) -> bool {
        !matches!(head.method, Method::GET | Method::HEAD)
    }

    /// The answer to such a request.
    pub(crate) fn wrong_way(self) -> Answer {
        let told = Bytes::from_static(b"here is something to GET\n");
        self.shown(StatusCode::METHOD_NOT_ALLOWED, Code::WRONG_DATA, told)
    }

    /// An answer with this body.
    pub(crate) fn shown(self, status: StatusCode, code: Code, body: Bytes) -> Answer {
        Answer { status, code, body, retry_after: None, paged: None, page: Some(self) }
    }

    /// The headers that go with it.
    pub(crate) fn add_headers(self, status: StatusCode, headers: &mut HeaderMap) {
        let content_type = match self {
            _ if status == StatusCode::METHOD_NOT_ALLOWED => "text/plain; charset=utf-8",
            Self::Docs | Self::DocsGzip | Self::Bill => "text/html; charset=utf-8",
            Self::OpenApi => "application/json; charset=utf-8",
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        let policy = match self {
            Self::OpenApi => POLICY,
            Self::Docs | Self::DocsGzip => {
                headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
                if self == Self::DocsGzip && status == StatusCode::OK {
                    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                }
                POLICY
            }
            Self::Bill => {
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
                BILL_POLICY
            }
        };
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(header::ALLOW, HeaderValue::from_static(METHODS));
        }
    }
}

/// Whether the caller takes what is compressed so.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_some_and(|weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_is_sent_to_those_who_take_it() {
        let accepts = |value: &'static str| {
            accepts_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]))
        };
        assert!(!accepts_gzip(&HeaderMap::new()));
        for value in ["gzip", "deflate, GZIP;q=0.5", "br;q=1.0, gzip ; q=0.001"] {
            assert!(accepts(value), "{value}");
        }
        for value in ["", "br", "gzip;q=0", "gzip;q=0.000, br", "x-gzip", "gzip;q=x"] {
            assert!(!accepts(value), "{value}");
        }
    }
}
