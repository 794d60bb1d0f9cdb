//! An account's login: its subdomain, and a part of what is signed (section 1, decision 58).

/// A login: `[a-z0-9-]`, 1 to 63 characters, folded to lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Login(Box<str>);

/// Why a text is not a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a login is 1 to 63 letters a-z, digits and hyphens")]
pub struct LoginError;

impl Login {
    /// The longest login: one label of a domain name.
    pub const MAX_BYTES: usize = 63;

    /// Parses a login, in any letter case.
    pub fn parse(text: &str) -> Result<Self, LoginError> {
        if text.is_empty()
            || text.len() > Self::MAX_BYTES
            || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        {
            return Err(LoginError);
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }

    /// The lower-case form, which is stored and hashed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Login {
    type Err = LoginError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_fold() {
        assert_eq!(Login::parse("User-1").unwrap().as_str(), "user-1");
        for text in ["", "a.b", "a b", "имя", "a_b", &"a".repeat(64)] {
            assert_eq!(Login::parse(text), Err(LoginError), "{text:?}");
        }
    }
}
