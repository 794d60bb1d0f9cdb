//! Which addresses deliveries may go to: sellers choose the URLs, and must not reach the operator's own network.
//!
//! Names are resolved here, and a connection is made to an address that was checked, never to a name.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    vec,
};

use hyper_util::client::legacy::connect::dns::Name;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use tower_service::Service;

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const fn v6(a: u16, b: u16, c: u16, bits: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), bits)
}

/// What IANA's registry of special IPv4 addresses holds, and the metadata service of one provider outside it.
const SPECIAL_V4: [Ipv4Net; 16] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(168, 63, 129, 16, 32),
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
];
/// The only IPv6 network whose addresses are given to hosts of the Internet.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);
/// What is special in it: protocols (Teredo among them), documentation twice, and 6to4.
const SPECIAL_V6: [Ipv6Net; 4] =
    [v6(0x2001, 0, 0, 23), v6(0x2001, 0xdb8, 0, 32), v6(0x2002, 0, 0, 16), v6(0x3fff, 0, 0, 20)];
/// IPv4 addresses as networks without IPv4 write them (NAT64).
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);

/// An address that deliveries may not go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the address {0} is not public; allow it with --webhook-allow-net")]
pub(super) struct NotPublic(IpAddr);

/// The networks that the operator allows besides public addresses.
#[derive(Debug, Clone)]
pub(super) struct Reach(Arc<[IpNet]>);

impl Reach {
    pub(super) fn new(allowed: &[IpNet]) -> Self {
        Self(allowed.into())
    }

    /// Fails for an address that is neither public nor allowed.
    pub(super) fn check(&self, address: IpAddr) -> Result<(), NotPublic> {
        let reached = reached(address);
        let is_allowed = self.0.iter().any(|net| net.contains(&address) || net.contains(&reached));
        if is_allowed || is_public(reached) { Ok(()) } else { Err(NotPublic(address)) }
    }
}

/// The address that packets to this one get to.
fn reached(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if NAT64.contains(&v6) => {
            let [.., a, b, c, d] = v6.octets();
            Ipv4Addr::new(a, b, c, d).into()
        }
        other => other,
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|net| net.contains(&address)),
        IpAddr::V6(address) => {
            GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|net| net.contains(&address))
        }
    }
}

/// Why a name leads nowhere.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unresolved {
    #[error("the host's name was not found")]
    NotFound,
    #[error(transparent)]
    NotPublic(#[from] NotPublic),
}

/// Resolves names to those of their addresses that may be reached.
#[derive(Clone)]
pub(super) struct Resolver(pub(super) Reach);

impl fmt::Debug for Resolver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Resolver")
    }
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = Unresolved;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Unresolved>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unresolved>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let reach = self.0.clone();
        Box::pin(async move {
            // The connector puts the port in.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            allowed(&reach, found.map_err(|_| Unresolved::NotFound)?)
        })
    }
}

fn allowed(
    reach: &Reach,
    found: impl Iterator<Item = SocketAddr>,
) -> Result<vec::IntoIter<SocketAddr>, Unresolved> {
    let mut refused = None;
    let allowed: Vec<_> = found
        .filter(|address| match reach.check(address.ip()) {
            Ok(()) => true,
            Err(not_public) => {
                refused.get_or_insert(not_public);
                false
            }
        })
        .collect();
    match refused {
        Some(not_public) if allowed.is_empty() => Err(not_public.into()),
        None if allowed.is_empty() => Err(Unresolved::NotFound),
        _ => Ok(allowed.into_iter()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reach: &Reach, address: &str) -> Result<(), NotPublic> {
        reach.check(address.parse().unwrap())
    }

    const SPECIAL: &str = "
        0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.9.9.9 168.63.129.16 169.254.169.254
        172.16.0.1 172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.7
        203.0.113.7 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255
        :: ::1 ::7f00:1 ::808:808 ::ffff:10.0.0.1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1
        64:ff9b::a9fe:a9fe 64:ff9b:1::808:808 100::1 2001::1 2001:0:53aa:64c:0:fbff:80ff:fffe 2001:10::1
        2001:20::1 2001:db8::1 2002:7f00:1:: 2002:808:808::1 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1
        fec0::1 ff02::1 4000::1";
    const PUBLIC: &str = "
        1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 192.0.1.1 198.20.0.1 223.255.255.255
        2606:4700::1111 2a00:1450::1 2001:200::1 2001:4860:4860::8888 ::ffff:8.8.8.8 64:ff9b::808:808";

    #[test]
    fn only_public_addresses_are_reached() {
        let reach = Reach::new(&[]);
        for address in SPECIAL.split_whitespace() {
            assert_eq!(check(&reach, address), Err(NotPublic(address.parse().unwrap())), "{address}");
        }
        for address in PUBLIC.split_whitespace() {
            assert_eq!(check(&reach, address), Ok(()), "{address}");
        }
    }

    #[test]
    fn networks_of_the_operator_are_reached_too() {
        let reach = Reach::new(&["127.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        for address in ["127.0.0.1", "127.1.2.3", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fd12::1"] {
            assert_eq!(check(&reach, address), Ok(()), "{address}");
        }
        for address in ["10.0.0.1", "::1", "fc00::1", "169.254.169.254"] {
            assert!(check(&reach, address).is_err(), "{address}");
        }
    }

    #[test]
    fn of_a_name_only_the_public_addresses_are_used() {
        let reach = Reach::new(&[]);
        let of = |addresses: &[&str]| {
            let found = addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0));
            allowed(&reach, found).map(|allowed| allowed.map(|address| address.ip().to_string()).collect())
        };
        let used: Vec<String> = of(&["10.0.0.1", "1.1.1.1", "::1"]).unwrap();
        assert_eq!(used, ["1.1.1.1"]);
        let refused = of(&["10.0.0.1", "127.0.0.1"]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the address 10.0.0.1 is not public; allow it with --webhook-allow-net"
        );
        assert!(matches!(of(&[]), Err(Unresolved::NotFound)));
    }

    #[tokio::test]
    async fn names_are_resolved_and_checked() {
        let name = || "localhost".parse().unwrap();
        let refused = Resolver(Reach::new(&[])).call(name()).await;
        assert!(matches!(refused, Err(Unresolved::NotPublic(_))), "{refused:?}");
        let allowed = [IpNet::from(v4(127, 0, 0, 0, 8)), IpNet::from(Ipv6Net::from(Ipv6Addr::LOCALHOST))];
        assert!(Resolver(Reach::new(&allowed)).call(name()).await.is_ok());
        let unknown = Resolver(Reach::new(&[])).call("no-such-host.invalid".parse().unwrap()).await;
        assert!(matches!(unknown, Err(Unresolved::NotFound)), "{unknown:?}");
    }
}
