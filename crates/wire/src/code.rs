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
    /// UpdateOrderStatus: the order can't be paid, or it is not said when it was (decision 16).
    pub const NOT_PAID: Self = Self::new(202, "Order not paid");
    /// UpdateOrderStatus, DeleteOrder: no order number was sent.
    pub const NO_ORDER_NUMBER: Self = Self::new(203, "Order number is empty");
    /// UpdateOrderStatus, DeleteOrder: no such order.
    pub const NO_ORDER: Self = Self::new(302, "Nonexistent order");
    /// UpdateOrderStatus: no such status.
    pub const WRONG_STATUS: Self = Self::new(303, "Wrong status");
    /// `GetBills` and the order look-ups: nothing found.
    pub const ORDER_NOT_FOUND: Self = Self::new(400, "Order not found");

    /// CreateOrder: the customer's e-mail is missing or wrong (decision 20).
    pub const WRONG_EMAIL: Self = Self::new(600, "Wrong email");
    /// CreateOrder: the same order is there already (decision 17).
    pub const ORDER_EXISTS: Self = Self::new(601, "Order already exist. His number send in result array.");
    /// CreateOrder: an order that can't be (decision 78).
    pub const ORDER_NOT_CREATED: Self = Self::new(602, "Error creating order");
    /// CreateOrder: no product was named.
    pub const NO_GOODS: Self = Self::new(603, "Missing products");
    /// The product is not in the catalogue (decision 18).
    pub const NO_GOOD: Self = Self::new(604, "Product not exist");
    /// CreateOrder: a physical product, and no name or address to send it to (decision 19).
    pub const NO_DELIVERY_DATA: Self = Self::new(605, "Not having any data for delivery products");
    /// GetAllGoods: the catalogue is empty.
    pub const EMPTY_CATALOGUE: Self = Self::new(700, "No products");

    /// UpdateOrderStatus: done.
    pub const STATUS_CHANGED: Self = Self::new(0, "Order status changed");
    /// DeleteOrder: done.
    pub const ORDER_DELETED: Self = Self::new(0, "Order deleted");

    /// Every entry; success stands in it once.
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
        Self::NOT_PAID,
        Self::NO_ORDER_NUMBER,
        Self::NO_ORDER,
        Self::WRONG_STATUS,
        Self::ORDER_NOT_FOUND,
        Self::WRONG_EMAIL,
        Self::ORDER_EXISTS,
        Self::ORDER_NOT_CREATED,
        Self::NO_GOODS,
        Self::NO_GOOD,
        Self::NO_DELIVERY_DATA,
        Self::EMPTY_CATALOGUE,
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
