//! Fuzz checks of a request's head (`cargo xtask fuzz`), and short tests that run them.

#![expect(clippy::expect_used, clippy::panic, reason = "what is checked for a test fails by panicking")]

use std::{net::IpAddr, sync::LazyLock};

use http::{HeaderMap, HeaderValue, Request, Uri, Version, header};
use ipnet::IpNet;

use crate::{
    gate::{
        caller,
        host::{self, Host},
    },
    methods::{self, Methods},
    pages::{docs::Reference, order::OrderLink},
};

/// The data's lines are a request's target, its `Host`, and then `X-Forwarded-For` headers.
///
/// Letter case, port and final dot must not change a host's normal form. Target and `Host` must agree, or be
/// refused. The caller is the peer, or an address from a trusted proxy. A path leads to exactly one thing.
pub fn host(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let (target, named) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    for text in [target, named] {
        if let Ok(text) = std::str::from_utf8(text) {
            one_form(text);
        }
    }
    if let Ok(uri) = Uri::try_from(target) {
        agreement(&uri, named);
        one_thing(uri.path());
    }
    one_caller(lines);
}

fn text(host: &Host<'_>) -> String {
    match host {
        Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
        Host::Address(address) => address.to_string(),
        Host::Name(name) => name.to_string(),
    }
}

fn one_form(sent: &str) {
    let Ok(Some(host)) = host::parse(sent) else { return };
    let same = |other: &str| assert_eq!(host::parse(other), Ok(Some(host.clone())), "{sent:?} and {other:?}");
    let form = text(&host);
    same(&form);
    same(&format!("{form}:8080"));
    same(&sent.to_ascii_uppercase());
    if let Host::Name(name) = &host {
        assert!(!name.ends_with('.') && !name.bytes().any(|byte| byte.is_ascii_uppercase()), "{name:?}");
        assert_eq!(host::name(&form), Some(form.clone()));
        same(&format!("{form}."));
    }
}

fn agreement(uri: &Uri, named: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(named) else { return };
    let header =
        value.to_str().map_err(|_| host::BadHost).and_then(host::parse).map(|host| host.as_ref().map(text));
    for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2] {
        let request =
            Request::builder().uri(uri.clone()).version(version).header(header::HOST, value.clone());
        let (head, ()) = request.body(()).expect("its parts are right").into_parts();
        let found = host::of_request(&head).map(|host| host.as_ref().map(text));
        match (uri.host(), &found) {
            // The result is the header's host, if it has one. The same holds for the target.
            (None, _) if header == Ok(None) => assert_eq!(found.is_ok(), version == Version::HTTP_10),
            (None, _) => assert_eq!(found, header),
            (Some(_), Ok(_)) => assert!(header == Ok(None) || header == found, "{header:?} and {found:?}"),
            (Some(_), Err(_)) => {}
        }
    }
}

fn one_thing(path: &str) {
    static METHODS: LazyLock<Methods> = LazyLock::new(methods::table);
    let is_method = METHODS.name_of(path).is_some();
    let is_reference = Reference::at(path).is_some();
    let is_order = OrderLink::at(path).is_some();
    assert!(u8::from(is_method) + u8::from(is_reference) + u8::from(is_order) <= 1, "{path:?}");
    if is_order {
        let words: Vec<_> = path.split('/').collect();
        let ["", "bill", number, token] = *words else { panic!("{path:?}") };
        assert!(number.parse::<i64>().is_ok_and(|id| id > 0 && id.to_string() == number), "{path:?}");
        assert!(u128::from_str_radix(token, 16).is_ok() && token.len() == 32, "{path:?}");
    }
}

fn one_caller<'a>(lines: impl Iterator<Item = &'a [u8]>) {
    let trusted: [IpNet; 2] = ["10.0.0.0/8", "fd00::/8"].map(|net| net.parse().expect("a network"));
    let mut headers = HeaderMap::new();
    let mut hops = Vec::new();
    for value in lines.filter_map(|line| HeaderValue::from_bytes(line).ok()).take(16) {
        hops.extend(String::from_utf8_lossy(value.as_bytes()).split(',').map(|hop| hop.trim().to_owned()));
        headers.append("x-forwarded-for", value);
    }
    let [stranger, proxy]: [IpAddr; 2] =
        ["192.0.2.1", "10.0.0.1"].map(|peer| peer.parse().expect("an address"));
    assert_eq!(caller::address(stranger, &headers, &trusted), stranger);
    let caller = caller::address(proxy, &headers, &trusted);
    assert_eq!(caller, caller.to_canonical());
    let mut hops_of_all = hops.iter();
    assert!(
        caller == proxy
            || hops_of_all.any(|hop| {
                let address = |text: &str| text.parse::<IpAddr>().ok().map(|address| address.to_canonical());
                let bare = hop.trim_start_matches('[').split([']']).next().unwrap_or_default();
                let without_port = hop.rsplit_once(':').map_or("", |(address, _)| address);
                [hop.as_str(), bare, without_port]
                    .into_iter()
                    .filter_map(address)
                    .any(|address| address == caller)
            }),
        "{caller} is none of {hops:?}"
    );
}

#[cfg(test)]
mod tests {
    #[test]
    fn heads() {
        billhook_test_kit::replay("host", super::host);
    }
}
