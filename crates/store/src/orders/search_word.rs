//! What somebody types to find orders.

use billhook_wire::OrderId;

use crate::orders::order_keys::{phone_key, surname_key};

/// From so many digits on they may be the last ones of a phone.
const PHONE_DIGITS_MIN: usize = 4;

/// What somebody looks for in a search box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// An order's number; a deleted order is found too.
    Number(OrderId),
    /// An e-mail's beginning, folded.
    Email(String),
    /// A phone's last digits, from the last on.
    Phone(String),
    /// A surname's beginning, folded.
    Surname(String),
    /// The beginnings of a surname and of a first name, both folded.
    Name {
        /// The surname's.
        last: String,
        /// The first name's.
        first: String,
    },
}

impl Word {
    /// What a text may mean.
    pub fn read(text: &str) -> Vec<Self> {
        let text = text.trim().trim_start_matches(['№', '#']).trim_start();
        let is_phone =
            |letter: char| letter.is_ascii_digit() || matches!(letter, '+' | '-' | ' ' | '(' | ')' | '.');
        let mut words = Vec::new();
        if text.is_empty() {
        } else if text.chars().all(is_phone) {
            words.extend(text.parse().ok().filter(|number| *number > 0).map(|id| Self::Number(OrderId(id))));
            let key = phone_key(text);
            if key.len() >= PHONE_DIGITS_MIN {
                words.push(Self::Phone(key));
            }
        } else {
            if !text.contains('@') {
                words.push(Self::Surname(surname_key(text)));
                words.append(&mut Self::names(text));
            }
            if !text.contains(char::is_whitespace) {
                words.push(Self::Email(text.to_lowercase()));
            }
        }
        words
    }

    /// The names of a person, of which either the last or the first is the surname; a patronymic may stand at the end or between.
    fn names(text: &str) -> Vec<Self> {
        let names: Vec<_> = text.split_whitespace().map(surname_key).collect();
        let name = |last: &String, first: &String| Self::Name { last: last.clone(), first: first.clone() };
        match &*names {
            [one, other] => vec![name(other, one), name(one, other)],
            [one, second, other] => vec![name(other, one), name(one, second)],
            _ => Vec::new(),
        }
    }
}
