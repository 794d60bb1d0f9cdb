//! The context of a method's function.

use std::net::IpAddr;

use billhook_store::{
    AccountId, Tx,
    accounts::settings::Settings,
    list_pages::{Page, Wanted},
};
use billhook_wire::{
    Code, Method,
    method::{Limit, Paged},
};

use crate::failure::Failure;

/// A method's function. It takes the parameters by reference because a write may run twice.
pub(crate) type Function<M> = fn(&mut Context<'_, '_>, &M) -> Result<<M as Method>::Answer, Failure>;

/// The call in progress.
pub(crate) struct Context<'a, 'tx> {
    /// The transaction, of the kind that [`Method::ACCESS`](billhook_wire::Method::ACCESS) declares.
    pub(crate) tx: &'a mut Tx<'tx>,
    /// The account whose data the method may access.
    pub(crate) account: AccountId,
    pub(crate) settings: &'a Settings,
    /// The time of the call in unix seconds, the same in each run of a body.
    pub(crate) now: i64,
    /// Whether links use HTTPS if the account has no setting for it (decision 47).
    pub(crate) is_https: bool,
    /// The address that calls; `None` where the order came otherwise.
    pub(crate) caller: Option<IpAddr>,
    /// The hosts that are bound to the account.
    pub(crate) domains: &'a [String],
    pub(crate) request_id: &'a str,
    /// Paging data for the answer's headers.
    pub(crate) paged: Option<Paged>,
}

impl Context<'_, '_> {
    /// The refusal of a valid parameter with an impossible value. The log gets its name and the reason.
    pub(crate) fn wrong(&self, field: &'static str, reason: &'static str) -> Failure {
        tracing::debug!(request = self.request_id, field, reason, "a parameter is wrong");
        Code::WRONG_DATA.into()
    }

    /// Returns a page's entries, and keeps its paging data for the headers.
    pub(crate) fn taken<T>(&mut self, page: Page<T>) -> T {
        self.paged = Some(Paged { next: page.next, total: page.total });
        page.items
    }
}

/// The requested page of a list; `None` is the whole list.
pub(crate) fn wanted(limit: Option<Limit>, after: Option<i64>) -> Option<Wanted> {
    (limit.is_some() || after.is_some())
        .then(|| Wanted { after: after.unwrap_or(0), most: limit.unwrap_or(Limit::MAX).get() })
}
