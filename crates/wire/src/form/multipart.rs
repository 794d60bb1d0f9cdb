//! Parses bodies of type `multipart/form-data` as PHP does.
//!
//! PHP does not follow the RFC, and the crates for it do. PHP reads parts after the last boundary, a last
//! part without a boundary, lines that end in LF alone, and single quotes. It stops at a part without a name,
//! and drops parts with a file name.

use std::{borrow::Cow, collections::HashMap};

use memchr::{memchr, memchr2, memmem::Finder};

use super::{Array, Form, MAX_VARIABLES, name};

/// The size of PHP's buffer: a longer line counts as several.
const BUFFER_BYTES: usize = 5 * 1024;

/// The maximum number of files that PHP accepts (`max_file_uploads`).
const MAX_FILES: usize = 20;

/// The maximum number of parts that PHP reads (`max_multipart_body_parts`).
const MAX_PARTS: usize = MAX_VARIABLES + MAX_FILES;

pub(super) fn read<'a>(content_type: &[u8], body: &'a [u8]) -> Form<'a> {
    let mut form = Form::default();
    let mut is_too_deep = false;
    form.over_limit = each_field(content_type, body, |name, value| {
        is_too_deep |= name::register(&mut form.fields, Cow::Owned(name), Cow::Borrowed(value)).too_deep;
    });
    form.over_limit |= is_too_deep;
    form
}

/// Parses a body that cURL made from an array with lists: several fields with one name are a list.
pub(super) fn with_lists<'a>(content_type: &[u8], body: &'a [u8]) -> Array<'a> {
    let mut sent = Vec::new();
    each_field(content_type, body, |name, value| sent.push((name, value)));
    let mut times: HashMap<Vec<u8>, usize> = HashMap::new();
    for (name, _) in &sent {
        *times.entry(name.clone()).or_default() += 1;
    }
    let mut fields = Array::new();
    for (mut name, value) in sent {
        if times.get(&name).is_some_and(|times| *times > 1) {
            name.extend_from_slice(b"[]");
        }
        name::register(&mut fields, Cow::Owned(name), Cow::Borrowed(value));
    }
    fields
}

/// Passes every field of a body to `take`, in order. Returns whether a limit dropped some.
fn each_field<'a>(content_type: &[u8], body: &'a [u8], mut take: impl FnMut(Vec<u8>, &'a [u8])) -> bool {
    let Some(boundary) = boundary(content_type) else { return false };
    let (mut is_over, mut passes_over) = (false, false);
    let mut parts = Parts::new(boundary, body);
    let (mut looked_at, mut fields, mut files) = (0, 0, 0);
    while !parts.rest.is_empty() && parts.find_boundary() {
        let Some(disposition) = parts.disposition() else { continue };
        looked_at += 1;
        if looked_at > MAX_PARTS {
            return true;
        }
        match Disposition::read(&disposition) {
            Disposition { file: Some(file), name } => {
                // Once PHP skips a file for its name, or because of their number, it skips all that follow.
                passes_over |= files >= MAX_FILES || name.is_some_and(|name| !is_file_name(&name));
                if !passes_over && !file.is_empty() {
                    files += 1;
                    parts.value();
                }
            }
            Disposition { file: None, name: Some(name) } => {
                let value = parts.value();
                fields += 1;
                if fields > MAX_VARIABLES {
                    is_over = true;
                } else {
                    take(name, value);
                }
            }
            Disposition { file: None, name: None } => break,
        }
    }
    is_over
}

/// The boundary in a content type; `None` if there is no usable one.
fn boundary(content_type: &[u8]) -> Option<&[u8]> {
    let content_type = c_string(content_type);
    let lower = content_type.to_ascii_lowercase();
    // PHP first looks for the word in lower case, anywhere.
    let word = Finder::new("boundary");
    let at = word.find(content_type).or_else(|| word.find(&lower))?;
    let rest = content_type.get(at..)?;
    let rest = rest.get(memchr(b'=', rest)? + 1..)?;
    let boundary = match rest {
        [b'"', quoted @ ..] => quoted.get(..memchr(b'"', quoted)?)?,
        bare => bare.get(..memchr2(b',', b';', bare).unwrap_or(bare.len()))?,
    };
    (boundary.len() <= BUFFER_BYTES - 4).then_some(boundary)
}

/// The rest of a body, and the boundary of its parts.
struct Parts<'a> {
    rest: &'a [u8],
    /// `--` and the boundary, on a line of its own.
    line: Vec<u8>,
    /// The same after a line end: the end of a value.
    end: Finder<'static>,
    longest_line: usize,
}

impl<'a> Parts<'a> {
    fn new(boundary: &[u8], rest: &'a [u8]) -> Self {
        let line = [b"--", boundary].concat();
        let end = Finder::new(&[b"\n", line.as_slice()].concat()).into_owned();
        Self { rest, end, longest_line: BUFFER_BYTES.max(boundary.len() + 6), line }
    }

