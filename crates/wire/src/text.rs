//! Texts and names with their maximum lengths (decision 69).

use serde::{Deserialize, Deserializer, Serialize, de};

/// The longest text, in bytes of UTF-8.
pub const TEXT_BYTES_MAX: usize = 65_536;
/// The longest name, such as `good_name` or a coupon's code, in bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 255;

/// Why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Too long.
    #[error("longer than {0} bytes")]
    TooLong(usize),
    /// A NUL, which databases do not store.
    #[error("it holds a NUL character")]
    Nul,
    /// Empty, where something is required.
    #[error("it is empty")]
    Empty,
}

fn within(text: &str, max: usize) -> Result<(), TextError> {
    if text.len() > max {
        Err(TextError::TooLong(max))
    } else if text.contains('\0') {
        Err(TextError::Nul)
    } else {
        Ok(())
    }
}

/// A text of at most [`TEXT_BYTES_MAX`] without NUL. Empty is "not given" (decision 45).
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Text(String);

impl Text {
    /// Makes a text.
    pub fn new(text: impl Into<String>) -> Result<Self, TextError> {
        let text = text.into();
        within(&text, TEXT_BYTES_MAX)?;
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is empty, which means "not given".
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A unique name of a thing in the account: trimmed, 1 to [`NAME_BYTES_MAX`] bytes without NUL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Name(String);

impl Name {
    /// Makes a name; outer white space is removed.
    pub fn new(text: &str) -> Result<Self, TextError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        within(text, NAME_BYTES_MAX)?;
        Ok(Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name in lower case, for look-ups that ignore letter case.
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text or, from other servers, a number.
struct AsText;

impl de::Visitor<'_> for AsText {
    type Value = String;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<String, E> {
        Ok(text)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_unit<E: de::Error>(self) -> Result<String, E> {
        Ok(String::new())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(deserializer.deserialize_any(AsText)?).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&deserializer.deserialize_any(AsText)?).map_err(de::Error::custom)
    }
}

schema!(Text, { "type": "string", "maxLength": TEXT_BYTES_MAX });

schema!(Name, { "type": "string", "minLength": 1, "maxLength": NAME_BYTES_MAX, "examples": ["oplata"] });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_bounds() {
        assert!(Text::new("x".repeat(TEXT_BYTES_MAX)).is_ok());
        assert_eq!(Text::new("x".repeat(TEXT_BYTES_MAX + 1)), Err(TextError::TooLong(TEXT_BYTES_MAX)));
        assert_eq!(Text::new("a\0b"), Err(TextError::Nul));
        assert_eq!(serde_json::from_str::<Text>("79").unwrap().as_str(), "79");
        assert!(serde_json::from_str::<Text>("[]").is_err());
    }

    #[test]
    fn names_are_trimmed_and_never_empty() {
        assert_eq!(Name::new(" oplata ").unwrap().as_str(), "oplata");
        assert_eq!(Name::new(" \t"), Err(TextError::Empty));
        assert_eq!(Name::new(&"x".repeat(256)), Err(TextError::TooLong(NAME_BYTES_MAX)));
        assert_eq!(Name::new("Скидка").unwrap().folded(), "скидка");
    }
}
