//! `billhook serve`: starts a server from its options, and stops it in order.

mod open_files;
mod options;
mod signals;

use std::{io::Write as _, net::SocketAddr, time::Duration};

use billhook_server::{Addresses, Server};
use billhook_store::{Store, accounts, accounts::Account};

pub(crate) use options::Arguments;

use crate::{
    commands::demo,
    failure::Failure,
    options::everywhere::{Everywhere, LogFormat, LogLevel},
    terminal::output::stdout,
    transfer::export,
};

impl Arguments {
    /// Serves until a signal stops it.
    pub(crate) fn run(self, everywhere: &Everywhere) -> Result<(), Failure> {
        let is_demo = self.demo;
        let mut options = self.into_options()?;
        options.access_log = access_log(everywhere);
        options.export = Some(export::for_cabinet);
        if outside(&options).is_some() {
            // For accounts that are added later. Those that exist are checked below, before the start.
            options.refused_key = Some(demo::public_key()?);
        }
        let location = everywhere.store.location()?;
        let _serving = location.lock_for_serving()?;
        let store = Store::open_to_serve(&location)?;
        let accounts = store.read(accounts::list)?;
        let public = accounts.iter().find(|account| demo::has_public_key(account));
        let will_be_public = is_demo && accounts.is_empty();
        if let Some(login) =
            public.map(|account| account.login.as_str()).or(will_be_public.then_some(demo::LOGIN))
        {
            keep_public_key_at_home(&options, login)?;
        }
        let accounts = if is_demo { demo::fill(&store, &location)? } else { accounts };
        let demo_path = if is_demo { demo::login_path(&store)? } else { None };
        open_files::allow(options.max_connections);

        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::failed(format!("cannot start the threads of the server: {error}")))?;
        let domains = options.domains.clone();
        let served = runtime.block_on(async {
            let server = Server::bind(options, store).await.map_err(Failure::failed)?;
            let stop = signals::until_stopped(server.tls_reloader())?;
            announce(&server.addresses(), &domains, &accounts, demo_path.as_deref(), everywhere)?;
            server.run(stop).await.map_err(Failure::from)
        });
        // Nobody waits for whatever still runs now.
        runtime.shutdown_timeout(Duration::from_secs(1));
        served
    }
}

/// The first listening address that other machines can reach.
fn outside(options: &billhook_server::Options) -> Option<SocketAddr> {
    let https = options.tls.as_ref().map(|tls| tls.listen);
    let mut addresses = options.listen.iter().copied().chain(https);
    addresses.find(|address| !address.ip().to_canonical().is_loopback())
}

/// The access log, if the level is info or higher. It has the log's format.
fn access_log(everywhere: &Everywhere) -> Option<billhook_server::LogFormat> {
    if matches!(everywhere.log_level, Some(LogLevel::Error | LogLevel::Warn)) {
        return None;
    }
    Some(match everywhere.log_format {
        LogFormat::Text => billhook_server::LogFormat::Text,
        LogFormat::Json => billhook_server::LogFormat::Json,
    })
}

/// Refuses to serve the demo's key to other machines: the key is published (decision 73).
fn keep_public_key_at_home(options: &billhook_server::Options, login: &str) -> Result<(), Failure> {
    match outside(options) {
        None => Ok(()),
        Some(address) => Err(Failure::failed(format!(
            "the account {login} has the public key of the demo, so {address} is not served: \
             listen on 127.0.0.1 only, change the key with `billhook account rotate-key {login}`, \
             or name another folder with --data, without --demo"
        ))),
    }
}

/// Prints the listening addresses and the next step. If standard output is closed, the server goes on.
fn announce(
    addresses: &Addresses,
    domains: &[String],
    accounts: &[Account],
    demo_path: Option<&str>,
    everywhere: &Everywhere,
) -> Result<(), Failure> {
    let mut lines: Vec<String> =
        addresses.http.iter().map(|address| format!("listening on http://{address}")).collect();
    lines.extend(addresses.https.map(|address| format!("listening on https://{address}")));
    lines.extend(addresses.admin.map(|address| format!("admin on http://{address}")));
    if accounts.is_empty() {
        lines.push(format!(
            "there is no account yet; the next command: billhook account add{} LOGIN",
            everywhere.store.flag()
        ));
    }
    if let (Some(account), Some(address)) = (accounts.first(), addresses.http.first()) {
        let url = account_url(account.login.as_str(), *address, domains);
        lines.push(format!(
            "in a browser: the cabinet at {url}/cabinet, the reference of the API at {url}/docs"
        ));
    }
    if let (Some(path), Some(address)) = (demo_path, addresses.http.first()) {
        let url = account_url(demo::LOGIN, *address, domains);
        lines.extend(demo::greeting(accounts, &url));
        lines.push(format!("its cabinet, once within 15 minutes: {url}{path}"));
        match everywhere.store.flag() {
            flag if flag.is_empty() => {}
            flag => lines.push(format!("other commands find the demo's orders with{flag}")),
        }
    }
    lines.push(String::new());
    let mut out = stdout();
    match out.write_all(lines.join("\n").as_bytes()).and_then(|()| out.flush()).map_err(Failure::from) {
        Err(Failure::OutputClosed) => Ok(()),
        done => done,
    }
}

/// A URL of the demo for curl, which resolves `*.localhost`. Under another domain the IP address will do,
/// since there is only one account.
fn account_url(login: &str, address: SocketAddr, domains: &[String]) -> String {
    let ip = address.ip();
    let is_localhost =
        ip == SocketAddr::from(([127, 0, 0, 1], 0)).ip() || ip == std::net::Ipv6Addr::LOCALHOST;
    match domains.iter().find(|domain| *domain == "localhost" || domain.ends_with(".localhost")) {
        Some(domain) if is_localhost => format!("http://{login}.{domain}:{}", address.port()),
        _ => format!("http://{address}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_is_called_by_name_where_curl_knows_it() {
        let local = "127.0.0.1:8080".parse().unwrap();
        assert_eq!(
            account_url(demo::LOGIN, local, &["localhost".to_owned()]),
            "http://username.localhost:8080"
        );
        assert_eq!(account_url(demo::LOGIN, local, &["justclick.ru".to_owned()]), "http://127.0.0.1:8080");
        assert_eq!(
            account_url(demo::LOGIN, "127.0.0.2:80".parse().unwrap(), &["localhost".to_owned()]),
            "http://127.0.0.2:80"
        );
        assert_eq!(
            account_url(demo::LOGIN, "[::1]:80".parse().unwrap(), &["a.localhost".to_owned()]),
            "http://username.a.localhost:80"
        );
    }
}
