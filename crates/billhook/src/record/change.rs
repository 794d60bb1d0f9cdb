//! What an import does to the store.

/// The effect of an entry on the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Added,
    Changed,
    Same,
}

impl Change {
    pub(super) fn from<T: PartialEq>(stored: Option<&T>, new: &T) -> Self {
        match stored {
            None => Self::Added,
            Some(stored) if stored == new => Self::Same,
            Some(_) => Self::Changed,
        }
    }
}
