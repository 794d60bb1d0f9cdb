//! A simple model of PHP's reading of a urlencoded body. Like `php_variables.c`, it searches lists from the
//! start, and changes names in their buffer.

use crate::form::{Array, Key, MAX_BRACKETS, MAX_VARIABLES, Value};

/// An array: its entries in order, and the highest integer key that it ever had.
#[derive(Default)]
pub(super) struct List {
    entries: Vec<(Vec<u8>, Node)>,
    highest: Option<i64>,
}

enum Node {
    Text(Vec<u8>),
    List(List),
}

/// The variables of a body, and whether it exceeds a limit.
pub(super) fn urlencoded(body: &[u8]) -> (List, bool) {
    let mut fields = List::default();
    let mut over_limit = false;
    let mut pairs: Vec<&[u8]> = body.split(|byte| *byte == b'&').collect();
    // Nothing follows a trailing `&`.
    if pairs.last().is_some_and(|pair| pair.is_empty()) {
        pairs.pop();
    }
    if pairs.len() > MAX_VARIABLES {
        over_limit = true;
        pairs.truncate(MAX_VARIABLES + 1);
    }
    for pair in pairs {
        let mut sides = pair.splitn(2, |byte| *byte == b'=');
        let name = decoded(sides.next().unwrap_or_default());
        let value = decoded(sides.next().unwrap_or_default());
        over_limit |= register(&mut fields, &name, value);
    }
    (fields, over_limit)
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let hex = text.get(at + 1..at + 3).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        match (text[at], hex.and_then(|hex| std::str::from_utf8(hex).ok())) {
            (b'%', Some(hex)) => {
                out.push(u8::from_str_radix(hex, 16).expect("two hex digits"));
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    out
}

/// Stores a value; true if its name has too many brackets.
fn register(fields: &mut List, name: &[u8], value: Vec<u8>) -> bool {
    let name: Vec<u8> = name.iter().copied().take_while(|byte| *byte != 0).collect();
    let sent = &name[name.iter().take_while(|byte| **byte == b' ').count()..];
    let mut buffer = sent.to_vec();
    // Before the first bracket, spaces and dots become underscores.
    let bracket = buffer.iter().position(|byte| *byte == b'[');
    for byte in &mut buffer[..bracket.unwrap_or(sent.len())] {
        if matches!(byte, b' ' | b'.') {
            *byte = b'_';
        }
    }
    let variable = buffer[..bracket.unwrap_or(buffer.len())].to_vec();
    let is_forged = |key: &[u8]| {
        [b"__Host-".as_slice(), b"__Secure-"]
            .iter()
            .any(|prefix| key.starts_with(prefix) && !sent.starts_with(prefix))
    };
    let mut at = match bracket {
        None => {
            if !variable.is_empty() && !is_forged(&variable) {
                fields.put(Some(variable), Node::Text(value));
            }
            return false;
        }
        Some(0) => return false,
        Some(at) => at,
    };
    if !buffer[at..].contains(&b']') {
        // Not an array: the bracket and the rest belong to the name.
        for byte in &mut buffer[at..] {
            if matches!(byte, b' ' | b'.' | b'[') {
                *byte = b'_';
            }
        }
        if !is_forged(&buffer) {
            fields.put(Some(buffer), Node::Text(value));
        }
        return false;
    }
    if is_forged(&variable) {
        return false;
    }
    // The key of each level; `None`: the next free index.
    let mut keys = vec![Some(variable.clone())];
    let mut too_deep = false;
    while buffer.get(at) == Some(&b'[') {
        if keys.len() > MAX_BRACKETS {
            too_deep = true;
            break;
        }
        let Some(length) = buffer[at + 1..].iter().position(|byte| *byte == b']') else { break };
        let key = &buffer[at + 1..at + 1 + length];
        let is_append = key.is_empty() || (key.len() == 1 && b" \t\n\x0b\x0c\r".contains(&key[0]));
        keys.push((!is_append).then(|| key.to_vec()));
        at += length + 2;
    }
    let last = keys.pop().expect("the variable, and a bracket");
    // PHP goes down level by level. If a level can't be entered, it never sees the bracket that is too many.
    let Some(place) = descend(fields, &keys, &is_forged) else { return false };
    if last.as_deref().is_some_and(is_forged) {
        return false;
    }
    if !too_deep {
        place.put(last, Node::Text(value));
        return false;
    }
    if place.enter(last).is_some() {
        fields.entries.retain(|(key, _)| *key != variable);
        return true;
    }
    false
}

/// The list at these keys; missing ones are created.
fn descend<'l>(
    list: &'l mut List,
    keys: &[Option<Vec<u8>>],
    is_forged: &impl Fn(&[u8]) -> bool,
) -> Option<&'l mut List> {
    let Some((key, inner)) = keys.split_first() else { return Some(list) };
    if key.as_deref().is_some_and(is_forged) {
        return None;
    }
    descend(list.enter(key.clone())?, inner, is_forged)
}

impl List {
    /// The position of a key, created if it is missing; `None` if there is no next index.
    fn place(&mut self, key: Option<Vec<u8>>) -> Option<usize> {
        let key = match key {
            Some(key) => key,
            None => self.highest.map_or(Some(0), |highest| highest.checked_add(1))?.to_string().into_bytes(),
        };
        if let Some(place) = self.entries.iter().position(|(known, _)| *known == key) {
            return Some(place);
        }
        if let Some(number) = integer(&key) {
            self.highest = self.highest.max(Some(number));
        }
        self.entries.push((key, Node::Text(Vec::new())));
        Some(self.entries.len() - 1)
    }

    fn put(&mut self, key: Option<Vec<u8>>, node: Node) {
        if let Some(place) = self.place(key) {
            self.entries[place].1 = node;
        }
    }

    fn enter(&mut self, key: Option<Vec<u8>>) -> Option<&mut List> {
        let place = self.place(key)?;
        let node = &mut self.entries[place].1;
        if let Node::Text(_) = node {
            *node = Node::List(List::default());
        }
        match node {
            Node::List(list) => Some(list),
            Node::Text(_) => None,
        }
    }
}

/// The number whose canonical form is this text.
fn integer(text: &[u8]) -> Option<i64> {
    let number: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (number.to_string().as_bytes() == text).then_some(number)
}

/// Asserts that the variables are those of the model.
pub(super) fn assert_same(ours: &Array<'_>, naive: &List) {
    assert_eq!(ours.len(), naive.entries.len(), "{ours:?}");
    for ((key, value), (naive_key, node)) in ours.iter().zip(&naive.entries) {
        let expected = match integer(naive_key) {
            Some(number) => Key::Int(number),
            None => Key::Text(naive_key.as_slice().into()),
        };
        assert_eq!(*key, expected, "{ours:?}");
        match (value, node) {
            (Value::Text(text), Node::Text(naive)) => assert_eq!(**text, **naive, "{ours:?}"),
            (Value::Array(array), Node::List(list)) => assert_same(array, list),
            _ => panic!("a list or a text at {key}: {ours:?}"),
        }
    }
}
