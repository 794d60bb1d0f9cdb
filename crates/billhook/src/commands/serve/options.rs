//! The options of `billhook serve`, and how they become the server's options.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use billhook_server::{Certificate, Options, TlsOptions};
use billhook_wire::Login;
use clap::Args;
use ipnet::IpNet;

use crate::{
    failure::Failure,
    options::{domain, time::seconds},
};

/// The default address for HTTPS.
const TLS_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8443);

/// The addresses of this machine alone.
const LOOPBACK: [IpNet; 2] = [
    IpNet::V4(ipnet::Ipv4Net::new_assert(std::net::Ipv4Addr::new(127, 0, 0, 0), 8)),
    IpNet::V6(ipnet::Ipv6Net::new_assert(std::net::Ipv6Addr::LOCALHOST, 128)),
];

/// Answer the API at LOGIN.DOMAIN
///
/// Prints each listening address before it serves. SIGTERM or SIGINT stops it: requests that have begun are
/// finished, for at most --stop-timeout. A second signal stops it at once. SIGHUP reloads the TLS
/// certificate.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  billhook serve --demo
  billhook serve --listen 127.0.0.1:8080 --domain shop.example
  billhook serve --domain shop.example --listen 0.0.0.0:80 \\
      --tls-listen 0.0.0.0:443 --tls-cert shop.pem --tls-key shop.key
  billhook serve --domain justclick.ru --tls-self-signed")]
pub(crate) struct Arguments {
    /// Where to serve HTTP; may be given several times; port 0 lets the system pick
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080", value_parser = socket_address)]
    listen: Vec<SocketAddr>,
    /// A domain under which LOGIN.DOMAIN is an account; may be given several times
    #[arg(long, value_name = "DOMAIN", default_value = "localhost", value_parser = domain::domain)]
    domain: Vec<String>,
    /// The account of requests that name an IP address or a bare domain [default: see `billhook account
    /// default`]
    #[arg(long, value_name = "LOGIN", value_parser = Login::parse)]
    default_account: Option<Login>,
    /// Fill an empty store with the documentation's account and two orders [default store: ./billhook-demo]
    #[arg(long)]
    pub(crate) demo: bool,
    /// Where to serve HTTPS [default: 127.0.0.1:8443 with a certificate, else nowhere]
    #[arg(long, value_name = "ADDR:PORT", value_parser = socket_address)]
    tls_listen: Option<SocketAddr>,
    /// The TLS certificate, followed by those that lead to its issuer (PEM)
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Make certificates at start, for trials: clients must be told not to check them
    #[arg(long)]
    tls_self_signed: bool,
    /// Where to serve /healthz, /readyz and /metrics [default: nowhere]; keep it private
    #[arg(long, value_name = "ADDR:PORT", value_parser = socket_address)]
    admin_listen: Option<SocketAddr>,
    /// A host name for the admin listener, besides addresses and localhost; may be given several times
    #[arg(long, value_name = "NAME", value_parser = domain::domain)]
    admin_host: Vec<String>,
    /// A proxy whose X-Forwarded-For and X-Forwarded-Proto are trusted; may be given several times
    #[arg(long, value_name = "CIDR", value_parser = network)]
    trusted_proxy: Vec<IpNet>,
    /// A network that events may be sent to, besides public addresses; may be given several times
    #[arg(long, value_name = "CIDR", value_parser = network)]
    webhook_allow_net: Vec<IpNet>,
    /// Certificates that receivers of events may be certified by, besides the web's (PEM)
    #[arg(long, value_name = "FILE")]
    webhook_ca: Option<PathBuf>,
    /// Let people sign in to the cabinet over plain HTTP from other machines; anybody on the way can read their passwords
    #[arg(long)]
    cabinet_over_http: bool,
    /// The longest request body, in bytes
    #[arg(long, value_name = "BYTES", default_value = "1048576", value_parser = clap::value_parser!(u32).range(1024..=1 << 30))]
    max_body: u32,
    /// The most connections at once
    #[arg(long, value_name = "N", default_value = "16384", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_connections: u32,
    /// The most connections at once from one address
    #[arg(long, value_name = "N", default_value = "1024", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_connections_per_address: u32,
    /// How long a request's head may take
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    header_timeout: Duration,
    /// How long a request's body may take
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    body_timeout: Duration,
    /// How long a connection may be idle between requests
    #[arg(long, value_name = "SECONDS", default_value = "75", value_parser = seconds)]
    idle_timeout: Duration,
    /// How long a client may go without reading any of its answer
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    write_timeout: Duration,
    /// How long requests that have begun may take after the stop
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    stop_timeout: Duration,
}

