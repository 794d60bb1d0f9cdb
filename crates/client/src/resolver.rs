//! Name resolution: `*.localhost` is this machine, other names go to the system's resolver.
//!
//! curl does the same; most systems' resolvers do not know these names.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use ureq::{
    Error,
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

use crate::address::is_localhost;

/// Maps `localhost` and the names under it to the loopback addresses.
#[derive(Debug, Default)]
pub(crate) struct LocalhostResolver(DefaultResolver);

impl Resolver for LocalhostResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        if !uri.host().is_some_and(is_localhost) {
            return self.0.resolve(uri, config, timeout).map_err(|error| match error {
                // An unknown name is an I/O error here. It must not look like a refused connection.
                Error::Io(_) => Error::HostNotFound,
                other => other,
            });
        }
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        let mut addresses = self.empty();
        addresses.push(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        addresses.push(SocketAddr::from((Ipv6Addr::LOCALHOST, port)));
        Ok(addresses)
    }
}
