//! The limit on open files, which limits the connections too.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that the program needs besides connections: the store, the log, the listeners, receivers of events.
const OWN_FILES: u64 = 448;

/// Raises the limit as far as the system allows, and warns if it is too low for `connections`.
pub(crate) fn allow(connections: usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let needed = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OWN_FILES);
    // `None` means no limit.
    if let Some(current) = current.filter(|current| *current < needed) {
        tracing::warn!(
            "the system allows {current} open files, and {connections} connections need {needed}: \
             raise the limit (ulimit -n, LimitNOFILE=) or lower --max-connections"
        );
    }
}
