//! The table of error codes: every number the protocol answers with, and its text (section 3.1).

use std::borrow::Cow;

/// One entry of the table: a number and the text that goes with it.
///
/// Texts are in sentence case (decision 7); [`TextCase::Lower`] folds them for an account that asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    number: u16,
    text: &'static str,
}

impl Code {
    /// Done.
    pub const OK: Self = Self::new(0, "OK");
    /// The request carries no credential.
    pub const NO_HASH: Self = Self::new(1, "Not transferred hash");
    /// The request carries no parameters.
    pub const NO_DATA: Self = Self::new(2, "No transmitted data");
    /// A parameter is wrong; also an unknown method, a wrong HTTP method and a body over the limit (decisions 4 and 50).
    pub const WRONG_DATA: Self = Self::new(3, "Wrong posted data");
    /// The hash, or the key, does not match.
    pub const WRONG_HASH: Self = Self::new(4, "Incorrect hash");
    /// No account answers to this host.
    pub const NO_USER: Self = Self::new(5, "Invalid user name");
    /// The caller's address is not allowed; the address completes the text.
    pub const IP_DENIED: Self = Self::new(6, "Permission denied for ip");
    /// The account is switched off.
    pub const DISABLED: Self = Self::new(7, "Account disabled");
    /// The caller's address has used up its requests (decision 8: the wording is ours).
    pub const RATE_LIMIT: Self = Self::new(8, "Request limit exceeded, try again later");
    /// Our own failure (decision 56): free in every source.
    pub const UNAVAILABLE: Self = Self::new(9, "Temporarily unavailable");
    /// `GetBills` and the order look-ups: nothing found.
    pub const ORDER_NOT_FOUND: Self = Self::new(400, "Order not found");

    /// Every entry.
    pub const ALL: &'static [Self] = &[
        Self::OK,
        Self::NO_HASH,
        Self::NO_DATA,
        Self::WRONG_DATA,
        Self::WRONG_HASH,
        Self::NO_USER,
        Self::IP_DENIED,
        Self::DISABLED,
        Self::RATE_LIMIT,
        Self::UNAVAILABLE,
        Self::ORDER_NOT_FOUND,
    ];

    const fn new(number: u16, text: &'static str) -> Self {
        Self { number, text }
    }

    /// The number, as `error_code` has it.
    pub const fn number(self) -> u16 {
        self.number
    }

    /// The table's text, without the detail that completes some of them.
    pub const fn text(self) -> &'static str {
        self.text
    }

    /// The text as `error_text` has it: with the detail behind it, in the account's letter case.
    pub fn error_text(self, detail: Option<&str>, case: TextCase) -> Cow<'static, str> {
        let text = match case {
            TextCase::Sentence => Cow::Borrowed(self.text),
            TextCase::Lower => Cow::Owned(self.text.to_lowercase()),
        };
        match detail {
            None => text,
            Some(detail) => Cow::Owned(format!("{text} {detail}")),
        }
    }
}

/// The letter case of `error_text` (decision 7): an account's setting `text_case`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TextCase {
    /// As the live service was seen to answer: `OK`, `Order not found`.
    #[default]
    Sentence,
    /// As the documentation's table prints them: `ok`, `order not found`.
    Lower,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_once() {
        for (at, code) in Code::ALL.iter().enumerate() {
            assert!(Code::ALL[..at].iter().all(|other| other.number != code.number), "{code:?}");
        }
    }

    #[test]
    fn detail_completes_the_text() {
        assert_eq!(
            Code::IP_DENIED.error_text(Some("10.0.0.1"), TextCase::Sentence),
            "Permission denied for ip 10.0.0.1"
        );
        assert_eq!(Code::OK.error_text(None, TextCase::Lower), "ok");
    }
}
