//! A customer's e-mail address, checked as leniently as the live service does (decisions 23 and 46).

/// An e-mail address, trimmed, with its original spelling and a folded key for look-ups.
///
/// Two addresses are equal if their keys are: letter case does not matter.
#[derive(Clone)]
pub struct Email {
    given: Box<str>,
    key: Box<str>,
}

/// Why a text is not an e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// It is empty.
    #[error("the e-mail is empty")]
    Empty,
    /// More than [`Email::MAX_BYTES`].
    #[error("the e-mail is longer than 254 bytes")]
    TooLong,
    /// Not exactly one `@` with something on both sides.
    #[error("an e-mail has one @ with something on both sides")]
    Malformed,
    /// White space or a control character inside.
    #[error("the e-mail holds a space or a control character")]
    Space,
}

impl Email {
    /// The longest address, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 254;

    /// Parses an address; outer white space is removed.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let given = text.trim();
        if given.is_empty() {
            return Err(EmailError::Empty);
        }
        if given.len() > Self::MAX_BYTES {
            return Err(EmailError::TooLong);
        }
        if given.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(EmailError::Space);
        }
        match given.split_once('@') {
            Some((local, domain)) if !local.is_empty() && !domain.is_empty() && !domain.contains('@') => {}
            _ => return Err(EmailError::Malformed),
        }
        Ok(Self { given: given.into(), key: given.to_lowercase().into() })
    }

    /// The address as it was given, trimmed.
    pub fn as_str(&self) -> &str {
        &self.given
    }

    /// The folded form, by which addresses are looked up and compared.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The address for a log: the first letter and the domain, `a…@example.com`.
    pub fn masked(&self) -> String {
        mask(&self.given)
    }
}

/// Hides all before the `@` but the first letter. A text without an `@` is hidden but for its first letter.
pub fn mask(address: &str) -> String {
    let first: String = address.chars().take(1).filter(|c| *c != '@').collect();
    match address.split_once('@') {
        Some((_, domain)) => format!("{first}…@{domain}"),
        None => format!("{first}…"),
    }
}

impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Email {}

impl std::fmt::Debug for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Email({})", self.masked())
    }
}

travels_as_text!(Email, |email| email.given, Self::parse);

schema!(Email, { "type": "string", "format": "email", "maxLength": Email::MAX_BYTES, "examples": ["anna@example.com"] });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_outer_spaces_do_not_matter() {
        let email = Email::parse(" Anna@Example.COM\t").unwrap();
        assert_eq!(email.as_str(), "Anna@Example.COM");
        assert_eq!(email.key(), "anna@example.com");
        assert_eq!(email, Email::parse("anna@example.com").unwrap());
    }

    #[test]
    fn refusals() {
        for (text, why) in [
            ("", EmailError::Empty),
            (" \t", EmailError::Empty),
            ("anna", EmailError::Malformed),
            ("@example.com", EmailError::Malformed),
            ("anna@", EmailError::Malformed),
            ("a@b@c", EmailError::Malformed),
            ("a b@c", EmailError::Space),
            ("a\0@c", EmailError::Space),
            (&format!("{}@c", "a".repeat(253)), EmailError::TooLong),
        ] {
            assert_eq!(Email::parse(text).err(), Some(why), "{text:?}");
        }
        assert!(Email::parse("79990000000@from.form").is_ok());
        assert!(Email::parse(&format!("{}@c", "a".repeat(252))).is_ok());
    }

    #[test]
    fn a_log_never_shows_a_whole_address() {
        let email = Email::parse("anna@example.com").unwrap();
        assert_eq!(format!("{email:?}"), "Email(a…@example.com)");
        assert_eq!(mask("@x"), "…@x");
    }
}
