//! The keys that an order is found by. They are folded here, because engines disagree about letters.

use std::borrow::Cow;

use crate::orders::order_texts::{TextField, Texts};

/// How much of a phone and of a surname is read for their keys, in characters, and how many digits a phone's key has.
const KEY_CHARS: usize = 40;
const PHONE_KEY_DIGITS: usize = 10;

/// The key that an order is found by from the last digits of its phone: they stand in it from the last on. The step to
/// version 6 works it out as well (`engine::steps`).
pub(crate) fn phone_key(phone: &str) -> String {
    let digits = phone.chars().rev().take(KEY_CHARS).filter(char::is_ascii_digit);
    digits.take(PHONE_KEY_DIGITS).collect()
}

/// The key that an order is found by from the beginning of its surname: Latin and Russian letters are folded, and ё is е. The step to
/// version 6 works it out as well.
pub(crate) fn surname_key(surname: &str) -> String {
    let fold = |letter: char| match letter {
        'A'..='Z' => letter.to_ascii_lowercase(),
        'Ё' | 'ё' => 'е',
        'А'..='Я' => letter.to_lowercase().next().unwrap_or(letter),
        _ => letter,
    };
    surname.trim_matches(' ').chars().take(KEY_CHARS).map(fold).collect()
}

/// What an order is found by beside its columns.
pub(crate) struct Keys<'a> {
    pub(crate) email: Cow<'a, str>,
    pub(crate) phone: String,
    pub(crate) surname: String,
}

impl<'a> Keys<'a> {
    pub(crate) fn of(email: Cow<'a, str>, texts: &Texts) -> Self {
        let (phone, surname) = (texts.get(TextField::Phone), texts.get(TextField::LastName));
        Self { email, phone: phone_key(phone), surname: surname_key(surname) }
    }
}
