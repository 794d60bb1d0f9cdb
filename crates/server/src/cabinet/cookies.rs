//! The session's cookie, and the proof that a form was sent from a page of ours.

use billhook_wire::signature;
use http::{HeaderMap, HeaderValue, header};

use crate::gate::{Asked, host, host::Host};

/// How a browser may hold the session of the cabinet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// The connection is encrypted.
    Secure,
    /// It is not, and need not be: the browser is on this machine, or the operator allows it.
    Plain,
    /// It is not, and has to be: nobody signs in.
    None,
}

impl Carrier {
    /// `over_http`: the operator allows it to be plain.
    pub(crate) fn of(asked: &Asked<'_>, over_http: bool) -> Self {
        if asked.is_encrypted {
            return Self::Secure;
        }
        let is_here = asked.caller.is_loopback()
            && match host::of_request(asked.head) {
                Ok(Some(Host::Address(address))) => address.is_loopback(),
                Ok(Some(Host::Name(name))) => name == "localhost" || name.ends_with(".localhost"),
                Ok(None) | Err(_) => false,
            };
        if is_here || over_http { Self::Plain } else { Self::None }
    }

    /// The scheme of the cabinet's own pages.
    pub(crate) const fn scheme(self) -> &'static str {
        match self {
            Self::Secure => "https",
            Self::Plain | Self::None => "http",
        }
    }

    /// The name of the session's cookie. A browser takes the one with the prefix from an encrypted connection alone, and for
    /// this one host.
    const fn cookie(self) -> Option<&'static str> {
        match self {
            Self::Secure => Some("__Host-billhook"),
            Self::Plain => Some("billhook"),
            Self::None => None,
        }
    }

    /// The secret of the session that a browser shows.
    pub(crate) fn secret(self, headers: &HeaderMap) -> Option<&str> {
        cookie(headers, self.cookie()?).filter(|secret| !secret.is_empty())
    }

    /// The header that gives a browser a session's secret; an empty one takes it away.
    pub(crate) fn set(self, secret: &str, seconds: i64) -> Option<HeaderValue> {
        let name = self.cookie()?;
        let secure = if self == Self::Secure { "; Secure" } else { "" };
        let seconds = if secret.is_empty() { 0 } else { seconds };
        let cookie = format!("{name}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
        cookie.parse().ok()
    }
}

/// The value of a cookie; the first, where there are several.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .find_map(|pair| pair.trim().split_once('=').filter(|(named, _)| *named == name))
        .map(|(_, value)| value)
}

/// 256 random bits, in hexadecimal.
pub(crate) fn new_secret() -> String {
    format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>())
}

/// What is stored of a secret: its SHA-256, in hexadecimal.
pub(crate) fn digest(secret: &str) -> String {
    signature::sha256(secret.as_bytes())
}

/// Whether a form was sent from a page of this host: the browser says so in `Sec-Fetch-Site`, an old one in `Origin`.
pub(crate) fn is_own_form(headers: &HeaderMap, scheme: &str) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    match (text(header::HeaderName::from_static("sec-fetch-site")), text(header::ORIGIN)) {
        (Some(site), _) if site != "same-origin" => false,
        (_, Some(origin)) => text(header::HOST).is_some_and(|host| {
            origin
                .strip_prefix(scheme)
                .and_then(|rest| rest.strip_prefix("://"))
                .is_some_and(|named| named.eq_ignore_ascii_case(host))
        }),
        (site, None) => site.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_a_page_of_the_same_host_sends_a_form() {
        let host = ("host", "shop.localhost:8080");
        let is_own =
            |lines: &[(&'static str, &str)]| is_own_form(&headers(&[&[host], lines].concat()), "http");
        assert!(is_own(&[("origin", "http://shop.localhost:8080")]));
        assert!(is_own(&[("sec-fetch-site", "same-origin")]));
        assert!(is_own(&[("sec-fetch-site", "same-origin"), ("origin", "http://SHOP.localhost:8080")]));
        for lines in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "https://shop.localhost:8080")],
            &[("origin", "http://shop.localhost")],
            &[("origin", "http://evil.localhost:8080")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site"), ("origin", "http://shop.localhost:8080")],
            &[("sec-fetch-site", "same-origin"), ("origin", "http://evil.example")],
            &[("sec-fetch-site", "none")],
        ] {
            assert!(!is_own(lines), "{lines:?}");
        }
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let headers = headers(&[("cookie", "a=1; billhook=2"), ("cookie", "__Host-billhook=3")]);
        assert_eq!(cookie(&headers, "billhook"), Some("2"));
        assert_eq!(Carrier::Secure.secret(&headers), Some("3"));
        assert_eq!(Carrier::None.secret(&headers), None);
        assert_eq!(cookie(&headers, "hook"), None);
    }
}
