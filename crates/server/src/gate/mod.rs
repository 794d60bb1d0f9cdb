//! Who is asked, who asks, and whether they may.

pub(crate) mod accounts;
pub(crate) mod caller;
pub(crate) mod host;
pub(crate) mod limiter;
