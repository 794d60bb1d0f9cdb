//! The reference of the methods, as a page and as an OpenAPI description (decision 85).
//!
//! It needs no credential, since it says nothing about accounts. It is made once, and all readers share its buffers; but under an
//! account's host its examples name that host, so that they can be pasted.

use std::io::Write as _;

use billhook_wire::Code;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, StatusCode, header};

use crate::{
    failure::Failure,
    gate::{Asked, host},
    http::{
        answer::{self, Answer, Page},
        memory::Budgets,
    },
    pages::HTML,
};

/// The page has only inline styles, and loads nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The host in the examples where no account's is known.
const HOST: &str = "LOGIN.DOMAIN";

static PLAIN: Page =
    Page { content_type: HTML, policy: POLICY, headers: &[(header::VARY, "accept-encoding")] };
static GZIP: Page = Page {
    content_type: HTML,
    policy: POLICY,
    headers: &[(header::VARY, "accept-encoding"), (header::CONTENT_ENCODING, "gzip")],
};
static OPEN_API: Page =
    Page { content_type: "application/json; charset=utf-8", policy: POLICY, headers: &[] };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reference {
    Html,
    OpenApi,
}

impl Reference {
    /// The form at a path; a final slash makes no difference.
    pub(crate) fn at(path: &str) -> Option<Self> {
        match path.strip_suffix('/').unwrap_or(path) {
            "/docs" => Some(Self::Html),
            "/api/openapi.json" => Some(Self::OpenApi),
            _ => None,
        }
    }
}

/// The reference as HTML, plain and compressed.
#[derive(Debug)]
pub(crate) struct Docs {
    /// How the examples' URLs begin.
    base: String,
    plain: String,
    shared: Bytes,
    gzip: Bytes,
}

impl Docs {
    /// `scheme` is that of the server's URLs.
    pub(crate) fn make(scheme: &str) -> Self {
        let base = format!("{scheme}://{HOST}");
        let plain = billhook_reference::page(&base);
        let gzip = gzip(&plain, Compression::best());
        Self { base, shared: plain.clone().into(), gzip: gzip.into(), plain }
    }

    pub(crate) fn answer(
        &self,
        reference: Reference,
        asked: &Asked<'_>,
        budgets: Budgets<'_>,
    ) -> Result<Answer, Failure> {
        let page = match reference {
            Reference::Html => &PLAIN,
            Reference::OpenApi => &OPEN_API,
        };
        if let Some(refusal) = page.refusal(&asked.head.method) {
            return Ok(refusal);
        }
        let is_short = accepts_gzip(&asked.head.headers);
        let (page, body) = match (reference, own_base(asked)) {
            (Reference::OpenApi, _) => (page, Bytes::from_static(billhook_reference::openapi().as_bytes())),
            (Reference::Html, Some(base)) => {
                let text = self.plain.replace(&self.base, &base);
                let text = if is_short { gzip(&text, Compression::fast()) } else { text.into_bytes() };
                (if is_short { &GZIP } else { page }, answer::hold(text, budgets)?)
            }
            (Reference::Html, None) if is_short => (&GZIP, self.gzip.clone()),
            (Reference::Html, None) => (page, self.shared.clone()),
        };
        Ok(Answer::page(page, StatusCode::OK, Code::OK, body))
    }
}

/// How the URLs of an account begin under the host by which somebody came.
fn own_base(asked: &Asked<'_>) -> Option<String> {
    asked.account.as_ref()?;
    let host = asked.head.headers.get(header::HOST)?.to_str().ok()?;
    let scheme = if asked.is_encrypted { "https" } else { "http" };
    host::is_linkable(host).then(|| format!("{scheme}://{host}"))
}

fn gzip(text: &str, level: Compression) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), level);
    // Writing to a Vec can't fail.
    gzip.write_all(text.as_bytes()).and_then(|()| gzip.finish()).unwrap_or_default()
}

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
    use http::HeaderValue;

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
