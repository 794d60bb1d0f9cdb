//! Masks a signed text for people: never the key, and in a log no e-mail address.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memmem};

use crate::{Key, form};

/// A signed text's query, readable, with the key masked, and with `hide_emails` e-mail addresses too.
pub(super) fn query(query: &[u8], key: &Key, hide_emails: bool) -> String {
    let query = without_key(query, key);
    let pairs: Vec<_> =
        query.split(|byte| *byte == b'&').map(|pair| masked_pair(pair, key, hide_emails)).collect();
    pairs.join("&")
}

fn masked_pair(pair: &[u8], key: &Key, hide_emails: bool) -> String {
    let (name, value) = match memchr(b'=', pair).and_then(|at| pair.split_at_checked(at)) {
        Some((name, value)) => (name, value.get(1..)),
        None => (pair, None),
    };
    let decoded = form::decode(name);
    let variable =
        decoded.trim_ascii_start().split(|byte| matches!(byte, 0 | b'[')).next().unwrap_or_default();
    let lower = decoded.to_ascii_lowercase();
    let is_email = memmem::find(&lower, b"mail").is_some();
    // rpsKey, and other names for a key: rps_key, api_key, another account's.
    let is_key = memmem::find(&lower, b"key").is_some();
    let is_hash = has_hash_name(&lower);
    let name = masked(name, key, hide_emails, false);
    match value {
        None => name,
        Some(_) if is_key => format!("{name}=KEY"),
        Some(value) if hide_emails && (looks_secret(value, key) || (is_hash && variable != b"hash")) => {
            format!("{name}=…")
        }
        // A `hash` beyond PHP's limits is an ordinary variable.
        Some(value) if variable == b"hash" => format!("{name}={}", first_digits(&hash(value, key))),
        Some(value) => format!("{name}={}", masked(value, key, hide_emails, is_email)),
    }
}

/// A name or a value. A value that should be an e-mail address is masked even without an `@`.
fn masked(text: &[u8], key: &Key, hide_emails: bool, is_email: bool) -> String {
    let decoded = form::decode(text);
    if has_key(&decoded, key) {
        return "KEY".to_owned();
    }
    if hide_emails && looks_secret(text, key) {
        return "…".to_owned();
    }
    let has_at = decoded.contains(&b'@') || memmem::find(&decoded, b"%40").is_some();
    if !hide_emails || text.is_empty() || !(is_email || has_at) {
        return printable(text);
    }
    // Only the part before the `@` is masked; anything unusual is masked completely.
    let written = printable(text);
    let at = written.find("%40").or_else(|| written.find('@'));
    let first = written.chars().next().filter(char::is_ascii_alphanumeric);
    match at.and_then(|at| written.split_at_checked(at)) {
        Some((_, domain)) if memchr_iter(b'@', &decoded).count() == 1 => {
            format!("{}…{domain}", first.map(String::from).unwrap_or_default())
        }
        _ => "…".to_owned(),
    }
}

/// The longest text in a log, in characters.
const LOGGED_CHARACTERS: usize = 2000;

/// A text for a log, cut if it is too long.
pub(super) fn shortened(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(LOGGED_CHARACTERS) {
        text.truncate(at);
        text.push('…');
    }
    text
}

/// The sent hash in readable form; the key is masked, since some callers send it here.
pub(super) fn hash(sent: &[u8], key: &Key) -> String {
    if has_key(sent, key) { "KEY".to_owned() } else { printable(sent) }
}

/// Shorter keys are masked only if they are the whole text: they could occur anywhere by chance.
const SHORT_KEY: usize = 4;

fn has_key(text: &[u8], key: &Key) -> bool {
    let key = key.reveal().as_bytes();
    text == key || (key.len() >= SHORT_KEY && memmem::find(text, key).is_some())
}

/// Whether a parameter's lower-case name is a usual one for hashes.
fn has_hash_name(lower: &[u8]) -> bool {
    let is_signature = |part: &[u8]| matches!(part.trim_ascii(), b"sig" | b"sign" | b"signature");
    memmem::find(lower, b"hash").is_some()
        || lower.split(|byte| matches!(byte, b'[' | b']')).any(is_signature)
}

/// Pieces of a key of this many bytes are masked in a log.
const KEY_PIECE: usize = 8;

/// Whether a text may be a hash or a key, or holds a piece of the key, in any case, even encoded twice.
pub fn looks_secret(text: &[u8], key: &Key) -> bool {
    let key = key.reveal().to_ascii_lowercase();
    let piece = KEY_PIECE.min(key.len());
    let once = form::decode(text);
    let twice = form::decode(&once);
    [text, &once, &twice].into_iter().any(|text| {
        let text = text.to_ascii_lowercase();
        let digits = text.trim_ascii();
        (digits.len() == 32 && digits.iter().all(u8::is_ascii_hexdigit))
            || (key.len() >= SHORT_KEY
                && key.as_bytes().windows(piece).any(|piece| memmem::find(&text, piece).is_some()))
    })
}

/// Replaces the key by KEY before the query is split into pairs: an unencoded key may contain `&` and `=`.
fn without_key<'q>(query: &'q [u8], key: &Key) -> Cow<'q, [u8]> {
    if key.reveal().len() < SHORT_KEY || !has_key(query, key) {
        return Cow::Borrowed(query);
    }
    let mut shown = Vec::with_capacity(query.len());
    let mut rest = query;
    while let Some(at) = memmem::find(rest, key.reveal().as_bytes()) {
        shown.extend_from_slice(rest.get(..at).unwrap_or_default());
        shown.extend_from_slice(b"KEY");
        rest = rest.get(at + key.reveal().len()..).unwrap_or_default();
    }
    shown.extend_from_slice(rest);
    Cow::Owned(shown)
}

/// Text for a terminal or a log: invalid UTF-8 is replaced, control characters are escaped.
fn printable(text: &[u8]) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in String::from_utf8_lossy(text).chars() {
        if letter.is_control() { shown.extend(letter.escape_default()) } else { shown.push(letter) }
    }
    shown
}

/// The first six characters of a hash, which may be logged.
pub fn first_digits(hash: &str) -> String {
    let mut digits: String = hash.chars().take(6).collect();
    if hash.chars().nth(6).is_some() {
        digits.push('…');
    }
    digits
}