impl Arguments {
    /// The server's options. Checks what clap cannot, since values may come from the configuration file.
    pub(super) fn into_options(self) -> Result<Options, Failure> {
        let certificate = match (self.tls_cert, self.tls_key, self.tls_self_signed) {
            (None, None, false) => None,
            (None, None, true) => Some(Certificate::SelfSigned),
            (Some(cert), Some(key), false) => Some(Certificate::Files { cert, key }),
            (Some(_), Some(_), true) => {
                return Err(Failure::usage(
                    "--tls-self-signed and --tls-cert exclude each other: leave one of them out",
                ));
            }
            (Some(_), None, _) => {
                return Err(Failure::usage("--tls-cert needs --tls-key: the certificate's private key"));
            }
            (None, Some(_), _) => {
                return Err(Failure::usage("--tls-key needs --tls-cert: the certificate of that key"));
            }
        };
        if certificate.is_none() && self.tls_listen.is_some() {
            return Err(Failure::usage(
                "--tls-listen needs a certificate: give --tls-cert and --tls-key, or --tls-self-signed on a trial",
            ));
        }
        if certificate.is_none() && self.listen.is_empty() {
            return Err(Failure::usage("there is no address to listen on: give --listen ADDR:PORT"));
        }
        let listen = self.tls_listen.unwrap_or(TLS_LISTEN);
        let mut webhook_networks = self.webhook_allow_net;
        if self.demo {
            // Whoever tries it out has receivers on this machine.
            webhook_networks.extend(LOOPBACK);
        }
        Ok(Options {
            listen: self.listen,
            tls: certificate.map(|certificate| TlsOptions { listen, certificate }),
            admin_listen: self.admin_listen,
            admin_hosts: self.admin_host,
            domains: self.domain,
            default_account: self.default_account,
            refused_key: None,
            trusted_proxies: self.trusted_proxy,
            webhook_networks,
            webhook_ca: self.webhook_ca,
            cabinet_over_http: self.cabinet_over_http,
            max_body_bytes: bounded(self.max_body),
            max_connections: bounded(self.max_connections),
            max_connections_per_address: bounded(self.max_connections_per_address),
            header_timeout: self.header_timeout,
            body_timeout: self.body_timeout,
            idle_timeout: self.idle_timeout,
            write_timeout: self.write_timeout,
            access_log: None,
            export: None,
            stop_timeout: self.stop_timeout,
        })
    }
}

fn bounded(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn socket_address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "an IP address and a port are needed, such as 127.0.0.1:8080 or [::1]:8080".to_owned())
}

/// A network, or a single address.
fn network(text: &str) -> Result<IpNet, String> {
    text.parse()
        .or_else(|_| text.parse().map(|address: std::net::IpAddr| IpNet::from(address)))
        .map_err(|_| "a network is needed, such as 10.0.0.0/8, or an IP address".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parse(arguments: &[&str]) -> Result<Options, Failure> {
        let arguments = std::iter::once("serve").chain(arguments.iter().copied());
        Alone::try_parse_from(arguments).map_err(Failure::usage)?.arguments.into_options()
    }

    #[test]
    fn the_defaults_are_the_servers_own() {
        let ours = parse(&[]).unwrap();
        let expected = Options { listen: vec!["127.0.0.1:8080".parse().unwrap()], ..Options::default() };
        assert_eq!(format!("{ours:?}"), format!("{expected:?}"));
    }

    #[test]
    fn tls_is_whole_or_absent() {
        for arguments in [
            &["--tls-cert", "a"][..],
            &["--tls-key", "a"],
            &["--tls-listen", "127.0.0.1:0"],
            &["--tls-self-signed", "--tls-cert", "a", "--tls-key", "b"],
        ] {
            assert!(matches!(parse(arguments), Err(Failure::Usage(_))), "{arguments:?}");
        }
        assert_eq!(parse(&["--tls-self-signed"]).unwrap().tls.unwrap().listen, TLS_LISTEN);
        assert!(parse(&["--tls-cert", "a", "--tls-key", "b"]).unwrap().tls.is_some());
    }

    #[test]
    fn odd_values_are_refused() {
        for arguments in [
            ["--listen", "8080"],
            ["--listen", "localhost:8080"],
            ["--trusted-proxy", "proxy"],
            ["--webhook-allow-net", "lan"],
            ["--max-body", "0"],
            ["--idle-timeout", "0"],
            ["--idle-timeout", "NaN"],
            ["--domain", "http://shop.example"],
            ["--default-account", "a.b"],
        ] {
            assert!(parse(&arguments).is_err(), "{arguments:?}");
        }
        assert_eq!(parse(&["--idle-timeout", "0.5"]).unwrap().idle_timeout, Duration::from_millis(500));
        assert_eq!(parse(&["--trusted-proxy", "10.0.0.1"]).unwrap().trusted_proxies.len(), 1);
        assert_eq!(parse(&["--webhook-allow-net", "10.0.0.0/8"]).unwrap().webhook_networks.len(), 1);
        assert_eq!(parse(&["--demo"]).unwrap().webhook_networks, LOOPBACK);
    }
}
