//! Why the server can't start, in one line that says how to mend it.

use std::{io, net::SocketAddr, path::PathBuf};

use billhook_store as store;

/// Why the server can't start, or can't load a new certificate.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Neither HTTP nor HTTPS has an address.
    #[error("there is no address to serve: give one with --listen or --tls-listen")]
    NoAddress,
    /// An address can't be bound.
    #[error("cannot listen on {address}: {}", listen_problem(source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// A text is no domain.
    #[error("{domain:?} is no domain: give a host name such as justclick.ru, without scheme and port")]
    Domain {
        /// The text.
        domain: String,
    },
    /// A certificate or its key can't be used.
    #[error("cannot use {}: {problem}", file.display())]
    Certificate {
        /// The file.
        file: PathBuf,
        /// The problem, and how to mend it.
        problem: String,
    },
    /// A certificate can't be generated.
    #[error("cannot make a certificate: {0}; give one with --tls-cert and --tls-key")]
    SelfSigned(String),
    /// The system refuses another thread.
    #[error("cannot start a thread: {0}; raise the limit on processes (ulimit -u)")]
    Thread(io::Error),
    /// The accounts can't be read.
    #[error(transparent)]
    Store(#[from] store::Error),
}

fn listen_problem(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there; stop it, or choose another port (0 lets the system pick)"
                .to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "this user may not use the port; choose one from 1024 up, or grant CAP_NET_BIND_SERVICE"
                .to_owned()
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine does not have the address; choose one that it has".to_owned()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_port_says_what_to_do() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let source = std::net::TcpListener::bind(address).unwrap_err();
        assert_eq!(
            StartError::Listen { address, source }.to_string(),
            format!(
                "cannot listen on {address}: another program listens there; stop it, or choose another port (0 lets the system pick)"
            )
        );
    }
}
