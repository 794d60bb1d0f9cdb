//! Tries every known mistake until one gives the hash that was sent.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1251;
use subtle::ConstantTimeEq;

use super::Mistake;
use crate::{
    Form, Key, Login, Request,
    form::{self, Array, Value},
    query,
    signature::{self, RequestHash},
};

/// One or two mistakes that explain `sent`. `lists` is [`query_with_lists`] of a multipart body.
pub(super) fn mistakes(
    request: &Request<'_>,
    lists: Option<&[u8]>,
    login: &Login,
    key: &Key,
    sent: &[u8],
) -> Vec<Mistake> {
    let trimmed = sent.trim_ascii();
    if key.matches(trimmed) {
        return vec![Mistake::KeyAsHash];
    }
    let sent_lower = trimmed.to_ascii_lowercase();
    let odd_spelling = if trimmed != sent {
        Some(Mistake::HashSpaces)
    } else if sent_lower != sent {
        Some(Mistake::UpperCaseHash)
    } else {
        None
    };
    let search = Search { login: login.as_str(), key: key.reveal(), sent: &sent_lower };
    let encoded = request.encoded_query();
    let mut right: Vec<Vec<u8>> = request.raw_query().into_iter().collect();
    if right.first() != Some(&encoded) {
        right.push(encoded);
    }
    if odd_spelling.is_some() && right.iter().any(|query| search.fits(query, search.login, search.key)) {
        return odd_spelling.into_iter().collect();
    }
    let mut found: Vec<_> = right.iter().find_map(|query| search.other_secret(query)).into_iter().collect();
    if found.is_empty() {
        let mut wrong = wrong_queries(request, &right);
        wrong.extend(lists.map(|query| (Mistake::MultipartList, query.to_vec())));
        let plain = wrong.iter().find(|(_, query)| search.fits(query, search.login, search.key));
        found.extend(plain.map(|(mistake, _)| *mistake));
        if found.is_empty() {
            let pair = wrong.iter().find_map(|(mistake, query)| Some([*mistake, search.other_key(query)?]));
            found.extend(pair.into_iter().flatten());
        }
    }
    if found.len() == 1 {
        found.extend(odd_spelling);
    }
    found
}

/// The text that was signed if several fields with one name were a list.
pub(super) fn query_with_lists(content_type: &[u8], body: &[u8]) -> Vec<u8> {
    let mut fields = Form::multipart_with_lists(content_type, body);
    fields.remove(&"hash".into());
    built(&fields)
}

struct Search<'s> {
    login: &'s str,
    key: &'s str,
    sent: &'s [u8],
}

impl Search<'_> {
    fn is_sent(&self, hash: &[u8]) -> bool {
        hash.ct_eq(self.sent).into()
    }

    fn fits(&self, query: &[u8], login: &str, key: &str) -> bool {
        self.is_sent(&RequestHash::new([query], login.as_bytes()).with_key(key.as_bytes()))
    }

    /// Whether the right query was hashed with another login, another key, or in another way.
    fn other_secret(&self, query: &[u8]) -> Option<Mistake> {
        let Self { login, key, .. } = *self;
        if let Some(mistake) = self.other_key(query) {
            return Some(mistake);
        }
        if self.fits(query, key, login) {
            return Some(Mistake::Swapped);
        }
        for (mistake, login) in other_logins(login) {
            let hash = RequestHash::new([query], login.as_bytes());
            if self.is_sent(&hash.with_key(key.as_bytes())) {
                return Some(mistake);
            }
            if mistake == Mistake::LoginSpaces
                && spaced(key).any(|key| self.is_sent(&hash.with_key(key.as_bytes())))
            {
                return Some(mistake);
            }
        }
        self.other_digest(query)
    }

    fn other_key(&self, query: &[u8]) -> Option<Mistake> {
        let hash = RequestHash::new([query], self.login.as_bytes());
        let spaced = spaced(self.key).map(|key| (Mistake::KeySpaces, key));
        let cases =
            [self.key.to_ascii_lowercase(), self.key.to_ascii_uppercase()].map(|key| (Mistake::KeyCase, key));
        let empty = [(Mistake::EmptyKey, String::new())];
        let mut keys = spaced.chain(cases).chain(empty);
        keys.find(|(_, key)| self.is_sent(&hash.with_key(key.as_bytes()))).map(|(mistake, _)| mistake)
    }

    fn other_digest(&self, query: &[u8]) -> Option<Mistake> {
        let (login, key) = (self.login.as_bytes(), self.key.as_bytes());
        for separator in ["", ":", "&", "."] {
            let separator = separator.as_bytes();
            if self.is_sent(&signature::md5_hex([query, separator, login, separator, key])) {
                return Some(Mistake::Separators);
            }
        }
        let text = [query, b"::", login, b"::", key];
        if self.is_sent(&signature::sha256_hex(text)) {
            return Some(Mistake::Sha256);
        }
        for parts in 1..=text.len() {
            let text = || text.iter().take(parts);
            if self.is_sent(&signature::hmac_md5_hex(key, text())) {
                return Some(Mistake::HmacMd5);
            }
            if self.is_sent(&signature::hmac_sha256_hex(key, text())) {
                return Some(Mistake::HmacSha256);
            }
        }
        None
    }
}

