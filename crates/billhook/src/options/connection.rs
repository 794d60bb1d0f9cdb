//! Which server a command calls, as whom, and how careful it is.

use std::{path::PathBuf, time::Duration};

use billhook_client::{Client, Error, Options, login_in};
use billhook_wire::{Login, method::WAIT_MAX};
use clap::{ArgMatches, Args};

use crate::{
    failure::Failure,
    options::{secret::KeyOption, time::seconds},
};

/// The options of commands that call a server.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// The service's address, without the method: scheme, host, port
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) url: String,
    /// The account's login [default: the first part of the URL's host name]
    #[arg(long, value_name = "LOGIN", value_parser = Login::parse)]
    login: Option<Login>,
    #[command(flatten)]
    key: KeyOption,
    /// Refuse an answer whose whole body is not signed (Billhook-Signature)
    #[arg(long)]
    require_signature: bool,
    /// How old a signature of the body may be
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    max_signature_age: Duration,
    /// Take any TLS certificate: for trials
    #[arg(long)]
    insecure: bool,
    /// The only TLS certificates to trust (PEM), in place of the public ones
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// How long the call may take in all
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    timeout: Duration,
    /// How long connecting may take
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    connect_timeout: Duration,
}

impl Connection {
    /// For how many seconds a server may wait for news: its answer has to come before the client gives up.
    pub(crate) fn wait(&self) -> u32 {
        u32::try_from(self.timeout.as_secs() / 2).unwrap_or(WAIT_MAX).min(WAIT_MAX)
    }

    /// A client; nothing is sent yet.
    pub(crate) fn client(self, sources: &ArgMatches) -> Result<Client, Failure> {
        let login = self
            .login
            .or_else(|| login_in(&self.url))
            .ok_or_else(|| Failure::usage(format!("{} names no login: give --login LOGIN", self.url)))?;
        let key = self.key.require(sources)?;
        let options = Options {
            connect_timeout: self.connect_timeout,
            timeout: self.timeout,
            require_signature: self.require_signature,
            max_signature_age: self.max_signature_age,
            insecure: self.insecure,
            ca_file: self.ca_file,
            ..Options::new(self.url, login, key)
        };
        Client::new(options).map_err(|error| match error {
            Error::Url { .. } => Failure::usage(error),
            other => Failure::failed(other),
        })
    }
}
