//! An order's payment status (section 12, decisions 15 and 51).

use serde::{Deserialize, Serialize};

/// An order's payment status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum PayStatus {
    /// Waiting for payment.
    #[default]
    Waiting,
    /// Paid in full.
    Paid,
    /// Cancelled.
    Cancel,
    /// Paid, and then refunded.
    Return,
}

impl PayStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Paid, Self::Cancel, Self::Return];

    /// The protocol's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Paid => "paid",
            Self::Cancel => "cancel",
            Self::Return => "return",
        }
    }

    /// The status with this word; letter case matters.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

impl std::fmt::Display for PayStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for status in PayStatus::ALL {
            assert_eq!(PayStatus::parse(status.as_str()), Some(status));
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{status}\""));
        }
        assert_eq!(PayStatus::parse("Paid"), None);
    }
}
