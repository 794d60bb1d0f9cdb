//! Lists in pages: parameters and headers of Billhook, which the original service does not have.

use serde::{Deserialize, Deserializer, Serialize, de};

use super::Access;

/// The maximum number of items of a page.
pub const LIMIT_MAX: u32 = 10_000;

/// The header with the last number of a page, if more items follow.
pub const NEXT_HEADER: &str = "billhook-next";
/// The header with the number of items on all pages.
pub const TOTAL_HEADER: &str = "billhook-total";

/// The maximum number of items of a page: 1 to [`LIMIT_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Limit(u32);

impl Limit {
    /// The longest page.
    pub const MAX: Self = Self(LIMIT_MAX);

    /// Makes a limit; `None` if the number is out of range.
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

/// The headers of an answer with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paged {
    /// The last number of the page, if more follow: the `after` of the next call.
    pub next: Option<i64>,
    /// The number of items on all pages.
    pub total: u64,
}

/// The transaction for a list that one statement reads. A page also needs the count.
pub(super) fn access(limit: Option<Limit>, after: Option<i64>) -> Access {
    if limit.is_none() && after.is_none() { Access::ReadOne } else { Access::Read }
}

schema!(Limit, { "type": "integer", "minimum": 1, "maximum": LIMIT_MAX });
