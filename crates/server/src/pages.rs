//! What is answered to a GET: the reference of the methods, as a page and as an OpenAPI description (decision 85).
//!
//! It is the same for every host and tells nothing of accounts, so it needs none, and no credential.

use billhook_wire::Code;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};

use crate::{
    answer::{Answer, Budget},
    failure::Failure,
    host,
};

/// The page brings nothing but its style, and needs nothing from anywhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// On an order's page stands the seller's text, which may show pictures and lead elsewhere; nothing of it runs.
/// Nor does it lead anybody away who did not click.
const BILL_POLICY: &str = "default-src 'none'; img-src https: data:; style-src 'unsafe-inline'; base-uri 'none'; \
                           form-action https:; frame-ancestors 'none'; sandbox allow-forms allow-popups \
                           allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation";
/// What may be asked for here.
const METHODS: &str = "GET, HEAD";
/// The address in the page's examples where the request has none that can stand in a shell's line.
const USUAL_ADDRESS: &str = "LOGIN.localhost:8080";

/// Something to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// The page.
    Docs,
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

    /// The answer to a request for it.
    pub(crate) fn answer(self, head: &Parts, is_tls: bool, budget: &Budget) -> Result<Answer, Failure> {
        if Self::is_wrong_way(head) {
            return Ok(self.wrong_way());
        }
        Ok(self.shown(StatusCode::OK, Code::OK, self.body(head, is_tls, budget)?))
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

    fn body(self, head: &Parts, is_tls: bool, budget: &Budget) -> Result<Bytes, Failure> {
        match self {
            Self::Docs => {
                let scheme = if is_tls { "https" } else { "http" };
                budget.hold(billhook_reference::page(&format!("{scheme}://{}", address(head))).into_bytes())
            }
            Self::OpenApi => Ok(Bytes::from_static(billhook_reference::openapi().as_bytes())),
            Self::Bill => Err(Failure::Fault("an order's page is made of the order")),
        }
    }

    /// The headers that go with it.
    pub(crate) fn add_headers(self, status: StatusCode, headers: &mut HeaderMap) {
        let content_type = match self {
            _ if status == StatusCode::METHOD_NOT_ALLOWED => "text/plain; charset=utf-8",
            Self::Docs | Self::Bill => "text/html; charset=utf-8",
            Self::OpenApi => "application/json; charset=utf-8",
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        let policy = match self {
            Self::Docs | Self::OpenApi => POLICY,
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

/// Host and port as the caller wrote them, to stand in a line for a shell: letters, digits and what addresses need.
fn address(head: &Parts) -> &str {
    let named = head.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let named = head.uri.authority().map(http::uri::Authority::as_str).or(named).unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    if matches!(host::parse(named), Ok(Some(_))) && named.bytes().all(is_plain) {
        named
    } else {
        USUAL_ADDRESS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_can_stand_in_a_shell() {
        let of = |host: &str| {
            let (head, ()) = http::Request::get("/docs").header("host", host).body(()).unwrap().into_parts();
            address(&head).to_owned()
        };
        for host in ["shop.example.org", "shop.localhost:8080", "[::1]:80", "127.0.0.1:8080"] {
            assert_eq!(of(host), host);
        }
        for host in ["", "a;b", "$(reboot)", "a'b", "a b", "me@shop.example.org"] {
            assert_eq!(of(host), USUAL_ADDRESS, "{host}");
        }
    }
}