/// A word with the white space that settings files and forms are known to add.
fn spaced(word: &str) -> impl Iterator<Item = String> + '_ {
    [("", " "), (" ", ""), (" ", " "), ("", "\n"), ("", "\r\n"), ("", "\t"), ("\t", ""), ("\n", "")]
        .into_iter()
        .map(move |(before, after)| format!("{before}{word}{after}"))
}

fn other_logins(login: &str) -> impl Iterator<Item = (Mistake, String)> + '_ {
    let mut capital = login.to_owned();
    if let Some(first) = capital.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let cases = [capital, login.to_ascii_uppercase()].map(|login| (Mistake::LoginCase, login));
    let hosts = ["justclick.ru", "justclick.io", "influencersoft.com", "expertam.ru", "localhost"];
    let hosts = hosts.into_iter().flat_map(move |domain| {
        ["", "http://", "https://"].map(|scheme| (Mistake::LoginHost, format!("{scheme}{login}.{domain}")))
    });
    let empty = [(Mistake::EmptyLogin, String::new())];
    spaced(login).map(|login| (Mistake::LoginSpaces, login)).chain(cases).chain(hosts).chain(empty)
}

/// Queries that may have been signed by mistake; `right` are the correct ones.
fn wrong_queries(request: &Request<'_>, right: &[Vec<u8>]) -> Vec<(Mistake, Vec<u8>)> {
    let mut fields = request.form().fields().clone();
    fields.remove(&"hash".into());
    let pairs = literal_pairs(&fields);
    let mut wrong = Vec::new();
    wrong.push((Mistake::Sorted, built(&sorted(&fields))));
    let mut by_name: Vec<_> = pairs.iter().collect();
    by_name.sort_by(|one, other| one.0.cmp(&other.0));
    wrong.push((Mistake::Sorted, joined(by_name, query::encode)));
    wrong.extend(ESCAPES.map(|(mistake, escape)| (mistake, joined(&pairs, escape))));
    wrong.extend(request.without_last_hash().map(|query| (Mistake::HashIncluded, query)));
    for query in right {
        let joint = if query.is_empty() { b"".as_slice() } else { b"&" };
        wrong.push((Mistake::HashIncluded, [query, joint, b"hash="].concat()));
        wrong.push((
            Mistake::HtmlSeparator,
            query.split(|byte| *byte == b'&').collect::<Vec<_>>().join(b"&amp;".as_slice()),
        ));
    }
    if fields.get(b"rpsKey").is_some() {
        let mut fewer = fields.clone();
        fewer.remove(&"rpsKey".into());
        wrong.push((Mistake::KeyNotCovered, built(&fewer)));
    }
    wrong.push((Mistake::NothingCovered, Vec::new()));
    for convert in [to_cp1251 as fn(&[u8]) -> Option<Vec<u8>>, from_cp1251] {
        let converted: Option<Vec<_>> =
            pairs.iter().map(|(name, value)| Some((convert(name)?, convert(value)?))).collect();
        wrong.extend(converted.map(|pairs| (Mistake::Cp1251, joined(&pairs, query::encode))));
    }
    if request.content() == crate::request::Content::Multipart {
        let given = pairs.iter().filter(|(_, value)| !value.is_empty());
        wrong.push((Mistake::MultipartEmpty, joined(given, query::encode)));
        let as_zero = pairs.iter().map(|(name, value)| {
            (name.clone(), if value.is_empty() { b"0".to_vec() } else { value.clone() })
        });
        wrong.push((Mistake::MultipartEmpty, joined(&as_zero.collect::<Vec<_>>(), query::encode)));
    }
    wrong
}

