//! The address of a service, as people write it: `https://LOGIN.DOMAIN[:PORT]`, with or without `/api`.

use std::net::IpAddr;

use billhook_wire::Login;
use ureq::http::Uri;

use crate::Error;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// `https://shop.example/api/`, to be followed by a method's name.
    pub(crate) base: String,
    /// Host and port, for messages.
    pub(crate) authority: String,
    /// Whether the host is this machine, by name or address.
    pub(crate) is_loopback: bool,
}

impl Address {
    /// Parses an address; anything but scheme, host, port and `/api` is refused.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |why| Error::Url { url: text.to_owned(), why };
        let uri: Uri = text.parse().map_err(|_| refuse("it is no URL"))?;
        match uri.scheme_str() {
            Some("http" | "https") => {}
            _ => return Err(refuse("it has to begin with http:// or https://")),
        }
        let authority = uri.authority().ok_or_else(|| refuse("it names no host"))?.as_str();
        if authority.contains('@') {
            let url = "the URL".to_owned();
            return Err(Error::Url {
                url,
                why: "it carries a user name or a password; the login and the key are options of their own",
            });
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| refuse("it names no host"))?;
        // An invalid port would be ignored, and the request sent to the scheme's default port.
        let port = authority.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.ends_with(']'));
        if port.is_some_and(|port| port.parse::<u16>().is_err()) {
            return Err(refuse("its port is not a number from 0 to 65535"));
        }
        if uri.query().is_some() || !matches!(uri.path(), "" | "/" | "/api" | "/api/") {
            return Err(refuse("it goes on behind the host; the method's name is added here"));
        }
        Ok(Self {
            base: format!("{}://{authority}/api/", uri.scheme_str().unwrap_or_default()),
            authority: authority.to_owned(),
            is_loopback: is_loopback(host),
        })
    }
}

/// The login in a URL: its host's first label, unless the host is an IP address or a single word.
pub fn login_in(url: &str) -> Option<Login> {
    let uri: Uri = url.parse().ok()?;
    let host = uri.host()?;
    if ip(host).is_some() {
        return None;
    }
    let (first, rest) = host.split_once('.')?;
    if rest.is_empty() { None } else { Login::parse(first).ok() }
}

/// Whether a URL's host is `localhost` or a name under it.
pub fn names_localhost(url: &str) -> bool {
    url.parse::<Uri>().is_ok_and(|uri| uri.host().is_some_and(is_localhost))
}

/// Whether a host is this machine, by name or address.
pub(crate) fn is_loopback(host: &str) -> bool {
    is_localhost(host) || ip(host).is_some_and(|ip| ip.is_loopback())
}

/// Whether a host is `localhost` or a name under it; many system resolvers do not know the latter.
pub(crate) fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

fn ip(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_and_without_api() {
        for text in
            ["http://shop.localhost:8080", "http://shop.localhost:8080/", "http://shop.localhost:8080/api/"]
        {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.base, "http://shop.localhost:8080/api/");
            assert_eq!(address.authority, "shop.localhost:8080");
            assert!(address.is_loopback);
        }
        assert!(!Address::parse("https://shop.example").unwrap().is_loopback);
        assert!(Address::parse("https://[::1]:8443").unwrap().is_loopback);
        assert!(!Address::parse("https://notlocalhost/").unwrap().is_loopback);
    }

    #[test]
    fn addresses_that_are_refused() {
        for text in [
            "",
            "shop.localhost:8080",
            "ftp://shop.example",
            "http://",
            "http://me:secret@shop.example",
            "http://shop.example/api/GetBills",
            "http://shop.example/?x=1",
            "/api",
            "http://shop.localhost:99999",
            "http://[::1]:x",
        ] {
            assert!(Address::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn localhost_is_known_by_name() {
        assert!(names_localhost("http://Shop.localhost:8080/api/") && names_localhost("https://localhost"));
        assert!(!names_localhost("http://127.0.0.1") && !names_localhost("http://localhost.example"));
    }

    #[test]
    fn the_first_label_is_the_login() {
        assert_eq!(login_in("http://Shop.localhost:8080").unwrap().as_str(), "shop");
        for url in ["http://127.0.0.1:8080", "http://[::1]/", "http://localhost", "http://localhost.", "x"] {
            assert_eq!(login_in(url), None, "{url}");
        }
    }
}
