//! The caller's address, behind trusted proxies, in a normal form.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

/// The caller's address. `X-Forwarded-For` is read from right to left, up to the first address that is no
/// trusted proxy. That address's sender may have made up everything to its left.
pub(crate) fn address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut caller = peer.to_canonical();
    if !is_trusted(caller, trusted) {
        return caller;
    }
    let lines = headers.get_all("x-forwarded-for");
    for line in lines.iter().rev() {
        let Ok(line) = line.to_str() else { return caller };
        for hop in line.rsplit(',') {
            let Some(hop) = parse(hop.trim()) else { return caller };
            caller = hop;
            if !is_trusted(caller, trusted) {
                return caller;
            }
        }
    }
    caller
}

/// Whether an address is a trusted proxy.
pub(crate) fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&address))
}

/// Whether the peer is a trusted proxy that says its client used HTTPS.
pub(crate) fn came_by_https(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> bool {
    if !is_trusted(peer.to_canonical(), trusted) {
        return false;
    }
    // The last value is from the nearest proxy.
    let said = headers.get_all("x-forwarded-proto").iter().next_back();
    let said = said.and_then(|line| line.to_str().ok()?.rsplit(',').next());
    said.is_some_and(|said| said.trim().eq_ignore_ascii_case("https"))
}

/// An address as proxies write it: with or without a port, IPv6 with or without brackets.
fn parse(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse().or_else(|_| hop.parse::<SocketAddr>().map(|with_port| with_port.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_stranger_is_taken_at_its_own_address() {
        assert_eq!(seen("192.0.2.1", &[]), "192.0.2.1");
        assert_eq!(seen("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(seen("::ffff:192.0.2.1", &[]), "192.0.2.1");
    }

    #[test]
    fn the_rightmost_untrusted_hop_is_the_caller() {
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(seen("::ffff:10.0.0.1", &["1.1.1.1, 198.51.100.7 , 10.2.3.4"]), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1", "198.51.100.7", "10.9.9.9"]), "198.51.100.7");
        assert_eq!(seen("fd00::1", &["10.1.1.1, 10.2.2.2"]), "10.1.1.1");
        assert_eq!(seen("10.0.0.1", &["2001:db8::5"]), "2001:db8::5");
        assert_eq!(seen("10.0.0.1", &["[2001:db8::5]:99"]), "2001:db8::5");
        assert_eq!(seen("10.0.0.1", &["[2001:db8::5]"]), "2001:db8::5");
        assert_eq!(seen("10.0.0.1", &["198.51.100.7:1234"]), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &["::ffff:198.51.100.7"]), "198.51.100.7");
    }

    #[test]
    fn a_trusted_proxy_says_whether_it_was_https() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let https = |peer: &str, lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-proto", line.parse().unwrap());
            }
            came_by_https(peer.parse().unwrap(), &headers, &trusted)
        };
        assert!(https("10.0.0.1", &["https"]));
        assert!(https("::ffff:10.0.0.1", &["http", "http, HTTPS "]));
        for lines in [&[][..], &["http"], &["https", "http"], &["https,http"], &["https\u{e9}"]] {
            assert!(!https("10.0.0.1", lines), "{lines:?}");
        }
        assert!(!https("192.0.2.1", &["https"]));
    }

    #[test]
    fn what_cannot_be_read_ends_the_belief() {
        assert_eq!(seen("10.0.0.1", &["198.51.100.7, unknown, 10.2.2.2"]), "10.2.2.2");
        assert_eq!(seen("10.0.0.1", &["198.51.100.7, "]), "10.0.0.1");
    }
}
