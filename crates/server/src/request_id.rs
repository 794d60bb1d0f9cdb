//! The identifier of a request: on its answer, and on each line that the log has about it.

/// A new identifier: 16 hex digits of chance, so that nobody learns from those he gets how many calls there were.
pub(crate) fn new() -> String {
    format!("{:016x}", rand::random::<u64>())
}