type Escape = fn(&[u8], &mut Vec<u8>);

/// Other encodings of names and values.
const ESCAPES: [(Mistake, Escape); 6] = [
    (Mistake::PercentSpace, |text, out| escape(text, b"-._~", out)),
    (Mistake::PercentSpace, |text, out| escape(text, b"-._", out)),
    (Mistake::PercentSpace, |text, out| escape(text, b"-._~!*'()", out)),
    (Mistake::LowerCaseEscapes, |text, out| {
        let mut upper = Vec::new();
        query::encode(text, &mut upper);
        lower_escapes(&upper, out);
    }),
    (Mistake::BareBrackets, |text, out| {
        for part in text.split_inclusive(|byte| matches!(byte, b'[' | b']')) {
            let (plain, bracket) = match part.split_last() {
                Some((bracket @ (b'[' | b']'), plain)) => (plain, Some(*bracket)),
                _ => (part, None),
            };
            query::encode(plain, out);
            out.extend(bracket);
        }
    }),
    (Mistake::NotEncoded, |text, out| out.extend_from_slice(text)),
];

fn escape(text: &[u8], plain: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        if byte.is_ascii_alphanumeric() || plain.contains(byte) {
            out.push(*byte);
        } else {
            out.extend(format!("%{byte:02X}").bytes());
        }
    }
}

fn lower_escapes(escaped: &[u8], out: &mut Vec<u8>) {
    let mut digits = 0;
    for byte in escaped {
        out.push(if digits > 0 { byte.to_ascii_lowercase() } else { *byte });
        digits = if *byte == b'%' { 2_u8 } else { digits.saturating_sub(1) };
    }
}

/// The variables as literal names, such as `rid[0]`, and values, without encoding.
fn literal_pairs(fields: &Array<'_>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let encoded = built(fields);
    let pairs = encoded.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let mut halves = pair.splitn(2, |byte| *byte == b'=').map(|half| form::decode(half).into_owned());
            (halves.next().unwrap_or_default(), halves.next().unwrap_or_default())
        })
        .collect()
}

fn built(fields: &Array<'_>) -> Vec<u8> {
    let mut query = Vec::new();
    query::build(fields, &mut query);
    query
}

fn joined<'p>(
    pairs: impl IntoIterator<Item = &'p (Vec<u8>, Vec<u8>)>,
    escape: impl Fn(&[u8], &mut Vec<u8>),
) -> Vec<u8> {
    let mut query = Vec::new();
    for (name, value) in pairs {
        if !query.is_empty() {
            query.push(b'&');
        }
        escape(name, &mut query);
        query.push(b'=');
        escape(value, &mut query);
    }
    query
}

/// Sorted like `ksort`: the outermost keys only.
fn sorted<'a>(fields: &Array<'a>) -> Array<'a> {
    let mut entries: Vec<_> = fields.iter().collect();
    entries.sort_by_cached_key(|(key, _)| key.to_string());
    entries.into_iter().map(|(key, value)| (key.clone(), Value::clone(value))).collect()
}

/// UTF-8 text in windows-1251; `None` if that is impossible.
fn to_cp1251(text: &[u8]) -> Option<Vec<u8>> {
    let (bytes, _, has_errors) = WINDOWS_1251.encode(std::str::from_utf8(text).ok()?);
    (!has_errors).then(|| bytes.into_owned())
}

/// Text in windows-1251 as UTF-8.
fn from_cp1251(text: &[u8]) -> Option<Vec<u8>> {
    WINDOWS_1251
        .decode_without_bom_handling_and_without_replacement(text)
        .map(Cow::into_owned)
        .map(String::into_bytes)
}
