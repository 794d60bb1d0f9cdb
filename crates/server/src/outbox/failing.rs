//! Log lines about receivers: one when a receiver begins to fail, one when it works again.

use std::collections::HashSet;

use billhook_store::AccountId;

use super::target::Target;

/// How many failing receivers are remembered. Of more, not all are reported.
const REMEMBERED_MAX: usize = 10_000;

/// The receivers that fail.
#[derive(Debug, Default)]
pub(super) struct Failing(HashSet<(AccountId, i64, String)>);

impl Failing {
    /// Notes how a try ended; `reason` is empty if it was well.
    pub(super) fn note(&mut self, account: AccountId, endpoint: i64, target: &Target, reason: &str) {
        let url = target.shown();
        let receiver = (account, endpoint, url.clone());
        let account = account.0;
        if reason.is_empty() {
            if self.0.remove(&receiver) {
                tracing::info!(account, endpoint, url, "a receiver of events works again");
            }
        } else if self.0.len() < REMEMBERED_MAX && self.0.insert(receiver) {
            tracing::warn!(account, endpoint, url, reason, "a receiver of events fails");
        }
    }
}