    /// The next line without its end, cut at a NUL. `None` at the end, even after a line without its end.
    fn line(&mut self) -> Option<&'a [u8]> {
        let seen = self.rest.get(..self.longest_line).unwrap_or(self.rest);
        let line = match memchr(b'\n', seen) {
            Some(length) => {
                self.rest = self.rest.get(length + 1..).unwrap_or_default();
                let line = seen.get(..length).unwrap_or_default();
                line.strip_suffix(b"\r").unwrap_or(line)
            }
            None if seen.len() == self.longest_line => {
                self.rest = self.rest.get(seen.len()..).unwrap_or_default();
                seen
            }
            None => return None,
        };
        Some(c_string(line))
    }

    /// Skips to the line after the next boundary.
    fn find_boundary(&mut self) -> bool {
        while let Some(line) = self.line() {
            if line == self.line {
                return true;
            }
        }
        false
    }

    /// Reads a part's headers, and returns the first `Content-Disposition`.
    fn disposition(&mut self) -> Option<Vec<u8>> {
        let mut found = None;
        // The current header, if it had a colon: whether it is `Content-Disposition`, and its value so far.
        let mut header: Option<(bool, Vec<u8>)> = None;
        let mut keep = |header: Option<(bool, Vec<u8>)>| {
            if let Some((true, value)) = header {
                found.get_or_insert(value);
            }
        };
        while let Some(line) = self.line().filter(|line| !line.is_empty()) {
            let colon = if line.first().copied().is_some_and(is_space) { None } else { memchr(b':', line) };
            match (colon, &mut header) {
                (Some(at), _) => {
                    let name = line.get(..at).unwrap_or_default();
                    let value = line.get(at + 1..).unwrap_or_default();
                    let next =
                        (name.eq_ignore_ascii_case(b"Content-Disposition"), trim_start(value).to_vec());
                    keep(header.replace(next));
                }
                // A line without a colon, or an indented one, continues the previous line.
                (None, Some((_, value))) => value.extend_from_slice(line),
                (None, None) => {}
            }
        }
        keep(header);
        found
    }

    /// Reads a part's value, up to the line end before the next boundary.
    fn value(&mut self) -> &'a [u8] {
        let end = self.end.find(self.rest).or_else(|| self.cut_boundary());
        let (value, rest) = match end {
            Some(end) => {
                let (value, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, b""));
                (value.strip_suffix(b"\r").unwrap_or(value), rest)
            }
            None => (self.rest, b"".as_slice()),
        };
        self.rest = rest;
        value
    }

    /// The position of a boundary that the end of the body cuts off. The shortest is a line end alone.
    fn cut_boundary(&self) -> Option<usize> {
        let from = self.rest.len().saturating_sub(self.end.needle().len());
        let tail = self.rest.get(from..)?;
        let at = memchr::memrchr(b'\n', tail)?;
        self.end.needle().starts_with(tail.get(at..)?).then_some(from + at)
    }
}

/// The parameters of a part's `Content-Disposition`.
struct Disposition {
    name: Option<Vec<u8>>,
    file: Option<Vec<u8>>,
}

impl Disposition {
    fn read(header: &[u8]) -> Self {
        let mut found = Self { name: None, file: None };
        let mut rest = trim_start(header);
        while !rest.is_empty() {
            let mut word = take_word(&mut rest, b';');
            rest = trim_start(rest);
            if memchr(b'=', word).is_none() {
                continue;
            }
            let name = take_word(&mut word, b'=');
            if name.eq_ignore_ascii_case(b"name") {
                found.name = Some(unquote(word));
            } else if name.eq_ignore_ascii_case(b"filename") {
                found.file = Some(unquote(word));
            }
        }
        found
    }
}

/// Takes the text before the first `stop` outside of quotes, and skips all `stop`s that follow it.
fn take_word<'t>(rest: &mut &'t [u8], stop: u8) -> &'t [u8] {
    let mut at = 0;
    while let Some(byte) = rest.get(at).filter(|byte| **byte != stop) {
        at += 1;
        if !matches!(byte, b'"' | b'\'') {
            continue;
        }
        while let Some(inner) = rest.get(at).filter(|inner| *inner != byte) {
            let is_escape = *inner == b'\\' && rest.get(at + 1) == Some(byte);
            at += if is_escape { 2 } else { 1 };
        }
        at = (at + 1).min(rest.len());
    }
    let (word, after) = rest.split_at_checked(at).unwrap_or((rest, b""));
    let stops = after.iter().take_while(|byte| **byte == stop).count();
    *rest = after.get(stops..).unwrap_or_default();
    word
}

/// A parameter's value: in quotes of either kind up to the closing one, else up to white space.
fn unquote(text: &[u8]) -> Vec<u8> {
    let text = trim_start(text);
    let (quote, text) = match text {
        [quote @ (b'"' | b'\''), quoted @ ..] => (Some(*quote), quoted),
        bare => {
            (None, bare.get(..bare.iter().take_while(|byte| !is_space(**byte)).count()).unwrap_or_default())
        }
    };
    let mut value = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next().filter(|byte| Some(*byte) != quote) {
        let escaped = bytes.next_if(|next| byte == b'\\' && (*next == b'\\' || Some(*next) == quote));
        value.push(escaped.unwrap_or(byte));
    }
    value
}

/// Whether PHP accepts a file with this name: brackets match, and only another may follow a closed one.
fn is_file_name(name: &[u8]) -> bool {
    let mut open = 0_i64;
    let mut bytes = c_string(name).iter().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' => open += 1,
            b']' if bytes.peek().is_some_and(|next| **next != b'[') => return false,
            b']' => open -= 1,
            _ => {}
        }
        if open < 0 {
            return false;
        }
    }
    open == 0
}

/// The text up to its first NUL.
fn c_string(text: &[u8]) -> &[u8] {
    text.get(..memchr(0, text).unwrap_or(text.len())).unwrap_or_default()
}

fn trim_start(text: &[u8]) -> &[u8] {
    text.get(text.iter().take_while(|byte| is_space(**byte)).count()..).unwrap_or_default()
}

/// White space as in C.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}
