//! PHP's rules for the names of fields, which make variables and arrays.

use std::{borrow::Cow, ops::Range};

use memchr::memchr;

use super::{Array, Key, MAX_BRACKETS, Value};

/// What a pair did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Effect {
    /// It set the variable `hash`, or an array with that name.
    pub(super) is_hash: bool,
    /// Its name had more than [`MAX_BRACKETS`] brackets, so the whole variable was removed.
    pub(super) too_deep: bool,
}

/// Stores `value` under the decoded `name`; drops it if the name is empty.
pub(super) fn register<'a>(fields: &mut Array<'a>, name: Cow<'a, [u8]>, value: Cow<'a, [u8]>) -> Effect {
    let name = trimmed(name);
    let bracket = memchr(b'[', &name).filter(|open| memchr(b']', tail(&name, *open)).is_some());
    let end = bracket.unwrap_or(name.len());
    let variable = variable_name(part(&name, 0..end));
    let is_hash = *variable == *b"hash";
    if variable.is_empty() || is_forged(&variable, &name) {
        return Effect { is_hash, too_deep: false };
    }
    let Some(open) = bracket else {
        fields.insert(variable.into(), Value::Text(value));
        return Effect { is_hash, too_deep: false };
    };
    let variable = Key::from(variable);
    let too_deep = descend(fields, variable.clone(), &name, open, value).is_err();
    if too_deep {
        fields.remove(&variable);
    }
    Effect { is_hash, too_deep }
}

struct TooDeep;

/// One pair of brackets.
enum Bracket<'a> {
    /// `[]`, or a single white-space byte in brackets.
    Append,
    Index(Cow<'a, [u8]>),
}

/// Follows the brackets of `name` and stores `value` there. The first bracket opens at `open` and is closed.
#[expect(
    clippy::ptr_arg,
    reason = "indexes of a borrowed name are borrowed for as long as the body, not the name"
)]
fn descend<'a>(
    fields: &mut Array<'a>,
    variable: Key<'a>,
    name: &Cow<'a, [u8]>,
    mut open: usize,
    value: Cow<'a, [u8]>,
) -> Result<(), TooDeep> {
    let Some(mut array) = fields.enter(variable) else { return Ok(()) };
    let mut last = None;
    for level in 1.. {
        if level > MAX_BRACKETS {
            return Err(TooDeep);
        }
        // A later bracket that is never closed is dropped, with what follows it.
        let Some(length) = memchr(b']', tail(name, open + 1)) else { break };
        let close = open + 1 + length;
        let index = part(name, open + 1..close);
        let index = match *index {
            [] | [b' ' | b'\t'..=b'\r'] => Bracket::Append,
            _ => Bracket::Index(index),
        };
        if let Some(outer) = last.replace(index) {
            let inner = match outer {
                Bracket::Append => array.enter_next(),
                Bracket::Index(index) if is_forged(&index, name) => None,
                Bracket::Index(index) => array.enter(index.into()),
            };
            let Some(inner) = inner else { return Ok(()) };
            array = inner;
        }
        open = close + 1;
        if name.get(open) != Some(&b'[') {
            break;
        }
    }
    match last {
        Some(Bracket::Append) => {
            array.push(Value::Text(value));
        }
        Some(Bracket::Index(index)) if !is_forged(&index, name) => {
            array.insert(index.into(), Value::Text(value));
        }
        _ => {}
    }
    Ok(())
}

/// Cuts a name at its first NUL and removes leading spaces.
fn trimmed(name: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let end = memchr(0, &name).unwrap_or(name.len());
    let start = name.iter().take(end).take_while(|byte| **byte == b' ').count();
    if start == 0 && end == name.len() { name } else { part(&name, start..end) }
}

/// Replaces spaces, dots, and a bracket that is never closed by underscores.
fn variable_name(mut name: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if name.starts_with(b"[") {
        return Cow::Borrowed(b"");
    }
    if name.iter().any(|byte| matches!(byte, b' ' | b'.' | b'[')) {
        for byte in name.to_mut() {
            if matches!(byte, b' ' | b'.' | b'[') {
                *byte = b'_';
            }
        }
    }
    name
}

/// Whether a key got a prefix that browsers reserve for cookies from PHP's own renaming.
fn is_forged(key: &[u8], name: &[u8]) -> bool {
    [b"__Host-".as_slice(), b"__Secure-"]
        .into_iter()
        .any(|prefix| key.starts_with(prefix) && !name.starts_with(prefix))
}

fn tail(name: &[u8], from: usize) -> &[u8] {
    name.get(from..).unwrap_or_default()
}

/// A part of a name, borrowed if the name is.
fn part<'a>(name: &Cow<'a, [u8]>, range: Range<usize>) -> Cow<'a, [u8]> {
    match name {
        Cow::Borrowed(name) => Cow::Borrowed(name.get(range).unwrap_or_default()),
        Cow::Owned(name) => Cow::Owned(name.get(range).unwrap_or_default().to_vec()),
    }
}
