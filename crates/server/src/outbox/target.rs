//! Where a delivery goes: a URL that a seller wrote, once it is checked.

use http::Uri;
use url::Url;

const URL_BYTES_MAX: usize = 2_048;

/// Checks a URL that is to be told of events; the error says what is wrong with it.
pub fn check_webhook_url(text: &str) -> Result<(), &'static str> {
    Target::parse(text).map(drop)
}

/// A URL that can be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) uri: Uri,
    /// Host and port.
    pub(super) host: String,
}

impl Target {
    /// Checks a URL; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > URL_BYTES_MAX {
            return Err("the URL is longer than 2,048 bytes");
        }
        let mut url = Url::parse(text).map_err(|_| "not a URL")?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("the URL begins with neither http:// nor https://");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the URL has a user name or password");
        }
        url.set_fragment(None);
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err("not a URL");
        };
        let host = format!("{host}:{port}");
        let uri = url.as_str().parse().map_err(|_| "not a URL")?;
        Ok(Self { uri, host })
    }

    /// It without its query, which may hold a secret, for the log.
    pub(super) fn shown(&self) -> String {
        format!("{}{}", self.uri.authority().map_or("", |host| host.as_str()), self.uri.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_as_it_is_written() {
        let target = Target::parse("https://Shop.Example/a/b?x=1&y=%20z#part").unwrap();
        assert_eq!(target.uri, "https://shop.example/a/b?x=1&y=%20z");
        assert_eq!(target.host, "shop.example:443");
        assert_eq!(target.shown(), "shop.example/a/b");
        assert_eq!(Target::parse("http://магазин.рф").unwrap().uri, "http://xn--80aairftm.xn--p1ai/");
        assert_eq!(Target::parse("http://shop.example:81?q=а b").unwrap().uri.query(), Some("q=%D0%B0%20b"));
    }

    /// However a number is written, it is the address that is checked.
    #[test]
    fn addresses_are_seen_in_every_spelling() {
        for text in [
            "http://127.1",
            "http://2130706433/",
            "http://0x7f.0.0.1",
            "http://0177.0.0.1",
            "http://１２７.0.0.1",
        ] {
            assert_eq!(Target::parse(text).unwrap().host, "127.0.0.1:80", "{text}");
        }
        assert_eq!(Target::parse("http://[0:0::1]:81/").unwrap().host, "[::1]:81");
    }

    #[test]
    fn others_are_refused() {
        let long = format!("http://a/{}", "b".repeat(URL_BYTES_MAX));
        for (text, problem) in [
            ("", "not a URL"),
            ("shop", "not a URL"),
            ("/shop", "not a URL"),
            ("http://", "not a URL"),
            ("http://a b/", "not a URL"),
            ("http://a:99999/", "not a URL"),
            ("http://[fe80::1%25eth0]/", "not a URL"),
            ("ftp://shop.example/", "the URL begins with neither http:// nor https://"),
            ("file:///etc/passwd", "the URL begins with neither http:// nor https://"),
            ("javascript:1", "the URL begins with neither http:// nor https://"),
            ("http://anna@shop.example/", "the URL has a user name or password"),
            ("http://:pw@shop.example/", "the URL has a user name or password"),
            (&long, "the URL is longer than 2,048 bytes"),
        ] {
            assert_eq!(Target::parse(text), Err(problem), "{text}");
        }
        // What would end a header is not in the URL any more.
        let target = Target::parse("http://shop.example/a\r\nx: y").unwrap();
        assert_eq!(target.uri, "http://shop.example/ax:%20y");
    }
}
