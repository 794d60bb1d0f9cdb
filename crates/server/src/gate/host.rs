//! The host that a request is for, in a normal form (decisions 49, 59 and 62).

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv6Addr},
};

use http::{Version, header, request::Parts};

use crate::StartError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host<'a> {
    Address(IpAddr),
    /// A name: lower case, without a trailing dot.
    Name(Cow<'a, str>),
}

/// The request names no valid host, or two different ones: HTTP 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadHost;

/// A request's host: from the absolute target (decision 48) or `:authority`, else from `Host`. If both are
/// there, they must agree. `None` is an HTTP/1.0 request without a host.
pub(crate) fn of_request(head: &Parts) -> Result<Option<Host<'_>>, BadHost> {
    let mut headers = head.headers.get_all(header::HOST).iter();
    let header = headers.next();
    if headers.next().is_some() {
        return Err(BadHost);
    }
    let named = match header {
        Some(value) => parse(value.to_str().map_err(|_| BadHost)?)?,
        None => None,
    };
    let target = match head.uri.authority() {
        Some(authority) => parse(without_user(authority.as_str()))?,
        None => None,
    };
    match (target, named) {
        (Some(target), Some(named)) if target != named => Err(BadHost),
        (Some(host), _) | (None, Some(host)) => Ok(Some(host)),
        (None, None) if head.version <= Version::HTTP_10 => Ok(None),
        (None, None) => Err(BadHost),
    }
}

/// Reads `host`, `host:port`, `address:port` or `[address]:port`. An empty text is no host.
pub(crate) fn parse(text: &str) -> Result<Option<Host<'_>>, BadHost> {
    if text.is_empty() {
        return Ok(None);
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']').ok_or(BadHost)?;
        is_port(port).then_some(()).ok_or(BadHost)?;
        let address: IpAddr = address.parse().map_err(|_| BadHost)?;
        return if address.is_ipv6() { Ok(Some(Host::Address(address))) } else { Err(BadHost) };
    }
    let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
    let name = name.strip_suffix('.').unwrap_or(name);
    // A second final dot would make it a different name, or an invalid address.
    if !is_port(port) || name.is_empty() || name.ends_with('.') || !name.bytes().all(is_name_byte) {
        return Err(BadHost);
    }
    Ok(Some(match name.parse::<IpAddr>() {
        Ok(address) => Host::Address(address),
        Err(_) => Host::Name(lower(name)),
    }))
}

/// A host name from the configuration in the form of [`parse`]: lower case, no final dot.
pub(crate) fn name(text: &str) -> Option<String> {
    match parse(text) {
        Ok(Some(Host::Name(name))) if !text.contains(':') => Some(name.into_owned()),
        _ => None,
    }
}

/// The same for a list of names from the options.
pub(crate) fn names<C: FromIterator<String>>(texts: &[String]) -> Result<C, StartError> {
    let names =
        texts.iter().map(|text| name(text).ok_or_else(|| StartError::Domain { domain: text.clone() }));
    names.collect()
}

const NAME_BYTES_MAX: usize = 253;

/// Whether a link may lead to this host, with or without a port: an address, or a name in any script.
pub(crate) fn is_linkable(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    if !port.is_none_or(is_port) {
        return false;
    }
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let is_label = |label: &str| {
        !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
    };
    host.len() <= NAME_BYTES_MAX && host.strip_suffix('.').unwrap_or(host).split('.').all(is_label)
}

fn without_user(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

/// Nothing, or a colon with any number of digits, even none (RFC 3986).
fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()))
}

/// The bytes that RFC 3986 allows in a registered name.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte)
}

fn lower(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn a_link_leads_to_a_host_and_nothing_else() {
        let long = format!("{}.example", "a".repeat(246));
        for host in [
            "shop.example",
            "shop.example:8443",
            "shop.example.",
            "localhost:80",
            "203.0.113.7",
            "[2001:db8::1]",
            "[::1]:65535",
            "my_shop.xn--p1ai",
            "магазин.рф",
        ] {
            assert!(is_linkable(host), "{host}");
        }
        for text in [
            "",
            ".",
            "a..b",
            "shop.example/",
            "shop.example/path",
            "shop.example:",
            "shop.example:+80",
            "shop.example:65536",
            "shop.example:80:80",
            "user@shop.example",
            "shop example",
            "shop.example\n",
            "shop.example\"onclick",
            "2001:db8::1",
            "[shop.example]",
            "[::1",
            "javascript:alert(1)",
            &long,
        ] {
            assert!(!is_linkable(text), "{text:?}");
        }
    }

    #[test]
    fn case_port_and_trailing_dot_do_not_matter() {
        for text in [
            "demo.localhost",
            "DEMO.localhost:8080",
            "demo.LocalHost.",
            "demo.localhost.:80",
            "demo.localhost:",
        ] {
            assert_eq!(parse(text), Ok(Some(Host::Name("demo.localhost".into()))), "{text}");
        }
    }

    #[test]
    fn addresses_are_no_names() {
        for (text, address) in [
            ("127.0.0.1", "127.0.0.1"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("127.0.0.1.", "127.0.0.1"),
            ("[::1]", "::1"),
            ("[::1]:8080", "::1"),
        ] {
            assert_eq!(parse(text), Ok(Some(Host::Address(address.parse().unwrap()))), "{text}");
        }
    }

    #[test]
    fn what_is_no_host() {
        assert_eq!(parse(""), Ok(None));
        for text in [
            "a b",
            "a/b",
            "a@b",
            "a:b",
            "a:1:2",
            "::1",
            "[::1",
            "[127.0.0.1]",
            "[::1]x",
            ".",
            "a..",
            "127.0.0.1..:80",
            "имя",
            "a\tb",
            "a?b",
            ":80",
        ] {
            assert_eq!(parse(text), Err(BadHost), "{text:?}");
        }
    }

    #[test]
    fn configured_names() {
        assert_eq!(name("JustClick.ru."), Some("justclick.ru".to_owned()));
        for text in ["", "127.0.0.1", "justclick.ru:80", "a b", "http://justclick.ru"] {
            assert_eq!(name(text), None, "{text:?}");
        }
    }

    fn ask(target: &str, version: Version, hosts: &[&str]) -> Result<Option<String>, BadHost> {
        let mut request = Request::builder().uri(target).version(version);
        for host in hosts {
            request = request.header("host", *host);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        of_request(&head).map(|host| host.map(|host| format!("{host:?}")))
    }

    #[test]
    fn target_and_header_must_agree() {
        let demo = Ok(Some("Name(\"demo.localhost\")".to_owned()));
        assert_eq!(ask("/api/X", Version::HTTP_11, &["demo.localhost"]), demo);
        assert_eq!(ask("http://Demo.localhost/api/X", Version::HTTP_11, &["demo.localhost:80"]), demo);
        assert_eq!(ask("http://user@demo.localhost/api/X", Version::HTTP_2, &[]), demo);
        assert_eq!(ask("http://demo.localhost/api/X", Version::HTTP_11, &["other.localhost"]), Err(BadHost));
        assert_eq!(ask("/api/X", Version::HTTP_11, &["demo.localhost", "demo.localhost"]), Err(BadHost));
        assert_eq!(ask("/api/X", Version::HTTP_11, &[]), Err(BadHost));
        assert_eq!(ask("/api/X", Version::HTTP_11, &[""]), Err(BadHost));
        assert_eq!(ask("/api/X", Version::HTTP_10, &[]), Ok(None));
    }
}
