//! An account's API key: the secret that signs requests and answers (section 2, decision 58).

use subtle::ConstantTimeEq;

/// An API key: 1 to 128 printable ASCII bytes without space. It never prints itself.
#[derive(Clone)]
pub struct Key(Box<str>);

/// Why a text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key is 1 to 128 printable ASCII characters without spaces")]
pub struct KeyError;

impl Key {
    /// The longest key, in bytes.
    pub const MAX_BYTES: usize = 128;
    /// Keys shorter than this many bytes deserve a warning.
    pub const WEAK_BELOW_BYTES: usize = 16;

    /// Parses a key, without trimming.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if text.is_empty() || text.len() > Self::MAX_BYTES || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(KeyError);
        }
        Ok(Self(text.into()))
    }

    /// The key itself: to sign, to store, and to show it once to its owner.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether the key is short enough to be guessed.
    pub fn is_weak(&self) -> bool {
        self.0.len() < Self::WEAK_BELOW_BYTES
    }

    /// Compares in constant time, for `rpsKey`.
    pub fn matches(&self, sent: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(sent).into()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.matches(other.0.as_bytes())
    }
}

impl Eq for Key {}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_opaque_but_printable() {
        assert!(Key::parse("X").is_ok());
        assert!(Key::parse("a.b-c!{}~").is_ok());
        assert!(Key::parse(&"k".repeat(128)).is_ok());
        for text in ["", "a b", " a", "ключ", "a\n", &"k".repeat(129)] {
            assert_eq!(Key::parse(text).err(), Some(KeyError), "{text:?}");
        }
    }

    #[test]
    fn a_key_never_prints_itself() {
        assert_eq!(format!("{:?}", Key::parse("sesame").unwrap()), "Key(…)");
    }
}
