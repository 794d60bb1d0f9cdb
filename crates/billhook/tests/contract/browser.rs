//! A browser without a window: it keeps cookies, and sends forms as one does from a page of the same host.

use std::cell::RefCell;

use billhook_test_kit::{http::form, until};
use serde_json::Value;

use crate::{
    program::{Answer, Billhook},
    shop::LOGIN,
};

/// A browser at one host.
pub(crate) struct Browser<'a> {
    server: &'a Billhook,
    host: String,
    cookies: RefCell<Vec<(String, String)>>,
}

impl<'a> Browser<'a> {
    /// One that has been nowhere yet.
    pub(crate) fn at(server: &'a Billhook, host: &str) -> Self {
        Self { server, host: host.to_owned(), cookies: RefCell::default() }
    }

    /// One in which the shop's first owner is signed in, by a link.
    pub(crate) fn of_owner(server: &'a Billhook) -> Self {
        Self::by_link(server, &format!("{LOGIN}.localhost"), &login_link(server, LOGIN, &[]))
    }

    /// One in which a person is signed in who may only look.
    pub(crate) fn of_reader(server: &'a Billhook) -> Self {
        server.run(&["person", "add", "reader", "--read-only", "--account", LOGIN]);
        let link = login_link(server, LOGIN, &["--person", "reader"]);
        Self::by_link(server, &format!("{LOGIN}.localhost"), &link)
    }

    /// One in which a link has signed somebody in; the server learns of a new account within a second.
    pub(crate) fn by_link(server: &'a Billhook, host: &str, link: &str) -> Self {
        let browser = Self::at(server, host);
        until(|| browser.get(link).status == 200);
        let answer = browser.post(link, &[]);
        assert_eq!(answer.status, 303, "{answer:?}");
        browser
    }

    /// Reads a page.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", "")
    }

    /// Reads a page, which has to be there; its HTML.
    #[track_caller]
    pub(crate) fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body
    }

    /// Sends a form from a page of this host.
    pub(crate) fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send("POST", path, "Sec-Fetch-Site: same-origin\r\n", &form(fields.iter().copied()))
    }

    /// Sends a form that has to be done; the page that it leads to.
    #[track_caller]
    pub(crate) fn done(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.post(path, fields);
        assert_eq!(answer.status, 303, "{path}: {answer:?}");
        self.page(answer.header("location").unwrap())
    }

    /// Sends a request with more of a head, and keeps the cookies that come back.
    pub(crate) fn send(&self, verb: &str, path: &str, head: &str, body: &str) -> Answer {
        let cookies: Vec<_> =
            self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let head = format!(
            "Host: {}\r\nUser-Agent: Test <b>\"browser\"\r\nCookie: {}\r\n{head}Content-Type: application/x-www-form-urlencoded\r\n",
            self.host,
            cookies.join("; ")
        );
        let answer = self.server.send(&format!("{verb} {path} HTTP/1.1"), &head, body.as_bytes());
        for line in answer.head.lines() {
            let Some((name, cookie)) = line.split_once(": ") else { continue };
            if name.eq_ignore_ascii_case("set-cookie") {
                let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
                self.set_cookie(name, value);
            }
        }
        answer
    }

    /// Puts a cookie in; an empty one is taken out.
    pub(crate) fn set_cookie(&self, name: &str, value: &str) {
        let mut cookies = self.cookies.borrow_mut();
        cookies.retain(|(known, _)| known != name);
        if !value.is_empty() {
            cookies.push((name.to_owned(), value.to_owned()));
        }
    }

    /// The secret of its session.
    pub(crate) fn secret(&self) -> String {
        let cookies = self.cookies.borrow();
        cookies.iter().find(|(name, _)| name.ends_with("billhook")).unwrap().1.clone()
    }
}

/// Makes a link into the cabinet; its path.
pub(crate) fn login_link(server: &Billhook, login: &str, more: &[&str]) -> String {
    let made = server.run(&[&["account", "login-link", login, "--json"], more].concat());
    let made: Value = serde_json::from_str(&made).unwrap();
    let link = made["link"].as_str().unwrap();
    link[link.find("/cabinet/").unwrap()..].to_owned()
}
