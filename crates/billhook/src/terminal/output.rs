//! Standard output: lines, and JSON for people and programs.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal as _, Write},
};

use serde::Serialize;

use crate::failure::{Failure, say};

/// Writes JSON on one line, as reports with `--json` are.
pub(crate) fn json_line<T: Serialize>(out: &mut impl Write, value: &T) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(Failure::failed)?;
    writeln!(out, "{}", for_terminals(&text))?;
    Ok(out.flush()?)
}

/// Writes JSON on several lines.
pub(crate) fn json_pretty<T: Serialize>(out: &mut impl Write, value: &T) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(Failure::failed)?;
    writeln!(out, "{}", for_terminals(&text))?;
    Ok(out.flush()?)
}

/// Reports a result: as JSON if asked for, else as a line.
pub(crate) fn print<T: Serialize>(json: bool, value: &T, line: &str) -> Result<(), Failure> {
    let mut out = stdout();
    if json {
        return json_line(&mut out, value);
    }
    writeln!(out, "{}", for_terminal(line))?;
    Ok(out.flush()?)
}

/// Says on a terminal that a list is empty. A script gets no output.
pub(crate) fn say_if_none(is_empty: bool, json: bool, what: &str) {
    if is_empty && !json && io::stdout().is_terminal() {
        say(&format!("no {what} found"));
    }
}

pub(crate) fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// A text on one line of a terminal. Line ends and control characters are escaped.
pub(crate) fn for_terminal(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_obeyed(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Whether a terminal acts on a character instead of showing it.
fn is_obeyed(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Escapes control characters that JSON does not. They occur only inside strings, so the JSON means the same.
fn for_terminals(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if is_obeyed(c) {
            let _ = write!(text, "\\u{:04x}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    text
}

/// Standard output, locked while a command writes.
pub(crate) fn stdout() -> io::StdoutLock<'static> {
    io::stdout().lock()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        assert_eq!([0, 1, 2].map(|n| counted(n, "order")), ["0 orders", "1 order", "2 orders"]);
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(for_terminal("Оплата\r\n\u{1b}[2J\u{202e}\"x\""), "Оплата\\r\\n\\u{1b}[2J\\u{202e}\"x\"");
    }

    #[test]
    fn texts_stay_readable_and_harmless() {
        let mut out = Vec::new();
        json_line(&mut out, &serde_json::json!({"a": "Оплата \u{9b}2J\u{202e}"})).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "{\"a\":\"Оплата \\u009b2J\\u202e\"}\n");
    }
}
