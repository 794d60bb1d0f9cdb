//! What a method's function is given beside its parameters.

use billhook_store::{AccountId, Tx, settings::Settings};

/// The call that a method's function answers.
pub(crate) struct Cx<'a, 'tx> {
    /// The transaction, of the kind that [`Method::ACCESS`](billhook_wire::Method::ACCESS) asks for.
    pub(crate) tx: &'a mut Tx<'tx>,
    /// Whose data it may touch.
    pub(crate) account: AccountId,
    /// What that account has set.
    pub(crate) settings: &'a Settings,
}
