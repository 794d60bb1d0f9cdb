//! Host names as people write them, turned into the one form that is compared.

use std::net::IpAddr;

/// A domain in lower case, without a final dot. A port, a scheme or a path is refused by name.
pub(crate) fn domain(text: &str) -> Result<String, String> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if name.contains(['/', ':', '@']) {
        return Err("give the host name alone, without scheme, port and path".to_owned());
    }
    if !name.is_ascii() {
        return Err("give the name in its ASCII form, which begins with xn--".to_owned());
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    if name.len() > 253 || !name.split('.').all(is_label) {
        return Err("a host name is made of letters, digits and hyphens, with dots between".to_owned());
    }
    if name.parse::<IpAddr>().is_ok() {
        return Err(
            "an IP address always leads to the default account (`serve --default-account`)".to_owned()
        );
    }
    Ok(name)
}

/// A domain that an account can be bound to.
pub(crate) fn bindable(text: &str) -> Result<String, String> {
    match domain(text)?.as_str() {
        "localhost" => {
            Err("localhost always leads to the default account (`serve --default-account`)".to_owned())
        }
        name => Ok(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded() {
        assert_eq!(domain("Shop.Example.").unwrap(), "shop.example");
        assert_eq!(domain("localhost").unwrap(), "localhost");
        assert_eq!(bindable("xn--e1aybc.xn--p1ai").unwrap(), "xn--e1aybc.xn--p1ai");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = "a".repeat(64);
        for text in [
            "",
            ".",
            "a..b",
            "http://shop.example",
            "shop.example:80",
            "тест.рф",
            "127.0.0.1",
            "::1",
            "a b",
            &long,
        ] {
            assert!(domain(text).is_err(), "{text:?}");
        }
        assert!(bindable("LOCALHOST.").is_err());
    }
}
