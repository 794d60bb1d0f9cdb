//! The table of codes: every number in the protocol's answers, with its text (section 3.1).

use std::borrow::Cow;

/// One entry of the table: a number and its text.
///
/// Texts are in sentence case (decision 7), or with [`TextCase::Lower`] in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    number: u16,
    text: &'static str,
    meaning: &'static str,
}

/// Defines the constants; the documentation of each is its meaning.
macro_rules! codes {
    ($($(#[doc = $meaning:literal])+ $name:ident = $number:literal, $text:literal;)+) => {
        impl Code {
            /// Every entry. Success stands first, and again for each method that tells it in its own words.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
            $(
                $(#[doc = $meaning])+
                pub const $name: Self = Self { number: $number, text: $text, meaning: concat!($($meaning),+) };
            )+
        }
    };
}

codes! {
    /// Done.
    OK = 0, "OK";
    /// The request carries no credential.
    NO_HASH = 1, "Not transferred hash";
    /// The request carries no parameters.
    NO_DATA = 2, "No transmitted data";
    /// A parameter is wrong; also an unknown method, a wrong HTTP method and a body over the limit (decisions 4 and 50).
    WRONG_DATA = 3, "Wrong posted data";
    /// The hash, or the key, does not match.
    WRONG_HASH = 4, "Incorrect hash";
    /// No account answers to this host.
    NO_USER = 5, "Invalid user name";
    /// The caller's address is not allowed; the address completes the text.
    IP_DENIED = 6, "Permission denied for ip";
    /// The account is disabled.
    DISABLED = 7, "Account disabled";
    /// The caller's address has exceeded its rate (decision 8: the wording is ours).
    RATE_LIMIT = 8, "Request limit exceeded, try again later";
    /// A failure of the server, which may pass (decision 56). No source uses this number.
    UNAVAILABLE = 9, "Temporarily unavailable";
    /// AddLeadToGroup, UpdateSubscriberData: the contact's e-mail is missing.
    NO_EMAIL = 100, "Email is missing";
    /// AddLeadToGroup: the contact can't be subscribed; the reason completes the text.
    SUBSCRIPTION_ERROR = 101, "Subscription error:";
    /// AddLeadToGroup: the contact is in every group that was named.
    ALREADY_SUBSCRIBED = 102, "The subscriber is already registered";
    /// AddLeadToGroup, addupdatelead: a group to join is missing or unknown (decisions 26 and 35).
    WRONG_GROUP = 103, "Has an invalid subscriptions group";
    /// AddLeadToGroup, addupdatelead: nobody can be added to an automatic group; its id completes the text.
    GROUP_FORBIDDEN = 104, "Subscription forbidden for";
    /// UpdateOrderStatus: the order can't be paid, or the time of payment is missing (decision 16).
    NOT_PAID = 202, "Order not paid";
    /// UpdateOrderStatus, DeleteOrder: no order number was sent.
    NO_ORDER_NUMBER = 203, "Order number is empty";
    /// UpdateOrderStatus, DeleteOrder: no such order.
    NO_ORDER = 302, "Nonexistent order";
    /// UpdateOrderStatus: no such status.
    WRONG_STATUS = 303, "Wrong status";
    /// GetBills, GetOrderInfo, getOrderDetails: nothing was found.
    ORDER_NOT_FOUND = 400, "Order not found";
    /// GetLeadGroups, GetLeadGroupStatuses: no such contact.
    LEAD_NOT_FOUND = 500, "Subscriber not found";
    /// GetLeadGroups, GetLeadGroupStatuses: the contact is in no group (decision 29).
    NO_LEAD_GROUPS = 501, "Group not found";

    /// CreateOrder: the customer's e-mail is missing or wrong (decision 20).
    WRONG_EMAIL = 600, "Wrong email";
    /// CreateOrder: the order repeats an existing one (decision 17).
    ORDER_EXISTS = 601, "Order already exist. His number send in result array.";
    /// CreateOrder: the order can't be created (decision 78).
    ORDER_NOT_CREATED = 602, "Error creating order";
    /// CreateOrder: no product was named.
    NO_GOODS = 603, "Missing products";
    /// The product is not in the catalogue (decision 18).
    NO_GOOD = 604, "Product not exist";
    /// CreateOrder: a physical product without a name or address to send it to (decision 19).
    NO_DELIVERY_DATA = 605, "Not having any data for delivery products";
    /// GetAllGoods: the catalogue is empty.
    EMPTY_CATALOGUE = 700, "No products";
    /// The group does not exist, in methods that count contacts or take them out (decisions 28, 31, 35).
    NO_GROUP = 800, "Group subscribers is not found";
    /// The contact does not exist, or isn't in the group (decisions 27, 28, 35).
    NO_SUBSCRIBER = 801, "Subscriber with such address is not found";

    /// UpdateOrderStatus: done.
    STATUS_CHANGED = 0, "Order status changed";
    /// DeleteOrder: done.
    ORDER_DELETED = 0, "Order deleted";
}

impl Code {
    /// The number, for `error_code`.
    pub const fn number(self) -> u16 {
        self.number
    }

    /// The table's text, without the detail that follows some of them.
    pub const fn text(self) -> &'static str {
        self.text
    }

    /// Whether every method may refuse with it.
    pub const fn is_general(self) -> bool {
        matches!(self.number, 1..=9)
    }

    /// What it means, as the reference says it.
    pub fn meaning(self) -> &'static str {
        self.meaning.trim()
    }

    /// The text for `error_text`: with the detail, in the account's letter case.
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
    /// As the live service answers: `OK`, `Order not found`.
    #[default]
    Sentence,
    /// As in the documentation's table: `ok`, `order not found`.
    Lower,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_once() {
        for (at, code) in Code::ALL.iter().enumerate().filter(|(_, code)| code.number != 0) {
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
