//! Lists a page at a time: parameters and headers of ours, which nobody else sends or reads.

use serde::{Deserialize, Deserializer, Serialize, de};

use super::Access;

/// The most items that a page holds.
pub const LIMIT_MAX: u32 = 10_000;

/// The header that names the last number on a page, while more follow.
pub const NEXT_HEADER: &str = "billhook-next";
/// The header that tells how many items there are on all pages.
pub const TOTAL_HEADER: &str = "billhook-total";

/// How many items a page holds at most: 1 to [`LIMIT_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Limit(u32);

impl Limit {
    /// The longest page.
    pub const MAX: Self = Self(LIMIT_MAX);

    /// Takes a number; none if no page holds so many, or so few.
    pub fn new(items: u32) -> Option<Self> {
        (1..=LIMIT_MAX).contains(&items).then_some(Self(items))
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(u32::deserialize(deserializer)?).ok_or_else(|| de::Error::custom("not from 1 to 10000"))
    }
}

/// What an answer with a page tells in its headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paged {
    /// The last number on the page, if more follow: what the next call sends as `after`.
    pub next: Option<i64>,
    /// How many items there are on all pages.
    pub total: u64,
}

/// The transaction that a list needs which one statement reads, unless a page of it is wanted: that has to be counted as well.
pub(super) fn access(limit: Option<Limit>, after: Option<i64>) -> Access {
    if limit.is_none() && after.is_none() { Access::ReadOne } else { Access::Read }
}

schema!(Limit, { "type": "integer", "minimum": 1, "maximum": LIMIT_MAX });
