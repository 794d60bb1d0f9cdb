//! What a method's function is given beside its parameters.

use billhook_store::{
    AccountId, Tx,
    list_pages::{Page, Wanted},
    settings::Settings,
};
use billhook_wire::{
    Code, Method,
    method::{Limit, Paged},
};

use crate::failure::Failure;

/// A method's function. It takes its parameters by reference because a write may run twice.
pub(crate) type Function<M> = fn(&mut Context<'_, '_>, &M) -> Result<<M as Method>::Answer, Failure>;

/// The call that a method's function answers.
pub(crate) struct Context<'a, 'tx> {
    /// The transaction, of the kind that [`Method::ACCESS`](billhook_wire::Method::ACCESS) asks for.
    pub(crate) tx: &'a mut Tx<'tx>,
    /// Whose data it may touch.
    pub(crate) account: AccountId,
    /// What that account has set.
    pub(crate) settings: &'a Settings,
    /// When the call came, unix seconds: the same in each run of a body.
    pub(crate) now: i64,
    /// Whether its links lead to HTTPS where the account does not say it (decision 47).
    pub(crate) is_https: bool,
    /// The request's id, for the log.
    pub(crate) request_id: &'a str,
    /// What the answer's headers tell, if it is a page of a list.
    pub(crate) paged: Option<Paged>,
}

impl Context<'_, '_> {
    /// The refusal of a parameter that is of its kind and yet can't be; the log says which one it was, and why.
    pub(crate) fn wrong(&self, field: &'static str, reason: &'static str) -> Failure {
        tracing::debug!(request = self.request_id, field, reason, "a parameter is wrong");
        Code::WRONG_DATA.into()
    }

    /// Takes what stands on a page; the answer's headers will tell the rest.
    pub(crate) fn taken<T>(&mut self, page: Page<T>) -> T {
        self.paged = Some(Paged { next: page.next, total: page.total });
        page.items
    }
}

/// The page of a list that a call asks for; none: it asks for all.
pub(crate) fn wanted(limit: Option<Limit>, after: Option<i64>) -> Option<Wanted> {
    (limit.is_some() || after.is_some())
        .then(|| Wanted { after: after.unwrap_or(0), most: limit.unwrap_or(Limit::MAX).get() })
}
